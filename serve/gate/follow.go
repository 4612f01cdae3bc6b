package gate

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"time"
)

// followEvery is how often the file of tokens is looked at.
const followEvery = time.Second

// Follow reads the file of tokens again whenever it changes, until ctx ends, and at once when somebody asks by now (nil: nobody does). The
// gate must be made of a reading of it. A file that is gone or cannot be read as tokens leaves in force what was, which Degraded says and the log once.
//
// The content is compared and not the time of change: a file that is swapped by a link, or written twice within a tick of the file
// system's clock, is seen too. A change counts once two looks have found the same, so that a file that is being written is not taken for
// a shorter one.
func (g *Gate) Follow(ctx context.Context, path string, now <-chan os.Signal, log *slog.Logger) {
	f := &follower{gate: g, path: path, log: log, taken: look{text: g.tokens.Load().text}}
	f.seen = f.taken
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			before := f.seen
			if f.look(); f.seen == before && f.seen != f.taken {
				f.take(ctx)
			}
		case <-now:
			f.look()
			f.take(ctx)
		}
	}
}

// follower is one who looks at a file of tokens. For one goroutine.
type follower struct {
	gate        *Gate
	path        string
	log         *slog.Logger
	seen, taken look
}

// look is a file as it was found: its text, or why it could not be read.
type look struct{ text, err string }

func (f *follower) look() {
	f.seen = look{}
	if b, err := os.ReadFile(f.path); err != nil {
		f.seen.err = err.Error()
	} else {
		f.seen.text = string(b)
	}
}

// take puts what was seen in force, if it can be.
func (f *follower) take(ctx context.Context) {
	f.taken = f.seen
	wrong := f.seen.err
	t, err := ParseTokens(strings.NewReader(f.seen.text))
	if wrong == "" && err != nil {
		wrong = f.path + ":" + err.Error()
	}
	if wrong != "" {
		f.log.ErrorContext(ctx, "the file of tokens cannot be used; the tokens that were stay in force", "error", wrong)
		wrong = "the file of tokens cannot be used, the tokens that were are in force: " + wrong
		f.gate.broken.Store(&wrong)
		return
	}
	f.gate.Replace(t)
	f.gate.broken.Store(nil)
	f.log.InfoContext(ctx, "the file of tokens was read again", "tokens", len(t.all))
}

// Degraded says what goes worse than it should: one line each; none: nothing does.
func (g *Gate) Degraded() []string {
	if said := g.broken.Load(); said != nil {
		return []string{*said}
	}
	return nil
}
