package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/store"
)

// flinkSide is what Flink folds of a project while this process is active: a job for each space, and the reader of the tiles that the jobs
// write. Jobs go on when the process ends; what it knows of them is in the store. Of a nil side there is nothing.
//
// Everything else is as without Flink: our own stream keeps the log of each source, which is the history for batch and the audit, puts what
// is no row among the dead letters, and folds the spaces that Flink can't.
type flinkSide struct {
	project *project.Project
	log     *slog.Logger
	store   store.Store
	epoch   int64
	broker  dataset.KeyedTopics // nil: of a command, which reads no topics
	runner  jobRunner
	reader  *tileReader
	ctx     context.Context
	stop    context.CancelFunc
	beside  sync.WaitGroup

	mu   sync.Mutex
	jobs map[string]*flinkJob // by space
	ours map[string]string    // why our own stream folds a space, by space

	adding sync.Mutex // held while the reader begins with a space, which takes the marks that it finds
}

// onFlink reports whether the settings name Flink for streams.
func onFlink(p *project.Project) bool { return p.Config.String("stream.engine") == "flink" }

// flinkSettings says what is wrong with the settings of a project that streams on Flink.
func flinkSettings(p *project.Project) error {
	gateway := p.Config.String("stream.gateway")
	u, err := url.Parse(gateway)
	switch {
	case gateway == "":
		return mistakef("[stream] engine = \"flink\" needs Flink's SQL gateway: name it there, gateway = \"http://host:8083\"")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return mistakef("[stream] gateway = %q is no URL such as \"http://host:8083\"", shownGateway(gateway))
	case len(p.Config.Strings("stream.brokers")) == 0:
		return mistakef("[stream] engine = \"flink\" reads and writes topics: name the brokers there, brokers = [\"host:9092\"]")
	case p.Config.String("serve.clock") == "events":
		return mistakef("[serve] clock = \"events\" needs to know when the newest event of a tile happened, which tiles of Flink's do not say: stream with engine = \"local\", or leave the clock the wall's")
	}
	_, err = flinkOptions(p)
	return err
}

// foldedHere is what our own stream folds: all, or what Flink can't.
func foldedHere(p *project.Project, streams []*plan.Stream) []*plan.Stream {
	if !onFlink(p) {
		return streams
	}
	var out []*plan.Stream
	for _, s := range streams {
		ours := &plan.Stream{Source: s.Source}
		for _, x := range s.Spaces {
			if flinkLack(x) != nil {
				ours.Spaces = append(ours.Spaces, x)
			}
		}
		out = append(out, ours)
	}
	return out
}

// folding is who folds a group, where the settings name Flink.
type folding struct {
	Group string `json:"group"`
	By    string `json:"by"`            // "flink", or "local": our own stream
	Why   string `json:"why,omitempty"` // it is not Flink, with the definition's line
}

func (f folding) String() string {
	if f.By == "flink" {
		return "group " + f.Group + " is folded by Flink"
	}
	return "group " + f.Group + " is folded by our own stream: " + f.Why
}

// foldingOf says of each group who folds it; nil: our own stream folds all.
func foldingOf(p *project.Project, groups []*feature.Group) (out []folding) {
	if !onFlink(p) {
		return nil
	}
	for _, s := range plan.ForStream(groups) {
		for _, x := range s.Spaces {
			f := folding{Group: x.Group.Name, By: "flink"}
			if lack := flinkLack(x); lack != nil {
				f.By, f.Why = "local", lack.Error()
			}
			out = append(out, f)
		}
	}
	return out
}

// foldedThere are the spaces that Flink folds.
func foldedThere(p *project.Project, streams []*plan.Stream) (out []*plan.Space) {
	if !onFlink(p) {
		return nil
	}
	for _, s := range streams {
		for _, x := range s.Spaces {
			if flinkLack(x) == nil {
				out = append(out, x)
			}
		}
	}
	return out
}

