package afloat_test

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"afloat"
	"afloat/internal/lessons"
)

var (
	fenced   = regexp.MustCompile("(?ms)^```.*?^```$")
	wordlike = regexp.MustCompile(`[\pL\pN]`)
	unread   = regexp.MustCompile(`(?m)^[|#].*$|^\[\^.*$|\[\^\w+\]|\]\([^)]*\)|` + "`[^`]*`")
	sentence = regexp.MustCompile(`[.!?:;]\s|\n\n`)
)

// TestLessonsKeepTheirShape: all that a lesson consists of, in 900 to 1,800
// words that are no harder to read than a newspaper.
func TestLessonsKeepTheirShape(t *testing.T) {
	for _, l := range lessons.All() {
		text := articleOf(t, l)
		for _, part := range partsOf(l) {
			if !strings.Contains(text, part) {
				t.Errorf("lesson %d has no %q", l.Number, part)
			}
		}
		if l.Capstone() {
			continue
		}
		prose := fenced.ReplaceAllString(text, "")
		if n := words(prose); n < 900 || n > 1800 {
			t.Errorf("lesson %d has %d words, want 900 to 1,800", l.Number, n)
		}
		if grade := colemanLiau(unread.ReplaceAllString(prose, " ")); grade > 8 {
			t.Errorf("lesson %d reads like school year %.1f, want 8 at most: shorten its sentences", l.Number, grade)
		}
	}
}

// partsOf are what a lesson's text must hold.
func partsOf(l lessons.Lesson) []string {
	parts := []string{"```predict\n", "```source\n", "\n## When this hurts", "\n## Checklist\n"}
	if l.Capstone() {
		return parts
	}
	return append(parts, "```experiment\n", "```figure\n", "\n## In a library\n", "```source\nexamples/", "\n[^")
}

// articleOf is a lesson's text without its front matter.
func articleOf(t *testing.T, l lessons.Lesson) string {
	t.Helper()
	names, err := fs.Glob(afloat.Content(), fmt.Sprintf("%02d-*.md", l.Number))
	if err != nil || len(names) != 1 {
		t.Fatalf("lesson %d is in the files %v, %v", l.Number, names, err)
	}
	raw, err := fs.ReadFile(afloat.Content(), names[0])
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(strings.TrimPrefix(string(raw), "---\n"), "\n---\n")
	return text
}

func words(text string) (n int) {
	for _, w := range strings.Fields(text) {
		if wordlike.MatchString(w) {
			n++
		}
	}
	return n
}

// colemanLiau is the school year in which a text can be read, by its letters
// and sentences for 100 words (Coleman and Liau, 1975).
func colemanLiau(text string) float64 {
	n := float64(words(text))
	letters := float64(len(regexp.MustCompile(`\pL`).FindAllString(text, -1)))
	sentences := 0.0
	for _, s := range sentence.Split(text, -1) {
		if words(s) > 1 {
			sentences++
		}
	}
	return 0.0588*letters/n*100 - 0.296*sentences/n*100 - 15.8
}

func TestReadingLevelTellsHardFromEasy(t *testing.T) {
	easy := strings.Repeat("The page is up. It is old. You can read it. ", 5)
	hard := strings.Repeat("Notwithstanding considerable architectural sophistication, availability characteristics deteriorate exponentially whenever interdependencies proliferate uncontrollably. ", 5)
	if e, h := colemanLiau(easy), colemanLiau(hard); e > 8 || h < 20 {
		t.Errorf("easy is %.1f, hard %.1f", e, h)
	}
}
