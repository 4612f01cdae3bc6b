package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/value"
)

// topics reads the topics of a stream's sources: each source has a reader of its own, which goes on from where the source's log ends. Whoever
// owns the stream starts it, and stops it before the stream is closed. Of nil topics there are none.
type topics struct {
	project *project.Project
	log     *slog.Logger
	stream  *liveStream
	broker  dataset.Topics // nil: no brokers are set
	dead    string         // topic of records that are no rows; "": files have them

	mu       sync.Mutex
	readings map[string]*reading // by source
}

// startTopics begins to read the topics of these streams' sources. Brokers that do not answer are waited for.
func startTopics(p *project.Project, log *slog.Logger, stream *liveStream, streams []*plan.Stream) (*topics, error) {
	t := &topics{project: p, log: log, stream: stream, dead: p.Config.String("stream.dead_letters"), readings: map[string]*reading{}}
	var err error
	if t.broker, err = openBroker(p, log); err != nil {
		return nil, err
	}
	t.change(streams)
	return t, nil
}

// change reads the topics of these streams' sources from now on, and no others.
func (t *topics) change(streams []*plan.Stream) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	wanted := map[string]*feature.Source{}
	for _, s := range streams {
		if s.Source.Place.Topic != "" {
			wanted[s.Source.Name] = s.Source
		}
	}
	for name, r := range t.readings {
		if s := wanted[name]; s == nil || !sameTopic(r.source, s) {
			r.end()
			delete(t.readings, name)
		}
	}
	for name, s := range wanted {
		if t.readings[name] == nil {
			t.readings[name] = t.begin(s)
		}
	}
}

// sameTopic reports whether rows of a topic are made in the same way.
func sameTopic(a, b *feature.Source) bool {
	x, y := topicOf(a), topicOf(b)
	return fmt.Sprintf("%#v", x) == fmt.Sprintf("%#v", y) && a.Time != nil == (b.Time != nil)
}

// topicOf is how the records of a source's topic are its rows.
func topicOf(s *feature.Source) dataset.Topic {
	p := &s.Place
	t := dataset.Topic{Name: p.Topic, Format: p.TopicFormat, Schema: s.Schema, Personal: s.PII, TimeUnits: map[string]string{}}
	for _, x := range p.TopicSelect {
		t.Select = append(t.Select, dataset.Select{Column: x.Column, SQL: x.SQL})
	}
	unit := p.TopicTimeUnit
	if unit == "" {
		unit = p.TimeUnit
	}
	for _, f := range s.Schema {
		if unit != "" && f.Type.Kind == value.KindTimestamp {
			t.TimeUnits[f.Name] = unit
		}
	}
	if s.Kind == feature.Entities && s.Deleted != "" { // without the column no row says that an entity has ended
		t.Keys, t.Deleted = s.Keys, s.Deleted
		if s.Time != nil {
			t.Time, _ = s.Time.Column()
		}
	}
	return t
}

// stop ends all readers; what they have taken is in the logs.
func (t *topics) stop() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, r := range t.readings {
		r.end()
		delete(t.readings, name)
	}
	if t.broker == nil {
		return nil
	}
	return t.broker.Close()
}

// all are the readings, by the names of their sources.
func (t *topics) all() []*reading {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []*reading
	for _, name := range slices.Sorted(maps.Keys(t.readings)) {
		out = append(out, t.readings[name])
	}
	return out
}

// behind reports whether a reader has yet to reach where its topic ended when it was opened. One that cannot be opened is not waited for.
func (t *topics) behind() bool {
	return slices.ContainsFunc(t.all(), func(r *reading) bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.state == topicReading && r.away == "" && !r.reached
	})
}

// How long readers wait for what.
const (
	topicOpen   = 10 * time.Second       // for the brokers, when a topic is opened
	topicAgain  = 250 * time.Millisecond // at first, before something is tried again; twice as long each time
	topicLast   = 5 * time.Second        // at most
	topicLook   = time.Second            // between looks at where the topic ends, and notes of how far we are
	topicTooFar = 1024                   // records of the log that the stream may have yet to read before its topics wait
)

// What a reading is doing.
const (
	topicReading = "reading"
	topicWaiting = "waiting" // why says for what
	topicStopped = "stopped" // why says what is to be done
)

// reading is one source's topic on its way into the log.
type reading struct {
	t      *topics
	source *feature.Source
	topic  dataset.Topic
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu         sync.Mutex
	state, why string
	away       string // why it is not known where the topic ends; "": it is
	opened     time.Time
	reached    bool
	ends       map[int32]int64 // of the partitions when the topic was opened
	lags       []dataset.Lag
	caught     map[int32]time.Time // when nothing was left of the partition
	had        map[int32]int64     // last offsets of which everything is kept
	poison     int64
	timed      *timedRows // what Flink makes of the rows' times; nil: it folds nothing of the source
}

