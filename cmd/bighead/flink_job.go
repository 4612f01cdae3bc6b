package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
)

// jobRunner is Flink, as far as jobs are begun there, looked at and ended. wire.go makes one.
type jobRunner interface {
	// Text is what Flink is told for a space, without what is secret, without its topic and group, and without how many tasks share the work:
	// jobs of one text write the same, and keep the same state.
	Text(space *plan.Space) (name, text string, err error)
	// Submit begins a job, at the start of its source or from a savepoint, and gives Flink's ID of it. Its tile parts go to a topic, and what it
	// has read it commits under a group. errSavepoint: it can't go on from that one, now or later.
	Submit(ctx context.Context, space *plan.Space, topic, group, savepoint string) (id string, err error)
	// Stop ends a job with a savepoint, and says where that is.
	Stop(ctx context.Context, id string) (savepoint string, err error)
	// Dispose removes a savepoint.
	Dispose(ctx context.Context, savepoint string) error
	// Cluster is which version Flink has, and where its JobManager is.
	Cluster(ctx context.Context) (version, manager string, err error)
	// Find is the ID of a job of a name that has not ended; "": there is none.
	Find(ctx context.Context, name string) (id string, err error)
	// State is how a job stands; State.State "": Flink does not know it.
	State(ctx context.Context, space *plan.Space, topic, id string) (jobState, error)
	// Cancel ends a job and waits until it has; one that has ended, or that Flink does not know, is no error.
	Cancel(ctx context.Context, id string) error
}

// jobState is how Flink says that a job stands.
type jobState struct {
	State      string // Flink's word: RUNNING, RESTARTING, FAILED …
	Exception  string // why it failed last
	Checkpoint int64  // when the last was completed, ms; 0: none was
	Savepoint  string // the last that was completed; "": none was, or Flink has forgotten it
	Saved      int64  // when that was begun, ms
}

// jobEntry is what is remembered of a space's job, in the store's meta: among what goes with the space, and under the epoch of whoever is
// active, so that no two processes begin one.
type jobEntry struct {
	Name  string `json:"name"`
	ID    string `json:"id"` // Flink's; "": it was begun, and whether it came to be is not known
	Topic string `json:"topic"`
	Group string `json:"group"`
	Text  string `json:"text"` // SHA-256 of what Flink was told

	// The IDs of the topics that it reads and writes, hexadecimal; "": of an older bighead's.
	SourceID string `json:"source_id,omitempty"`
	TopicID  string `json:"topic_id,omitempty"`

	Run   int   `json:"run"`   // how often it was begun from the start of its source
	Since int64 `json:"since"` // S of the space
	Began int64 `json:"began"` // when the oldest record of the source was written, as the job began

	Tasks   int    `json:"tasks,omitempty"`   // that share the work; 0: of an older bighead's, 1
	Version string `json:"version,omitempty"` // of the Flink that it was begun on
	Manager string `json:"manager,omitempty"` // where that Flink's JobManager is

	Savepoint string `json:"savepoint,omitempty"` // with which it was stopped, and from which it is to go on
	Saved     int64  `json:"saved,omitempty"`     // when that was begun, ms

	// Made are savepoints that we made to replace jobs. They are removed once the job that goes on has a checkpoint of its own, and needs none of them.
	Made []string `json:"made,omitempty"`

	From string `json:"from,omitempty"` // the savepoint from which it was begun; "": the start of its source
	Anew string `json:"anew,omitempty"` // why it began there though one before it had read it
	At   int64  `json:"at,omitempty"`   // when it was begun, ms
}

func jobEntryName(id string) string { return plan.StreamPrefix + id + "/job" }

