package mlflow

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/expr"
)

// registry is the catalog as one call sees it.
type registry struct {
	models   catalog.Models
	location func(string) string
}

// tag is MLflow's key and value.
type tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// modelVersion is MLflow's ModelVersion.
type modelVersion struct {
	Name    string   `json:"name"`
	Version string   `json:"version"`
	Created int64    `json:"creation_timestamp"`
	Updated int64    `json:"last_updated_timestamp"`
	User    string   `json:"user_id"`
	Stage   string   `json:"current_stage"`
	Source  string   `json:"source"`
	Run     string   `json:"run_id"`
	Status  string   `json:"status"`
	Tags    []tag    `json:"tags"`
	Aliases []string `json:"aliases"`
}

// alias is MLflow's RegisteredModelAlias.
type alias struct {
	Alias   string `json:"alias"`
	Version string `json:"version"`
}

// registeredModel is MLflow's RegisteredModel.
type registeredModel struct {
	Name    string          `json:"name"`
	Created int64           `json:"creation_timestamp"`
	Updated int64           `json:"last_updated_timestamp"`
	User    string          `json:"user_id"`
	Latest  []*modelVersion `json:"latest_versions"`
	Tags    []tag           `json:"tags"`
	Aliases []alias         `json:"aliases"`
}

// version is a version in MLflow's words.
func (r *registry) version(v *catalog.ModelVersion, aliases map[string]int64) *modelVersion {
	at := v.At.UnixMilli()
	out := &modelVersion{Name: v.Model, Version: strconv.FormatInt(v.Number, 10), Created: at, Updated: at, User: v.By, Stage: "None", Source: r.location(v.Artifact), Run: v.Run,
		Status: "READY", Tags: tagsOf(v), Aliases: []string{}}
	for _, a := range slices.Sorted(maps.Keys(aliases)) {
		if aliases[a] == v.Number {
			out.Aliases = append(out.Aliases, a)
		}
	}
	return out
}

// tagsOf is what the catalog knows of a version, and MLflow has no field for.
func tagsOf(v *catalog.ModelVersion) []tag {
	out := []tag{{"bighead.artifact", v.Artifact}, {"bighead.view", v.View}, {"bighead.view_fingerprint", v.ViewFingerprint}, {"bighead.training_set", v.TrainingSet},
		{"bighead.training_set_fingerprint", v.SetFingerprint}, {"bighead.code", v.Code}, {"bighead.rows", strconv.FormatInt(v.Rows, 10)}}
	if v.Lock != "" {
		out = append(out, tag{"bighead.lock", v.Lock})
	}
	if v.Gate != "" {
		out = append(out, tag{"bighead.gate", v.Gate}, tag{"bighead.gate_held", strconv.FormatBool(v.GateHeld)})
	}
	return out
}

// ofModel are a model's versions, newest first, and what its aliases mean now.
func (r *registry) ofModel(ctx context.Context, q url.Values) (versions []*catalog.ModelVersion, aliases map[string]int64, err error) {
	name := q.Get("name")
	if name == "" {
		return nil, nil, invalid("the call names no model: send name")
	}
	if versions, err = r.models.ModelVersions(ctx, name); err != nil {
		return nil, nil, err
	}
	if len(versions) == 0 {
		return nil, nil, r.noModel(ctx, name)
	}
	aliases, err = r.models.Aliases(ctx, name, time.Now())
	return versions, aliases, err
}

// noModel says that a model is not there, and which may have been meant.
func (r *registry) noModel(ctx context.Context, name string) error {
	all, err := r.models.ModelVersions(ctx, "")
	if err != nil {
		return err
	}
	var names []string
	for _, v := range all {
		names = append(names, v.Model)
	}
	if near := expr.Nearest(name, slices.Compact(names)); len(near) > 0 {
		return missing("no version of model %.60q was trained; did you mean %q?", name, near[0])
	}
	return missing("no version of model %.60q was trained", name)
}

