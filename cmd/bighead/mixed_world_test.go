package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	nethttp "net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/dataset"
	servers "github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/value"
)

// What the mixed world takes of the flights, by the times of 2013. All times are moved so that mixedEnd is the moment when the test begins: Flink
// knows no clock but the wall's.
const (
	mixedFrom = "2013-02-21T00:00:00Z"
	mixedEnd  = "2013-03-07T00:00:00Z"
	mixedLive = 10 * 3_600_000 // ms before the end: what became known since then comes while the test looks on, in any order
)

// mixedWorld is the flights example on the roads of those who have them all: files that the real Spark reads, events on topics of the real Kafka, which the
// real Flink folds, tiles in the real Redis. Nothing of the definitions is another but how long an answer may take.
type mixedWorld struct {
	*flinkWorld
	redis   *servers.RedisServer
	up      *running
	r       *rand.Rand
	moved   int64 // ms from 2013 to now
	batch   int64 // a midnight: files have what is known before
	again   int64 // the next one: up to where batch is loaded while events come
	flights string
	weather string

	live []mixedRecord // in the order in which they come
	rows []string      // what is asked about, as JSON
}

// mixedRecord is a record of a topic, and when what it says became known.
type mixedRecord struct {
	at int64
	*kgo.Record
}

func newMixedWorld(t *testing.T) *mixedWorld {
	t.Helper()
	seed := rand.Uint64() >> 16
	t.Logf("seed %d", seed)
	f := &flinkWorld{T: t, broker: servers.Kafka(t), flink: servers.FlinkServer(t), dir: t.TempDir()}
	w := &mixedWorld{flinkWorld: f, redis: servers.Redis(t, "--appendonly", "yes", "--appendfsync", "always"), r: rand.New(rand.NewPCG(seed, 2))}
	now := value.Floor(time.Now().UnixMilli(), 60_000)
	w.moved = now - instant(t, mixedEnd)
	w.again = value.Floor(now-value.DayMS, value.DayMS)
	w.batch = w.again - value.DayMS
	w.flights, w.weather = w.newTopic(fmt.Sprintf("flights.%x", seed), 2), w.newTopic(fmt.Sprintf("weather.%x", seed), 1) // another run has other tiles
	t.Cleanup(func() {
		if err := w.flink.EndJobs(context.Background(), "bh/flights/"); err != nil {
			t.Errorf("end the jobs: %v", err)
		}
	})
	w.definitions()
	w.data()
	return w
}

func instant(t *testing.T, text string) int64 {
	t.Helper()
	ms, ok := value.ParseTimestamp(text)
	if !ok {
		t.Fatalf("%s is no time", text)
	}
	return ms
}

// newTopic makes a topic that goes with the test.
func (w *mixedWorld) newTopic(name string, partitions int32) string {
	w.Helper()
	name = w.Name() + "." + name
	if _, err := w.broker.Admin().CreateTopic(w.Context(), partitions, 1, nil, name); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		if _, err := w.broker.Admin().DeleteTopic(context.Background(), name); err != nil {
			w.Errorf("delete topic %s: %v", name, err)
		}
	})
	return name
}

// definitions writes the example's own, and the roads.
func (w *mixedWorld) definitions() {
	w.Helper()
	text, err := os.ReadFile("../../examples/flights/features.py")
	if err != nil {
		w.Fatal(err)
	}
	// A machine that is busy is no cause of a difference here.
	patient := strings.NewReplacer(`    source=departures,`, `    source=departures, deadline="20s",`, `    source=arrivals,`, `    source=arrivals, deadline="20s",`,
		`    source=weather,`, `    source=weather, deadline="20s",`, `    source=planes,`, `    source=planes, deadline="20s",`).Replace(string(text))
	if strings.Count(patient, `deadline="20s"`) != strings.Count(patient, "bh.FeatureGroup(") {
		w.Fatal("the groups of flights are not those that get another deadline here")
	}
	toml := fmt.Sprintf(`[project]
name = "mixed"
[serve]
listen = "127.0.0.1:0"
deadline = "30s"
[batch]
engine = "spark"
remote = %q
stage = "stage"
[stream]
engine = "flink"
gateway = %q
brokers = [%q]
lease = "1h"
[source.departures]
topic = %q
[source.weather]
topic = %q
[log]
level = "warn"
format = "text"
%s`, servers.SparkURL(w.T), w.flink.URL, w.broker.Address, w.flights, w.weather, onRedis("redis://"+w.redis.Addr))
	for name, text := range map[string]string{"features.py": patient, "bighead.toml": toml} {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o644); err != nil {
			w.Fatal(err)
		}
	}
}

