package recommend

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var posts = []Doc{
	{Slug: "retries", Title: "Try again?", Tags: []string{"retries", "backoff"}, Text: "A client retries with exponential backoff and jitter, within a retry budget."},
	{Slug: "jitter", Title: "Why randomness", Tags: []string{"backoff"}, Text: "Full jitter spreads the retried requests of many clients."},
	{Slug: "caching", Title: "Is old good enough?", Tags: []string{"caching"}, Text: "A stale copy from the cache is served while the database is down."},
	{Slug: "stampede", Title: "Everyone missed at once", Tags: []string{"caching"}, Text: "Coalescing turns many cache misses into one database query."},
	{Slug: "alone", Title: "Zebra", Tags: []string{"zoo"}, Text: "Stripes."},
}

func slugs(suggestions []Suggestion) string {
	var out []string
	for _, s := range suggestions {
		out = append(out, s.Slug)
	}
	return strings.Join(out, " ")
}

func TestSimilar(t *testing.T) {
	ix := NewIndex(posts)
	tests := map[string]struct {
		slug string
		n    int
		want string
	}{
		"shared words rank first":  {"retries", 1, "jitter"},
		"and the other way round":  {"jitter", 1, "retries"},
		"another subject":          {"caching", 1, "stampede"},
		"nothing shared":           {"alone", 3, ""},
		"fewer than asked for":     {"stampede", 20, "caching jitter"},
		"none asked for":           {"retries", 0, ""},
		"a negative number of any": {"retries", -1, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := ix.Similar(tt.slug, tt.n)
			if !ok || slugs(got) != tt.want {
				t.Errorf("Similar(%q, %d) = %q, %v; want %q", tt.slug, tt.n, slugs(got), ok, tt.want)
			}
		})
	}
	if _, ok := ix.Similar("unknown", 3); ok {
		t.Error("an unknown post has similar ones")
	}
}

func TestEmptyIndex(t *testing.T) {
	for name, ix := range map[string]*Index{"zero value": {}, "no documents": NewIndex(nil)} {
		if got, ok := ix.Similar("x", 3); ok || got != nil {
			t.Errorf("%s: %v, %v; want nothing", name, got, ok)
		}
	}
}

func TestTitleAndTagsWeighMore(t *testing.T) {
	filler := "apples and pears are fruits that grow on trees"
	for name, strong := range map[string]Doc{
		"title": {Slug: "z", Title: "Bulkhead", Text: filler},
		"tag":   {Slug: "z", Tags: []string{"bulkhead"}, Text: filler},
	} {
		// The weak post would win the tie by its slug.
		ix := NewIndex([]Doc{{Slug: "q", Text: "bulkhead"}, {Slug: "a", Text: filler + " bulkhead"}, strong})
		if got, _ := ix.Similar("q", 1); slugs(got) != "z" {
			t.Errorf("%s: the most similar is %q, want z", name, slugs(got))
		}
	}
}

func TestStopWordsDontCount(t *testing.T) {
	// "doing" stems to "do", a stop word.
	ix := NewIndex([]Doc{{Slug: "a", Text: "the of and doing x"}, {Slug: "b", Text: "the of and do y"}})
	if got, _ := ix.Similar("a", 3); len(got) != 0 {
		t.Errorf("similar by stop words: %v", got)
	}
}

func TestRareWordsDecide(t *testing.T) {
	docs := []Doc{{Slug: "q", Text: "server hedging"}, {Slug: "z", Text: "hedging tree"}}
	for i := range 8 {
		docs = append(docs, Doc{Slug: fmt.Sprintf("a%d", i), Text: "server tree"})
	}
	if got, _ := NewIndex(docs).Similar("q", 1); slugs(got) != "z" {
		t.Errorf("the most similar is %q, want z, which shares the rare word", slugs(got))
	}
}

func TestLongPostsKeepTheirStrongestTerms(t *testing.T) {
	var text strings.Builder
	for i := range 10 * termsPerDoc {
		fmt.Fprintf(&text, "word%d ", i)
	}
	ix := NewIndex([]Doc{{Slug: "long", Title: "Hedging", Text: text.String()}, {Slug: "b", Text: "hedging"}})
	if got := len(ix.vectors[0]); got != termsPerDoc {
		t.Errorf("%d terms kept, want %d", got, termsPerDoc)
	}
	if got, _ := ix.Similar("long", 1); slugs(got) != "b" {
		t.Errorf("similar to the title's word: %q, want b", slugs(got))
	}
}

// TestProperties holds whatever the posts say.
func TestProperties(t *testing.T) {
	word := rapid.SampledFrom(strings.Fields("cache cached caching retry retries jitter the a doing server ski skis dying über 日本 x 42"))
	text := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(word, 0, 12).Draw(t, "words"), " ") })
	rapid.Check(t, func(t *rapid.T) {
		var docs []Doc
		for i := range rapid.IntRange(1, 8).Draw(t, "posts") {
			docs = append(docs, Doc{
				Slug: fmt.Sprint(i), Title: text.Draw(t, "title"), Tags: []string{text.Draw(t, "tag")},
				Text: text.Draw(t, "text") + " " + rapid.String().Draw(t, "noise"),
			})
		}
		ix := NewIndex(docs)
		score := map[string]float64{}
		for _, doc := range docs {
			all, _ := ix.Similar(doc.Slug, len(docs))
			if again, _ := NewIndex(docs).Similar(doc.Slug, len(docs)); !slices.Equal(all, again) {
				t.Fatalf("the same posts gave %v, then %v", all, again)
			}
			for i, s := range all {
				score[doc.Slug+" "+s.Slug] = s.Score
				if s.Slug == doc.Slug || s.Score <= 0 || s.Score > 1 || (i > 0 && s.Score > all[i-1].Score) {
					t.Fatalf("similar to %s: %v", doc.Slug, all)
				}
			}
			if first, _ := ix.Similar(doc.Slug, 1); len(all) > 0 && !slices.Equal(first, all[:1]) {
				t.Fatalf("the best is %v alone, %v among all", first, all[0])
			}
		}
		for pair, s := range score {
			a, b, _ := strings.Cut(pair, " ")
			if math.Abs(s-score[b+" "+a]) > 1e-6 {
				t.Fatalf("%s is similar to %s by %v, but back by %v", a, b, s, score[b+" "+a])
			}
		}
	})
}

func ExampleIndex_Similar() {
	ix := NewIndex([]Doc{
		{Slug: "retries", Title: "Retries", Text: "Back off, with jitter."},
		{Slug: "jitter", Title: "Full jitter", Text: "Why clients wait at random before they retry."},
		{Slug: "caching", Title: "Caching", Text: "Serve a stale copy."},
	})
	similar, _ := ix.Similar("retries", 3)
	for _, s := range similar {
		fmt.Println(s.Title)
	}
	// Output: Full jitter
}
