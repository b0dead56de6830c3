package fleet

import (
	"context"
	"net/http"
)

// patroni is what GET /patroni tells of a member: Patroni's REST API,
// https://patroni.readthedocs.io/en/latest/rest_api.html. It comes from the
// member's own memory and its own PostgreSQL, so it goes on without etcd,
// which GET /cluster would ask.
type patroni struct {
	State    string `json:"state"`    // of PostgreSQL: running, starting, stopped, …
	Role     string `json:"role"`     // primary (master before Patroni 4), replica, standby_leader
	Timeline int    `json:"timeline"` // of a leader; standbys say null
	Pause    bool   `json:"pause"`
	XLog     struct {
		Location int64 `json:"location"`          // of a leader
		Replayed int64 `json:"replayed_location"` // of a standby
	} `json:"xlog"`
	Sync   bool `json:"sync_standby"`   // commits wait for this one
	Quorum bool `json:"quorum_standby"` // commits wait for this one or another
}

func patroniProbe(client *http.Client, base string) probe {
	return func(ctx context.Context) sight {
		var p patroni
		if err := askJSON(ctx, client, http.MethodGet, base+"/patroni", nil, &p); err != nil {
			return down(err)
		}
		return p.sight()
	}
}

func (p patroni) sight() sight {
	s := sight{state: Up, timeline: p.Timeline, paused: p.Pause}
	if p.State != "running" && p.State != "streaming" {
		s.state, s.saw = Ailing, "Patroni answers; its PostgreSQL is "+orUnknown(p.State)
		return s
	}
	switch p.Role {
	case "primary", "master", "leader":
		s.role, s.at = Leader, p.XLog.Location
	default: // readers see what was replayed; what was only received can't get lost, but can't be read either
		s.role, s.at = Replica, p.XLog.Replayed
		if p.Sync || p.Quorum {
			s.role = SyncStandby
		}
	}
	return s
}

func orUnknown(word string) string {
	if word == "" {
		return "in a state that it does not tell"
	}
	return word
}
