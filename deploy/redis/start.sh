#!/bin/sh
# start.sh redis ADDRESS | start.sh sentinel: starts one, on a configuration of its own that it may rewrite.
set -eu
umask 077
need() { [ -s "$1" ] || { echo "no $1 yet: the service secrets makes it" >&2; exit 1; }; }

# asked prints the address that most Sentinels hold for the primary, of those that answer within a second.
asked() {
  REDISCLI_AUTH=$(sed -n 's/^requirepass //p' /run/secrets/sentinel.conf)
  export REDISCLI_AUTH
  for sentinel in 10.88.0.81 10.88.0.82 10.88.0.83; do
    timeout 1 redis-cli -h "$sentinel" -p 26379 sentinel get-master-addr-by-name afloat 2>/dev/null | head -n 1 &
  done | grep -E '^10\.88\.0\.[0-9]+$' | sort | uniq -c | sort -rn | sed -n '1s/.* //p'
}

# primary prints who leads. A Redis that led and was killed must not come back as a second primary, whose writes would
# be thrown away: so the Sentinels are asked first. If none of them runs, it is as it was when this one ran last.
primary() {
  for _ in 1 2 3 4 5; do
    found=$(asked)
    [ -z "$found" ] || { echo "$found"; return; }
    sleep 0.5
  done
  [ -e /data/redis.conf ] || { echo 10.88.0.71; return; }
  found=$(sed -n 's/^replicaof \(.*\) .*/\1/p' /data/redis.conf) # Sentinel has Redis write this down at each change
  echo "${found:-$1}"
}

need /run/secrets/sentinel.conf
case $1 in
  redis)
    leader=$(primary "$2")
    {
      cat /etc/redis/redis.conf /run/secrets/redis.conf
      [ "$leader" = "$2" ] || echo "replicaof $leader 6379"
    } >/data/redis.conf.new
    mv /data/redis.conf.new /data/redis.conf
    exec redis-server /data/redis.conf
    ;;
  sentinel)
    [ -s /data/sentinel.conf ] || {
      cat /etc/redis/sentinel.conf /run/secrets/sentinel.conf >/data/sentinel.conf.new
      mv /data/sentinel.conf.new /data/sentinel.conf
    }
    exec redis-server /data/sentinel.conf --sentinel
    ;;
esac
