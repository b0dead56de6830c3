package examples_test

import (
	"errors"
	"fmt"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/fallback"
	"github.com/redis/go-redis/v9"
)

func Example_boundedFallback() {
	answers := make(chan struct{})
	database := func() (string, error) { <-answers; return "new", nil }
	oldCopy := fallback.NewWithResult("old") // asks nobody, so it is the safety net
	places := bulkhead.New[string](2)        // the database is dearer than the cache was, so it is bounded
	read := failsafe.With[string](oldCopy, places)
	pages, served := make(chan string), map[string]int{}
	for range 10 { // the cache has died: ten readers need the database
		go func() { page, _ := read.Get(database); pages <- page }()
	}
	for n := range 10 {
		if n == 8 {
			close(answers) // until now it was busy with two of them
		}
		served[<-pages]++
	}
	fmt.Println(served)
	// Output: map[new:2 old:8]
}

func Example_unboundedFallback() {
	answers, asked := make(chan struct{}), make(chan struct{})
	cache := func() (string, error) { return "", errors.New("the cache is gone") }
	database := func(failsafe.Execution[string]) (string, error) { asked <- struct{}{}; <-answers; return "new", nil }
	read := failsafe.With[string](fallback.NewWithFunc(database))

	for range 10 {
		go func() { _, _ = read.Get(cache) }()
	}
	for range 10 {
		<-asked
	}
	fmt.Println("10 queries at the same moment")
	close(answers)
	// Output: 10 queries at the same moment
}

func Example_retriesOutOfTheBox() {
	client := redis.NewClient(&redis.Options{})
	defer client.Close()
	o := client.Options()
	fmt.Println("a command:", 1+o.MaxRetries, "tries; a dial:", o.DialerRetries, "tries")
	// Output: a command: 4 tries; a dial: 5 tries
}
