package flink

import (
	"context"
	"errors"
	"fmt"
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
	gateway string
	options Options

	mu      sync.Mutex
	cluster *Cluster // nil: the gateway was not asked yet, or the JobManager may be elsewhere
}

// NewRunner makes a runner; nothing is asked yet. Topic and Group of the options are each job's own.
func NewRunner(gateway string, o Options) *Runner { return &Runner{gateway: gateway, options: o} }

// print prints the job of a space.
func (r *Runner) print(s *plan.Space, topic, group string) (*Job, error) {
	o := r.options
	o.Topic, o.Group = topic, group
	return Print(s, o)
}

// Text is what Flink is told for a space, whatever its topic, and the job's name: jobs of one text write the same.
func (r *Runner) Text(s *plan.Space) (name, text string, err error) {
	j, err := r.print(s, "topic", "group")
	if err != nil {
		return "", "", err
	}
	return j.Name, j.String(), nil
}

// Submit begins the job of a space at the start of its source, and gives Flink's ID of it. What it has read it commits under the group. It is
// for the caller to see that what stands in the topic is of the same text.
func (r *Runner) Submit(ctx context.Context, s *plan.Space, topic, group string) (id string, err error) {
	j, err := r.print(s, topic, group)
	if err != nil {
		return "", err
	}
	c, err := r.on(ctx)
	if err != nil {
		return "", err
	}
	return c.Submit(ctx, j, forgetful{})
}

// forgetful is a registry of which the runner's caller takes the place.
type forgetful struct{}

func (forgetful) Get(context.Context, string) (Entry, bool, error) { return Entry{}, false, nil }
func (forgetful) Put(context.Context, Entry) error                 { return nil }

// State is how a job stands.
type State struct {
	State      string // Flink's word: RUNNING, RESTARTING, FAILED …; "": Flink does not know the job
	Exception  string // what it failed at last, with the definition that it is about
	Checkpoint int64  // when the last was completed, ms; 0: none was
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
	out.Checkpoint, err = c.checkpoint(ctx, id)
	return out, err
}

// checkpoint is when the last of a job was completed, ms; 0: none was.
func (c *Cluster) checkpoint(ctx context.Context, id string) (int64, error) {
	var points struct {
		Latest struct {
			Completed *struct {
				At int64 `json:"latest_ack_timestamp"`
			}
		}
	}
	if err := c.call(ctx, http.MethodGet, "/jobs/"+id+"/checkpoints", nil, &points); err != nil && !errors.Is(err, errUnknown) {
		return 0, err
	}
	if points.Latest.Completed == nil {
		return 0, nil
	}
	return points.Latest.Completed.At, nil
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
		var job struct{ State string }
		err := c.call(ctx, http.MethodGet, "/jobs/"+id, nil, &job)
		if errors.Is(err, errUnknown) || err == nil && (&Running{State: job.State}).Ended() {
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
	at, err := managerOf(ctx, r.gateway)
	if err != nil {
		var answered *gateway.Error
		if !errors.As(err, &answered) {
			err = fmt.Errorf("%w; see that Flink's SQL gateway runs, and gateway under [stream]", err)
		}
		return nil, err
	}
	r.cluster = &Cluster{Gateway: r.gateway, JobManager: at, HTTP: &http.Client{Timeout: askWithin}}
	return r.cluster, nil
}

// askWithin bounds one question to the JobManager.
const askWithin = 10 * time.Second

// managerOf asks a gateway for the JobManager's REST interface, as its own configuration has it.
func managerOf(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	s, err := gateway.Open(ctx, url, nil)
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