// readJobEntry is what is remembered of a space's job; nil: nothing is.
func readJobEntry(ctx context.Context, st store.Store, id string) (e *jobEntry, err error) {
	err = st.Meta(ctx, jobEntryName(id), func(name string, b []byte) error {
		if name != jobEntryName(id) {
			return nil
		}
		e = &jobEntry{}
		if err := json.Unmarshal(b, e); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	return e, err
}

// eachJobEntry goes through all jobs that are remembered.
func eachJobEntry(ctx context.Context, st store.Store, do func(id string, e *jobEntry)) error {
	return st.Meta(ctx, plan.StreamPrefix, func(name string, b []byte) error {
		id, ok := strings.CutSuffix(strings.TrimPrefix(name, plan.StreamPrefix), "/job")
		if !ok {
			return nil
		}
		e := &jobEntry{}
		if err := json.Unmarshal(b, e); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		do(id, e)
		return nil
	})
}

// flinkJob is the job of one space, and whoever sees to it.
type flinkJob struct {
	side    *flinkSide
	planned atomic.Pointer[plan.Space] // as it is defined now
	cancel  context.CancelFunc
	done    sync.WaitGroup

	entry *jobEntry   // nil: not known yet; the goroutine's own
	given *plan.Space // with which its topic is read; nil: it is not; the goroutine's own, as what follows
	lost  bool        // its source's topic was not there when it was looked at last
	lived bool        // it was seen alive by this process
	ended bool        // by this process, which begins it again
	noted bool        // that no job has read anything yet
	tries int         // how often it was begun of late
	last  time.Time   // when

	mu      sync.Mutex
	shown   jobEntry
	state   jobState
	trouble string
}

// begin sees to the job of a space from now on.
func (f *flinkSide) begin(x *plan.Space) *flinkJob {
	ctx, cancel := context.WithCancel(f.ctx)
	j := &flinkJob{side: f, cancel: cancel}
	j.planned.Store(x)
	j.done.Go(func() { j.run(ctx) })
	return j
}

// space is the job's, as it is defined now.
func (j *flinkJob) space() *plan.Space { return j.planned.Load() }

func (j *flinkJob) end() {
	j.cancel()
	j.done.Wait()
}

// again takes in that the group's settings may be others.
func (j *flinkJob) again(x *plan.Space) {
	j.planned.Store(x)
}

// run looks at the job again and again, and begins it where it does not run.
func (j *flinkJob) run(ctx context.Context) {
	for wait := flinkPause; ; {
		err := j.step(ctx)
		if ctx.Err() != nil {
			return
		}
		j.set(err)
		if wait = min(2*wait, flinkLast); err == nil {
			wait = flinkPause
		}
		if !pause(ctx, wait) {
			return
		}
	}
}

// set notes what goes wrong; what is new is logged.
func (j *flinkJob) set(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	j.mu.Lock()
	changed := j.trouble != text
	j.trouble = text
	j.mu.Unlock()
	switch {
	case !changed:
	case err != nil:
		j.side.log.Warn("a group's job on Flink", "group", j.space().Group.Name, "definition", j.space().Group.Pos.String(), "error", text)
	default:
		j.side.log.Info("a group's job runs on Flink", "group", j.space().Group.Name, "job", j.shown.Name, "id", j.shown.ID)
	}
}

func (j *flinkJob) why() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.trouble
}

// step looks at the job and does what is to be done. An error is what keeps it from running.
func (j *flinkJob) step(ctx context.Context) error {
	name, text, err := j.side.runner.Text(j.space())
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(text))
	hash := hex.EncodeToString(sum[:])
	if j.entry == nil {
		if j.entry, err = readJobEntry(ctx, j.side.store, j.space().ID); err != nil {
			return err
		}
	}
	if j.entry == nil && !j.noted {
		if err := j.side.unseen(ctx, j.space()); err != nil {
			return err
		}
		j.noted = true
	}
	if j.entry != nil && j.given != j.space() { // what is there is read, whatever Flink says
		if err := j.read(ctx); err != nil {
			return err
		}
	}
	state, err := j.look(ctx)
	if err != nil {
		return err
	}
	if err := j.sourceStands(ctx, state); err != nil {
		return err
	}
	why, err := j.uprooted(ctx)
	switch {
	case err != nil:
		return err
	case state.lives() && why != "":
		return j.uproot(ctx, name, hash, why)
	case state.lives() && j.outdated(hash, state):
		return j.replace(ctx, name, hash)
	case state.lives():
		if j.lived, j.ended = true, false; time.Since(j.last) > time.Minute {
			j.tries = 0
		}
		if err := j.tidy(ctx, state); err != nil {
			return err
		}
		return state.problem(j)
	}
	if err := j.keepSavepoint(ctx, state); err != nil {
		return err
	}
	switch {
	case (state.State == "CANCELED" || state.State == "FINISHED") && j.lived && !j.ended:
		return fmt.Errorf("%w: somebody has ended it; start `bighead up` again to %s", state.problem(j), j.after())
	case j.tries > 0 && time.Since(j.last) < min(flinkPause<<j.tries, 5*time.Minute):
		return state.problem(j)
	}
	j.tries, j.last = j.tries+1, time.Now()
	return j.beginAgain(ctx, name, hash, state)
}

