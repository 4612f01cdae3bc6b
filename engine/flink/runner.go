package flink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/bighead-ml/bighead/engine/flink/gateway"
	"github.com/bighead-ml/bighead/plan"
)

// Runner begins jobs over a SQL gateway, and looks at them and ends them over the JobManager that the gateway submits to. It is safe for
// concurrent use.
type Runner struct {
	gateway string
	options Options
	http    *http.Client

	mu      sync.Mutex
	manager string // the JobManager's REST; "": not known yet
}

// NewRunner makes a runner; nothing is asked yet. Topic, and what is of one job, is not read of the options.
func NewRunner(gateway string, o Options) *Runner {
	return &Runner{gateway: strings.TrimRight(gateway, "/"), options: o, http: &http.Client{Timeout: 10 * time.Second}}
}

// Text is what Flink is told for a space, without what is secret and what is of one job, and the job's name.
func (r *Runner) Text(s *plan.Space) (name, text string, err error) {
	o := r.options
	o.Topic = "topic"
	j, err := Print(s, o)
	if err != nil {
		return "", "", err
	}
	return j.Name, j.String(), nil
}

// Submit begins the job of a space, from a savepoint where one is named, and gives its ID. What it has read of its source it commits under the group.
func (r *Runner) Submit(ctx context.Context, s *plan.Space, topic, group, savepoint string) (id string, err error) {
	o := r.options
	o.Topic, o.Properties = topic, map[string]string{"group.id": group}
	for k, v := range r.options.Properties {
		o.Properties[k] = v
	}
	j, err := Print(s, o)
	if err != nil {
		return "", err
	}
	session, err := r.open(ctx)
	if err != nil {
		return "", err
	}
	defer session.Close()
	if savepoint != "" {
		if err := session.Exec(ctx, setting("execution.state-recovery.path", savepoint).sql); err != nil {
			return "", err
		}
	}
	for _, s := range j.script() {
		err := session.Pages(ctx, j.reveal(s.sql), func(p gateway.Page) error {
			if p.Job != "" {
				id = p.Job
			}
			return nil
		})
		if err != nil {
			return "", fmt.Errorf("%s: %w", j.of, err)
		}
	}
	if id == "" {
		return "", fmt.Errorf("%s: Flink has given it no ID", j.of)
	}
	return id, nil
}

// reveal puts what is secret where the text only names it.
func (j *Job) reveal(sql string) string {
	for k, v := range j.secrets {
		sql = strings.ReplaceAll(sql, quote(hidden(k)), quote(v))
	}
	return sql
}

func (r *Runner) open(ctx context.Context) (*gateway.Session, error) {
	s, err := gateway.Open(ctx, r.gateway, nil)
	var answered *gateway.Error
	if err != nil && !errors.As(err, &answered) && ctx.Err() == nil {
		err = fmt.Errorf("Flink's SQL gateway does not answer: start it, or correct gateway under [stream]: %w", err)
	}
	return s, err
}

// State is how a job stands.
type State struct {
	State      string // Flink's word: RUNNING, RESTARTING, FAILED …; "": Flink does not know the job
	Exception  string // why it failed last
	Checkpoint int64  // when the last was completed, ms; 0: none was
}

// State asks how a job stands.
func (r *Runner) State(ctx context.Context, id string) (s State, err error) {
	var job struct{ State string }
	found, err := r.ask(ctx, http.MethodGet, "/jobs/"+id, &job)
	if err != nil || !found {
		return s, err
	}
	s.State = job.State
	var failures struct {
		History struct {
			Entries []struct {
				Stacktrace string
			}
		} `json:"exceptionHistory"`
	}
	if _, err := r.ask(ctx, http.MethodGet, "/jobs/"+id+"/exceptions", &failures); err != nil {
		return s, err
	}
	if e := failures.History.Entries; len(e) > 0 {
		s.Exception = lastCause(e[0].Stacktrace)
	}
	var points struct {
		Latest struct {
			Completed *struct {
				At int64 `json:"latest_ack_timestamp"`
			}
		}
	}
	if _, err := r.ask(ctx, http.MethodGet, "/jobs/"+id+"/checkpoints", &points); err != nil {
		return s, err
	}
	if c := points.Latest.Completed; c != nil {
		s.Checkpoint = c.At
	}
	return s, nil
}

// lastCause is what a stack trace of Java's says at its end, in a line.
func lastCause(trace string) string {
	if i := strings.LastIndex(trace, "Caused by: "); i >= 0 {
		trace = trace[i+len("Caused by: "):]
	}
	line, _, _ := strings.Cut(trace, "\n")
	return strings.TrimSpace(line)
}

// Find is the ID of a job of a name that has not ended; "": there is none.
func (r *Runner) Find(ctx context.Context, name string) (id string, err error) {
	var all struct {
		Jobs []struct{ JID, Name, State string }
	}
	if _, err := r.ask(ctx, http.MethodGet, "/jobs/overview", &all); err != nil {
		return "", err
	}
	for _, j := range all.Jobs {
		if j.Name == name && !ended(j.State) {
			id = j.JID
		}
	}
	return id, nil
}

func ended(state string) bool { return state == "FAILED" || state == "CANCELED" || state == "FINISHED" }

// Cancel ends a job and waits until it has. One that has ended, or that Flink does not know, is no error.
func (r *Runner) Cancel(ctx context.Context, id string) error {
	for {
		s, err := r.State(ctx, id)
		if err != nil || s.State == "" || ended(s.State) {
			return err
		}
		if s.State != "CANCELLING" {
			if _, err := r.ask(ctx, http.MethodPatch, "/jobs/"+id+"?mode=cancel", nil); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// ask asks the JobManager; found is false where it knows no such thing.
func (r *Runner) ask(ctx context.Context, method, path string, into any) (found bool, err error) {
	base, err := r.jobManager(ctx)
	if err != nil {
		return false, err
	}
	req, err := http.NewRequestWithContext(ctx, method, base+path, nil)
	if err != nil {
		return false, err
	}
	resp, err := r.http.Do(req)
	if err != nil {
		r.mu.Lock()
		r.manager = "" // it may be elsewhere when it is back
		r.mu.Unlock()
		return false, fmt.Errorf("Flink's JobManager does not answer: %w", err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return false, fmt.Errorf("Flink's JobManager at %s: %w", base, err)
	case resp.StatusCode == http.StatusNotFound:
		return false, nil
	case resp.StatusCode/100 != 2:
		return false, fmt.Errorf("Flink's JobManager at %s: %s: %.300s", base, resp.Status, b)
	case into == nil:
		return true, nil
	}
	if err := json.Unmarshal(b, into); err != nil {
		return false, fmt.Errorf("Flink's JobManager at %s: its answer cannot be read: %w", base, err)
	}
	return true, nil
}

// jobManager asks the gateway to which JobManager it submits.
func (r *Runner) jobManager(ctx context.Context) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.manager != "" {
		return r.manager, nil
	}
	s, err := r.open(ctx)
	if err != nil {
		return "", err
	}
	defer s.Close()
	res, err := s.Query(ctx, "SET")
	if err != nil {
		return "", err
	}
	at := map[string]string{"rest.address": "localhost", "rest.port": "8081", "security.ssl.rest.enabled": "false"}
	for _, row := range res.Rows {
		if _, ok := at[row[0].Str()]; ok {
			at[row[0].Str()] = row[1].Str()
		}
	}
	scheme := "http"
	if at["security.ssl.rest.enabled"] == "true" {
		scheme = "https"
	}
	r.manager = scheme + "://" + net.JoinHostPort(at["rest.address"], at["rest.port"])
	return r.manager, nil
}
