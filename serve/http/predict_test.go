package http_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/catalog"
	"github.com/bighead-ml/bighead/catalog/sqlite"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/tree"
	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/http"
	"github.com/bighead-ml/bighead/serve/predict"
	"github.com/bighead-ml/bighead/serve/predict/predicttest"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// read are the columns that the models of predicttest read here.
var read = []string{"carrier__dep_delay_last", "distance", "share", "far"}

// predicting is a handler over the view of newServed with the endpoints of predicttest.
func predicting(t *testing.T, o http.Options) *served {
	t.Helper()
	s := newServed(t, http.Options{})
	return s.with(o, predicttest.Open(t, s.server, "departure", read, opened(t), tree.Open))
}

// opened is a catalog with nothing in it.
func opened(t *testing.T) catalog.Catalog {
	t.Helper()
	cat, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "catalog.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cat.Close() })
	return cat
}

const predictRow = `"carrier": "UA", "distance": 1400, "share": 0.5`

// ticking is a clock that goes on when somebody is asked: the store, or a model.
type ticking struct {
	mu    sync.Mutex
	at    time.Time
	ticks int
}

func (c *ticking) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *ticking) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
	c.ticks++
}

// slowModel is a model that takes a quarter of a second by a clock.
type slowModel struct {
	model.Model
	clock *ticking
}

func (m slowModel) Predict(ctx context.Context, in *model.Batch, out [][]float64) error {
	m.clock.pass(250 * time.Millisecond)
	return m.Model.Predict(ctx, in, out)
}

// TestTiming has the store take 7 ms for each read and the model 250: the answer tells the one as the features' and the other as the model's.
func TestTiming(t *testing.T) {
	s, c := newServed(t, http.Options{}), &ticking{at: time.UnixMilli(now)}
	s = s.with(http.Options{}, predicttest.Open(t, s.server, "departure", read, opened(t), func(ctx context.Context, path string) (model.Model, error) {
		m, err := tree.Open(ctx, path)
		return slowModel{m, c}, err
	}, c.now))
	reads := &ticking{}
	s.store.SetFault(func(context.Context, []store.Range) error {
		c.pass(7 * time.Millisecond)
		reads.pass(0)
		return nil
	})
	_, _, body := s.call(t, "POST", "/v1/predict/late", `{"rows": [{`+predictRow+`}, {"carrier": "AA", "distance": 1}]}`)
	if reads.ticks == 0 || !strings.HasSuffix(strings.TrimSpace(body), fmt.Sprintf(`,"timing":{"features_ms":%d,"model_ms":250}}`, 7*reads.ticks)) {
		t.Errorf("after %d reads of the store: %s", reads.ticks, body)
	}
}

func TestPredict(t *testing.T) {
	s := predicting(t, http.Options{})
	code, header, body := s.call(t, "POST", "/v1/predict/late", `{"rows": [{`+predictRow+`}, {"carrier": "UA", "distance": 1, "share": 1e300}, {"carrier": 1, "distance": 1}, {"carrier": "ZZ", "distance": null}]}`)
	var got struct {
		Endpoint, Model, At string
		Features            []string
		Rows                []map[string]any
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || code != 200 || header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v %s", code, err, body)
	}
	want := &predict.Response{}
	rows := []serve.Row{{Values: []value.Value{value.OfString("UA"), value.OfInt(1400), {}, value.OfFloat(0.5), {}, {}, {}, {}}}, {Values: []value.Value{value.OfString("ZZ"), {}, {}, {}, {}, {}, {}, {}}}}
	if err := s.predictions.Predict(context.Background(), predict.Request{Endpoint: "late", Rows: rows}, want); err != nil {
		t.Fatal(err)
	}
	for i, at := range []int{0, 3} {
		r := got.Rows[at]
		if r["prediction"] != want.Rows[i].Scores[0] || r["version"] != 1.0 || r["degraded"] != false || r["share_defaulted"] != 0.0 || len(fmt.Sprint(r["prediction_id"])) != 36 || len(r) != 5 {
			t.Errorf("%v, want %+v", r, want.Rows[i])
		}
	}
	if want.Rows[0].Scores[0] == want.Rows[1].Scores[0] {
		t.Error("two rows of one answer show nothing")
	}
	for at, code := range map[int]string{1: "BH121", 2: "BH104"} {
		e, _ := got.Rows[at]["error"].(map[string]any)
		if provoked[code] = true; e["code"] != code {
			t.Errorf("%v, want %s", got.Rows[at], code)
		}
	}
	if got.Endpoint != "late" || got.Model != "m_late" || got.At != "2023-11-14T22:13:20Z" || got.Features != nil {
		t.Errorf("%s", body)
	}
	_, _, body = s.call(t, "POST", "/v1/predict/late", `{"rows": [{`+predictRow+`}], "explain": true}`)
	if !strings.Contains(body, `"features":["carrier__dep_delay_last","distance","share","far"]`) || !strings.Contains(body, `"status":"present","values":[20.0,1400,0.5,true],"inputs":{"carrier__dep_delay_last":20.0,"distance":1400.0,"share":0.5,"far":1.0,`) {
		t.Errorf("%s", body)
	}
	if !strings.Contains(body, `},"contributions":{"carrier__dep_delay_last":`) || !strings.Contains(body, `},"bias":`) {
		t.Errorf("%s", body)
	}
	_, _, body = s.call(t, "POST", "/v1/predict/safe", `{"rows": [{`+predictRow+`}]}`)
	if !strings.Contains(body, `{"rows":[{"prediction":0.25,`) && !strings.Contains(body, `"rows":[{"prediction":0.25,"prediction_id":"`) || !strings.Contains(body, `"version":null,"degraded":true,"reason":"m_safe@1 could not answer"`) {
		t.Errorf("%s", body)
	}
}

func TestPredictProblems(t *testing.T) {
	s := predicting(t, http.Options{Gate: tokens(t, "a "+hashOf("t")+" predict", "b "+hashOf("u")+" read")})
	for _, c := range []struct {
		path, body, token string
		status            int
		code              string
	}{
		{"/v1/predict/lat", `{"rows": []}`, "t", 404, "BH118"},
		{"/v1/predict/none", `{"rows": [{` + predictRow + `}]}`, "t", 503, "BH119"},
		{"/v1/predict/late", `{"rows": [], "features": []}`, "t", 400, "BH105"},
		{"/v1/predict/late", `{"rows": [], "explain": 1}`, "t", 400, "BH105"},
		{"/v1/predict/late", `{"rows": []}`, "u", 403, "BH111"},
	} {
		status, _, body := s.call(t, "POST", c.path, c.body, "Authorization", "Bearer "+c.token)
		if provoked[c.code] = true; status != c.status || problem(t, body)["code"] != c.code {
			t.Errorf("%s: %d %s", c.path, status, body)
		}
	}
	_, _, body := s.call(t, "POST", "/v1/predict/broken", `{"rows": [{`+predictRow+`}]}`, "Authorization", "Bearer t")
	if provoked["BH120"] = true; !strings.Contains(body, `"code":"BH120"`) || strings.Contains(body, "power") {
		t.Errorf("%s", body)
	}
	status, _, body := newServed(t, http.Options{}).call(t, "POST", "/v1/predict/late", `{"rows": []}`)
	if status != 404 || problem(t, body)["code"] != "BH118" {
		t.Errorf("%d %s", status, body)
	}
}
