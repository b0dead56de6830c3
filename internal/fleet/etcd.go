package fleet

import (
	"context"
	"net/http"
)

// etcdStatus is what POST /v3/maintenance/status tells of a member, from its
// own memory: https://etcd.io/docs/v3.5/dev-guide/api_grpc_gateway/. GET
// /health would wait for a quorum, and where there is none, time out as if the
// member were dead. Numbers of 64 bits are strings there.
type etcdStatus struct {
	Header struct {
		Member string `json:"member_id"`
	} `json:"header"`
	Leader string   `json:"leader"` // absent: it knows of none
	Errors []string `json:"errors"` // such as alarms
}

func etcdProbe(client *http.Client, base string) probe {
	return func(ctx context.Context) sight {
		var e etcdStatus
		if err := askJSON(ctx, client, http.MethodPost, base+"/v3/maintenance/status", []byte("{}"), &e); err != nil {
			return down(err)
		}
		return e.sight()
	}
}

func (e etcdStatus) sight() sight {
	switch {
	case e.Header.Member == "":
		return sight{state: Ailing, saw: errOdd.Error()}
	case e.Leader == "" || e.Leader == "0":
		return sight{state: Ailing, saw: "knows no leader"}
	}
	s := sight{state: Up, role: Follower, quorum: true}
	if e.Leader == e.Header.Member {
		s.role = Leader
	}
	if len(e.Errors) > 0 {
		s.state, s.saw = Ailing, e.Errors[0]
	}
	return s
}
