package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// flinkStatus is how Flink stands with a group.
type flinkStatus struct {
	Group       string `json:"group"`
	Space       string `json:"space"`
	Source      string `json:"source"`
	Job         string `json:"job"`
	ID          string `json:"id"`
	State       string `json:"state"` // Flink's word; "": it does not know the job, or was not asked yet
	Why         string `json:"why,omitempty"`
	Failure     string `json:"last_failure,omitempty"` // Flink's words of what the job failed at last, though it may run again
	Checkpoint  string `json:"checkpoint,omitempty"`   // when the last was completed
	Topic       string `json:"topic"`                  // of the tiles' parts
	Begun       string `json:"begun,omitempty"`
	From        string `json:"from_savepoint,omitempty"` // from which it was begun
	Anew        string `json:"anew,omitempty"`           // why it was begun at the start of its source though one before it had read it
	Savepoint   string `json:"savepoint,omitempty"`      // with which it was stopped, and from which it is to go on
	Parallelism int    `json:"parallelism"`
	Lag         *int64 `json:"lag_records"` // of the source, that the job has yet to read; null: not known
	Filled      bool   `json:"filled"`
	Applied     int64  `json:"applied"` // parts that changed a tile
	Regressions int64  `json:"regressions"`
	Late        int64  `json:"late"`
	Behind      int64  `json:"late_behind_watermark"`
	Malformed   int64  `json:"malformed"`
	Problem     string `json:"problem,omitempty"` // what was wrong last with what was read
}

// statuses are those of all groups that Flink folds.
func (f *flinkSide) statuses() []flinkStatus {
	var out []flinkStatus
	for _, j := range f.all() {
		j.mu.Lock()
		s := flinkStatus{Group: j.space().Group.Name, Space: j.space().ID, Source: j.space().Group.Source.Name, Job: j.shown.Name, ID: j.shown.ID, State: j.state.State, Why: j.trouble, Failure: j.state.Exception, Topic: j.shown.Topic}
		s.From, s.Anew, s.Savepoint, s.Parallelism = j.shown.From, j.shown.Anew, j.shown.Savepoint, max(j.shown.Tasks, 1)
		if at := j.shown.At; at > 0 {
			s.Begun = timeOrNone(at)
		}
		if at := j.state.Checkpoint; at > 0 {
			s.Checkpoint = timeOrNone(at)
		}
		j.mu.Unlock()
		if t, ok := f.tiles(s.Space); ok {
			s.Filled, s.Problem = t.Filled && !t.Filling, t.Problem
			s.Applied, s.Regressions, s.Late, s.Behind, s.Malformed = t.Counts.Applied, t.Counts.Regressed, t.Counts.Late, t.Counts.Behind, t.Counts.Malformed
			if t.Lag >= 0 {
				s.Lag = &t.Lag
			}
			if why := t.Stopped + t.Held; s.Why == "" && why != "" {
				s.Why = why
			}
		}
		out = append(out, s)
	}
	return out
}

// addTo shows the spaces that Flink folds among those of their sources, and why our own stream folds the others. What came too late for one our own reading of the topic knows.
func (f *flinkSide) addTo(sources []sourceStatus) {
	if f == nil {
		return
	}
	f.mu.Lock()
	for i := range sources {
		for j := range sources[i].Groups {
			g := &sources[i].Groups[j]
			g.FoldedBy, g.WhyOurs = "local", f.ours[g.Space]
		}
	}
	f.mu.Unlock()
	for _, j := range f.all() {
		t, ok := f.tiles(j.space().ID)
		i := slices.IndexFunc(sources, func(s sourceStatus) bool { return s.Source == j.space().Group.Source.Name })
		if !ok || i < 0 {
			continue
		}
		g := groupStatus{FoldedBy: "flink", Group: t.Group, Space: t.Space, Filling: t.Filling, Lag: max(t.Lag, 0), Newest: timeOrNone(t.Newest), Batch: timeOrNone(t.Marks.Batch), Complete: timeOrNone(t.Marks.Complete),
			Unseen: unseenOf(t.Marks), Applied: t.Counts.Applied, Late: t.Counts.Late, Behind: t.Counts.Behind}
		if topic := sources[i].Topic; topic != nil {
			g.Late += topic.Late
		}
		sources[i].Groups = append(sources[i].Groups, g)
	}
}

