package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/store"
)

// standIn is a Flink that runs nothing: it knows jobs, their states and their savepoints.
type standIn struct {
	text, version string
	jobs          []*standInJob
	gone          map[string]bool // savepoints
	unwilling     error           // of stops
	lost          error           // of submissions whose job begins all the same
	deaf          error           // of what is to be cancelled
	disposed      []string        // savepoints
	stuck         error           // of savepoints that are to be removed
}

type standInJob struct {
	name, id, topic, group, from string
	state                        jobState
}

func (s *standIn) Text(x *plan.Space) (name, text string, err error) {
	return "bh/" + x.ID, s.text, nil
}

func (s *standIn) Cluster(context.Context) (version, manager string, err error) {
	return s.version, "http://manager", nil
}

func (s *standIn) Submit(_ context.Context, x *plan.Space, topic, group, savepoint string) (id string, err error) {
	if s.gone[savepoint] {
		return "", fmt.Errorf("%w %s: Cannot find checkpoint or savepoint file/directory", errSavepoint, savepoint)
	}
	name, _, _ := s.Text(x)
	j := &standInJob{name, fmt.Sprintf("job%d", len(s.jobs)+1), topic, group, savepoint, jobState{State: "RUNNING"}}
	s.jobs = append(s.jobs, j)
	return j.id, s.lost
}

func (s *standIn) Find(_ context.Context, name string) (string, error) {
	for _, j := range s.jobs {
		if j.name == name && j.state.lives() {
			return j.id, nil
		}
	}
	return "", nil
}

func (s *standIn) job(id string) *standInJob {
	for _, j := range s.jobs {
		if j.id == id {
			return j
		}
	}
	return &standInJob{}
}

func (s *standIn) State(_ context.Context, _ *plan.Space, _, id string) (jobState, error) {
	return s.job(id).state, nil
}

func (s *standIn) Cancel(_ context.Context, id string) error {
	if s.deaf != nil {
		return s.deaf
	}
	if j := s.job(id); j.state.lives() {
		j.state.State = "CANCELED"
	}
	return nil
}

func (s *standIn) Stop(_ context.Context, id string) (string, error) {
	if s.unwilling != nil {
		return "", s.unwilling
	}
	j := s.job(id)
	j.state = jobState{State: "FINISHED", Savepoint: "file:/savepoint-of-" + id, Saved: time.Now().UnixMilli()}
	return j.state.Savepoint, nil
}

func (s *standIn) Dispose(_ context.Context, savepoint string) error {
	if s.stuck == nil {
		s.disposed = append(s.disposed, savepoint)
	}
	return s.stuck
}

// seeing is a process that sees to one job, on a broker that runs nothing else and a Flink that is none.
type seeing struct {
	*testing.T
	dir   string
	flink *standIn
	kafka *kfake.Cluster
	admin *kadm.Client
	side  *flinkSide
	job   *flinkJob
}

