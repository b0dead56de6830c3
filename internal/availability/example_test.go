package availability_test

import (
	"fmt"
	"time"

	"afloat/internal/availability"
)

// A page that can't do without its database and its cache.
func ExampleSeries() {
	fmt.Printf("%.2f %%\n", 100*availability.Series(0.9999, 0.9999))
	// Output: 99.98 %
}

// Thirty services, each with four nines: Hystrix's wiki has this example.
func ExamplePerMonth() {
	parts := make([]float64, 30)
	for i := range parts {
		parts[i] = 0.9999
	}
	page := availability.Series(parts...)
	fmt.Printf("%.2f %%, %.1f nines, %.0f minutes a month\n", 100*page, availability.Nines(page), availability.PerMonth(page).Minutes())
	// Output: 99.70 %, 2.5 nines, 129 minutes a month
}

// Copies for 95 % of the requests turn two nines into more than three.
func ExampleWithFallback() {
	fmt.Printf("%.2f %%\n", 100*availability.WithFallback(0.99, 0.95))
	// Output: 99.95 %
}

// The two books count differently: tries here, retries there.
func ExampleTries() {
	fmt.Println(availability.Tries(5, 3), "calls reach the bottom of 5 layers that make 3 tries each")
	fmt.Println(availability.Retries(3, 3), "calls reach the bottom of 3 layers that make 3 retries each")
	// Output:
	// 243 calls reach the bottom of 5 layers that make 3 tries each
	// 64 calls reach the bottom of 3 layers that make 3 retries each
}

// What was drawn, and what a page that needs all three links gets of it.
func ExampleSchedule_Draw() {
	s := availability.Schedule{Uptime: []float64{0.95, 0.95, 0.95}, Cycle: 4 * time.Second}
	links := s.Draw(2*time.Minute, 1)
	fmt.Printf("expected %.1f %%\n", 100*availability.Series(s.Uptime...))
	exact := availability.ExactUptime(availability.Union(links...), 2*time.Minute)
	fmt.Println("drawn, within ten points of it:", exact > 0.757 && exact < 0.957)
	// Output:
	// expected 85.7 %
	// drawn, within ten points of it: true
}
