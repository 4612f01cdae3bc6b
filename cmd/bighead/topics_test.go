package main

import (
	"bytes"
	bin "encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	servers "github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/value"
)

// topicFeatures reads a topic as two sources without an id, whose doubles would count twice, and another topic as an entity's change log.
const topicFeatures = `import bighead as bh

clicks = bh.EventSource("clicks", topic=bh.Topic("CLICKS", select={"x": "payload.x * 1", "part": "_partition"}), columns={"k": bh.String, "x": bh.Int, "part": bh.Int}, time="ts", lateness="400d")
seen = clicks.again("seen", time="ts", where="x > 5")
users = bh.EntitySource("users", topic="USERS", columns={"k": bh.String, "ts": bh.Timestamp, "name": bh.String, "gone": bh.Bool}, keys=["k"], time="ts", deleted="gone", lateness="400d")
g = bh.FeatureGroup("g", source=clicks, keys=["k"], flush="10ms", deadline="20s", features=[bh.sum("x", name="x_all"), bh.count(name="all"), bh.sum("x", windows=["1h"]), bh.max("x", windows=["30d"]), bh.last("x"), bh.count_distinct("part")])
h = bh.FeatureGroup("h", source=seen, keys=["k"], flush="10ms", deadline="20s", features=[bh.count(name="all"), bh.avg("x", windows=["1d"])])
u = bh.FeatureGroup("u", source=users, flush="10ms", deadline="20s", features=[bh.latest("name")])
v = bh.FeatureView("v", groups=[g, h, u])
`

// topicWorld is a project whose sources have topics on the real broker.
type topicWorld struct {
	*testing.T
	broker        *servers.Broker
	dir           string
	clicks, users string
	client        *kgo.Client
	sent          int // events
	r             *rand.Rand
}

func newTopicWorld(t *testing.T) *topicWorld {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	w := &topicWorld{T: t, broker: servers.Kafka(t), r: rand.New(rand.NewPCG(seed, 0))}
	w.clicks, w.users = w.topic("clicks", 2), w.topic("users", 1)
	w.dir = smallProject(t, strings.NewReplacer("CLICKS", w.clicks, "USERS", w.users).Replace(topicFeatures))
	w.settings("")
	var err error
	if w.client, err = kgo.NewClient(kgo.SeedBrokers(w.broker.Address), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MetadataMinAge(50*time.Millisecond), kgo.UnknownTopicRetries(-1), kgo.ProducerBatchCompression(kgo.NoCompression())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.client.Close)
	return w
}

func (w *topicWorld) topic(name string, partitions int32) string {
	w.Helper()
	name = strings.ReplaceAll(w.Name(), "/", ".") + "." + name
	if _, err := w.broker.Admin().CreateTopic(w.Context(), partitions, 1, nil, name); err != nil {
		w.Fatal(err)
	}
	return name
}

func (w *topicWorld) settings(more string) {
	w.Helper()
	toml := fmt.Sprintf("[project]\nname = %q\n[serve]\nlisten = \"127.0.0.1:0\"\nclock = \"events\"\ndeadline = \"30s\"\n[stream]\nbrokers = [%q]\n[log]\nlevel = \"warn\"\n%s", w.Name(), w.broker.Address, more)
	if err := os.WriteFile(filepath.Join(w.dir, "bighead.toml"), []byte(toml), 0o644); err != nil {
		w.Fatal(err)
	}
}

// put writes records as they are.
func (w *topicWorld) put(topic string, partition int32, records ...*kgo.Record) {
	w.Helper()
	for _, r := range records {
		r.Topic, r.Partition = topic, partition
	}
	if err := w.client.ProduceSync(w.Context(), records...).FirstErr(); err != nil {
		w.Fatal(err)
	}
}

// events writes so many random ones, to one of the partitions each.
func (w *topicWorld) events(n int, partitions int32) {
	w.Helper()
	by := make([][]*kgo.Record, partitions)
	for range n {
		ts := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(w.sent)*time.Minute + time.Duration(w.r.IntN(40_000))*time.Millisecond)
		w.sent++
		p := w.r.IntN(int(partitions))
		by[p] = append(by[p], &kgo.Record{Value: fmt.Appendf(nil, `{"k":"k%d","ts":%q,"payload":{"x":%d,"y":[1]},"other":1}`, w.r.IntN(4), value.FormatTimestamp(ts.UnixMilli()), w.r.IntN(100))})
	}
	for p, records := range by {
		w.put(w.clicks, int32(p), records...)
	}
}

