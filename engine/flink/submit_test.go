package flink

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// fakeFlink answers as a JobManager and a gateway do, as far as submitting goes.
type fakeFlink struct {
	version   string
	overview  string            // of jobs
	status    int               // of every answer; 0: 200
	fails     map[string]string // the last cause of a statement that has the text
	stays     bool              // its session can't be closed
	said      []string          // statements
	cancelled []string
}

func (f *fakeFlink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.status != 0 {
		w.WriteHeader(f.status)
		return
	}
	switch p := r.URL.Path; {
	case p == "/config":
		fmt.Fprintf(w, `{"flink-version":%q}`, f.version)
	case p == "/jobs/overview":
		io.WriteString(w, f.overview)
	case r.Method == http.MethodPatch:
		f.cancelled = append(f.cancelled, strings.TrimPrefix(p, "/jobs/"))
		w.WriteHeader(http.StatusAccepted)
	case f.stays && r.Method == http.MethodDelete && p == "/v3/sessions/S":
		w.WriteHeader(http.StatusInternalServerError)
	case p == "/v3/sessions":
		io.WriteString(w, `{"sessionHandle":"S"}`)
	case strings.HasSuffix(p, "/statements"):
		b, _ := io.ReadAll(r.Body)
		f.said = append(f.said, string(b))
		for text, cause := range f.fails {
			if strings.Contains(string(b), text) {
				w.WriteHeader(http.StatusInternalServerError)
				fmt.Fprintf(w, `{"errors":["x","Caused by: java.lang.Exception: %s"]}`, cause)
				return
			}
		}
		io.WriteString(w, `{"operationHandle":"O"}`)
	case strings.Contains(p, "/result/"):
		io.WriteString(w, `{"resultType":"EOS","jobID":"mine","results":{"columns":[],"data":[]}}`)
	default:
		io.WriteString(w, "{}")
	}
}

const noJobs = `{"jobs":[]}`

func TestSubmit(t *testing.T) {
	job, err := Print(spaceOf(t, "testdata/plain.py"), Options{Brokers: "b:1", Topic: "tiles.1"})
	if err != nil {
		t.Fatal(err)
	}
	same := Entry{Name: job.Name, Job: "old", Text: job.String(), Topic: "tiles.1", Savepoint: "file:/s", Stopped: time.Now()}
	other, none, long, moved := same, same, same, same
	other.Text, none.Savepoint, long.Stopped, moved.Topic = "other", "", time.Now().Add(-48*time.Hour), "tiles.0"
	running := `{"jobs":[{"jid":"theirs","name":"` + job.Name + `","state":"RESTARTING","start-time":1}]}`
	for _, c := range []struct {
		name  string
		flink fakeFlink
		known *Entry
		is    error
		want  string // in the error; "": none
	}{
		{"begins", fakeFlink{}, nil, nil, ""},
		{"begins, and its session stays", fakeFlink{stays: true}, nil, nil, ""},
		{"goes on", fakeFlink{}, &same, nil, ""},
		{"begins on another topic", fakeFlink{}, &moved, nil, ""},
		{"runs", fakeFlink{overview: running}, nil, ErrRuns, "theirs"},
		{"another text", fakeFlink{}, &other, ErrOtherText, "new topic in place of tiles.1"},
		{"no savepoint", fakeFlink{}, &none, ErrOtherText, "without a savepoint"},
		{"stopped for long", fakeFlink{}, &long, ErrOtherText, "longer than 24h"},
		{"another Flink", fakeFlink{version: "1.20.1"}, nil, nil, `version "1.20.1"`},
		{"not let in", fakeFlink{status: 403}, nil, nil, "it refuses us: 403 Forbidden; set token, or user and password, under [flink]"},
		{"savepoint gone", fakeFlink{fails: map[string]string{"STATEMENT SET": "Cannot find checkpoint or savepoint file"}}, &same, ErrSavepoint, "file:/s: Cannot find"},
		{"savepoint out of reach", fakeFlink{fails: map[string]string{"STATEMENT SET": "Connection refused"}}, &same, nil, "Connection refused"},
		{"no connector", fakeFlink{fails: map[string]string{"STATEMENT SET": "Could not find any factory for identifier 'kafka'"}}, nil, nil, "flink-sql-connector-kafka"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &c.flink
			if f.overview == "" {
				f.overview = noJobs
			}
			if f.version == "" {
				f.version = "2.3.0"
			}
			srv := httptest.NewServer(f)
			defer srv.Close()
			reg := memory{}
			if c.known != nil {
				reg[job.Name] = *c.known
			}
			id, err := (&Cluster{Gateway: srv.URL, JobManager: srv.URL}).Submit(t.Context(), job, reg)
			if c.want != "" {
				if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "plain.py:") || strings.Contains(err.Error(), "\n") {
					t.Errorf("%v, want %q and the definition's line", err, c.want)
				}
				if e, ok := reg[job.Name]; ok && e != *c.known || ok != (c.known != nil) {
					t.Errorf("%+v is remembered", e)
				}
				return
			}
			if err != nil || id != "mine" || reg[job.Name].Job != "mine" || reg[job.Name].Savepoint != "" {
				t.Errorf("%q, %v, %+v", id, err, reg)
			}
			if resumed := strings.Contains(strings.Join(f.said, "\n"), "execution.state-recovery.path"); resumed != (c.name == "goes on") {
				t.Errorf("resumed: %t", resumed)
			}
		})
	}
}

