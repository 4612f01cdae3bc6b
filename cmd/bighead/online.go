package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/predict"
	"github.com/bighead-ml/bighead/store"
)

// applied is the project as it was applied: what is served, and what the stream folds.
type applied struct {
	*loaded
	version *catalog.Version
	spaces  func() map[string]bool // that the stream fills, by name
}

func newApplied(l *loaded, v *catalog.Version) *applied {
	return &applied{l, v, sync.OnceValue(func() map[string]bool { return spaceIDs(plan.ForStream(l.typed.Groups)) })}
}

// openApplied opens the project as it is applied.
func (c *cli) openApplied(ctx context.Context) (*applied, error) {
	p, err := c.open()
	if err != nil {
		return nil, err
	}
	return c.loadApplied(ctx, p)
}

// loadApplied reads and checks what is applied.
func (c *cli) loadApplied(ctx context.Context, p *project.Project) (*applied, error) {
	cat, err := openCatalog(ctx, p.Root)
	if err != nil {
		return nil, err
	}
	defer cat.Close()
	v, err := cat.Current(ctx)
	if errors.Is(err, catalog.ErrNone) {
		return nil, mistakef("nothing is applied yet: `bighead apply` registers the definitions, and then they can be served")
	} else if err != nil {
		return nil, err
	}
	return c.loadRegistered(ctx, p, v)
}

// loadVersion reads and checks what was applied as one version.
func (c *cli) loadVersion(ctx context.Context, p *project.Project, id int64) (*applied, error) {
	cat, err := openCatalog(ctx, p.Root)
	if err != nil {
		return nil, err
	}
	defer cat.Close()
	v, err := cat.Version(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("version %d, which is served: %w", id, err)
	}
	return c.loadRegistered(ctx, p, v)
}

func (c *cli) loadRegistered(ctx context.Context, p *project.Project, v *catalog.Version) (*applied, error) {
	defs, err := feature.Decode(bytes.NewReader(v.Definitions))
	if err != nil {
		return nil, fmt.Errorf("applied version %d: %w", v.ID, err)
	}
	p.Place(defs)
	l := c.checked(ctx, p, defs)
	if l.problems.Failed() {
		return nil, mistakef("applied version %d no longer checks, a source has changed since: %v", v.ID, l.problems)
	}
	return newApplied(l, v), nil
}

// online is a project's online side in this process: store, stream and server over what is applied.
type online struct {
	project *project.Project
	log     *slog.Logger
	store   store.Store
	server  *serve.Server
	second  *secondCache // nil: there is none
	usually usually
	turn    atomic.Pointer[turn] // nil: this process stands by
	lease   *lease               // nil: the store is this process's alone
	alone   bool                 // for one command
	patient bool                 // requests wait for the store as long as it takes
	onTurn  func()               // hears that this process became the active one

	onEvents bool                   // the events are the clock
	seen     atomic.Int64           // what it said last
	told     atomic.Int64           // the version that the active process serves; 0: not known
	why      atomic.Pointer[string] // it cannot take its turn; "": it need not
	served   *audit.Log             // what was served; nil: it is not recorded

	predicted *audit.Predictions // what was predicted; nil: it is not recorded
	labels    *labels            // the truth of it, as it comes

	endpoints *predict.Server // nil: a command that asks none has opened this
	artifacts *artifacts      // where their models lie

	mu  sync.Mutex
	now *applied

	broken  chan error     // why the process cannot go on, at most one
	writes  atomic.Uint32  // the format that the store is written in
	uploads sync.Mutex     // one at a time
	drops   sync.WaitGroup // of parts that were read until a moment ago
	sizes   storeSizes
	closing chan struct{}
}

// aloneDeadline is how long a request of a command that opened the store for itself may take: nothing is in memory yet, and one asks.
const aloneDeadline = time.Minute