// data parts the flights and the weather into files, of what is known before batch's midnight, and records: those from a day before it on are on the topics
// when the test begins, and live has those of the last hours.
func (w *mixedWorld) data() {
	w.Helper()
	if err := os.Mkdir(filepath.Join(w.dir, "data"), 0o755); err != nil {
		w.Fatal(err)
	}
	var records []mixedRecord
	var asked []string
	w.part("flights.parquet", "sched_dep", func(row func(string) value.Value, names []string, cells []value.Value) bool {
		left, landed := row("dep_time"), row("arr_time")
		before := slices.Clone(cells) // as it was until it landed
		for _, unknown := range []string{"arr_time", "arr_delay", "air_time"} {
			before[slices.Index(names, unknown)] = value.Value{}
		}
		if !left.IsNull() {
			records = append(records, w.record(w.flights, names, before, left.Int()))
		}
		if !landed.IsNull() {
			records = append(records, w.record(w.flights, names, cells, landed.Int()))
		}
		if left.IsNull() {
			return row("sched_dep").Int() < w.batch // cancelled
		}
		if left.Int() >= w.batch {
			if len(asked) < 400 {
				asked = append(asked, string(appendObject(nil, mixedKeys, []value.Value{row("carrier"), row("origin"), row("dest"), row("tailnum"), row("distance"), row("sched_dep")})))
			}
			return false
		}
		if !landed.IsNull() && landed.Int() >= w.batch {
			copy(cells, before)
		}
		return true
	})
	w.part("weather.parquet", "time", func(row func(string) value.Value, names []string, cells []value.Value) bool {
		at := row("time").Int()
		records = append(records, w.record(w.weather, names, cells, at+w.r.Int64N(30*60_000)))
		return at < w.batch
	})
	planes, err := filepath.Abs("../../examples/flights/data/planes.parquet")
	if err == nil {
		err = os.Symlink(planes, filepath.Join(w.dir, "data", "planes.parquet"))
	}
	if err != nil {
		w.Fatal(err)
	}
	w.send(w.known(records))
	w.r.Shuffle(len(asked), func(i, k int) { asked[i], asked[k] = asked[k], asked[i] })
	w.rows = append(asked[:12], `{"carrier":"no such carrier","origin":"EWR","dest":"nowhere","tailnum":null,"distance":1,"sched_dep":"2024-01-01T00:00:00Z"}`)
}

var mixedKeys = []string{"carrier", "origin", "dest", "tailnum", "distance", "sched_dep"}

// record is a row on its way, with the time when it was known as the record's own.
func (w *mixedWorld) record(topic string, names []string, cells []value.Value, at int64) mixedRecord {
	return mixedRecord{at, &kgo.Record{Topic: topic, Value: appendObject(nil, names, cells), Timestamp: time.UnixMilli(at)}}
}

// known are the records that are on the topics when the test begins, in the order of their times. Those of the last hours come later, in any order, now
// and then twice, and those of the future never.
func (w *mixedWorld) known(records []mixedRecord) (known []mixedRecord) {
	end := instant(w.T, mixedEnd) + w.moved
	slices.SortStableFunc(records, func(a, b mixedRecord) int { return cmp.Compare(a.at, b.at) })
	for _, r := range records {
		switch {
		case r.at < w.batch-value.DayMS || r.at >= end:
		case r.at < end-mixedLive:
			known = append(known, r)
		default:
			r.Timestamp = time.Time{} // when it is written
			w.live = append(w.live, r)
			if r.Topic == w.flights && w.r.IntN(8) == 0 { // an hour of weather has no id
				double := *r.Record
				w.live = append(w.live, mixedRecord{r.at, &double})
			}
		}
	}
	w.r.Shuffle(len(w.live), func(i, k int) { w.live[i], w.live[k] = w.live[k], w.live[i] })
	return known
}

