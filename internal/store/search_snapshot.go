package store

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Search finds the newest articles that contain every word of the query, and
// returns a page of them, titles first. It knows neither word forms nor
// operators: it is what is left when Postgres is gone. It ends after mostHits,
// or when ctx does, and the result says so (Found.More).
func (s *Snapshot) Search(ctx context.Context, query string, page, size int) ([]Found, error) {
	words := searchWords(query)
	if len(words) == 0 {
		return nil, nil
	}
	type hit struct{ article, score int }
	var hits []hit
	more := false
	for i := range s.Slugs {
		if len(hits) == mostHits || ctx.Err() != nil {
			more = true
			break
		}
		score, err := s.score(i, words)
		if err != nil {
			return nil, err
		}
		if score > 0 {
			hits = append(hits, hit{i, score})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return b.score - a.score })
	var found []Found
	for i := (page - 1) * size; i < min(page*size, len(hits)); i++ {
		sum, text, err := s.text(hits[i].article)
		if err != nil {
			return nil, err
		}
		found = append(found, Found{Slug: sum.Slug, Title: sum.Title, Snippet: snippet(text, words), Published: sum.Published, Total: len(hits), More: more})
	}
	return found, nil
}

// score is how well an article matches; 0 if a word is missing. Most articles
// match no search, and are told from the bytes of their lines: nothing in them
// is escaped that a word could consist of.
func (s *Snapshot) score(article int, words []string) (int, error) {
	from, _, _ := s.line(article, summaryLine)
	_, to, _ := s.line(article, textLine)
	raw := make([]byte, to-from)
	if _, err := s.file.ReadAt(raw, from); err != nil {
		return 0, fmt.Errorf("reading the snapshot: %w", err)
	}
	lower := bytes.ToLower(raw)
	for _, w := range words {
		if !bytes.Contains(lower, []byte(w)) {
			return 0, nil
		}
	}
	sum, text, err := s.text(article)
	if err != nil {
		return 0, err
	}
	return matches(sum.Title, text, words), nil
}

func (s *Snapshot) text(article int) (sum Summary, text string, err error) {
	if sum, err = s.summary(article); err == nil {
		from, to, check := s.line(article, textLine)
		err = s.read(from, to, check, &text)
	}
	return sum, text, err
}

// searchWords leaves out quotes and punctuation, and the words that a query in
// Postgres' syntax excludes. A few words are enough to search for.
func searchWords(query string) []string {
	const most = 16
	var words []string
	for _, field := range strings.Fields(strings.ToLower(query)) {
		if !strings.HasPrefix(field, "-") {
			words = append(words, strings.FieldsFunc(field, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })...)
		}
	}
	return words[:min(len(words), most)]
}

// matches counts the words; 0 if one is missing.
func matches(title, text string, words []string) (score int) {
	title, text = strings.ToLower(title), strings.ToLower(text)
	for _, w := range words {
		n := 10*strings.Count(title, w) + strings.Count(text, w)
		if n == 0 {
			return 0
		}
		score += n
	}
	return score
}

// snippet is the text around the first match, with all matches in it marked.
func snippet(text string, words []string) string {
	const around = 120
	match := regexp.MustCompile("(?i)" + strings.Join(words, "|")) // they hold letters and digits only
	first := match.FindStringIndex(text)
	if first == nil {
		return "" // the title alone matches
	}
	from, to := max(0, first[0]-around), min(len(text), first[1]+around)
	for !utf8.RuneStart(text[from]) {
		from--
	}
	for to < len(text) && !utf8.RuneStart(text[to]) {
		to++
	}
	return "… " + match.ReplaceAllString(text[from:to], MarkStart+"$0"+MarkEnd) + " …"
}
