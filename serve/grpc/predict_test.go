package grpc_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/bighead-ml/bighead/catalog/sqlite"
	"github.com/bighead-ml/bighead/model/tree"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/gate"
	servegrpc "github.com/bighead-ml/bighead/serve/grpc"
	"github.com/bighead-ml/bighead/serve/grpc/pb"
	servehttp "github.com/bighead-ml/bighead/serve/http"
	"github.com/bighead-ml/bighead/serve/predict/predicttest"
)

// predicting is the surface with endpoints, a client, and the same by HTTP.
func predicting(t *testing.T, g *gate.Gate) (client pb.PredictionServiceClient, byHTTP *servehttp.Handler, s *served, m *serve.Metrics) {
	t.Helper()
	s = &served{ended: make(chan error, 1)}
	s.server, s.store, m = openCore(t)
	cat, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cat.Close() })
	p := predicttest.Open(t, s.server, "departure", []string{"carrier__dep_delay_last", "distance", "share", "far"}, cat, tree.Open)
	s.surface = servegrpc.New(servegrpc.Options{Server: s.server, Metrics: m, Predictions: p, Gate: g, MaxRows: 5})
	s.run(t, servegrpc.Listen{})
	byHTTP = servehttp.New(servehttp.Options{Server: s.server, Registry: prometheus.NewRegistry(), Metrics: serve.NewMetrics(nil), Predictions: p, MaxRows: 5})
	return pb.NewPredictionServiceClient(s.conn), byHTTP, s, m
}

// asJSON is an answer over gRPC as HTTP would have it, without what is another in each answer.
func asJSON(t *testing.T, r *pb.PredictResponse, asked bool) map[string]any {
	t.Helper()
	rows := []any{}
	for _, p := range r.Rows {
		rows = append(rows, rowJSON(t, p, r.Features, asked))
	}
	out := map[string]any{"endpoint": r.Endpoint, "model": r.Model, "at": time.UnixMilli(r.AtMs).UTC().Format(time.RFC3339), "rows": rows}
	if asked {
		out["features"] = anys(r.Features)
	}
	if r.FeaturesMs < 0 || r.ModelMs < 0 {
		t.Errorf("timing of %v", r)
	}
	return out
}

func rowJSON(t *testing.T, p *pb.Prediction, features []string, asked bool) map[string]any {
	t.Helper()
	if p.Problem != nil {
		e := map[string]any{"type": "urn:bighead:problem:" + p.Problem.Code, "title": p.Problem.Title, "detail": p.Problem.Detail, "code": p.Problem.Code}
		for name, text := range map[string]string{"field": p.Problem.Field, "cure": p.Problem.Cure} {
			if text != "" {
				e[name] = text
			}
		}
		return map[string]any{"error": e}
	}
	if len(p.PredictionId) != 36 {
		t.Errorf("prediction_id %q", p.PredictionId)
	}
	out := map[string]any{"prediction": numbers(p.Scores), "version": nil, "degraded": p.Degraded, "share_defaulted": p.ShareDefaulted}
	if p.Class != "" {
		out["class"] = p.Class
	}
	if p.Classes != nil {
		var names []any
		for _, name := range p.Classes {
			names = append(names, name)
		}
		out["classes"] = names
	}
	if p.Version != 0 {
		out["version"] = float64(p.Version)
	}
	if p.Degraded {
		out["reason"] = p.Reason
	}
	if asked {
		out["status"] = any("present")
		var all []any
		for _, s := range p.Statuses {
			all = append(all, strings.ToLower(strings.TrimPrefix(s.String(), "STATUS_")))
		}
		if all != nil {
			out["status"] = all
		}
	}
	if p.Inputs == nil {
		return out
	}
	if len(p.Values) != len(features) {
		t.Errorf("%d values of %d columns", len(p.Values), len(features))
	}
	inputs, added := map[string]any{}, map[string]any{}
	for _, in := range p.Inputs {
		inputs[in.Name] = nil
		switch k := in.Kind.(type) {
		case *pb.Input_Number:
			inputs[in.Name] = k.Number
		case *pb.Input_Text:
			inputs[in.Name] = k.Text
		}
		added[in.Name] = numbers(in.Contributions)
	}
	out["inputs"], out["contributions"], out["bias"] = inputs, added, numbers(p.Bias)
	return out
}

