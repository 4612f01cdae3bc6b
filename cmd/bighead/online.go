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
	"time"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/store"
)

// applied is the project as it was applied: what is served, and what the stream folds.
type applied struct {
	*loaded
	version *catalog.Version
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
	defs, err := feature.Decode(bytes.NewReader(v.Definitions))
	if err != nil {
		return nil, fmt.Errorf("applied version %d: %w", v.ID, err)
	}
	p.Place(defs)
	l := c.checked(ctx, p, defs)
	if l.problems.Failed() {
		return nil, mistakef("applied version %d no longer checks, a source has changed since: %v", v.ID, l.problems)
	}
	return &applied{l, v}, nil
}

// online is a project's online side in this process: store, stream and server over what is applied.
type online struct {
	project *project.Project
	log     *slog.Logger
	store   store.Store
	stream  *liveStream
	server  *serve.Server
	usually usually

	mu  sync.Mutex
	now *applied

	uploads sync.Mutex     // one at a time
	drops   sync.WaitGroup // of parts that were read until a moment ago
	closing chan struct{}
}

// openOnline opens the store, resumes the stream and serves the applied views.
func (c *cli) openOnline(ctx context.Context, p *project.Project, log *slog.Logger, metrics *serve.Metrics) (o *online, err error) {
	o = &online{project: p, log: log, closing: make(chan struct{})}
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
	st, err := openStore(p, log)
	if err != nil {
		return o, storeError(err)
	}
	o.store = serve.Watch(st)
	if o.stream, err = openStream(ctx, p, o.store, plan.ForStream(o.now.typed.Groups)); err != nil {
		return o, err
	}
	o.server, err = serve.Open(ctx, o.now.typed.Views, o.store, serve.Options{
		Clock: o.stream.Now, Kept: o.stream.Kept, Deadline: p.Config.Duration("serve.deadline"), Typical: &o.usually, Metrics: metrics, Log: log,
	})
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
	if o.server != nil {
		o.server.Close()
	}
	if o.stream != nil {
		errs = append(errs, o.stream.Close(ctx))
	}
	if o.store != nil {
		errs = append(errs, o.store.Close())
	}
	return errors.Join(errs...)
}

// reloadEvery is how often a running server looks whether something else was applied, and how long spaces that nobody reads any more are
// kept for requests that have begun.
var reloadEvery = time.Second

// follow takes in what is applied while the server runs, until ctx ends. Definitions that cannot be served leave the old ones in place.
func (o *online) follow(ctx context.Context, c *cli) {
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	refused := int64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := o.usually.load(ctx, o.project.Root); err != nil && ctx.Err() == nil {
			o.log.WarnContext(ctx, "what features usually are cannot be read; what was read before stands", "error", err)
		}
		next, err := c.loadAppliedAfter(ctx, o.project, max(o.current().version.ID, refused))
		if err != nil || next == nil {
			if err != nil && ctx.Err() == nil {
				o.log.WarnContext(ctx, "what is applied cannot be read; the version that is served stays", "error", err)
			}
			continue
		}
		if err := o.switchTo(ctx, next); err != nil && ctx.Err() == nil {
			refused = next.version.ID
			o.log.ErrorContext(ctx, "an applied version cannot be served; the one before it stays", "version", next.version.ID, "error", err)
		}
	}
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
func (o *online) switchTo(ctx context.Context, next *applied) error {
	streams := plan.ForStream(next.typed.Groups)
	if err := o.stream.Reconfigure(ctx, streams); err != nil {
		return err
	}
	o.log.InfoContext(ctx, "another version is applied; its spaces are being filled", "version", next.version.ID)
	if err := o.caughtUp(ctx, streams); err != nil {
		return err
	}
	if err := o.stream.Flush(ctx); err != nil { // what was read last is not written yet, and readers do not go back in time
		return err
	}
	if err := o.server.Switch(ctx, next.typed.Views); err != nil {
		return err
	}
	o.mu.Lock()
	o.now = next
	o.mu.Unlock()
	o.log.InfoContext(ctx, "another version is served", "version", next.version.ID, "views", strings.Join(o.server.Names(), ", "))
	return o.forgetOthers(ctx, streams)
}

// caughtUp waits until no space of the streams is being filled any more.
func (o *online) caughtUp(ctx context.Context, streams []*plan.Stream) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if !o.filling(streams) {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-o.stream.Done():
			return o.stream.Err()
		case <-tick.C:
		}
	}
}

// filling reports whether a space of the streams, nil: any, is being filled.
func (o *online) filling(streams []*plan.Stream) bool {
	wanted := spaceIDs(streams)
	for _, s := range o.stream.Status().Sources {
		for _, g := range s.Groups {
			if (streams == nil || wanted[g.Space]) && g.CatchingUp && s.Stopped == "" {
				return true
			}
		}
	}
	return false
}

// forgetOthers drops spaces that no served definition reads, after requests that began before have had their time.
func (o *online) forgetOthers(ctx context.Context, streams []*plan.Stream) error {
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(reloadEvery):
	}
	wanted := spaceIDs(streams)
	for _, s := range o.stream.Status().Sources {
		for _, g := range s.Groups {
			if wanted[g.Space] {
				continue
			}
			if err := o.stream.Forget(ctx, g.Space); err != nil {
				return fmt.Errorf("forget space %s: %w", g.Space, err)
			}
		}
	}
	return nil
}

// dropLater removes a part of the store that nobody will begin to read any more, once requests that had begun are done.
func (o *online) dropLater(space string) {
	o.drops.Go(func() {
		select {
		case <-o.closing:
		case <-time.After(reloadEvery + o.project.Config.Duration("serve.deadline") + time.Second): // servers read the marks again every second
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
