// Package capstone is the exercise at the end of the lessons: what is broken?
//
// A [Case] is a fault on one link and a blog that runs without one protection,
// the patient: the same blog, on the same dependencies, beside the protected
// one. A seed picks the case, and nothing that readers can see names it: they
// read the patient's pages and their X-ray, compare them with the protected
// blog's, and answer three questions. What is said of the evidence afterwards
// is held against what the pages showed in that very run.
package capstone
