package web

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"afloat/internal/testenv"
)

func TestMain(m *testing.M) {
	code := testenv.Main(m)
	// The highlighter's regular expressions have a clock of their own, which stops when none has run for a while.
	if err := goleak.Find(append(testenv.Leaks(), goleak.IgnoreAnyFunction("github.com/dlclark/regexp2/v2.runClock"))...); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, "leaked:", err)
		code = 1
	}
	os.Exit(code)
}
