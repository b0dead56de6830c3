#!/bin/sh
# Starts a front in the network namespace of the container `front`, which holds the published port. When that one is
# restarted it has a new namespace, while this one would go on listening in the old, where nobody calls any more. So a
# front whose network is gone ends after a moment, and Docker starts it again, in the new one.
set -eu
haproxy -db -f /usr/local/etc/haproxy/haproxy.cfg &
proxy=$!
trap 'kill -USR1 "$proxy"' USR1 TERM
while kill -0 "$proxy" 2>/dev/null; do
  if [ -z "$(ls /sys/class/net | grep -v '^lo$')" ]; then
    echo 'the network is gone; starting again' >&2
    sleep 3 # until the namespace's holder is back
    kill -KILL "$proxy"
    exit 1
  fi
  sleep 1 &
  wait "$!" || true # a signal is heard at once
done
wait "$proxy"
