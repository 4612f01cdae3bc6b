package flink

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bighead-ml/bighead/engine/flink/gateway"
	"github.com/bighead-ml/bighead/plan"
)

// Runner sees to the jobs of a project's spaces on the Flink behind a SQL gateway. It is safe for concurrent use.
type Runner struct {
	gateway    string
	savepoints string
	access     gateway.Access
	options    Options

	mu      sync.Mutex
	cluster *Cluster // nil: the gateway was not asked yet, or the JobManager may be elsewhere
}

// NewRunner makes a runner; nothing is asked yet. Savepoints go to a folder that the whole cluster writes to, a URI; "": where Flink's own
// configuration says. Topic and Group of the options are each job's own.
func NewRunner(at, savepoints string, a gateway.Access, o Options) *Runner {
	return &Runner{gateway: at, savepoints: savepoints, access: a, options: o}
}

// RunnerAt is a runner that ends jobs, where their JobManager is known and the gateway is not.
func RunnerAt(manager string, a gateway.Access) *Runner {
	return &Runner{cluster: &Cluster{JobManager: manager, Access: a, Within: askWithin}}
}

// print prints the job of a space.
func (r *Runner) print(s *plan.Space, topic, group string) (*Job, error) {
	o := r.options
	o.Topic, o.Group = topic, group
	return Print(s, o)
}

// Text is what Flink is told for a space, whatever its topic, as Job.Meaning has it, and the job's name: jobs of one text write the same.
func (r *Runner) Text(s *plan.Space) (name, text string, err error) {
	j, err := r.print(s, "topic", "group")
	if err != nil {
		return "", "", err
	}
	return j.Name, j.Meaning(), nil
}

// Submit begins the job of a space, and gives Flink's ID of it: at the start of its source, or where a savepoint is named as of that. What it has
// read it commits under the group. It is for the caller to see that what stands in the topic, and in the savepoint, is of the same text. An
// error that is ErrSavepoint says that Flink can't go on from that, now or later.
func (r *Runner) Submit(ctx context.Context, s *plan.Space, topic, group, savepoint string) (id string, err error) {
	j, err := r.print(s, topic, group)
	if err != nil {
		return "", err
	}
	c, err := r.on(ctx)
	if err != nil {
		return "", err
	}
	return c.Submit(ctx, j, known{j, savepoint})
}

// known is a registry of which the runner's caller takes the place: it has seen to what may go on from which savepoint; "": from none.
type known struct {
	job       *Job
	savepoint string
}

func (k known) Get(context.Context, string) (Entry, bool, error) {
	return Entry{Name: k.job.Name, Text: k.job.String(), Topic: k.job.Topic, Savepoint: k.savepoint, Stopped: time.Now()}, k.savepoint != "", nil
}

func (known) Put(context.Context, Entry) error { return nil }

// Stop ends a job with a savepoint, and says where that is.
func (r *Runner) Stop(ctx context.Context, id string) (savepoint string, err error) {
	c, err := r.on(ctx)
	if err != nil {
		return "", err
	}
	return c.stop(ctx, id)
}

// Dispose removes a savepoint from which no job is to go on any more.
func (r *Runner) Dispose(ctx context.Context, savepoint string) error {
	c, err := r.on(ctx)
	if err != nil {
		return err
	}
	return c.dispose(ctx, savepoint)
}

// Cluster is which version Flink has, whose savepoints others need not read, and where its JobManager is.
func (r *Runner) Cluster(ctx context.Context) (version, manager string, err error) {
	c, err := r.on(ctx)
	if err != nil {
		return "", "", err
	}
	version, err = c.version(ctx)
	return version, c.JobManager, err
}

// State is how a job stands.
type State struct {
	State      string // Flink's word: RUNNING, RESTARTING, FAILED …; "": Flink does not know the job
	Exception  string // what it failed at last, with the definition that it is about
	Checkpoint int64  // when the last was completed, ms; 0: none was
	Savepoint  string // the last that was completed; "": none was, or the JobManager has forgotten it
	Saved      int64  // when that was begun, ms
}

