package main

import (
	"context"
	"fmt"
	"time"

	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
)

// flinkParallelism is how many tasks share the work of a job.
func flinkParallelism(p *project.Project) int { return max(int(p.Config.Int("stream.parallelism")), 1) }

// outdated reports whether a job that lives is to run otherwise. One that is about to run can't be stopped with a savepoint yet.
func (j *flinkJob) outdated(hash string, s jobState) bool {
	e := j.entry
	return e.Text != hash || s.State == "RUNNING" && max(e.Tasks, 1) != flinkParallelism(j.side.project)
}

// replace ends a job that runs and is to run otherwise, and begins it again. Where only how many tasks share its work is another it is stopped with a
// savepoint, from which it goes on; where that can't be had it runs on as it does.
func (j *flinkJob) replace(ctx context.Context, name, hash string) error {
	f, e, g := j.side, j.entry, j.space().Group
	if e.Text != hash {
		if err := f.runner.Cancel(ctx, e.ID); err != nil {
			return fmt.Errorf("group %q (%s): Flink's job %s is to be replaced, and can't be ended: %w", g.Name, g.Pos, e.Name, err)
		}
	} else {
		j.ended = true // whatever becomes of the answer
		savepoint, err := f.runner.Stop(ctx, e.ID)
		if err != nil {
			return fmt.Errorf("group %q (%s): Flink's job %s goes on with parallelism %d, and not %d as [stream] says, since it can't be stopped with a savepoint: %w; see savepoints under [stream]",
				g.Name, g.Pos, e.Name, max(e.Tasks, 1), flinkParallelism(f.project), err)
		}
		e.Savepoint, e.Saved, e.Made = savepoint, time.Now().UnixMilli(), append(e.Made, savepoint)
		if err := j.note(ctx); err != nil {
			return err
		}
	}
	j.ended = true
	return j.beginAgain(ctx, name, hash, jobState{State: "FINISHED"})
}

// tidy removes the savepoints that we made, once the job that runs has a checkpoint of its own: from then on Flink goes back to that. What somebody
// else made stays. One that can't be removed is said, and not tried again.
func (j *flinkJob) tidy(ctx context.Context, s jobState) error {
	e := j.entry
	if len(e.Made) == 0 || e.Savepoint != "" || s.State != "RUNNING" || s.Checkpoint == 0 {
		return nil
	}
	for _, path := range e.Made {
		if err := j.side.runner.Dispose(ctx, path); err != nil && ctx.Err() != nil {
			return err
		} else if err != nil {
			j.side.log.WarnContext(ctx, "a savepoint that nothing needs any more can't be removed; remove it by hand", "group", j.space().Group.Name, "savepoint", path, "error", err.Error())
		}
	}
	e.Made = nil
	return j.note(ctx)
}

// keepSavepoint notes the savepoint with which a job was stopped, whoever has: Flink forgets ended jobs, at the latest with its JobManager. One that
// ended otherwise had read on since its last savepoint, and nobody knows how far it was then.
func (j *flinkJob) keepSavepoint(ctx context.Context, ended jobState) error {
	if j.entry == nil || ended.State != "FINISHED" || ended.Savepoint == "" || j.entry.Savepoint == ended.Savepoint || j.entry.ID == "" {
		return nil
	}
	j.entry.Savepoint, j.entry.Saved = ended.Savepoint, ended.Saved
	return j.note(ctx)
}

// next is what is to be remembered of a job that begins now: it goes on from its savepoint, or begins anew.
func (j *flinkJob) next(ctx context.Context, name, hash string, ended jobState) (*jobEntry, error) {
	why, err := j.standsStill(ctx, hash, ended)
	if err != nil {
		return nil, err
	}
	if why == "" && j.entry != nil && j.entry.Savepoint != "" {
		e := *j.entry
		e.Name, e.Anew = name, ""
		return &e, nil
	}
	return j.anew(ctx, name, hash, why)
}

