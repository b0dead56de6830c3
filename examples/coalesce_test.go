package examples_test

import (
	"context"
	"fmt"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"
)

func Example_oneQueryForAll() {
	var group singleflight.Group
	queries, answered := 0, make(chan struct{})
	query := func() (any, error) {
		queries++
		<-answered
		return "the article", nil
	}
	var readers []<-chan singleflight.Result
	for range 20 { // they all miss while the first one's query runs
		readers = append(readers, group.DoChan("posts/stampede", query))
	}
	close(answered)
	for _, reader := range readers {
		<-reader
	}
	fmt.Println(queries, "query for", len(readers), "readers")
	// Output: 1 query for 20 readers
}

// A cache whose entries are refreshed behind the reader a second after they were written, and kept for an hour.
func Example_refreshBehind() {
	clock, tasks, queries := &handClock{}, &later{}, 0
	cache := otter.Must(&otter.Options[string, string]{
		RefreshCalculator: otter.RefreshWriting[string, string](time.Second),
		ExpiryCalculator:  otter.ExpiryWriting[string, string](time.Hour),
		Clock:             clock, Executor: tasks.add, // by hand here, so that the output is the same each time
	})
	load := otter.LoaderFunc[string, string](func(context.Context, string) (string, error) {
		queries++
		return fmt.Sprint("copy ", queries), nil
	})
	for _, wait := range []time.Duration{0, 2 * time.Second, 0} {
		clock.now += wait
		page, _ := cache.Get(context.Background(), "posts/stampede", load)
		fmt.Println(clock.now, page)
		tasks.run()
	}
	// Output:
	// 0s copy 1
	// 2s copy 1
	// 2s copy 2
}

// handClock is a clock that is set by hand.
type handClock struct{ now time.Duration }

func (c *handClock) NowNano() int64                    { return int64(c.now) }
func (*handClock) Tick(time.Duration) <-chan time.Time { return nil }

// later keeps tasks until they are run.
type later struct{ tasks []func() }

func (l *later) add(task func()) { l.tasks = append(l.tasks, task) }

func (l *later) run() {
	tasks := l.tasks
	l.tasks = nil
	for _, task := range tasks {
		task()
	}
}