// known waits until the client that writes knows of a partition, and where it is: what the broker tells others it may not have heard yet.
func (w *topicWorld) known(topic string, partition int32) {
	w.Helper()
	awaited(w.T, func() string {
		w.client.ForceMetadataRefresh()
		leader, _, err := w.client.PartitionLeader(topic, partition)
		return map[bool]string{true: "known"}[err == nil && leader >= 0]
	})
}

func (w *topicWorld) run(args ...string) string {
	w.Helper()
	return commands(w.T, w.dir)(args...)
}

func (w *topicWorld) status() *onlineStatus {
	w.Helper()
	var s onlineStatus
	if err := json.Unmarshal([]byte(w.run("status", "--json")), &s); err != nil {
		w.Fatal(err)
	}
	return &s
}

// metrics are those of the server that runs.
func (w *topicWorld) metrics() string { return metricsOf(w.T, w.dir) }

// metricsOf are those of the server that runs in a project's folder.
func metricsOf(t *testing.T, dir string) string {
	t.Helper()
	p, err := (&cli{dir: dir}).open()
	if err != nil {
		t.Fatal(err)
	}
	k, err := newCaller(p, "")
	if err != nil {
		t.Fatal(err)
	}
	res, err := k.client.Get(k.base + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (w *topicWorld) source(name string) *sourceStatus {
	w.Helper()
	s := w.status()
	for i := range s.Stream.Sources {
		if s.Stream.Sources[i].Source == name {
			return &s.Stream.Sources[i]
		}
	}
	w.Fatalf("no source %s in %+v", name, s)
	return nil
}

// arrived waits until a source has so many rows in all of its partitions, none of them twice, and its groups have read them.
func (w *topicWorld) arrived(name string, rows int) {
	w.Helper()
	var last *sourceStatus
	awaited(w.T, func() string {
		last = w.source(name)
		if last.Topic == nil {
			w.Fatalf("%s has no topic: %+v", name, last)
		}
		total := int64(0)
		for _, p := range last.Topic.Partitions {
			total += p.Had + 1
			if p.Lag != 0 {
				return ""
			}
		}
		for _, g := range last.Groups {
			if g.Lag != 0 {
				return ""
			}
		}
		if total > int64(rows) {
			w.Fatalf("%s: %d records, and %d were written", name, total, rows)
		}
		if total < int64(rows) {
			return ""
		}
		return "all"
	})
}

// same waits until all keys are the same online and in batch, and as many events are counted as were written.
func (w *topicWorld) same() {
	w.Helper()
	said := ""
	awaited(w.T, func() string {
		values, differs := sameAsBatch(w.T, w.run, "k0", "k1", "k2", "k3")
		all := 0
		for _, v := range values {
			n := 0
			if _, err := fmt.Sscan(v[1], &n); err != nil {
				w.Fatal(err)
			}
			all += n
		}
		if all > w.sent {
			w.Fatalf("%d events are counted, %d were written", all, w.sent)
		}
		if all == w.sent && len(differs) == 0 {
			return "same"
		}
		if now := strings.Join(differs, "\n"); now != said {
			said = now
			w.Logf("%d events of %d are counted\n%s", all, w.sent, now)
		}
		return ""
	})
}

// TestTopics takes a project with topics through what happens to brokers: events before and after the start, poison, tombstones, a broker that
// is killed and comes back, a partition that is added, a restart, a source that is added. At each step every value is batch's, and every event
// counts once.
func TestTopics(t *testing.T) {
	w := newTopicWorld(t)
	w.run("apply", "--yes")
	w.events(300, 2)
	w.put(w.users, 0, &kgo.Record{Key: []byte("k0"), Value: []byte(`{"k":"k0","ts":"2024-01-01T00:00:00Z","name":"ann"}`)}, &kgo.Record{Key: []byte("k1"), Value: []byte(`{"k":"k1","ts":"2024-01-01T00:00:01Z","name":"bob"}`)})
	stop := upBeside(t, w.dir)
	w.arrived("clicks", 300)
	w.arrived("seen", 300)
	w.arrived("users", 2)
	w.same()

	// What is no row goes to the dead letters, with its reason; a record without a value ends an entity.
	w.put(w.clicks, 1, &kgo.Record{Value: []byte(`{"k":"k1","ts":"no time"}`)})
	w.put(w.users, 0, &kgo.Record{Key: []byte("k0"), Timestamp: time.Date(2024, 1, 1, 0, 0, 2, 0, time.UTC)})
	w.events(50, 2)
	w.arrived("clicks", 351)
	w.arrived("users", 3)
	w.same()
	if s := w.source("clicks"); s.Rejected != 1 || s.Topic.Poison != 1 {
		t.Errorf("poison is not counted: %+v %+v", s, s.Topic)
	}
	letters, err := os.ReadFile(filepath.Join(w.dir, ".bighead", "dead-letters", "clicks.ndjson"))
	if err != nil || !strings.Contains(string(letters), "no time") || !strings.Contains(string(letters), w.clicks+" partition 1") {
		t.Errorf("dead letters: %s, %v", letters, err)
	}
	if got := vectorOf(t, w.run("get", "v", "k=k0", "--json")).text(); got[len(got)-1] != "null" {
		t.Errorf("a deleted entity is %v", got)
	}

	// The broker is killed and comes back: requests are answered meanwhile, and it is said what is missing.
	w.broker.Down(true)
	awaited(t, func() string { return containingOr(fmt.Sprint(w.status().Degraded), "brokers do not answer") })
	w.same()
	if code, out, _ := bighead(t, w.dir, "doctor"); code != exitMistake || !strings.Contains(out, "BAD  brokers") {
		t.Errorf("doctor says of a broker that is away: %d %s", code, out)
	}
	if err := w.broker.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.events(50, 2)
	w.arrived("clicks", 401)
	w.same()
	if out := w.run("doctor"); !strings.Contains(out, "ok   brokers") {
		t.Errorf("doctor says: %s", out)
	}

	// A partition is added.
	if _, err := w.broker.Admin().CreatePartitions(t.Context(), 1, w.clicks); err != nil {
		t.Fatal(err)
	}
	w.known(w.clicks, 2)
	w.events(60, 3)
	w.arrived("clicks", 461)
	w.same()

	// How far we are is shown to people, and in metrics.
	awaited(t, func() string {
		offsets, err := w.broker.Admin().FetchOffsets(t.Context(), w.Name())
		total := int64(0)
		for _, o := range offsets.Offsets()[w.clicks] {
			total += o.At
		}
		if err != nil || total != 461 {
			return ""
		}
		return "shown"
	})
	if out := w.run("status"); !strings.Contains(out, w.clicks) || !strings.Contains(out, "keeps what came within 90d") {
		t.Errorf("status: %s", out)
	}
	for partition := range 3 {
		awaited(t, func() string {
			return containingOr(w.metrics(), fmt.Sprintf("\nbighead_stream_lag_seconds{partition=\"%d\",source=\"clicks\"} 0\n", partition))
		})
	}
	for _, line := range []string{`bighead_events_total{result="accepted",source="clicks"} 460`, `bighead_events_total{result="rejected",source="clicks"} 1`} { // since the process began
		if m := w.metrics(); !strings.Contains(m, "\n"+line+"\n") {
			t.Errorf("the metrics do not say %s:\n%s", line, m)
		}
	}

	// Another run goes on where the log ends; what was written meanwhile is there, and nothing twice.
	stop()
	w.events(70, 3)
	stop = upBeside(t, w.dir)
	w.arrived("clicks", 531)
	w.arrived("seen", 531)
	w.same()

	// Batch takes over what is old, and a source that is added reads its topic from the beginning.
	w.run("backfill", "--online", "--to", "2024-01-01", "g", "h")
	more := strings.ReplaceAll(strings.NewReplacer("CLICKS", w.clicks, "USERS", w.users).Replace(topicFeatures), "groups=[g, h, u]", "groups=[g, h, u, o]")
	more = strings.Replace(more, "v = bh", `other = clicks.again("other", time="ts", topic="`+w.clicks+`")
o = bh.FeatureGroup("o", source=other, keys=["k"], flush="10ms", deadline="20s", features=[bh.count(name="all")])
v = bh`, 1)
	if err := os.WriteFile(filepath.Join(w.dir, "features.py"), []byte(more), 0o644); err != nil {
		t.Fatal(err)
	}
	w.run("apply", "--yes")
	awaited(t, func() string { return containingOr(w.run("status"), "version 2 is served") })
	w.arrived("other", 531)
	w.events(20, 3)
	w.arrived("clicks", 551)
	w.arrived("other", 551)
	w.same()
	stop()
}

// TestTopicsOfASchema reads Avro with a registry. A field that was added and may be null passes. One that is removed stops the source, which says where;
// when the schema is good again and it starts anew, what it stopped at counts, and counts once. A version that cannot be rows stops it again, and the others
// go on. A group that somebody else is a member of is no hindrance.
func TestTopicsOfASchema(t *testing.T) {
	w := newTopicWorld(t)
	registry := srfake.New()
	t.Cleanup(registry.Close)
	client, err := sr.NewClient(sr.URLs(registry.URL()))
	if err != nil {
		t.Fatal(err)
	}
	register := func(text string) []byte {
		t.Helper()
		got, err := client.CreateSchema(t.Context(), "buys-value", sr.Schema{Schema: text, Type: sr.TypeAvro})
		if err != nil {
			t.Fatal(err)
		}
		return bin.BigEndian.AppendUint32([]byte{0}, uint32(got.ID))
	}
	const first = `{"type":"record","name":"B","fields":[{"name":"k","type":"string"},{"name":"ts","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"price","type":"int"}]}`
	encode := func(prefix []byte, schema string, price any, more ...any) *kgo.Record {
		t.Helper()
		fields := map[string]any{"k": "k0", "ts": time.UnixMilli(1_704_067_200_000), "price": price}
		if len(more) > 0 {
			fields["tip"], fields["note"] = more[0], nil
		}
		b, err := avro.MustParse(schema).AppendEncode(bytes.Clone(prefix), fields)
		if err != nil {
			t.Fatal(err)
		}
		return &kgo.Record{Value: b}
	}
	buys := w.topic("buys", 1)
	define := strings.NewReplacer("CLICKS", w.clicks, "USERS", w.users).Replace(topicFeatures)
	define = strings.Replace(define, "v = bh", `buys = bh.EventSource("buys", topic="`+buys+`", format="avro", columns={"k": bh.String, "price": bh.Int, "tip": bh.Int}, time="ts", lateness="400d")
b = bh.FeatureGroup("b", source=buys, keys=["k"], flush="10ms", deadline="20s", features=[bh.sum("price", name="spent"), bh.sum("tip", name="tips"), bh.count(name="buys")])
v = bh`, 1)
	define = strings.Replace(define, "groups=[g, h, u]", "groups=[g, h, u, b]", 1)
	if err := os.WriteFile(filepath.Join(w.dir, "features.py"), []byte(define), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BIGHEAD_STREAM_REGISTRY", registry.URL())
	w.run("apply", "--yes")
	member, err := kgo.NewClient(kgo.SeedBrokers(w.broker.Address), kgo.ConsumerGroup(w.Name()), kgo.ConsumeTopics(w.users))
	if err != nil {
		t.Fatal(err)
	}
	defer member.Close()
	awaited(t, func() string {
		d, err := w.broker.Admin().DescribeGroups(t.Context(), w.Name())
		if err != nil || d[w.Name()].State != "Stable" {
			return ""
		}
		return "a member"
	})
	stop := upBeside(t, w.dir)
	stopped := func(parts ...string) {
		t.Helper()
		awaited(t, func() string {
			s := w.source("buys").Topic
			if s.State != topicStopped {
				return ""
			}
			for _, part := range append(parts, "buys-value") {
				if !strings.Contains(s.Why, part) {
					t.Errorf("the source stopped, and does not say %s: %s", part, s.Why)
				}
			}
			return s.Why
		})
	}
	bought := func(want string) {
		t.Helper()
		text := ""
		awaitedSaying(t, func() string { // what was read is written a moment later
			got := vectorOf(t, w.run("get", "v", "k=k0", "--json")).text()
			text = strings.Join(got[len(got)-3:], " ")
			return map[bool]string{true: "it has all"}[text == want]
		}, func() string { return fmt.Sprintf("what came is %s, want %s", text, want) })
	}
	const tipped = `,{"name":"tip","type":["null","int"],"default":null}]}`
	added := strings.TrimSuffix(first, "]}") + tipped
	one, two := register(first), register(added)
	w.put(buys, 0, encode(one, first, 3), encode(one, first, 4), encode(two, added, 1, 2), encode(two, added, 2, nil))
	w.events(40, 2)
	w.arrived("buys", 4)
	w.same()
	bought("10 2 4")
	removed := strings.TrimSuffix(first, "]}") + `,{"name":"note","type":["null","string"],"default":null}]}`
	three := register(removed)
	w.put(buys, 0, encode(two, added, 5, 1), encode(three, removed, 6, nil), encode(one, first, 7))
	stopped("version 3", `"tip"`, "offset 5")
	bought("15 3 5")
	again := strings.TrimSuffix(removed, "]}") + tipped
	four := register(again)
	stop()
	stop = upBeside(t, w.dir)
	w.put(buys, 0, encode(four, again, 8, 1))
	w.arrived("buys", 8)
	w.same()
	bought("36 4 8")
	second := strings.Replace(again, `"type":"int"`, `"type":"string"`, 1)
	w.put(buys, 0, encode(one, first, 9), encode(register(second), second, "6", nil))
	stopped("version 5", `"price"`, "offset 9")
	w.events(40, 2)
	w.arrived("clicks", 80)
	w.same()
	bought("45 4 9")
	stop()
}

// A topic that is read by a source of which batch has everything up to B begins at B − lateness, and from then on its groups are complete.
func TestTopicsBeginBehindBatch(t *testing.T) {
	w := newTopicWorld(t)
	day := func(d int) time.Time { return time.Date(2024, 1, d, 12, 0, 0, 0, time.UTC) }
	for d := 1; d <= 9; d++ {
		w.put(w.clicks, int32(d%2), &kgo.Record{Timestamp: day(d), Value: fmt.Appendf(nil, `{"k":"k0","ts":%q,"payload":{"x":%d}}`, day(d).Format(time.RFC3339), d)})
	}
	w.put(w.users, 0, &kgo.Record{Timestamp: day(1), Value: []byte(`{"k":"k0","ts":"2024-01-01T00:00:00Z","name":"ann"}`)})
	define := strings.NewReplacer("CLICKS", w.clicks, "USERS", w.users, `lateness="400d"`, `lateness="2d"`, `columns={"k": bh.String, "x": bh.Int, "part": bh.Int}`, `path="clicks.csv"`, "[h, ", "[").Replace(topicFeatures)
	if err := os.WriteFile(filepath.Join(w.dir, "features.py"), []byte(define), 0o644); err != nil {
		t.Fatal(err)
	}
	var files strings.Builder
	files.WriteString("k,ts,x,part\n")
	for d := 1; d <= 6; d++ {
		fmt.Fprintf(&files, "k0,%s,%d,%d\n", day(d).Format(time.RFC3339), d, d%2)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "clicks.csv"), []byte(files.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	w.run("apply", "--yes")
	w.run("backfill", "--online", "--to", "2024-01-07", "g", "h")
	stop := upBeside(t, w.dir)
	w.sent = 9
	for _, name := range []string{"clicks", "seen"} {
		w.arrived(name, 9) // offsets; of the first four days none was read
	}
	for i := range 2 {
		if s := w.source([]string{"clicks", "seen"}[i]); s.Accepted != 5 || s.Groups[0].Complete != "2024-01-05T00:00:00Z" || s.Groups[0].Batch != "2024-01-07T00:00:00Z" {
			t.Errorf("it is %+v", s)
		}
	}
	w.same()
	stop()
	if got := vectorOf(t, w.run("get", "v", "k=k0", "--json")); string(got.Rows[0].Status) != `"present"` {
		t.Errorf("the values are %s", got.Rows[0].Status)
	}
}
