// Command ingest is benchmark P6 (docs/performance.md): a topic of a real Kafka into the online store, the whole of `bighead up` measured from
// outside; with -flink benchmark P16, where Flink folds what it reads and `up` reads its tiles. It prints one JSON object of figures, after the answers were checked against what it counted itself.
//
// First it writes events to a topic, starts `up` and measures how fast that reads them all; then it writes on by schedule, at a rate that does
// not wait for anybody, and measures how long single events take until a read shows them.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/bighead-ml/bighead/engine/enginetest/server"
)

const partitions = 4

type options struct {
	binary, dir string
	events      int
	rate        float64
	pacing      time.Duration
	seed        uint64
	flink       bool
}

// figures are what is printed.
type figures struct {
	Events    int     `json:"events"`
	EventMean float64 `json:"event_bytes"`
	Seconds   float64 `json:"seconds"` // from the start of the process until the last event was folded
	CPU       float64 `json:"cpu"`     // seconds, user and system
	RSS       int64   `json:"rss_mb"`
	Written   int64   `json:"written_bytes"`

	Paced       int     `json:"paced_events"`
	PacedFor    float64 `json:"paced_seconds"`   // until the last of them was folded and seen
	Sending     float64 `json:"sending_seconds"` // of the schedule
	PacedCPU    float64 `json:"paced_cpu"`
	PacedRSS    int64   `json:"paced_rss_mb"`
	PacedBytes  int64   `json:"paced_written_bytes"`
	Late        float64 `json:"sent_late_ms"` // of the sender behind its schedule, at most
	Markers     int     `json:"markers"`
	Freshness50 float64 `json:"freshness_p50_ms"`
	Freshness99 float64 `json:"freshness_p99_ms"`
	FreshnessTo float64 `json:"freshness_max_ms"`
	Own50       float64 `json:"own_p50_ms"` // of what the product says itself, from arrival in its log
	Own99       float64 `json:"own_p99_ms"`
	Checked     int     `json:"checked_values"`

	// With Flink: its CPU in both parts, and what the topic of its tiles got in the first.
	FlinkCPU      float64 `json:"flink_cpu,omitempty"`
	FlinkPacedCPU float64 `json:"flink_paced_cpu,omitempty"`
	Parts         int64   `json:"tile_parts,omitempty"`
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "bin/bighead", "the binary that is measured")
	flag.StringVar(&o.dir, "dir", "", "a folder for the project, its logs and the broker's data; emptied first")
	flag.IntVar(&o.events, "events", 4_000_000, "events that wait when the process starts")
	flag.Float64Var(&o.rate, "rate", 75_000, "events a second of the second part")
	flag.DurationVar(&o.pacing, "pacing", 20*time.Second, "how long the second part lasts")
	flag.Uint64Var(&o.seed, "seed", 1, "of the events")
	flag.BoolVar(&o.flink, "flink", false, "let a real Flink fold the events")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	f, err := run(ctx, o)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ingest:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (f *figures, err error) {
	if o.dir, err = filepath.Abs(o.dir); err != nil {
		return nil, err
	}
	for _, d := range []string{o.dir, filepath.Join(o.dir, "broker")} {
		if err := os.RemoveAll(d); err != nil {
			return nil, err
		}
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	if err := os.Setenv("TMPDIR", filepath.Join(o.dir, "broker")); err != nil { // where the broker's files lie
		return nil, err
	}
	broker, err := server.StartKafka(ctx)
	if err != nil {
		return nil, err
	}
	defer broker.Stop()
	w, err := newWriter(ctx, broker, o)
	if err != nil {
		return nil, err
	}
	defer w.client.Close()
	f = &figures{Events: o.events}
	if err := w.fill(ctx, o.events); err != nil {
		return nil, err
	}
	f.EventMean = float64(w.bytes) / float64(o.events)
	var flink *flinkSide
	if o.flink {
		if flink, err = startFlink(ctx, broker); err != nil {
			return nil, err
		}
		defer flink.server.Stop()
	}
	up, err := startUp(ctx, o, broker.Address, flink)
	if err != nil {
		return nil, err
	}
	defer up.process.Stop()
	if err := measure(ctx, o, w, up, f); err != nil {
		return nil, fmt.Errorf("%w\nthe server's log ends with:\n%s", err, up.process.LogTail(20))
	}
	return f, nil
}

// measure is both parts, each with the check of its answers.
func measure(ctx context.Context, o options, w *writer, up *upProcess, f *figures) error {
	if up.flink != nil {
		if err := up.flink.drained(ctx, w, up, f); err != nil {
			return err
		}
	} else if err := up.folded(ctx, int64(o.events)); err != nil {
		return err
	}
	if f.Seconds == 0 {
		f.Seconds = time.Since(up.began).Seconds()
	}
	before, err := up.usage()
	if err != nil {
		return err
	}
	f.CPU, f.RSS, f.Written = before.CPU, before.PeakMB, before.Written
	if f.Checked, err = up.check(ctx, w); err != nil {
		return err
	}
	if before, err = up.usage(); err != nil { // the check is not part of either
		return err
	}
	var flinks float64
	if up.flink != nil {
		if flinks, err = up.flink.cpu(); err != nil {
			return err
		}
	}
	began, sent := time.Now(), w.sent
	fresh, err := pace(ctx, o, w, up)
	if err != nil {
		return err
	}
	f.PacedFor = time.Since(began).Seconds()
	after, err := up.usage()
	if err != nil {
		return err
	}
	if up.flink != nil {
		if f.FlinkPacedCPU, err = up.flink.cpu(); err != nil {
			return err
		}
		f.FlinkPacedCPU -= flinks
	}
	f.Paced, f.PacedCPU, f.PacedRSS, f.PacedBytes = w.sent-sent, after.CPU-before.CPU, after.PeakMB, after.Written-before.Written
	f.Sending = o.pacing.Seconds()
	f.Late, f.Markers = ms(fresh.late), len(fresh.seen)
	f.Freshness50, f.Freshness99, f.FreshnessTo = ms(quantile(fresh.seen, 0.5)), ms(quantile(fresh.seen, 0.99)), ms(quantile(fresh.seen, 1))
	f.Own50, f.Own99 = ms(quantile(fresh.own, 0.5)), ms(quantile(fresh.own, 0.99))
	n, err := up.check(ctx, w)
	f.Checked += n
	return err
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
