package flink

import (
	"maps"
	"slices"
	"time"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
)

// Options say where the topics are and how a job runs.
type Options struct {
	// Brokers are Kafka's, host:port and commas, as Flink reaches them.
	Brokers string
	// Properties are the Kafka client's beside them: security.protocol and the like. Texts for people and registries show none of them.
	Properties map[string]string
	// Topic is the compacted topic that the tiles' parts are written to. A space has one of its own: a job that begins anew counts from 1.
	Topic string
	// Project leads the job's name, so that projects which share a Flink don't take one's jobs for the other's; "": nothing does.
	Project string
	// Group is the consumer group under which the job commits, at each checkpoint, what it has read of its source; "": none. It is no part of the
	// job's text: where it begins anew it has another.
	Group string
	// Parallelism of the job; 0: 1.
	Parallelism int
	// Checkpoint is how often the state is written; 0: 2 s.
	Checkpoint time.Duration
	// Buffer is how long a network buffer may wait to be filled; 0: 5 ms.
	Buffer time.Duration
	// MiniBatch is how long rows wait so that a tile that changes often is written once; 0: 50 ms; below: none do.
	MiniBatch time.Duration
	// Standstill is how long the job may stand still, or lie behind, before what it knows of tiles that events may still come for is
	// forgotten; 0: a day.
	Standstill time.Duration
	// Settings are Flink's beside those that the job stands on, which they can't change.
	Settings map[string]string
	// Bounded has the job end with what the source's topic holds when it begins, and its submission wait for that.
	Bounded bool

	prefix string // of tables and views: tests run many jobs as one
}

// jobName is that of the job of a group.
func (o Options) jobName(group, hash string) string {
	if o.Project != "" {
		group = o.Project + "/" + group
	}
	return "bh/" + group + "/" + hash
}

// Standstill is for how long a job may stand still that is told nothing else.
const Standstill = 24 * time.Hour

// parallelismKey is Flink's setting of how many tasks share the work.
const parallelismKey = "parallelism.default"

// groupProperty is the Kafka client's.
const groupProperty = "group.id"

// secrets are what texts for people don't show.
func (o Options) secrets() map[string]string {
	out := maps.Clone(o.Properties)
	if o.Group != "" {
		if out == nil {
			out = map[string]string{}
		}
		out[groupProperty] = o.Group
	}
	return out
}

func (o Options) withDefaults() Options {
	or := func(d *time.Duration, usual time.Duration) {
		if *d == 0 {
			*d = usual
		}
	}
	or(&o.Checkpoint, 2*time.Second)
	or(&o.Buffer, 5*time.Millisecond)
	or(&o.MiniBatch, 50*time.Millisecond)
	or(&o.Standstill, Standstill)
	o.Parallelism = max(o.Parallelism, 1)
	return o
}

// settings are all that the job stands on, whatever the cluster's own are, in order.
func (o Options) settings(name string, s *plan.Space) [][2]string {
	out := [][2]string{
		{"execution.runtime-mode", "streaming"},
		{"pipeline.name", name},
		{parallelismKey, number(int64(o.Parallelism))},
		{"execution.checkpointing.mode", "EXACTLY_ONCE"}, // at least once counts twice for good after a failure
		{"execution.checkpointing.interval", millis(o.Checkpoint)},
		{"execution.buffer-timeout.interval", millis(o.Buffer)},
		{"table.local-time-zone", "UTC"},
		{"table.exec.state.ttl", number(stateTTL(s, o.Standstill)) + " ms"},
		{"table.exec.sink.not-null-enforcer", "ERROR"},
		{"table.exec.sink.upsert-materialize", "NONE"}, // the parts' keys are their queries' own
		{"table.dml-sync", map[bool]string{true: "true", false: "false"}[o.Bounded]},
	}
	if o.MiniBatch > 0 {
		out = append(out, [2]string{"table.exec.mini-batch.enabled", "true"},
			[2]string{"table.exec.mini-batch.allow-latency", millis(o.MiniBatch)}, [2]string{"table.exec.mini-batch.size", "5000"})
	} else {
		out = append(out, [2]string{"table.exec.mini-batch.enabled", "false"})
	}
	own := map[string]bool{}
	for _, s := range out {
		own[s[0]] = true
	}
	var others [][2]string
	for _, k := range slices.Sorted(maps.Keys(o.Settings)) {
		if !own[k] {
			others = append(others, [2]string{k, o.Settings[k]})
		}
	}
	return append(others, out...)
}

// Fixed tells whether jobs stand on a setting of Flink's, so that no other value of it is taken.
func Fixed(name string) bool {
	all := Options{}.withDefaults().settings("", &plan.Space{Group: &feature.Group{Source: &feature.Source{}}})
	return slices.ContainsFunc(all, func(s [2]string) bool { return s[0] == name }) || name == "execution.state-recovery.path"
}

// endless is a lateness from which on state is kept for ever, ms: 100 years.
const endless = 100 * 365 * 24 * 3_600_000

// stateTTL is for how long after its last event a tile's state is needed, ms; 0: for ever. An event of the tile's beginning may be the last
// but one, and one of its end come as late as the source allows: what is later is dropped before it is folded.
func stateTTL(s *plan.Space, standstill time.Duration) int64 {
	late := s.Group.Source.Lateness
	if late >= endless {
		return 0
	}
	longest := int64(0)
	for _, l := range s.Levels {
		longest = max(longest, l.Step)
	}
	return longest + late + standstill.Milliseconds()
}
