// Package recommend is the recommendations microservice: similar posts, over HTTP.
//
// Similarity is the cosine between TF-IDF vectors: a post is described by the
// words that it uses often and other posts use seldom.
package recommend

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/kljensen/snowball/english"
)

const (
	headWeight, bodyWeight = 3, 1 // a word in the title or a tag says more than one in the body
	termsPerDoc            = 64   // bounds memory; the strongest decide, the rest is noise
)

// Doc is one post, as the blog publishes it. Text is the body without markup.
type Doc struct {
	Slug    string   `json:"slug"`
	Title   string   `json:"title"`
	Summary string   `json:"summary"`
	Tags    []string `json:"tags"`
	Text    string   `json:"text"`
}

// Suggestion is one similar post. Score is the cosine: above 0, and 1 for posts
// that use the same words in the same proportions.
type Suggestion struct {
	Slug  string  `json:"slug"`
	Title string  `json:"title"`
	Score float64 `json:"score"`
}

// Index answers which posts are similar. It is immutable, so many goroutines may
// use it at once. The zero value is an empty index.
type Index struct {
	posts    []Suggestion // slugs and titles
	bySlug   map[string]int32
	vectors  [][]weight // by post: its strongest terms, of length 1
	postings [][]weight // by term: the posts that hold it
}

// weight is one number of a sparse vector; of is the number of a term or a post.
type weight struct {
	of    int32
	value float32
}

// NewIndex builds an index. Of posts with the same slug the first counts.
func NewIndex(docs []Doc) *Index {
	b := newBuilder()
	for _, doc := range docs {
		b.add(doc)
	}
	return b.index()
}

// builder takes in posts one by one, and keeps numbers of their texts only.
type builder struct {
	ix *Index
	vocabulary
}

func newBuilder() *builder {
	return &builder{&Index{bySlug: map[string]int32{}}, vocabulary{terms: map[string]int32{}}}
}

func (b *builder) add(doc Doc) {
	ix := b.ix
	if _, taken := ix.bySlug[doc.Slug]; taken {
		return
	}
	ix.bySlug[doc.Slug] = int32(len(ix.posts))
	ix.posts = append(ix.posts, Suggestion{Slug: doc.Slug, Title: doc.Title})
	ix.vectors = append(ix.vectors, b.frequencies(doc))
}

// index weighs the terms, which takes all posts. The builder is used up by it.
func (b *builder) index() *Index {
	ix := b.ix
	ix.postings = make([][]weight, len(b.posts))
	for i := range ix.vectors {
		ix.vectors[i] = b.vector(ix.vectors[i], len(ix.posts))
		for _, w := range ix.vectors[i] {
			ix.postings[w.of] = append(ix.postings[w.of], weight{of: int32(i), value: w.value})
		}
	}
	return ix
}

// Similar returns at most n posts that share terms with the named one, the most
// similar first and ties by slug. It reports false if the index lacks the post.
func (ix *Index) Similar(slug string, n int) ([]Suggestion, bool) {
	self, ok := ix.bySlug[slug]
	if !ok {
		return nil, false
	}
	scores := make([]float32, len(ix.posts))
	for _, term := range ix.vectors[self] {
		for _, post := range ix.postings[term.of] {
			scores[post.of] += term.value * post.value
		}
	}
	n = max(0, n)
	best := make([]Suggestion, 0, n+1)
	for i, score := range scores {
		if score <= 0 || int32(i) == self {
			continue
		}
		s := Suggestion{ix.posts[i].Slug, ix.posts[i].Title, min(1, float64(score))}
		if len(best) == n && (n == 0 || compare(s, best[n-1]) > 0) {
			continue // as most are: sorting them all takes longer than adding up their scores
		}
		at, _ := slices.BinarySearchFunc(best, s, compare)
		best = slices.Insert(best, at, s)
		best = best[:min(len(best), n)]
	}
	return best, true
}

// compare puts the most similar first.
func compare(a, b Suggestion) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(a.Slug, b.Slug))
}

// vocabulary numbers the terms: stems of words that aren't stop words.
type vocabulary struct {
	terms map[string]int32 // by word, so that each is stemmed once; -1 for a stop word
	posts []int            // by term: the number of posts that hold it
}

func (v *vocabulary) term(word string) int32 {
	term, known := v.terms[word]
	if !known {
		term = -1
		if stem := english.Stem(word, false); stem != word {
			term = v.term(stem)
		} else if len(word) > 1 && !english.IsStopWord(word) {
			term = int32(len(v.posts))
			v.posts = append(v.posts, 0)
		}
		v.terms[word] = term
	}
	return term
}

// frequencies counts a post's terms. They come in order of their numbers: sums of
// floats depend on the order, and the same posts must get the same scores.
func (v *vocabulary) frequencies(doc Doc) []weight {
	counts := map[int32]float32{}
	count := func(text string, fieldWeight float32) {
		notInWords := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
		for word := range strings.FieldsFuncSeq(strings.ToLower(text), notInWords) {
			if term := v.term(word); term >= 0 {
				counts[term] += fieldWeight
			}
		}
	}
	count(doc.Title+" "+strings.Join(doc.Tags, " "), headWeight)
	count(doc.Summary+" "+doc.Text, bodyWeight)
	weights := make([]weight, 0, len(counts))
	for term, n := range counts {
		v.posts[term]++
		weights = append(weights, weight{term, n})
	}
	slices.SortFunc(weights, func(a, b weight) int { return cmp.Compare(a.of, b.of) })
	return weights
}

// vector turns frequencies into the strongest TF-IDF weights, scaled to length 1.
// The logarithm keeps a word that is repeated a hundred times from drowning the
// rest; the smoothed IDF stays above 0, so that two posts alone can be similar.
func (v *vocabulary) vector(weights []weight, posts int) []weight {
	for i, w := range weights {
		idf := 1 + math.Log(float64(1+posts)/float64(1+v.posts[w.of]))
		weights[i].value = float32((1 + math.Log(float64(w.value))) * idf)
	}
	slices.SortStableFunc(weights, func(a, b weight) int { return cmp.Compare(b.value, a.value) })
	weights = slices.Clone(weights[:min(len(weights), termsPerDoc)]) // lets go of the rest
	squares := 0.0
	for _, w := range weights {
		squares += float64(w.value) * float64(w.value)
	}
	for i := range weights {
		weights[i].value /= float32(math.Sqrt(squares))
	}
	return weights
}
