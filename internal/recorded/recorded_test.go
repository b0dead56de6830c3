package recorded

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// TestRecordedCasesStaySmall: they are in every binary, and a page offers all of them.
func TestRecordedCasesStaySmall(t *testing.T) {
	all := Cases()
	if len(all) == 0 || len(all) > 12 {
		t.Errorf("%d cases are recorded, want 1 to 12", len(all))
	}
	for _, c := range all {
		info, err := fs.Stat(files, "runs/"+c.Name+suffix)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > 6<<10 {
			t.Errorf("%s takes %d bytes, want at most 6 KB", c.Name, info.Size())
		}
		if found, ok := Find(c.Name); !ok || found.Does != c.Does {
			t.Errorf("%s is not found by its name", c.Name)
		}
		if c.Reads.Of == 0 || c.Comments.Acknowledged == 0 {
			t.Errorf("%s has no reads or no comments: %+v", c.Name, c)
		}
		if c.Seconds.IsZero() {
			continue
		}
		if got := sum(c.Seconds.Direct) + sum(c.Seconds.Outbox); got < c.Comments.Acknowledged*8/10 || got > c.Comments.Acknowledged {
			t.Errorf("%s: %d acknowledgements by second, of %d", c.Name, got, c.Comments.Acknowledged)
		}
	}
	if _, ok := Find("no such case"); ok {
		t.Error("a case that there isn't is found")
	}
}

// small is a case of three seconds.
func small() Case {
	return Case{
		Name: "edge-kill", Does: "kill -9: one edge", Targets: []string{"edge1"}, Began: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), Revision: "abc", Machine: "a machine",
		Rate: 200, Fault: 1, Heal: 2,
		Seconds: Seconds{
			Served: []int{199, 150, 200}, Failed: []int{0, 50, 0}, P99: []float64{30.1, 80, 31}, Direct: []int{5, 0, 5}, Outbox: []int{0, 5, 0}, Refused: []int{0, 1, 0},
			TwinServed: []int{10, 0, 10}, TwinFailed: []int{0, 10, 0},
		},
		Under: Latency{P99: 80}, Healthy: Latency{P99: 30}, Reads: Served{Failed: 50, Of: 400}, Twin: Served{Failed: 10, Of: 20},
		Comments: Comments{Acknowledged: 15, Outbox: 5}, DirectAfter: 1.5,
	}
}

func TestWrittenCasesAreReadBack(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "runs"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := small().Write(filepath.Join(dir, "runs")); err != nil {
		t.Fatal(err)
	}
	late := small()
	late.Name = "late-writers"
	late.Seconds.Direct, late.Seconds.Outbox, late.Seconds.Refused = append(late.Seconds.Direct, 0), append(late.Seconds.Outbox, 3), append(late.Seconds.Refused, 0)
	if err := late.Write(filepath.Join(dir, "runs")); err != nil {
		t.Fatal(err)
	}
	all, err := load(os.DirFS(dir))
	if err != nil || len(all) != 2 || !reflect.DeepEqual(all[0], small()) || !reflect.DeepEqual(all[1], late) {
		t.Errorf("%v, %+v", err, all)
	}
}

func TestWhatCannotBeToldIsRefused(t *testing.T) {
	for what, spoil := range map[string]func(*Case){
		"no machine":               func(c *Case) { c.Machine = "" },
		"no date":                  func(c *Case) { c.Began = time.Time{} },
		"a fault without seconds":  func(c *Case) { c.Seconds = Seconds{} },
		"comments without seconds": func(c *Case) { c.Fault, c.Heal, c.Seconds = 0, 0, Seconds{Direct: []int{1}} },
		"fewer p99s":               func(c *Case) { c.Seconds.P99 = c.Seconds.P99[1:] },
		"no late refusals": func(c *Case) {
			c.Seconds.Direct, c.Seconds.Outbox = append(c.Seconds.Direct, 1), append(c.Seconds.Outbox, 1)
		},
		"fewer comments":      func(c *Case) { c.Seconds.Direct, c.Seconds.Outbox, c.Seconds.Refused = nil, nil, nil },
		"half of a twin":      func(c *Case) { c.Seconds.TwinFailed = nil },
		"a fault after it":    func(c *Case) { c.Fault, c.Heal = 3, 4 },
		"a heal before fault": func(c *Case) { c.Heal = 0.5 },
	} {
		c := small()
		spoil(&c)
		if err := c.Write(t.TempDir()); err == nil {
			t.Errorf("%s: it is written", what)
		}
	}
	for name, text := range map[string]string{"runs/edge-kill.json": "{", "runs/other.json": `{"name":"edge-kill"}`} {
		if _, err := load(fstest.MapFS{name: {Data: []byte(text)}}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is read: %v", name, err)
		}
	}
}

func TestFiguresTellTheCase(t *testing.T) {
	all := small().Figures()
	if len(all) != 4 {
		t.Fatalf("%d figures, want reads, p99, comments and the twin", len(all))
	}
	var text strings.Builder
	for _, f := range all {
		text.Write(f.Standalone())
	}
	for _, want := range []string{"50 reads failed", "p99 80 ms under the fault, 30 healthy", "15 comments acknowledged, 5 of them by the outbox", "10 of 20 reads failed", "fault from 1"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the figures lack %q", want)
		}
	}
	alone := small()
	alone.Seconds.TwinServed, alone.Seconds.TwinFailed = nil, nil
	if n := len(alone.Figures()); n != 3 {
		t.Errorf("%d figures without the twin's seconds, want 3", n)
	}
	bare := small()
	bare.Fault, bare.Heal, bare.Seconds, bare.Twin, bare.TwinPercent = 0, 0, Seconds{}, Served{}, 92
	if err := bare.check(bare.Name); err != nil {
		t.Error(err)
	}
	if got := bare.Figures(); len(got) != 2 || !strings.Contains(got[0].Title, "12.5 % of the fleet's reads failed, and 92 % of the naive twin's") {
		t.Errorf("without its seconds it is drawn as %+v", got)
	}
}
