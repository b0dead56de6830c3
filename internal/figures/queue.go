package figures

import (
	"fmt"
	"math/rand/v2"

	"afloat/internal/chart"
)

const (
	queueSeed    = 12
	queueServes  = 100 // requests a second, when there is always one
	queueFor     = 60  // seconds
	queueBounded = 50  // places of the bounded queue
)

// queueGrowth is lesson 12's: a little more than can be done is a queue that only grows.
func queueGrowth() Figure {
	return Figure{
		Name: "queue-growth", Label: Simulated, Code: "internal/figures/queue.go",
		How: fmt.Sprintf("A queue with one server, Poisson arrivals and exponential times, drawn with seed %d", queueSeed),
		draw: func() chart.Figure {
			over, bounded := queueAt(1.2, 0), queueAt(1.2, queueBounded)
			wait := over.last() / queueServes
			return chart.Figure{
				Title: fmt.Sprintf("A fifth too much, and after a minute %.0f requests wait for %.0f s; a queue of %d places keeps it to %.1f s", over.last(), wait, queueBounded, float64(queueBounded)/queueServes),
				Desc:  fmt.Sprintf("Requests in the queue of a server that can do %d a second, by how many come. Of the bounded queue’s readers %s were refused at once.", queueServes, percent(bounded.refused, 0)),
				X:     chart.Axis{Label: "time", Unit: "s"},
				Y:     chart.Axis{Label: "requests in the queue"},
				Plot: chart.Lines{
					{Name: "80 %", Points: queueAt(0.8, 0).points, Colour: chart.Green},
					{Name: "100 %", Points: queueAt(1, 0).points, Colour: chart.Orange},
					{Name: "120 %", Points: over.points, Colour: chart.Vermillion},
					{Name: fmt.Sprintf("120 %%, %d places", queueBounded), Points: bounded.points, Colour: chart.Blue},
				},
			}
		},
	}
}

// A queue is how long it was at the end of each second.
type queue struct {
	points  []chart.Point
	refused float64 // share of those who came
}

func (q queue) last() float64 { return q.points[len(q.points)-1].Y }

// queueAt simulates a queue at a load, as a share of what its server can do. places bounds it; 0 doesn't. All have the
// same draws, so that a higher load is the same crowd in less time.
func queueAt(load float64, places int) queue {
	draw := rand.New(rand.NewPCG(queueSeed, 0))
	gap := func() float64 { return draw.ExpFloat64() / (load * queueServes) }
	work := rand.New(rand.NewPCG(queueSeed, 1))
	q := queue{points: []chart.Point{{}}}
	waiting, came, refused := 0, 0, 0
	arrives, leaves := gap(), 0.0 // leaves counts only while somebody is there
	for second := 1.0; second <= queueFor; {
		switch next := arrives; {
		case waiting > 0 && leaves < next && leaves < second:
			waiting--
			leaves += work.ExpFloat64() / queueServes
		case next < second:
			came++
			switch {
			case places > 0 && waiting >= places:
				refused++
			case waiting == 0:
				leaves = next + work.ExpFloat64()/queueServes
				waiting++
			default:
				waiting++
			}
			arrives += gap()
		default:
			q.points = append(q.points, chart.Point{X: second, Y: float64(waiting)})
			second++
		}
	}
	q.refused = float64(refused) / float64(came)
	return q
}