func (t *topics) begin(s *feature.Source) *reading {
	r := &reading{t: t, source: s, topic: topicOf(s), cancel: func() {}, had: map[int32]int64{}, caught: map[int32]time.Time{}}
	if onFlink(t.project) && s.Kind == feature.Events && s.Time != nil {
		r.timed = timedBy(s)
	}
	switch {
	case s.Time == nil:
		r.set(topicStopped, fmt.Errorf("source %q has no time=, so batch alone loads it: name the column that says when a row became true", s.Name))
	case t.broker == nil:
		r.set(topicStopped, errors.New("no brokers are named: set brokers under [stream]"))
	default:
		r.state, r.why = topicWaiting, "the brokers have not answered yet"
		ctx, cancel := context.WithCancel(context.Background())
		r.cancel = cancel
		r.done.Go(func() { r.run(ctx) })
	}
	return r
}

// end ends the reading and waits until it has.
func (r *reading) end() {
	r.cancel()
	r.done.Wait()
}

// set notes what the reading is doing; a change is logged.
func (r *reading) set(state string, why error) {
	text := ""
	if why != nil {
		text = why.Error()
	}
	r.mu.Lock()
	changed := r.state != state || r.why != text
	r.state, r.why = state, text
	r.mu.Unlock()
	switch {
	case !changed:
	case state == topicStopped:
		r.say().Error("a topic is not read any more", "error", text)
	case state == topicWaiting:
		r.say().Warn("a topic waits", "error", text)
	default:
		r.say().Info("a topic is read")
	}
}

func (r *reading) say() *slog.Logger {
	return r.t.log.With("source", r.source.Name, "topic", r.topic.Name)
}

// run reads the topic until ctx ends, or what it finds does not let it go on.
func (r *reading) run(ctx context.Context) {
	for wait := topicAgain; ; wait = min(2*wait, topicLast) {
		reader, place, err := r.open(ctx)
		if err == nil {
			wait = topicAgain
			err = r.follow(ctx, reader, place)
		}
		var lost *dataset.LostRecords
		var schema *dataset.SchemaError
		var other *otherTopic
		switch {
		case ctx.Err() != nil:
			return
		case errors.As(err, &lost):
			r.set(topicStopped, fmt.Errorf("%w: give it another name (%s), or move its log's folder %s and the online store away", err, r.source.Pos, logFolder(r.t.project, r.source)))
			return
		case errors.As(err, &schema), errors.As(err, &other):
			r.set(topicStopped, err)
			return
		}
		r.set(topicWaiting, err)
		if !pause(ctx, wait) {
			return
		}
	}
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

// follow takes what the topic has until something fails.
func (r *reading) follow(ctx context.Context, reader dataset.TopicReader, place *topicPlace) error {
	r.mu.Lock()
	r.opened, r.reached, r.ends, r.lags = time.Now(), false, nil, nil
	r.mu.Unlock()
	r.set(topicReading, nil)
	beside, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { r.watch(beside, reader, place) })
	defer func() {
		stop()
		watching.Wait()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		r.note(last, reader, place)
		if err := reader.Close(); err != nil {
			r.say().Warn("a topic's reader could not be closed", "error", err)
		}
	}()
	for {
		a, err := reader.Next(ctx)
		if err != nil {
			return err
		}
		if err := r.take(ctx, a); err != nil {
			return err
		}
	}
}

// take has an arrival kept: its dead letters first, for what lies before the last row in the log is never read again.
func (r *reading) take(ctx context.Context, a *dataset.Arrival) error {
	if err := r.room(ctx); err != nil {
		return err
	}
	if len(a.Poison) > 0 && r.t.dead != "" {
		if err := r.insist(ctx, func() error { return r.t.broker.Bury(ctx, r.t.dead, a.Poison) }); err != nil {
			return err
		}
	}
	for _, p := range a.Poison {
		if err := rejectRecord(r.t.stream, r.source.Name, &p); err != nil {
			return err
		}
	}
	if a.Rows.N > 0 {
		if err := r.insist(ctx, func() error {
			_, err := r.t.stream.Ingest(ctx, r.source.Name, a.Partition, a.Offsets, a.Rows)
			return err
		}); err != nil {
			return err
		}
	}
	r.mu.Lock()
	r.had[a.Partition] = a.Last
	r.poison += int64(len(a.Poison))
	r.timed.add(a)
	r.mu.Unlock()
	return nil
}

// insist does something until it succeeds, and says why it does not.
func (r *reading) insist(ctx context.Context, do func() error) error {
	for wait := topicAgain; ; wait = min(2*wait, topicLast) {
		err := do()
		if err == nil {
			r.set(topicReading, nil)
			return nil
		}
		if ctx.Err() != nil || r.t.stream.Err() != nil {
			return err
		}
		r.set(topicWaiting, err)
		if !pause(ctx, wait) {
			return ctx.Err()
		}
	}
}

// room waits while the stream does not come along: its store is away, or it has much to read yet.
func (r *reading) room(ctx context.Context) error {
	for {
		held, lag := r.t.stream.Behind(r.source.Name)
		switch {
		case held != "":
			r.set(topicWaiting, errors.New(held))
		case lag > topicTooFar:
		default:
			r.set(topicReading, nil)
			return nil
		}
		if !pause(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
}
