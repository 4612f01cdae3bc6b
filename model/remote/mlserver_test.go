package remote_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/modeltest"
)

// TestMLServer asks a real MLServer, over HTTP and gRPC, whose model is LightGBM's, and compares with LightGBM's own answers: one whose settings
// declare inputs and outputs, and one whose do not, so that its address does. MLServer is 0.5 GB of packages, which the tests do not fetch.
func TestMLServer(t *testing.T) {
	venv := os.Getenv("BIGHEAD_MLSERVER")
	if venv == "" {
		t.Skip("BIGHEAD_MLSERVER names no virtual environment: python3 -m venv DIR && DIR/bin/pip install mlserver==1.7.1 mlserver-lightgbm==1.7.1 lightgbm==4.7.0")
	}
	of := modeltest.Fixture(t, "lgb_binary")
	http, rpc := startMLServer(t, venv, of)
	in := model.Batch{Rows: 64, Numbers: of.Rows[:64*of.Width]}
	said := fmt.Sprintf("?input=x:FP64:-1,%d&output=predict:FP64:-1&rows=50", of.Width)
	var cases []modeltest.Case
	for name, location := range map[string]string{
		"http declared": "http://" + http + "/v2/models/declared", "grpc declared": "grpc://" + rpc + "/declared",
		"http silent": "http://" + http + "/v2/models/silent" + said, "grpc silent": "grpc://" + rpc + "/silent" + said,
	} {
		cases = append(cases, modeltest.Case{Name: name, Open: openRemote, Location: location, Batch: in, Allocates: true})
		m := open(t, location)
		a, err := model.Binary.Answer(m.Info())
		if err != nil {
			t.Fatal(err)
		}
		out := make([]float64, in.Rows)
		if err := a.Predict(t.Context(), m, &in, out, &model.Scratch{}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i, want := range of.Answers[:in.Rows] {
			if math.Abs(out[i]-want) > 1e-14 {
				t.Errorf("%s: row %d: %v, LightGBM %v", name, i, out[i], want)
			}
		}
	}
	foreign := filepath.Join(t.TempDir(), "model.txt")
	if err := os.WriteFile(foreign, []byte("tree\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	modeltest.Run(t, cases, foreign)

	_, err := openRemote(t.Context(), "http://"+http+"/v2/models/silent")
	has(t, err, "the server does not say what the model takes; say it in the address")
	for _, location := range []string{"http://" + http + "/v2/models/none", "grpc://" + rpc + "/none"} {
		if _, err = openRemote(t.Context(), location); !errors.Is(err, model.ErrUnavailable) {
			t.Errorf("a model that is not there: %v", err)
		}
	}
	wrong := open(t, "http://"+http+"/v2/models/silent?input=x:FP64:-1,3&output=predict:FP64:-1")
	err = wrong.Predict(t.Context(), &model.Batch{Rows: 1, Numbers: []float64{1, 2, 3}}, [][]float64{make([]float64, 1)})
	has(t, err, "the server answers 500 Internal Server Error")
}

// startMLServer serves the model twice and gives the server's addresses.
func startMLServer(t *testing.T, venv string, of *modeltest.Trained) (http, rpc string) {
	t.Helper()
	dir := t.TempDir()
	file := of.Save(t, dir)
	var ports [3]int
	for i := range ports {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ports[i] = ln.Addr().(*net.TCPAddr).Port
		_ = ln.Close()
	}
	write := func(path string, what map[string]any) {
		text, _ := json.Marshal(what)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, text, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(dir, "settings.json"), map[string]any{"host": "127.0.0.1", "http_port": ports[0], "grpc_port": ports[1], "metrics_port": ports[2], "parallel_workers": 0})
	for name, more := range map[string]map[string]any{"silent": {}, "declared": {
		"inputs":  []any{map[string]any{"name": "x", "datatype": "FP64", "shape": []int{-1, of.Width}}},
		"outputs": []any{map[string]any{"name": "predict", "datatype": "FP64", "shape": []int{-1, 1}}},
	}} {
		more["name"], more["implementation"], more["parameters"] = name, "mlserver_lightgbm.LightGBMModel", map[string]any{"uri": file}
		write(filepath.Join(dir, name, "model-settings.json"), more)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, filepath.Join(venv, "bin", "mlserver"), "start", dir)
	c.Stdout, c.Stderr = log, log
	c.Env = append(os.Environ(), "PATH="+filepath.Join(venv, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = c.Wait() // it was killed
		log.Close()
	})
	http, rpc = fmt.Sprintf("127.0.0.1:%d", ports[0]), fmt.Sprintf("127.0.0.1:%d", ports[1])
	for began := time.Now(); time.Since(began) < 10*time.Minute; time.Sleep(50 * time.Millisecond) {
		m, err := openRemote(t.Context(), "grpc://"+rpc+"/declared")
		if err == nil {
			_ = m.Close()
			return http, rpc
		}
	}
	text, _ := os.ReadFile(log.Name())
	t.Fatalf("MLServer does not come up:\n%s", text)
	return "", ""
}
