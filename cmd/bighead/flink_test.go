package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bighead-ml/bighead/audit"
	servers "github.com/bighead-ml/bighead/engine/enginetest/server"
	"github.com/bighead-ml/bighead/value"
)

// flinkFeatures have a group that Flink folds, with parts of every shape, and one that it can't.
const flinkFeatures = `import bighead as bh

clicks = bh.EventSource("clicks", topic="CLICKS", columns={"k": bh.String, "x": bh.Int, "kind": bh.String, "id": bh.String}, time="ts", id="id", lateness="2d")
g = bh.FeatureGroup("g", source=clicks, keys=["k"], flush="10ms", deadline="10m", features=[
    bh.sum("x", name="x_all"), bh.count(name="all"), bh.sum("x", windows=["1h"]), bh.max("x", windows=["1d"]), bh.last("x"), bh.avg("x", windows=["1d"]),
    bh.last_k("x", k=3, windows=["1d"]), bh.top_k("x", k=2, windows=["1h"]), bh.count(by="kind", windows=["1d"]), bh.count_distinct("kind", windows=["1d"]),
])
h = bh.FeatureGroup("h", source=clicks, keys=["k"], flush="10ms", deadline="10m", features=[bh.count(windows=["10m"], resolution="exact")])
v = bh.FeatureView("v", groups=[g, h])
`

// flinkWorld is a project that streams on the real Flink, from and to the real Kafka.
type flinkWorld struct {
	*testing.T
	r      *rand.Rand
	broker *servers.Broker
	flink  *servers.Server
	dir    string
	topic  string
	client *kgo.Client
	sent   int  // events, each once
	dead   int  // records that are no rows
	tasks  int  // that share a job's work
	secure bool // brokers are reached by the listener that wants TLS and a login
}

func newFlinkWorld(t *testing.T) *flinkWorld {
	t.Helper()
	seed := rand.Uint64() >> 16
	t.Logf("seed %d", seed)
	w := &flinkWorld{T: t, r: rand.New(rand.NewPCG(seed, 1)), broker: servers.Kafka(t), flink: servers.FlinkServer(t)}
	w.topic = w.broker.Topic(t, 2)
	w.dir = smallProject(t, strings.ReplaceAll(flinkFeatures, "CLICKS", w.topic))
	w.settings(w.flink.URL)
	var err error
	if w.client, err = kgo.NewClient(kgo.SeedBrokers(w.broker.Address), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.MetadataMinAge(50*time.Millisecond), kgo.UnknownTopicRetries(-1)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.client.Close)
	return w
}

func (w *flinkWorld) settings(gateway string) {
	w.Helper()
	toml := fmt.Sprintf("[project]\nname = %q\n[serve]\nlisten = \"127.0.0.1:0\"\ndeadline = \"10m\"\n[stream]\nengine = \"flink\"\ngateway = %q\nbrokers = [%q]\nparallelism = %d\n[log]\nlevel = \"warn\"\n",
		strings.ReplaceAll(w.topic, ".", "_"), gateway, w.broker.Address, max(w.tasks, 1))
	if w.secure {
		toml = strings.Replace(toml, w.broker.Address, w.broker.Secure, 1) + fmt.Sprintf("[stream.sasl]\nmechanism = \"SCRAM-SHA-512\"\nuser = %q\npassword = \"${env:KAFKA_PASSWORD}\"\n[stream.tls]\nenabled = true\nca = %q\n", servers.KafkaUser, w.broker.CA)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "bighead.toml"), []byte(toml), 0o644); err != nil {
		w.Fatal(err)
	}
}

