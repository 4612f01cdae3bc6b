package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/predict"
)

// This file is the online side's part in audits: it records what it serves, and counts what audits find.

// openServed begins the record of what is served, as [audit] says; nil: nothing is recorded.
func openServed(p *project.Project, log *slog.Logger, m *audit.Metrics, version func() int64) (*audit.Log, error) {
	sample := p.Config.Share("audit.sample")
	if sample == 0 {
		return nil, nil
	}
	return audit.Open(audit.Options{
		Dir: inProject(p, p.Config.String("audit.path")), Formats: formats, Sample: sample, Keep: p.Config.Duration("audit.keep").Milliseconds(),
		Version: version, Metrics: m, Log: log,
	})
}

// openPredicted begins the record of what is predicted; nil: nothing is recorded.
func openPredicted(p *project.Project, log *slog.Logger, m *audit.Metrics) (*audit.Predictions, error) {
	sample := p.Config.Share("audit.sample")
	if p.Config.String("audit.sample_predictions") != "" {
		sample = p.Config.Share("audit.sample_predictions")
	}
	if sample == 0 {
		return nil, nil
	}
	return audit.OpenPredictions(audit.Options{Dir: inProject(p, p.Config.String("audit.predictions")), Formats: formats, Sample: sample, Keep: keepPredictions(p), Metrics: m, Log: log})
}

// keepPredictions is for how long predictions and their labels are kept, ms.
func keepPredictions(p *project.Project) int64 {
	if p.Config.String("audit.keep_predictions") == "" {
		return p.Config.Duration("audit.keep").Milliseconds()
	}
	return p.Config.Duration("audit.keep_predictions").Milliseconds()
}

// predictions is what endpoints hand their answers to.
func (o *online) predictions() predict.Recorder {
	if o.predicted == nil {
		return nil
	}
	return o.predicted
}

// recorder is what the server hands its answers to.
func (o *online) recorder() serve.Recorder {
	if o.served == nil {
		return nil
	}
	return o.served
}

// flushServed waits until all that was served and predicted so far is in files.
func (o *online) flushServed(ctx context.Context) error {
	var errs []error
	if o.served != nil {
		errs = append(errs, o.served.Flush(ctx))
	}
	if o.predicted != nil {
		errs = append(errs, o.predicted.Flush(ctx))
	}
	return errors.Join(errs...)
}

// audited takes in what an audit has found, for the metrics.
func (s *surface) audited(w http.ResponseWriter, r *http.Request) {
	var found audit.Report
	if err := json.NewDecoder(r.Body).Decode(&found); err != nil {
		answerJSON(w, nil, mistakef("no report of ours: %v", err))
		return
	}
	for class, n := range found.Classes {
		s.audits.Audited(found.View, class, n)
	}
	answerJSON(w, struct{}{}, nil)
}

// freshRecord asks the server that runs in the project, if one does, to have all it has served in files.
func freshRecord(ctx context.Context, p *project.Project) (*caller, error) {
	k, err := newCaller(p, "")
	if errors.Is(err, errNoServer) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return k, k.call(ctx, "POST", "/v1/served/flush", "", nil, nil)
}
