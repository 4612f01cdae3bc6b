package redis

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/bighead-ml/bighead/store"
)

// Aside keeps values for a while beside a store, in a Redis of its own or in one that others use too: a cache, which may evict whatever it
// likes. It is safe for concurrent use.
type Aside struct {
	names   names
	at      string
	timeout time.Duration
	stop    context.CancelFunc
	ended   chan struct{}         // closed when nobody connects any more
	now     atomic.Pointer[Store] // of which the client alone is used; nil: not connected yet
}

// reconnectEvery is how often a server is tried that has not answered yet.
const reconnectEvery = time.Second

// OpenAside connects. Where no server answers it goes on trying beside, and all calls fail meanwhile with store.ErrUnavailable; any other error is
// a mistake, and ends it.
func OpenAside(ctx context.Context, o Options) (*Aside, error) {
	s, opt, err := o.unconnected()
	if err != nil {
		return nil, fmt.Errorf("second cache: %w", err)
	}
	a := &Aside{names: s.names, at: s.at, timeout: s.timeout, ended: make(chan struct{})}
	if err := a.connect(ctx, opt); err != nil && !errors.Is(err, store.ErrUnavailable) {
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	a.stop = stop
	go func() {
		defer close(a.ended)
		tick := time.NewTicker(reconnectEvery)
		defer tick.Stop()
		for a.now.Load() == nil {
			select {
			case <-running.Done():
				return
			case <-tick.C:
				_ = a.connect(running, opt) // calls say that there is none
			}
		}
	}()
	return a, nil
}

func (a *Aside) connect(ctx context.Context, opt rueidis.ClientOption) error {
	s := &Store{names: a.names, at: a.at, timeout: a.timeout}
	if err := s.connect(ctx, opt); err != nil {
		return fmt.Errorf("second cache: %w", s.fail(ctx, "open", err))
	}
	a.now.Store(s)
	return nil
}

// connected is the client, once there is one.
func (a *Aside) connected() (*Store, error) {
	if s := a.now.Load(); s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("second cache at %s: %w: no server has answered yet", a.at, store.ErrUnavailable)
}

// name of a value. The prefix stands before, and no brace: in a Cluster values lie anywhere.
func (a *Aside) name(name string) string { return a.names.prefix + ":aside:" + name }

// Get is what is kept under each of the names, in one round trip; nil: nothing is.
func (a *Aside) Get(ctx context.Context, of []string) ([][]byte, error) {
	s, err := a.connected()
	if err != nil {
		return nil, err
	}
	cmds := make(rueidis.Commands, len(of))
	for i, n := range of {
		cmds[i] = s.client.B().Get().Key(a.name(n)).Build()
	}
	out := make([][]byte, len(of))
	for i, r := range s.client.DoMulti(ctx, cmds...) {
		b, err := r.AsBytes()
		if err != nil && !rueidis.IsRedisNil(err) {
			return nil, fmt.Errorf("second cache: %w", s.fail(ctx, "read", err))
		}
		out[i] = b
	}
	return out, nil
}

// Put keeps values under names for so long, in one round trip.
func (a *Aside) Put(ctx context.Context, n int, entry func(i int) (name string, b []byte), keep time.Duration) error {
	s, err := a.connected()
	if err != nil {
		return err
	}
	cmds := make(rueidis.Commands, n)
	for i := range cmds {
		name, b := entry(i)
		cmds[i] = s.client.B().Set().Key(a.name(name)).Value(rueidis.BinaryString(b)).Px(keep).Build()
	}
	for _, r := range s.client.DoMulti(ctx, cmds...) {
		if err := r.Error(); err != nil {
			return fmt.Errorf("second cache: %w", s.fail(ctx, "write", err))
		}
	}
	return nil
}

// Close ends the connections, and tries no more.
func (a *Aside) Close() {
	a.stop()
	<-a.ended
	if s := a.now.Load(); s != nil {
		s.client.Close()
	}
}
