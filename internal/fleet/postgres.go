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
	State    string `json:"state"` // of PostgreSQL: running, starting, stopped, …
	Role     string `json:"role"`  // primary (master before Patroni 4), replica, standby_leader
	Timeline int    `json:"timeline"`
	Pause    bool   `json:"pause"`
	XLog     struct {
		Location int64 `json:"location"`          // of a leader
		Received int64 `json:"received_location"` // of a standby; 0: none yet
		Replayed int64 `json:"replayed_location"`
	} `json:"xlog"`
	Replication []struct {
		Name string `json:"application_name"` // the member's name
		Sync string `json:"sync_state"`       // sync, quorum, potential or async
	} `json:"replication"`
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
	s := sight{state: Up, timeline: p.Timeline, paused: p.Pause, standbys: map[string]bool{}}
	if p.State != "running" && p.State != "streaming" {
		s.state, s.saw = Ailing, "Patroni answers; its PostgreSQL is "+orUnknown(p.State)
		return s
	}
	switch p.Role {
	case "primary", "master", "leader":
		s.role, s.at = Leader, p.XLog.Location
		for _, r := range p.Replication {
			s.standbys[r.Name] = r.Sync == "sync" || r.Sync == "quorum"
		}
	default: // readers see what was replayed; what was only received can't get lost, but can't be read either
		s.role, s.at = Replica, p.XLog.Replayed
	}
	return s
}

func orUnknown(word string) string {
	if word == "" {
		return "in a state that it does not tell"
	}
	return word
}