// beginAgain begins the job, and looks how it stands then.
func (j *flinkJob) beginAgain(ctx context.Context, name, hash string, ended jobState) error {
	if err := j.submit(ctx, name, hash, ended); err != nil {
		return err
	}
	state, err := j.look(ctx)
	if err != nil {
		return err
	}
	j.lived, j.ended = state.lives(), false
	return state.problem(j)
}

// after is what becomes of a job that somebody has ended, when it is begun again.
func (j *flinkJob) after() string {
	if j.entry.Savepoint != "" {
		return "have it go on from its savepoint " + j.entry.Savepoint
	}
	return "begin it anew, at the start of its topic"
}

// look asks Flink how the job stands.
func (j *flinkJob) look(ctx context.Context) (s jobState, err error) {
	if j.entry != nil && j.entry.ID != "" {
		s, err = j.side.runner.State(ctx, j.space(), j.entry.Topic, j.entry.ID)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.entry != nil {
		j.shown = *j.entry
	}
	if err == nil {
		j.state = s
	}
	return s, err
}

// submit begins the job where it does not run, and reads what it writes. One that was begun, and whose ID was not noted any more, is taken for what it
// is.
func (j *flinkJob) submit(ctx context.Context, name, hash string, ended jobState) error {
	there, err := j.side.runner.Find(ctx, name)
	switch {
	case err != nil:
		return err
	case there != "" && j.entry != nil && j.entry.ID == "":
		return j.begun(ctx, there)
	case there != "": // of a store that was removed since: what it has committed, and where, is not known any more
		if err := j.side.runner.Cancel(ctx, there); err != nil {
			return err
		}
	}
	e, err := j.next(ctx, name, hash, ended)
	if err != nil {
		return err
	}
	err = j.put(ctx, e)
	if errors.Is(err, errSavepoint) {
		j.entry.Savepoint, j.entry.Saved = "", 0
		if e, err = j.anew(ctx, name, hash, err.Error()); err == nil {
			err = j.put(ctx, e)
		}
	}
	return err
}

// put begins a job as it is to be remembered.
func (j *flinkJob) put(ctx context.Context, e *jobEntry) error {
	f, s := j.side, j.space()
	var err error
	if e.Version, e.Manager, err = f.runner.Cluster(ctx); err != nil {
		return err
	}
	if err := f.broker.Keep(ctx, e.Topic, flinkPartitions); err != nil {
		return err
	}
	if err := j.identify(ctx, e); err != nil {
		return err
	}
	if e.TopicID == "" {
		return fmt.Errorf("group %q (%s): topic %q was made for its tiles, and the brokers do not know it yet", s.Group.Name, s.Group.Pos, e.Topic)
	}
	if old := j.entry; old != nil && old.Topic != e.Topic {
		if err := errors.Join(j.leave(ctx), f.broker.Remove(ctx, old.Topic)); err != nil {
			return err
		}
	}
	e.Tasks, e.At, e.ID = flinkParallelism(f.project), time.Now().UnixMilli(), ""
	j.entry = e
	if err := j.note(ctx); err != nil {
		return err
	}
	id, err := f.runner.Submit(ctx, s, e.Topic, e.Group, e.Savepoint)
	if err != nil {
		return err
	}
	return j.begun(ctx, id)
}

// begun remembers that the job has begun, and says from where.
func (j *flinkJob) begun(ctx context.Context, id string) error {
	e := j.entry
	e.ID, e.From, e.Savepoint, e.Saved = id, e.Savepoint, "", 0
	if err := j.note(ctx); err != nil {
		return err
	}
	switch log, g := j.side.log, j.space().Group; {
	case e.From != "":
		log.WarnContext(ctx, "a group's job on Flink goes on from its savepoint", "group", g.Name, "definition", g.Pos.String(), "job", e.Name, "id", id, "savepoint", e.From)
	case e.Anew != "":
		log.WarnContext(ctx, "a group's job on Flink begins anew, at the start of its topic", "group", g.Name, "definition", g.Pos.String(), "job", e.Name, "id", id, "why", e.Anew)
	}
	return nil
}

// leave has the reader read a topic no longer, and forget how far it had: what comes of another fills the space anew.
func (j *flinkJob) leave(ctx context.Context) error {
	f, id := j.side, j.space().ID
	if err := f.reader.Leave(ctx, id); err != nil {
		return err
	}
	return f.store.Write(ctx, &store.Write{Epoch: f.epoch, Meta: []store.MetaPut{{Name: plan.StreamPrefix + id + "/topic"}}})
}

// flinkPartitions is how many partitions a topic of tile parts has: one process reads it.
const flinkPartitions = 4

// note remembers the job, and reads what it writes.
func (j *flinkJob) note(ctx context.Context) error {
	b, err := json.Marshal(j.entry)
	if err != nil {
		return err
	}
	if err := j.side.store.Write(ctx, &store.Write{Epoch: j.side.epoch, Meta: []store.MetaPut{{Name: jobEntryName(j.space().ID), Bytes: b}}, Sync: true}); err != nil {
		return err
	}
	return j.read(ctx)
}

// read has the reader read what the job writes.
func (j *flinkJob) read(ctx context.Context) error {
	x := j.space()
	j.side.adding.Lock()
	defer j.side.adding.Unlock()
	err := j.side.reader.Add(ctx, tileSpaceOf(x, j.entry, j.entry.Since))
	if err == nil {
		j.given = x
	}
	return err
}

// filling reports whether the space has yet to be filled.
func (j *flinkJob) filling() bool {
	s, ok := j.side.tiles(j.space().ID)
	return !ok || s.Filling && s.Stopped == ""
}

// tiles is how the reader stands with a space.
func (f *flinkSide) tiles(id string) (tileState, bool) {
	for _, s := range f.reader.Status() {
		if s.Space == id {
			return s, true
		}
	}
	return tileState{}, false
}

// lives reports whether the job has not ended.
func (s jobState) lives() bool {
	switch s.State {
	case "", "FAILED", "CANCELED", "FINISHED":
		return false
	}
	return true
}

// problem says what is wrong with a job, and whose it is; nil: it runs, or is about to.
func (s jobState) problem(j *flinkJob) error {
	g, why := j.space().Group, ""
	if s.Exception != "" {
		why = ": " + s.Exception
	}
	switch s.State {
	case "RUNNING", "CREATED", "INITIALIZING", "RECONCILING":
		return nil
	case "":
		return fmt.Errorf("group %q (%s) has no job on Flink%s", g.Name, g.Pos, why)
	}
	return fmt.Errorf("group %q (%s): Flink's job %s is %s%s", g.Name, g.Pos, j.entry.Name, s.State, why)
}
