package web

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
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

// partLinks are the dependencies behind the optional parts.
var partLinks = map[string]string{"comments": "postgres", "counts": "postgres", "recommendations": "recommendations", "popular": "redis"}

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
		page.Parts = append(page.Parts, partMark{part, partLinks[part], slices.Contains(critical, part)})
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

// predictions are what the formulas say of three ways to build an article's page.
func predictions(v lab.Values, critical []string) []availabilityRow {
	up := map[string]float64{}
	var all []float64
	for _, p := range uptimeParams {
		up[p.Name] = v.Float(p.Name) / 100
		all = append(all, up[p.Name])
	}
	needed := []string{"postgres"} // the article's own
	for _, part := range critical {
		if link := partLinks[part]; !slices.Contains(needed, link) {
			needed = append(needed, link)
		}
	}
	product := func(post float64) (a float64, formula string) {
		parts := []float64{post}
		formula = share(post)
		for _, link := range needed[1:] {
			parts = append(parts, up[link])
			formula += " × " + share(up[link])
		}
		return availability.Series(parts...), formula
	}
	naive := rowOf("Naive: needs every part", share(all[0])+" × "+share(all[1])+" × "+share(all[2]), availability.Series(all...))
	a, formula := product(up["postgres"])
	isolated := rowOf("Isolated: needs the critical parts only", formula, a)
	covered := v.Float("covered") / 100
	a, formula = product(availability.WithFallback(up["postgres"], covered))
	stale := rowOf("And an old copy where there is one", formula+", as Postgres is "+share(up["postgres"])+" + "+share(1-up["postgres"])+" × "+share(covered), a)
	return []availabilityRow{naive, isolated, stale}
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
