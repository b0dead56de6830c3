package widgets

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"afloat/internal/resilience"
)

// ask makes an attempt that ends with err.
func ask(t *testing.T, b *bases, err error) string {
	t.Helper()
	url, done, missing := b.take()
	if missing != nil {
		t.Fatal(missing)
	}
	done(t.Context(), err)
	return url
}

func TestBases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBases([]string{"a", "b"}, time.Second, classifyHTTP)

		t.Log("equals take turns")
		if one, two, three := ask(t, b, nil), ask(t, b, nil), ask(t, b, nil); one != "a" || two != "b" || three != "a" {
			t.Errorf("asked %s %s %s", one, two, three)
		}

		t.Log("a second copy goes past the base that keeps the first waiting")
		slow, done, _ := b.take()
		for range 3 {
			if other := ask(t, b, nil); other == slow {
				t.Errorf("%s was asked again while it kept a caller waiting", slow)
			}
		}
		done(t.Context(), nil)

		t.Log("a retry goes past the base that has failed, and so do others for a while")
		bad := ask(t, b, io.ErrUnexpectedEOF)
		for range 3 {
			if other := ask(t, b, nil); other == bad {
				t.Errorf("%s was asked again at once", bad)
			}
		}
		time.Sleep(time.Second)
		if one, two := ask(t, b, nil), ask(t, b, nil); one == two {
			t.Errorf("after its rest %s is still not asked", bad)
		}

		t.Log("with all at rest they take turns again")
		ask(t, b, io.ErrUnexpectedEOF)
		ask(t, b, io.ErrUnexpectedEOF)
		if one, two := ask(t, b, io.ErrUnexpectedEOF), ask(t, b, io.ErrUnexpectedEOF); one == two {
			t.Errorf("only %s was asked", one)
		}
	})
}

// TestBasesJudgeFairly: an answer that there is nothing is no failure, nor is a caller who leaves.
func TestBasesJudgeFairly(t *testing.T) {
	b := newBases([]string{"a", "b"}, time.Hour, classifyHTTP)
	left, leave := context.WithCancel(t.Context())
	leave()
	_, done, _ := b.take()
	done(left, left.Err())
	_, done, _ = b.take()
	done(t.Context(), statusError(404))
	if one, two := ask(t, b, nil), ask(t, b, nil); one == two {
		t.Errorf("only %s was asked", one)
	}
	if _, _, err := newBases(nil, time.Hour, resilience.DefaultClassifier).take(); !errors.Is(err, errNoBase) {
		t.Errorf("nowhere to ask: %v", err)
	}
}
