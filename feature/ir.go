package feature

import (
	"math"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/model"
	"github.com/bighead-ml/bighead/model/transform"
	"github.com/bighead-ml/bighead/value"
)

// Project is what Check makes of recorded definitions: names resolved, expressions typed, durations in milliseconds, defaults filled
// in, fingerprints taken. Everything below it is read-only and shared; slices are in the order of definition.
type Project struct {
	Sources      []*Source
	Groups       []*Group
	Views        []*View
	TrainingSets []*TrainingSet
	Models       []*Model
	Endpoints    []*Endpoint
}

// RowKind says how the rows of a source replace each other.
type RowKind uint8

const (
	// Events happen and stay (E1–E4).
	Events RowKind = iota
	// Entities are rows that replace each other (E5).
	Entities
	// Snapshots are whole tables by partition (E6).
	Snapshots
)

// Source is a typed event, entity or snapshot source.
type Source struct {
	Name string
	Pos  Pos
	Kind RowKind

	Place  Place
	Schema value.Schema // all columns, by the footer or the declaration

	Time    *expr.Expr   // timestamp; nil for a snapshot, and for an entity source without a time column: true since ever
	KnownAt *expr.Expr   // timestamp; nil: known when it happened
	OrderBy []*expr.Expr // ordered types (E2)
	Where   *expr.Expr   // bool; nil: every row
	ID      string       // column; "": duplicates count (E3)

	Keys     []string // of an entity source
	Deleted  string   // bool column; "": rows never end an entity
	Snapshot string   // partition column of a snapshot source

	Delay, Lateness int64 // ms
	PII             []string
	Fingerprint     string // of the source's part of I1 that does not depend on which columns are used
}

// Place is where a source's rows are. Places are roads: they change no meaning and are in no fingerprint.
type Place struct {
	Path, Table, Topic string
	Format             string
	TimeUnit           string
	// TimeColumns are the integer columns that are times in TimeUnit; in the source's schema they are timestamps, which readers make
	// of them (V5).
	TimeColumns []string
	// TableSelect and TopicSelect say how columns of the source are made of the table's or topic's own; none: by name.
	TableSelect, TopicSelect []Select
	TopicTimeUnit            string
	TopicFormat              string // of the topic's records; "": json
	// Declared is the schema written in the definition, where there is no file to read it from.
	Declared value.Schema
}

// Select is one column of a source as SQL over the columns of a table or topic.
type Select struct{ Column, SQL string }

// Key is one column of a group's key, a view's key or a request field.
type Key struct {
	Name     string
	Type     value.Type
	Optional bool // may be absent from a request; absent is null
}

// Group is features of one source under one key.
type Group struct {
	Name     string
	Pos      Pos
	Source   *Source
	Keys     []Key // names are columns of the source
	Features []*Feature

	Flush, MaxStaleness, Deadline int64 // ms
	Owner, Description            string
	Tags                          []string
}

// Feature is one column: an aggregation of an input over one window.
type Feature struct {
	Name  string
	Pos   Pos
	Group *Group // nil for a label

	Agg    *agg.Aggregation
	Params agg.Params
	Input  *expr.Expr // nil: none
	Where  *expr.Expr // bool; nil: every row
	By     string     // string column; "": no map
	Window Window

	Default  value.Value // null: none
	Fallback value.Value // null: none
	Typical  bool        // what it usually is stands in, in place of Fallback
	Type     value.Type  // of the finished value, the map of by= included

	Fingerprint     string // I1
	FoldFingerprint string // I1 less window, delay, offset, default
	Description     string

	folds []string // FoldFingerprints, once they are known
}

// Window is a feature's window with every default decided (W2). Times are ms.
type Window struct {
	Unbounded  bool
	Size       int64 // W; 0 when unbounded
	Resolution int64 // r; 0: exact. A tumbling window has none
	Tumbling   bool
	Origin     int64 // of a tumbling grid
	Offset     int64
	Daily      bool // refresh="daily"
}

// ColumnKind says where a view's column comes from.
type ColumnKind uint8

