package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// progress draws a bar with rate and time left on a terminal, once the work has taken a second; elsewhere it is silent.
type progress struct {
	w     io.Writer
	what  string
	began time.Time
	on    bool

	mu    sync.Mutex
	drawn time.Time
	at    string
}

// say hears what the work is at, which stands behind the bar.
func (p *progress) say(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = "  " + what
}

func newProgress(w io.Writer, what string) *progress {
	return &progress{w: w, what: what, began: time.Now(), on: terminal(w)}
}

// update hears how much is done; it draws at most ten times a second, and may be called by several goroutines.
func (p *progress) update(done, total int64) {
	if !p.on || total <= 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	spent := now.Sub(p.began)
	if spent < time.Second || now.Sub(p.drawn) < 100*time.Millisecond {
		return
	}
	p.drawn = now
	share := min(float64(done)/float64(total), 1)
	const width = 24
	full := int(share * width)
	left := "?"
	if share > 0 {
		left = time.Duration(float64(spent) * (1 - share) / share).Round(time.Second).String()
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s %s%s %3.0f%%  %s rows/s  %s left%s", p.what, strings.Repeat("█", full), strings.Repeat("░", width-full),
		100*share, short(float64(done)/spent.Seconds()), left, p.at)
}

// done takes the bar away.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.drawn.IsZero() {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// short writes a rate in three digits and a unit.
func short(x float64) string {
	for _, u := range []string{"", "k", "M"} {
		if x < 1000 {
			return fmt.Sprintf("%.3g%s", x, u)
		}
		x /= 1000
	}
	return fmt.Sprintf("%.3gG", x)
}
