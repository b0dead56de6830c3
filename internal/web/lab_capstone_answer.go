package web

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"afloat/internal/capstone"
)

// partRow is what the X-ray of one blog said of a part.
type partRow struct{ Blog, Part, State, Tries, Breaker, Error string }

// viewAnswer judges the answers and lays out the evidence: what to look at, what it tells, and whether the pages of
// this case showed it.
func viewAnswer(seed uint64, answers []string, sitting capstone.Sitting, measured bool) *answerView {
	verdicts, offered := capstone.Judge(seed, answers)
	if !offered {
		return nil
	}
	c := capstone.Of(seed)
	v := &answerView{Verdicts: verdicts, Finding: c.Finding, Story: c.Story, Read: c.Read}
	for _, verdict := range verdicts {
		if verdict.Right {
			v.Right++
		}
	}
	evidence := sitting.Saw.Evidence()
	measured = measured && evidence.Patient.Looks > 0
	for _, clue := range c.Clues {
		held := "not measured: this case has not been open here"
		if measured {
			held = "not seen in the last looks"
			if clue.Holds(evidence) {
				held = "seen"
			}
		}
		v.Clues = append(v.Clues, clueView{clue.Look, clue.Tells, held})
	}
	if measured {
		v.Parts = slices.Concat(partRows("Patient", evidence.Patient), partRows("Protected", evidence.Blog), partRows("Patient, other page", evidence.Beside))
	}
	return v
}

func partRows(whose string, s capstone.Summary) (rows []partRow) {
	for _, name := range slices.Sorted(maps.Keys(s.Parts)) {
		r := s.Parts[name]
		row := partRow{Blog: whose, Part: name, State: counted(r.States), Tries: "none", Breaker: cmp.Or(counted(r.Breakers), "none shown"), Error: cmp.Or(counted(r.Errs), "none")}
		if r.Asked > 0 {
			row.Tries = fmt.Sprintf("%s, %s to %s", span(r.FewestTries, r.MostTries), millis(r.Quickest), millis(r.Slowest))
		}
		rows = append(rows, row)
	}
	return rows
}

func span(least, most int) string {
	if least == most {
		return plural(most, "try", "tries")
	}
	return fmt.Sprintf("%d to %d tries", least, most)
}

// counted says what came how often: "missing 8, stale 2".
func counted(of map[string]int) string {
	var said []string
	for _, what := range slices.Sorted(maps.Keys(of)) {
		if what != "" {
			said = append(said, fmt.Sprintf("%s %d", what, of[what]))
		}
	}
	return strings.Join(said, ", ")
}
