package flink

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/engine/flink/gateway"
)

// Entry is what is remembered of a job between processes.
type Entry struct {
	Name      string    `json:"name"`
	Job       string    `json:"job"`   // Flink's id
	Text      string    `json:"text"`  // of Job.String: no secrets
	Topic     string    `json:"topic"` // of the parts
	Savepoint string    `json:"savepoint,omitempty"`
	Stopped   time.Time `json:"stopped,omitzero"` // when that was made
}

// Registry remembers jobs by name. Whoever wires Flink up keeps it, for all processes that may submit.
type Registry interface {
	// Get is the entry of a name; false: there is none.
	Get(ctx context.Context, name string) (Entry, bool, error)
	Put(ctx context.Context, e Entry) error
}

// What Submit refuses, beside its words.
var (
	// ErrRuns: a job of the name runs. It may be another's.
	ErrRuns = errors.New("it runs already")
	// ErrOtherText: what ran under the name said something else, or its state is gone, so that it can't go on where it was. On the topic that
	// it wrote no other job may begin, since tiles would be counted from one again: take another topic, and switch readers to it.
	ErrOtherText = errors.New("it can't go on from where it was")
	// ErrSavepoint: Flink can't go on from the savepoint. It is gone, or is not of such a job.
	ErrSavepoint = errors.New("Flink can't go on from the savepoint")
)

// Submit begins a job, or lets it go on from its savepoint where it is the same to the letter, and returns Flink's id for it. After an error no
// job of ours runs and nothing is remembered. A bounded job has ended then, and is not remembered.
func (c *Cluster) Submit(ctx context.Context, j *Job, reg Registry) (string, error) {
	id, err := c.submit(ctx, j, reg)
	if err != nil {
		return "", fmt.Errorf("submit %s to Flink (%s): %w", j.Name, j.of, err)
	}
	return id, nil
}

func (c *Cluster) submit(ctx context.Context, j *Job, reg Registry) (string, error) {
	if _, err := c.version(ctx); err != nil {
		return "", err
	}
	running, err := c.find(ctx, j.Name)
	if err != nil {
		return "", err
	}
	if len(running) > 0 {
		return "", fmt.Errorf("%w as %s", ErrRuns, running[0].ID)
	}
	before, known, err := reg.Get(ctx, j.Name)
	if err != nil {
		return "", err
	}
	savepoint := ""
	if known && before.Topic == j.Topic {
		if err := j.resumes(before); err != nil {
			return "", err
		}
		savepoint = before.Savepoint
	}
	id, err := c.begin(ctx, j, savepoint)
	if err != nil {
		return "", err
	}
	if err := c.alone(ctx, j, id); err != nil {
		return "", err
	}
	if err := reg.Put(ctx, Entry{Name: j.Name, Job: id, Text: j.String(), Topic: j.Topic}); err != nil {
		return "", errors.Join(fmt.Errorf("it began, and was cancelled because it can't be remembered: %w", err), c.cancel(context.WithoutCancel(ctx), id))
	}
	return id, nil
}

// resumes tells whether a job can go on from what is remembered of the name.
func (j *Job) resumes(e Entry) error {
	switch {
	case e.Savepoint == "":
		return fmt.Errorf("%w: job %s ended without a savepoint; give it a new topic in place of %s", ErrOtherText, e.Job, e.Topic)
	case e.Text != j.String():
		return fmt.Errorf("%w: it is told otherwise than job %s was, and a savepoint keeps what was meant; give it a new topic in place of %s", ErrOtherText, e.Job, e.Topic)
	case time.Since(e.Stopped) > j.standstill:
		return fmt.Errorf("%w: it was stopped for longer than %s, and has forgotten tiles that events still come for; give it a new topic in place of %s", ErrOtherText, j.standstill, e.Topic)
	}
	return nil
}