// events writes random events of the last hours; of some a copy follows, sooner or later.
func (w *flinkWorld) events(n int) {
	w.Helper()
	var rs []*kgo.Record
	for range n {
		at := time.Now().Add(-time.Duration(w.r.Int64N(int64(20 * time.Hour)))).UnixMilli()
		x := "null"
		if w.r.IntN(6) > 0 {
			x = fmt.Sprint(w.r.IntN(100) - 30)
		}
		r := &kgo.Record{Topic: w.topic, Value: fmt.Appendf(nil, `{"k":"k%d","ts":%q,"x":%s,"kind":%q,"id":"e%d"}`, w.r.IntN(4), value.FormatTimestamp(at), x, string(rune('a'+w.r.IntN(5))), w.sent)}
		w.sent++
		rs = append(rs, r)
		if w.r.IntN(8) == 0 {
			double := *r
			rs = append(rs, &double)
		}
	}
	for _, text := range deadRecords(w.dead, n) {
		w.dead++
		rs = append(rs, &kgo.Record{Topic: w.topic, Value: []byte(text)})
	}
	w.r.Shuffle(len(rs), func(a, b int) { rs[a], rs[b] = rs[b], rs[a] })
	if err := w.client.ProduceSync(w.Context(), rs...).FirstErr(); err != nil {
		w.Fatal(err)
	}
}

// deadRecords are records that are no rows, one in a hundred of each kind: Flink's own JSON would make rows of most.
func deadRecords(from, n int) (out []string) {
	ts := value.FormatTimestamp(time.Now().Add(-time.Hour).UnixMilli())
	for i := range (n + 99) / 100 {
		for j, text := range []string{
			`{"k":"k0","ts":TS,"x":"abc","kind":"a","id":ID}`, `{"k":"k0","ts":TS,"x":1.5,"kind":"a","id":ID}`, `{"k":"k0","ts":TS,"x":true,"kind":"a","id":ID}`, `{"k":"k0","ts":TS,"x":1,"kind":5,"id":ID}`,
			`{"k":"k0","ts":TS,"x":1,"kind":{"a":1},"id":ID}`, `{"k":"k0","ts":TS,"x":1,"x":2,"kind":"a","id":ID}`, `{"k":"k0","ts":TS,"x":1,"kind":"a","id":ID} {}`, `{"k":7,"ts":TS,"x":1,"kind":"a","id":ID}`,
			`{"k":"k0","ts":"soon","x":1,"kind":"a","id":ID}`, `{"k":"k0","ts":1700000000,"x":1,"kind":"a","id":ID}`, `[{"k":"k0","ts":TS,"x":1,"kind":"a","id":ID}]`, `{"k":"k0","ts":TS`,
		} {
			out = append(out, strings.NewReplacer("TS", fmt.Sprintf("%q", ts), "ID", fmt.Sprintf(`"dead%d.%d.%d"`, from, i, j)).Replace(text))
		}
	}
	return out
}

// buried waits until each record that is no row is a dead letter, and is counted by the process that read it. Until then the log may be empty, and batch would read
// the topic itself, which it refuses for such a record.
func (w *flinkWorld) buried(counted int) {
	w.Helper()
	w.patient("records that are no rows are counted", func() bool {
		sources := w.status().Stream.Sources
		i := slices.IndexFunc(sources, func(s sourceStatus) bool { return s.Source == "clicks" })
		return i >= 0 && sources[i].Topic != nil && sources[i].Topic.Poison == int64(counted)
	})
	letters, err := os.ReadFile(filepath.Join(w.dir, ".bighead", "dead-letters", "clicks.ndjson"))
	if err != nil {
		w.Fatal(err)
	}
	if n := strings.Count(string(letters), "\n"); n != w.dead {
		w.Errorf("%d dead letters are kept, %d were sent", n, w.dead)
	}
}

func (w *flinkWorld) run(args ...string) string {
	w.Helper()
	return commands(w.T, w.dir)(args...)
}

func (w *flinkWorld) status() *onlineStatus {
	w.Helper()
	var s onlineStatus
	if err := json.Unmarshal([]byte(w.run("status", "--json")), &s); err != nil {
		w.Fatal(err)
	}
	return &s
}

