package store

import (
	"slices"
	"sync"
	"testing"
)

// TestCommentsAreHeardOf by whoever watches: one written, hidden or shown, and nothing else.
func TestCommentsAreHeardOf(t *testing.T) {
	url, db := newDatabase(t, article(t, "one", 1, "First."), article(t, "two", 2, "Second."))
	b := newBlog(t, setup{postgres: url})
	var mu sync.Mutex
	var heard []string
	b.commented = func(slug string) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, slug)
	}
	known := make(chan int64, 4)
	b.watch(t, func(v int64) { known <- v })
	first := <-known
	eventually(t, "it listens", func() bool {
		return query[int](t, db, `select count(*) from pg_stat_activity where datname = current_database() and query = 'listen afloat'`) == 1
	})
	hears := func(what string, slugs ...string) {
		t.Helper()
		eventually(t, what+" is heard of", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return slices.Equal(heard, slugs)
		})
		mu.Lock()
		heard = nil
		mu.Unlock()
	}

	add := `insert into comments (slug, author, body, html, key, hash) values ($1, 'A', 'b', 'b', $2, 'h') on conflict (key) do update set key = excluded.key`
	exec(t, db, add, "one", "first key")
	hears("a comment", "one")
	exec(t, db, add, "one", "first key") // a replay changes nothing
	exec(t, db, `update comments set hidden = now() where key = 'first key'`)
	hears("a hidden comment", "one")
	exec(t, db, `update comments set hidden = null where key = 'first key'`)
	hears("a shown comment", "one")

	publishAll(t, db, article(t, "one", 1, "Changed."), article(t, "three", 3, "Third."))
	second := <-known
	exec(t, db, add, "three", "second key")
	hears("a comment after a publication", "three")

	slugs, err := b.Changed(t.Context(), first, 10)
	slices.Sort(slugs)
	if want := []string{"one", "three", "two"}; !slices.Equal(slugs, want) || err != nil {
		t.Errorf("changed since %d: %q, %v; want %q", first, slugs, err, want)
	}
	if slugs, err = b.Changed(t.Context(), first, 2); len(slugs) != 2 || err != nil {
		t.Errorf("at most 2: %q, %v", slugs, err)
	}
	if slugs, err = b.Changed(t.Context(), second, 10); len(slugs) != 0 || err != nil {
		t.Errorf("changed since %d: %q, %v; want nothing", second, slugs, err)
	}
}
