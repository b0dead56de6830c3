package web

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"afloat/internal/resilience"
	"afloat/internal/source"
	"afloat/internal/store"
)

// partRefs are the lines behind a part.
type partRefs struct {
	code, policy source.Ref
	row          string // the row's name in the policies table
}

// findRefs finds the lines that the X-ray links to in the embedded source. A
// line that has moved away is an error at start, and in the tests.
func findRefs(tree *source.Tree) (map[string]partRefs, error) {
	const table = "internal/policy/policy.go"
	parts := []struct{ part, file, code, row, column string }{
		{"post", "internal/store/ladder.go", "func (l *ladder[T]) fetch", "post reads", "PostReads: Row{"},
		{"list", "internal/store/ladder.go", "func (l *ladder[T]) fetch", "post reads", "PostReads: Row{"},
		{"contents", "internal/store/contents.go", "func (p *Posts) Contents", "post reads", "PostReads: Row{"},
		{"addresses", "internal/store/contents.go", "func (p *Posts) Addresses", "post reads", "PostReads: Row{"},
		{"results", "internal/store/search.go", "func (p *Posts) Search", "search", "Search: Row{"},
		{"comments", "internal/widgets/comments.go", "func NewComments", "comment reads", "CommentReads: Row{"},
		{"counts", "internal/widgets/counts.go", "func NewCounts", "comment counts", "CommentCounts: Row{"},
		{"recommendations", "internal/widgets/recommendations.go", "func NewRecommendations", "recommendations", "Recommendations: Row{"},
		{"popular", "internal/widgets/popular.go", "func NewPopular", "popular now", "Popular: Row{"},
	}
	refs := map[string]partRefs{}
	for _, p := range parts {
		code, policy := tree.Find(p.file, p.code), tree.Find(table, p.column)
		if code.Line == 0 || policy.Line == 0 {
			return nil, fmt.Errorf("the X-ray of %s finds neither %q in %s nor %q in %s: the source has moved", p.part, p.code, p.file, p.column, table)
		}
		refs[p.part] = partRefs{code, policy, p.row}
	}
	return refs, nil
}

func (s *Server) policyOf(part string) string { return s.refs[part].row }

func xrayAsked(r *http.Request) bool { return r.URL.Query().Get("xray") == "1" }

func (s *Server) xrayOn(r *http.Request) bool { return s.labOn() && xrayAsked(r) }

// caption puts a part's provenance into words. Error texts are for the log
// only; readers see the class.
func (s *Server) caption(part string, p resilience.Provenance) *xray {
	x := &xray{
		Source: string(p.Source), State: string(p.State),
		Breaker: string(p.Breaker),
		Replica: replica(p),
		Code:    refLink(s.refs[part].code),
		Policy:  refLink(s.refs[part].policy),
	}
	if !p.At.IsZero() {
		x.Age = age(ageOf(p.At))
	}
	if p.Attempts > 0 {
		x.Tries = plural(p.Attempts, "try", "tries")
		x.Took = millis(p.Took)
	}
	if p.Err != nil {
		x.ErrorClass = resilience.ErrClass(p.Err)
	}
	return x
}

// replica says which replica answered, and how far behind it was at the most.
func replica(p resilience.Provenance) string {
	if p.Replica == "" {
		return ""
	}
	return fmt.Sprintf("%s, %.1f s behind", p.Replica, p.Lag.Seconds())
}

// behindNote is the note on what came from a replica that is too far behind to
// count as fresh, and "" on anything else.
func behindNote(p resilience.Provenance) string {
	if !errors.Is(p.Err, resilience.ErrBehind) || p.Replica == "" {
		return ""
	}
	return fmt.Sprintf("This was read from a replica of the database that is %.0f s behind.", p.Lag.Seconds())
}

// outboxCaption says how many comments wait for the database, of all articles.
func outboxCaption(o *store.Outbox) string {
	n, since := o.Count()
	switch {
	case o == nil:
		return ""
	case n == 0:
		return "no comment waits to be written"
	case n == 1:
		return "1 comment waits to be written, since " + since.UTC().Format(time.TimeOnly+" UTC")
	}
	return strconv.Itoa(n) + " comments wait to be written, the first since " + since.UTC().Format(time.TimeOnly+" UTC")
}

func refLink(r source.Ref) sourceRef {
	return sourceRef{Text: r.String(), URL: sourceURL(r.Path, r.Line)}
}

func millis(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	if ms < 10 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}

// named is a part and where it came from.
type named struct {
	name string
	resilience.Provenance
}

// hitMemory is the Cache-Status of a page that was finished before.
const hitMemory = "afloat; hit; detail=memory"

// provenanceHeaders says the same as the X-ray, for tools: Server-Timing for
// browsers' developer tools, Cache-Status (RFC 9211) for the critical part. A
// page that may be kept states no ages, which would be wrong on its next use.
func provenanceHeaders(h http.Header, keep bool, parts ...named) {
	var timing []string
	for _, p := range parts {
		source := string(p.Source)
		if p.Replica != "" && !keep {
			source += ", replica " + replica(p.Provenance)
		}
		timing = append(timing, fmt.Sprintf(`%s;desc="%s %s";dur=%.1f`, p.name, p.State, source, float64(p.Took)/float64(time.Millisecond)))
	}
	h.Set("Server-Timing", strings.Join(timing, ", "))

	post := parts[0]
	status := "afloat; fwd=uri-miss; detail=" + string(post.Source)
	switch {
	case post.State == resilience.Stale && post.Source != resilience.FromPostgres:
		status = "afloat; hit; detail=stale-" + string(post.Source)
		if !keep && !post.At.IsZero() {
			status = fmt.Sprintf("afloat; hit; ttl=-%d; detail=stale-%s", int(ageOf(post.At).Seconds()), post.Source)
		}
	case post.Source == resilience.FromMemory || post.Source == resilience.FromRedis || post.Source == resilience.FromSnapshot:
		status = "afloat; hit; detail=" + string(post.Source)
	}
	h.Set("Cache-Status", status)
}