func newSeeing(t *testing.T) *seeing {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "clicks"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MetadataMinAge(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	for i := range 8 {
		r := &kgo.Record{Topic: "clicks", Partition: int32(i % 2), Value: []byte("{}")}
		if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	s := &seeing{T: t, kafka: broker, admin: kadm.NewClient(client), dir: smallProject(t, strings.ReplaceAll(flinkFeatures, "CLICKS", "clicks")), flink: &standIn{text: "one", version: "2.3.0", gone: map[string]bool{}}}
	s.settings(broker.ListenAddrs()[0], 1)
	commands(t, s.dir)("apply", "--yes")
	s.open(1)
	return s
}

func (s *seeing) settings(broker string, parallelism int) {
	s.Helper()
	toml := fmt.Sprintf("[project]\nname = \"p\"\n[store]\nkind = \"memory\"\n[stream]\nengine = \"flink\"\ngateway = \"http://gateway\"\nparallelism = %d\nbrokers = [%q]\n", parallelism, broker)
	if err := os.WriteFile(filepath.Join(s.dir, "bighead.toml"), []byte(toml), 0o644); err != nil {
		s.Fatal(err)
	}
}

// open has a process begin, over the store of the one before it.
func (s *seeing) open(epoch int64) {
	s.Helper()
	c := &cli{dir: s.dir, stdin: strings.NewReader(""), stdout: &lockedText{}, stderr: &lockedText{}}
	p, err := project.Open(s.dir, project.Options{})
	if err != nil {
		s.Fatal(err)
	}
	a, err := c.loadApplied(s.Context(), p)
	if err != nil {
		s.Fatal(err)
	}
	var st store.Store
	if s.side == nil {
		if st, err = openStore(s.Context(), p, slog.New(slog.DiscardHandler)); err == nil {
			err = st.Fence(s.Context(), epoch)
		}
		if err != nil {
			s.Fatal(err)
		}
		s.Cleanup(func() { _ = st.Close() })
	} else {
		st = s.side.store
	}
	f := &flinkSide{project: p, log: slog.New(slog.DiscardHandler), store: st, epoch: epoch, runner: s.flink, jobs: map[string]*flinkJob{}}
	if f.broker, err = openKeyed(p, f.log); err != nil {
		s.Fatal(err)
	}
	f.ctx, f.stop = context.WithCancel(context.Background())
	f.reader = openTileReader(p, st, epoch, 0, f.broker)
	s.Cleanup(func() { _ = f.close(context.Background()) })
	x := foldedThere(p, plan.ForStream(a.typed.Groups))[0]
	s.side, s.job = f, &flinkJob{side: f, cancel: func() {}}
	s.job.planned.Store(x)
}

// again is another process, with other settings.
func (s *seeing) again(parallelism int) {
	s.Helper()
	broker := s.side.project.Config.Strings("stream.brokers")[0]
	if err := s.side.close(s.Context()); err != nil {
		s.Fatal(err)
	}
	s.settings(broker, parallelism)
	s.open(1)
}

// steps looks at the job once, and returns what keeps it from running and what is remembered of it.
func (s *seeing) steps() (string, jobEntry) {
	s.Helper()
	text := ""
	if err := s.job.step(s.Context()); err != nil {
		text = err.Error()
	}
	e, err := readJobEntry(s.Context(), s.side.store, s.job.space().ID)
	if err != nil {
		s.Fatal(err)
	}
	if e == nil {
		e = &jobEntry{}
	}
	return text, *e
}

// runs looks at the job until it runs, at once.
func (s *seeing) runs() jobEntry {
	s.Helper()
	trouble, e := s.steps()
	if trouble != "" || s.flink.job(e.ID).state.State != "RUNNING" {
		s.Fatalf("the job does not run: %s, %+v", trouble, e)
	}
	return e
}

// commits is what the job has read of each partition, as of its savepoint.
func (s *seeing) commits(group string, next int64) {
	s.Helper()
	var offsets kadm.Offsets
	for p := range int32(2) {
		offsets.Add(kadm.Offset{Topic: "clicks", Partition: p, At: next, LeaderEpoch: -1})
	}
	if err := s.admin.CommitAllOffsets(s.Context(), group, offsets); err != nil {
		s.Fatal(err)
	}
}

func (s *seeing) hasTopic(name string) bool {
	s.Helper()
	topics, err := s.admin.ListTopics(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return topics.Has(name)
}

// TestAJobGoesOnFromItsSavepoint has jobs stopped in all ways, after which the same goes on where it was.
func TestAJobGoesOnFromItsSavepoint(t *testing.T) {
	for name, stop := range map[string]func(s *seeing, first jobEntry) (want string){
		"another parallelism": func(s *seeing, first jobEntry) string { s.again(2); return "" },
		"stopped by somebody": func(s *seeing, first jobEntry) string {
			path, _ := s.flink.Stop(s.Context(), first.ID)
			trouble, e := s.steps()
			if !strings.Contains(trouble, "somebody has ended it") || !strings.Contains(trouble, path) || e.Savepoint != path || len(s.flink.jobs) != 1 {
				s.Errorf("the job is begun against somebody's will: %s, %+v", trouble, e)
			}
			s.again(1)
			return path
		},
		"and forgotten by Flink": func(s *seeing, first jobEntry) string {
			path, _ := s.flink.Stop(s.Context(), first.ID)
			s.steps()
			s.flink.job(first.ID).state = jobState{}
			s.again(1)
			return path
		},
		"while no process ran": func(s *seeing, first jobEntry) string {
			s.again(1)
			path, _ := s.flink.Stop(s.Context(), first.ID)
			return path
		},
		"its ID was not noted any more": func(s *seeing, first jobEntry) string {
			path, _ := s.flink.Stop(s.Context(), first.ID)
			s.again(1)
			s.flink.lost = errors.New("the gateway's answer is lost")
			if trouble, e := s.steps(); !strings.Contains(trouble, "is lost") || e.ID != "" || e.Savepoint != path {
				s.Errorf("%s, %+v", trouble, e)
			}
			s.flink.lost = nil
			s.again(1)
			return path
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSeeing(t)
			first := s.runs()
			if first.From != "" || first.Anew != "" || first.Tasks != 1 || first.Version != "2.3.0" {
				t.Errorf("the first job is remembered as %+v", first)
			}
			s.commits(first.Group, 4)
			want := stop(s, first)
			e := s.runs()
			if want == "" {
				want = s.flink.job(first.ID).state.Savepoint
			}
			j := s.flink.job(e.ID)
			if want == "" || e.ID == first.ID || len(s.flink.jobs) != 2 || j.from != want || j.topic != first.Topic || j.group != first.Group {
				t.Errorf("it goes on as %+v, and is to from %q to %s under %s", j, want, first.Topic, first.Group)
			}
			if e.From != want || e.Savepoint != "" || e.Anew != "" || e.Run != first.Run || e.Since != first.Since || e.Tasks != flinkParallelism(s.side.project) {
				t.Errorf("it is remembered as %+v", e)
			}
			if again := s.runs(); again.ID != e.ID || len(s.flink.jobs) != 2 {
				t.Errorf("it is begun again: %+v", again)
			}
		})
	}
}

// TestOurSavepointsGo has a savepoint that we made removed, once, when the job that goes on has a checkpoint of its own, and not before; what somebody else made stays.
func TestOurSavepointsGo(t *testing.T) {
	s := newSeeing(t)
	s.open(1)
	first := s.runs()
	s.commits(first.Group, 0)
	s.again(2)
	second := s.runs()
	if want := "file:/savepoint-of-" + first.ID; second.From != want || !slices.Equal(second.Made, []string{want}) || len(s.flink.disposed) != 0 {
		t.Fatalf("goes on as %+v, removed are %v", second, s.flink.disposed)
	}
	if s.runs(); len(s.flink.disposed) != 0 {
		t.Fatalf("%v are removed before the job has a checkpoint", s.flink.disposed)
	}
	s.flink.job(second.ID).state.Checkpoint = 1
	if e := s.runs(); len(e.Made) != 0 || !slices.Equal(s.flink.disposed, []string{second.From}) {
		t.Errorf("remembered is %+v, removed are %v", e, s.flink.disposed)
	}
	if s.runs(); len(s.flink.disposed) != 1 {
		t.Errorf("removed are %v", s.flink.disposed)
	}

	// Somebody's own stays.
	if _, err := s.flink.Stop(t.Context(), second.ID); err != nil {
		t.Fatal(err)
	}
	s.again(2)
	third := s.runs()
	s.flink.job(third.ID).state.Checkpoint = 1
	if s.runs(); third.From != "file:/savepoint-of-"+second.ID || len(s.flink.disposed) != 1 {
		t.Errorf("goes on from %s, removed are %v", third.From, s.flink.disposed)
	}

	// One that can't be removed does not keep the job from running.
	s.again(3)
	fourth := s.runs()
	s.flink.stuck, s.flink.job(fourth.ID).state.Checkpoint = errors.New("read-only file system"), 1
	if e := s.runs(); len(fourth.Made) != 1 || len(e.Made) != 0 || len(s.flink.disposed) != 1 {
		t.Errorf("%+v, then %+v", fourth, e)
	}
}

// TestAJobBeginsAnew has jobs whose state can't be gone on from: each says why.
func TestAJobBeginsAnew(t *testing.T) {
	for _, c := range []struct {
		name string
		stop func(s *seeing, first jobEntry)
		why  []string
		same bool // the topic
	}{
		{"another text", func(s *seeing, first jobEntry) { s.flink.text = "two"; s.again(1) }, []string{"told otherwise", "job1"}, false},
		{"another text after a savepoint", func(s *seeing, first jobEntry) {
			_, _ = s.flink.Stop(s.Context(), first.ID)
			s.flink.text = "two"
			s.again(2)
		}, []string{"told otherwise"}, false},
		{"savepoint gone", func(s *seeing, first jobEntry) {
			path, _ := s.flink.Stop(s.Context(), first.ID)
			s.flink.gone[path] = true
			s.again(1)
		}, []string{"can't go on from the savepoint file:/savepoint-of-job1", "Cannot find"}, true},
		{"another Flink", func(s *seeing, first jobEntry) {
			_, _ = s.flink.Stop(s.Context(), first.ID)
			s.flink.version = "2.4.0"
			s.again(1)
		}, []string{"2.4.0", "of 2.3.0", "savepoint-of-job1"}, true},
		{"stopped for long", func(s *seeing, first jobEntry) {
			_, _ = s.flink.Stop(s.Context(), first.ID)
			s.flink.job(first.ID).state.Saved -= (flinkStandstill + time.Minute).Milliseconds()
			s.again(1)
		}, []string{"older than 24h", "savepoint-of-job1"}, true},
		{"records are gone", func(s *seeing, first jobEntry) {
			_, _ = s.flink.Stop(s.Context(), first.ID)
			var to kadm.Offsets
			to.Add(kadm.Offset{Topic: "clicks", Partition: 1, At: 3})
			if _, err := s.admin.DeleteRecords(s.Context(), to); err != nil {
				s.Fatal(err)
			}
			s.again(1)
		}, []string{"partition 1 begins at offset 3, and the job was at 2"}, false},
		{"another topic of the name", func(s *seeing, first jobEntry) {
			_, _ = s.flink.Stop(s.Context(), first.ID)
			s.commits(first.Group, 40)
			s.again(1)
		}, []string{"is not the one", "ends at offset 4, and the job was at 40"}, true},
		{"cancelled", func(s *seeing, first jobEntry) {
			_ = s.flink.Cancel(s.Context(), first.ID)
			trouble, _ := s.steps()
			if !strings.Contains(trouble, "is CANCELED") || !strings.Contains(trouble, "start `bighead up` again to begin it anew") || len(s.flink.jobs) != 1 {
				s.Errorf("somebody cancelled it: %s", trouble)
			}
			s.again(1)
		}, []string{"job1 is CANCELED, without a savepoint"}, true},
		{"cancelled after a savepoint", func(s *seeing, first jobEntry) { // it had read on
			j := s.flink.job(first.ID)
			j.state = jobState{State: "CANCELED", Savepoint: "file:/s", Saved: time.Now().UnixMilli()}
			s.again(1)
		}, []string{"job1 is CANCELED, without a savepoint"}, true},
		{"unknown to Flink", func(s *seeing, first jobEntry) { s.flink.job(first.ID).state = jobState{}; s.again(1) }, []string{"does not know job job1 any more"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSeeing(t)
			first := s.runs()
			s.commits(first.Group, 2)
			c.stop(s, first)
			e := s.runs()
			j := s.flink.job(e.ID)
			if e.ID == first.ID || j.from != "" || e.From != "" || e.Savepoint != "" || e.Run != first.Run+1 || j.group == first.Group || s.flink.job(first.ID).state.lives() {
				t.Errorf("it begins as %+v, and is remembered as %+v", j, e)
			}
			for _, want := range c.why {
				if !strings.Contains(e.Anew, want) {
					t.Errorf("it says %q, and not %q", e.Anew, want)
				}
			}
			awaited(t, func() string {
				if s.hasTopic(first.Topic) != c.same || !s.hasTopic(e.Topic) {
					return ""
				}
				return "the topics are right"
			})
			if (e.Topic == first.Topic) != c.same {
				t.Errorf("after %s it writes %s", first.Topic, e.Topic)
			}
			if again := s.runs(); again.ID != e.ID {
				t.Errorf("it is begun again: %+v", again)
			}
			// Values are partial until the job has read all that there is, and then from where that begins.
			if is, _ := s.side.tiles(s.job.space().ID); !c.same && is.Marks.Complete != plan.MaxTime {
				t.Errorf("before it is filled: %+v", is)
			}
			s.commits(e.Group, 4)
			awaited(t, func() string {
				if is, _ := s.side.tiles(s.job.space().ID); is.Filling || is.Marks.Complete != e.Since {
					return ""
				}
				return "it is filled"
			})
			if c.name == "records are gone" && e.Since == plan.MinTime {
				t.Error("it is said to have seen what is gone")
			}
		})
	}
}

// TestAJobThatCantBeStoppedRunsOn has Flink refuse a savepoint: the job runs as it did, and the cure is said.
func TestAJobThatCantBeStoppedRunsOn(t *testing.T) {
	s := newSeeing(t)
	first := s.runs()
	s.flink.unwilling = errors.New("Config key [execution.checkpointing.savepoint-dir] is not set")
	s.again(3)
	trouble, e := s.steps()
	for _, want := range []string{"goes on with parallelism 1, and not 3", "savepoint-dir", "see savepoints under [stream]", "features.py:"} {
		if !strings.Contains(trouble, want) {
			t.Errorf("it says %q, and not %q", trouble, want)
		}
	}
	if e.ID != first.ID || !s.flink.job(e.ID).state.lives() {
		t.Errorf("%+v", e)
	}
	s.flink.unwilling = nil
	if e := s.runs(); e.Tasks != 3 || e.From == "" {
		t.Errorf("it goes on as %+v", e)
	}
}

// TestOfTwoProcessesOneBegins has a process whose turn is over begin a job: the store refuses it before Flink hears of it.
func TestOfTwoProcessesOneBegins(t *testing.T) {
	s := newSeeing(t)
	if err := s.side.store.Fence(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if err := s.job.step(t.Context()); !errors.Is(err, store.ErrFenced) || len(s.flink.jobs) != 0 {
		t.Errorf("%v, and %d jobs", err, len(s.flink.jobs))
	}
	s.open(2)
	s.runs()
	if len(s.flink.jobs) != 1 {
		t.Errorf("%d jobs", len(s.flink.jobs))
	}
}

// TestOurOwnStreamEndsWhatFlinkDid goes back to the local stream: the job is ended and its topic deleted, by a later process where Flink is away.
func TestOurOwnStreamEndsWhatFlinkDid(t *testing.T) {
	s := newSeeing(t)
	first := s.runs()
	ctx, st, id := t.Context(), s.side.store, s.job.space().ID
	if err := s.side.reader.Close(ctx); err != nil {
		t.Fatal(err)
	}
	streams := []*plan.Stream{{Source: s.job.space().Group.Source, Spaces: []*plan.Space{s.job.space()}}}
	for range 2 { // it may end in the midst
		if err := begunElsewhere(ctx, st, 1, streams); err != nil {
			t.Fatal(err)
		}
	}
	if e, err := readJobEntry(ctx, st, id); err != nil || e != nil {
		t.Errorf("the space is Flink's yet: %+v, %v", e, err)
	}
	s.flink.deaf = errors.New("nobody answers")
	left := func() *flinkLeft {
		return &flinkLeft{project: s.side.project, log: slog.New(slog.DiscardHandler), store: st, epoch: 1, broker: s.side.broker, left: map[string]string{}, runner: func(e *jobEntry) jobRunner {
			if e.Manager != "http://manager" {
				t.Errorf("the job is remembered as %+v", e)
			}
			return s.flink
		}}
	}
	f := left()
	all, err := f.jobs(ctx)
	if err != nil || len(all) != 1 {
		t.Fatalf("%v are left, %v", all, err)
	}
	f.say(id, all[id], f.endOne(ctx, id, all[id]))
	if said := strings.Join(f.degraded(), ""); !strings.Contains(said, "nobody answers") || !strings.Contains(said, "curl -X PATCH 'http://manager/jobs/job1?mode=cancel'") || !strings.Contains(said, first.Name) {
		t.Errorf("it says %q", said)
	}
	if !s.hasTopic(first.Topic) || !s.flink.job(first.ID).state.lives() {
		t.Error("the job that could not be ended is forgotten")
	}
	s.flink.deaf = nil
	f = left() // of the next process
	if all, err = f.jobs(ctx); err != nil || len(all) != 1 {
		t.Fatalf("%v are left, %v", all, err)
	}
	f.run(ctx, all)
	awaited(t, func() string { // the client has an answer of a moment ago
		if s.hasTopic(first.Topic) {
			return ""
		}
		return "it is gone"
	})
	if s.flink.job(first.ID).state.State != "CANCELED" || len(f.degraded()) > 0 {
		t.Errorf("the job is %+v, and %v", s.flink.job(first.ID), f.degraded())
	}
	if all, err = f.jobs(ctx); err != nil || len(all) != 0 {
		t.Errorf("%v are left, %v", all, err)
	}
}
