package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bighead-ml/bighead/engine/enginetest/proc"
)

// asksElsewhere are the features of predictingFeatures with a model that answers at an address.
func asksElsewhere(address, more string) string {
	before, after, _ := strings.Cut(predictingFeatures, "def learn")
	_, endpoint, _ := strings.Cut(after, "late = ")
	return before + fmt.Sprintf("m = bh.Model(\"m\", training_set=t, remote=%q%s)\nlate = ", address, more) + strings.Replace(endpoint, `deadline="10m"`, `deadline="10m", fallback=0.125, degraded_when="share_defaulted > 1"`, 1)
}

// writeProject writes files of a project anew.
func writeProject(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// ports are addresses of loopback that nobody else gets, also while nobody listens there.
func ports(t *testing.T, n int) []string {
	t.Helper()
	free, err := proc.FreePorts(n)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, port := range free {
		out = append(out, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	}
	return out
}

// TestModelElsewhere has one bighead answer with the model of another: what it answers is what that one answers, over HTTP and gRPC; while that
// one is gone it is the endpoint's fallback, and once it is back the model again, without anybody's doing; and another model at the address is
// noticed.
func TestModelElsewhere(t *testing.T) {
	at := ports(t, 2)
	there := smallProject(t, predictingFeatures)
	writeProject(t, there, map[string]string{"bighead.toml": fmt.Sprintf("[serve]\nlisten = %q\ngrpc = %q\ndrain = \"0s\"\n", at[0], at[1])})
	mustRun(t, there, "apply", "--yes")
	registerVersion(t, there, "lgb_binary", nil)
	registerVersion(t, there, "xgb_binary", nil)
	mustRun(t, there, "deploy", "m@1", "--to", "late")
	here := smallProject(t, asksElsewhere("http://"+at[0]+"/v2/models/m", ""))
	writeProject(t, here, map[string]string{"bighead.toml": "[serve]\nlisten = \"127.0.0.1:0\"\n"})
	refused := func(exit int, want string, args ...string) {
		t.Helper()
		if code, out, stderr := bighead(t, here, args...); code != exit || !strings.Contains(stderr, want) {
			t.Errorf("bighead %s: %d %s%s\nwant %q", strings.Join(args, " "), code, out, stderr, want)
		}
	}
	mustRun(t, here, "apply", "--yes")
	refused(exitOutside, "the model cannot be reached", "train", "m")
	up := startUp(t, there)
	refused(exitMistake, "does not say which: prediction (untold of 1), margin (untold of 1)", "train", "m")
	refused(exitUsage, "was trained elsewhere", "train", "m", "--seed", "3")
	writeProject(t, here, map[string]string{"features.py": asksElsewhere("http://"+at[0]+"/v2/models/m?output=prediction", `, pipeline=bh.Pipeline([bh.rename("y", to=["z"])])`)})
	refused(exitMistake, "the model takes y, which are no columns that go in: g__x_sum_1h, g__x_last, z", "train", "m")
	writeProject(t, here, map[string]string{"features.py": asksElsewhere("http://"+at[0]+"/v2/models/m?output=prediction", `, pipeline=bh.Pipeline([bh.rename("y", to=["z"]), bh.rename("z", to=["y"])])`)})
	mustRun(t, here, "apply", "--yes")
	if out := mustRun(t, here, "train", "m"); !strings.Contains(out, "m version 1: not measured") {
		t.Error(out)
	}
	if out := mustRun(t, here, "explain", "m"); !strings.Contains(out, "model m answers elsewhere about rows of training set t, binary") || !strings.Contains(out, "  at http://"+at[0]) {
		t.Error(out)
	}
	mustRun(t, here, "deploy", "m", "--to", "late")
	if left, _ := filepath.Glob(filepath.Join(here, ".bighead", "models", "*", "*")); len(left) != 1 || filepath.Base(left[0]) != "manifest.json" {
		t.Errorf("the artifact is %v", left)
	}

	up2 := startUp(t, here)
	same := func(y string, version int64) {
		t.Helper()
		want, got := askedLate(t, there, y), askedLate(t, here, y)
		if string(got.Prediction) != string(want.Prediction) || got.Version == nil || *got.Version != version || got.Degraded {
			_, status, _ := bighead(t, here, "status", "--json")
			t.Errorf("y=%s: %+v, and there %+v\n%s\n%s", y, got, want, status, up2.log.String())
		}
	}
	same("2.5", 1)
	same("-30", 1)
	up.stop()
	if got := askedLate(t, here, "2.5"); string(got.Prediction) != "0.125" || got.Version != nil || !got.Degraded {
		t.Errorf("while the model is gone: %+v", got)
	}
	startUp(t, there)
	same("2.5", 1)
	if strings.Contains(up2.log.String(), "panic") {
		t.Error(up2.log.String())
	}

	// Over gRPC, with a split by which it is measured.
	const day = "2024-01-01T"
	events := "k,ts,x\n"
	for i := range 24 {
		events += fmt.Sprintf("a,%s%02d:00:00Z,%d\n", day, i, i%3)
	}
	writeProject(t, here, map[string]string{
		"features.py": asksElsewhere("grpc://"+at[1]+"/m?output=prediction", `, split=bh.TimeSplit(valid="`+day+`08:00:00Z", test="`+day+`16:00:00Z"), metrics=["auc"], gate="auc >= 0"`), "e.csv": events,
	})
	mustRun(t, here, "apply", "--yes")
	if out := mustRun(t, here, "train", "m"); !strings.Contains(out, "m version 2: test.auc ") || !strings.Contains(out, "it holds its gate") {
		t.Error(out)
	}
	mustRun(t, here, "deploy", "m@2", "--to", "late")
	same("2.5", 2)

	// Another model answers there.
	mustRun(t, there, "deploy", "m@2", "--to", "late")
	refused(exitMistake, "answers row 0 of check with", "deploy", "m@1", "--to", "late")
}

// A training set needs no label for a model elsewhere; and a model that answers the same rows otherwise the next time is none to be compared with.
func TestModelElsewhereWithoutALabel(t *testing.T) {
	var wavers atomic.Bool
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/infer") {
			fmt.Fprint(w, "{}")
			return
		}
		n := asked.Add(1)
		var q struct{ Inputs []struct{ Shape []int } }
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || q.Inputs[0].Shape[1] != 3 {
			t.Error(q, err)
		}
		y := make([]float64, q.Inputs[0].Shape[0])
		for i := range y {
			if y[i] = 0.25; wavers.Load() {
				y[i] += float64(n%2) / 10
			}
		}
		text, _ := json.Marshal(y)
		fmt.Fprintf(w, `{"outputs": [{"name": "y", "datatype": "FP64", "shape": [%d], "data": %s}]}`, len(y), text)
	}))
	t.Cleanup(s.Close)
	dir := smallProject(t, strings.Replace(asksElsewhere(s.URL+"/v2/models/m?input=x:FP64:-1,3&output=y:FP64:-1", ""), `, labels={"l": "x > 1"}`, "", 1))
	if out := mustRun(t, dir, "train", "m"); !strings.Contains(out, "m version 1: not measured") {
		t.Error(out)
	}
	wavers.Store(true)
	if code, out, stderr := bighead(t, dir, "train", "m"); code != exitOutside || !strings.Contains(stderr, "model m, asked the same again: the model answers row 0 of check with") {
		t.Errorf("%d %s%s", code, out, stderr)
	}
}

// askedLate is endpoint "late" of a project for a key and a y.
func askedLate(t *testing.T, dir, y string) predictedRow {
	t.Helper()
	var a predictAnswer
	if out := mustRun(t, dir, "predict", "late", "k=a", "y="+y, "--json"); json.Unmarshal([]byte(out), &a) != nil || len(a.Rows) != 1 || a.Rows[0].Error != nil {
		t.Fatal(out)
	}
	return a.Rows[0]
}
