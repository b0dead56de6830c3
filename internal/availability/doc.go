// Package availability computes series and parallel availability, error budgets and retry amplification.
//
// It also holds what is needed to set such a figure against a measurement: outages drawn at a given availability, and
// an interval that stays honest although the requests of one outage fail together.
//
//	series, parallel, nines, downtime, fallback   series.go
//	error budget                                  budget.go
//	what retries cost, alone and in layers        amplification.go
//	outages drawn by a seed                       outages.go
//	interval around a measured availability       interval.go
//
// An availability is the share of requests, or of time, that is served: a number from 0 to 1. The formulas take it as
// given that their arguments are such numbers, so that they can be used in templates; [Check] is for what comes from
// outside. All of it is arithmetic: no clock, and the same seed gives the same numbers.
package availability
