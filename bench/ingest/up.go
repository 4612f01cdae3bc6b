package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/engine/enginetest/proc"
)

// upProcess is `bighead up` while it runs.
type upProcess struct {
	process *proc.Process
	flink   *flinkSide // nil: our own stream folds
	url     string
	began   time.Time
}

// startUp writes the project, applies it and starts the server.
func startUp(ctx context.Context, o options, broker string, flink *flinkSide) (*upProcess, error) {
	ports, err := proc.FreePorts(1)
	if err != nil {
		return nil, err
	}
	binary, err := filepath.Abs(o.binary)
	if err != nil {
		return nil, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", ports[0])
	for name, text := range map[string]string{
		"features.py":  strings.ReplaceAll(definitions, "TOPIC", topic),
		"bighead.toml": fmt.Sprintf("[project]\nname = \"bench\"\n[serve]\nlisten = %q\ndeadline = \"30s\"\n[stream]\nbrokers = [%q]\n%s[log]\nlevel = \"warn\"\n", address, broker, flink.settings()),
	} {
		if err := os.WriteFile(filepath.Join(o.dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	apply := exec.CommandContext(ctx, binary, "apply", "--yes")
	apply.Dir = o.dir
	if out, err := apply.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("bighead apply: %w: %s", err, out)
	}
	u := &upProcess{flink: flink, url: "http://" + address, began: time.Now()}
	u.process, err = proc.Start(proc.Spec{Name: "bighead up", Path: binary, Args: []string{"up"}, Env: os.Environ(), Dir: o.dir, Log: filepath.Join(o.dir, "up.log")})
	if err != nil {
		return nil, err
	}
	if err := u.process.Ready(ctx, func(ctx context.Context) error {
		_, err := u.call(ctx, http.MethodGet, "/healthz", nil)
		return err
	}); err != nil {
		u.process.Stop()
		return nil, err
	}
	return u, nil
}

func (u *upProcess) call(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, u.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err == nil && a.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %s", method, path, a.Status, text)
	}
	return text, err
}

// metric is one sample of the server's metrics; 0 where it is not there yet.
func (u *upProcess) metric(ctx context.Context, name string) (float64, error) {
	text, err := u.call(ctx, http.MethodGet, "/metrics", nil)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(rest), 64)
		}
	}
	return 0, nil
}

// folded waits until so many events are in tiles.
func (u *upProcess) folded(ctx context.Context, n int64) error {
	clock := time.NewTicker(50 * time.Millisecond)
	defer clock.Stop()
	for {
		got, err := u.metric(ctx, `bighead_group_rows_total{group="g",result="applied"}`)
		switch {
		case err != nil:
			return err
		case int64(got) == n:
			return nil
		case int64(got) > n:
			return fmt.Errorf("%d events were folded, and %d were sent", int64(got), n)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-u.process.Done():
			return fmt.Errorf("the server has ended")
		case <-clock.C:
		}
	}
}

type vectors struct {
	Features []string `json:"features"`
	Rows     []struct {
		Values []json.Number   `json:"values"`
		Error  json.RawMessage `json:"error"`
	} `json:"rows"`
}

// ask reads features of users.
func (u *upProcess) ask(ctx context.Context, users, features []string) (*vectors, error) {
	rows := make([]map[string]string, len(users))
	for i, user := range users {
		rows[i] = map[string]string{"user": user}
	}
	body, err := json.Marshal(map[string]any{"rows": rows, "features": features, "status": false})
	if err != nil {
		return nil, err
	}
	text, err := u.call(ctx, http.MethodPost, "/v1/features/v", body)
	if err != nil {
		return nil, err
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		return nil, fmt.Errorf("%w: %.300s", err, text)
	}
	if len(v.Rows) != len(users) || len(v.Features) != len(features) {
		return nil, fmt.Errorf("%d rows of %d features were asked: %.300s", len(users), len(features), text)
	}
	for i, r := range v.Rows {
		if len(r.Error) > 0 {
			return nil, fmt.Errorf("user %s: %s", users[i], r.Error)
		}
	}
	return &v, nil
}

// counts are how many events users have within a day.
func (u *upProcess) counts(ctx context.Context, users []string) ([]float64, error) {
	v, err := u.ask(ctx, users, []string{"g__n_1d"})
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(users))
	for i, r := range v.Rows {
		out[i] = number(r.Values[0])
	}
	return out, nil
}

// check compares what is served of the watched keys with what was counted, and gives how many values that were. What was read last may not be
// written yet: what differs is asked again for a while.
func (u *upProcess) check(ctx context.Context, w *writer) (n int, err error) {
	patience := 10 * time.Second
	if u.flink != nil { // whose tiles come along a topic of their own
		patience = 30 * time.Second
	}
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		if n, err = u.compare(within, w); err == nil || within.Err() != nil {
			return n, err
		}
		select {
		case <-within.Done():
			return n, err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (u *upProcess) compare(ctx context.Context, w *writer) (n int, err error) {
	var users, features []string
	for user := range w.day {
		users = append(users, user)
	}
	slices.Sort(users)
	for _, window := range []string{"1h", "1d", "7d", "30d"} {
		for _, name := range []string{"n", "items", "spent", "most", "most_items"} {
			features = append(features, "g__"+name+"_"+window)
		}
	}
	for some := range slices.Chunk(users, 50) {
		v, err := u.ask(ctx, some, features)
		if err != nil {
			return n, err
		}
		for i, user := range some {
			for j, f := range features {
				want := w.hour[user]
				if !strings.HasSuffix(f, "_1h") {
					want = w.day[user]
				}
				if got, should := number(v.Rows[i].Values[j]), want.of(j%5); math.Abs(got-should) > 1e-9*max(1, math.Abs(should)) {
					return n, fmt.Errorf("user %s: %s is %v, and %v were counted; the row is %v", user, f, got, should, v.Rows[i].Values)
				}
				n++
			}
		}
	}
	return n, nil
}

// number is a value as a float; null is 0, as nothing was counted for it.
func number(v json.Number) float64 {
	f, err := v.Float64()
	if err != nil && v != "" {
		return math.NaN()
	}
	return f
}

// of is the i-th of n, items, spent, most, most_items; of nothing all are 0.
func (c *counted) of(i int) float64 {
	if c == nil {
		return 0
	}
	return []float64{float64(c.n), float64(c.items), c.spent, c.most, float64(c.mostItems)}[i]
}

// usage is what the process has taken so far.
func (u *upProcess) usage() (proc.Usage, error) { return proc.Used(u.process.PID()) }
