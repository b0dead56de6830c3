package web

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"afloat/internal/availability"
	"afloat/internal/lab"
	"afloat/internal/lab/experiments"
)

// availabilityPage is the formula, live: uptimes in, the page's availability
// out, for three ways to build the page.
type availabilityPage struct {
	frame
	Uptimes  []fieldView
	Covered  fieldView
	Problem  string
	Rows     []availabilityRow
	Classics []availabilityRow
	Parts    []partMark
	Until    time.Time // when the marks end by themselves; zero: none are set
	Fields   []fieldView
	Busy     *runView
	Last     *runView
	Claims   []claimView
}

type availabilityRow struct{ What, Formula, Percent, Nines, Month string }

// partMark is an optional part of the page, and whether the blog treats it as critical now.
type partMark struct {
	Name, Link string
	On         bool
}

var (
	uptimeParams = []lab.Param{
		{Name: "postgres", Label: "Postgres", Unit: "%", Kind: lab.Float, Default: "99.99", Min: "0", Max: "100"},
		{Name: "redis", Label: "Redis", Unit: "%", Kind: lab.Float, Default: "99.99", Min: "0", Max: "100"},
		{Name: "recommendations", Label: "Recommendations", Unit: "%", Kind: lab.Float, Default: "99.9", Min: "0", Max: "100"},
	}
	coveredParam = lab.Param{Name: "covered", Label: "articles with a copy at hand", Unit: "% of requests", Kind: lab.Float, Default: "99", Min: "0", Max: "100"}
)

// labAvailability is GET /lab/availability.
func (s *Server) labAvailability(w http.ResponseWriter, r *http.Request) error {
	given := r.URL.Query()
	page := availabilityPage{frame: s.labFrame(r, "Availability"), Covered: viewField(coveredParam, given), Busy: s.underWay(), Claims: s.claims[lab.AvailabilityPage]}
	page.Here = "/lab/availability"
	for _, p := range uptimeParams {
		page.Uptimes = append(page.Uptimes, viewField(p, given))
	}
	critical, until := s.critical.now()
	page.Until = until
	for _, part := range criticalParts {
		page.Parts = append(page.Parts, partMark{part, experiments.DependencyOf(part), slices.Contains(critical, part)})
	}
	status := http.StatusOK
	values, err := lab.ParseValues(append(slices.Clone(uptimeParams), coveredParam), given)
	if err != nil {
		page.Problem, status = err.Error(), http.StatusBadRequest
	} else {
		page.Rows = predictions(values, critical)
	}
	for _, n := range []int{2, 5, 30, 100} {
		page.Classics = append(page.Classics, rowOf(fmt.Sprintf("%d parts of 99.99 %% each", n), fmt.Sprintf("0.9999^%d", n), math.Pow(0.9999, float64(n))))
	}
	s.availabilityRun(&page, given)
	body, err := s.pages.render("lab-availability", page)
	if err != nil {
		return err
	}
	writePage(w, status, body)
	return nil
}

// availabilityRun fills in the measurement: its form, and its last result.
func (s *Server) availabilityRun(page *availabilityPage, given url.Values) {
	e := experiments.Find("availability")
	if e == nil {
		return
	}
	for _, p := range e.Params {
		f := viewField(p, given)
		if slices.ContainsFunc(uptimeParams, func(u lab.Param) bool { return u.Name == p.Name }) {
			f = viewField(p, nil) // the formula's are in percent, and too good to wait for
		}
		page.Fields = append(page.Fields, f)
	}
	if last, ok := s.Runner.Last(e.Name); ok {
		page.Last = viewRun(last)
	}
}

// ways are how a page can be built, by the server of the forecast.
var ways = map[string]string{
	"naive":     "Naive: needs every part",
	"isolated":  "Isolated: needs the critical parts only",
	"protected": "Protected: and an old copy where there is one",
}

// predictions are what the formula says of three ways to build an article's page.
func predictions(v lab.Values, critical []string) (rows []availabilityRow) {
	up := map[string]float64{}
	for _, p := range uptimeParams {
		up[p.Name] = v.Float(p.Name) / 100
	}
	covered := v.Float("covered") / 100
	for _, f := range experiments.Predict(up, critical, covered) {
		var factors []string
		for _, d := range f.Needs {
			if f.Copies {
				factors = append(factors, fmt.Sprintf("(%s + %s × %s)", share(up[d]), share(1-up[d]), share(covered)))
			} else {
				factors = append(factors, share(up[d]))
			}
		}
		rows = append(rows, rowOf(ways[f.Server], strings.Join(factors, " × "), f.Share))
	}
	return rows
}

func share(f float64) string { return fmt.Sprintf("%.6g", f) }

func rowOf(what, formula string, a float64) availabilityRow {
	nines := fmt.Sprintf("%.1f", availability.Nines(a))
	if a == 1 {
		nines = "no end"
	}
	month := availability.PerMonth(a)
	down := fmt.Sprintf("%.1f min", month.Minutes())
	switch {
	case month.Hours() >= 3:
		down = fmt.Sprintf("%.1f h", month.Hours())
	case month.Minutes() < 1:
		down = fmt.Sprintf("%.1f s", month.Seconds())
	}
	return availabilityRow{what, formula, fmt.Sprintf("%.4f\u00a0%%", 100*a), nines, down}
}
