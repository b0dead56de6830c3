package web

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"

	"afloat/internal/fault"
	"afloat/internal/lab"
)

// faultBar is the lab's fault bar, as a fragment or as a page of its own.
type faultBar struct {
	frame
	Links    []faultLink
	AnyOn    bool
	Hidden   bool // one that is not to be named
	Fragment bool
	Back     string // where forms return to
	Problem  string // why the last order was refused
}

type faultLink struct {
	Name, Label string // postgres, Postgres
	Kind        string // healthy, refuse, hang, slow, flaky, reset
	Detail      string // "2 s ± 0 s", "30 % of exchanges"
	Verdict     string // confirmed, checking, not confirmed
	Saw         string // what the probe saw: "refused after 0.2 ms"
	Until       time.Time
	LeftSeconds int
	Kinds       []faultChoice
}

type faultChoice struct {
	Kind, Label string // hang, "hang"
	Hint        string // "accepts, never answers"
	On          bool
}

// faultChoices are the radio buttons of a row, in order.
var faultChoices = []faultChoice{
	{Kind: lab.Healthy, Label: "healthy", Hint: "no fault"},
	{Kind: string(fault.Refuse), Label: "refuse", Hint: "connections are refused at once"},
	{Kind: string(fault.Hang), Label: "hang", Hint: "accepts, never answers"},
	{Kind: string(fault.Slow), Label: "slow", Hint: "answers 2 s late"},
	{Kind: string(fault.Flaky), Label: "flaky", Hint: "three of ten exchanges fail"},
	{Kind: string(fault.Reset), Label: "reset", Hint: "connections are cut"},
}

// faultBarPage shows what is broken, and the choice of what to break next. It
// reads nothing but this process's own memory.
func (s *Server) faultBarPage(w http.ResponseWriter, r *http.Request) error {
	return s.renderFaultBar(w, r, http.StatusOK, localPath(r.URL.Query().Get("back")), "")
}

func (s *Server) renderFaultBar(w http.ResponseWriter, r *http.Request, status int, back, problem string) error {
	bar := faultBar{frame: s.frame(r, "Break something", ""), Back: back, Problem: problem, Fragment: r.URL.Query().Get("fragment") == "1"}
	bar.Canonical, bar.Description = "", "Break a dependency of this blog, and see that the page stays up."
	bar.XRay, bar.XRayURL = false, ""
	if s.Other.Name != "" {
		bar.OtherURL = "http://" + net.JoinHostPort(hostname(r), s.Other.Port) + back
	}
	bar.setRows(s.faults())
	name := "faultbar"
	if bar.Fragment {
		name = "faultbar-fragment"
	}
	body, err := s.pages.render(name, bar)
	if err != nil {
		return err
	}
	noStore(w)
	writePage(w, status, body)
	return nil
}

// setRows fills in the rows of the bar, and whether any fault is on.
func (b *faultBar) setRows(all []lab.Status) {
	for _, st := range all {
		b.Links = append(b.Links, viewLink(st))
		b.AnyOn = b.AnyOn || st.Kind != lab.Healthy
	}
	_, b.Hidden = lab.HiddenIn(all)
}

// hiddenWords is all that is said of a fault which readers are to find out.
const hiddenWords = "A hidden fault of the capstone is on"

// faults is the state of each link as readers may know it: from the switchboard
// in the blog, from the links themselves in the twin.
func (s *Server) faults() []lab.Status {
	if s.Lab != nil {
		return lab.Mask(s.Lab.Status().Faults)
	}
	var list []lab.Status
	for _, l := range s.Links {
		st := lab.Status{Link: l.Name(), Label: linkLabels[l.Name()], Kind: lab.Healthy}
		if f, on := l.Current(); on {
			st.Kind, st.Latency, st.Jitter, st.Rate, st.Until = string(f.Kind), f.Latency, f.Jitter, f.Rate, f.Until
			st.Left, st.Hidden = time.Until(f.Until), f.Hidden
		}
		list = append(list, st)
	}
	return lab.Mask(list)
}

// dependencies are the links that policies stand before. The one to a second
// server of a dependency is in the fault bar, and has no figures of its own.
func (s *Server) dependencies() []lab.Status {
	guarded := slices.Collect(maps.Values(s.Table.Links()))
	return slices.DeleteFunc(s.faults(), func(st lab.Status) bool { return !slices.Contains(guarded, st.Link) })
}

var linkLabels = map[string]string{"postgres": "Postgres", "redis": "Redis", "recommendations": "Recommendations", "recommendations-2": "Recommendations copy 2"}

func viewLink(st lab.Status) faultLink {
	l := faultLink{
		Name: st.Link, Label: st.Label, Kind: st.Kind, Verdict: st.Verdict, Saw: st.Saw,
		Until: st.Until, LeftSeconds: int(max(0, st.Left).Seconds()), Kinds: slices.Clone(faultChoices),
	}
	switch fault.Kind(st.Kind) {
	case fault.Slow:
		l.Detail = fmt.Sprintf("%v later", st.Latency)
		if st.Jitter > 0 {
			l.Detail = fmt.Sprintf("%v ± %v later", st.Latency, st.Jitter)
		}
	case fault.Flaky:
		l.Detail = fmt.Sprintf("%.0f %% of exchanges", 100*st.Rate)
	}
	for i := range l.Kinds {
		l.Kinds[i].On = l.Kinds[i].Kind == st.Kind
	}
	return l
}

// faultsInWords is what the waterline says.
func (s *Server) faultsInWords() []string {
	return onInWords(s.faults())
}

func onInWords(all []lab.Status) (words []string) {
	if _, hidden := lab.HiddenIn(all); hidden {
		return []string{hiddenWords}
	}
	for _, st := range all {
		if st.Kind != lab.Healthy {
			words = append(words, faultWords(st.Link, st.Label, st.Kind))
		}
	}
	return words
}

// hidden reports whether a fault is on that is not to be named, nor the protection that the custom twin lacks.
func (s *Server) hidden() bool {
	_, on := lab.HiddenIn(s.faults())
	return on
}
