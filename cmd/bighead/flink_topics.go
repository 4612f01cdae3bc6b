package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
)

// Of a topic that is deleted under a job, and of one that is made anew under its name, Flink says nothing where the job reads it: it would go on with
// what the new one has from wherever it was, or from its start, on top of what it had folded of the old one. Where the job writes it, Flink says so after a
// minute, and then writes what changes from there on. So who sees to a job looks which topics these are.

// topicID is a topic's own ID, hexadecimal; "": there is no such topic.
func (f *flinkSide) topicID(ctx context.Context, topic string) (string, error) {
	id, err := f.broker.TopicID(ctx, topic)
	if err != nil || id == [16]byte{} {
		return "", err
	}
	return hex.EncodeToString(id[:]), nil
}

// identify notes which topics a job that begins now reads and writes.
func (j *flinkJob) identify(ctx context.Context, e *jobEntry) (err error) {
	place := j.space().Group.Source.Place
	if e.SourceID, err = j.side.topicID(ctx, place.Topic); err != nil {
		return err
	}
	e.TopicID, err = j.side.topicID(ctx, e.Topic)
	return err
}

// sourceStands ends a job whose source's topic is gone, and says so. One look alone may be of brokers that have just begun; so the second counts.
func (j *flinkJob) sourceStands(ctx context.Context, state jobState) error {
	g := j.space().Group
	topic := g.Source.Place.Topic
	id, err := j.side.topicID(ctx, topic)
	switch {
	case err != nil:
		return err
	case id != "":
		if j.lost { // what was tried meanwhile is no reason to wait
			j.lost, j.tries = false, 0
		}
		return nil
	case j.entry == nil || j.entry.ID == "":
		return fmt.Errorf("group %q (%s): topic %q of source %q (%s) is not there, and no job on Flink is begun for it: make the topic, or name another in topic=", g.Name, g.Pos, topic, g.Source.Name, g.Source.Pos)
	}
	first := !j.lost
	j.lost = true
	if state.lives() && !first {
		j.ended = true
		if err := j.side.runner.Cancel(ctx, j.entry.ID); err != nil {
			return fmt.Errorf("%w; and Flink's job can't be ended, which would read what is made under the name: %w", j.deleted(), err)
		}
	}
	return j.deleted()
}

// deleted is what is said of a job whose source's topic is gone.
func (j *flinkJob) deleted() error {
	g, e := j.space().Group, j.entry
	return fmt.Errorf("group %q (%s): topic %q of source %q (%s) was deleted, which Flink's job %s (%s) read as consumer group %q, and Flink says nothing of it: the job ends, and the values stand as they were; "+
		"make the topic again, and a job begins at its start, whose values are partial where they reach before; or take the group away", g.Name, g.Pos, g.Source.Place.Topic, g.Source.Name, g.Source.Pos, e.Name, e.ID, e.Group)
}

// made is what became of topics since they were read and written.
type made struct {
	source bool // the source's is not the one that the job read
	log    bool // nor the one that the source's log is of
	parts  bool // that of tile parts is not the one that the job wrote
}

// madeAnew looks which topics are not what they were.
func (j *flinkJob) madeAnew(ctx context.Context) (m made, err error) {
	src, e := j.space().Group.Source, j.entry
	id, err := j.side.topicID(ctx, src.Place.Topic)
	if err != nil {
		return m, err
	}
	log, err := readTopicPlace(j.side.project, src)
	if err != nil {
		return m, err
	}
	m.log = log != nil && log.Topic == src.Place.Topic && log.ID != "" && log.ID != id
	if e == nil {
		return m, nil
	}
	m.source = e.SourceID != "" && e.SourceID != id
	if e.TopicID != "" {
		id, err = j.side.topicID(ctx, e.Topic)
		m.parts = id != e.TopicID
	}
	return m, err
}

// uprooted says why a job can't go on though it runs, or has a savepoint: a topic of it is not the one it was. "": it can.
func (j *flinkJob) uprooted(ctx context.Context) (string, error) {
	e, src := j.entry, j.space().Group.Source
	if e == nil || e.ID == "" {
		return "", nil
	}
	if e.SourceID == "" { // of an older bighead's: they are taken for what they were
		if err := errors.Join(j.identify(ctx, e), j.note(ctx)); err != nil {
			return "", err
		}
	}
	id, err := j.side.topicID(ctx, src.Place.Topic)
	switch {
	case err != nil:
		return "", err
	case id != e.SourceID:
		return fmt.Sprintf("topic %q of source %q (%s) was deleted and made anew, and job %s had read the one before it as consumer group %q; what that had, and this has not, is in no tile: load a backfill (`bighead backfill --online`) to have it again",
			src.Place.Topic, src.Name, src.Pos, e.ID, e.Group), nil
	}
	switch id, err = j.side.topicID(ctx, e.Topic); {
	case err != nil:
		return "", err
	case id == "":
		return fmt.Sprintf("topic %q, which job %s wrote its tiles to, was deleted", e.Topic, e.ID), nil
	case id != e.TopicID:
		return fmt.Sprintf("topic %q, which job %s wrote its tiles to, was deleted and made anew, and the new one lacks what it had written", e.Topic, e.ID), nil
	}
	return "", nil
}

// uproot ends a job whose topics are others than it takes them for, and has one begin anew.
func (j *flinkJob) uproot(ctx context.Context, name, hash, why string) error {
	g, e := j.space().Group, j.entry
	j.ended = true
	if err := j.side.runner.Cancel(ctx, e.ID); err != nil {
		return fmt.Errorf("group %q (%s): Flink's job %s is to begin anew, since %s, and can't be ended: %w", g.Name, g.Pos, e.Name, why, err)
	}
	return j.beginAgain(ctx, name, hash, jobState{State: "CANCELED"})
}
