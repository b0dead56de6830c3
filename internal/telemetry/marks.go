package telemetry

import (
	"slices"
	"time"
)

// A Mark is an event that explains what the figures show.
type Mark struct {
	Seq   int64     `json:"seq"` // rises from mark to mark, and from one run of the server to the next
	At    time.Time `json:"at"`
	Kind  MarkKind  `json:"kind"`
	What  string    `json:"what"`  // the link, policy or experiment it is about
	Words string    `json:"words"` // for people: "Postgres hangs"
}

// MarkKind says what a Mark tells of.
type MarkKind string

// What is marked. What happens between a beginning and an end may be shaded.
const (
	FaultBegins MarkKind = "fault-begins" // What is the link
	FaultEnds   MarkKind = "fault-ends"
	BreakerMark MarkKind = "breaker" // What is the policy
	RunMark     MarkKind = "run"     // an experiment or a load began or ended
)

// Mark adds a mark of this moment; the oldest makes room for it.
func (t *Timeline) Mark(kind MarkKind, what, words string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seq++
	if len(t.marks) == t.most {
		t.marks = slices.Delete(t.marks, 0, 1)
	}
	t.marks = append(t.marks, Mark{Seq: t.seq, At: time.Now(), Kind: kind, What: what, Words: words})
	close(t.changed)
	t.changed = make(chan struct{})
}

// Marks returns the marks after one, by Seq, oldest first, and a channel that
// is closed at the next. last is the Seq of the newest mark there is.
func (t *Timeline) Marks(after int64) (marks []Mark, last int64, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	first, _ := slices.BinarySearchFunc(t.marks, after+1, func(m Mark, seq int64) int { return int(m.Seq - seq) })
	return slices.Clone(t.marks[first:]), t.seq, t.changed
}
