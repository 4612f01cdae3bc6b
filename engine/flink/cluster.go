package flink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/bighead-ml/bighead/engine/flink/gateway"
)

// Cluster is where a Flink is. It may be used by many at once.
type Cluster struct {
	Gateway    string // the SQL gateway's http://host:port
	JobManager string // its REST interface
	// Savepoints is a folder that the whole cluster writes to, as a URI; "": where its own configuration says.
	Savepoints string
	// Access is what both are shown, and known by; Within bounds one answer of the JobManager's, 0: nothing does.
	Access gateway.Access
	Within time.Duration

	once   sync.Once
	server *gateway.Server // the JobManager
	err    error           // why there is none
}

// Running is a job as the JobManager knows it.
type Running struct {
	ID, Name string `json:"-"`
	State    string // RUNNING, RESTARTING, FAILED, FINISHED, CANCELED …
	Start    int64  // ms
	// Failures are what the job failed at, the newest first, each in one line with the definition that it is about.
	Failures []string
}

// Ended tells whether the job never runs again.
func (r *Running) Ended() bool {
	return r.State == "FAILED" || r.State == "FINISHED" || r.State == "CANCELED"
}

// flinkMajor is the version whose SQL is printed.
const flinkMajor = "2."

// version is Flink's. One that the printed SQL was never run on is refused.
func (c *Cluster) version(ctx context.Context) (string, error) {
	var config struct {
		Version string `json:"flink-version"`
	}
	if err := c.call(ctx, http.MethodGet, "/config", nil, &config); err != nil {
		return "", err
	}
	if !strings.HasPrefix(config.Version, flinkMajor) {
		return "", fmt.Errorf("flink at %s is version %q; jobs are printed for Flink %sx", c.JobManager, config.Version, flinkMajor)
	}
	return config.Version, nil
}

// find lists the jobs of a name that have not ended, the oldest first.
func (c *Cluster) find(ctx context.Context, name string) ([]Running, error) {
	var all struct {
		Jobs []struct {
			JID, Name, State string
			Start            int64 `json:"start-time"`
		}
	}
	if err := c.call(ctx, http.MethodGet, "/jobs/overview", nil, &all); err != nil {
		return nil, err
	}
	var out []Running
	for _, j := range all.Jobs {
		r := Running{ID: j.JID, Name: j.Name, State: j.State, Start: j.Start}
		if j.Name == name && !r.Ended() {
			out = append(out, r)
		}
	}
	return out, nil
}

// Watch says how a job does.
func (c *Cluster) Watch(ctx context.Context, j *Job, id string) (*Running, error) {
	var job struct {
		Name, State string
		Start       int64 `json:"start-time"`
	}
	if err := c.call(ctx, http.MethodGet, "/jobs/"+id, nil, &job); err != nil {
		return nil, err
	}
	var failed struct {
		History struct {
			Entries []struct {
				Task  string `json:"taskName"`
				Stack string `json:"stacktrace"`
			}
		} `json:"exceptionHistory"`
	}
	if err := c.call(ctx, http.MethodGet, "/jobs/"+id+"/exceptions", nil, &failed); err != nil {
		return nil, err
	}
	r := &Running{ID: id, Name: job.Name, State: job.State, Start: job.Start}
	for _, e := range failed.History.Entries {
		r.Failures = append(r.Failures, j.traced(e.Task, e.Stack))
	}
	return r, nil
}

// over tells whether a job never runs again; one that Flink does not know never does.
func (c *Cluster) over(ctx context.Context, id string) (bool, error) {
	var job struct{ State string }
	err := c.call(ctx, http.MethodGet, "/jobs/"+id, nil, &job)
	if errors.Is(err, errUnknown) {
		return true, nil
	}
	return err == nil && (&Running{State: job.State}).Ended(), err
}

// cancel ends a job and forgets what it knows.
func (c *Cluster) cancel(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodPatch, "/jobs/"+id+"?mode=cancel", nil, nil)
}