// one is the version that a call names.
func (r *registry) one(ctx context.Context, q url.Values) (*modelVersion, error) {
	number, err := strconv.ParseInt(q.Get("version"), 10, 64)
	if err != nil || number < 1 {
		return nil, invalid("version %.40q is no version: versions are 1, 2, …", q.Get("version"))
	}
	versions, aliases, err := r.ofModel(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, v := range versions {
		if v.Number == number {
			return r.version(v, aliases), nil
		}
	}
	return nil, missing("model %s has no version %d; the newest is %d", versions[0].Model, number, versions[0].Number)
}

func (r *registry) getVersion(ctx context.Context, q url.Values) (any, error) {
	v, err := r.one(ctx, q)
	return map[string]any{"model_version": v}, err
}

func (r *registry) downloadURI(ctx context.Context, q url.Values) (any, error) {
	v, err := r.one(ctx, q)
	if err != nil {
		return nil, err
	}
	return map[string]any{"artifact_uri": v.Source}, nil
}

func (r *registry) versionByAlias(ctx context.Context, q url.Values) (any, error) {
	versions, aliases, err := r.ofModel(ctx, q)
	if err != nil {
		return nil, err
	}
	name := q.Get("alias")
	for _, v := range versions {
		if v.Number == aliases[name] {
			return map[string]any{"model_version": r.version(v, aliases)}, nil
		}
	}
	names := "none"
	if len(aliases) > 0 {
		names = strings.Join(slices.Sorted(maps.Keys(aliases)), ", ")
	}
	return nil, missing("no version of model %s is called %.60q; names are: %s", versions[0].Model, name, names)
}

func (r *registry) getModel(ctx context.Context, q url.Values) (any, error) {
	versions, aliases, err := r.ofModel(ctx, q)
	if err != nil {
		return nil, err
	}
	m, err := r.model(ctx, versions, aliases)
	return map[string]any{"registered_model": m}, err
}

// model is a model in MLflow's words: there since its first version, changed last with its newest, or with an alias.
func (r *registry) model(ctx context.Context, versions []*catalog.ModelVersion, aliases map[string]int64) (*registeredModel, error) {
	newest, first := versions[0], versions[len(versions)-1]
	out := &registeredModel{Name: newest.Model, Created: first.At.UnixMilli(), Updated: newest.At.UnixMilli(), User: first.By, Latest: []*modelVersion{r.version(newest, aliases)}, Tags: []tag{}, Aliases: []alias{}}
	for _, a := range slices.Sorted(maps.Keys(aliases)) {
		out.Aliases = append(out.Aliases, alias{a, strconv.FormatInt(aliases[a], 10)})
	}
	if len(aliases) > 0 {
		history, err := r.models.AliasHistory(ctx, newest.Model)
		if err != nil {
			return nil, err
		}
		out.Updated = max(out.Updated, history[0].At.UnixMilli())
	}
	return out, nil
}

// latestVersions is the newest version: MLflow has one for each stage, and here there is the stage "None" alone.
func (r *registry) latestVersions(ctx context.Context, q url.Values) (any, error) {
	versions, aliases, err := r.ofModel(ctx, q)
	if err != nil {
		return nil, err
	}
	return map[string]any{"model_versions": []*modelVersion{r.version(versions[0], aliases)}}, nil
}

// metric is MLflow's Metric.
type metric struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
	At    int64  `json:"timestamp"`
	Step  int64  `json:"step"`
}

// getRun is the run that made a version: its metrics, and its parameters. Runs that made none are in no registry.
func (r *registry) getRun(ctx context.Context, q url.Values) (any, error) {
	id := q.Get("run_id")
	if id == "" {
		id = q.Get("run_uuid") // as older clients say
	}
	if id == "" {
		return nil, invalid("the call names no run: send run_id")
	}
	all, err := r.models.ModelVersions(ctx, "")
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(v *catalog.ModelVersion) bool { return v.Run == id })
	if i < 0 {
		return nil, missing("no version was made by run %.80q", id)
	}
	v := all[i]
	params, err := paramsOf(v)
	if err != nil {
		return nil, err
	}
	metrics := []metric{}
	for _, name := range slices.Sorted(maps.Keys(v.Metrics)) {
		metrics = append(metrics, metric{Key: name, Value: number(v.Metrics[name]), At: v.At.UnixMilli()})
	}
	return map[string]any{"run": map[string]any{
		// When it began is not known: the catalog has when the version was registered.
		"info": map[string]any{"run_id": v.Run, "run_uuid": v.Run, "run_name": v.Run, "experiment_id": "0", "user_id": v.By, "status": "FINISHED", "end_time": v.At.UnixMilli(),
			"artifact_uri": r.location(v.Artifact), "lifecycle_stage": "active"},
		"data": map[string]any{"metrics": metrics, "params": params, "tags": append(tagsOf(v), tag{"bighead.model", v.Model}, tag{"bighead.version", strconv.FormatInt(v.Number, 10)})},
	}}, nil
}

// paramsOf are what the training function was given: texts as they are, all else as JSON, and the seed.
func paramsOf(v *catalog.ModelVersion) ([]tag, error) {
	out := []tag{{"seed", strconv.FormatInt(v.Seed, 10)}}
	if len(v.Params) == 0 {
		return out, nil
	}
	var params map[string]json.RawMessage
	if err := json.Unmarshal(v.Params, &params); err != nil {
		return nil, errors.New("the parameters of " + v.Model + " version " + strconv.FormatInt(v.Number, 10) + " are no JSON object: " + err.Error())
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		var text string
		if json.Unmarshal(params[name], &text) != nil {
			text = string(params[name])
		}
		if name == "seed" {
			name = "params.seed"
		}
		out = append(out, tag{name, text})
	}
	return out, nil
}

// number is a number in the JSON of protobuf, which has texts for those that JSON has not.
func number(x float64) any {
	switch {
	case math.IsNaN(x):
		return "NaN"
	case math.IsInf(x, 1):
		return "Infinity"
	case math.IsInf(x, -1):
		return "-Infinity"
	}
	return x
}
