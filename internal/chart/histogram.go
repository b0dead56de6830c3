package chart

import "math"

// Histogram draws how many values fell into each bin. Bins are of one width, and neither overlap nor leave gaps.
type Histogram []Bin

// A Bin is the count of the values from From up to, and not including, To.
type Bin struct{ From, To, Count float64 }

// Count sorts values into n bins of equal, round width. The last includes its upper end; what is not finite is left out.
func Count(values []float64, n int) Histogram {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if math.Abs(v) <= huge {
			low, high = math.Min(low, v), math.Max(high, v)
		}
	}
	if low > high {
		return nil
	}
	width := stride(math.Max(high-low, math.Max(math.Abs(high)*1e-9, 1e-9)), max(n, 1))
	first := math.Floor(low / width)
	bins := make(Histogram, max(1, int(math.Ceil(high/width-first))))
	for i := range bins {
		bins[i] = Bin{From: (first + float64(i)) * width, To: (first + float64(i) + 1) * width}
	}
	for _, v := range values {
		if math.Abs(v) <= huge {
			bins[min(max(int(v/width-first), 0), len(bins)-1)].Count++
		}
	}
	return bins
}

func (h Histogram) empty() bool {
	for _, b := range h {
		if b.drawable() && b.Count > 0 {
			return false
		}
	}
	return true
}

func (b Bin) drawable() bool {
	return drawable(b.Count) && b.To > b.From && math.Abs(b.From) <= huge && math.Abs(b.To) <= huge
}

func (h Histogram) draw(c *canvas) {
	x0, x1, y1 := h.reach()
	if x0 > 0 && c.figure.X.Min <= x0 {
		x0 = c.figure.X.Min
	}
	f := c.frame(x0, x1, y1, nil)
	h.bars(f, Blue)
	f.marks()
	f.tags(f.reference())
}

// reach is how far the bins go, and the highest of them.
func (h Histogram) reach() (x0, x1, y1 float64) {
	x0, x1 = math.Inf(1), math.Inf(-1)
	for _, b := range h {
		if b.drawable() {
			x0, x1, y1 = math.Min(x0, b.From), math.Max(x1, b.To), math.Max(y1, b.Count)
		}
	}
	return x0, x1, y1
}

func (h Histogram) bars(f *frame, colour Colour) {
	for _, b := range h {
		if b.drawable() && b.Count > 0 {
			f.rect(f.x(b.From)+.5, f.y(b.Count), f.x(b.To)-f.x(b.From)-1, f.bottom-f.y(b.Count), "ch-area "+colour.class())
		}
	}
}

func (h Histogram) table(f Figure) (head []string, rows [][]string) {
	head = []string{f.X.title() + " from", "to", f.Y.title()}
	for _, b := range h {
		rows = append(rows, []string{f.X.number(b.From), f.X.number(b.To), f.Y.number(b.Count)})
	}
	return head, rows
}

func (h Histogram) say(f Figure) []string {
	most, sum := h[0], 0.0
	for _, b := range h {
		sum += amount(b.Count)
		if b.Count > most.Count || !b.drawable() {
			most = b
		}
	}
	return []string{"in all " + f.Y.value(sum), "most from " + f.X.value(most.From) + " to " + f.X.value(most.To) + ": " + f.Y.value(most.Count)}
}
