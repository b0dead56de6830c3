package web

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"sync"
	"time"

	"afloat/internal/resilience"
)

// renderer turns page structs into finished bytes. It is safe for concurrent
// use.
type renderer struct {
	templates *template.Template
	buffers   sync.Pool
	fixed     sync.Map // fixedKey → template.HTML
}

// maxPooled is the largest buffer, in bytes, that is kept for the next page:
// one huge page must not hold its memory for ever.
const maxPooled = 1 << 20

// newRenderer parses the *.html of fsys. asset turns the name of a file
// in static/ into its URL; nil means /static/NAME.
func newRenderer(fsys fs.FS, asset func(string) string) (*renderer, error) {
	if asset == nil {
		asset = func(name string) string { return "/static/" + name }
	}
	r := &renderer{buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }}}
	t, err := template.New("").Funcs(templateFuncs(asset, time.Now)).Funcs(template.FuncMap{"fixed": r.once}).ParseFS(fsys, "*.html")
	if err != nil {
		return nil, fmt.Errorf("parse templates: %w", err)
	}
	r.templates = t
	return r, nil
}

// render executes the template called name with page. The bytes are the
// caller's own. A template that fails yields no bytes at all, so that half a
// page never reaches a reader.
func (r *renderer) render(name string, page any) ([]byte, error) {
	buf := r.buffers.Get().(*bytes.Buffer)
	buf.Reset()
	defer func() {
		if buf.Cap() <= maxPooled {
			r.buffers.Put(buf)
		}
	}()
	if err := r.templates.ExecuteTemplate(buf, name, page); err != nil {
		return nil, fmt.Errorf("render %s: %w", name, err)
	}
	return bytes.Clone(buf.Bytes()), nil
}

// templateFuncs are the functions templates may call. now is the clock that
// ages are counted from.
func templateFuncs(asset func(string) string, now func() time.Time) template.FuncMap {
	return template.FuncMap{
		"asset":       asset,
		"base":        path.Base,
		"age":         func(t time.Time) string { return age(now().Sub(t)) },
		"day":         func(t time.Time) template.HTML { return timeTag(t, "2 January 2006") },
		"instant":     func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"minute":      func(t time.Time) template.HTML { return timeTag(t, "2 January 2006, 15:04 UTC") },
		"postLink":    postLink,
		"toc":         tocList,
		"clock":       clock,
		"plural":      plural,
		"meaning":     meaning,
		"states":      states,
		"faultWords":  faultWords,
		"hiddenWords": func() string { return hiddenWords },
		"add":         func(a, b int) int { return a + b },
	}
}

// age says in words how long d is, in the largest unit that fits, cut off
// rather than rounded: "41 s", "3 min", "2 h", "5 days".
func age(d time.Duration) string {
	switch {
	case d < time.Second:
		return "under 1 s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours())/24)
}

// clock writes seconds as minutes and seconds: 102 is "1:42".
func clock(seconds int) string {
	return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
}

// plural counts things: "1 comment", "2 comments".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// states lists the five signs, best first, for the legend.
func states() []resilience.State {
	return []resilience.State{
		resilience.Fresh, resilience.Cached, resilience.Stale, resilience.Fallback, resilience.Missing,
	}
}

// meaning explains a sign to a reader who meets it for the first time.
func meaning(s resilience.State) string {
	switch s {
	case resilience.Fresh:
		return "Read from its origin, just now."
	case resilience.Cached:
		return "A copy, still within its lifetime."
	case resilience.Stale:
		return "A copy past its lifetime. Its age stands beside it."
	case resilience.Fallback:
		return "A lesser answer from another source, such as the snapshot."
	case resilience.Missing:
		return "Out of reach. The page stands without it and says what you can do."
	}
	return ""
}

// faultVerbs says what links do under each kind of fault, for one and for
// several: "Postgres hangs", "Recommendations hang".
var faultVerbs = map[string][2]string{
	"refuse": {"refuses connections", "refuse connections"},
	"hang":   {"hangs", "hang"},
	"slow":   {"is slow", "are slow"},
	"flaky":  {"is flaky", "are flaky"},
	"reset":  {"resets connections", "reset connections"},
}

// faultWords says what is broken on purpose, for the waterline and the fault
// bar: "Postgres hangs". It returns "" for a healthy link.
func faultWords(name, label, kind string) string {
	verbs, broken := faultVerbs[kind]
	if !broken {
		return ""
	}
	if name == "recommendations" {
		return label + " " + verbs[1]
	}
	return label + " " + verbs[0]
}
