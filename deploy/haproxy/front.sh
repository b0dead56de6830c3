#!/bin/sh
# Starts a front in the network namespace of the container `front`, which holds the published port. When that one is
# started again it has a new namespace, while this one would go on listening in the old, where nobody calls any more. So a
# front whose network is gone ends, and Docker starts it again, in the new one. But not before there is a new one: Docker
# gives a container up whose network's holder is down. The holder says so itself, by a word that differs at each start.
#
# It looks once a second, for ever, so it looks with what the shell has built in: a process costs milliseconds.
set -eu

holder() { now=; [ -r /run/front/started ] && read -r now </run/front/started || true; }

connected() {
  for device in /sys/class/net/*; do
    [ "$device" = /sys/class/net/lo ] || return 0
  done
  return 1
}

haproxy -db -f /usr/local/etc/haproxy/haproxy.cfg &
proxy=$!
trap 'kill -USR1 "$proxy"' USR1 TERM
holder
mine=$now
while kill -0 "$proxy" 2>/dev/null; do
  holder # before the look at the network, or the next holder's word could be taken for the present one's
  if connected; then
    mine=$now
  elif [ "$now" != "$mine" ]; then
    echo 'the network was given up for another; starting again in that one' >&2
    kill -KILL "$proxy"
    exit 1
  fi
  sleep 1 &
  wait "$!" || true # a signal is heard at once
done
wait "$proxy"
