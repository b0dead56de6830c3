#!/bin/sh
# Tests the edge's configuration in the image that the fleet runs: real Varnish, made-up balancers (*.vtc).
# With a name, such as purge, only that test.
set -eu
cd "$(dirname "$0")"
exec docker run --rm --network none --read-only --tmpfs /tmp:exec --volume "$PWD:/edge:ro" --workdir /tmp \
  --entrypoint /bin/sh varnish:stable -euc 'varnishd -C -f /edge/default.vcl >/tmp/compiled 2>&1 || { cat /tmp/compiled; exit 1; }
varnishtest -j 2 /edge/'"${1:-*}"'.vtc'
