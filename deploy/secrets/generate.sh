#!/bin/sh
# Makes the passwords of docker-compose.yml once, and writes them where their users read them. Run again it changes
# nothing: a password that is there is kept. Nothing of this is in an image, an environment or the build context.
set -eu
umask 077

# place FILE OWNER TEXT: the file is there whole or not at all, and only its owner reads it.
place() {
  rm -f "$1.new"
  printf '%s\n' "$3" >"$1.new"
  chmod 400 "$1.new"
  chown "$2" "$1.new"
  mv "$1.new" "$1"
}

# password NAME: 192 random bits, in hexadecimal, which needs no quoting in URLs, SQL or redis.conf.
password() {
  [ -s "/secrets/$1" ] || place "/secrets/$1" root "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
  cat "/secrets/$1"
}

postgres=$(password postgres-password)
redis=$(password redis-password)

# What has a meaning besides is derived from them each time. All this stays on one machine's internal network: no TLS.
place /secrets/database-url "$BLOG_UID" "postgres://blog:$postgres@postgres:5432/blog?sslmode=disable"
place /secrets/redis-url "$BLOG_UID" "redis://:$redis@redis:6379/0"
place /secrets/redis.conf "$REDIS_UID" "requirepass $redis"

# The blog is no superuser: it owns its database, and that is all. The image runs this when it makes the cluster.
place /postgres-init/blog.sql postgres "create role blog login password '$postgres'; create database blog owner blog;"

# A new volume belongs to root.
chown "$REDIS_UID" /redis
