package experiments

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"afloat/internal/availability"
)

// A Forecast is what the formula says of one server's page.
type Forecast struct {
	Server string   // "naive", "isolated" or "protected"
	Needs  []string // the dependencies without which it has no page, unless it has copies
	Copies bool     // whether copies stand in for a dependency that is down
	Share  float64  // of the readers who are served, from 0 to 1
}

// dependencies are those of an article's page.
var dependencies = []string{"postgres", "redis", "recommendations"}

// lives says which dependency a part that can be marked as critical comes from. The post always is critical.
var lives = map[string]string{"post": "postgres", "comments": "postgres", "counts": "postgres", "popular": "redis", "recommendations": "recommendations"}

// Predict says how available an article's page is by the formula for independent failures: naive, where every
// dependency is critical; isolated, where only those of the post and of the critical parts are; and protected, which
// has copies for a share of the reads, covered, while a dependency is down. A dependency counts once, however many
// parts need it. Uptimes and covered are from 0 to 1; a dependency that uptime lacks is always up.
func Predict(uptime map[string]float64, critical []string, covered float64) []Forecast {
	up := func(dependency string) float64 {
		if q, known := uptime[dependency]; known {
			return q
		}
		return 1
	}
	needed := Needs(critical)
	naive, isolated, protected := 1.0, 1.0, 1.0
	for _, d := range dependencies {
		naive = availability.Series(naive, up(d))
	}
	for _, d := range needed {
		isolated = availability.Series(isolated, up(d))
		protected = availability.Series(protected, availability.WithFallback(up(d), covered))
	}
	return []Forecast{
		{Server: "naive", Needs: slices.Clone(dependencies), Share: naive},
		{Server: "isolated", Needs: needed, Share: isolated},
		{Server: "protected", Needs: needed, Copies: true, Share: protected},
	}
}

// Needs lists the dependencies of the post and of the parts that are critical, each once.
func Needs(critical []string) (needed []string) {
	for _, d := range dependencies {
		if d == lives["post"] || slices.ContainsFunc(critical, func(part string) bool { return lives[part] == d }) {
			needed = append(needed, d)
		}
	}
	return needed
}

// DependencyOf says where a part of the page comes from; "" for no part.
func DependencyOf(part string) string { return lives[part] }

// Formula writes down what was multiplied: "postgres × redis".
func (f Forecast) Formula() string {
	product := strings.Join(f.Needs, " × ")
	if f.Copies {
		return product + ", each or a copy"
	}
	return product
}

// Percent, Nines and Month say the share in three ways: "72.9 %", "0.57 nines", "195 h a month".
func (f Forecast) Percent() string { return sharePercent(f.Share) }

// Nines says the share on a logarithmic scale; without any downtime there is no number for it.
func (f Forecast) Nines() string {
	if n := availability.Nines(f.Share); !math.IsInf(n, 1) {
		return fmt.Sprintf("%.2f nines", n)
	}
	return "no end of nines"
}

// Month says the downtime in a month of 30 days.
func (f Forecast) Month() string {
	down := availability.PerMonth(f.Share)
	switch minutes := down.Minutes(); {
	case minutes < 10:
		return fmt.Sprintf("%.1f min a month", minutes)
	case minutes < 600:
		return fmt.Sprintf("%.0f min a month", minutes)
	default:
		return fmt.Sprintf("%.0f min a month (%.0f h)", minutes, down.Hours())
	}
}

// sharePercent keeps what an availability differs in: its last digits.
func sharePercent(share float64) string {
	if share > 0.99 && share < 1 {
		return fmt.Sprintf("%.4g %%", 100*share)
	}
	return fmt.Sprintf("%.1f %%", 100*share)
}