func numbers(all []float64) any {
	if len(all) == 1 && math.IsNaN(all[0]) {
		return nil
	}
	if len(all) == 1 {
		return all[0]
	}
	return anys(all)
}

func anys[T any](all []T) []any {
	out := []any{}
	for _, x := range all {
		out = append(out, x)
	}
	return out
}

// TestPredictAsHTTP asks the same by gRPC and by HTTP: answers are the same, to the last digit of each number, and so is what is wrong with a row.
func TestPredictAsHTTP(t *testing.T) {
	client, h, _, m := predicting(t, nil)
	fields := []string{"carrier", "distance", "share"}
	for _, c := range []struct {
		endpoint           string
		statuses, explains bool
		says               string // in the answer by HTTP, so that the case is the one that is meant
	}{
		{"late", false, false, `"degraded":false`},
		{"late", true, false, `"status":"present"`},
		{"late", false, true, `"contributions"`},
		{"kinds", false, false, `"classes"`},
		{"kinds", false, true, `"bias":[`},
		{"degraded", false, false, `"degraded":true,"reason":"too many of the columns`},
		{"safe", false, false, `"version":null,"degraded":true`},
		{"broken", false, false, `BH120`},
		{"late", true, false, `BH106`}, // as of long ago
	} {
		ask := &pb.PredictRequest{Endpoint: c.endpoint, Fields: fields, WithStatuses: c.statuses, Explain: c.explains, Rows: []*pb.Row{
			row(text("UA"), number(1400), float(0.5)), row(text("UA"), number(1), float(1e300)), row(null(), null(), null()), row(text("AA"), number(3), float(1.5)), row(text("ZZ"), null(), null())}}
		at := "null"
		if c.says == "BH106" {
			old := int64(1_000)
			ask.AtMs, at = &old, "1000"
		}
		got, err := client.Predict(t.Context(), ask)
		if err != nil {
			t.Errorf("%s: %v", c.endpoint, err)
			continue
		}
		body := fmt.Sprintf(`{"at":%s,"status":%t,"explain":%t,"rows":[{"carrier":"UA","distance":1400,"share":0.5},{"carrier":"UA","distance":1,"share":1e300},{"carrier":null,"distance":null,"share":null},`+
			`{"carrier":"AA","distance":3,"share":1.5},{"carrier":"ZZ","distance":null,"share":null}]}`, at, c.statuses, c.explains)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/predict/"+c.endpoint, strings.NewReader(body)))
		var want map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &want); err != nil || !strings.Contains(w.Body.String(), c.says) {
			t.Fatalf("%s: %v %s, want %s", c.endpoint, err, w.Body, c.says)
		}
		delete(want, "timing")
		for _, r := range want["rows"].([]any) {
			delete(r.(map[string]any), "prediction_id")
			delete(r.(map[string]any), "values") // another form of each type, which TestFeatures has
		}
		if x := asJSON(t, got, c.statuses || c.explains); !reflect.DeepEqual(x, want) {
			t.Errorf("%s (status %t, explain %t):\n gRPC %v\n HTTP %v", c.endpoint, c.statuses, c.explains, x, want)
		}
	}
	if n := testutil.ToFloat64(m.Requests.WithLabelValues("departure", "OK")); n != 9 {
		t.Errorf("%v requests are counted", n)
	}
}

