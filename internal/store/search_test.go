package store

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"afloat/internal/content"
	"afloat/internal/resilience"
)

func searchable(t testing.TB) []content.Article {
	return []content.Article{
		article(t, "timeouts", 1, "A deadline ends a call. Mentions retries once."),
		article(t, "retries", 2, "Backoff comes first, and *jitter* with it."),
		article(t, "caching", 3, strings.Repeat("Filler words stand here. ", 40)+"Stale copies, İstanbul and ȺȾ. "+strings.Repeat("More filler here. ", 40)),
	}
}

func slugs(found []Found) string {
	var list []string
	for _, f := range found {
		list = append(list, f.Slug)
	}
	return strings.Join(list, " ")
}

func TestSearch(t *testing.T) {
	articles := searchable(t)
	url, db := newDatabase(t, append(articles, article(t, "gone", 4, "Retries that were withdrawn."))...)
	publishAll(t, db, articles...)
	up := newBlog(t, setup{postgres: url, shipped: articles})
	cut := newBlog(t, setup{postgres: url, shipped: articles})
	down(cut.toDB)

	for _, c := range []struct{ query, inPostgres, inSnapshot string }{
		{"retries", "retries timeouts", "retries timeouts"}, // the title counts most
		{"retry", "retries timeouts", ""},                   // word forms
		{"RETRIES", "retries timeouts", "retries timeouts"},
		{"stale copies", "caching", "caching"},
		{`"stale copies"`, "caching", "caching"},
		{"retries -deadline", "retries", "retries timeouts"}, // the snapshot knows no operators
		{"jitter!", "retries", "retries"},
		{"unheard-of", "", ""},
		{"", "", ""},
		{"-", "", ""},
		{`"' & | ! : * ( ) <-> \ %`, "", ""},
		{"or", "", ""},
		{strings.Repeat("x", 10_000), "", ""},
		{strings.Repeat("jitter ", 28), "retries", "retries"},
		{MarkStart + "jitter" + MarkEnd, "retries", "retries"},
	} {
		name := c.query[:min(20, len(c.query))]
		found, p, err := up.Search(t.Context(), c.query, 1, 10)
		if slugs(found) != c.inPostgres || err != nil || p.State != resilience.Fresh || p.Source != resilience.FromPostgres {
			t.Errorf("%q finds %q, %s from %s, %v; want %q", name, slugs(found), p.State, p.Source, err, c.inPostgres)
		}
		found, p, err = cut.Search(t.Context(), c.query, 1, 10)
		if got := slugs(found); got != c.inSnapshot && c.query != "or" || err != nil || p.State != resilience.Fallback || p.Source != resilience.FromSnapshot || p.Err == nil {
			t.Errorf("%q finds %q, %s from %s, %v; want %q as a fallback", name, got, p.State, p.Source, err, c.inSnapshot)
		}
	}
	if up.search.State() != resilience.Closed {
		t.Error("odd queries opened the breaker")
	}
}

func TestSearchSnippetsAndPages(t *testing.T) {
	articles := searchable(t)
	url, _ := newDatabase(t, articles...)
	up, alone := newBlog(t, setup{postgres: url}), newBlog(t, setup{shipped: articles})
	for name, b := range map[string]*blog{"Postgres": up, "the snapshot": alone} {
		t.Run(name, func(t *testing.T) {
			for query, marked := range map[string]string{"stale": "Stale", "JITTER": "jitter"} {
				found, _, err := b.Search(t.Context(), query, 1, 10)
				if err != nil || len(found) != 1 || !strings.Contains(found[0].Snippet, MarkStart+marked+MarkEnd) || len(found[0].Snippet) > 600 {
					t.Errorf("%q: %+v, %v; want %q marked in a short text", query, found, err, marked)
				}
			}
			first, _, err := b.Search(t.Context(), "retries", 1, 1)
			if err != nil || slugs(first) != "retries" || first[0].Total != 2 || first[0].Title != "On retries" || first[0].Published.IsZero() {
				t.Errorf("page 1: %+v, %v", first, err)
			}
			second, _, err := b.Search(t.Context(), "retries", 2, 1)
			if err != nil || slugs(second) != "timeouts" {
				t.Errorf("page 2: %+v, %v", second, err)
			}
			if third, _, err := b.Search(t.Context(), "retries", 3, 1); err != nil || len(third) != 0 {
				t.Errorf("page 3: %+v, %v", third, err)
			}
		})
	}
}

