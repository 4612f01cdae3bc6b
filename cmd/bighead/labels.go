package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/predict"
	"github.com/bighead-ml/bighead/value"
)

// labels keeps the truth of predictions in a log of events, which makes them durable before anybody is told so. A log has one writer, so each
// process that serves the project has one of its own, numbered: the first that no other has. It is opened when the first label comes.
type labels struct {
	project *project.Project
	metrics *audit.Metrics

	mu     sync.Mutex
	log    labelLog // nil: not open
	closed bool
	stop   context.CancelFunc // of what seals it
	sealed sync.WaitGroup
	wrong  func(error) // hears what goes wrong beside requests
}

// labelFolders is how many processes may keep labels of a project at once.
const labelFolders = 256

var errStopping = errors.New("the server is about to stop")

func labelsFolder(p *project.Project) string { return inProject(p, p.Config.String("audit.labels")) }

// Keep makes labels durable.
func (l *labels) Keep(ctx context.Context, all []predict.Label) error {
	b := &value.Batch{Schema: audit.LabelSchema, N: len(all)}
	for _, f := range b.Schema {
		b.Columns = append(b.Columns, value.NewColumn(f.Type, b.N))
	}
	for i, x := range all {
		b.Columns[0].Set(i, value.OfString(x.ID))
		b.Columns[1].Set(i, value.OfString(x.Truth))
		b.Columns[2].Set(i, value.OfTimestamp(x.At))
	}
	log, err := l.open()
	if err == nil {
		if err = appendLabels(ctx, log, b); err != nil {
			l.forsake(log, err)
		}
	}
	if err != nil {
		l.metrics.Labelled("failed", len(all))
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !errors.Is(err, errStopping) {
			l.wrong(err)
		}
		return &serve.Problem{Code: feature.CodeNoStream, Detail: "labels cannot be kept: " + err.Error(), Cure: "send them again shortly: the same labels may come twice", After: time.Second}
	}
	l.metrics.Labelled("accepted", len(all))
	return nil
}

// Refused counts labels that were not kept.
func (l *labels) Refused(n int) { l.metrics.Labelled("rejected", n) }

// open gives the log, opened where it is not yet.
func (l *labels) open() (labelLog, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errStopping
	}
	if l.log != nil {
		return l.log, nil
	}
	for n := range labelFolders {
		log, err := openLabels(filepath.Join(labelsFolder(l.project), strconv.Itoa(n)), keepPredictions(l.project))
		if errors.Is(err, errLogOpen) { // another process's
			continue
		}
		if err != nil {
			return nil, err
		}
		ctx, stop := context.WithCancel(context.Background())
		l.log, l.stop = log, stop
		l.sealed.Go(func() { l.seal(ctx, log) })
		return log, nil
	}
	return nil, fmt.Errorf("%d processes keep labels in %s already", labelFolders, labelsFolder(l.project))
}

// forsake lets go a log that takes nothing any more, so that the next label opens it anew.
func (l *labels) forsake(log labelLog, err error) {
	if !errors.Is(err, errLogFailed) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.log == log {
		l.stop()
		l.log = nil
		_ = log.Close() // what it could not write was told
	}
}

// sealLabels is how often hours that are over are looked for.
const sealLabels = time.Minute

// seal turns hours that are over into Parquet, and lets go what is old, now and then also of processes that do not run any more.
func (l *labels) seal(ctx context.Context, log labelLog) {
	tick := time.NewTicker(sealLabels)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		log.Release(log.Next())
		if err := log.Seal(ctx); err != nil && ctx.Err() == nil {
			l.wrong(err)
		}
		if n%60 == 0 {
			l.sealOthers(ctx)
		}
	}
}

// sealOthers does so with the logs that no process has open.
func (l *labels) sealOthers(ctx context.Context) {
	folders, err := labelLogs(l.project)
	for _, dir := range folders {
		log, openErr := openLabels(dir, keepPredictions(l.project))
		if errors.Is(openErr, errLogOpen) {
			continue
		}
		if openErr == nil {
			log.Release(log.Next())
			openErr = errors.Join(log.Seal(ctx), log.Close())
		}
		err = errors.Join(err, openErr)
	}
	if err != nil && ctx.Err() == nil {
		l.wrong(err)
	}
}

// close ends it. What was told to be kept is kept.
func (l *labels) close() error {
	l.mu.Lock()
	log := l.log
	l.closed, l.log = true, nil
	if log != nil {
		l.stop()
	}
	l.mu.Unlock()
	l.sealed.Wait()
	if log == nil {
		return nil
	}
	return log.Close()
}

// labelLogs are the folders of all logs of labels of a project.
func labelLogs(p *project.Project) ([]string, error) {
	entries, err := os.ReadDir(labelsFolder(p))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read labels: %w", err)
	}
	var out []string
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err == nil && e.IsDir() {
			out = append(out, filepath.Join(labelsFolder(p), e.Name()))
		}
	}
	return out, nil
}

// labelTables are the labels that all processes of a project have kept.
func labelTables(ctx context.Context, p *project.Project) ([]audit.Labels, error) {
	folders, err := labelLogs(p)
	if err != nil {
		return nil, err
	}
	var out []audit.Labels
	for _, dir := range folders {
		t, err := openLogTable(ctx, dir, audit.LabelSchema)
		if err != nil {
			return nil, fmt.Errorf("read labels: %w", err)
		}
		out = append(out, audit.Labels{Table: t})
	}
	return out, nil
}
