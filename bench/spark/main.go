// Command spark is a benchmark of P14 and P15 (docs/performance.md): a training set on a real Spark, by the query that we print and by the one
// that a data engineer writes by hand. It prints one JSON object of figures; whoever started it holds the answers, which both write as Parquet,
// against each other.
//
// Each query is first the whole work of a Spark of its own, from the start of its process until the answer is written, and then asked again
// of one that is warm. CPU is the process's, whatever else the machine does.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/bighead-ml/bighead/engine/enginetest/proc"
	"github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/engine/spark/connect"
	"github.com/bighead-ml/bighead/secure"
)

type options struct {
	binary, project, out string
	rounds               int
	limit                float64
	explain              bool
}

// figures of one query.
type figures struct {
	Whole  *usage `json:"whole,omitempty"` // of a process that answers it once
	Warm   *usage `json:"warm,omitempty"`  // of one that has answered it before: the best of the rounds by CPU
	PeakMB int64  `json:"peak_mb"`
	// Unfinished is the limit that it ran into, seconds of CPU.
	Unfinished float64 `json:"unfinished_cpu,omitempty"`
}

type usage struct {
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu"`
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "bin/bighead", "the binary that prints the query")
	flag.StringVar(&o.project, "project", "", "a project with the training set pit, the events in events and the rows that ask in spine")
	flag.StringVar(&o.out, "out", "", "a folder for the answers, in hand and ours")
	flag.IntVar(&o.rounds, "rounds", 1, "how often a warm Spark is asked beside the first time")
	flag.Float64Var(&o.limit, "limit", 120, "of one query, seconds of CPU")
	flag.BoolVar(&o.explain, "explain", false, "say to stderr how Spark answers ours")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	f, err := run(ctx, o)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "spark:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (map[string]*figures, error) {
	for _, p := range []*string{&o.binary, &o.project, &o.out} {
		var err error
		if *p, err = filepath.Abs(*p); err != nil {
			return nil, err
		}
	}
	ours, settings, err := printed(ctx, o)
	if err != nil {
		return nil, err
	}
	queries := map[string]string{"hand": byHand(o), "ours": ours}
	out := map[string]*figures{"hand": {}, "ours": {}, "road": {}}
	for _, order := range [][]string{{"hand"}, {"ours", "hand"}} {
		if err := one(ctx, o, order, queries, settings, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// one starts a Spark, whose whole work is the first query, and asks it all of them again once it is warm. Of the second Spark alone warm answers
// are taken, which has been asked everything before.
func one(ctx context.Context, o options, order []string, queries map[string]string, settings [][2]string, out map[string]*figures) error {
	began := time.Now()
	s, err := server.StartSparkAtWork(ctx, "4g", "spark.sql.shuffle.partitions=8", "spark.default.parallelism=8")
	if err != nil {
		return err
	}
	defer s.Stop()
	spark := &sparkServer{pid: s.PIDs()[0], url: s.URL, settings: settings}
	first := order[0]
	switch _, err := spark.ask(ctx, queries[first], o.limit); {
	case errors.Is(err, errLimit):
		out[first].Unfinished = o.limit
	case err != nil:
		return fmt.Errorf("%s: %w\n%s", first, err, s.Logs())
	default:
		used, err := proc.Used(spark.pid)
		if err != nil {
			return err
		}
		out[first].Whole, out[first].PeakMB = &usage{Seconds: time.Since(began).Seconds(), CPU: used.CPU}, used.PeakMB
	}
	if len(order) == 1 {
		return nil
	}
	if o.explain {
		if err := spark.explain(ctx, queries[first]); err != nil {
			return err
		}
	}
	if out["road"].Warm, err = spark.road(ctx, o); err != nil {
		return err
	}
	for _, name := range order {
		for round := 0; round <= o.rounds && out[name].Unfinished == 0; round++ {
			u, err := spark.ask(ctx, queries[name], o.limit)
			if err != nil {
				return fmt.Errorf("%s: %w\n%s", name, err, s.Logs())
			}
			if warm := round > 0 || name == first; warm && (out[name].Warm == nil || u.CPU < out[name].Warm.CPU) {
				out[name].Warm = u
			}
		}
	}
	return nil
}

// byHand is what a good data engineer writes: one join of each row with the events of its key within the longest window, and an aggregate with
// a filter for each window.
func byHand(o options) string {
	var columns []string
	for _, w := range []struct{ name, interval string }{{"1h", "1 hour"}, {"1d", "1 day"}, {"7d", "7 days"}, {"30d", "30 days"}} {
		within := " filter (where e.ts >= s.ts - interval " + w.interval + ")"
		for _, a := range []string{"count", "sum", "avg", "max"} {
			columns = append(columns, fmt.Sprintf("%s(e.amount)%s as %s_%s", a, within, a, w.name))
		}
	}
	return fmt.Sprintf("insert overwrite directory '%s' using parquet\nselect s.row, %s\nfrom parquet.`%s` s\nleft join parquet.`%s` e\n"+
		"  on e.key = s.key and e.ts < s.ts and e.ts >= s.ts - interval 30 days and e.amount is not null\ngroup by s.row",
		filepath.Join(o.out, "hand"), strings.Join(columns, ", "), filepath.Join(o.project, "spine"), filepath.Join(o.project, "events"))
}

// printed is the query that we print, as its bundle has it, and the settings that it stands on. It writes as the one by hand does: into a
// folder, and not by day and bucket into a table.
func printed(ctx context.Context, o options) (query string, settings [][2]string, err error) {
	dir := filepath.Join(o.out, "bundle")
	explain := exec.CommandContext(ctx, o.binary, "explain", "pit", "--engine", "spark", "--bundle", dir)
	explain.Dir = o.project
	if out, err := explain.CombinedOutput(); err != nil {
		return "", nil, fmt.Errorf("bighead explain: %w: %s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "pit.sql"))
	if err != nil {
		return "", nil, err
	}
	conf, err := os.ReadFile(filepath.Join(dir, "pit.conf"))
	if err != nil {
		return "", nil, err
	}
	const into, by = "insert overwrite table `bighead_pit`", "\ndistribute by "
	_, query, ok := strings.Cut(string(text), "location '${out}';\n")
	body, _, sorted := strings.Cut(query, by)
	if !ok || !sorted || !strings.Contains(body, into) {
		return "", nil, errors.New("the bundle's query is not written as it was: it makes a table, and writes its rows by day and bucket")
	}
	for line := range strings.Lines(string(conf)) {
		name, is, _ := strings.Cut(strings.TrimSpace(line), " ")
		settings = append(settings, [2]string{name, is})
	}
	return strings.Replace(body, into, "insert overwrite directory '"+filepath.Join(o.out, "ours")+"' using parquet", 1), settings, nil
}

// sparkServer is one that runs.
type sparkServer struct {
	pid      int
	url      string
	settings [][2]string
}

var errLimit = errors.New("the limit")

// ask has a session of its own run a statement, for so many seconds of Spark's CPU: what else the machine does decides nothing.
func (s *sparkServer) ask(ctx context.Context, statement string, limit float64) (u *usage, err error) {
	session, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	before, err := proc.Used(s.pid)
	if err != nil {
		return nil, err
	}
	within, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go s.watch(within, before.CPU+limit, cancel)
	began := time.Now()
	if err := session.Exec(within, statement); err != nil {
		if errors.Is(context.Cause(within), errLimit) {
			return nil, errLimit
		}
		return nil, err
	}
	after, err := proc.Used(s.pid)
	return &usage{Seconds: time.Since(began).Seconds(), CPU: after.CPU - before.CPU}, err
}

// watch ends what has a context when Spark has taken so much CPU since its start.
func (s *sparkServer) watch(ctx context.Context, limit float64, end context.CancelCauseFunc) {
	clock := time.NewTicker(500 * time.Millisecond)
	defer clock.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-clock.C:
		}
		if used, err := proc.Used(s.pid); err != nil || used.CPU > limit {
			end(errLimit)
			return
		}
	}
}

func (s *sparkServer) open(ctx context.Context) (*connect.Session, error) {
	session, err := connect.Open(ctx, s.url, secure.TLS{})
	if err != nil {
		return nil, err
	}
	for _, of := range s.settings {
		if err := session.Exec(ctx, "set "+of[0]+" = "+of[1]); err != nil {
			return nil, errors.Join(err, session.Close())
		}
	}
	return session, nil
}

// road has bighead ask Spark, as its users do: the rows that ask are staged, sources' rows are counted, and the answer comes over the wire. CPU is
// of both processes.
func (s *sparkServer) road(ctx context.Context, o options) (*usage, error) {
	settings := fmt.Sprintf("[batch]\nremote = %q\nstage = %q\n", s.url, filepath.Join(o.out, "stage"))
	if err := os.WriteFile(filepath.Join(o.project, "bighead.spark.toml"), []byte(settings), 0o644); err != nil {
		return nil, err
	}
	before, err := proc.Used(s.pid)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	c := exec.CommandContext(ctx, o.binary, "training-set", "pit", "--profile", "spark", "--engine", "spark", "-o", filepath.Join(o.out, "road.parquet"))
	c.Dir = o.project
	if out, err := c.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("bighead training-set --engine spark: %w: %s", err, out)
	}
	wall := time.Since(began).Seconds()
	after, err := proc.Used(s.pid)
	return &usage{Seconds: wall, CPU: after.CPU - before.CPU + (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds()}, err
}

// explain says how Spark answers.
func (s *sparkServer) explain(ctx context.Context, statement string) (err error) {
	session, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	res, err := session.Query(ctx, "explain formatted "+statement)
	for _, row := range res.Rows {
		fmt.Fprintln(os.Stderr, row[0].Str())
	}
	return err
}
