package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// topicStatus is how a source's topic is read.
type topicStatus struct {
	Topic      string            `json:"topic"`
	State      string            `json:"state"` // reading, waiting or stopped
	Why        string            `json:"why,omitempty"`
	Poison     int64             `json:"poison"`          // records that were no rows, since the process began
	Late       int64             `json:"late,omitempty"`  // of the rows since then, where Flink folds the source: later than that allows, and left out
	Early      int64             `json:"early,omitempty"` // before their time, which count at once
	Partitions []partitionStatus `json:"partitions"`
}

// partitionStatus is how far a partition was read.
type partitionStatus struct {
	Partition  int32   `json:"partition"`
	Had        int64   `json:"had"` // last offset of which everything is kept; -1: none
	End        int64   `json:"end"` // the offset that the next record will get
	Lag        int64   `json:"lag_records"`
	LagSeconds float64 `json:"lag_seconds"`
}

// status is a copy.
func (r *reading) status() *topicStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &topicStatus{Topic: r.topic.Name, State: r.state, Why: r.why, Poison: r.poison, Partitions: []partitionStatus{}}
	if r.timed != nil {
		s.Late, s.Early = r.timed.late, r.timed.early
	}
	if s.State == topicReading && r.away != "" {
		s.State, s.Why = topicWaiting, r.away
	}
	now := time.Now()
	for _, l := range r.lags {
		p := partitionStatus{Partition: l.Partition, Had: -1, End: l.End, Lag: l.Records}
		if had, ok := r.had[l.Partition]; ok {
			p.Had, p.Lag = had, max(l.End-had-1, 0)
		}
		if p.Lag > 0 { // behind by the age of what it had last, or since nothing was left
			at := r.opened
			if l.Time > 0 {
				at = time.UnixMilli(l.Time)
			}
			if caught := r.caught[l.Partition]; caught.After(at) {
				at = caught
			}
			p.LagSeconds = max(now.Sub(at).Seconds(), 0)
		}
		s.Partitions = append(s.Partitions, p)
	}
	return s
}

// statuses are those of all topics, by source.
func (t *topics) statuses() map[string]*topicStatus {
	out := map[string]*topicStatus{}
	for _, r := range t.all() {
		out[r.source.Name] = r.status()
	}
	return out
}

// degraded says which topics are not read, and why.
func (t *topics) degraded() []string {
	var out []string
	for source, s := range sorted(t.statuses()) {
		if s.State != topicReading && s.Why != "" {
			out = append(out, fmt.Sprintf("topic %s of source %s is %s: %s", s.Topic, source, s.State, s.Why))
		}
	}
	return out
}

// sorted goes through a map by its names.
func sorted[T any](m map[string]T) func(yield func(string, T) bool) {
	return func(yield func(string, T) bool) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !yield(name, m[name]) {
				return
			}
		}
	}
}

// printTopics is a line for each partition that is read.
func printTopics(w io.Writer, sources []sourceStatus) error {
	t := newTable("source", "topic", "partition", "had", "end", "lag", "behind")
	for _, i := range []int{2, 3, 4, 5, 6} {
		t.right[i] = true
	}
	for _, s := range sources {
		if s.Topic == nil {
			continue
		}
		for _, p := range s.Topic.Partitions {
			behind := time.Duration(p.LagSeconds * float64(time.Second)).Round(100 * time.Millisecond)
			t.add(s.Source, s.Topic.Topic, strconv.Itoa(int(p.Partition)), count(p.Had), count(p.End), count(p.Lag), behind.String())
		}
	}
	if len(t.rows) > 0 {
		if err := t.print(w); err != nil {
			return err
		}
	}
	for _, s := range sources {
		if s.Topic == nil || s.Topic.Late+s.Topic.Early == 0 {
			continue
		}
		fmt.Fprintf(w, "source %s: of its events %s came later than its lateness and are left out by Flink, %s came before their time and count at once\n", s.Source, count(s.Topic.Late), count(s.Topic.Early))
	}
	return nil
}

var topicLag = prometheus.NewDesc("bighead_stream_lag_seconds", "How long ago the stream had all of a topic's partition, or how old what it had last is.", []string{"source", "partition"}, nil)

// collect shows how topics are read as metrics.
func (t *topics) collect(ch chan<- prometheus.Metric) {
	for source, s := range t.statuses() {
		for _, p := range s.Partitions {
			ch <- prometheus.MustNewConstMetric(topicLag, prometheus.GaugeValue, p.LagSeconds, source, strconv.Itoa(int(p.Partition)))
		}
	}
}
