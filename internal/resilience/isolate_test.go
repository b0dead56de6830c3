package resilience_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"afloat/internal/resilience"
)

func TestIsolateReturnsThePanicWithItsStack(t *testing.T) {
	v, err := resilience.Isolate(func() (int, error) {
		var posts []int
		return posts[3], nil
	})
	caught, ok := errors.AsType[*resilience.PanicError](err)
	if !ok || v != 0 {
		t.Fatalf("got %v, %v; want 0 and a *PanicError", v, err)
	}
	if !strings.Contains(string(caught.Stack), "isolate_test.go") {
		t.Errorf("the stack doesn't name the place of the panic:\n%s", caught.Stack)
	}
	if strings.Contains(err.Error(), "goroutine") {
		t.Errorf("the message holds the stack: %s", err)
	}
}

func TestIsolatePassesAnswersAndErrors(t *testing.T) {
	if v, err := resilience.Isolate(func() (int, error) { return 7, errMissing }); v != 7 || err != errMissing {
		t.Errorf("got %v, %v", v, err)
	}
}

func ExampleIsolate() {
	comments, err := resilience.Isolate(func() ([]string, error) {
		panic("a bug in the comments")
	})
	fmt.Println(len(comments), err)
	// Output: 0 panic: a bug in the comments
}
