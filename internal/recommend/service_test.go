package recommend

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func call(h http.Handler, method, target, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
	return w
}

func newHandler(t *testing.T, docs []Doc) http.Handler {
	t.Helper()
	h := NewService(slog.New(slog.DiscardHandler)).Handler()
	body, err := json.Marshal(docs)
	if err != nil {
		t.Fatal(err)
	}
	if w := call(h, "PUT", "/documents", string(body)); w.Code != http.StatusOK {
		t.Fatalf("PUT /documents: %d %s", w.Code, w.Body)
	}
	return h
}

func TestHandler(t *testing.T) {
	h := newHandler(t, posts)
	tests := map[string]struct {
		method, target, body string
		status               int
		want                 string // part of the body
	}{
		"similar":         {"GET", "/similar/retries?n=1", "", 200, `{"similar":[{"slug":"jitter","title":"Why randomness","score":0.`},
		"none similar":    {"GET", "/similar/alone", "", 200, `{"similar":[],"slug":"alone"}`},
		"unknown post":    {"GET", "/similar/unknown", "", 404, `"status":404`},
		"n no number":     {"GET", "/similar/retries?n=many", "", 400, "from 1 to 20"},
		"n too small":     {"GET", "/similar/retries?n=0", "", 400, "from 1 to 20"},
		"n too large":     {"GET", "/similar/retries?n=21", "", 400, "from 1 to 20"},
		"health":          {"GET", "/healthz", "", 200, `{"documents":5,"version":0}`},
		"bad version":     {"PUT", "/documents?version=new", "[]", 400, "version must be a number"},
		"no JSON":         {"PUT", "/documents", "x", 400, "JSON list of documents"},
		"no list":         {"PUT", "/documents", `{"slug":"a"}`, 400, "JSON list of documents"},
		"cut short":       {"PUT", "/documents", `[{"slug":"a"}`, 400, "unexpected EOF"},
		"reading a write": {"GET", "/documents", "", 405, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := call(h, tt.method, tt.target, tt.body)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
				t.Errorf("%d %s; want %d and %s", w.Code, w.Body, tt.status, tt.want)
			}
			wantType := map[int]string{200: "application/json", 400: "application/problem+json", 404: "application/problem+json", 405: ""}[tt.status]
			if got := w.Header().Get("Content-Type"); got != wantType {
				t.Errorf("Content-Type %q, want %q", got, wantType)
			}
		})
	}
	if w := call(h, "GET", "/healthz", ""); !strings.Contains(w.Body.String(), `"documents":5`) {
		t.Errorf("a refused PUT changed the index: %s", w.Body)
	}
}

func TestDefaultNumberOfSuggestions(t *testing.T) {
	docs := make([]Doc, 9)
	for i := range docs {
		docs[i] = Doc{Slug: fmt.Sprint(i), Text: "jitter"}
	}
	w := call(newHandler(t, docs), "GET", "/similar/0", "")
	if got := strings.Count(w.Body.String(), `"score"`); got != 3 {
		t.Errorf("%d suggestions, want 3: %s", got, w.Body)
	}
}

func TestReplace(t *testing.T) {
	h := newHandler(t, posts)
	if w := call(h, "PUT", "/documents?version=7", `[{"slug":"new"},{"slug":"new","title":"Again"}]`); w.Code != 200 || !strings.Contains(w.Body.String(), `{"documents":1,"version":7}`) {
		t.Errorf("PUT: %d %s", w.Code, w.Body)
	}
	for slug, want := range map[string]int{"new": 200, "retries": 404} {
		if w := call(h, "GET", "/similar/"+slug, ""); w.Code != want {
			t.Errorf("%s: %d, want %d", slug, w.Code, want)
		}
	}
}

func TestBodyTooLarge(t *testing.T) {
	s := NewService(slog.New(slog.DiscardHandler))
	s.maxBody = 20
	for body, want := range map[string]int{`[{"slug":"a"}]`: 200, `[{"slug":"a"},{"slug":"b"}]`: 413} {
		if w := call(s.Handler(), "PUT", "/documents", body); w.Code != want {
			t.Errorf("%d bytes: %d %s; want %d", len(body), w.Code, w.Body, want)
		}
	}
}

// TestReplaceWhileReading is for the race detector; readers must also see a
// whole index, old or new, every time.
func TestReplaceWhileReading(t *testing.T) {
	h := newHandler(t, posts)
	body, err := json.Marshal(posts)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				if w := call(h, "PUT", "/documents", string(body)); w.Code != 200 {
					t.Errorf("PUT: %d", w.Code)
				}
			}
		})
		wg.Go(func() {
			for range 100 {
				if w := call(h, "GET", "/similar/retries?n=1", ""); !strings.Contains(w.Body.String(), `"jitter"`) {
					t.Errorf("GET: %d %s", w.Code, w.Body)
				}
			}
		})
	}
	wg.Wait()
}

// A whole blog takes longer than the server's timeouts allow a request, and is taken in as long as it keeps coming.
func TestReplaceOutlastsTheTimeouts(t *testing.T) {
	const limit = time.Second
	server := httptest.NewUnstartedServer(NewService(slog.New(slog.DiscardHandler)).Handler())
	server.Config.ReadTimeout, server.Config.WriteTimeout = limit, limit
	server.Start()
	defer server.Close()
	put := func(pause time.Duration, docs int) (int, error) {
		body, out := io.Pipe()
		var sending sync.WaitGroup
		sending.Go(func() {
			separator := "["
			for i := range docs {
				time.Sleep(pause)
				_, _ = fmt.Fprintf(out, `%s{"slug":"%d"}`, separator, i)
				separator = ","
			}
			_, _ = fmt.Fprint(out, "]")
			_ = out.Close()
		})
		defer sending.Wait()
		defer body.Close()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL+"/documents", body)
		if err != nil {
			t.Fatal(err)
		}
		res, err := server.Client().Do(req)
		if err != nil {
			return 0, err
		}
		return res.StatusCode, res.Body.Close()
	}
	if status, err := put(limit/8, 12); status != http.StatusOK || err != nil {
		t.Errorf("a blog that comes slowly: %d, %v", status, err)
	}
	if status, err := put(2*limit, 2); status == http.StatusOK {
		t.Errorf("a sender that pauses for too long: %d, %v", status, err)
	}
}
