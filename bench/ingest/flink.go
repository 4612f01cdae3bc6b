package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/engine/enginetest/proc"
	"github.com/bighead-ml/bighead/engine/enginetest/server"
)

// flinkSide is the Flink that folds, and the broker whose topic of tiles `up` reads. Of a nil side our own stream folds.
type flinkSide struct {
	server *server.Server
	broker *server.Broker
}

func startFlink(ctx context.Context, broker *server.Broker) (*flinkSide, error) {
	s, err := server.StartFlinkAtWork(ctx)
	if err != nil {
		return nil, err
	}
	return &flinkSide{s, broker}, nil
}

// settings are those of [stream] in bighead.toml.
func (f *flinkSide) settings() string {
	if f == nil {
		return ""
	}
	return fmt.Sprintf("engine = \"flink\"\ngateway = %q\n", f.server.URL)
}

// cpu is what all processes of Flink have taken, seconds.
func (f *flinkSide) cpu() (sum float64, err error) {
	for _, pid := range f.server.PIDs() {
		u, err := proc.Used(pid)
		if err != nil {
			return 0, err
		}
		sum += u.CPU
	}
	return sum, nil
}

// parts is how many records the topics of tiles have got.
func (f *flinkSide) parts(ctx context.Context) (n int64, err error) {
	topics, err := f.broker.Admin().ListTopics(ctx)
	if err != nil {
		return 0, err
	}
	var names []string
	for _, t := range topics.Names() {
		if t != topic && !strings.HasPrefix(t, "__") {
			names = append(names, t)
		}
	}
	if len(names) == 0 {
		return 0, nil
	}
	ends, err := f.broker.Admin().ListEndOffsets(ctx, names...)
	if err != nil {
		return 0, err
	}
	for _, partitions := range ends {
		for _, p := range partitions {
			n += max(p.Offset, 0)
		}
	}
	return n, nil
}

// drained waits until all that was in the topic is to be read from the store, and says how long that took from the first tile on: until then
// Flink plans and starts the job. A mark at the end of each partition tells that all before it has come.
func (f *flinkSide) drained(ctx context.Context, w *writer, up *upProcess, out *figures) error {
	clock := time.NewTicker(lookEvery)
	defer clock.Stop()
	wait := func(until func() (bool, error)) error {
		for {
			if done, err := until(); done || err != nil {
				return err
			}
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-up.process.Done():
				return fmt.Errorf("the server has ended")
			case <-clock.C:
			}
		}
	}
	if err := wait(func() (bool, error) { n, err := f.parts(ctx); return n > 0, err }); err != nil {
		return err
	}
	began := time.Now()
	before, err := f.cpu()
	if err != nil {
		return err
	}
	var last []string
	for range partitions {
		last = append(last, fmt.Sprintf("mark-%09d", w.sent))
		w.send(ctx, time.Now(), last[len(last)-1])
	}
	if err := w.settle(ctx); err != nil {
		return err
	}
	if err := wait(func() (bool, error) {
		seen, err := up.counts(ctx, last)
		for _, n := range seen {
			if n == 0 {
				return false, err
			}
		}
		return true, err
	}); err != nil {
		return err
	}
	out.Seconds = time.Since(began).Seconds()
	if out.FlinkCPU, err = f.cpu(); err != nil {
		return err
	}
	out.FlinkCPU -= before
	out.Parts, err = f.parts(ctx)
	return err
}
