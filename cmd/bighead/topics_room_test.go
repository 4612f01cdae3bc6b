package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/store"
)

// halted is a store of which writes of values wait until they may go on.
type halted struct {
	store.Store
	reached func() // a write waits
	gate    chan struct{}
}

func (h *halted) Write(ctx context.Context, w *store.Write) error {
	if len(w.Puts) > 0 {
		h.reached()
		select {
		case <-h.gate:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return h.Store.Write(ctx, w)
}

// A topic is not read on while the log is further ahead of the tiles than it may be, and read on once they have come along.
func TestTopicsWaitForTheStream(t *testing.T) {
	waiting := make(chan struct{})
	h := &halted{reached: sync.OnceFunc(func() { close(waiting) }), gate: make(chan struct{})}
	w := serveClassesOver(t, smallFeatures, "k,ts,x\na,2024-01-01T10:00:00Z,1\n", func(st store.Store) store.Store { h.Store = st; return h })
	o := w.online
	source := o.current().typed.Sources[0]
	ended, end := context.WithCancel(t.Context())
	end() // who has to wait hears of its end at once, and who need not does not look at it
	r := &reading{t: &topics{stream: o.active().stream, log: slog.New(slog.DiscardHandler)}, source: source, topic: dataset.Topic{Name: "t"}}
	if err := r.room(ended); err != nil {
		t.Fatalf("of a stream that is behind by nothing it says %v", err)
	}
	push := func(n int) { // each is a record of the log
		t.Helper()
		if _, err := o.active().stream.Push(t.Context(), "e", fmt.Appendf(nil, `{"k":"b","ts":"2024-01-02T00:00:00Z","x":%d}`, n), ""); err != nil {
			t.Fatal(err)
		}
	}
	behind := func() int64 { _, n := o.active().stream.Behind("e"); return n }
	push(0)
	flushed := make(chan error, 1)
	go func() { flushed <- o.active().stream.Flush(t.Context()) }() // waits for the write, and the stream with it
	<-waiting                                                       // from here on it reads nothing
	for n := 1; behind() <= topicTooFar; n++ {
		if err := r.room(ended); err != nil {
			t.Fatalf("a stream that is behind by %d records at most has no room: %v", topicTooFar, err)
		}
		push(n)
		if n > 4*topicTooFar {
			t.Fatalf("%d were pushed while nothing is written, and it is %d behind", n, behind())
		}
	}
	if err := r.room(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("a stream that is behind by %d records has room: %v", behind(), err)
	}
	waits := make(chan error)
	go func() { waits <- r.room(t.Context()) }()
	close(h.gate)
	if err := errors.Join(<-waits, <-flushed); err != nil {
		t.Error(err)
	}
	if n := behind(); n > topicTooFar {
		t.Errorf("it is read on while the stream is %d behind", n)
	}
}