// job is how the one job is shown; of none, where none is.
func (w *flinkWorld) job() flinkStatus {
	w.Helper()
	if s := w.status(); len(s.Flink) > 0 {
		return s.Flink[0]
	}
	return flinkStatus{}
}

// patient waits longer than awaited: jobs of Flink's come and recover slowly on a busy machine. Time in which the test itself was stopped does not count. To ask takes
// the processors from what is waited for, so half of the time at most is spent so.
func (w *flinkWorld) patient(what string, ask func() bool) {
	w.Helper()
	waited, last := time.Duration(0), time.Now()
	for !ask() {
		time.Sleep(min(max(time.Since(last), 100*time.Millisecond), 5*time.Second))
		now := time.Now()
		waited, last = waited+min(now.Sub(last), time.Minute), now
		if waited > 8*time.Minute {
			w.Fatalf("waiting until %s:\n%s", what, w.run("status"))
		}
	}
}

// same waits until all keys are the same online and in batch, and every event is counted once.
func (w *flinkWorld) same() {
	w.Helper()
	var last []string
	defer func() {
		if w.Failed() {
			w.Logf("%d events were written\n%s", w.sent, strings.Join(last, "\n"))
		}
	}()
	w.patient("online is what batch is", func() bool {
		values, differs := sameAsBatch(w.T, w.run, "k0", "k1", "k2", "k3")
		all := 0
		for _, v := range values {
			n := 0
			if _, err := fmt.Sscan(v[1], &n); err != nil { // nothing is known of the key yet
				last = append(differs, err.Error())
				return false
			}
			all += n
		}
		last = append(differs, fmt.Sprintf("%d are counted", all))
		if all > w.sent {
			w.Fatalf("%d events are counted, %d were written", all, w.sent)
		}
		return all == w.sent && len(differs) == 0
	})
}

// TestStreamsOnFlink has Flink fold a group of a project, while its task manager is killed and `up` ends and begins again: online is what batch makes of
// the log, every event counts once, and the audit of what was served finds no skew.
func TestStreamsOnFlink(t *testing.T) {
	w := newFlinkWorld(t)
	w.run("apply", "--yes")
	w.events(400)
	stop := upBeside(t, w.dir)
	w.buried(w.dead)
	w.same()
	w.patient("the job is seen to run", func() bool { s := w.status(); return len(s.Flink) > 0 && s.Flink[0].State == "RUNNING" })
	s := w.status()
	if len(s.Flink) != 1 || s.Flink[0].Group != "g" || s.Flink[0].ID == "" {
		t.Fatalf("the job is shown as %+v", s.Flink)
	}
	if i := slices.IndexFunc(s.Stream.Sources, func(s sourceStatus) bool { return s.Source == "clicks" }); i < 0 || len(s.Stream.Sources[i].Groups) != 2 {
		t.Errorf("the groups are shown as %+v", s.Stream.Sources)
	}
	job := s.Flink[0].ID
	w.whoFolds()
	w.running()

	w.wrongTimes()

	// The task manager is killed in the midst of events.
	w.events(100)
	if err := w.flink.KillTaskManager(); err != nil {
		t.Fatal(err)
	}
	w.events(100)
	w.patient("the loss is said", func() bool { return strings.Contains(w.job().Failure, "features.py") })
	w.same()
	w.patient("the job runs again", func() bool { s := w.status(); return s.Flink[0].State == "RUNNING" && len(s.Degraded) == 0 })

	// `up` ends and begins again: the job goes on, and no other is begun.
	stop()
	w.events(50)
	stop = upBeside(t, w.dir)
	w.same()
	if s := w.status(); s.Flink[0].ID != job {
		t.Errorf("job %s goes on as %s", job, s.Flink[0].ID)
	}
	r := audited(t, w.dir, "v", exitGood)
	if r.Rows == 0 || r.Classes[audit.Skew] != 0 || r.Classes[audit.Same] == 0 {
		t.Errorf("the audit finds %v of %d rows", r.Classes, r.Rows)
	}
	code, _, out := bighead(t, w.dir, "push", "clicks", lineFile(t, `{"k":"k0","ts":"2024-01-01T00:00:00Z","x":1,"kind":"a","id":"pushed"}`))
	if code == exitGood || !strings.Contains(out, w.topic) {
		t.Errorf("events that Flink would not see are taken: %d %s", code, out)
	}
	stop = w.goesOn(stop)
	w.another(w.job().ID)
	stop()
	w.backHome()
}

