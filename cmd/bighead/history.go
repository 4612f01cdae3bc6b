package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
	"github.com/bighead-ml/bighead/value"
)

// logFolder is where the stream keeps what it has accepted of a source.
func logFolder(p *project.Project, s *feature.Source) string {
	return filepath.Join(inProject(p, p.Config.String("events.path")), s.Name)
}

// history is all rows of a source as batch reads them: those of its path, and those that its stream has accepted (docs/data-path.md §3).
// logged says whether there are any of the latter. A server that runs meanwhile is not disturbed.
func (l *loaded) history(ctx context.Context, s *feature.Source) (rows dataset.Table, logged bool, err error) {
	h, err := l.sides(ctx, s)
	if err != nil {
		return nil, false, err
	}
	switch {
	case h.log != nil:
		rows, err = joinedHistory(h.path, h.log, s, h.cut)
		return rows, len(h.log.Parts()) > 0, err
	case h.path != nil:
		return h.path, false, nil
	}
	return dataset.Memory(s.Schema), false, nil
}

// sides are what a source's history is made of: nil path: it has none; nil log: nothing was accepted that the path has not; nil cut: nothing
// parts the two.
type sides struct {
	path, log dataset.Table
	cut       *int64
}

func (l *loaded) sides(ctx context.Context, s *feature.Source) (h sides, err error) {
	if s.Place.Path != "" || s.Place.Table != "" {
		h.path, err = l.openChecked(ctx, s.Place, s.Schema)
		if err != nil && s.Place.Table != "" {
			err = fmt.Errorf("%s: %w", s.Pos, err) // what is wrong is not in the project's folder, so say who asks for it
		}
		if err != nil {
			return h, err
		}
	}
	if s.Time == nil || s.Kind == feature.Snapshots { // no stream takes it
		if h.path == nil && s.Place.Topic != "" {
			h.path, err = l.topicRows(ctx, s)
		}
		return h, err
	}
	log, err := openLogTable(ctx, logFolder(l.Project, s), s.Schema)
	if err != nil || h.path != nil && len(log.Parts()) == 0 {
		return h, err
	}
	if h.path == nil && len(log.Parts()) == 0 && s.Place.Topic != "" {
		h.path, err = l.topicRows(ctx, s)
		if h.path != nil || err != nil {
			return h, err
		}
	}
	h.log = log
	if h.path != nil && divided(s) {
		at, err := readCut(ctx, l.Project, s, h.path)
		if err != nil {
			return h, err
		}
		h.cut = &at
	}
	return h, nil
}

// logged tells whether the stream has accepted anything of a source.
func (l *loaded) logged(ctx context.Context, s *feature.Source) (bool, error) {
	if s.Time == nil || s.Kind == feature.Snapshots {
		return false, nil
	}
	log, err := openLogTable(ctx, logFolder(l.Project, s), s.Schema)
	return err == nil && len(log.Parts()) > 0, err
}

// topicRows is what the topic of a source holds now, where there are brokers and nothing else has its rows: until bighead up has read it into its log,
// that is its history. nil: no brokers are named.
func (l *loaded) topicRows(ctx context.Context, s *feature.Source) (dataset.Table, error) {
	broker, err := openBroker(l.Project, nil)
	if broker == nil || err != nil {
		return nil, err
	}
	within, cancel := context.WithTimeout(ctx, topicOpen)
	defer cancel()
	t, err := broker.Bounded(within, topicOf(s))
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("the brokers do not answer: %w", err)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", s.Pos, err)
	}
	return t, errors.Join(err, broker.Close())
}

// divided reports whether rows of a source are told by their time to be its path's or its log's to give: nothing else tells copies apart.
func divided(s *feature.Source) bool {
	return s.Kind == feature.Events && s.ID == "" && s.Place.Path != ""
}

// cutName is the file in a log's folder that says up to when the source's path has its history, where that does not follow from partitions.
const cutName = "cut"

// keepCut notes, when a log begins, up to when the path has the history of its source.
func keepCut(ctx context.Context, p *project.Project, s *feature.Source) error {
	file := filepath.Join(logFolder(p, s), cutName)
	if _, err := os.Stat(file); !divided(s) || err == nil {
		return nil
	}
	path, err := openPlace(ctx, p, s.Place)
	if err != nil {
		return fmt.Errorf("up to when its files have its history: %w", err)
	}
	if _, ok := partitionCut(path, time.Now().UnixMilli()); ok {
		return nil
	}
	at, err := newestOf(ctx, s, path)
	if err != nil {
		return fmt.Errorf("up to when its files have its history: %w", err)
	}
	return writeWhole(file, []byte(value.FormatTimestamp(at)+"\n"))
}

// readCut is the time from which on rows of a source are its log's to give.
func readCut(ctx context.Context, p *project.Project, s *feature.Source, path dataset.Table) (int64, error) {
	if at, ok := partitionCut(path, time.Now().UnixMilli()); ok {
		return at, nil
	}
	file := filepath.Join(logFolder(p, s), cutName)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) { // a log that is just being begun
		return newestOf(ctx, s, path)
	} else if err != nil {
		return 0, err
	}
	at, ok := value.ParseTimestamp(strings.TrimSpace(string(text)))
	if !ok {
		return 0, mistakef("%s holds %q, and a time was expected, such as 2024-01-31T00:00:00Z: up to then the path of source %q has its history", file, text, s.Name)
	}
	return at, nil
}

// partitionCut is the end of the newest partition that is over by now; false where the table has no partitions by day or hour. MinTime:
// none is over yet.
func partitionCut(t dataset.Table, now int64) (at int64, ok bool) {
	parts := t.Parts()
	if len(parts) == 0 {
		return 0, false
	}
	for column := range parts[0].Partition {
		at, ok = plan.MinTime, true
		for _, p := range parts {
			x := p.Partition[column]
			end, valid := plan.PartitionEnd(x)
			ok = ok && (valid || x.IsNull())
			if valid && end <= now {
				at = max(at, end)
			}
		}
		if ok {
			return at, true
		}
	}
	return 0, false
}

// newestOf is a millisecond after the newest ts of a table's rows; MinTime where it has none.
func newestOf(ctx context.Context, s *feature.Source, t dataset.Table) (int64, error) {
	newest, column, bare, parts := int64(plan.MinTime), "", false, []int{}
	column, bare = s.Time.Column()
	for i, p := range t.Parts() {
		if b, ok := p.Bounds[column]; bare && ok && b.Max.Kind() == value.KindTimestamp {
			newest = max(newest, b.Max.Int()+1)
		} else {
			parts = append(parts, i)
		}
	}
	r, err := t.Scan(ctx, dataset.Scan{Columns: s.Time.Columns(), Parts: parts, Unordered: true})
	if err != nil {
		return 0, err
	}
	defer r.Close()
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return newest, nil
		} else if err != nil {
			return 0, err
		}
		ts := s.Time.Vectorise(b.Schema).Eval(b, nil)
		for i, ms := range ts.Ints {
			if !ts.IsNull(i) {
				newest = max(newest, ms+1)
			}
		}
	}
}
