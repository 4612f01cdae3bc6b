//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const taskFeatures = `import bighead as bh

e = bh.EventSource("e", path="e.csv", time="ts")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.last("x"), bh.count(windows=["1h"])])
v = bh.FeatureView("v", groups=[g], request={"r": bh.Float})
rows = bh.TrainingSet("rows", view=v, spine=bh.Spine("spine.csv", at="ts"), labels={"LABEL": "LABEL"}, weight="w")


def train(data, params):
    import lightgbm as lgb

    assert data.train.weight is not None and set(data.train.weight) == {0.5, 2.0}, data.train.weight
    print("labels", sorted(set(data.train.y))[:4])
    sets = [lgb.Dataset(p.x, p.y, weight=p.weight) for p in (data.train, data.valid)]
    return lgb.train(params | {"verbose": -1, "num_threads": 1, "seed": data.seed}, sets[0], 60, valid_sets=[sets[1]], callbacks=[lgb.early_stopping(10, verbose=False)])


m = bh.Model(
    "m", training_set=rows, train=train, task="TASK", split=bh.TimeSplit(valid="2024-01-03", test="2024-01-04"), params=PARAMS,
    environment=bh.Environment([
        "lightgbm==4.7.0", "numpy==2.4.6", "pandas==3.1.1", "pyarrow==26.0.1", "scikit-learn==1.9.1", "skl2onnx==1.20.0", "xgboost-cpu==3.2.0"]),
)
sea = bh.Endpoint("sea", model=m, deadline="10m", degraded_when="share_defaulted > 0.9")
`

// TestTasks takes a model of several classes, whose labels are texts, one whose labels are numbers that do not count from 0, and one of a number, from
// weighted rows to predictions by each protocol.
func TestTasks(t *testing.T) {
	for _, c := range []struct {
		name, label, task, params string
		printed                   string             // of the labels that the function gets
		metrics                   map[string]float64 // the least, or where it is below 0 minus the most
		classes                   []string           // from calm to rough
	}{
		{"classes with names", "sea", "multiclass", `{"objective": "multiclass", "num_class": 3}`, "labels [0, 1, 2]", map[string]float64{"accuracy": 0.7, "log_loss": -0.8}, []string{"calm", "moderate", "rough"}},
		{"classes with numbers", "scale", "multiclass", `{"objective": "multiclassova", "num_class": 3}`, "labels [0, 1, 2]", map[string]float64{"accuracy": 0.7, "log_loss": -0.8}, []string{"2", "4", "6"}},
		{"a number", "height", "regression", `{"objective": "regression"}`, "labels [", map[string]float64{"rmse": -0.8, "mae": -0.6, "r2": 0.7}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.NewReplacer("LABEL", c.label, "TASK", c.task, "PARAMS", c.params).Replace(taskFeatures)
			dir := trainFolder(t, map[string]string{"bighead.toml": "[serve]\nlisten = \"127.0.0.1:0\"\n", "features.py": text, "e.csv": "", "spine.csv": ""})
			writeSeas(t, dir)
			code, out, stderr := trained(t, dir)
			if code != exitGood || !strings.Contains(stderr, "runtime tree answers 512 rows as lightgbm 4.7.0 does") || !strings.Contains(stderr, c.printed) {
				t.Fatalf("%d\n%s%s", code, out, stderr)
			}
			var versions []listedVersion
			if err := json.Unmarshal([]byte(mustRun(t, dir, "models", "m", "--json")), &versions); err != nil || len(versions) != 1 {
				t.Fatalf("%v, %v", versions, err)
			}
			got := versions[0].Metrics
			for name, least := range c.metrics {
				for _, part := range []string{"valid.", "test."} {
					if x, ok := got[part+name]; !ok || least < 0 && x > -least || least > 0 && x < least {
						t.Errorf("%s%s is %v, want %v", part, name, x, least)
					}
				}
			}
			if len(got) != 2*len(c.metrics) {
				t.Errorf("metrics %v", got)
			}
			mustRun(t, dir, "apply", "--yes")
			mustRun(t, dir, "deploy", "m", "--to", "sea")
			up := startUp(t, dir)
			defer up.stop()
			askSea(t, up.url, c.classes)
			inferSea(t, up.url, c.classes)
		})
	}
}

// writeSeas writes rows whose labels go with what was last seen of their key and what the request says.
func writeSeas(t *testing.T, dir string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(7, 2))
	events, spine := strings.Builder{}, strings.Builder{}
	events.WriteString("k,ts,x\n")
	spine.WriteString("k,ts,r,sea,scale,height,w\n")
	from := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 1200 {
		at, x, r := from.Add(time.Duration(i)*5*time.Minute), rng.NormFloat64(), rng.NormFloat64()
		fmt.Fprintf(&events, "%d,%s,%g\n", i%7, at.Format(time.RFC3339), x)
		height := x + r + rng.NormFloat64()/4
		class := 1
		if height < -0.6 {
			class = 0
		} else if height > 0.6 {
			class = 2
		}
		fmt.Fprintf(&spine, "%d,%s,%g,%s,%d,%g,%g\n", i%7, at.Add(time.Second).Format(time.RFC3339), r, []string{"calm", "moderate", "rough"}[class], 2*class+2, height, []float64{0.5, 2}[i%2])
	}
	for name, text := range map[string]string{"e.csv": events.String(), "spine.csv": spine.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// posted is the answer to a request of JSON.
func posted(t *testing.T, url, body string, into any) {
	t.Helper()
	reply, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil || reply.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s, %v", url, reply.StatusCode, text, err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// askSea asks the endpoint for a very calm and a very rough row.
func askSea(t *testing.T, url string, classes []string) {
	t.Helper()
	var a predictAnswer
	posted(t, url+"/v1/predict/sea", `{"rows":[{"k":3,"r":-3},{"k":3,"r":3}]}`, &a)
	if len(a.Rows) != 2 {
		t.Fatalf("%+v", a)
	}
	for i, row := range a.Rows {
		if row.Error != nil || row.Version == nil || *row.Version != 1 || row.Degraded {
			t.Errorf("row %d: %+v", i, row)
			continue
		}
		if classes == nil {
			var x float64
			if err := json.Unmarshal(row.Prediction, &x); err != nil || (x < 0) != (i == 0) || row.Class != "" {
				t.Errorf("row %d: %s, class %q", i, row.Prediction, row.Class)
			}
			continue
		}
		var p []float64
		if err := json.Unmarshal(row.Prediction, &p); err != nil || len(p) != 3 || row.Class != classes[2*i] || p[2*i] < 0.5 || !slices.Equal(row.Classes, classes) {
			t.Errorf("row %d: %s, class %q, %v", i, row.Prediction, row.Class, err)
		}
	}
}

// inferSea asks the model the same by the Open Inference Protocol: with the view's columns, and classes by their numbers.
func inferSea(t *testing.T, url string, classes []string) {
	t.Helper()
	var a struct {
		Outputs []struct {
			Name, Datatype string
			Shape          []int
			Data           []float64
		}
	}
	posted(t, url+"/v2/models/m/infer", `{"inputs":[{"name":"g__x_last","datatype":"FP64","shape":[2],"data":[0,0]},{"name":"g__count_1h","datatype":"INT64","shape":[2],"data":[1,1]},`+
		`{"name":"r","datatype":"FP64","shape":[2],"data":[-3,3]}]}`, &a)
	for _, o := range a.Outputs {
		switch o.Name {
		case "prediction":
			if classes == nil {
				if !slices.Equal(o.Shape, []int{2}) || len(o.Data) != 2 || o.Data[0] > -1 || o.Data[1] < 1 {
					t.Errorf("%+v", o)
				}
			} else if !slices.Equal(o.Shape, []int{2, 3}) || len(o.Data) != 6 || o.Data[0] < 0.5 || o.Data[5] < 0.5 {
				t.Errorf("%+v", o)
			}
		case "class":
			if classes == nil || !slices.Equal(o.Data, []float64{0, 2}) {
				t.Errorf("%+v", o)
			}
		}
	}
	if wanted := map[bool]int{true: 1, false: 2}[classes == nil]; len(a.Outputs) < wanted {
		t.Errorf("%+v", a)
	}
}