// openOnline opens the store, resumes the stream, where no other process has it, and serves the applied views. alone is for one command.
func (c *cli) openOnline(ctx context.Context, p *project.Project, log *slog.Logger, metrics *serve.Metrics, audits *audit.Metrics, alone bool) (o *online, err error) {
	o = &online{project: p, log: log, closing: make(chan struct{}), broken: make(chan error, 1), alone: alone, patient: alone || c.patient, onTurn: func() {}, onEvents: p.Config.String("serve.clock") == "events"}
	o.seen.Store(plan.MinTime)
	if o.now, err = c.loadApplied(ctx, p); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.close(context.WithoutCancel(ctx)))
		}
	}()
	if err := o.usually.load(ctx, p.Root); err != nil {
		return o, err
	}
	st, err := openStore(ctx, p, log)
	if err != nil {
		return o, storeError(err)
	}
	if c.wrapStore != nil {
		st = c.wrapStore(st)
	}
	o.store = serve.Watch(st)
	o.sizes.store = o.store
	if st.Traits().Shared {
		if o.lease, err = newLease(ctx, p); err != nil {
			return o, err
		}
	}
	if err := o.takeTurn(ctx, c); err != nil {
		return o, err
	}
	if o.active() == nil {
		if _, _, err := readFormat(ctx, o.store); err != nil {
			return o, err
		}
		if err := o.followServed(ctx, c); err != nil {
			return o, err
		}
	}
	if o.served, err = openServed(p, log, audits, func() int64 { return o.current().version.ID }); err != nil {
		return o, err
	}
	if o.predicted, err = openPredicted(p, log, audits); err != nil {
		return o, err
	}
	o.labels = &labels{project: p, metrics: audits, wrong: func(err error) { log.Error("labels cannot be kept", "error", err) }}
	answers := serve.Options{Clock: o.clock, Kept: o.kept, Deadline: p.Config.Duration("serve.deadline"), Typical: &o.usually, Metrics: metrics, Log: log,
		Cache: max(1, p.Config.Bytes("serve.cache")), Recorder: o.recorder()}
	if !alone { // a command asks once, and is not in a hurry
		if o.second, err = openSecond(ctx, p); err != nil {
			return o, err
		}
	}
	if o.second != nil {
		answers.Second = o.second
	}
	if o.patient {
		answers.Deadline, answers.Patient = aloneDeadline, true
	}
	o.server, err = serve.Open(ctx, o.current().typed.Views, o.store, answers)
	return o, err
}

// storeError says of a store that another process has open what to do about it.
func storeError(err error) error {
	if errors.Is(err, store.ErrLocked) {
		return mistakef("%v; where `bighead up` runs already, ask it: commands do so by themselves in its project", err)
	}
	return err
}

// close ends the stream, which applies what was accepted, and lets the store go.
func (o *online) close(ctx context.Context) error {
	var errs []error
	close(o.closing)
	o.drops.Wait()
	if o.endpoints != nil {
		o.endpoints.Close()
	}
	if o.server != nil {
		o.server.Close()
	}
	if o.second != nil {
		o.second.Close()
	}
	if o.served != nil {
		errs = append(errs, o.served.Close(ctx))
	}
	if o.predicted != nil {
		errs = append(errs, o.predicted.Close(ctx))
	}
	if o.labels != nil {
		errs = append(errs, o.labels.close())
	}
	if t := o.active(); t != nil {
		errs = append(errs, t.left.end(), t.topics.stop(), t.flink.close(ctx), t.stream.Close(ctx))
	}
	if o.lease != nil {
		errs = append(errs, o.lease.close(ctx))
	}
	if o.store != nil {
		o.sizes.close()
		errs = append(errs, o.store.Close())
	}
	return errors.Join(errs...)
}

// reloadEvery is how often a running server looks whether something else was applied, and how long spaces that nobody reads any more are
// kept for requests that have begun.
var reloadEvery = time.Second

