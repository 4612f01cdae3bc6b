package reader

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/bighead-ml/bighead/dataset"
)

// feed reads a topic beside the loop.
type feed struct {
	x    *space
	out  chan fed
	stop context.CancelFunc
	done chan struct{}
}

// fed is what a feed has for the loop: the topic's own ID when it was opened, records, or that they do not follow those that were had.
type fed struct {
	opened  string
	records *dataset.Records
	lost    *dataset.LostRecords
}

// How long a feed waits for what.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
	askWithin  = 10 * time.Second
)

// startFeed reads the topic on from where the space is.
func (x *space) startFeed(ctx context.Context) *feed {
	ctx, stop := context.WithCancel(ctx)
	f := &feed{x: x, out: make(chan fed, 1), stop: stop, done: make(chan struct{})}
	from := dataset.From{Had: map[int32]int64{}, ID: x.place.topicID()}
	for p, had := range x.place.Had {
		from.Had[p] = had
	}
	go func() {
		defer close(f.done)
		if x.r.o.Topics != nil {
			f.run(ctx, from)
		}
	}()
	return f
}

// end ends a feed and waits until it has.
func (f *feed) end() {
	f.stop()
	<-f.done
}

// run reads until ctx ends or records are lost. Brokers that are away, and a topic that is not there yet, are waited for.
func (f *feed) run(ctx context.Context, from dataset.From) {
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		err := f.follow(ctx, &from, func() { wait = firstRetry })
		var lost *dataset.LostRecords
		if errors.As(err, &lost) {
			_ = f.hand(ctx, fed{lost: lost}) // or it is over
			return
		}
		if ctx.Err() != nil {
			return
		}
		f.x.away(err)
		if !pause(ctx, wait) {
			return
		}
	}
}

// follow opens the topic and hands over what it has, until something fails. from goes along.
func (f *feed) follow(ctx context.Context, from *dataset.From, well func()) error {
	within, cancel := context.WithTimeout(ctx, askWithin)
	reader, err := f.x.r.o.Topics.Records(within, f.x.topic, *from)
	cancel()
	if err != nil {
		return err
	}
	defer reader.Close()
	id := reader.ID()
	from.ID = id
	if err := f.hand(ctx, fed{opened: hex.EncodeToString(id[:])}); err != nil {
		return err
	}
	well()
	f.x.away(nil)
	beside, stop := context.WithCancel(ctx)
	looking := make(chan struct{})
	go func() {
		defer close(looking)
		f.watch(beside)
	}()
	defer func() { stop(); <-looking }()
	for {
		rs, err := reader.Next(ctx)
		if err != nil {
			return err
		}
		if err := f.hand(ctx, fed{records: rs}); err != nil {
			return err
		}
		from.Had[rs.Partition] = rs.Records[len(rs.Records)-1].Offset
	}
}

func (f *feed) hand(ctx context.Context, got fed) error {
	select {
	case f.out <- got:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// watch looks again and again how far the job has come.
func (f *feed) watch(ctx context.Context) {
	for {
		l, err := f.look(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			f.x.away(err)
		default:
			f.x.away(nil)
			select {
			case f.x.looked <- l:
			default: // the one before is not reached yet
			}
		}
		if !pause(ctx, f.x.r.o.Look) {
			return
		}
	}
}

// look asks how far the job has come. The order matters: what is committed when it is asked is in the parts that are there afterwards.
func (f *feed) look(ctx context.Context) (*look, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	topics := f.x.r.o.Topics
	l := &look{at: f.x.r.o.Clock(), group: *f.x.group.Load()}
	var err error
	if l.group != "" {
		if l.ends, l.begins, err = topics.Ends(ctx, f.x.from); err != nil {
			return nil, err
		}
		if l.committed, err = topics.Committed(ctx, l.group, f.x.from); err != nil {
			return nil, err
		}
	}
	l.parts, l.first, err = topics.Ends(ctx, f.x.topic)
	return l, err
}

// away notes that the brokers do not answer, or do again.
func (x *space) away(err error) {
	if err != nil {
		err = fmt.Errorf("topic %q: %w", x.topic, err)
	}
	x.mu.Lock()
	x.gone = err
	x.mu.Unlock()
}

// pause waits; false: the context has ended.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