// whoFolds has status say who folds each group, and why it is not Flink.
func (w *flinkWorld) whoFolds() {
	w.Helper()
	by := map[string]groupStatus{}
	for _, s := range w.status().Stream.Sources {
		for _, g := range s.Groups {
			by[g.Group] = g
		}
	}
	if g, h := by["g"], by["h"]; g.FoldedBy != "flink" || g.WhyOurs != "" || h.FoldedBy != "local" || !strings.Contains(h.WhyOurs, "features.py:8:") {
		w.Errorf("who folds is shown as %+v", by)
	}
	if said := w.run("status"); !strings.Contains(said, "group g is folded by Flink\n") || !strings.Contains(said, "group h is folded by our own stream: features.py:8:") {
		w.Errorf("status does not say who folds:\n%s", said)
	}
}

// backHome goes back to our own stream: it folds all again, and the job is ended.
func (w *flinkWorld) backHome() {
	w.Helper()
	file := filepath.Join(w.dir, "bighead.toml")
	text, err := os.ReadFile(file)
	if err != nil {
		w.Fatal(err)
	}
	home := strings.Replace(strings.Replace(string(text), `engine = "flink"`, "", 1), fmt.Sprintf("gateway = %q", w.flink.URL), "", 1)
	if err := os.WriteFile(file, []byte(home), 0o644); err != nil {
		w.Fatal(err)
	}
	w.events(50)
	stop := upBeside(w.T, w.dir)
	w.same()
	w.patient("the job is ended, and its topic deleted", func() bool {
		topics, err := w.broker.Admin().ListTopics(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		s := w.status()
		return len(s.Flink) == 0 && len(s.Degraded) == 0 && !slices.ContainsFunc(topics.Names(), func(name string) bool { return strings.HasPrefix(name, "bighead."+w.Name()) })
	})
	if n, err := w.flink.Jobs(w.Context(), "bh/"+w.Name()); err != nil || n != 0 {
		w.Errorf("%d jobs run, %v", n, err)
	}
	stop()
}

// wrongTimes has an event come too late, and one an hour before its time, of a key that nobody asks for, since batch counts the first: each is counted as that. The
// early one is with what our own stream folds held back, and with Flink in the tiles that hold its time, and in no finer one that has begun.
func (w *flinkWorld) wrongTimes() {
	w.Helper()
	for id, at := range map[string]time.Time{"late": time.Now().Add(-72 * time.Hour), "early": time.Now().Add(time.Hour)} {
		event := fmt.Appendf(nil, `{"k":"nobody","ts":%q,"x":1,"kind":"a","id":%q}`, value.FormatTimestamp(at.UnixMilli()), id)
		if err := w.client.ProduceSync(w.Context(), &kgo.Record{Topic: w.topic, Value: event}).FirstErr(); err != nil {
			w.Fatal(err)
		}
	}
	w.patient("what is late, and what is early, is counted", func() bool {
		sources := w.status().Stream.Sources
		i := slices.IndexFunc(sources, func(s sourceStatus) bool { return s.Source == "clicks" })
		if i < 0 || sources[i].Topic == nil {
			return false
		}
		g := slices.IndexFunc(sources[i].Groups, func(g groupStatus) bool { return g.Group == "g" })
		h := slices.IndexFunc(sources[i].Groups, func(g groupStatus) bool { return g.Group == "h" })
		return g >= 0 && h >= 0 && sources[i].Topic.Late == 1 && sources[i].Topic.Early == 1 && sources[i].Groups[g].Late == 1 && sources[i].Groups[h].Waiting == 1
	})
	if said := w.run("status"); !strings.Contains(said, "1 came later than its lateness and are left out by Flink, 1 came before their time and count at once") {
		w.Errorf("status does not say so:\n%s", said)
	}
	w.same()
}

// metrics are those of the process that runs.
func (w *flinkWorld) metrics() string { return metricsOf(w.T, w.dir) }

// running demands that status and metrics show a job that runs: checkpoints are made and go on, and nothing of its tiles went back.
func (w *flinkWorld) running() {
	w.Helper()
	first := ""
	w.patient("checkpoints are made, one after the other", func() bool {
		s := w.job()
		if s.Regressions != 0 || s.Malformed != 0 {
			w.Fatalf("the job is shown as %+v", s)
		}
		if first == "" {
			first = s.Checkpoint
		}
		return first != "" && s.Checkpoint > first && s.Lag != nil && *s.Lag == 0 && s.Applied > 0
	})
	var lacks []string
	defer func() {
		if w.Failed() {
			w.Logf("metrics lack %q", lacks)
		}
	}()
	w.patient("metrics say it", func() bool { lacks = w.lacking(); return len(lacks) == 0 })
}

// lacking is what metrics do not say of a job that runs and has read all.
func (w *flinkWorld) lacking() (lacks []string) {
	w.Helper()
	text := w.metrics()
	for _, want := range []string{"bighead_flink_job_running{group=\"g\"} 1\n", "bighead_flink_lag_records{group=\"g\"} 0\n", "bighead_flink_checkpoint_age_seconds{group=\"g\"} ", "bighead_tile_regressions_total{group=\"g\"} 0\n",
		"bighead_tile_parts_total{group=\"g\",result=\"applied\"} ", "bighead_tile_parts_total{group=\"g\",result=\"malformed\"} 0\n"} {
		if !strings.Contains(text, want) {
			lacks = append(lacks, want)
		}
	}
	return lacks
}

// goesOn has the job stopped in all ways. With another parallelism it goes on from a savepoint; where somebody has removed that, or cancels the job, it
// begins anew, and says why. Nothing is lost, and nothing counts twice.
func (w *flinkWorld) goesOn(stop func()) func() {
	w.Helper()
	before := w.job()
	stop()
	w.tasks = 2
	w.settings(w.flink.URL)
	w.events(50)
	stop = upBeside(w.T, w.dir)
	w.patient("the job goes on with another parallelism", func() bool {
		s := w.job()
		return s.State == "RUNNING" && s.ID != before.ID && s.From != "" && s.Parallelism == 2 && s.Topic == before.Topic && s.Anew == ""
	})
	w.same()
	s := w.job()
	w.patient("the savepoint that was made for it is removed", func() bool {
		_, err := os.Stat(strings.TrimPrefix(s.From, "file:"))
		return errors.Is(err, os.ErrNotExist)
	})
	if s.Regressions != 0 { // a job that counts from one again has fewer rows at first
		w.Errorf("the job counts anew: %+v", s)
	}
	if n, err := w.flink.Parallelism(w.Context(), s.ID); err != nil || n != 2 {
		w.Errorf("the job's parallelism is %d, %v", n, err)
	}

	// Somebody stops the job while no process runs, and removes the savepoint.
	stop()
	path, err := w.flink.StopJob(w.Context(), s.ID)
	if err != nil {
		w.Fatal(err)
	}
	if err := os.RemoveAll(strings.TrimPrefix(path, "file:")); err != nil {
		w.Fatal(err)
	}
	w.events(50)
	stop = upBeside(w.T, w.dir)
	w.patient("the job begins anew", func() bool {
		s := w.job()
		return s.State == "RUNNING" && s.From == "" && strings.Contains(s.Anew, path) && s.Topic == before.Topic
	})
	if said := w.run("status"); !strings.Contains(said, "began anew") || !strings.Contains(said, path) {
		w.Errorf("status does not say so:\n%s", said)
	}
	w.same()

	// Somebody cancels it while a process runs.
	if err := w.flink.EndJobs(w.Context(), before.Job); err != nil {
		w.Fatal(err)
	}
	w.patient("that it was cancelled is said", func() bool {
		return strings.Contains(strings.Join(w.status().Degraded, "\n"), "somebody has ended it; start `bighead up` again")
	})
	stop()
	stop = upBeside(w.T, w.dir)
	w.patient("the job is begun again", func() bool {
		s := w.status()
		return s.Flink[0].State == "RUNNING" && strings.Contains(s.Flink[0].Anew, "is CANCELED, without a savepoint") && len(s.Degraded) == 0
	})
	w.same()
	return stop
}

// another changes the definition: another job fills another space, and then the old one is ended and its topic deleted.
func (w *flinkWorld) another(job string) {
	w.Helper()
	before := w.job()
	file := filepath.Join(w.dir, "features.py")
	text, err := os.ReadFile(file)
	if err != nil {
		w.Fatal(err)
	}
	text = []byte(strings.Replace(string(text), `bh.last("x"),`, `bh.last("x"), bh.min("x", windows=["1d"]),`, 1))
	if err := os.WriteFile(file, text, 0o644); err != nil {
		w.Fatal(err)
	}
	w.run("apply", "--yes")
	w.patient("the new version is served alone", func() bool {
		s := w.status()
		return s.Version == 2 && len(s.Flink) == 1 && s.Flink[0].ID != job && s.Flink[0].State == "RUNNING"
	})
	w.same()
	w.patient("the old job's topic is deleted", func() bool {
		topics, err := w.broker.Admin().ListTopics(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		return !topics.Has(before.Topic)
	})
}

// TestFlinkOnASecuredKafka has Flink read and write by the listener that wants TLS and a login: its tasks log in as we do.
func TestFlinkOnASecuredKafka(t *testing.T) {
	w := newFlinkWorld(t)
	t.Setenv("KAFKA_PASSWORD", servers.KafkaPassword)
	w.secure = true
	w.settings(w.flink.URL)
	w.run("apply", "--yes")
	w.events(50)
	upBeside(t, w.dir)
	w.buried(w.dead)
	w.same()
	w.patient("the job is seen to run", func() bool { return w.job().State == "RUNNING" })
	if s := w.status(); s.Flink[0].Failure != "" {
		t.Errorf("the job is shown as %+v", s.Flink[0])
	}
	if said := w.run("explain", "g", "--engine", "flink"); strings.Contains(said, servers.KafkaPassword) || !strings.Contains(said, "'properties.sasl.jaas.config' = '${sasl.jaas.config}'") {
		t.Errorf("explain shows the password, or no login:\n%s", said)
	}
}

// TestAGatewayThatIsAway has `up` begin without Flink: it answers, says what is missing, and goes on once Flink is there.
func TestAGatewayThatIsAway(t *testing.T) {
	w := newFlinkWorld(t)
	w.settings("http://127.0.0.1:9") // nothing listens there
	w.run("apply", "--yes")
	w.events(20)
	upBeside(t, w.dir)
	w.patient("it says so", func() bool {
		said := strings.Join(w.status().Degraded, "\n")
		return strings.Contains(said, "127.0.0.1:9") && strings.Contains(said, "[stream]")
	})
	w.patient("values of what no job has read are partial", func() bool {
		v := vectorOf(t, w.run("get", "v", "k=k0", "--json"))
		is, err := statusesOf(v.Rows[0].Status, len(v.Features))
		return err == nil && is[0] == "partial" && strings.HasPrefix(v.Features[0], "g__")
	})
}
