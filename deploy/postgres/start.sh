#!/bin/sh
# Starts Patroni, which starts PostgreSQL.
#
# Whichever member comes first makes a new cluster and leads it. The naive twin knows one address, the first member's:
# so where there is no data yet the others leave that one the first half minute. Later starts have no such order.
set -eu
first=10.88.0.51
if [ ! -s /var/lib/postgresql/data/cluster/PG_VERSION ] && [ "$PATRONI_NAME" != postgres1 ]; then
  i=0
  until pg_isready -q -t 1 -h "$first" -U blog -d blog || [ "$i" -ge 60 ]; do i=$((i + 1)); sleep 0.5; done
fi
[ -s /run/secrets/patroni.yml ] || { echo 'no /run/secrets/patroni.yml yet: the service secrets makes it' >&2; exit 1; }
exec patroni /etc/patroni
