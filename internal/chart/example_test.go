package chart_test

import (
	"fmt"

	"afloat/internal/chart"
)

func Example() {
	f := chart.Figure{
		ID: "calls", Title: "Full jitter needs a third of the calls", Desc: "100 clients, simulated.",
		X: chart.Axis{Label: "calls"},
		Plot: chart.Bars{
			{Label: "no backoff", Value: 2418, Reference: chart.Reference{Value: 2423, Label: "published"}},
			{Label: "full jitter", Value: 792, Reference: chart.Reference{Value: 796, Label: "published"}},
		},
	}
	table := f.Table()
	fmt.Println(table.Head)
	for _, row := range table.Rows {
		fmt.Println(row)
	}
	// Output:
	// [Row calls Compare]
	// [no backoff 2418 published 2423]
	// [full jitter 792 published 796]
}