const (
	// FeatureColumn is a group's feature.
	FeatureColumn ColumnKind = iota
	// RequestColumn is a request field, passed through.
	RequestColumn
	// DerivedColumn is an expression over the others.
	DerivedColumn
)

// View joins groups to a spine or a request.
type View struct {
	Name    string
	Pos     Pos
	Keys    []Key // what the groups need, in order of first need, less what Request names
	Request []Key
	Joins   []Join
	// Derived is every derived column, each after those it reads.
	Derived []Derived
	Columns []ViewColumn // in declared order
	// Fingerprint is that of its columns in order.
	Fingerprint string
	Description string
}

// Join is one group under one prefix and key mapping.
type Join struct {
	Group  *Group
	Prefix string
	On     []string // for each key of the group, the view's key or request field
}

// Derived is a column computed from keys, request fields, features, at and other derived columns (Q2).
type Derived struct {
	Name string
	Pos  Pos
	Expr *expr.Expr
}

// ViewColumn is one column of a view.
type ViewColumn struct {
	Name          string
	Type          value.Type
	Kind          ColumnKind
	Join          int      // of a feature: index into Joins
	Feature       *Feature // of a feature
	Required      bool     // Q5
	RequiredValue bool
	Fingerprint   string
}

// TrainingSet is a view over a spine with labels.
type TrainingSet struct {
	Name  string
	Pos   Pos
	View  *View
	Spine Spine

	Labels    []Label
	LabelTime *expr.Expr // over the spine; nil: none
	Weight    *expr.Expr // over the spine; nil: none
	KeepNull  bool       // unlabelled="keep": rows without a label stay
	Start     *int64     // bounds of at, ms; nil: open
	End       *int64
	Features  []string // names of view columns; nil: all
	// Fingerprint covers the view, the spine's expressions and the labels.
	Fingerprint string
}

// Spine is the rows of a training set: a place or a source, and what its columns mean to the view.
type Spine struct {
	Pos      Pos
	Source   *Source // nil where the spine is a place of its own
	Place    Place
	Schema   value.Schema
	At       *expr.Expr
	Where    *expr.Expr
	Columns  []SpineColumn // every key and request field of the view, by name
	Keep     []string
	Sample   float64 // share of rows kept, by hash of SampleBy; 0: all
	SampleBy []string
}

// SpineColumn is a view's key or request field as an expression over the spine.
type SpineColumn struct {
	Name string
	Expr *expr.Expr
}

// Label is the one thing that may read after t (I2): SQL over the spine's row, or an aggregation within a span after it.
type Label struct {
	Name string
	Pos  Pos
	Expr *expr.Expr // over the spine's row; nil for an aggregation
	// Feature is an aggregation over [at, at + Within), with the exact window Within; its delay and known_at are set aside.
	Feature *Feature
	Source  *Source
	Keys    []Key    // of the source
	On      []string // spine columns (view keys or columns of the spine), one for each key
	Within  int64    // ms
}

// StepAt is where a step of a pipeline stands, and each of its columns.
type StepAt struct {
	Site
	Columns []Span
}

// Model is a pipeline and a training function over a training set.
type Model struct {
	Name        string
	Pos         Pos
	TrainingSet *TrainingSet
	// Steps are its pipeline as declared, and Inputs what they leave: the columns that go into the model.
	Steps   []transform.Step
	StepsAt []StepAt // where they stand
	Inputs  []transform.Column
	Train   Function
	// Remote is the address of a model that answers elsewhere, and was trained there: it has no Train, and needs neither label nor split.
	Remote string
	Task   model.Task
	// Label is the one of the training set's that it learns; "": of a model elsewhere, there is none.
	Label string
	Split TimeSplit
	// Environment is nil for the project's own Python.
	Environment *Environment
	Metrics     []string       // all of the task's where none are named
	Gate        *Gate          // nil: none
	Params      map[string]any // plain JSON: nil, bool, int64, float64, string, []any, map[string]any
	Seed        int64
	Pickle      bool

	Owner, Description string
	Tags               []string
	// Fingerprint covers the training set's, steps, split, task, params, seed, environment; not the training function's code.
	Fingerprint string
}

