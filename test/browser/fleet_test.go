package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestFleet: the map of the fleet is live, can be read by everyone, and fits a phone.
func TestFleet(t *testing.T) {
	var failedOver atomic.Bool
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leads := `{"state":"running","role":"primary","timeline":3,"xlog":{"location":70000}}`
		follows := `{"state":"running","role":"replica","quorum_standby":true,"xlog":{"replayed_location":22000}}`
		switch {
		case r.URL.Path == "/one/patroni" && failedOver.Load():
			fmt.Fprint(w, `{"state":"starting","role":"replica"}`)
		case r.URL.Path == "/one/patroni", r.URL.Path == "/two/patroni" && failedOver.Load():
			fmt.Fprint(w, leads)
		case r.URL.Path == "/two/patroni":
			fmt.Fprint(w, follows)
		}
	}))
	defer node.Close()
	file := filepath.Join(t.TempDir(), "fleet.json")
	text := strings.ReplaceAll(`{"nodes":[
		{"name":"front1","kind":"front","at":"NODE"},{"name":"edge1","kind":"edge","at":"NODE"},{"name":"balancer1","kind":"balancer","at":"http://127.0.0.1:1"},
		{"name":"blog1","kind":"server","at":"NODE"},{"name":"recommendations1","kind":"recommendations","at":"NODE"},{"name":"recommendations2","kind":"recommendations","at":"NODE"},
		{"name":"postgres1","kind":"postgres","at":"NODE/one"},{"name":"postgres2","kind":"postgres","at":"NODE/two"}]}`, "NODE", node.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b := startBlog(t, "NODE=blog1", "FLEET_FILE="+file)
	tab := b.open()
	for _, path := range []string{"/lab/fleet", "/lab"} {
		tab.visit(path)
		tab.wait("the page is live", "document.querySelector('[data-lab-tools] button')")
		tab.wait("Postgres has a leader", "document.querySelector('main').innerText.includes('postgres1 leads, 1 sync standby')")
		tab.looks(func(look string) { tab.accessible(path + ", " + look) })
		tab.size(320, 640)
		if width := eval[int](tab, "document.scrollingElement.scrollWidth"); width > 320 {
			t.Errorf("%s is %d pixels wide on a phone of 320: %v", path, width, eval[[]string](tab, widest))
		}
	}
	tab.visit("/lab/fleet")
	eval[bool](tab, "window.__same = true")
	failedOver.Store(true)
	tab.wait("the map shows the failover", "document.querySelector('#fleet-map').innerText.includes('postgres2 leads; postgres1 is ailing')")
	if !eval[bool](tab, "window.__same") {
		t.Error("the page was loaded anew")
	}
}
