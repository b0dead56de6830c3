package examples_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/adaptivethrottler"
	"github.com/failsafe-go/failsafe-go/bulkhead"
)

func Example_shedAtTheServer() {
	places := bulkhead.New[string](20) // no waiting time: whoever finds no place is refused at once
	serve := failsafe.With[string](places)
	page := func() (string, error) { return "a page", nil }

	for range 20 {
		places.TryAcquirePermit() // twenty requests are in the server
	}
	_, err := serve.Get(page)
	fmt.Println(errors.Is(err, bulkhead.ErrFull), err)
	places.ReleasePermit() // one of them has ended
	got, err := serve.Get(page)
	fmt.Println(got, err)
	// Output:
	// true bulkhead full
	// a page <nil>
}

func Example_throttleAtTheClient() {
	for _, threshold := range []float64{0.5, 0.1} { // 0.5 is K = 2; 0.1, the default, is K = 1/0.9
		throttle := adaptivethrottler.NewBuilder[string]().
			WithFailureRateThreshold(threshold, 0, 2*time.Minute).
			Build()
		for n := range 400 { // of 400 requests the server accepts 100
			if n%4 == 0 {
				throttle.RecordSuccess()
			} else {
				throttle.RecordFailure()
			}
		}
		throttle.TryAcquirePermit() // which is when the rate is found
		fmt.Printf("K %.2f: refuses %.3f\n", 1/(1-threshold), throttle.RejectionRate())
	}
	// Output:
	// K 2.00: refuses 0.499
	// K 1.11: refuses 0.720
}
