package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/store"
)

// flinkLeft ends jobs on Flink whose spaces our own stream folds again, and deletes their topics. Which these are stands in the store's meta until it is
// done, whoever is active then. Of a nil one there are none.
type flinkLeft struct {
	project *project.Project
	log     *slog.Logger
	store   store.Store
	epoch   int64
	runner  func(e *jobEntry) jobRunner // nil: it can't be told where the job is
	broker  dataset.KeyedTopics         // nil: the settings name none
	stop    context.CancelFunc
	running sync.WaitGroup

	mu   sync.Mutex
	left map[string]string // what is said of each, by space
}

// leftPrefix leads the names of jobs that are to be ended, in the store's meta.
const leftPrefix = "flink/left/"

// begunElsewhere makes spaces that Flink has filled new to our own stream, which would else take them for its own and fold on what it has
// never read. Their jobs are remembered, to be ended.
func begunElsewhere(ctx context.Context, st store.Store, epoch int64, streams []*plan.Stream) error {
	ours := spaceIDs(streams)
	w := &store.Write{Epoch: epoch}
	var failed error
	err := eachJobEntry(ctx, st, func(id string, e *jobEntry) {
		if !ours[id] {
			return
		}
		b, err := json.Marshal(e)
		failed = errors.Join(failed, err)
		w.Meta = append(w.Meta, store.MetaPut{Name: leftPrefix + id, Bytes: b})
		for _, name := range []string{plan.StateName(id), plan.PlacePrefix + id, plan.StreamPrefix + id + "/topic", jobEntryName(id)} {
			w.Meta = append(w.Meta, store.MetaPut{Name: name})
		}
	})
	if err = errors.Join(err, failed); err != nil || len(w.Meta) == 0 {
		return err
	}
	return st.Write(ctx, w)
}

// endLeft begins to end what is left on Flink. What Flink folds again is its own: whoever begins that job ends the one before.
func (o *online) endLeft(ctx context.Context, epoch int64) (*flinkLeft, error) {
	f := &flinkLeft{project: o.project, log: o.log, store: o.store, epoch: epoch, runner: func(e *jobEntry) jobRunner { return runnerOf(o.project, e) }, left: map[string]string{}}
	all, err := f.jobs(ctx)
	if err != nil {
		return nil, err
	}
	again := &store.Write{Epoch: epoch}
	for _, x := range foldedThere(o.project, plan.ForStream(o.current().typed.Groups)) {
		if all[x.ID] != nil {
			again.Meta = append(again.Meta, store.MetaPut{Name: leftPrefix + x.ID})
			delete(all, x.ID)
		}
	}
	if len(again.Meta) > 0 {
		if err := o.store.Write(ctx, again); err != nil {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	if len(o.project.Config.Strings("stream.brokers")) > 0 {
		if f.broker, err = openKeyed(o.project, o.log); err != nil {
			return nil, err
		}
	}
	ctx, f.stop = context.WithCancel(context.WithoutCancel(ctx))
	f.running.Go(func() { f.run(ctx, all) })
	return f, nil
}

// jobs are those that are left, by space.
func (f *flinkLeft) jobs(ctx context.Context) (map[string]*jobEntry, error) {
	all := map[string]*jobEntry{}
	err := f.store.Meta(ctx, leftPrefix, func(name string, b []byte) error {
		e := &jobEntry{}
		if err := json.Unmarshal(b, e); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		all[strings.TrimPrefix(name, leftPrefix)] = e
		return nil
	})
	return all, err
}

// run ends one after the other, and those that can't be again later.
func (f *flinkLeft) run(ctx context.Context, all map[string]*jobEntry) {
	for wait := flinkPause; len(all) > 0; wait = min(2*wait, flinkLast) {
		for id, e := range sorted(all) {
			err := f.endOne(ctx, id, e)
			if ctx.Err() != nil || errors.Is(err, store.ErrFenced) {
				return
			}
			f.say(id, e, err)
			if err == nil {
				delete(all, id)
			}
		}
		if len(all) > 0 && !pause(ctx, wait) {
			return
		}
	}
}

// endOne ends a job, deletes its topic, and forgets both.
func (f *flinkLeft) endOne(ctx context.Context, id string, e *jobEntry) error {
	runner := f.runner(e)
	if runner == nil {
		return errors.New("nothing says where its Flink is")
	}
	if e.ID != "" {
		if err := runner.Cancel(ctx, e.ID); err != nil {
			return err
		}
	}
	if f.broker != nil {
		if err := f.broker.Remove(ctx, e.Topic); err != nil {
			return err
		}
	}
	return f.store.Write(ctx, &store.Write{Epoch: f.epoch, Meta: []store.MetaPut{{Name: leftPrefix + id}}})
}

// say notes and logs what becomes of a job.
func (f *flinkLeft) say(id string, e *jobEntry, err error) {
	f.mu.Lock()
	before := f.left[id]
	delete(f.left, id)
	text := ""
	if err != nil {
		text = fmt.Sprintf("our own stream folds again what Flink's job %s (%s) did, which could not be ended: %v; it is tried again, or end it yourself: curl -X PATCH '%s/jobs/%s?mode=cancel'", e.Name, e.ID, err, managerURL(e), e.ID)
		f.left[id] = text
	}
	f.mu.Unlock()
	switch {
	case err == nil && f.broker == nil:
		f.log.Warn("our own stream folds again what Flink did: its job is ended; its topic stays, since [stream] names no brokers", "job", e.Name, "id", e.ID, "topic", e.Topic)
	case err == nil:
		f.log.Warn("our own stream folds again what Flink did: its job is ended, and its topic deleted", "job", e.Name, "id", e.ID, "topic", e.Topic)
	case text != before:
		f.log.Warn("a job on Flink that nothing reads any more", "error", text)
	}
}

// managerURL is where a job's JobManager is, or what stands for that where it was not noted.
func managerURL(e *jobEntry) string {
	if e.Manager == "" {
		return "http://JOBMANAGER:8081"
	}
	return e.Manager
}

// degraded says which jobs could not be ended yet.
func (f *flinkLeft) degraded() (out []string) {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, text := range sorted(f.left) {
		out = append(out, "stream on Flink: "+text)
	}
	return out
}

// end leaves what is left to the next.
func (f *flinkLeft) end() error {
	if f == nil {
		return nil
	}
	f.stop()
	f.running.Wait()
	if f.broker == nil {
		return nil
	}
	return closeKeyed(f.broker)
}
