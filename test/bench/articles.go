package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// library writes articles in a language of its own: words are drawn by Zipf's
// law, as in any text, so some are in every article and some in very few. The
// same seed makes the same articles.
type library struct {
	random *rand.Rand
	words  []string // the most frequent first
}

const vocabulary = 6000

var tags = []string{"anchors", "buoys", "charts", "davits", "ensigns", "fenders", "galleys", "hulls"}

func newLibrary() *library {
	l := &library{random: rand.New(rand.NewPCG(1, 1))}
	syllables := []string{"ba", "ko", "mi", "ru", "te", "lan", "dor", "vis", "pel", "gum", "sta", "nor", "fi", "hul", "kes", "wam"}
	known := map[string]bool{}
	for len(l.words) < vocabulary {
		word := ""
		for range 2 + l.random.IntN(3) {
			word += syllables[l.random.IntN(len(syllables))]
		}
		if !known[word] {
			known[word] = true
			l.words = append(l.words, word)
		}
	}
	return l
}

// sentence draws ranks whose logarithm is uniform: close to Zipf's law.
func (l *library) sentence(words int) string {
	var b strings.Builder
	for i := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(l.words[int(math.Exp(l.random.Float64()*math.Log(vocabulary)))-1])
	}
	b.WriteByte('.')
	return b.String()
}

const code = "```go\nfunc retry(ctx context.Context, attempts int, call func(context.Context) error) (err error) {\n" +
	"\tfor range attempts {\n\t\tif err = call(ctx); err == nil {\n\t\t\treturn nil\n\t\t}\n\t}\n\treturn err\n}\n```\n\n"

func slug(i int) string        { return fmt.Sprintf("post-%06d", i) }
func articlePath(i int) string { return "/posts/" + slug(i) }

// article is one of sections of about 100 words each, the first with code.
func (l *library) article(i, sections int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "---\ntitle: Post %d on %s\nsummary: %s\ntags: [%s, %s]\npublished: %d-%02d-%02d\n---\n\n",
		i, l.words[i%vocabulary], l.sentence(12), tags[i%len(tags)], tags[(i+1+i/7%6)%len(tags)], 2000+i%25, 1+i/25%12, 1+i/300%28)
	for s := range sections {
		if s > 0 {
			fmt.Fprintf(&b, "## %s\n\n", strings.TrimSuffix(l.sentence(3), "."))
		}
		for range 2 {
			for range 4 {
				b.WriteString(l.sentence(12) + " ")
			}
			b.WriteString("\n\n")
		}
		if s == 0 && sections > 1 {
			b.WriteString(code)
		}
	}
	return b.String()
}

// write fills a new directory with n articles.
func (l *library) write(dir string, n, sections int) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for i := range n {
		if err := os.WriteFile(filepath.Join(dir, slug(i)+".md"), []byte(l.article(i, sections)), 0o600); err != nil {
			return err
		}
	}
	return nil
}
