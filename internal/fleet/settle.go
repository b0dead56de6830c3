package fleet

import "net"

// Each node speaks for itself, and after a failover some speak of the past: a
// leader that was paused still takes itself for one. What all of a kind say
// together settles that.

// settle gives the nodes of a kind the roles that follow from what all of them
// said last; w.mu is held.
func (w *Watcher) settle(kind Kind) {
	switch kind {
	case Postgres:
		w.settlePostgres()
	case Redis, Sentinel:
		w.settleRedis()
	}
}

// settlePostgres: of several leaders the one on the highest timeline leads.
func (w *Watcher) settlePostgres() {
	leader := -1
	for i := range w.nodes {
		if w.is(i, Postgres, Leader) && (leader < 0 || w.sights[i].timeline > w.sights[leader].timeline) {
			leader = i
		}
	}
	for i := range w.nodes {
		s := &w.nodes[i]
		if w.is(i, Postgres, Leader) {
			s.State, s.Saw, s.Role = w.sights[i].state, w.sights[i].saw, Leader
			if i != leader {
				s.State, s.Saw, s.Role = Ailing, "takes itself for the leader, on an older timeline", Replica
			}
		}
	}
}

// settleRedis: the primary is whom most Sentinels name. Where they name nobody
// that answers, it is who says so.
func (w *Watcher) settleRedis() {
	votes := map[string]int{}
	for i, s := range w.nodes {
		if s.Kind == Sentinel && w.sights[i].state != Down && w.sights[i].primary != "" {
			votes[w.nameOf(w.sights[i].primary)]++
		}
	}
	named := ""
	for name, n := range votes {
		if n > votes[named] {
			named = name
		}
	}
	trusted := -1
	for i, s := range w.nodes {
		if w.is(i, Redis, Primary) && s.Name == named {
			trusted = i
		}
	}
	for i := range w.nodes {
		if s := &w.nodes[i]; w.is(i, Redis, Primary) {
			s.State, s.Saw, s.Role = w.sights[i].state, w.sights[i].saw, Primary
			if trusted >= 0 && i != trusted {
				s.State, s.Saw, s.Role = Ailing, "takes itself for the primary, and Sentinel names another", Replica
			}
		}
	}
}

// is reports whether a node answers, and says that it has this role.
func (w *Watcher) is(i int, kind Kind, role Role) bool {
	seen := w.sights[i]
	return w.nodes[i].Kind == kind && seen.role == role && (seen.state == Up || seen.state == Ailing)
}

// nameOf is the Redis at this address, else the address.
func (w *Watcher) nameOf(addr string) string {
	for _, s := range w.nodes {
		if s.Kind == Redis && addr != "" && addr == hostPort(s.At) {
			return s.Name
		}
	}
	return addr
}

func hostPort(at string) string {
	u, err := parse(at)
	if err != nil {
		return ""
	}
	return net.JoinHostPort(u.Hostname(), u.Port())
}