// State asks how the job of a space stands.
func (r *Runner) State(ctx context.Context, s *plan.Space, topic, id string) (State, error) {
	j, err := r.print(s, topic, "group")
	if err != nil {
		return State{}, err
	}
	c, err := r.on(ctx)
	if err != nil {
		return State{}, err
	}
	job, err := c.Watch(ctx, j, id)
	if errors.Is(err, errUnknown) {
		return State{}, nil
	} else if err != nil {
		r.lost()
		return State{}, err
	}
	out := State{State: job.State}
	if len(job.Failures) > 0 {
		out.Exception = job.Failures[0]
	}
	return out, c.saved(ctx, id, &out)
}

// saved asks for the last checkpoint of a job, and its last savepoint.
func (c *Cluster) saved(ctx context.Context, id string, s *State) error {
	type point struct {
		At    int64  `json:"latest_ack_timestamp"`
		Began int64  `json:"trigger_timestamp"`
		Path  string `json:"external_path"`
	}
	var points struct {
		Latest struct{ Completed, Savepoint *point }
	}
	if err := c.call(ctx, http.MethodGet, "/jobs/"+id+"/checkpoints", nil, &points); err != nil && !errors.Is(err, errUnknown) {
		return err
	}
	if p := points.Latest.Completed; p != nil {
		s.Checkpoint = p.At
	}
	if p := points.Latest.Savepoint; p != nil {
		s.Savepoint, s.Saved = p.Path, p.Began
	}
	return nil
}

// Find is the ID of a job of a name that has not ended; "": there is none.
func (r *Runner) Find(ctx context.Context, name string) (string, error) {
	c, err := r.on(ctx)
	if err != nil {
		return "", err
	}
	all, err := c.find(ctx, name)
	if err != nil || len(all) == 0 {
		return "", err
	}
	return all[0].ID, nil
}

// Cancel ends a job and waits until it has, for till then it writes. One that has ended, or that Flink does not know, is no error.
func (r *Runner) Cancel(ctx context.Context, id string) error {
	c, err := r.on(ctx)
	if err != nil {
		return err
	}
	for asked := false; ; {
		over, err := c.over(ctx, id)
		if over {
			return nil
		}
		if err == nil && !asked {
			err, asked = c.cancel(ctx, id), true
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pollEvery):
		}
	}
}

// lost has the gateway asked again where the JobManager is.
func (r *Runner) lost() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cluster = nil
}

// on finds the JobManager that the gateway submits to.
func (r *Runner) on(ctx context.Context) (*Cluster, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cluster != nil {
		return r.cluster, nil
	}
	at, err := managerOf(ctx, r.access, r.gateway)
	if err != nil {
		return nil, err
	}
	r.cluster = &Cluster{Gateway: r.gateway, JobManager: at, Savepoints: r.savepoints, Access: r.access, Within: askWithin}
	return r.cluster, nil
}

// askWithin bounds one question to the JobManager.
const askWithin = 10 * time.Second

// managerOf asks a gateway for the JobManager's REST interface, as its own configuration has it.
func managerOf(ctx context.Context, a gateway.Access, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	s, err := a.Open(ctx, url, nil)
	if err != nil {
		return "", err
	}
	defer s.Close()
	res, err := s.Query(ctx, "SET")
	if err != nil {
		return "", err
	}
	at := map[string]string{"rest.address": "localhost", "rest.port": "8081", "security.ssl.rest.enabled": "false"}
	known := slices.Collect(maps.Keys(at))
	for _, row := range res.Rows {
		if name := row[0].Str(); slices.Contains(known, name) {
			at[name] = strings.TrimSpace(row[1].Str())
		}
	}
	scheme := "http"
	if at["security.ssl.rest.enabled"] == "true" {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(at["rest.address"], at["rest.port"]), nil
}
