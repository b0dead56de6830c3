package main

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"afloat/internal/testenv"
)

// TestHiddenCommentsVanish: two seconds after `blog comments hide` a comment is
// on no page of any server, whoever reads how often: copies in memory are the
// more stubborn, the more readers they have or the fewer.
func TestHiddenCommentsVanish(t *testing.T) {
	const promise = 2 * time.Second
	e := env{"DATABASE_URL": testenv.Postgres(t), "REDIS_URL": testenv.Redis(t), "RECOMMENDATIONS_URL": ""} // private, so that pages are complete
	servers := []*server{serveHere(t, e), serveHere(t, e)}
	page := "/posts/" + shipped(t)[0].Slug
	eventually(t, "the article from the database", func() bool {
		_, text := get(t, servers[0].url+page)
		return state(text, "post") == "fresh"
	})
	const words = "Words that nobody should read"
	var wrote int
	eventually(t, "the comment is taken", func() bool { // the articles are being published meanwhile
		wrote, _ = post(t, servers[0].url+page+"/comments", url.Values{"author": {"Ada"}, "body": {words}, "key": {"a key of sufficient length"}})
		return wrote == http.StatusOK
	})

	for _, s := range servers {
		eventually(t, "a page that is kept as finished bytes", func() bool {
			res, err := http.Get(s.url + page)
			if err != nil {
				return false
			}
			return res.Body.Close() == nil && res.Header.Get("Etag") != ""
		})
	}
	var shown [2]func() bool
	for i, s := range servers {
		shown[i] = func() bool {
			_, text := get(t, s.url+page)
			return strings.Contains(text, words)
		}
		eventually(t, "the comment is shown", shown[i])
	}
	// The pauses between a reader's visits, over and over. The last but one comes back
	// for the copy of a moment ago, and then for the page that was made from it.
	const ms = time.Millisecond
	for _, pauses := range [][]time.Duration{{20 * ms}, {500 * ms}, {950 * ms}, {1850 * ms, 200 * ms}, {2100 * ms}} {
		if out, err := blog(t, e, "comments", "show", "1"); err != nil {
			t.Fatal(out, err)
		}
		for _, shown := range shown {
			eventually(t, "the comment is shown", shown)
		}
		if out, err := blog(t, e, "comments", "hide", "1"); err != nil {
			t.Fatal(out, err)
		}
		hidden := time.Now()
		var readers sync.WaitGroup
		for i, shown := range shown {
			readers.Go(func() {
				for visit := 0; time.Since(hidden) < 2*promise; visit++ {
					asked := time.Since(hidden)
					if shown() && asked > promise {
						t.Errorf("server %d shows it %v later, to a reader who comes after each of %v", i, asked, pauses)
					}
					time.Sleep(pauses[visit%len(pauses)])
				}
			})
		}
		readers.Wait()
	}
}