// TestPredictValues has the view's values in an explanation.
func TestPredictValues(t *testing.T) {
	client, _, _, _ := predicting(t, nil)
	got, err := client.Predict(t.Context(), &pb.PredictRequest{Endpoint: "late", Fields: []string{"carrier", "distance", "share"}, Explain: true, Rows: []*pb.Row{row(text("UA"), number(1400), null())}})
	if err != nil || len(got.Rows) != 1 || strings.Join(got.Features, " ") != "carrier__dep_delay_last distance share far" {
		t.Fatalf("%v, %v", got, err)
	}
	v := got.Rows[0].Values
	if len(v) != 4 || v[0].GetFloatValue() != 20 || v[1].GetIntValue() != 1400 || v[2].Kind != nil || !v[3].GetBoolValue() {
		t.Errorf("%v", v)
	}
	if in := got.Rows[0].Inputs; in[2].Name != "share" || in[2].Kind != nil {
		t.Errorf("%v", in)
	}
}

// TestPredictProblems are of the request as a whole.
func TestPredictProblems(t *testing.T) {
	client, _, s, _ := predicting(t, nil)
	fields, one := []string{"carrier", "distance"}, []*pb.Row{row(text("UA"), number(1))}
	never := int64(math.MaxInt64)
	for _, c := range []struct {
		ask    *pb.PredictRequest
		code   codes.Code
		number string
		detail string
	}{
		{&pb.PredictRequest{Endpoint: "lat"}, codes.NotFound, "BH118", `no endpoint "lat" is served`},
		{&pb.PredictRequest{Endpoint: "none", Fields: fields, Rows: one}, codes.Unavailable, "BH119", "no version"},
		{&pb.PredictRequest{Endpoint: "late", Fields: []string{"carrier", "distanc"}, Rows: one}, codes.InvalidArgument, "BH102", `takes no field "distanc"`},
		{&pb.PredictRequest{Endpoint: "late", Fields: fields[:1], Rows: []*pb.Row{row(text("UA"))}}, codes.InvalidArgument, "BH103", `"distance" is absent`},
		{&pb.PredictRequest{Endpoint: "late", Fields: fields, Rows: []*pb.Row{one[0], one[0], one[0], one[0], one[0], one[0]}}, codes.ResourceExhausted, "BH109", "more than 5 rows"},
		{&pb.PredictRequest{Endpoint: "late", Fields: fields, Rows: one, AtMs: &never}, codes.InvalidArgument, "BH104", "at_ms is no time"},
	} {
		_, err := client.Predict(t.Context(), c.ask)
		expect(t, err, c.code, c.number, c.detail)
	}
	gone, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if _, err := client.Predict(gone, &pb.PredictRequest{Endpoint: "late", Fields: fields, Rows: one}); err == nil {
		t.Error("a deadline that has passed")
	}
	other := newServed(t, servegrpc.Options{}, servegrpc.Listen{})
	_, err := pb.NewPredictionServiceClient(other.conn).Predict(t.Context(), &pb.PredictRequest{Endpoint: "late"})
	expect(t, err, codes.NotFound, "BH118", "no endpoint is served in this process")
	if names, err := services(t.Context(), s); err != nil || !strings.Contains(names, "bighead.v1.PredictionService") {
		t.Errorf("%s, %v", names, err)
	}
}

// TestPredictGate wants the token's scope, and room.
func TestPredictGate(t *testing.T) {
	hash := func(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) }
	tokens, err := gate.ParseTokens(strings.NewReader("a " + hash("t") + " predict\nb " + hash("u") + " read\n"))
	if err != nil {
		t.Fatal(err)
	}
	g := gate.New(tokens, 1)
	client, _, _, _ := predicting(t, g)
	ask := func(token string) error {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
		_, err := client.Predict(ctx, &pb.PredictRequest{Endpoint: "late", Fields: []string{"carrier", "distance"}, Rows: []*pb.Row{row(text("UA"), number(1))}})
		return err
	}
	expect(t, ask("u"), codes.PermissionDenied, "BH111", `token "b" may not do this`)
	expect(t, ask("x"), codes.Unauthenticated, "BH110", "not known")
	if err := ask("t"); err != nil {
		t.Error(err)
	}
	if p := g.Enter(); p != nil {
		t.Fatal(p)
	}
	expect(t, ask("t"), codes.Unavailable, "BH113", "")
	g.Leave()
}
