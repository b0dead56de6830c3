package experiments

import "errors"

// errNoPostgres is that of an experiment whose rig has none.
var errNoPostgres = errors.New("this machine has no Postgres: start the blog with DATABASE_URL set, or let it start its own")