// follow takes in what is applied while the server runs, until ctx ends: the active process fills its spaces and says when it is served, the
// others hear it. Definitions that cannot be served leave the old ones in place. The catalog is opened only once something was written to it.
func (o *online) follow(ctx context.Context, c *cli) {
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	stamp, usual, taken, refused := "", "", "", int64(0) // stamps of the catalog: the last, and when it was read last
	var asked endpointsFollower
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		stamp = o.settledStamp(ctx, stamp)
		if stamp != usual {
			err := o.usually.load(ctx, o.project.Root)
			switch {
			case err == nil:
				usual = stamp
			case ctx.Err() == nil:
				o.log.WarnContext(ctx, "what features usually are cannot be read; what was read before stands", "error", err)
			}
		}
		o.followEndpoints(ctx, &asked, stamp)
		t := o.active()
		if t == nil {
			if err := o.followServed(ctx, c); err != nil && ctx.Err() == nil {
				o.log.WarnContext(ctx, "what the active process serves cannot be read; the version that is served stays", "error", err)
			}
			continue
		}
		if stamp != taken {
			var done bool
			if refused, done = o.followApplied(ctx, c, t, refused); !done {
				continue
			}
			taken = stamp
		}
		if err := o.settle(ctx, t); err != nil && ctx.Err() == nil && t.stream.Err() == nil {
			o.log.WarnContext(ctx, "the version that is served is not settled", "error", err)
		}
	}
}

// settledStamp is the stamp of the catalog, once all that it stands for can be read. The files change a moment before what is written to them is
// seen, and who read in that moment would take what was there before for what the stamp stands for, and never look again. While somebody is at
// a write and does not come to its end, it is the last.
func (o *online) settledStamp(ctx context.Context, last string) string {
	stamp := catalogStamp(o.project.Root)
	if stamp == last {
		return last
	}
	cat, err := openCatalog(ctx, o.project.Root)
	if err == nil {
		err = errors.Join(cat.Settle(ctx), cat.Close())
	}
	if err != nil {
		if ctx.Err() == nil {
			o.log.WarnContext(ctx, "the catalog has changed and cannot be read; what was read before stands", "error", err)
		}
		return last
	}
	return stamp
}

// followApplied switches to what is applied, where that is newer than what is served and was not refused before. It gives the version that
// was refused last; done is false where it is to be tried again.
func (o *online) followApplied(ctx context.Context, c *cli, t *turn, before int64) (refused int64, done bool) {
	next, err := c.loadAppliedAfter(ctx, o.project, max(o.current().version.ID, before))
	if err != nil {
		if ctx.Err() == nil {
			o.log.WarnContext(ctx, "what is applied cannot be read; the version that is served stays", "error", err)
		}
		return before, false
	}
	if next == nil {
		return before, true
	}
	if err := o.switchTo(ctx, t, next); err != nil {
		if ctx.Err() == nil && t.stream.Err() == nil {
			o.log.ErrorContext(ctx, "an applied version cannot be served; the one before it stays", "version", next.version.ID, "error", err)
		}
		if ctx.Err() != nil || t.stream.Err() != nil || errors.Is(err, store.ErrUnavailable) {
			return before, false
		}
		return next.version.ID, true
	}
	return before, true
}

// loadAppliedAfter is what is applied where that is newer than a version, else nil.
func (c *cli) loadAppliedAfter(ctx context.Context, p *project.Project, version int64) (*applied, error) {
	cat, err := openCatalog(ctx, p.Root)
	if err != nil {
		return nil, err
	}
	v, err := cat.Current(ctx)
	err = errors.Join(err, cat.Close())
	if err != nil || v.ID <= version {
		return nil, err
	}
	return c.loadApplied(ctx, p)
}

func (o *online) current() *applied {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now
}

// switchTo fills the spaces of new definitions beside the old ones, serves the new ones once they are full, and only then lets go what
// nothing reads any more.
func (o *online) switchTo(ctx context.Context, t *turn, next *applied) error {
	streams := plan.ForStream(next.typed.Groups)
	if err := t.stream.Reconfigure(ctx, foldedHere(o.project, streams)); err != nil {
		return err
	}
	t.flink.change(streams)
	t.topics.change(streams)
	o.log.InfoContext(ctx, "another version is applied; its spaces are being filled", "version", next.version.ID)
	if err := caughtUp(ctx, t, streams); err != nil {
		return err
	}
	if err := errors.Join(t.stream.Flush(ctx), t.flink.flush(ctx)); err != nil { // what was read last is not written yet, and readers do not go back in time
		return err
	}
	if err := o.server.Switch(ctx, next.typed.Views); err != nil {
		return err
	}
	o.mu.Lock()
	o.now = next
	o.mu.Unlock()
	o.log.InfoContext(ctx, "another version is served", "version", next.version.ID, "views", strings.Join(o.server.Names(), ", "))
	return nil
}

