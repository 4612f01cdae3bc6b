package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/serve/predict"
)

// This file is the online side's part in predictions: it answers the endpoints of what is applied, and follows what is deployed.

// withRegistry lends the registry of models for one call.
func (o *online) withRegistry(ctx context.Context, do func(catalog.Models) error) error {
	cat, err := openCatalog(ctx, o.project.Root)
	if err != nil {
		return err
	}
	return errors.Join(do(cat), cat.Close())
}

// openEndpoints begins to answer endpoints.
func (o *online) openEndpoints(ctx context.Context, m *predict.Metrics) (err error) {
	if o.artifacts, err = artifactsOf(o.project); err != nil {
		return err
	}
	options := predict.Options{Metrics: m, Log: o.log, Recorder: o.predictions(), Manifest: o.artifacts.manifest}
	return o.withModels(ctx, func(endpoints []*feature.Endpoint, models catalog.Models) (err error) {
		o.endpoints, err = predict.Open(ctx, o.server, endpoints, models, o.artifacts.open, options)
		return err
	})
}

// withModels hands on the endpoints as they are served and the catalog, which is opened only where there are endpoints.
func (o *online) withModels(ctx context.Context, do func([]*feature.Endpoint, catalog.Models) error) error {
	endpoints := o.current().typed.Endpoints
	if o.patient { // a command that asks once is not in a hurry
		endpoints = patientEndpoints(endpoints)
	}
	if len(endpoints) == 0 {
		return do(nil, nil)
	}
	cat, err := openCatalog(ctx, o.project.Root)
	if err != nil {
		return err
	}
	return errors.Join(do(endpoints, cat), cat.Close())
}

// patientEndpoints are endpoints without deadlines.
func patientEndpoints(all []*feature.Endpoint) []*feature.Endpoint {
	out := make([]*feature.Endpoint, len(all))
	for i, e := range all {
		copied := *e
		copied.Deadline = 0
		out[i] = &copied
	}
	return out
}

// refreshEndpoints takes in what is defined and deployed now.
func (o *online) refreshEndpoints(ctx context.Context) error {
	return o.withModels(ctx, func(endpoints []*feature.Endpoint, models catalog.Models) error {
		return o.endpoints.Refresh(ctx, endpoints, models)
	})
}

// retryEndpoints is how often versions that could not be opened are tried again.
const retryEndpoints = 10 * time.Second

// endpointsFollower is what endpoints were refreshed by.
type endpointsFollower struct {
	stamp   string // of the catalog
	version int64  // of the project
	tried   time.Time
}

// followEndpoints takes in what is deployed, and as the active process decides about canaries.
func (o *online) followEndpoints(ctx context.Context, f *endpointsFollower, stamp string) {
	if o.endpoints == nil {
		return
	}
	news := false // that no stamp says yet
	if o.active() != nil && o.endpoints.Trying() {
		err := o.withModels(ctx, func(_ []*feature.Endpoint, models catalog.Models) error {
			decided, err := o.endpoints.Decide(ctx, models, "bighead up")
			news = len(decided) > 0
			for _, d := range decided {
				o.log.WarnContext(ctx, "a canary was decided on", "decision", d)
			}
			return err
		})
		if err != nil && ctx.Err() == nil {
			o.log.WarnContext(ctx, "what was decided about a canary cannot be written", "error", err)
		}
	}
	if o.active() == nil && o.endpoints.Trying() {
		o.tellCounts(ctx)
	}
	version := o.current().version.ID
	late := len(o.endpoints.Degraded()) > 0 && time.Since(f.tried) > retryEndpoints
	if stamp == f.stamp && version == f.version && !late && !news {
		return
	}
	f.tried = time.Now()
	if err := o.refreshEndpoints(ctx); err != nil {
		if ctx.Err() == nil {
			o.log.WarnContext(ctx, "what is deployed cannot be read; endpoints are answered as before", "error", err)
		}
		return
	}
	f.stamp, f.version = stamp, version
}

// countsCall is where the active process hears what others have counted of canaries.
const countsCall = "/v1/forward/canaries"

// tellCounts hands what this process has counted of canaries to the active one, which decides. Where that cannot be asked, it is kept for the next time.
func (o *online) tellCounts(ctx context.Context) {
	counted := o.endpoints.Count()
	if len(counted) == 0 {
		return
	}
	body, err := json.Marshal(counted)
	if err == nil {
		err = o.askActive(ctx, countsCall, body)
	}
	if err != nil {
		o.endpoints.Add(counted)
		if ctx.Err() == nil {
			o.log.DebugContext(ctx, "what was counted of canaries cannot be handed to the active process now", "error", err)
		}
	}
}

// askActive sends the active process what one that stands by has to say.
func (o *online) askActive(ctx context.Context, path string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://up"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := o.toActive().Do(req)
	if err != nil {
		return err
	}
	if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusOK {
		return errors.Join(err, fmt.Errorf("it answers %s", res.Status))
	}
	return nil
}

// takeCounts takes in what a process that stands by has counted.
func (o *online) takeCounts(w http.ResponseWriter, r *http.Request) {
	var counted []predict.Counted
	switch err := json.NewDecoder(r.Body).Decode(&counted); {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	case o.active() == nil || o.endpoints == nil: // it has become one that stands by itself
		http.Error(w, "this process does not decide", http.StatusServiceUnavailable)
	default:
		o.endpoints.Add(counted)
	}
}

// deployed refreshes the endpoints for a command that has deployed something, and says how one stands.
func (o *online) deployed(ctx context.Context, endpoint string) (*predict.Status, error) {
	if o.endpoints == nil {
		return nil, mistakef("this process answers no endpoints")
	}
	if err := o.refreshEndpoints(ctx); err != nil {
		return nil, err
	}
	for _, s := range o.endpoints.Statuses() {
		if s.Endpoint == endpoint {
			return &s, nil
		}
	}
	return nil, fmt.Errorf("endpoint %s is not served by this process yet", endpoint)
}
