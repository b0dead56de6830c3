package fleet

import (
	"encoding/json"
	"testing"
)

// TestPatroni reads answers of Patroni 4.0's GET /patroni.
func TestPatroni(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		want   sight
	}{
		"leader": {
			`{"state":"running","role":"primary","server_version":170012,"xlog":{"location":68025312},"timeline":3,
			"replication":[{"application_name":"postgres3","state":"streaming","sync_state":"quorum"}],"patroni":{"version":"4.0.7","scope":"afloat","name":"postgres1"}}`,
			sight{state: Up, role: Leader, at: 68025312, timeline: 3},
		},
		"leader before Patroni 4":     {`{"state":"running","role":"master","xlog":{"location":7},"timeline":1}`, sight{state: Up, role: Leader, at: 7, timeline: 1}},
		"leader without lock, paused": {`{"state":"running","role":"primary","xlog":{"location":7},"timeline":1,"pause":true}`, sight{state: Up, role: Leader, at: 7, timeline: 1, paused: true}},
		"quorum standby": {
			`{"state":"running","role":"replica","xlog":{"received_location":68025400,"replayed_location":68025312,"replayed_timestamp":"2026-11-24 18:04:13.876595+00:00","paused":false},
			"quorum_standby":true,"timeline":null,"replication_state":"streaming"}`,
			sight{state: Up, role: SyncStandby, at: 68025312},
		},
		"sync standby": {`{"state":"running","role":"replica","xlog":{"replayed_location":5},"sync_standby":true}`, sight{state: Up, role: SyncStandby, at: 5}},
		"replica":      {`{"state":"running","role":"replica","xlog":{"replayed_location":5}}`, sight{state: Up, role: Replica, at: 5}},
		"starting":     {`{"state":"starting","role":"replica"}`, sight{state: Ailing, saw: "Patroni answers; its PostgreSQL is starting"}},
		"odd":          {`{}`, sight{state: Ailing, saw: "Patroni answers; its PostgreSQL is in a state that it does not tell"}},
	} {
		var p patroni
		if err := json.Unmarshal([]byte(test.answer), &p); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := p.sight(); got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
}

// TestEtcd reads answers of etcd 3.5's POST /v3/maintenance/status.
func TestEtcd(t *testing.T) {
	for answer, want := range map[string]sight{
		`{"header":{"member_id":"1404957968908372663"},"version":"3.5.16","leader":"1404957968908372663","raftTerm":"2"}`: {state: Up, role: Leader, quorum: true},
		`{"header":{"member_id":"22"},"leader":"1404957968908372663"}`:                                                    {state: Up, role: Follower, quorum: true},
		`{"header":{"member_id":"22"},"raftTerm":"9"}`:                                                                    {state: Ailing, saw: "knows no leader"},
		`{"header":{"member_id":"22"},"leader":"0"}`:                                                                      {state: Ailing, saw: "knows no leader"},
		`{"header":{"member_id":"22"},"leader":"22","errors":["NOSPACE"]}`:                                                {state: Ailing, saw: "NOSPACE", role: Leader, quorum: true},
		`{"error":"not found"}`: {state: Ailing, saw: "an answer that is not understood"},
	} {
		var e etcdStatus
		if err := json.Unmarshal([]byte(answer), &e); err != nil {
			t.Errorf("%s: %v", answer, err)
		} else if got := e.sight(); got != want {
			t.Errorf("%s: got %+v, want %+v", answer, got, want)
		}
	}
}

func TestReplication(t *testing.T) {
	for info, want := range map[string]sight{
		"# Replication\r\nrole:master\r\nconnected_slaves:2\r\nslave0:ip=10.88.0.72,port=6379,state=online,offset=900,lag=0\r\nmaster_repl_offset:913\r\n": {state: Up, role: Primary, at: 913},
		"role:slave\r\nmaster_host:10.88.0.71\r\nmaster_link_status:up\r\nslave_repl_offset:900\r\nmaster_repl_offset:900\r\n":                             {state: Up, role: Replica, at: 900},
		"role:slave\r\nmaster_link_status:down\r\nslave_repl_offset:900\r\n":                                                                               {state: Ailing, saw: "its link to the primary is down", role: Replica, at: 900},
		"": {state: Ailing, saw: "an answer that is not understood"},
	} {
		if got := replication(info); got != want {
			t.Errorf("%q: got %+v, want %+v", info, got, want)
		}
	}
}

func TestReadAccess(t *testing.T) {
	got, err := ReadAccess("redis://:of-sentinel@10.88.0.81:26379/0?addr=10.88.0.82:26379&master_name=afloat&password=of-redis")
	if want := (Access{Password: "of-redis", SentinelPassword: "of-sentinel", Primary: "afloat"}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for _, plain := range []string{"", "redis://:pw@cache:6379", "unix:///run/redis.sock"} {
		if got, err := ReadAccess(plain); err != nil || got != (Access{}) {
			t.Errorf("%q: got %+v, %v", plain, got, err)
		}
	}
	if _, err := ReadAccess("http://cache?master_name=afloat"); err == nil {
		t.Error("no error")
	}
}