// begin runs the statements and returns the job's id.
func (c *Cluster) begin(ctx context.Context, j *Job, savepoint string) (id string, err error) {
	s, err := c.Access.Open(ctx, c.Gateway, nil)
	if err != nil {
		return "", err
	}
	// That the session can't be closed is no failure of a job that runs: the gateway ends sessions that nobody uses.
	defer func() { _ = s.Close() }()
	script := j.script()
	if savepoint != "" {
		script = append([]statement{setting("execution.state-recovery.path", savepoint)}, script...)
	}
	for _, st := range script {
		err := s.Pages(ctx, j.revealed(st.sql), func(p gateway.Page) error {
			if p.Job != "" {
				id = p.Job
			}
			return nil
		})
		if err != nil {
			return "", j.refused(st, err, savepoint)
		}
	}
	if id == "" {
		return "", errors.New("the gateway named no job")
	}
	return id, nil
}

// alone cancels the job where another of its name began before it, from another process in the same moment.
func (c *Cluster) alone(ctx context.Context, j *Job, id string) error {
	all, err := c.find(ctx, j.Name)
	if err != nil {
		return errors.Join(err, c.cancel(context.WithoutCancel(ctx), id))
	}
	mine := int64(0)
	for _, r := range all {
		if r.ID == id {
			mine = r.Start
		}
	}
	for _, r := range all {
		if r.ID != id && (r.Start < mine || r.Start == mine && r.ID < id) {
			return errors.Join(fmt.Errorf("%w as %s, which began first", ErrRuns, r.ID), c.cancel(context.WithoutCancel(ctx), id))
		}
	}
	return nil
}

// Stop ends the job with a savepoint, from which the same job goes on.
func (c *Cluster) Stop(ctx context.Context, name string, reg Registry) error {
	e, known, err := reg.Get(ctx, name)
	if err == nil && !known {
		err = errors.New("it was never submitted")
	}
	if err == nil {
		e.Savepoint, err = c.stop(ctx, e.Job)
	}
	if err != nil {
		return fmt.Errorf("stop %s on Flink: %w", name, err)
	}
	e.Stopped = time.Now()
	if err := reg.Put(ctx, e); err != nil {
		return fmt.Errorf("stop %s on Flink: its savepoint %s can't be remembered: %w", name, e.Savepoint, err)
	}
	return nil
}

// revealed is a statement with what is secret.
func (j *Job) revealed(sql string) string {
	for k, v := range j.secrets {
		sql = strings.ReplaceAll(sql, quote(hidden(k)), quote(v))
	}
	return sql
}

// unreadable is what Flink says where it can't go on from a savepoint: there is none, a file of it is missing, or it is of a job with other parts.
var unreadable = regexp.MustCompile(`Cannot find (checkpoint|checkpoint or savepoint|meta data) |Failed to rollback to checkpoint/savepoint|_metadata.*(does not exist|No such file)|FileNotFoundException|NoSuchFileException|state-recovery`)

// refused is what Flink says of a statement in one line, with its cure where there is one. The savepoint is what the job was to go on from; "": nothing.
func (j *Job) refused(st statement, err error, savepoint string) error {
	first, _, _ := strings.Cut(strings.TrimPrefix(st.of, "\n"), "\n")
	if first == "" {
		first = st.sql
	}
	var answer *gateway.Error
	if !errors.As(err, &answer) {
		return fmt.Errorf("%s: %w", first, err)
	}
	cure := ""
	switch {
	case savepoint != "" && unreadable.MatchString(answer.Cause):
		line, _, _ := strings.Cut(answer.Cause, "\n")
		return fmt.Errorf("%s: %w %s: %s", first, ErrSavepoint, savepoint, line)
	case strings.Contains(answer.Cause, "Could not find any factory for identifier"):
		cure = "; put Flink's connector flink-sql-connector-kafka beside its other jars"
	}
	line, _, _ := strings.Cut(answer.Cause, "\n")
	return fmt.Errorf("%s: %s%s", first, line, cure)
}

var sinkOf = regexp.MustCompile(`\bpart (\d+)\b`)

// traced is a failure of a task in one line, with what the task's part is for.
func (j *Job) traced(task, stack string) string {
	text := lastCause(stack)
	if strings.Contains(stack, "UnknownTopicOrPartition") {
		text += " (a topic is missing: make " + j.Topic + " with cleanup.policy=compact, and see that the source's is there)"
	}
	if m := sinkOf.FindStringSubmatch(task); m != nil {
		if n, _ := strconv.Atoi(m[1]); n < len(j.inserts) {
			return strings.ReplaceAll(j.inserts[n].of, "\n", "; ") + ": " + text
		}
	}
	return j.of + ": " + text
}
