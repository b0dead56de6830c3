package resilience_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"afloat/internal/resilience"
)

var shedPolicy = resilience.ShedPolicy{Limit: 10, Normal: 0.8, Low: 0.5}

// Each priority is admitted up to its share, and the more important may always
// take what is kept from the less.
func TestShedderKeepsAReserve(t *testing.T) {
	s := must(resilience.NewShedder(shedPolicy))
	var held []func()
	for _, step := range []struct {
		priority resilience.Priority
		admitted int
	}{{resilience.Low, 5}, {resilience.Normal, 3}, {resilience.Low, 0}, {resilience.High, 2}, {resilience.Normal, 0}} {
		n := 0
		for range 20 {
			release, err := s.Acquire(step.priority)
			if err != nil {
				if !errors.Is(err, resilience.ErrShed) || resilience.ErrClass(err) != "shed" || release != nil {
					t.Errorf("refused with %v", err)
				}
				break
			}
			held = append(held, release)
			n++
		}
		if n != step.admitted {
			t.Errorf("%d of %s priority admitted, want %d", n, step.priority, step.admitted)
		}
	}
	if s.InFlight() != 10 {
		t.Errorf("%d in flight, want 10", s.InFlight())
	}
	for _, release := range held {
		release()
	}
	if s.InFlight() != 0 {
		t.Errorf("%d in flight when all have ended", s.InFlight())
	}
}

// A server that does a second's work in a second, and is offered three: with
// shedding it does its second's worth in time; without, everybody waits.
func TestSheddingKeepsGoodput(t *testing.T) {
	const capacity, offered = 100, 300 // requests a second
	serve := func(t *testing.T, p resilience.ShedPolicy) (inTime, late, shed int) {
		synctest.Test(t, func(t *testing.T) {
			s := must(resilience.NewShedder(p))
			processor := make(chan struct{}, 1)
			var mu sync.Mutex
			var all sync.WaitGroup
			for range offered {
				time.Sleep(time.Second / offered)
				all.Go(func() {
					start := time.Now()
					release, err := s.Acquire(resilience.High)
					if err == nil {
						processor <- struct{}{}
						time.Sleep(time.Second / capacity)
						<-processor
						release()
					}
					mu.Lock()
					defer mu.Unlock()
					switch {
					case err != nil:
						shed++
					case time.Since(start) <= 200*ms:
						inTime++
					default:
						late++
					}
				})
			}
			all.Wait()
		})
		return inTime, late, shed
	}
	if inTime, late, shed := serve(t, resilience.ShedPolicy{}); inTime > 50 || shed != 0 {
		t.Errorf("without shedding %d in time, %d late, %d shed", inTime, late, shed)
	}
	if inTime, late, shed := serve(t, shedPolicy); inTime < capacity || late != 0 || inTime+shed != offered {
		t.Errorf("with shedding %d in time, %d late, %d shed", inTime, late, shed)
	}
}

func TestShedderIsConcurrent(t *testing.T) {
	s := must(resilience.NewShedder(shedPolicy))
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			for range 5000 {
				if release, err := s.Acquire(resilience.Priority(i % 3)); err == nil {
					if n := s.InFlight(); n > 10 {
						t.Errorf("%d in flight", n)
					}
					release()
				}
			}
		})
	}
	all.Wait()
	if s.InFlight() != 0 {
		t.Errorf("%d in flight when all have ended", s.InFlight())
	}
}

func TestShedderOffAdmitsEverybody(t *testing.T) {
	s := must(resilience.NewShedder(resilience.ShedPolicy{}))
	for range 1000 {
		if _, err := s.Acquire(resilience.Low); err != nil || s.InFlight() != 0 {
			t.Fatal(err, s.InFlight())
		}
	}
}

func TestNewShedderRefusesNonsense(t *testing.T) {
	for want, p := range map[string]resilience.ShedPolicy{
		"Limit 0":    {Normal: 0.8, Low: 0.5},
		"Limit -1":   {Limit: -1, Normal: 0.8, Low: 0.5},
		"Low 0 ":     {Limit: 1, Normal: 0.8},
		"Low 0.9 ":   {Limit: 1, Normal: 0.8, Low: 0.9},
		"Normal 1.5": {Limit: 1, Normal: 1.5, Low: 0.5},
	} {
		if _, err := resilience.NewShedder(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error that says %q", err, want)
		}
	}
}

// With one place left for what matters most, a search is refused and an article
// is not.
func ExampleShedder() {
	shedder := must(resilience.NewShedder(resilience.ShedPolicy{Limit: 2, Normal: 0.5, Low: 0.5}))
	for _, priority := range []resilience.Priority{resilience.Low, resilience.Low, resilience.High} {
		release, err := shedder.Acquire(priority)
		fmt.Println(priority, err == nil)
		if err == nil {
			defer release() // when the request has ended
		}
	}
	// Output:
	// low true
	// low false
	// high true
}
