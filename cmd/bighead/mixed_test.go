package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/value"
)

// TestMixedRoads runs the flights example from events to audited vectors: backfilled by Spark, streamed by Flink from Kafka's topics, stored on Redis,
// served over HTTP, while each of them fails on the way. Each time, once all that came is folded, every value is what the oracle makes of the one history, and in
// the end the audit of all that was served meanwhile finds no skew.
func TestMixedRoads(t *testing.T) {
	t.Parallel() // it waits for engines, which no other test that is parallel uses
	w := newMixedWorld(t)
	w.run("apply", "--yes")
	w.trainingSets()
	w.run("backfill", "--online", "--to", value.FormatTimestamp(w.batch)[:10])
	w.up = startUp(t, w.dir)
	w.settled("what was there before")

	w.some(4)
	w.answered()
	if err := w.flink.KillTaskManager(); err != nil {
		t.Fatal(err)
	}
	w.answered()
	w.patient("the loss of the task manager is said", func() bool {
		return slices.ContainsFunc(w.status().Flink, func(s flinkStatus) bool { return strings.Contains(s.Failure, "features.py") })
	})
	w.settled("the task manager was killed")

	w.some(3)
	w.redis.Stop()
	w.answered("stale", "fallback", "failed")
	w.patient("that Redis is away is said", func() bool { return strings.Contains(strings.Join(w.status().Degraded, "\n"), "cannot be reached") })
	w.redis.Start(t)
	w.settled("Redis was started again")

	w.some(2)
	w.broker.Down(true)
	w.answered()
	w.patient("that the broker is away is said", func() bool { return strings.Contains(strings.Join(w.status().Degraded, "\n"), "brokers do not answer") })
	w.answered()
	if err := w.broker.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.settled("the broker was killed and is back")

	w.some(1)
	w.answered()
	w.run("backfill", "--online", "--to", value.FormatTimestamp(w.again)[:10]) // a day more is batch's now; as far as it may go is further after a midnight
	for _, s := range w.status().Stream.Sources {
		for _, g := range s.Groups {
			if want := value.FormatTimestamp(w.again); g.Batch != want {
				t.Errorf("batch's part of %s goes up to %s, and not to %s", g.Group, g.Batch, want)
			}
		}
	}
	w.settled("all events, and a day more of batch's")
	for range 3 {
		w.answered()
	}
	if differs := w.verified("oracle,local,served"); differs != "" {
		t.Error(differs)
	}
	first := w.audits()
	w.up.stop()
	if again := w.audits(); again.Rows != first.Rows || !maps.Equal(again.Classes, first.Classes) {
		t.Errorf("without a server the audit finds %v of %d rows", again.Classes, again.Rows)
	}
}

// trainingSets has each engine compute the last day of the example's training set. Features that fall back to what they usually are know it from then on.
func (w *mixedWorld) trainingSets() {
	w.Helper()
	from := value.FormatTimestamp(w.batch - value.DayMS)
	rows := map[string][]map[string]json.RawMessage{}
	for _, engine := range []string{"local", "spark"} {
		rows[engine] = rowsOf(w.T, w.run, "training-set", "late", "--start", from, "--engine", engine)
	}
	if len(rows["local"]) < 200 || len(rows["local"]) != len(rows["spark"]) {
		w.Fatalf("%d rows by the embedded engine, %d by Spark", len(rows["local"]), len(rows["spark"]))
	}
	values := 0
	for i, local := range rows["local"] {
		for name, x := range local {
			if values++; !sameJSON(w.T, x, rows["spark"][i][name]) {
				w.Errorf("flight %s: %s is %s by the embedded engine, and %s by Spark", local["flight_id"], name, x, rows["spark"][i][name])
			}
		}
	}
	w.Logf("%d values of %d training rows are the same by Spark", values, len(rows["local"]))
}
