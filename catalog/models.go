package catalog

import (
	"context"
	"encoding/json"
	"time"
)

// Models is the registry: versions of models, what they are called, and which of them an endpoint asks. Nothing in it is ever changed or
// taken out; what changes is a new row with when, who and why, so that every question about then has its answer. It is safe for concurrent
// use, also by several processes.
type Models interface {
	// RegisterModel adds a version, whose artifact is whole. It sets v.Number, one more than the model's last.
	RegisterModel(ctx context.Context, v *ModelVersion) error
	// ModelVersion is one of those that were registered, or ErrNone.
	ModelVersion(ctx context.Context, model string, number int64) (*ModelVersion, error)
	// ModelVersions are a model's, newest first; of all models, by name, where model is "".
	ModelVersions(ctx context.Context, model string) ([]*ModelVersion, error)
	// SetAlias has an alias mean another version from a.At on. It fails with ErrNone where there is no such version. Changes are in the order in
	// which they were made: where the last one has a later time, because the clock of who made it runs ahead, a.At becomes that.
	SetAlias(ctx context.Context, a *AliasChange) error
	// Aliases are what a model's aliases meant at a time, by name.
	Aliases(ctx context.Context, model string, at time.Time) (map[string]int64, error)
	// AliasHistory is every change of a model's aliases, newest first.
	AliasHistory(ctx context.Context, model string) ([]*AliasChange, error)
	// SetTraffic has an endpoint asked differently from t.At on, after parent (0: the first), or fails with ErrStale where another change was made
	// since, and with ErrNone where a version that it names is none. It sets t.ID, and t.At as SetAlias does.
	SetTraffic(ctx context.Context, parent int64, t *Traffic) error
	// Traffic is what an endpoint asks now, or ErrNone.
	Traffic(ctx context.Context, endpoint string) (*Traffic, error)
	// TrafficHistory is every change of an endpoint's traffic, newest first; of all endpoints where it is "".
	TrafficHistory(ctx context.Context, endpoint string) ([]*Traffic, error)
}

// ModelVersion is one trained model.
type ModelVersion struct {
	Model    string `json:"model"`
	Number   int64  `json:"version"`  // from 1 on
	Artifact string `json:"artifact"` // the name of its folder: a SHA-256 in hex

	Code        string `json:"code"`           // hash of the project's files that the training function ran: its own and those that they imported
	Lock        string `json:"lock,omitempty"` // SHA-256 of the environment's lock; "": the project's own Python
	TrainingSet string `json:"training_set"`
	// SetFingerprint is the training set's, View and ViewFingerprint what it was made of: a version is served only where that is what is applied.
	SetFingerprint  string `json:"training_set_fingerprint"`
	View            string `json:"view"`
	ViewFingerprint string `json:"view_fingerprint"`
	// Rows and times (of at, ms, [From, To)) are of the part that it learned from.
	Rows     int64              `json:"rows"`
	From     int64              `json:"from"`
	To       int64              `json:"to"`
	Schema   json.RawMessage    `json:"schema"`  // of its inputs and outputs
	Metrics  map[string]float64 `json:"metrics"` // "valid.auc", "test.auc", and what the training code logged
	Params   json.RawMessage    `json:"params,omitempty"`
	Seed     int64              `json:"seed"`
	Gate     string             `json:"gate,omitempty"`
	GateHeld bool               `json:"gate_held"` // or there is none
	Run      string             `json:"run"`       // of .bighead/runs
	At       time.Time          `json:"at"`
	By       string             `json:"by"`
}

// AliasChange has an alias mean a version.
type AliasChange struct {
	Model  string    `json:"model"`
	Alias  string    `json:"alias"` // "champion"
	Number int64     `json:"version"`
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason,omitempty"`
}

// Traffic is which versions an endpoint asks. Weights are above 0 and need not come to 100.
type Traffic struct {
	ID       int64     `json:"id"`
	Endpoint string    `json:"endpoint"`
	Model    string    `json:"model"`
	Routes   []Route   `json:"routes"`
	Shadows  []int64   `json:"shadows,omitempty"` // versions that are asked too, and not answered with
	Canary   *Canary   `json:"canary,omitempty"`  // nil: none is under way
	At       time.Time `json:"at"`
	By       string    `json:"by"`
	Reason   string    `json:"reason,omitempty"` // "canary rolled back: error share 0.12 over 500 requests"
	// Rollback is there where the change took back an earlier one; nil also in changes from before this was kept.
	Rollback *Rollback `json:"rollback,omitempty"`
}

// Rollback says that a change of traffic took back an earlier one.
type Rollback struct {
	// Versions are those that it sent away: they got requests before it, as a canary too, and get none after it. They were not good, so none of them
	// stands in for another until it is deployed again.
	Versions []int64 `json:"versions"`
}

// Route is a version's part of an endpoint's requests.
type Route struct {
	Number int64   `json:"version"`
	Weight float64 `json:"weight"`
	// Alias is what the version was named by, where it was: when the alias moves, so does the route.
	Alias string `json:"alias,omitempty"`
}

// Canary is a version that gets a growing part of the requests, step by step, and none as soon as it does worse than the others.
type Canary struct {
	Number int64     `json:"version"`
	Steps  []float64 `json:"steps"` // shares of all requests: 0.01, 0.1, 0.5, 1
	Step   int       `json:"step"`
	Since  time.Time `json:"since"` // of this step
}