// openFlink begins to read what Flink folds, and to see to its jobs; nil where our own stream folds all. A command alone only keeps what is in
// the store.
func (o *online) openFlink(ctx context.Context, epoch int64) (*flinkSide, error) {
	p, streams := o.project, plan.ForStream(o.current().typed.Groups)
	if !onFlink(p) {
		return nil, nil
	}
	f := &flinkSide{project: p, log: o.log, store: o.store, epoch: epoch, jobs: map[string]*flinkJob{}, ours: map[string]string{}}
	if !o.alone {
		var err error
		if f.broker, err = openKeyed(p, o.log); err != nil {
			return nil, err
		}
		if f.runner, err = openRunner(p); err != nil {
			return nil, errors.Join(err, closeKeyed(f.broker))
		}
	}
	f.ctx, f.stop = context.WithCancel(context.Background())
	f.reader = openTileReader(p, o.store, epoch, byte(o.writes.Load()), f.broker)
	for _, s := range streams {
		for _, x := range s.Spaces {
			if lack := flinkLack(x); lack != nil && !o.alone {
				o.log.Info("a group is folded by our own stream", "group", x.Group.Name, "why", lack.Error())
			}
		}
	}
	if o.alone {
		return f, f.keep(ctx, foldedThere(p, streams))
	}
	f.change(streams)
	return f, nil
}

// keep has the reader know spaces that are in the store, of which nothing is read.
func (f *flinkSide) keep(ctx context.Context, spaces []*plan.Space) error {
	for _, x := range spaces {
		entry, err := readJobEntry(ctx, f.store, x.ID)
		if err != nil {
			return err
		}
		if entry == nil {
			continue // it is filled by the server that begins it
		}
		if err := f.reader.Add(ctx, tileSpaceOf(x, entry, plan.MinTime)); err != nil {
			return err
		}
		j := &flinkJob{side: f, cancel: func() {}, shown: *entry}
		j.planned.Store(x)
		f.jobs[x.ID] = j
	}
	return nil
}

// change sees to the jobs of these streams' spaces too. Those of others go on until they are forgotten.
func (f *flinkSide) change(streams []*plan.Stream) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range streams {
		for _, x := range s.Spaces {
			if lack := flinkLack(x); lack != nil {
				f.ours[x.ID] = lack.Error()
			}
		}
	}
	for _, x := range foldedThere(f.project, streams) {
		if j := f.jobs[x.ID]; j != nil {
			j.again(x)
			continue
		}
		f.jobs[x.ID] = f.begin(x)
	}
}

// all are the jobs, by the names of their spaces.
func (f *flinkSide) all() []*flinkJob {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []*flinkJob
	for _, j := range sorted(f.jobs) {
		out = append(out, j)
	}
	return out
}

// watch ends the stream where the reader has found that the store is another's, or has lost what was written: both begin again together.
func (f *flinkSide) watch(s *liveStream) {
	if f == nil {
		return
	}
	f.beside.Go(func() {
		select {
		case <-f.ctx.Done():
		case <-f.reader.Done():
			if err := f.reader.Err(); errors.Is(err, store.ErrFenced) || errors.Is(err, store.ErrLost) {
				s.Lose(err)
			}
		}
	})
}

// close ends the reader, which writes what it has read. The jobs go on.
func (f *flinkSide) close(ctx context.Context) error {
	if f == nil {
		return nil
	}
	f.stop()
	for _, j := range f.all() {
		j.end()
	}
	f.beside.Wait()
	err := f.reader.Close(ctx)
	if f.broker != nil {
		err = errors.Join(err, closeKeyed(f.broker))
	}
	return err
}

// flush writes all that was read of Flink's tiles.
func (f *flinkSide) flush(ctx context.Context) error {
	if f == nil {
		return nil
	}
	return f.reader.Flush(ctx)
}

// lose ends the reader at once, without writing.
func (f *flinkSide) lose(err error) {
	if f != nil {
		f.reader.Lose(err)
	}
}

