package sim_test
import ("testing";"time";"afloat/internal/sim")
func TestZZ(t *testing.T){
 for _, d := range []time.Duration{100*time.Millisecond, 300*time.Millisecond} {
  for _, sp := range []time.Duration{5*time.Second, 6*time.Second, 7*time.Second, 8*time.Second} {
  for _, b := range []time.Duration{0,20*time.Second,40*time.Second, 80*time.Second} {
   p := sim.PublishedCollapse(false, 200, 7); p.Delay=d; p.SpikeFor=sp; p.Backoff=b
   p.SpikeAt=3*time.Second;p.Settle=10*time.Second; p.Watch=4*time.Second
   q,_ := sim.Collapse(t.Context(), p)
   p.Settle=35*time.Second; p.Watch=10*time.Second
   r,_ := sim.Collapse(t.Context(), p)
   t.Log(d, sp, b, q.Collapsed, r.Collapsed)
  }}}
}