// degraded says which groups Flink does not fold just now, and why.
func (f *flinkSide) degraded() (out []string) {
	for _, s := range f.statuses() {
		if s.Why != "" {
			out = append(out, "stream on Flink: "+s.Why)
		}
		if s.Malformed > 0 {
			out = append(out, fmt.Sprintf("group %s: %d records of topic %s are no tile parts: %s", s.Group, s.Malformed, s.Topic, s.Problem))
		}
	}
	return out
}

// printFlink is a line for each group that Flink folds.
func printFlink(w io.Writer, all []flinkStatus) error {
	if len(all) == 0 {
		return nil
	}
	t := newTable("group", "job on Flink", "id", "state", "lag", "checkpoint", "regressions")
	t.right[4], t.right[6] = true, true
	for _, s := range all {
		lag, state := "?", s.State
		if s.Lag != nil {
			lag = count(*s.Lag)
		}
		if state == "" {
			state = "none"
		}
		t.add(s.Group, s.Job, s.ID, state, lag, s.Checkpoint, count(s.Regressions))
	}
	if err := t.print(w); err != nil {
		return err
	}
	for _, s := range all {
		switch {
		case s.Savepoint != "":
			fmt.Fprintf(w, "group %s: its job on Flink is stopped, and can go on from savepoint %s\n", s.Group, s.Savepoint)
		case s.From != "":
			fmt.Fprintf(w, "group %s: its job on Flink went on at %s from savepoint %s\n", s.Group, s.Begun, s.From)
		case s.Anew != "":
			fmt.Fprintf(w, "group %s: its job on Flink began anew at %s, at the start of its topic: %s\n", s.Group, s.Begun, s.Anew)
		}
		if s.Failure != "" {
			fmt.Fprintf(w, "group %s: its job on Flink failed last at: %s\n", s.Group, s.Failure)
		}
	}
	return nil
}

var (
	tileRegressions = prometheus.NewDesc("bighead_tile_regressions_total", "Parts of Flink's tiles that had fewer rows than what stands, and were left out.", []string{"group"}, nil)
	flinkLag        = prometheus.NewDesc("bighead_flink_lag_records", "Records of the source that a group's job on Flink has yet to read, as of its last checkpoint.", []string{"group"}, nil)
	flinkRunning    = prometheus.NewDesc("bighead_flink_job_running", "1 where a group's job on Flink runs.", []string{"group"}, nil)
	flinkCheckpoint = prometheus.NewDesc("bighead_flink_checkpoint_age_seconds", "How long ago a group's job on Flink completed its last checkpoint.", []string{"group"}, nil)
	flinkParts      = prometheus.NewDesc("bighead_tile_parts_total", "Parts of Flink's tiles by what became of them.", []string{"group", "result"}, nil)
)

// collect shows how Flink stands as metrics.
func (f *flinkSide) collect(ch chan<- prometheus.Metric) {
	put := func(d *prometheus.Desc, kind prometheus.ValueType, x float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, x, labels...)
	}
	seen := map[string]bool{}
	for _, s := range f.statuses() {
		if seen[s.Group] { // a new version that is being filled
			continue
		}
		seen[s.Group] = true
		put(tileRegressions, prometheus.CounterValue, float64(s.Regressions), s.Group)
		for name, n := range map[string]int64{"applied": s.Applied, "late": s.Late, "late_behind_watermark": s.Behind, "malformed": s.Malformed} {
			put(flinkParts, prometheus.CounterValue, float64(n), s.Group, name)
		}
		running := 0.0
		if s.State == "RUNNING" {
			running = 1
		}
		put(flinkRunning, prometheus.GaugeValue, running, s.Group)
		if s.Lag != nil {
			put(flinkLag, prometheus.GaugeValue, float64(*s.Lag), s.Group)
		}
	}
	for _, j := range f.all() {
		j.mu.Lock()
		at := j.state.Checkpoint
		j.mu.Unlock()
		if group := j.space().Group.Name; at > 0 && seen[group] {
			delete(seen, group)
			put(flinkCheckpoint, prometheus.GaugeValue, time.Since(time.UnixMilli(at)).Seconds(), group)
		}
	}
}
