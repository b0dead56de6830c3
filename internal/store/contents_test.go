package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"afloat/internal/content"
	"afloat/internal/resilience"
)

// dated is an article of a day, with tags.
func dated(t testing.TB, slug, day string, tags string) content.Article {
	t.Helper()
	a, err := content.Parse(slug+".md", fmt.Appendf(nil, "---\ntitle: %s\nsummary: S.\ntags: [%s]\npublished: %s\n---\n\nText.\n", slug, tags, day), nil)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestContents(t *testing.T) {
	articles := []content.Article{
		dated(t, "a", "2024-12-31", "all, old"), dated(t, "b", "2026-01-01", "all"), dated(t, "c", "2026-12-31", "all, b-tag, a-tag"),
	}
	url, db := newDatabase(t, articles...)
	want := Contents{3, []YearCount{{2026, 2}, {2024, 1}}, []TagCount{{"all", 3}, {"a-tag", 1}, {"b-tag", 1}, {"old", 1}}}
	check := func(b *blog, want Contents, state resilience.State) {
		t.Helper()
		got, p, err := b.Contents(t.Context())
		if err != nil || p.State != state || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%+v, %s (%v); want %+v, %s", got, p.State, err, want, state)
		}
	}
	check(newBlog(t, setup{postgres: url, table: slowMachine}), want, resilience.Fresh)
	check(newBlog(t, setup{shipped: articles}), want, resilience.Fallback) // the snapshot counts as the database does
	publishAll(t, db, articles[:2]...)
	check(newBlog(t, setup{postgres: url, table: slowMachine}), Contents{2, []YearCount{{2026, 1}, {2024, 1}}, []TagCount{{"all", 2}, {"old", 1}}}, resilience.Fresh)
	publishAll(t, db)
	check(newBlog(t, setup{postgres: url, table: slowMachine}), Contents{}, resilience.Fresh)
}

// TestContentsCountWhatWasThere: a database that had articles before it counted them.
func TestContentsCountWhatWasThere(t *testing.T) {
	url, db := newDatabase(t, one(t)...)
	exec(t, db, `update site set contents = null`)
	b := newBlog(t, setup{postgres: url, table: slowMachine})
	if c, _, err := b.Contents(t.Context()); err != nil || c.Total != 0 {
		t.Errorf("without a count: %+v, %v", c, err)
	}
	exec(t, db, `update site set contents = (select to_jsonb(c) from contents c)`) // as the migration does
	if c, _, err := newBlog(t, setup{postgres: url, table: slowMachine}).Contents(t.Context()); err != nil || c.Total != 1 {
		t.Errorf("counted: %+v, %v", c, err)
	}
}

func TestManyTagsAreBounded(t *testing.T) {
	var articles []content.Article
	for i := range 50 {
		tags := "common"
		for j := range 5 {
			tags += fmt.Sprintf(", tag-%d-%d", i, j)
		}
		articles = append(articles, dated(t, fmt.Sprintf("p%d", i), "2026-01-01", tags))
	}
	url, _ := newDatabase(t, articles...)
	var all []Contents
	for _, s := range []setup{{postgres: url, table: slowMachine}, {shipped: articles}} {
		c, _, err := newBlog(t, s).Contents(t.Context())
		if err != nil || len(c.Tags) != maxTags || c.Tags[0] != (TagCount{"common", 50}) {
			t.Errorf("%d tags, first %v (%v)", len(c.Tags), c.Tags[:1], err)
		}
		all = append(all, c)
	}
	if !slices.Equal(all[0].Tags, all[1].Tags) {
		t.Errorf("the database and the snapshot choose other tags:\n%v\n%v", all[0].Tags, all[1].Tags)
	}
}

// TestYearsAndAddresses: in pages, the same from the database and from the snapshot.
func TestYearsAndAddresses(t *testing.T) {
	articles := []content.Article{
		dated(t, "a", "2024-12-31", "x"), dated(t, "b", "2025-01-01", "x"), dated(t, "c", "2025-06-01", "y"), dated(t, "d", "2025-12-31", "x"), dated(t, "e", "2026-01-01", "x"),
	}
	url, _ := newDatabase(t, articles...)
	for name, s := range map[string]setup{"postgres": {postgres: url, table: slowMachine}, "snapshot": {shipped: articles}} {
		t.Run(name, func(t *testing.T) {
			b := newBlog(t, s)
			var slugs []string
			for page := 1; page <= 2; page++ {
				l, _, err := b.Year(t.Context(), 2025, page, 2)
				if err != nil || l.Total != 3 {
					t.Fatalf("page %d of the year: %d articles (%v)", page, l.Total, err)
				}
				for _, a := range l.Items {
					slugs = append(slugs, a.Slug)
				}
			}
			if want := []string{"d", "c", "b"}; !slices.Equal(slugs, want) {
				t.Errorf("the year has %v, want %v", slugs, want)
			}
			slugs = nil
			for page := 1; page <= 3; page++ {
				list, _, err := b.Addresses(t.Context(), page, 2)
				if err != nil {
					t.Fatal(err)
				}
				for _, a := range list {
					slugs = append(slugs, a.Slug)
					if a.Updated.IsZero() {
						t.Errorf("%s has no time", a.Slug)
					}
				}
			}
			if want := []string{"e", "d", "c", "b", "a"}; !slices.Equal(slugs, want) {
				t.Errorf("addresses: %v, want %v", slugs, want)
			}
			for _, bad := range [][2]int{{2025, 3}, {2023, 1}, {0, 1}, {-1, 1}, {10000, 1}, {2025, 0}} {
				_, _, err := b.Year(t.Context(), bad[0], bad[1], 2)
				wantErr(t, err, ErrNotFound)
			}
			for _, page := range []int{0, -1, 4} {
				_, _, err := b.Addresses(t.Context(), page, 2)
				wantErr(t, err, ErrNotFound)
			}
		})
	}
}

