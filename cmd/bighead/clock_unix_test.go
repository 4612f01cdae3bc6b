//go:build unix

package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/value"
)

// TestClocksThatJump sets the clock of a server forward and back, with restarts and without, while events come in and others wait for their
// time. Each value of each key stays what batch makes of the rows whose time has come, as of the answer's own time; where the clock goes back,
// what was applied stays, and what lies before it then waits again. Set back by more than late tiles are kept for, the server answers nothing,
// also after a restart, until it has caught up.
func TestClocksThatJump(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts servers")
	}
	seed := rand.Uint64N(1 << 31)
	t.Logf("seed %d", seed)
	w := newCrashWorld(t, seed)
	w.begin()
	l := born(t, w.dir, w.clock, childSizes+"=small").up(t)
	const hour = 3_600_000
	values := 0
	w.came = map[string]bool{}
	for _, line := range crashOld {
		w.came[line] = true
	}
	for i, c := range []struct {
		jump    int64
		again   bool // a restart
		refused bool
	}{{jump: hour}, {jump: -hour}, {jump: 5 * hour, again: true}, {jump: -4 * hour, again: true}, {jump: value.DayMS}, {jump: -value.DayMS, refused: true}, {again: true, refused: true},
		{jump: value.DayMS}, {jump: 60_000}, {jump: 2 * value.DayMS, again: true}, {jump: -2*value.DayMS + 1, again: true, refused: true}, {jump: 3 * value.DayMS}} {
		w.clock.pass(c.jump)
		for range 25 {
			for _, k := range w.clients {
				if !k.send(l) {
					t.Fatalf("after jump %d it is gone:\n%s", i, l.LogTail(30))
				}
			}
		}
		w.answered(l)
		w.comes()
		if c.again {
			l.Stop()
			l = born(t, w.dir, w.clock, childSizes+"=small").up(t)
		}
		if c.refused {
			w.refused(l, "")
		} else {
			values += w.compare(l, false)
			w.refused(l, value.FormatTimestamp(w.clock.now()-7*hour))
		}
	}
	t.Logf("%d values compared", values)
}

// comes notes which events' time has come: also after the clock goes back, they are applied.
func (w *crashWorld) comes() {
	for _, source := range crashSources {
		lines, _ := w.acknowledged(source)
		for _, line := range lines {
			w.came[line] = w.came[line] || timeOf(w.t, line) < w.clock.now()
		}
	}
}

// refused wants every row refused, since the store cannot look back; at "": now.
func (w *crashWorld) refused(l *life, at string) {
	w.t.Helper()
	asked := ""
	if at != "" {
		asked = fmt.Sprintf(`,"at":%q`, at)
	}
	var got featuresAnswer
	said := ""
	deadline := time.After(5 * time.Minute)
	for {
		status, text, err := l.post("/v1/features/v", "", []byte(`{"rows":[{`+strings.Join(crashSpine(), "},{")+`}]`+asked+`}`), &got)
		if err != nil || status != http.StatusOK {
			w.t.Fatalf("%d %s %v", status, text, err)
		}
		good := true
		for _, row := range got.Rows {
			good = good && row.Error != nil && strings.Contains(row.Error.Detail, "cannot look back")
		}
		if good {
			return
		}
		said = string(text)
		select { // what the stream has let go is known within moments
		case <-deadline:
			w.t.Fatalf("at %q, by a clock of %s, it answers %s", at, value.FormatTimestamp(w.clock.now()), said)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