// stop ends a job and returns where its savepoint is, once it has ended.
func (c *Cluster) stop(ctx context.Context, id string) (string, error) {
	body := map[string]any{"drain": false}
	if c.Savepoints != "" {
		body["targetDirectory"] = c.Savepoints
	}
	var trigger struct {
		ID string `json:"request-id"`
	}
	if err := c.call(ctx, http.MethodPost, "/jobs/"+id+"/stop", body, &trigger); err != nil {
		return "", err
	}
	for {
		var answer struct {
			Status    struct{ ID string }
			Operation struct {
				Location string
				Failure  struct {
					Stack string `json:"stack-trace"`
				} `json:"failure-cause"`
			}
		}
		if err := c.call(ctx, http.MethodGet, "/jobs/"+id+"/savepoints/"+trigger.ID, nil, &answer); err != nil {
			return "", err
		}
		switch o := answer.Operation; {
		case o.Location != "": // which is said a moment before the job has ended
			for {
				if over, err := c.over(ctx, id); err != nil || over {
					return o.Location, err
				}
				select {
				case <-ctx.Done():
					return "", ctx.Err()
				case <-time.After(pollEvery):
				}
			}
		case answer.Status.ID == "COMPLETED":
			return "", fmt.Errorf("the savepoint failed: %s", lastCause(o.Failure.Stack))
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(pollEvery):
		}
	}
}

// dispose removes a savepoint.
func (c *Cluster) dispose(ctx context.Context, path string) error {
	var trigger struct {
		ID string `json:"request-id"`
	}
	if err := c.call(ctx, http.MethodPost, "/savepoint-disposal", map[string]any{"savepoint-path": path}, &trigger); err != nil {
		return err
	}
	for {
		var answer struct {
			Status    struct{ ID string }
			Operation struct {
				Failure struct {
					Stack string `json:"stack-trace"`
				} `json:"failure-cause"`
			}
		}
		if err := c.call(ctx, http.MethodGet, "/savepoint-disposal/"+trigger.ID, nil, &answer); err != nil {
			return err
		}
		switch {
		case answer.Operation.Failure.Stack != "":
			return errors.New(lastCause(answer.Operation.Failure.Stack))
		case answer.Status.ID == "COMPLETED":
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pollEvery):
		}
	}
}

// pollEvery is how often it is asked whether a savepoint is done, or gone.
const pollEvery = 100 * time.Millisecond

// call makes one request to the JobManager. body and into may be nil.
func (c *Cluster) call(ctx context.Context, method, path string, body, into any) error {
	if c.once.Do(func() { c.server, c.err = c.Access.JobManager(c.JobManager, c.Within) }); c.err != nil {
		return c.err
	}
	var payload io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		payload = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.JobManager, "/")+path, payload)
	if err != nil {
		return fmt.Errorf("flink's JobManager: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.server.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil {
		err = c.server.Refusal(resp, text)
	} else {
		err = fmt.Errorf("flink's JobManager at %s: %w", c.JobManager, err)
	}
	switch {
	case err != nil:
		return err
	case resp.StatusCode == http.StatusNotFound:
		return fmt.Errorf("flink's JobManager at %s: %w", c.JobManager, errUnknown)
	case resp.StatusCode >= 300:
		var said struct{ Errors []string }
		_ = json.Unmarshal(text, &said) // else the text itself
		if len(said.Errors) > 0 {
			text = []byte(said.Errors[len(said.Errors)-1])
		}
		return fmt.Errorf("flink's JobManager at %s: %s: %s", c.JobManager, resp.Status, lastCause(string(text)))
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("flink's JobManager at %s: its answer can't be read, is this Flink's REST interface?: %w", c.JobManager, err)
	}
	return nil
}

// errUnknown says that the JobManager knows no such thing, such as a job of before it was started.
var errUnknown = errors.New("it knows nothing of that")

// lastCause is the last cause of a Java stack trace in one line.
func lastCause(trace string) string {
	if i := strings.LastIndex(trace, "Caused by: "); i >= 0 {
		trace = trace[i+len("Caused by: "):]
	}
	line, _, _ := strings.Cut(strings.TrimSpace(trace), "\n")
	if len(line) > 300 {
		line = line[:300] + " …"
	}
	return line
}
