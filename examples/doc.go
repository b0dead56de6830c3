// Package examples has, for each pattern of internal/resilience, its equivalent
// in a library that is well kept, as Examples that are compiled and run with
// all other tests. The articles show them: whoever wants the pattern in a
// program of their own need not take the file that teaches it.
//
// It holds nothing to import. A library that only its tests use is a dependency
// of the module and not of the program.
package examples