func TestSearchWithNothingLeft(t *testing.T) {
	url, _ := newDatabase(t, one(t)...)
	b := newBlog(t, setup{postgres: url})
	down(b.toDB)
	found, p, err := b.Search(t.Context(), "first", 1, 10)
	wantErr(t, err, ErrUnavailable)
	if len(found) > 0 || p.State != resilience.Missing {
		t.Errorf("%v, %+v", found, p)
	}
	// The failures were the database's, and the breaker has to hear of them.
	for range 10 {
		_, _, _ = b.Search(t.Context(), "first", 1, 10)
	}
	if b.search.Closed() {
		t.Error("the breaker of search is closed while Postgres is down")
	}
}

func TestSnippetCutsNoLetter(t *testing.T) {
	text := strings.Repeat("é", 200) + " İȺ needle Ⱥİ " + strings.Repeat("é", 200)
	for _, text := range []string{text, "x" + text, strings.Replace(text, " ", "", 1)} {
		for _, word := range []string{"needle", "é"} {
			got := snippet(text, []string{word})
			if strings.ToValidUTF8(got, "") != got || !strings.Contains(got, MarkStart+word+MarkEnd) {
				t.Errorf("%q", got)
			}
		}
	}
	if got := snippet(text, []string{"elsewhere"}); got != "" {
		t.Errorf("%q, want nothing: the title alone matches", got)
	}
}

// A word that is everywhere is looked for in the newest articles, and the result says so.
func TestSearchForACommonWordIsBounded(t *testing.T) {
	const articles = mostHits + 20
	url, db := newDatabase(t, one(t)...)
	exec(t, db, `insert into posts (slug, title, summary, tags, published, updated, html, body, toc, minutes, hash, version)
		select 'p' || n, 'Post ' || n, '', '{}', date '2020-01-01' + n, date '2020-01-01' + n, '', 'common words' || case when n < 3 then ' and rare' else '' end, '[]', 1, '', 1
		from generate_series(1, $1) n`, articles)
	up := newBlog(t, setup{postgres: url, dir: t.TempDir()})
	if err := up.SaveSnapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	snapshot := up.snapshot.load()
	for name, search := range map[string]func(query string, page int) ([]Found, error){
		"Postgres": func(query string, page int) ([]Found, error) {
			return searchPostgres(t.Context(), up.db, query, page, 10)
		},
		"the snapshot": func(query string, page int) ([]Found, error) { return snapshot.Search(t.Context(), query, page, 10) },
	} {
		t.Run(name, func(t *testing.T) {
			common := must(search("common", 1))(t)
			if len(common) != 10 || common[0].Total != mostHits || !common[0].More || common[0].Slug != fmt.Sprint("p", articles) {
				t.Errorf("found %+v, want 10 of more than %d, the newest first", common, mostHits)
			}
			if last := must(search("common", mostHits/10))(t); len(last) != 10 {
				t.Errorf("the last page has %d, want 10", len(last))
			}
			rare := must(search("rare", 1))(t)
			if slugs(rare) != "p2 p1" || rare[0].Total != 2 || rare[0].More {
				t.Errorf("a rare word in the oldest articles: %+v", rare)
			}
		})
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if found, err := snapshot.Search(ended, "rare", 1, 10); len(found) > 0 || err != nil {
		t.Errorf("a search without time found %+v, %v", found, err)
	}
	down(up.toDB)
	_, _, err := up.Search(ended, "rare", 1, 10)
	wantErr(t, err, ErrUnavailable)
	release := must(up.snapshot.searching.Acquire(t.Context()))(t)
	for range up.table.Search.Bulkhead.Limit - 1 {
		_ = must(up.snapshot.searching.Acquire(t.Context()))(t)
	}
	_, _, err = up.Search(t.Context(), "rare", 1, 10)
	wantErr(t, err, resilience.ErrFull)
	release()
	if found, p, err := up.Search(t.Context(), "rare", 1, 10); err != nil || p.State != resilience.Fallback || slugs(found) != "p2 p1" {
		t.Errorf("with a place: %+v, %+v, %v", found, p, err)
	}
}