// A job that is stopped has ended: Flink says where its savepoint is a moment before, and till then refuses another of its name.
func TestAJobThatIsStoppedHasEnded(t *testing.T) {
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/jobs/j/stop":
			io.WriteString(w, `{"request-id":"r"}`)
		case "/jobs/j/savepoints/r":
			io.WriteString(w, `{"status":{"id":"COMPLETED"},"operation":{"location":"file:/s"}}`)
		case "/jobs/j":
			asked++
			fmt.Fprintf(w, `{"state":%q}`, []string{"RUNNING", "RUNNING", "FINISHED"}[min(asked, 3)-1])
		}
	}))
	defer srv.Close()
	if at, err := (&Cluster{JobManager: srv.URL}).stop(t.Context(), "j"); err != nil || at != "file:/s" || asked != 3 {
		t.Errorf("%q, %v, after %d questions", at, err, asked)
	}
}

// Of two that begin in one moment the later ends.
func TestTheLaterOfTwoEnds(t *testing.T) {
	job, err := Print(spaceOf(t, "testdata/plain.py"), Options{Brokers: "b:1", Topic: "tiles.1"})
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeFlink{overview: `{"jobs":[{"jid":"theirs","name":"` + job.Name + `","state":"RUNNING","start-time":1},{"jid":"mine","name":"` + job.Name + `","state":"RUNNING","start-time":2}]}`}
	srv := httptest.NewServer(f)
	defer srv.Close()
	err = (&Cluster{Gateway: srv.URL, JobManager: srv.URL}).alone(t.Context(), job, "mine")
	if !errors.Is(err, ErrRuns) || len(f.cancelled) != 1 || f.cancelled[0] != "mine" {
		t.Errorf("%v, cancelled %v", err, f.cancelled)
	}
	if _, err := (&Cluster{Gateway: srv.URL, JobManager: "http://127.0.0.1:1"}).Submit(t.Context(), job, memory{}); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("nobody answers: %v", err)
	}
}

// Of a topic of tiles that is deleted under a job Flink says so after a minute (a real deletion's stack): the failure names the part, the definition, the
// topic, and the cure, in one line.
func TestATopicThatIsDeleted(t *testing.T) {
	job, err := Print(spaceOf(t, "testdata/plain.py"), Options{Brokers: "b:1", Topic: "tiles.1"})
	if err != nil {
		t.Fatal(err)
	}
	const task = "GlobalGroupAggregate[32] -> Calc[33] -> ConstraintEnforcer[34] -> part 0[34]: Writer -> part 0[34]: Committer (1/1) - execution #0"
	const stack = "org.apache.flink.kafka.shaded.org.apache.kafka.common.errors.TimeoutException: Topic tiles.1 not present in metadata after 60000 ms.\n" +
		"Caused by: org.apache.flink.kafka.shaded.org.apache.kafka.common.errors.UnknownTopicOrPartitionException: This server does not host this topic-partition.\n"
	const want = "part scalars; f0 count/1 rows: count_1h (plain.py:2:73): org.apache.flink.kafka.shaded.org.apache.kafka.common.errors.UnknownTopicOrPartitionException: This server does not host this topic-partition. " +
		"(a topic is missing: make tiles.1 with cleanup.policy=compact, and see that the source's is there)"
	if got := job.traced(task, stack); got != want {
		t.Errorf("it says\n%s\nwant\n%s", got, want)
	}
	if got := job.traced("Source: topic[1] (1/1)", stack); !strings.HasPrefix(got, "the job of group clicks (plain.py:2:5): ") || !strings.HasSuffix(got, ")") {
		t.Errorf("of a task that is no part's it says %s", got)
	}
}
