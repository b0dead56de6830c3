package store

import (
	"context"
	"errors"
	"regexp"
	"sort"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"afloat/internal/resilience"
)

// Marks around a match in a snippet. They occur in no text, so a snippet can
// be escaped first and marked up afterwards.
const (
	MarkStart = "\u0002"
	MarkEnd   = "\u0003"
)

// Found is an article that matches a search.
type Found struct {
	Slug, Title, Snippet string // the snippet has MarkStart and MarkEnd around matches
	Published            time.Time
	Total                int // matches on all pages
}

// Search finds articles by words, the best first: in Postgres with its full
// text search, else by plain matching in the snapshot's text.
func (p *Posts) Search(ctx context.Context, query string, page, size int) ([]Found, resilience.Provenance, error) {
	found, report, err := resilience.Call(ctx, p.search, func(ctx context.Context) ([]Found, error) {
		return p.searchPostgres(ctx, query, page, size)
	})
	prov := resilience.Provenance{Source: resilience.FromPostgres, State: resilience.Fresh, At: time.Now(),
		Attempts: report.Attempts, Took: report.Took, Breaker: report.Breaker, Err: err}
	if err == nil {
		return found, prov, nil
	}
	if s := p.snapshot.load(); s != nil && p.table.Fallback {
		found, missing := s.Search(query, page, size)
		if missing == nil {
			prov.Source, prov.State, prov.At = resilience.FromSnapshot, resilience.Fallback, s.At
			return found, prov, nil
		}
		err = errors.Join(err, missing)
	}
	prov.Source, prov.State, prov.At = "", resilience.Missing, time.Time{}
	return nil, prov, errors.Join(ErrUnavailable, err)
}

func (p *Posts) searchPostgres(ctx context.Context, query string, page, size int) ([]Found, error) {
	if p.db == nil {
		return nil, errNoDatabase
	}
	if _, err := queryVersion(ctx, p.db); err != nil {
		return nil, err
	}
	rows, err := p.db.Query(ctx, `
		with hits as (
			select slug, title, body, published, ts_rank_cd(search, q) as rank, q, count(*) over () as total
			from posts, websearch_to_tsquery('english', $1) q
			where not withdrawn and search @@ q
			order by rank desc, published desc, slug limit $2 offset $3)
		select slug, title, published, total, ts_headline('english', body, q,
			'MaxFragments=2, MinWords=12, MaxWords=28, FragmentDelimiter=" … ", StartSel="`+MarkStart+`", StopSel="`+MarkEnd+`"') as snippet
		from hits order by rank desc, published desc, slug`, query, size, (page-1)*size)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[Found])
}

// Search finds the articles that contain every word of the query, titles
// first. It knows neither word forms nor operators: it is what is left when
// Postgres is gone.
func (s *Snapshot) Search(query string, page, size int) ([]Found, error) {
	words := searchWords(query)
	type hit struct {
		Found
		score int
	}
	var hits []hit
	for _, sum := range s.summaries {
		a, err := s.Article(sum.Slug)
		if err != nil {
			return nil, err
		}
		if score := matches(a, words); score > 0 {
			hits = append(hits, hit{Found{Slug: a.Slug, Title: a.Title, Snippet: snippet(a.Text, words), Published: a.Published}, score})
		}
	}
	sort.SliceStable(hits, func(i, j int) bool { return hits[i].score > hits[j].score })
	var found []Found
	for i := (page - 1) * size; i < min(page*size, len(hits)); i++ {
		hits[i].Total = len(hits)
		found = append(found, hits[i].Found)
	}
	return found, nil
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

// matches is how well an article matches; 0 if a word is missing.
func matches(a Article, words []string) (score int) {
	title, text := strings.ToLower(a.Title), strings.ToLower(a.Text)
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
