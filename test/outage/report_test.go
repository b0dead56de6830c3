package outage

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"afloat/internal/load"
)

// row is what one outage cost readers, of the blog and of its twin.
type row struct {
	dependency, fault string
	blog, after       crowd // after: from the outage's end on
	twin              load.Result
	heals, twinHeals  time.Duration // from its end until every article is whole
}

type table struct{ rows []row }

var report table

func (r *table) add(row row) { r.rows = append(r.rows, row) }

func (r *table) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "20 readers a second for %v on %d articles, who give up after %v; the outage begins %v after the first. "+
		"Machine: the same readers, at the same time, of a server that depends on nothing. %s/%s, %d CPUs.\n\n",
		lasts, len(slugs), patience, healthyFirst, runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	b.WriteString("| lost | how | blog: answered 200 | p50 / p99 / max, ms | machine: p99 / max, ms | degraded parts, pages | whole again, s | after it: p99 / max, ms | naive twin: answered 200 | p99, ms | whole again, s |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, w := range r.rows {
		twin := "– | – | –"
		if w.twin.Requests > 0 {
			twin = fmt.Sprintf("%s | %s | %s", share(w.twin), ms(w.twin.P99), seconds(w.twinHeals))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s / %s / %s | %s / %s | %s | %s | %s / %s | %s |\n", w.dependency, w.fault,
			share(w.blog.Result), ms(w.blog.P50), ms(w.blog.P99), ms(w.blog.Max), ms(w.blog.control.P99), ms(w.blog.control.Max), degraded(w.blog.Result), seconds(w.heals), ms(w.after.P99), ms(w.after.Max), twin)
	}
	return b.String()
}

// write prints the table, and keeps it where AFLOAT_REPORT says.
func (r *table) write(t *testing.T) {
	t.Log("\n" + r.markdown())
	if path := os.Getenv("AFLOAT_REPORT"); path != "" {
		if err := os.WriteFile(path, []byte(r.markdown()), 0o644); err != nil {
			t.Errorf("AFLOAT_REPORT: %v", err)
		}
	}
}

func share(r load.Result) string     { return fmt.Sprintf("%d of %d", r.Success, r.Requests) }
func ms(d time.Duration) string      { return fmt.Sprintf("%.0f", float64(d)/float64(time.Millisecond)) }
func seconds(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()) }

// degraded lists the parts that were neither fresh nor cached.
func degraded(r load.Result) string {
	var found []string
	for _, part := range slices.Sorted(maps.Keys(r.Parts)) {
		for _, state := range slices.Sorted(maps.Keys(r.Parts[part])) {
			if !healthy(state) {
				found = append(found, fmt.Sprintf("%s %s %d", part, state, r.Parts[part][state]))
			}
		}
	}
	if len(found) == 0 {
		return "none"
	}
	return strings.Join(found, ", ")
}