// filling reports whether a space of the streams is not filled yet. nil streams are all, of which those are not waited for whose jobs can't
// be run, or whose topics can't be read.
func (f *flinkSide) filling(streams []*plan.Stream) bool {
	if f == nil {
		return false
	}
	if streams == nil {
		return slices.ContainsFunc(f.all(), func(j *flinkJob) bool { return j.why() == "" && j.filling() })
	}
	for _, x := range foldedThere(f.project, streams) {
		f.mu.Lock()
		j := f.jobs[x.ID]
		f.mu.Unlock()
		if j == nil || j.filling() {
			return true
		}
	}
	return false
}

// others are the spaces that Flink folds, or has folded, and that are not wanted.
func (f *flinkSide) others(ctx context.Context, wanted map[string]bool) ([]string, error) {
	if f == nil {
		return nil, nil
	}
	var out []string
	err := eachJobEntry(ctx, f.store, func(id string, _ *jobEntry) {
		if !wanted[id] {
			out = append(out, id)
		}
	})
	return out, err
}

// forget ends the jobs of spaces that nothing reads any more, and deletes their topics. What is in the store of them is the stream's to forget.
func (f *flinkSide) forget(ctx context.Context, ids []string) error {
	for _, id := range ids {
		entry, err := readJobEntry(ctx, f.store, id)
		if err != nil {
			return err
		}
		f.mu.Lock()
		j := f.jobs[id]
		delete(f.jobs, id)
		f.mu.Unlock()
		if j != nil {
			j.end()
		}
		if entry.ID != "" {
			if err := f.runner.Cancel(ctx, entry.ID); err != nil {
				return fmt.Errorf("end Flink's job %s: %w", entry.Name, err)
			}
		}
		if err := errors.Join(f.reader.Leave(ctx, id), f.store.Drop(ctx, plan.PartsSpace(id)), f.broker.Remove(ctx, entry.Topic)); err != nil {
			return err
		}
		f.log.InfoContext(ctx, "Flink's job of a space that nothing reads any more is ended", "job", entry.Name, "topic", entry.Topic)
	}
	return nil
}

// kept is the latest time as of which the reader has let anything go.
func (f *flinkSide) kept() int64 {
	if f == nil {
		return plan.MinTime
	}
	return f.reader.Kept()
}

// pushRefusal says why events can't be pushed for a name; nil: they can.
func (f *flinkSide) pushRefusal(name string, now func() *applied) error {
	if f == nil {
		return nil
	}
	for _, x := range foldedThere(f.project, plan.ForStream(now().typed.Groups)) {
		if src := x.Group.Source; src.Name == name || src.Place.Topic == name {
			return &serve.Problem{Code: feature.CodeBadBody, Detail: fmt.Sprintf("source %q is folded by Flink, which reads its topic alone", src.Name), Field: "name",
				Cure: fmt.Sprintf("write the events to topic %q", src.Place.Topic)}
		}
	}
	return nil
}

// upgrade has tiles written in a version from now on, and those that there are written anew.
func (f *flinkSide) upgrade(ctx context.Context, version byte) (rewritten int64, err error) {
	if f == nil {
		return 0, nil
	}
	f.reader.Upgrade(version)
	for _, s := range f.reader.Status() {
		err := f.reader.Still(ctx, s.Space, func(ctx context.Context) error {
			x := f.spaceOf(s.Space)
			if x == nil {
				return nil // it goes
			}
			n, err := rewriteTiles(ctx, f.store, f.epoch, x, version)
			rewritten += n
			return err
		})
		if err != nil {
			return rewritten, err
		}
	}
	return rewritten, nil
}

func (f *flinkSide) spaceOf(id string) *plan.Space {
	f.mu.Lock()
	defer f.mu.Unlock()
	if j := f.jobs[id]; j != nil {
		return j.space()
	}
	return nil
}

// topicOfTiles is where the parts of a space's tiles are written: a job of another text has another.
func topicOfTiles(p *project.Project, space *plan.Space, text string) string {
	legal := func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '_'
	}
	return strings.Join([]string{"bighead", strings.Map(legal, storePrefix(p)), strings.Map(legal, space.ID), text[:8]}, ".")
}

// flinkPause is between looks at a job that runs; troubles make it longer.
const (
	flinkPause = time.Second
	flinkLast  = 30 * time.Second
)
