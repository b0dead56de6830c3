package load

import "time"

// A Sample is what became of one reader.
type Sample struct {
	Due      time.Duration `json:"due"` // when it arrived, from the start
	Path     string        `json:"path"`
	Status   int           `json:"status,omitempty"`   // HTTP status; 0: no whole answer
	Error    string        `json:"error,omitempty"`    // class, where there was no whole answer; or Unsent, or Wrong
	Complete bool          `json:"complete,omitempty"` // 200, and no part stale, fallback or missing
	Latency  time.Duration `json:"latency"`            // from when it was due until the last byte, or until it failed
}

// Unsent is the error of a reader who was given up before it could be sent.
const Unsent = "unsent"

// Wrong is the error of a reader whose 200 the plan's Check refused.
const Wrong = "wrong page"

// OK reports whether the reader got the page: a 200 within the bound, and not a wrong one.
func (s Sample) OK(within time.Duration) bool {
	return s.Status == 200 && s.Error == "" && s.Latency <= within
}