// part reads the rows of a file of the example from mixedFrom to mixedEnd, with their times moved, and writes those that keep wants.
func (w *mixedWorld) part(file, time string, keep func(row func(string) value.Value, names []string, cells []value.Value) bool) {
	w.Helper()
	table, err := dataset.Open(w.Context(), formats, filepath.Join("../../examples/flights/data", file), dataset.Options{})
	if err != nil {
		w.Fatal(err)
	}
	in, err := table.Scan(w.Context(), dataset.Scan{})
	if err != nil {
		w.Fatal(err)
	}
	defer in.Close()
	out, err := dataset.Create(formats, filepath.Join(w.dir, "data", file), table.Schema(), dataset.Metadata{}, dataset.WriteOptions{})
	if err != nil {
		w.Fatal(err)
	}
	defer out.Abort()
	from, to := instant(w.T, mixedFrom), instant(w.T, mixedEnd)
	for {
		b, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			w.Fatal(err)
		}
		var kept [][]value.Value
		names := b.Schema.Names()
		for i := range b.N {
			cells := slices.Clone(b.Row(i))
			row := func(name string) value.Value { return cells[slices.Index(names, name)] }
			if at := row(time); at.IsNull() || at.Int() < from || at.Int() >= to {
				continue
			}
			for k, f := range b.Schema {
				if f.Type.Kind == value.KindTimestamp && !cells[k].IsNull() {
					cells[k] = value.OfTimestamp(cells[k].Int() + w.moved)
				}
			}
			if keep(row, names, cells) {
				kept = append(kept, cells)
			}
		}
		if err := out.Write(value.BatchOf(b.Schema, kept)); err != nil {
			w.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		w.Fatal(err)
	}
}

// send writes records, and waits until the broker has them.
func (w *mixedWorld) send(records []mixedRecord) {
	w.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.broker.Address), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()), kgo.MetadataMinAge(50*time.Millisecond), kgo.UnknownTopicRetries(-1))
	if err != nil {
		w.Fatal(err)
	}
	defer client.Close()
	var all []*kgo.Record
	for _, r := range records {
		all = append(all, r.Record)
	}
	if err := client.ProduceSync(w.Context(), all...).FirstErr(); err != nil {
		w.Fatal(err)
	}
	w.sent += len(all)
}

// some sends the next live records: one part of so many.
func (w *mixedWorld) some(parts int) {
	w.Helper()
	n := (len(w.live) + parts - 1) / parts
	w.send(w.live[:n])
	w.live = w.live[n:]
}

// answered asks for all rows over HTTP. Every value of a group has one of these statuses, whatever is away; of none, one of what all is well with.
func (w *mixedWorld) answered(statuses ...string) {
	w.Helper()
	if len(statuses) == 0 {
		statuses = []string{"present", "empty", "default"}
	}
	a := w.ask()
	said := map[string]int{}
	for i, r := range a.Rows {
		if r.Error != nil {
			w.Fatalf("row %s is refused: %s", w.rows[i], r.Error)
		}
		is, err := statusesOf(r.Status, len(a.Features))
		if err != nil {
			w.Fatal(err)
		}
		for k, name := range a.Features {
			if !strings.Contains(name, "__") {
				continue // a field of the request, or made of several
			}
			right := statuses
			if by := strings.HasPrefix(name, "aircraft__") || strings.HasPrefix(name, "plane__"); by && strings.Contains(w.rows[i], `"tailnum":null`) {
				right = []string{"empty"} // of a null key, which nobody need ask for
			}
			if said[is[k]]++; !slices.Contains(right, is[k]) {
				w.Errorf("%s of %s as of %s is %s (%s), and one of %v is right", name, w.rows[i], a.At, is[k], r.Values[k], right)
			}
		}
	}
	w.Logf("as of %s: %v", a.At, said)
}