// settle lets the others know what is served, and then goes what is not read any more.
func (o *online) settle(ctx context.Context, t *turn) error {
	if err := o.tellServed(ctx, t); err != nil {
		return err
	}
	return o.forgetOthers(ctx, t)
}

// caughtUp waits until no space of the streams is being filled any more.
func caughtUp(ctx context.Context, t *turn, streams []*plan.Stream) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if !filling(t, streams) {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-t.stream.Done():
			return t.stream.Err()
		case <-tick.C:
		}
	}
}

// filling reports whether a space of the streams, nil: any, is being filled.
func filling(t *turn, streams []*plan.Stream) bool {
	wanted := spaceIDs(streams)
	for _, s := range t.stream.Status().Sources {
		for _, g := range s.Groups {
			if (streams == nil || wanted[g.Space]) && g.CatchingUp && s.Stopped == "" {
				return true
			}
		}
	}
	return t.flink.filling(streams)
}

// ready reports whether the first catch-up is over: of this process's stream, or while it stands by of the version that it serves.
func (o *online) ready() bool {
	if t := o.active(); t != nil {
		return !filling(t, nil) && !t.topics.behind()
	}
	return o.told.Load() == o.current().version.ID
}

// forgetOthers drops spaces that no served definition reads, after requests that began before have had their time, and other processes
// that to hear of it.
func (o *online) forgetOthers(ctx context.Context, t *turn) error {
	wanted := o.current().spaces()
	var others []string
	for _, s := range t.stream.Status().Sources {
		for _, g := range s.Groups {
			if !wanted[g.Space] {
				others = append(others, g.Space)
			}
		}
	}
	theirs, err := t.flink.others(ctx, wanted)
	if err != nil {
		return err
	}
	others = append(others, theirs...)
	if len(others) == 0 || t.epoch > 0 && t.told != o.current().version.ID {
		return nil
	}
	before, after := reloadEvery, time.Duration(0)
	if t.epoch > 0 {
		before, after = 3*reloadEvery, o.unread()
	}
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(before):
	}
	if err := t.flink.forget(ctx, theirs); err != nil {
		return err
	}
	if err := t.stream.Forget(ctx, after, others...); err != nil {
		return fmt.Errorf("forget spaces %s: %w", strings.Join(others, ", "), err)
	}
	return nil
}

// unread is after which time nobody reads any more what marks do not name any more.
func (o *online) unread() time.Duration {
	return plan.MarksAge + o.project.Config.Duration("serve.deadline") + time.Second
}

// dropLater removes a part of the store that nobody will begin to read any more, once requests that had begun are done.
func (o *online) dropLater(space string) {
	o.drops.Go(func() {
		select {
		case <-o.closing:
			if o.lease != nil && !o.alone {
				return // others may still read it; the next load drops it
			}
		case <-time.After(o.unread()):
		}
		if err := o.store.Drop(context.Background(), space); err != nil {
			o.log.Warn("a part of the store that nothing reads any more could not be removed", "part", space, "error", err)
		}
	})
}

func spaceIDs(streams []*plan.Stream) map[string]bool {
	ids := map[string]bool{}
	for _, s := range streams {
		for _, x := range s.Spaces {
			ids[x.ID] = true
		}
	}
	return ids
}

// logger writes as [log] says.
func logger(w io.Writer, p *project.Project) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(p.Config.String("log.level"))) // its choices are slog's names
	o := &slog.HandlerOptions{Level: level}
	if p.Config.String("log.format") == "text" {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}

// inProject is a path of the settings, from the project's folder.
func inProject(p *project.Project, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(p.Root, filepath.FromSlash(path))
}

// folder makes a folder of the project's local state.
func folder(path string) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	return nil
}
