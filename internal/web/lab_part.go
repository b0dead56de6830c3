package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"afloat/internal/lab"
	"afloat/internal/source"
	"afloat/internal/store"
	"afloat/internal/telemetry"
)

// The page of one dependency: how it stands, each number of its policies with the reason, its code, and what happened
// to it lately. It reads this process's memory only.

// shownMarks bounds the events that a dependency's page lists.
const shownMarks = 30

type partPage struct {
	frame
	Part  dependencyView
	Rows  []policyView
	Code  []codeView
	Marks []markView // newest first
}

// policyView is a row of the policies table, with how it does at the moment.
type policyView struct {
	Name    string
	Live    bool // it makes calls: a client's settings don't
	Rate    rateView
	Flying  int    // calls begun and not ended
	Breaker string // "" without one
	Budget  string // "" without one
	Numbers []numberView
}

type numberView struct {
	Field, Value, Why string
	Line              sourceRef
	Span              int // rows that share the reason and its line; 0: an earlier one has them
}

type codeView struct {
	What string
	Line sourceRef
}

type markView struct {
	At    time.Time
	Clock string
	Words string
}

func partURL(link string) string { return "/lab/parts/" + url.PathEscape(link) }

// labPart is GET /lab/parts/{link}.
func (s *Server) labPart(w http.ResponseWriter, r *http.Request) error {
	rates, policies := s.Timeline.Rates(s.LabLimits.Rates), s.policies()
	link := chi.URLParam(r, "link")
	all := s.dependencies()
	i := slices.IndexFunc(all, func(st lab.Status) bool { return st.Link == link })
	if i < 0 {
		return store.ErrNotFound
	}
	part := s.dependency(all[i], rates, policies)
	page := partPage{frame: s.labFrame(r, part.Label), Part: part, Code: s.labCode[link]}
	for _, row := range policyRows(s.Table, link) {
		page.Rows = append(page.Rows, s.viewPolicy(row, rates, policies))
	}
	page.Marks = s.marksOf(link)
	return s.renderWhole(w, r, "lab-part", page, false)
}

func (s *Server) viewPolicy(row policyRow, rates telemetry.Rates, policies []policyStatus) policyView {
	view := policyView{Name: row.name}
	for _, p := range policies {
		if p.Name == row.name {
			view.Live, view.Rate, view.Flying, view.Breaker = true, viewRate(rates.Policies[p.Name]), p.InFlight, string(p.Breaker)
			if p.Tokens != nil {
				view.Budget = fmt.Sprintf("%.1f", *p.Tokens)
			}
		}
	}
	head, last := 0, reason{}
	for i, n := range settings(row.field, row.value) {
		why, span := s.reasons[n.path], 0
		if i == 0 || why != last {
			head, last, span = i, why, 1
		} else {
			view.Numbers[head].Span++
		}
		view.Numbers = append(view.Numbers, numberView{
			Field: strings.TrimPrefix(n.path, row.field+"."), Value: n.value, Why: why.why,
			Line: refLink(source.Ref{Path: policyFile, Line: why.line}), Span: span,
		})
	}
	return view
}

// marksOf are the latest events of a dependency: of its link, and of its policies' breakers.
func (s *Server) marksOf(link string) []markView {
	links := s.Table.Links()
	marks, _, _ := s.Timeline.Marks(0)
	var views []markView
	for _, m := range slices.Backward(marks) {
		if m.What != link && links[m.What] != link || !telling(m) {
			continue
		}
		if views = append(views, markView{m.At, m.At.UTC().Format("15:04:05"), m.Words}); len(views) == shownMarks {
			break
		}
	}
	return views
}

// findLabCode finds the lines that a dependency's page links to, as findRefs does for the X-ray.
func findLabCode(tree *source.Tree) (map[string][]codeView, error) {
	type place struct{ what, file, line string }
	everywhere := []place{
		{"What every call goes through", "internal/resilience/guard.go", "func Call["},
		{"Where the lab breaks the link", "internal/fault/link.go", "func (l *Link) Dialer"},
	}
	places := map[string][]place{
		"postgres": {
			{"How an article is read, rung by rung", "internal/store/ladder.go", "func (l *ladder[T]) fetch"},
			{"The pools of connections", "internal/store/pools.go", "func OpenPostgres"},
			{"Comments, which may be missing", "internal/widgets/comments.go", "func NewComments"},
		},
		"redis": {
			{"Copies, between memory and Postgres", "internal/store/ladder.go", "func (l *ladder[T]) fetch"},
			{"The client", "internal/store/redis.go", "func OpenRedis"},
			{"Popular now, which may be missing", "internal/widgets/popular.go", "func NewPopular"},
		},
		"recommendations": {
			{"Similar articles, which may be missing", "internal/widgets/recommendations.go", "func NewRecommendations"},
			{"The client", "internal/widgets/recommendations.go", "func NewHTTPClient"},
			{"The service itself", "internal/recommend/service.go", "package recommend"},
		},
	}
	found := map[string][]codeView{}
	for link, list := range places {
		for _, p := range append(list, everywhere...) {
			ref := tree.Find(p.file, p.line)
			if ref.Line == 0 {
				return nil, fmt.Errorf("the lab's page of %s finds no %q in %s: the source has moved", link, p.line, p.file)
			}
			found[link] = append(found[link], codeView{p.what, refLink(ref)})
		}
	}
	return found, nil
}
