package stream

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/plan"
)

// Status is how the stream stands, for metrics and for `bighead status`. It is a copy.
type Status struct {
	// Now is the time by the stream's clock, ms; plan.MinTime on the clock of the events before the first.
	Now    int64
	Fenced bool // another process has taken over
	// LettersLost is how many dead letters had to go or could not be kept, and LettersProblem why the last of these.
	LettersLost    int64
	LettersProblem string
	Sources        []SourceStatus
}

// SourceStatus is how one source stands.
type SourceStatus struct {
	Source string
	// Held says why the source is not read just now: the store cannot be reached, or hangs. Stopped says why it is not read any more. "": it is.
	Held, Stopped string
	// Unsealed says why the log could not be sealed when it was tried last; "": it could. Nothing is lost, but the log grows.
	Unsealed string
	// Next is the sequence number of the log's record to come; First that of the oldest.
	First, Next int64
	LogBytes    int64
	Counts      SourceCounts
	Groups      []GroupStatus
}

// SourceCounts count rows since the process began. Accepted are in the log; of them NotYet have no time, and Conflicts an id that came
// before with another. Copies came before and are not in the log again; Differs are those among them that were not the same. Rejected were
// not rows of the source at all; Unread are cells that became null on reading (V5).
type SourceCounts struct{ Accepted, NotYet, Conflicts, Copies, Differs, Rejected, Unread int64 }

// GroupStatus is how one space stands.
type GroupStatus struct {
	Group, Space string
	CatchingUp   bool // it is new, and reads what the others have read already, or its marks are not in the store yet, without which its values fail
	Marks        plan.Marks
	// Next is the sequence number of the record that it has yet to read, and Lag how many records there are from there on.
	Next, Lag int64
	Newest    int64 // the latest ts or known_at of any event; plan.MinTime: none yet
	FreshMS   int64 // how long the rows that were written last had taken since they arrived
	Rolled    int64 // days before it are in base tiles; plan.MinTime: none
	Kept      int64 // what was let go was let go as of it, at the latest; plan.MinTime: nothing was
	Bytes     int64 // in memory
	Counts    GroupCounts
	// Nulls are those that expressions made (X1), by what was computed.
	Nulls map[string]expr.Nulls
}

// GroupCounts count the rows that a group's space has read since the process began, each under the first that holds. Late are later than the
// source's lateness allowed when they arrived, Behind lie before the batch watermark, Waiting is how many wait for their time now.
type GroupCounts struct {
	NullTime, NullKey, Where, NullKnownAt, Late, Behind, Waiting, Applied int64
}

// publish shows how the space stands to others.
func (x *space) publish() {
	st := &GroupStatus{Group: x.Group.Name, Space: x.ID, Marks: x.marks, Next: x.at.next, Newest: x.at.newest, FreshMS: x.fresh,
		Rolled: x.at.rolled, Kept: x.at.kept, Bytes: x.cache.bytes, Counts: x.counts}
	if all := x.nulls.All(); len(all) > 0 {
		st.Nulls = maps.Clone(all)
	}
	x.shown.Store(st)
}

// Status is how the stream stands now.
func (s *Stream) Status() Status {
	st := Status{Now: s.Now(), Fenced: s.fenced() != nil}
	lost, problem := s.dead.state()
	if st.LettersLost = lost; problem != nil {
		st.LettersProblem = problem.Error()
	}
	for _, src := range s.all() {
		st.Sources = append(st.Sources, src.status())
	}
	return st
}

func (src *source) status() SourceStatus {
	src.mu.Lock()
	defer src.mu.Unlock()
	st := SourceStatus{Source: src.def.Name, Counts: src.counts}
	if src.held != nil {
		st.Held = src.held.Error()
	}
	if src.unsealed != nil {
		st.Unsealed = src.unsealed.Error()
	}
	if src.failed != nil {
		st.Stopped = src.failed.Error()
	}
	if src.log != nil {
		st.First, st.Next, st.LogBytes = src.log.First(), src.log.Next(), src.log.Bytes()
	}
	for _, x := range src.spaces {
		if long := x.writingFor(); long >= hangsAfter && st.Held == "" {
			st.Held = fmt.Sprintf("the online store has been at a write for %v: its disk does not answer", long.Round(time.Second))
		}
		g := GroupStatus{Group: x.Group.Name, Space: x.ID}
		if shown := x.shown.Load(); shown != nil {
			g = *shown
		}
		g.Lag = max(st.Next-g.Next, 0)
		g.CatchingUp = slices.Contains(src.catching, x) || x.unmarked.Load()
		st.Groups = append(st.Groups, g)
	}
	return st
}

// hangsAfter is how long a write of the store may take until it is said.
const hangsAfter = 10 * time.Second

// writingFor is how long the store has been at a write; 0 where it is at none.
func (x *space) writingFor() time.Duration {
	since := x.writing.Load()
	if since == 0 {
		return 0
	}
	return x.s.o.Timer.Now() - time.Duration(since)
}

// Behind is how far a source is behind its log: how many records its spaces have yet to read, those aside that are being filled; and why it is
// not read just now, "" where it is. A source that is not there is not behind.
func (s *Stream) Behind(name string) (held string, records int64) {
	src := s.source(name)
	if src == nil {
		return "", 0
	}
	src.mu.Lock()
	defer src.mu.Unlock()
	if src.held != nil {
		held = src.held.Error()
	}
	next := src.log.Next()
	for _, x := range src.spaces {
		if shown := x.shown.Load(); shown != nil && !slices.Contains(src.catching, x) {
			records = max(records, next-shown.Next)
		}
	}
	return held, records
}
