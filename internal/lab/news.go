package lab

import "time"

// RunNews is what is told of a run while it goes on, in JSON.
type RunNews struct {
	ID         string    `json:"id"`
	Experiment string    `json:"experiment"` // its name
	Title      string    `json:"title"`
	Began      time.Time `json:"began"`
	Ended      time.Time `json:"ended,omitzero"`
	Progress   Progress  `json:"progress"`
	Finding    string    `json:"finding,omitempty"`
	Met        bool      `json:"met"`             // it has ended, and every expectation held
	Error      string    `json:"error,omitempty"` // why there is no result
}

// News returns the latest run as it stands, a RunNews, or nil before the first; and a channel that is closed at the
// next change of any run.
func (r *Runner) News() (now any, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.runs) == 0 {
		return nil, r.changed
	}
	run := r.runs[len(r.runs)-1]
	n := RunNews{
		ID: run.ID, Experiment: run.Experiment.Name, Title: run.Experiment.Title, Began: run.Began, Ended: run.Ended, Progress: run.Progress,
		Finding: run.Result.Finding, Met: run.Over() && run.Err == nil && run.Result.Met(),
	}
	if run.Err != nil {
		n.Error = run.Err.Error()
	}
	return n, r.changed
}
