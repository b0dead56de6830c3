//go:build !race

package testenv

const slowdown = 1
