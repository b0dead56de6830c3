//go:build race

package testenv

// slowdown is what the race detector makes of one millisecond: its own documentation says 2 to 20 times.
const slowdown = 3
