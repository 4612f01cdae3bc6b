package spark

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/spark/connect"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/secure"
	"github.com/bighead-ml/bighead/value"
)

// Options say where Spark is.
type Options struct {
	Connect string     // sc://host:port
	TLS     secure.TLS // where Connect asks for it
	// Stage is a folder that Spark sees under the same path: there lie, while a run lasts, the tables that are too long for the query.
	Stage   string
	Parquet dataset.Format // that they are written in
	// Inline is how long a table may be, in bytes of text, to be handed over in the query; 0: 64 KiB; below: none is.
	Inline int
	// Uncounted leaves the rows of sources uncounted, which saves reading them a second time.
	Uncounted bool
	// Hot is Shape.Hot; 0: hotEvents, where there is such a key.
	Hot int64
	// Settings are set for the session, beside those that the printed SQL stands on: spark.sql.shuffle.partitions and the like.
	Settings map[string]string
}

// Engine lets Spark compute. It may be used by many at once; they share one session, which Close ends.
type Engine struct {
	options Options

	mu      sync.Mutex
	session *connect.Session
	// caseless is a session in which names have no case, for queries that read tables by their names; nil: none has been opened.
	caseless *connect.Session
	version  string // of the server
}

var _ engine.Engine = (*Engine)(nil)

// New makes an engine, which connects when it is first used.
func New(o Options) *Engine {
	if o.Inline == 0 {
		o.Inline = 64 << 10
	}
	return &Engine{options: o}
}

// Name is "spark".
func (e *Engine) Name() string { return "spark" }

// settings are what the printed SQL stands on. Names of columns differ by case, as ours do.
// Parquet files have days and times of the one calendar; what partitions are called is text.
var settings = map[string]string{
	"spark.sql.ansi.enabled": "true", "spark.sql.session.timeZone": "UTC", "spark.sql.caseSensitive": "true",
	"spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED", "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
	"spark.sql.sources.partitionColumnTypeInference.enabled": "false",
	// Hive's own Parquet tables are read as Spark reads its own, and what they call char is what their files have.
	"spark.sql.hive.convertMetastoreParquet": "true", "spark.sql.readSideCharPadding": "false",
}

// ofNames are those that differ where tables are read by their names.
var ofNames = map[string]string{
	"spark.sql.caseSensitive": "false", "spark.sql.timestampType": "TIMESTAMP_LTZ", "spark.sql.legacy.charVarcharAsString": "false",
}

// connected is the session, opened if there is none yet.
func (e *Engine) connected(ctx context.Context) (*connect.Session, error) {
	return e.connectedTo(ctx, false)
}

// connectedTo is the session, or the one for tables that are read by their names.
func (e *Engine) connectedTo(ctx context.Context, byName bool) (*connect.Session, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	to, more := &e.session, map[string]string{}
	if byName {
		to, more = &e.caseless, ofNames
	}
	if *to != nil {
		return *to, nil
	}
	if err := e.options.check(); err != nil {
		return nil, err
	}
	s, err := connect.Open(ctx, e.options.Connect, e.options.TLS)
	if err != nil {
		return nil, err
	}
	version, err := versionOf(ctx, s)
	if err == nil {
		err = allowed(e.options.Connect, version)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	for _, of := range []map[string]string{e.options.Settings, settings, more} {
		for _, name := range slices.Sorted(maps.Keys(of)) {
			if err := s.Exec(ctx, "set "+name+" = "+of[name]); err != nil {
				return nil, errors.Join(fmt.Errorf("set %s = %s: %w", name, of[name], err), s.Close())
			}
		}
	}
	*to, e.version = s, version
	return s, nil
}

// lost forgets a session that the server no longer knows, so that the next run opens another.
func (e *Engine) lost(s *connect.Session, err error) {
	var answer *connect.Error
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &answer) && !strings.HasPrefix(answer.Class, "INVALID_HANDLE") {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, of := range []**connect.Session{&e.session, &e.caseless} {
		if *of == s {
			*of = nil
			_ = s.Close() // it is of no use any more
		}
	}
}

// Close ends the sessions that are open.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var err error
	for _, of := range []**connect.Session{&e.session, &e.caseless} {
		if s := *of; s != nil {
			*of = nil
			err = errors.Join(err, s.Close())
		}
	}
	return err
}