// Function is a Python function of a definition file.
type Function struct {
	Name string
	File string // relative to the project
	Pos  Pos
	// As is the kind of frame that it takes: "pandas", "polars", "arrow".
	As string
}

// TimeSplit parts rows by their at, ms: before Valid is for training, [Valid, Test) for validation, [Test, End) for the test.
type TimeSplit struct {
	Valid, Test int64
	End         *int64 // nil: open
}

// whole is the split of a model elsewhere that is given none: all rows are before it.
var whole = TimeSplit{Valid: math.MaxInt64, Test: math.MaxInt64}

// Whole reports that nothing is parted.
func (s TimeSplit) Whole() bool { return s == whole }

// Measured reports whether there is a label, and rows by which the model is judged.
func (m *Model) Measured() bool { return m.Label != "" && !m.Split.Whole() }

// Environment is the packages that a model is trained with.
type Environment struct {
	Packages []string // requirements, pinned, names in lower case with dashes: "lightgbm==4.7.0"
	Python   string   // "3.11"; "": the project's
}

// Gate is what a version must hold to be promoted: a condition over its metrics of the test and the champion's. Holds says whether it does.
type Gate struct {
	Text string
	Expr *expr.Expr // bool, over metrics ("auc") and the struct "champion", null where there is none
	task model.Task
}

// Endpoint answers requests for predictions.
type Endpoint struct {
	Name  string
	Pos   Pos
	Model *Model
	// Traffic is by alias or number of version; empty: all to champion.
	Traffic []Weighted
	Shadow  string // alias or number; "": none
	// Fallback is what is answered where no model can: a constant, null: none; FallbackLast: the last good version; FallbackPopular: what the rows
	// that the version learned from mostly say. At most one of them is there.
	Fallback        value.Value
	FallbackLast    bool
	FallbackPopular bool
	// DegradedWhen is a bool over share_defaulted (of the row's columns, float); nil: never.
	DegradedWhen *expr.Expr
	Deadline     int64        // ms
	Sticky       string       // key or request field whose hash decides on the version; "": all keys of the view
	MaxBatch     int          // rows answered together at most; 0: no batching
	MaxDelay     int64        // ms that a row waits for others at most
	Labels       *LabelSource // nil: labels are sent, or given to whoever evaluates

	Owner, Description string
	Tags               []string
}

// LabelSource is a table, or a source, in which the truth of an endpoint's predictions comes to be known; or that truth is what the model learned, computed of
// history as it is for training: then Trained and Label are there, and nothing else.
type LabelSource struct {
	Pos     Pos
	Trained *TrainingSet
	Label   *Label // an aggregation of what happens within a span, by keys and request fields of the view

	Source *Source // nil where it is a place of its own
	Place  Place
	Schema value.Schema
	Where  *expr.Expr // bool; nil: every row. The source's own holds beside it
	Value  *expr.Expr // the truth; null: not known yet
	At     *expr.Expr // timestamp: when it was known
	// On are keys and request fields of the view as expressions over the row, each of the view's type; none: ID is a prediction's name.
	On   []SpineColumn
	ID   *expr.Expr // string; nil: rows are found by On
	Take Take
}

// Take says which of several rows is the truth of a prediction.
type Take uint8

// What is taken.
const (
	TakeOnly  Take = iota // none: there must be one
	TakeFirst             // the one that was known first
	TakeLast              // the one that was known last
)

// String is its word in a definition.
func (t Take) String() string { return takes[t] }

var takes = [...]string{TakeOnly: "only", TakeFirst: "first", TakeLast: "last"}

// Name is what commands call it: its source, or where its rows are.
func (l *LabelSource) Name() string {
	if l.Trained != nil {
		return "training set " + l.Trained.Name
	}
	if l.Source != nil {
		return l.Source.Name
	}
	return l.Place.Path + l.Place.Table
}

// Weighted is a version's part of an endpoint's requests.
type Weighted struct {
	Version string // alias or number
	Weight  float64
}
