package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/project"
)

// streamLease is the work that one process of a project does at a time: to run its stream, and to write to its online store.
const streamLease = "stream"

// lease is this process's claim to the project's stream, where servers share a store.
type lease struct {
	catalog catalog.Catalog
	holder  string
	ttl     time.Duration

	mu    sync.Mutex
	until time.Time // by this process's own clock, which a change of the wall's does not move; zero: it is another's
	other catalog.Lease
}

func newLease(ctx context.Context, p *project.Project) (*lease, error) {
	ttl := p.Config.Duration("stream.lease")
	if ttl < leastLease {
		return nil, mistakef("[stream] lease = %q: want at least %v", p.Config.String("stream.lease"), leastLease)
	}
	cat, err := openCatalog(ctx, p.Root)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	var id [4]byte
	_, _ = rand.Read(id[:]) // it never fails
	return &lease{catalog: cat, holder: fmt.Sprintf("%s, process %d (%s)", host, os.Getpid(), hex.EncodeToString(id[:])), ttl: ttl}, nil
}

// leastLease leaves time for a renewal on a busy machine.
const leastLease = 100 * time.Millisecond

// take takes or renews the lease; catalog.ErrHeld where another has it.
func (l *lease) take(ctx context.Context) (epoch int64, err error) {
	asked := time.Now()
	got, err := l.catalog.Lease(ctx, streamLease, l.holder, asked, l.ttl)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case errors.Is(err, catalog.ErrHeld):
		l.until, l.other = time.Time{}, got
		return 0, err
	case err != nil:
		return 0, err
	}
	l.until, l.other = asked.Add(l.ttl), catalog.Lease{}
	return got.Epoch, nil
}

// left is for how long the lease is good still.
func (l *lease) left() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Until(l.until)
}

// who has the lease, as far as this process has heard; "": nobody, or this one.
func (l *lease) who() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.other.Holder
}

// every is how often the lease is renewed.
func (l *lease) every() time.Duration { return min(l.ttl/3, 3*time.Second) }

// pause is when to look again whether the lease that another has is over.
func (l *lease) pause() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return min(max(time.Until(l.other.Until), 0)+10*time.Millisecond, l.every())
}

// close gives the lease back, where it is this process's.
func (l *lease) close(ctx context.Context) error {
	return errors.Join(l.catalog.Release(ctx, streamLease, l.holder), l.catalog.Close())
}
