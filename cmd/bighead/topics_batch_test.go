package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr/srfake"
)

const batchTopics = `import bighead as bh

clicks = bh.EventSource("clicks", topic="CLICKS", columns={"k": bh.String, "ts": bh.Timestamp, "x": bh.Int}, time="ts")
g = bh.FeatureGroup("g", source=clicks, keys=["k"], features=[bh.sum("x", windows=["1h"]), bh.last("x"), bh.count()])
v = bh.FeatureView("v", groups=[g])
t = bh.TrainingSet("t", view=v, spine=bh.Spine(clicks, at="ts", keep=["x"]))
`

// lines are the lines of a CSV but its first, sorted: a topic's partitions come one after the other.
func sortedLines(t *testing.T, file string) []string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(strings.Lines(string(b)))
}

// A topic is read between its beginning and its end, as rows of a file are; transactions that were given up are not; and the rows go back into a
// topic, as JSON, Avro or Protobuf, from which they are read again.
func TestTrainingSetOfATopic(t *testing.T) {
	w := newTopicWorld(t)
	registry := srfake.New()
	t.Cleanup(registry.Close)
	settings := fmt.Sprintf("[stream]\nbrokers = [%q]\nregistry = %q\n", w.broker.Address, registry.URL())
	csv := "k,ts,x\n"
	for i := range 500 {
		row := [3]string{fmt.Sprintf("k%d", w.r.IntN(5)), fmt.Sprintf("2024-01-%02dT%02d:%02d:00Z", 1+i/100, i%24, i%60), fmt.Sprint(i)}
		w.put(w.clicks, int32(w.r.IntN(2)), &kgo.Record{Value: fmt.Appendf(nil, `{"k":%q,"ts":%q,"x":%s,"more":[1]}`, row[0], row[1], row[2])})
		csv += strings.Join(row[:], ",") + "\n"
	}
	w.aborted(3)
	define := strings.ReplaceAll(batchTopics, "CLICKS", w.clicks)
	project := func(features string) string {
		t.Helper()
		dir := smallProject(t, features)
		for name, text := range map[string]string{"bighead.toml": settings, "e.csv": csv} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	run := func(dir, out string) {
		t.Helper()
		if code, stdout, stderr := bighead(t, dir, "training-set", "t", "--out", out); code != exitGood {
			t.Fatalf("training-set --out %s answers %d\n%s%s", out, code, stdout, stderr)
		}
	}
	live := project(define)
	run(live, filepath.Join(live, "rows.csv"))
	file := project(strings.NewReplacer(`topic="`+w.clicks+`", columns={"k": bh.String, "ts": bh.Timestamp, "x": bh.Int}`, `path="e.csv"`).Replace(define))
	run(file, filepath.Join(file, "rows.csv"))
	want := sortedLines(t, filepath.Join(file, "rows.csv"))
	if got := sortedLines(t, filepath.Join(live, "rows.csv")); !slices.Equal(got, want) || len(want) != 501 {
		t.Errorf("the topic gives %d lines, the file %d; the first are\n%v\n%v", len(got), len(want), got[:3], want[:3])
	}
	for _, format := range []string{"json", "avro", "protobuf"} {
		topic := w.topic("rows-"+format, 2)
		run(live, "kafka:"+topic+"/"+format)
		back := project(strings.NewReplacer("TOPIC", topic, "FORMAT", format).Replace(`import bighead as bh
e = bh.EventSource("e", topic="TOPIC", format="FORMAT", columns={"k": bh.String, "at": bh.Timestamp, "x": bh.Int, "g__x_sum_1h": bh.Int, "g__x_last": bh.Int, "g__count": bh.Int}, time="at")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.count(name="n")])
v = bh.FeatureView("v", groups=[g])
t = bh.TrainingSet("t", view=v, spine=bh.Spine(e, at="at", keep=["x", "g__x_sum_1h", "g__x_last", "g__count"]))
`))
		run(back, filepath.Join(back, "rows.csv"))
		var got []string
		for _, line := range sortedLines(t, filepath.Join(back, "rows.csv")) { // x, sum, last, count, k, at, n
			c := strings.Split(strings.TrimSpace(line), ",")
			if c[4] == "k" {
				continue
			}
			got = append(got, strings.Join([]string{c[0], c[4], c[5], c[1], c[2], c[3]}, ",")+"\n")
		}
		slices.Sort(got)
		if !slices.Equal(got, slices.DeleteFunc(slices.Clone(want), func(s string) bool { return strings.HasPrefix(s, "x,") })) {
			t.Errorf("as %s, %d rows come back; the first are\n%v\n%v", format, len(got), got[:min(3, len(got))], want[:3])
		}
	}
	w.put(w.clicks, 0, &kgo.Record{Value: []byte(`{"k":1`)})
	if code, _, stderr := bighead(t, live, "training-set", "t"); code == exitGood || !strings.Contains(stderr, `topic "`+w.clicks+`" partition 0 offset`) || !strings.Contains(stderr, "is no row") {
		t.Errorf("a record that is no row answers %d\n%s", code, stderr)
	}
	if code, _, stderr := bighead(t, file, "training-set", "t", "--out", "kafka:nowhere"); code == exitGood || !strings.Contains(stderr, "nowhere") {
		t.Errorf("a topic that is not there answers %d\n%s", code, stderr)
	}
}

// aborted writes records that were given up, so that the topic ends with marks that are no records.
func (w *topicWorld) aborted(n int) {
	w.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.broker.Address), kgo.TransactionalID(w.Name()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		w.Fatal(err)
	}
	defer client.Close()
	if err := client.BeginTransaction(); err != nil {
		w.Fatal(err)
	}
	for range n {
		for p := range int32(2) {
			if err := client.ProduceSync(w.Context(), &kgo.Record{Topic: w.clicks, Partition: p, Value: []byte(`{"k":"k1","ts":"2024-01-01T00:00:00Z","x":1000}`)}).FirstErr(); err != nil {
				w.Fatal(err)
			}
		}
	}
	if err := client.EndTransaction(w.Context(), kgo.TryAbort); err != nil {
		w.Fatal(err)
	}
}
