package policy

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Custom is the table with these protections on and all others off. With all on
// it is [Afloat] but for its name; with none it is [Naive] without the retries
// that a library makes by itself: no switch sets those, for "off" must mean off,
// and "on" that the guards retry and nobody else. Its error names a
// protection that there is none of, and lists those that there are.
//
// Each switch sets the columns of its protection and no other, with one
// exception: a column that makes no sense without another protection waits for
// that one. A stale copy has first to be kept, so Keep, Patience and Pause are 0
// without the cache; and a cache without stale copies keeps them for as long as
// they are served as cached, so Keep is Behind then (in Redis, Fresh).
func Custom(on ...Protection) (Table, error) {
	for _, p := range on {
		if !slices.ContainsFunc(switches, func(s aSwitch) bool { return s.Protection == p }) {
			return Table{}, fmt.Errorf("there is no protection %q; there are %s", p, list(known()))
		}
	}
	t, off := Afloat(), Naive()
	t.Name = "custom"
	for _, s := range switches {
		if !slices.Contains(on, s.Protection) {
			s.copy(&t, &off)
		}
	}
	t.settle()
	return t, nil
}

// ParseProtections reads names with commas between them; "" is none.
func ParseProtections(names string) ([]Protection, error) {
	var on []Protection
	for name := range strings.SplitSeq(names, ",") {
		if name = strings.TrimSpace(name); name != "" {
			on = append(on, Protection(name))
		}
	}
	_, err := Custom(on...)
	return on, err
}

// Protections lists those that are on as in Afloat's table, in the order of the
// ladder.
func (t Table) Protections() []Protection {
	var on []Protection
	afloat := Afloat()
	for _, s := range switches {
		with := t
		s.copy(&with, &afloat)
		with.settle()
		if reflect.DeepEqual(with, t) {
			on = append(on, s.Protection)
		}
	}
	return on
}

// Twin reports whether this is not the blog's own table. A server with it is
// there to be compared: it follows the blog's faults and sets none, leaves the
// upkeep of what both use to the blog, and wants no place in a search engine.
func (t Table) Twin() bool { return t.Name != "afloat" }

// Watched reports whether somebody has to look at the database all the time: to
// vouch for copies, to renew the snapshot, to close a breaker behind the readers.
func (t Table) Watched() bool {
	return t.PostReads.Stale.Fresh > 0 || t.Copies.Fresh > 0 || t.Fallback || t.PostReads.Breaker.Window > 0
}

func (s aSwitch) copy(to, from *Table) {
	if s.table != nil {
		s.table(to, from)
	}
	if s.row == nil {
		return
	}
	source := from.rows()
	for i, row := range to.rows() {
		s.row(row, source[i])
	}
}

// settle makes the columns of the copies fit each other.
func (t *Table) settle() {
	for _, r := range t.rows() {
		if r.Stale.Fresh == 0 {
			r.Stale.Behind, r.Stale.Keep, r.Stale.Patience, r.Stale.Pause = 0, 0, 0, 0
		}
		r.Stale.Keep = max(r.Stale.Keep, r.Stale.Behind)
	}
	if t.Copies.Fresh == 0 {
		t.Copies.Keep = 0
	}
	t.Copies.Keep = max(t.Copies.Keep, t.Copies.Fresh)
}

func known() []Protection {
	var all []Protection
	for _, s := range switches {
		all = append(all, s.Protection)
	}
	return all
}

func list(names []Protection) string {
	words := make([]string, len(names))
	for i, n := range names {
		words[i] = string(n)
	}
	return strings.Join(words, ", ")
}
