package load

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func validPlan() Plan {
	return Plan{
		Target: "http://127.0.0.1:8080", Rate: 100, Duration: time.Second, Seed: 1,
		Paths: []string{"/posts/a", "/posts/b", "/posts/c"}, Timeout: time.Second,
	}
}

func TestValidate(t *testing.T) {
	tests := map[string]struct {
		change func(*Plan)
		want   string // part of the error; empty for none
	}{
		"valid":               {func(*Plan) {}, ""},
		"IPv6 loopback":       {func(p *Plan) { p.Target = "http://[::1]:8080/" }, ""},
		"all of 127/8":        {func(p *Plan) { p.Target = "http://127.9.9.9" }, ""},
		"localhost":           {func(p *Plan) { p.Target = "http://localhost:8080" }, ""},
		"allowed host":        {func(p *Plan) { p.Target, p.AllowedHosts = "https://blog:443", []string{"blog"} }, ""},
		"most":                {func(p *Plan) { p.Rate, p.Duration, p.Timeout = 200, 10*time.Minute, time.Minute }, ""},
		"other host":          {func(p *Plan) { p.Target = "http://example.org" }, "not loopback"},
		"looks like loopback": {func(p *Plan) { p.Target = "http://127.0.0.1.example.org" }, "not loopback"},
		"looks like local":    {func(p *Plan) { p.Target = "http://localhost.example.org" }, "not loopback"},
		"user as disguise":    {func(p *Plan) { p.Target = "http://127.0.0.1@example.org" }, "no base URL"},
		"any address":         {func(p *Plan) { p.Target = "http://0.0.0.0:8080" }, "not loopback"},
		"private address":     {func(p *Plan) { p.Target = "http://10.0.0.1" }, "not loopback"},
		"other allowed host":  {func(p *Plan) { p.Target, p.AllowedHosts = "http://blog2", []string{"blog"} }, "not loopback"},
		"no scheme":           {func(p *Plan) { p.Target = "127.0.0.1:8080" }, "no base URL"},
		"other scheme":        {func(p *Plan) { p.Target = "ftp://127.0.0.1" }, "no base URL"},
		"with a path":         {func(p *Plan) { p.Target = "http://127.0.0.1/blog" }, "no base URL"},
		"with a query":        {func(p *Plan) { p.Target = "http://127.0.0.1?x=1" }, "no base URL"},
		"no rate":             {func(p *Plan) { p.Rate = 0 }, "rate is 0: give requests a second"},
		"high rate":           {func(p *Plan) { p.Rate = 200.1 }, "at most 200"},
		"rate of NaN":         {func(p *Plan) { p.Rate = math.NaN() }, "rate is NaN"},
		"no duration":         {func(p *Plan) { p.Duration = 0 }, "duration is 0s"},
		"long":                {func(p *Plan) { p.Duration = 10*time.Minute + 1 }, "at most 10m0s"},
		"no timeout":          {func(p *Plan) { p.Timeout = 0 }, "timeout is 0s"},
		"long timeout":        {func(p *Plan) { p.Timeout = time.Minute + 1 }, "at most 1m0s"},
		"negative exponent":   {func(p *Plan) { p.Zipf = -1 }, "zipf is -1"},
		"exponent of NaN":     {func(p *Plan) { p.Zipf = math.NaN() }, "zipf is NaN"},
		"negative workers":    {func(p *Plan) { p.MaxWorkers = -1 }, "max workers is -1"},
		"no paths":            {func(p *Plan) { p.Paths = nil }, "paths is empty"},
		"relative path":       {func(p *Plan) { p.Paths = []string{"/", "posts/a"} }, `paths[1] is "posts/a"`},
		"path to a host":      {func(p *Plan) { p.Paths = []string{"//example.org/"} }, `paths[0] is "//example.org/"`},
		"path with fragment":  {func(p *Plan) { p.Paths = []string{"/#a"} }, `paths[0] is "/#a"`},
		"broken path":         {func(p *Plan) { p.Paths = []string{"/%zz"} }, `paths[0] is "/%zz"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := validPlan()
			tt.change(&p)
			err := p.Validate()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if tt.want == "" {
				return
			}
			if _, err := Run(t.Context(), p); err == nil {
				t.Error("Run took the plan")
			}
		})
	}
	t.Run("all at once", func(t *testing.T) {
		err := Plan{Zipf: -1, MaxWorkers: -1}.Validate()
		for _, field := range []string{"target", "rate", "duration", "timeout", "zipf", "max workers", "paths"} {
			if !strings.Contains(err.Error(), field+" is") {
				t.Errorf("nothing about %s in:\n%v", field, err)
			}
		}
	})
}

func TestSameSeedSameReaders(t *testing.T) {
	p := validPlan()
	p.Duration = 10 * time.Second
	first := p.arrivals()
	if !slices.Equal(first, p.arrivals()) {
		t.Error("the same plan gave other arrivals")
	}
	p.Seed++
	if slices.Equal(first, p.arrivals()) {
		t.Error("another seed gave the same arrivals")
	}
}

// TestArrivals checks one long draw against what a Poisson process and Zipf's
// law promise. The seed is fixed, so it either always passes or never.
func TestArrivals(t *testing.T) {
	p := validPlan()
	p.Duration = 10 * time.Minute
	arrivals := p.arrivals()
	want := p.Rate * p.Duration.Seconds()
	if got := float64(len(arrivals)); math.Abs(got-want) > 4*math.Sqrt(want) {
		t.Errorf("%v arrivals, want %v", got, want)
	}
	var sum, squares float64
	counts := map[string]float64{}
	previous := time.Duration(0)
	for _, a := range arrivals {
		gap := (a.at - previous).Seconds()
		if gap < 0 || a.at >= p.Duration {
			t.Fatalf("an arrival at %v after one at %v", a.at, previous)
		}
		sum, squares, previous = sum+gap, squares+gap*gap, a.at
		counts[a.path]++
	}
	n := float64(len(arrivals))
	mean := sum / n
	if deviation := math.Sqrt(squares/n - mean*mean); math.Abs(deviation/mean-1) > 0.05 {
		t.Errorf("gaps deviate by %.3f of their mean; exponential ones do by 1", deviation/mean)
	}
	for k, path := range p.Paths {
		wantRatio := math.Pow(float64(k+1), -defaultZipf)
		if got := counts[path] / counts[p.Paths[0]]; math.Abs(got-wantRatio) > 0.05 {
			t.Errorf("rank %d is read %.3f as often as rank 1, want %.3f", k+1, got, wantRatio)
		}
	}
}

func ExamplePlan_Validate() {
	fmt.Println(Plan{Target: "http://example.org", Rate: 1000, Duration: time.Minute, Timeout: time.Second, Paths: []string{"/"}}.Validate())
	// Output:
	// target's host "example.org" is not loopback: load only what is yours, and name its host among the allowed ones
	// rate is 1000: give requests a second, above 0 and at most 200
}