func TestListKeysSurvive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := listKey{
			tag: rapid.StringMatching(`[a-z0-9-]*`).Draw(t, "tag"), page: rapid.IntRange(1, 1e6).Draw(t, "page"),
			size: rapid.IntRange(1, 5000).Draw(t, "size"), year: rapid.IntRange(0, maxYear).Draw(t, "year"),
			slugs: rapid.StringMatching(`([a-z0-9-]+(,[a-z0-9-]+)*)?`).Draw(t, "slugs"),
		}
		if got := parseListKey(k.String()); got != k {
			t.Fatalf("%+v comes back as %+v", k, got)
		}
		if from, to := k.span(); k.year != 0 && (from.Year() != k.year || to.Add(-time.Nanosecond).Year() != k.year) {
			t.Fatalf("%d is from %v to %v", k.year, from, to)
		}
	})
}

// Articles asked for by name: those that are published, and no others.
func TestNamed(t *testing.T) {
	articles := []content.Article{dated(t, "a", "2024-12-31", "x"), dated(t, "b", "2025-01-01", "x"), dated(t, "c", "2025-06-01", "y")}
	url, _ := newDatabase(t, articles...)
	for name, s := range map[string]setup{"postgres": {postgres: url, table: slowMachine, shipped: articles}, "snapshot": {shipped: articles}} {
		t.Run(name, func(t *testing.T) {
			b := newBlog(t, s)
			for asked, want := range map[string]string{"a c": "c a", "none a": "a", "none": "", "c b a": "c b a"} {
				l, _, err := b.Named(t.Context(), strings.Fields(asked)...)
				var got []string
				for _, a := range l.Items {
					got = append(got, a.Slug)
				}
				if err != nil || strings.Join(got, " ") != want || l.Total != len(got) {
					t.Errorf("asked for %s: %v of %d, %v; want %s", asked, got, l.Total, err, want)
				}
			}
			if !b.Holds("a") || b.Holds("none") {
				t.Errorf("it holds a: %v, and none: %v", b.Holds("a"), b.Holds("none"))
			}
		})
	}
	if newBlog(t, setup{postgres: url}).Holds("a") {
		t.Error("without a snapshot nothing is held")
	}
}

// A list's total is the one counted at publication, as far as that goes, and the true one in every case.
func TestTotalsOfLists(t *testing.T) {
	articles := []content.Article{
		dated(t, "a", "2024-12-31", "all, old"), dated(t, "b", "2026-01-01", "all"), dated(t, "c", "2026-12-31", "all"),
	}
	url, db := newDatabase(t, articles...)
	check := func(step string) {
		t.Helper()
		b := newBlog(t, setup{postgres: url, table: slowMachine})
		for name, c := range map[string]struct {
			key   listKey
			total int
			items string
		}{
			"all":               {listKey{page: 1, size: 2}, 3, "c b"},
			"all, last page":    {listKey{page: 2, size: 2}, 3, "a"},
			"a tag":             {listKey{tag: "all", page: 1, size: 2}, 3, "c b"},
			"a tag's last page": {listKey{tag: "all", page: 3, size: 1}, 3, "a"},
			"another tag":       {listKey{tag: "old", page: 1, size: 2}, 1, "a"},
			"a year":            {listKey{year: 2026, page: 2, size: 1}, 2, "b"},
			"another year":      {listKey{year: 2024, page: 1, size: 5}, 1, "a"},
		} {
			got, err := b.queryList(t.Context(), c.key.String())
			var items string
			for _, item := range got.V.Items {
				items += " " + item.Slug
			}
			if err != nil || got.V.Total != c.total || items != " "+c.items {
				t.Errorf("%s, %s: %q of %d, %v; want %q of %d", step, name, items, got.V.Total, err, c.items, c.total)
			}
		}
		for _, key := range []listKey{{tag: "none", page: 1, size: 5}, {year: 2025, page: 1, size: 5}, {page: 9, size: 5}} {
			_, err := b.queryList(t.Context(), key.String())
			wantErr(t, err, ErrNotFound)
		}
	}
	check("counted")
	exec(t, db, `update site set contents = jsonb_set(contents, '{tags}', '[]')`)
	check("tags beyond those that are counted")
	exec(t, db, `update site set contents = null`)
	check("before anything was counted")
}
