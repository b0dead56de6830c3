package policy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"afloat/internal/policy"
	"afloat/internal/resilience"
)

func all() []policy.Protection {
	var names []policy.Protection
	for _, p := range policy.Protections() {
		names = append(names, p.Protection)
	}
	return names
}

func custom(t *testing.T, on ...policy.Protection) policy.Table {
	t.Helper()
	table, err := policy.Custom(on...)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestCustomWithEverythingIsAfloat(t *testing.T) {
	want := policy.Afloat()
	want.Name = "custom"
	if got := custom(t, all()...); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// What isn't equal belongs to no switch: it needs one in protection.go, or its
// reason here.
func TestCustomWithNothingIsNaive(t *testing.T) {
	want := policy.Naive()
	want.Name = "custom"
	want.RedisLib.LibraryRetries = false // off means off
	afloat := reflect.ValueOf(policy.Afloat())
	for i, field := range reflect.VisibleFields(reflect.TypeFor[policy.Table]()) {
		if row, ok := reflect.ValueOf(&want).Elem().Field(i).Addr().Interface().(*policy.Row); ok {
			row.Idempotent = afloat.FieldByIndex(field.Index).Interface().(policy.Row).Idempotent // a fact, and no protection
		}
	}
	if got := custom(t); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// Every one of the 8192 combinations can be run.
func TestEveryCombinationIsValid(t *testing.T) {
	names := all()
	for set := range 1 << len(names) {
		var on []policy.Protection
		for i, name := range names {
			if set>>i&1 == 1 {
				on = append(on, name)
			}
		}
		table := custom(t, on...)
		errs := []error{table.Validate()}
		for _, row := range table.Rows() {
			_, guard := resilience.NewGuard(row.Policy, nil, nil)
			_, cache := resilience.NewCache(resilience.CacheOptions[int]{Policy: row.Stale, Keeper: noKeeper{}})
			errs = append(errs, guard, cache)
		}
		_, shed := resilience.NewShedder(table.Shed)
		for _, err := range append(errs, shed) {
			if err != nil {
				t.Fatalf("%v: %v", on, err)
			}
		}
		if got := table.Protections(); !slices.Equal(got, on) {
			t.Fatalf("%v: the table says that it has %v", on, got)
		}
		if !table.Twin() {
			t.Fatalf("%v: no twin", on)
		}
	}
}

// columns maps each column of a table to its value.
func columns(v reflect.Value, path string, into map[string]any) map[string]any {
	if v.Kind() != reflect.Struct {
		into[path] = v.Interface()
		return into
	}
	for i := range v.NumField() {
		columns(v.Field(i), path+"."+v.Type().Field(i).Name, into)
	}
	return into
}

// A switch sets its own columns, whatever else is on: no column has two
// switches, but for those of stale copies, which wait for the cache.
func TestSwitchesSetTheirOwnColumns(t *testing.T) {
	owners := map[string]map[policy.Protection]bool{}
	names := all()
	for _, name := range names {
		others := slices.DeleteFunc(slices.Clone(names), func(p policy.Protection) bool { return p == name })
		for set := range 1 << len(others) {
			if set%31 != 0 && set != 1<<len(others)-1 { // a sample, and its ends
				continue
			}
			var on []policy.Protection
			for i, p := range others {
				if set>>i&1 == 1 {
					on = append(on, p)
				}
			}
			without := columns(reflect.ValueOf(custom(t, on...)), "", map[string]any{})
			with := columns(reflect.ValueOf(custom(t, append(on, name)...)), "", map[string]any{})
			changed := 0
			for column, value := range with {
				if value != without[column] {
					changed++
					if owners[column] == nil {
						owners[column] = map[policy.Protection]bool{}
					}
					owners[column][name] = true
				}
			}
			if changed == 0 {
				t.Errorf("%s changes nothing beside %v", name, on)
			}
		}
	}
	for column, by := range owners {
		waits := strings.HasSuffix(column, ".Keep") || strings.HasSuffix(column, ".Stale.Patience") || strings.HasSuffix(column, ".Stale.Pause")
		switch {
		case waits && len(by) == 2 && by[policy.Cache] && by[policy.Stale]:
		case len(by) != 1:
			t.Errorf("%s is set by %v", column, by)
		}
	}
	if len(owners) < 100 {
		t.Errorf("only %d columns are set at all", len(owners))
	}
}

func TestProtectionsAreDescribed(t *testing.T) {
	names := all()
	for i, p := range policy.Protections() {
		if p.Label == "" || !strings.HasSuffix(p.Does, ".") || p.Lesson < 1 || p.Lesson > 14 {
			t.Errorf("%+v", p)
		}
		if _, err := os.Stat(filepath.Join("../..", p.Source)); err != nil {
			t.Errorf("%s: %v", p.Protection, err)
		}
		for _, need := range p.Needs {
			if at := slices.Index(names, need); at < 0 || at >= i {
				t.Errorf("%s needs %s, which is not before it on the ladder", p.Protection, need)
			}
		}
	}
	if on := policy.Afloat().Protections(); !slices.Equal(on, names) {
		t.Errorf("afloat has %v", on)
	}
	if on := policy.Naive().Protections(); on != nil {
		t.Errorf("naive has %v", on)
	}
	if policy.Afloat().Twin() || !policy.Naive().Twin() || !policy.Afloat().Watched() || policy.Naive().Watched() {
		t.Error("which table is whose?")
	}
}

// Who has something to be kept up to date, or to be closed again, watches.
func TestWatched(t *testing.T) {
	for _, p := range all() {
		want := p == policy.Cache || p == policy.Stale || p == policy.Breaker
		if got := custom(t, p).Watched(); got != want {
			t.Errorf("%s alone: watched is %v", p, got)
		}
	}
}

func TestParseProtections(t *testing.T) {
	for names, want := range map[string][]policy.Protection{
		"":                       nil,
		"retry":                  {policy.Retry},
		" retry , retry-budget,": {policy.Retry, policy.RetryBudget},
	} {
		if got, err := policy.ParseProtections(names); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v", names, got, err)
		}
	}
	_, err := policy.ParseProtections("retry,prayer")
	if err == nil || !strings.Contains(err.Error(), `"prayer"`) {
		t.Fatalf("%v, want what is wrong", err)
	}
	for _, p := range all() {
		if !strings.Contains(err.Error(), string(p)) {
			t.Errorf("%v does not list %s", err, p)
		}
	}
}

// The least of the priorities still gets what 200 readers a second hold when
// everything hangs: each waits for the page's whole budget.
func TestNothingIsShedBelowTheLoadThatIsPromised(t *testing.T) {
	const readers = 200
	table := policy.Afloat()
	held := readers * max(table.Page.Budget, table.Page.Slot).Seconds()
	if room := table.Shed.Low * float64(table.Shed.Limit); held > room {
		t.Errorf("%d readers a second hold %.0f requests, and low priority is admitted up to %.0f", readers, held, room)
	}
}

// One switch and what it sets.
func ExampleCustom() {
	table, err := policy.Custom(policy.Retry, policy.Backoff)
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(table.PostReads.Retry.Attempts, table.PostReads.Retry.Backoff.Cap, table.PostReads.Deadline)
	_, err = policy.Custom("prayer")
	fmt.Println(strings.SplitAfter(err.Error(), ";")[0])
	// Output:
	// 3 40ms 0s
	// there is no protection "prayer";
}
