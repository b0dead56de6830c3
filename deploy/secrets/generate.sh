#!/bin/sh
# Makes the passwords of docker-compose.yml once, and writes them where their users read them. Run again it changes
# nothing: a password that is there is kept. Nothing of this is in an image, an environment or the build context.
set -eu
umask 077

# place FILE OWNER, with the text on standard input: the file is there whole or not at all, and only its owner reads it.
place() {
  rm -f "/secrets/$1.new"
  cat >"/secrets/$1.new"
  chmod 400 "/secrets/$1.new"
  chown "$2" "/secrets/$1.new"
  mv "/secrets/$1.new" "/secrets/$1"
}

# password NAME: 192 random bits, in hexadecimal, which needs no quoting in URLs, SQL, YAML or redis.conf.
password() {
  [ -s "/secrets/$1-password" ] || od -An -N24 -tx1 /dev/urandom | tr -d ' \n' | place "$1-password" root
  cat "/secrets/$1-password"
}

superuser=$(password postgres-superuser)
replication=$(password postgres-replication)
rewind=$(password postgres-rewind)
blog=$(password postgres-blog)
twin=$(password postgres-twin)
patroni=$(password patroni)
redis=$(password redis)
sentinel=$(password sentinel)

# What has a meaning besides is derived from them each time. All this stays on one machine's internal network: no TLS.
place patroni.yml postgres <<END
postgresql:
  authentication:
    superuser: {username: postgres, password: $superuser}
    replication: {username: replicator, password: $replication}
    rewind: {username: rewind, password: $rewind}
restapi: {authentication: {username: patroni, password: $patroni}}
END
# The blog is no superuser: it owns its database, and that is all. The twin may do there what the blog may.
place roles.sql postgres <<END
create role blog login password '$blog';
create role twin login password '$twin' in role blog;
create database blog owner blog;
END

place redis.conf "$REDIS_UID" <<END
requirepass $redis
masterauth $redis
END
place sentinel.conf "$REDIS_UID" <<END
requirepass $sentinel
sentinel auth-pass afloat $redis
END

# The blog knows every member and finds out who leads. The twin knows those who led first.
place database-url "$BLOG_UID" <<END
postgres://blog:$blog@10.88.0.51:5432,10.88.0.52:5432,10.88.0.53:5432/blog?sslmode=disable
END
place redis-url "$BLOG_UID" <<END
redis://:$sentinel@10.88.0.81:26379/0?addr=10.88.0.82:26379&addr=10.88.0.83:26379&master_name=afloat&password=$redis
END
place twin-database-url "$BLOG_UID" <<END
postgres://twin:$twin@10.88.0.51:5432/blog?sslmode=disable
END
place twin-redis-url "$BLOG_UID" <<END
redis://:$redis@10.88.0.71:6379/0
END

# A new volume belongs to root. (PostgreSQL's and the blog's take their owners from their images.)
chown "$ETCD_UID" /volumes/etcd?
chown "$REDIS_UID" /volumes/redis? /volumes/sentinel?
