package web

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"

	"afloat/internal/capstone"
	"afloat/internal/lab"
)

// The page of the exercise: a case is opened by a POST, looked at on other pages, and answered by a form whose answers
// are in the URL. What is shown after the answer depends on the seed, the answers and what was measured; before it,
// nothing on any page depends on the case.

type capstonePage struct {
	frame
	None      bool     // this blog can't run a patient
	Seed      uint64   // 0: none is chosen yet
	Problem   string   // why no case was opened, or no answer judged
	Busy      *runView // what keeps a case from being opened
	Sitting   *sittingView
	Questions []questionView
	Answer    *answerView // nil before the answer
	Next      string      // another case
}

type questionView struct {
	Name, Asks string
	Choices    []choiceOf
}

type choiceOf struct {
	Value, Text string
	On          bool
}

type answerView struct {
	Verdicts []capstone.Verdict
	Right    int
	Finding  string
	Clues    []clueView
	Story    []string
	Parts    []partRow
	Read     []lab.Reference
}

type clueView struct{ Look, Tells, Held string }

// labCapstone is GET /lab/capstone: with ?seed= a case, with the three answers what they are worth.
func (s *Server) labCapstone(w http.ResponseWriter, r *http.Request) error {
	given := r.URL.Query()
	if !given.Has("seed") {
		return s.renderCapstone(w, r, http.StatusOK, 0, nil, "")
	}
	seed, ok := seedOf(given.Get("seed"))
	if !ok {
		return s.renderCapstone(w, r, http.StatusBadRequest, 0, nil, badSeed)
	}
	problem := ""
	answers, complete := answersIn(given)
	if answers != nil && !complete {
		problem = "Choose one answer to each of the three questions."
	}
	return s.renderCapstone(w, r, http.StatusOK, seed, given, problem)
}

// openCase is POST /lab/capstone: 303 to the case's page. Without a seed it draws one.
func (s *Server) openCase(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return &lab.BadOrder{Fields: []lab.BadField{{Field: "body", Range: "a form with a seed, or without", Got: "something else"}}}
	}
	seed := 1 + rand.Uint64N(capstone.MaxSeed)
	if said := r.PostForm.Get("seed"); said != "" {
		var ok bool
		if seed, ok = seedOf(said); !ok {
			return s.renderCapstone(w, r, http.StatusBadRequest, 0, nil, badSeed)
		}
	}
	if s.Custom == nil {
		return s.renderCapstone(w, r, http.StatusConflict, seed, nil, "")
	}
	if err := s.capstone.Open(seed); err != nil {
		if busy := (*lab.Busy)(nil); !errors.As(err, &busy) {
			return err
		}
		return s.renderCapstone(w, r, http.StatusConflict, seed, nil, "Somebody is at work in the lab: "+err.Error()+". One case is open at a time, and all may work on it.")
	}
	http.Redirect(w, r, capstone.Page(seed), http.StatusSeeOther)
	return nil
}

var badSeed = fmt.Sprintf("The seed is a whole number from 1 to %d.", capstone.MaxSeed)

func seedOf(said string) (seed uint64, ok bool) {
	seed, err := strconv.ParseUint(said, 10, 64)
	return seed, err == nil && seed >= 1 && seed <= capstone.MaxSeed
}

// answersIn are the answers of a form in the order of the questions; nil where there is none, and whether all are
// there.
func answersIn(given url.Values) (answers []string, complete bool) {
	complete = true
	for _, q := range capstone.Questions(1) {
		answers = append(answers, given.Get(q.Name))
		complete = complete && given.Has(q.Name)
	}
	if answers[0]+answers[1]+answers[2] == "" {
		return nil, false
	}
	return answers, complete
}

func (s *Server) renderCapstone(w http.ResponseWriter, r *http.Request, status int, seed uint64, given url.Values, problem string) error {
	page := capstonePage{frame: s.labFrame(r, "What is broken?"), None: s.Custom == nil, Seed: seed, Problem: problem}
	page.Here = "/lab/capstone"
	sitting, was := s.capstone.Latest()
	if was && sitting.Seed == seed {
		page.Sitting = s.viewSitting(r, sitting)
		if page.Here = capstone.Page(seed); !sitting.Over && sitting.Patient == "" {
			page.Refresh = refreshEvery
		}
	}
	if page.Sitting == nil || page.Sitting.Run == "" {
		page.Busy = s.underWay()
	}
	if seed > 0 {
		page.Next = capstone.Page(seed%capstone.MaxSeed + 1)
		page.Questions = viewQuestions(seed, given)
		if answers, complete := answersIn(given); complete {
			page.Answer = viewAnswer(seed, answers, sitting, was && sitting.Seed == seed)
		}
	}
	body, err := s.pages.render("lab-capstone", page)
	if err != nil {
		return err
	}
	writePage(w, status, body)
	return nil
}

func viewQuestions(seed uint64, given url.Values) (views []questionView) {
	for _, q := range capstone.Questions(seed) {
		v := questionView{Name: q.Name, Asks: q.Asks}
		for _, c := range q.Choices {
			v.Choices = append(v.Choices, choiceOf{c.Value, c.Text, given.Get(q.Name) == c.Value})
		}
		views = append(views, v)
	}
	return views
}
