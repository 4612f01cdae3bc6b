package mlflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/catalog/sqlite"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/mlflow"
)

var t0 = time.UnixMilli(1_700_000_000_000).UTC()

// world is a registry with two models: "delay" has versions 1 to 3, of which 2 is champion and was challenger before; "fare" has one.
func world(t *testing.T, o mlflow.Options) *httptest.Server {
	t.Helper()
	ctx := context.Background()
	c, err := sqlite.Open(ctx, filepath.Join(t.TempDir(), "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	for i, v := range []*catalog.ModelVersion{
		{Model: "delay", Artifact: "aa", Run: "r1", Metrics: map[string]float64{"test.auc": 0.7}, Params: json.RawMessage(`{"leaves":31,"kind":"gbdt","deep":{"a":null}}`), Seed: 7, Gate: "auc > 0.5", GateHeld: true},
		{Model: "delay", Artifact: "bb", Run: "r2", Metrics: map[string]float64{"test.auc": 0.75}},
		{Model: "fare", Artifact: "cc", Run: "r3"},
		{Model: "delay", Artifact: "dd", Run: "r4"},
	} {
		v.View, v.ViewFingerprint, v.TrainingSet, v.Schema, v.By, v.At = "departure", "ee", "late", json.RawMessage("{}"), "ada", t0.Add(time.Duration(i)*time.Hour)
		if err := c.RegisterModel(ctx, v); err != nil {
			t.Fatal(err)
		}
	}
	for i, a := range []catalog.AliasChange{{Alias: "champion", Number: 1}, {Alias: "challenger", Number: 2}, {Alias: "champion", Number: 2}} {
		a.Model, a.By, a.At = "delay", "ada", t0.Add(time.Duration(i+5)*time.Hour)
		if err := c.SetAlias(ctx, &a); err != nil {
			t.Fatal(err)
		}
	}
	if o.Models == nil {
		o.Models = func(_ context.Context, do func(catalog.Models) error) error { return do(c) }
	}
	o.Location = func(artifact string) string { return "s3://models/" + artifact }
	o.Metrics = serve.NewMetrics(nil)
	s := httptest.NewServer(mlflow.New(o).Handler())
	t.Cleanup(s.Close)
	return s
}

// answer is what a call answers, as JSON.
type answer struct {
	status int
	header http.Header
	Code   string `json:"error_code"`
	Text   string `json:"message"`
	Models []struct {
		Name    string `json:"name"`
		Aliases []struct{ Alias, Version string }
		Latest  []struct{ Version string } `json:"latest_versions"`
	} `json:"registered_models"`
	Versions []struct {
		Name, Version string
		Aliases       []string
	} `json:"model_versions"`
	Next string `json:"next_page_token"`
}

// said is what was found, in short: delay@3 fare@1.
func (a *answer) said() string {
	var out []string
	for _, m := range a.Models {
		out = append(out, m.Name)
	}
	for _, v := range a.Versions {
		out = append(out, v.Name+"@"+v.Version)
	}
	return strings.Join(out, " ")
}

func ask(t *testing.T, s *httptest.Server, method, path string, query url.Values, header ...string) *answer {
	t.Helper()
	var body io.Reader
	target := s.URL + path
	if method == http.MethodGet {
		target += "?" + query.Encode()
	} else {
		text, err := json.Marshal(map[string]string{"name": query.Get("name")})
		if err != nil {
			t.Fatal(err)
		}
		body = strings.NewReader(string(text))
	}
	r, err := http.NewRequestWithContext(t.Context(), method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(got.Body)
	if err := errors.Join(err, got.Body.Close()); err != nil {
		t.Fatal(err)
	}
	a := &answer{status: got.StatusCode, header: got.Header}
	if err := json.Unmarshal(text, a); err != nil || got.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%v: %s", err, text)
	}
	return a
}
