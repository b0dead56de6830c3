package web

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// TestReadersBehindProxiesAreLimitedEach: through a proxy all readers come
// from one address, and each has a limit of their own all the same.
func TestReadersBehindProxiesAreLimitedEach(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		name    string
		trusted []string
		chain   string // as it arrives; # differs from comment to comment
		status  int    // of the comment after as many as one reader may send
	}{
		{"one reader", []string{"127.0.0.0/8", "10.88.0.0/24"}, "192.0.2.1, 10.88.0.10", 429},
		{"many readers", []string{"127.0.0.0/8", "10.88.0.0/24"}, "192.0.2.#, 10.88.0.10", 303},
		{"one reader who writes the header", []string{"127.0.0.0/8"}, "192.0.2.#, 198.51.100.7", 429},
		{"one reader who writes nonsense", []string{"127.0.0.0/8"}, "192.0.2.#, me", 429},
		{"not from a proxy", []string{"10.88.0.0/24"}, "192.0.2.#", 429},
		{"no proxies", nil, "192.0.2.#", 429},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := w.start(t, func(s *setup) {
				s.server.CommentsPerMinute = 3
				s.options = func(o *Options) { o.TrustedProxies = tt.trusted }
			})
			for i := range 4 {
				chain := strings.ReplaceAll(tt.chain, "#", strconv.Itoa(i))
				want := 303
				if i == 3 {
					want = tt.status
				}
				b.comment(t, w.articles[0].Slug, "Ada", "Text", fmt.Sprintf("key-number-%08d of %s", i, tt.name), "X-Forwarded-For", chain).wantStatus(t, want)
			}
		})
	}
}