// ask is an answer about all rows.
func (w *mixedWorld) ask() (a featuresAnswer) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 2*time.Minute)
	defer cancel()
	req, err := nethttp.NewRequestWithContext(ctx, "POST", w.up.url+"/v1/features/departure", strings.NewReader(`{"rows":[`+strings.Join(w.rows, ",")+`],"status":true}`))
	if err != nil {
		w.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := nethttp.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != nethttp.StatusOK || json.Unmarshal(text, &a) != nil || len(a.Rows) != len(w.rows) {
		w.Fatalf("features answers %d %s, %v", res.StatusCode, text, err)
	}
	return a
}

// verified compares what is online now with the other roads, as of the same time, and says what differs; "": all values are equal by the promise.
func (w *mixedWorld) verified(roads string) (differs string) {
	w.Helper()
	file := filepath.Join(w.TempDir(), "sample.ndjson")
	var b bytes.Buffer
	for _, row := range w.rows {
		fmt.Fprintf(&b, "%s,\"at\":%q}\n", strings.TrimSuffix(row, "}"), value.FormatTimestamp(time.Now().UnixMilli()))
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		w.Fatal(err)
	}
	code, out, stderr := bighead(w.T, w.dir, "verify", "departure", "--roads", roads, "--sample", file, "--json")
	var r verifyReport
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != exitGood && code != exitMistake || len(r.Found) == 0 {
		w.Fatalf("verify answers %d, %v\n%s%s", code, err, out, stderr)
	}
	for _, a := range r.Found {
		if a.Rows != int64(len(w.rows)) || a.Compared.Compared+a.Compared.Missing == 0 {
			w.Fatalf("verify compared %+v", a)
		}
	}
	if r.Verdict == verdictEqual {
		return ""
	}
	_, out, _ = bighead(w.T, w.dir, "verify", "departure", "--roads", roads, "--sample", file)
	return out
}

// settled waits until all that was sent is folded, and every value is what the oracle makes of the one history, as of the same time.
func (w *mixedWorld) settled(what string) {
	w.Helper()
	began, last := time.Now(), "nothing was compared yet"
	defer func() {
		if w.Failed() {
			w.Logf("%s: %d records were sent\n%s\n%s", what, w.sent, last, w.run("status"))
		}
	}()
	w.patient(what+": all records are read", func() bool { return w.read() })
	w.patient(what+": online is what the oracle makes of history", func() bool { last = w.verified("oracle,served"); return last == "" })
	w.Logf("%s: settled after %v", what, time.Since(began).Round(time.Second))
}

// read reports whether every record that was sent is in the log of each source of its topic, and folded by every job.
func (w *mixedWorld) read() bool {
	s := w.status()
	if len(s.Degraded) > 0 || len(s.Flink) != 6 {
		return false
	}
	had := int64(0)
	for _, x := range s.Stream.Sources {
		if x.Topic == nil || x.Source == "arrivals" { // which reads what departures does
			continue
		}
		for _, p := range x.Topic.Partitions {
			had += p.Had + 1
			if p.Lag != 0 {
				return false
			}
		}
	}
	for _, f := range s.Flink {
		if f.State != "RUNNING" || !f.Filled || f.Lag == nil || *f.Lag != 0 {
			return false
		}
	}
	return had >= int64(w.sent)
}

// audits audits all that was served, and shows how many values are of which class.
func (w *mixedWorld) audits() *audit.Report {
	w.Helper()
	code, out, stderr := bighead(w.T, w.dir, "audit", "departure", "--json")
	var r audit.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		w.Fatalf("audit answers %d, %v\n%s%s", code, err, out, stderr)
	}
	w.Logf("the audit of %d rows: %s", r.Rows, classesText(r.Classes))
	if code == exitGood && r.Classes[audit.Skew] == 0 && len(r.Damaged) == 0 && r.Classes[audit.Same] > 0 {
		return &r
	}
	w.Errorf("the audit answers %d, damaged are %v\n%s", code, r.Damaged, stderr)
	for _, c := range r.Columns {
		if c.Classes[audit.Skew] > 0 {
			worst, _ := json.MarshalIndent(c.Worst, "", "  ")
			w.Errorf("%s: %s\n%s", c.Name, classesText(c.Classes), worst)
		}
	}
	return &r
}