// Run prints the plan, lets Spark compute it, and hands the rows out as they come. What Spark cannot be told is an *Unsupported before anything
// is read; what it fails at is a *StepError where it says at which step.
func (e *Engine) Run(ctx context.Context, p *plan.Batch, in engine.Inputs, out func(*value.Batch) error) (_ *engine.Report, err error) {
	if _, err := Print(p, Tables{Joins: make([]Table, len(p.Joined()))}, Shape{}); err != nil {
		return nil, err
	}
	if _, err := e.connected(ctx); err != nil { // before tables are written for it
		return nil, err
	}
	report := &engine.Report{Dropped: map[engine.DropReason]int64{}}
	s := &stage{options: &e.options, engine: e}
	defer func() { err = errors.Join(err, s.remove()) }()
	query, session, err := e.print(ctx, s, p, in, report)
	if err != nil {
		return nil, err
	}
	r := newResults(p, query, report)
	rows := report.SpineRows
	for _, of := range report.Sources {
		rows += of.Read.Rows
	}
	watched := session.Watched(watch(in, 0, rows, rows))
	var stopped error // out's error, or a defect: none of Spark's
	err = watched.Results(ctx, query.String(), func(res *connect.Result) error {
		b, err := r.batch(res)
		if err == nil && b != nil {
			err = out(b)
		}
		stopped = err
		return err
	})
	switch {
	case stopped != nil:
		return nil, stopped
	case err != nil:
		e.lost(session, err)
		return nil, s.ofFile(query.failed(ctx, p.Name, p.Pos, err))
	}
	if query.counts != nil && !e.options.Uncounted {
		res, err := watched.Query(ctx, query.counts.String())
		if err != nil {
			e.lost(session, err)
			return nil, s.ofFile(query.counts.failed(ctx, p.Name, p.Pos, err))
		}
		query.countSources(&res, report)
		if err := r.tellUnknown(ctx, watched); err != nil {
			e.lost(session, err)
			return nil, s.ofFile(query.unknown.failed(ctx, p.Name, p.Pos, err))
		}
	}
	if r.seen != report.SpineRows {
		return nil, fmt.Errorf("spine of %s: it had %d rows when this began, and %d when Spark read them: somebody writes its table meanwhile; run again", p.Name, report.SpineRows, r.seen)
	}
	report.Uncounted = query.uncounted
	for _, m := range slices.Sorted(maps.Keys(r.months)) {
		report.Months = append(report.Months, *r.months[m])
	}
	return report, nil
}

// print stages the tables of a plan, finds out its shape, and prints it for a session.
func (e *Engine) print(ctx context.Context, s *stage, p *plan.Batch, in engine.Inputs, report *engine.Report) (*Query, *connect.Session, error) {
	tables, err := s.tables(ctx, p, in, report)
	if err == nil && s.byName {
		err = caselessPlan(p)
	}
	if err != nil {
		return nil, nil, err
	}
	session, err := e.connectedTo(ctx, s.byName)
	if err != nil {
		return nil, nil, err
	}
	shape, err := e.shape(ctx, session, p, tables, report)
	if err != nil {
		return nil, nil, s.ofFile(err)
	}
	q, err := Print(p, tables, shape)
	return q, session, err
}

// manyPairs is how many pairs of rows that ask and events may be before it is asked for hot keys: below, any shape is quick.
const manyPairs = 20_000_000

// shape finds out whether there are hot keys, where there may be.
func (e *Engine) shape(ctx context.Context, session *connect.Session, p *plan.Batch, tables Tables, report *engine.Report) (Shape, error) {
	if e.options.Hot != 0 {
		return Shape{Hot: e.options.Hot}, nil
	}
	shape := Shape{Hot: hotEvents}
	for i, s := range report.Sources {
		if float64(report.SpineRows)*float64(s.Read.Rows) < manyPairs {
			shape.Cool = append(shape.Cool, i)
		}
	}
	if len(shape.Cool) == len(report.Sources) {
		return Shape{}, nil
	}
	query, err := Print(p, tables, shape)
	if err != nil || query.hot == nil {
		return Shape{}, err
	}
	res, err := session.Query(ctx, query.hot.String())
	if err != nil {
		e.lost(session, err)
		return Shape{}, query.hot.failed(ctx, p.Name, p.Pos, err)
	}
	for _, row := range res.Rows {
		if row[1].Int() == 0 {
			shape.Cool = append(shape.Cool, int(row[0].Int()))
		}
	}
	return shape, nil
}

// Counts tells which of a report's counts there are: all, but where the rows of sources are not counted.
func (e *Engine) Counts(name string) bool {
	if !e.options.Uncounted {
		return true
	}
	_, count, of := strings.Cut(name, ": ")
	switch {
	case name == engine.ExpressionNulls:
		return false
	case !of, strings.HasPrefix(name, "dropped: "):
		return true
	}
	return slices.Contains([]string{"nulls", "defaults", "null input", "computed"}, count)
}