// standsStill says why a job can't go on from where the one before it was; "": it can, or there was none.
func (j *flinkJob) standsStill(ctx context.Context, hash string, ended jobState) (why string, err error) {
	e := j.entry
	if e == nil {
		return "", nil
	}
	version, _, err := j.side.runner.Cluster(ctx)
	if err != nil {
		return "", err
	}
	of := "job " + e.ID
	if e.ID == "" {
		of = "the job before"
	}
	uprooted, err := j.uprooted(ctx)
	switch {
	case err != nil:
		return "", err
	case uprooted != "":
		return uprooted, nil
	case e.Text != hash:
		return "Flink is told otherwise than " + of + " was, and a savepoint keeps what was meant", nil
	case e.Savepoint == "" && e.ID == "":
		return e.Anew, nil // it was to begin there, and did not
	case e.Savepoint == "" && ended.State == "":
		return "Flink does not know " + of + " any more, and no savepoint of it is known", nil
	case e.Savepoint == "":
		return fmt.Sprintf("%s is %s, without a savepoint", of, ended.State), nil
	case e.Version != version:
		return fmt.Sprintf("Flink is %s now, and the savepoint %s is of %s", version, e.Savepoint, e.Version), nil
	case time.Since(time.UnixMilli(e.Saved)) > flinkStandstill:
		return fmt.Sprintf("the savepoint %s is older than %v, and has forgotten tiles that events still come for", e.Savepoint, flinkStandstill), nil
	}
	return j.lostSince(ctx, e)
}

// lostSince says which records, that a job had yet to read when it was stopped, its source does not have any more; "": it has all.
func (j *flinkJob) lostSince(ctx context.Context, e *jobEntry) (string, error) {
	topic := j.space().Group.Source.Place.Topic
	committed, err := j.side.broker.Committed(ctx, e.Group, topic)
	if err != nil {
		return "", err
	}
	ends, begins, err := j.side.broker.Ends(ctx, topic)
	if err != nil {
		return "", err
	}
	for p, begin := range begins {
		switch next := max(committed[p], 0); {
		case begin > next:
			return fmt.Sprintf("topic %q has not kept all that came since the savepoint %s: partition %d begins at offset %d, and the job was at %d", topic, e.Savepoint, p, begin, next), nil
		case ends[p] < next:
			return fmt.Sprintf("topic %q is not the one that the savepoint %s is of: partition %d ends at offset %d, and the job was at %d", topic, e.Savepoint, p, ends[p], next), nil
		}
	}
	return "", nil
}

// anew is what is to be remembered of a job that begins at the start of its source. It goes on writing the topic of the one before it where it is
// told the same and reads all that that one had read: tiles are then as they were until it has come as far. Elsewhere it has a topic of its own, and the
// space is filled anew.
func (j *flinkJob) anew(ctx context.Context, name, hash, why string) (*jobEntry, error) {
	place := j.space().Group.Source.Place
	began, whole, err := j.side.broker.Began(ctx, place.Topic)
	if err != nil {
		return nil, err
	}
	e := &jobEntry{Name: name, Text: hash, Run: 1, Since: began, Began: began, Topic: topicOfTiles(j.side.project, j.space(), hash), Anew: why}
	anew, err := j.madeAnew(ctx)
	switch {
	case err != nil:
		return nil, err
	case anew.source || anew.log:
		// What the topic before it had, this one does not; and the times of its records don't say from when on it is all.
		e.Since = outside.clock()
	case whole && place.Path == "" && place.Table == "":
		e.Since = plan.MinTime // there was nothing before
	}
	if before := j.entry; before != nil {
		e.Run, e.Made = before.Run+1, before.Made
		stands := before.Text == hash && began <= before.Began && !anew.source
		if stands {
			e.Since, e.Began = before.Since, before.Began
		}
		if e.Topic = before.Topic; !stands || anew.parts {
			e.Topic = fmt.Sprintf("%s.%d", topicOfTiles(j.side.project, j.space(), hash), e.Run)
		}
	}
	e.Group = fmt.Sprintf("%s.%x", e.Topic, time.Now().UnixMilli())
	return e, nil
}
