package train

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// maxLog is how much of what a function prints is kept and passed on: a loop that prints would fill the disk.
const maxLog = 64 << 20

// printed passes on what a function prints, as it comes, and keeps it in the run's log.
type printed struct {
	mu        sync.Mutex
	log, live io.Writer
	n, most   int
	last      []byte
}

// Write never fails: a closed terminal or a full disk is no reason to stop a training.
func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = append(p.last, b...)
	p.last = p.last[max(0, len(p.last)-2000):]
	if p.n > p.most {
		return len(b), nil
	}
	out := b[:min(len(b), p.most-p.n)]
	p.n += len(b)
	for _, w := range []io.Writer{p.log, p.live} {
		_, _ = w.Write(out)
		if p.n > p.most {
			fmt.Fprintf(w, "\n… more than %d MiB were printed: the rest is left out\n", p.most>>20)
		}
	}
	return len(b), nil
}

// tail is the end of what was printed, for an error.
func (p *printed) tail() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(p.last)), "\n")
	if text := strings.Join(lines[max(0, len(lines)-lastLines):], "\n"); text != "" {
		return ":\n   | " + strings.ReplaceAll(text, "\n", "\n   | ")
	}
	return ""
}
