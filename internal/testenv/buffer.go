package testenv

import (
	"strings"
	"sync"
)

// A Buffer keeps what a log or a process writes, and can be read meanwhile.
// The zero Buffer is empty and ready for use.
type Buffer struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write keeps p, and never fails.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String is all that has been written so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
