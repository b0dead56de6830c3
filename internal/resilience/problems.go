package resilience

import (
	"errors"
	"fmt"
)

// problems collects everything that is wrong with a policy, so that whoever
// wrote it mends it in one go. Each problem names the field, the value and the
// remedy: a policy that would do nothing, or harm, must not start quietly.
type problems []error

func (p *problems) when(bad bool, format string, args ...any) {
	if bad {
		*p = append(*p, fmt.Errorf(format, args...))
	}
}

func (p *problems) err() error { return errors.Join(*p...) }
