package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

// uploadRequest asks the online side to take in what batch has made.
type uploadRequest struct {
	Groups []string `json:"groups"` // empty: all
	To     *int64   `json:"to"`     // the watermark at most, ms; null: as far as no event may come any more
}

type uploadAnswer struct {
	Loads []loadReport `json:"loads"`
}

// loadReport is what one group was given.
type loadReport struct {
	Group     string `json:"group"`
	Watermark string `json:"watermark,omitempty"`
	Keys      int64  `json:"keys"`
	Values    int64  `json:"values"`
	Bytes     int64  `json:"bytes"`
	Skipped   string `json:"skipped,omitempty"`
}

// backfillOnline hands the tiles of a backfill to the online store, through the server that runs in the project or alone.
func (c *cli) backfillOnline(ctx context.Context, p *project.Project, groups []string, to *int64) error {
	k, done, err := c.reach(ctx, p, "")
	if err != nil {
		return err
	}
	defer done()
	body, err := json.Marshal(uploadRequest{groups, to})
	if err != nil {
		return err
	}
	var a uploadAnswer
	if err := k.call(ctx, "POST", "/v1/backfill", "application/json", bytes.NewReader(body), &a); err != nil {
		return err
	}
	if c.json {
		return json.NewEncoder(c.stdout).Encode(a)
	}
	for _, l := range a.Loads {
		if l.Skipped != "" {
			fmt.Fprintf(c.stdout, "online %s: not loaded: %s\n", l.Group, l.Skipped)
			continue
		}
		upTo := "all of it"
		if l.Watermark != "" {
			upTo = "batch's up to " + l.Watermark
		}
		fmt.Fprintf(c.stdout, "online %s: %s, %s keys, %s values, %s bytes\n", l.Group, upTo, count(l.Keys), count(l.Values), count(l.Bytes))
	}
	return nil
}

// upload loads each group's batch part anew and switches to it in one step. Requests go on meanwhile; those that read the part before it
// have a while to end.
func (o *online) upload(ctx context.Context, ask uploadRequest) ([]loadReport, error) {
	o.uploads.Lock()
	defer o.uploads.Unlock()
	t := o.active()
	if t == nil {
		return nil, mistakef("%v; load through that one", o.errStandby())
	}
	now := o.current()
	out := []loadReport{}
	for _, name := range ask.Groups {
		if !slices.ContainsFunc(now.typed.Groups, func(g *feature.Group) bool { return g.Name == name }) {
			return nil, mistakef("no group %q is applied", name)
		}
	}
	for _, g := range now.typed.Groups {
		if len(ask.Groups) > 0 && !slices.Contains(ask.Groups, g.Name) {
			continue
		}
		r, err := o.load(ctx, t, now, g, ask.To)
		if err != nil {
			return nil, err
		}
		out = append(out, *r)
	}
	return out, o.server.Refresh(ctx)
}

// load loads one group.
func (o *online) load(ctx context.Context, t *turn, now *applied, g *feature.Group, to *int64) (*loadReport, error) {
	r := &loadReport{Group: g.Name}
	s := plan.SpaceOf(g)
	if g.Source.KnownAt != nil {
		r.Skipped = "what counts of a source with known_at depends on when it is asked; its stream has all of it"
		return r, nil
	}
	if _, raw, err := now.withRows(ctx, []*feature.Group{g}); err != nil {
		return nil, err
	} else if len(raw) > 0 {
		r.Skipped = raw[0].Reason + "; its stream has all of it"
		return r, nil
	}
	watermark := int64(plan.MinTime)
	if to != nil {
		watermark = value.Floor(*to, value.DayMS)
	} else if now := o.clock(); now > plan.MinTime {
		watermark = value.Floor(now-g.Source.Lateness, value.DayMS)
	} else if !s.Replaced() {
		return nil, mistakef("the clock of the events has not begun: say up to when batch has everything, with --to")
	}
	marks, err := o.marks(ctx, s)
	if err != nil {
		return nil, err
	}
	if marks.Batch > watermark {
		return nil, mistakef("group %q: batch reaches up to %s online already, and a watermark does not go back to %s", g.Name, value.FormatTimestamp(marks.Batch), value.FormatTimestamp(watermark))
	}
	loaded := outside.clock()
	table, _, err := now.history(ctx, g.Source)
	if err != nil {
		return nil, err
	}
	generation := marks.Generation + 1
	if err := o.store.Drop(ctx, s.BatchSpace(generation)); err != nil { // of a load that was ended
		return nil, err
	}
	l := &load{Space: s, Store: o.store, Epoch: t.epoch, Watermark: watermark, Generation: generation, Version: byte(o.writes.Load())}
	report, err := l.All(ctx, now.tiles(), table, o.earliest(watermark))
	if err != nil {
		return nil, err
	}
	if err := o.mark(ctx, t, s, watermark, generation, loaded); err != nil {
		return nil, err
	}
	if marks.Generation > 0 {
		o.dropLater(s.BatchSpace(marks.Generation))
	}
	if t.epoch > 0 && marks.Generation > 1 {
		o.dropLater(s.BatchSpace(marks.Generation - 1)) // the process before may have had no time for it
	}
	r.Keys, r.Values, r.Bytes = report.Keys, report.Puts, report.Bytes
	if !s.Replaced() {
		r.Watermark = value.FormatTimestamp(watermark)
	}
	return r, nil
}

// earliest is the earliest time that requests may be asked for now: on the clock of the events, before the first of them, any.
func (o *online) earliest(watermark int64) int64 {
	if now := o.clock(); now > plan.MinTime {
		return now
	}
	return watermark
}

// mark switches readers to a load. A table that is replaced whole is batch's alone, so the stream knows nothing of it.
func (o *online) mark(ctx context.Context, t *turn, s *plan.Space, watermark, generation, loaded int64) error {
	if !s.Replaced() {
		if theirs, err := t.flink.setBatch(ctx, s, watermark, generation, loaded); theirs || err != nil {
			return err
		}
		begun := o.clock() > plan.MinTime
		if err := t.stream.SetBatch(ctx, s.ID, watermark, generation, loaded); err != nil || begun {
			return err
		}
		// On the clock of the events nothing has happened yet: what is replayed goes on where batch ends.
		return t.stream.SetComplete(ctx, s.Group.Source.Name, watermark)
	}
	m := plan.NoMarks
	m.Generation, m.Loaded = generation, loaded
	return o.store.Write(ctx, &store.Write{Epoch: t.epoch, Meta: []store.MetaPut{{Name: s.MarksName(), Bytes: m.Append(nil)}}, Sync: true}) // with it all of the load: who asked for it is told that it is there
}

// marks are those of a space as the store has them.
func (o *online) marks(ctx context.Context, s *plan.Space) (plan.Marks, error) {
	m := plan.NoMarks
	err := o.store.Meta(ctx, s.MarksName(), func(name string, b []byte) (err error) {
		if name == s.MarksName() {
			m, err = plan.DecodeMarks(b)
		}
		return err
	})
	return m, err
}
