package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	silent := make(chan struct{})
	defer close(silent)
	mux := http.NewServeMux()
	mux.HandleFunc("/fine", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/ill", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	mux.Handle("/elsewhere", http.RedirectHandler("/fine", http.StatusFound))
	mux.HandleFunc("/silent", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-silent:
		case <-r.Context().Done():
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	if out, err := blog(t, nil, "health", server.URL+"/fine"); err != nil || out != "healthy\n" {
		t.Errorf("a server that answers 200: %q, %v", out, err)
	}
	for _, tt := range []struct {
		url, want string
		flags     []string
	}{
		{url: server.URL + "/ill", want: "answers 503 Service Unavailable, not 200"},
		{url: server.URL + "/elsewhere", want: "answers 302 Found, not 200"},
		{url: server.URL + "/silent", want: "does not answer: context deadline exceeded", flags: []string{"-timeout", "50ms"}},
		{url: nowhere(t, "http"), want: "connection refused"},
		{url: strings.Replace(server.URL, "//", "//me:s3cret@", 1) + "/ill", want: "answers 503"},
		{url: strings.Replace(nowhere(t, "http"), "//", "//me:s3cret@", 1), want: "connection refused"},
	} {
		out, err := blog(t, nil, append(append([]string{"health"}, tt.flags...), tt.url)...)
		if err == nil || !strings.Contains(err.Error(), tt.want) || out != "" {
			t.Errorf("health %s: %q, %v; want an error with %q", tt.url, out, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("health %s prints a password: %v", tt.url, err)
		}
	}
}
