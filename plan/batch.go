package plan

import (
	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// Batch is a point-in-time join: a spine of rows, each asking for features as of its own time, and what becomes of them.
//
// The columns of a row, by name, grow from step to step: Spine.Columns, then the outputs of each Join, then Derive, then Labels.
// Output chooses and orders them.
type Batch struct {
	Name string
	Pos  feature.Pos // of what it computes
	// Group or View is what rows that are handed in ask for, for roads that are no engine of batch; a training set asks for neither.
	Group *feature.Group
	View  *feature.View

	Spine  Spine
	Joins  []*Join
	Derive []Derive
	Labels []*Label
	Drop   Drop
	Output []Output
}

// Spine is where rows come from and what is computed of each.
type Spine struct {
	Source   *feature.Source // nil: a place of its own, or rows handed in
	Place    feature.Place
	Read     []string      // columns to read
	Schema   value.Schema  // of the columns read
	Where    *expr.Expr    // nil: all rows
	At       *expr.Expr    // timestamp; a null is refused with the row's number (W5)
	Columns  []SpineColumn // kept columns, keys, request fields, row labels, label time, weight
	Start    *int64        // at ≥ Start
	End      *int64        // at < End
	Sample   float64       // share of rows, 0: all
	SampleBy []string      // columns whose hash decides (W5)
}

// SpineColumn is one expression over the spine's row.
type SpineColumn struct {
	Name string
	Expr *expr.Expr
}

// AtColumn is the name of the as-of time among a row's columns.
const AtColumn = "at"

// Join is one group's features for every spine row: the rows of Source with the spine's key, cut by each feature's window.
type Join struct {
	Name string // of the group, or of the label
	Scan Scan
	Keys []string // columns of the source
	On   []string // spine columns, one for each key
	// Inputs, Wheres and Bys are the distinct expressions and columns that the folds read.
	Inputs []*expr.Expr
	Wheres []*expr.Expr
	Bys    []string
	Folds  []Fold
	Values []Value
	// Forward marks a label's join, which reads [at, at + within) and sets delay and known_at aside (I2).
	Forward bool
}

// Scan is how a join reads its source.
type Scan struct {
	Source *feature.Source
	Read   []string // columns that the join needs; an id source's copies are decided by all columns (E3)
	// KnownAt is the source's, or nil where the join sets it aside.
	KnownAt *expr.Expr
	Delay   int64 // ms
	// Reach is how far before and after a row's t its events can lie: [t − Reach.Back, t + Reach.Ahead), −1: without end.
	Reach Reach
}

// Reach bounds the events that can matter to a row at t: t − Back ≤ ts < t + Ahead, in ms; Back is −1 where unbounded.
type Reach struct{ Back, Ahead int64 }

// Fold is one state that is kept for a key over some rows: shared by all features and windows that need it.
type Fold struct {
	agg.Fold
	Input int // index into Inputs, −1: none
	Where int // index into Wheres, −1: every row
	By    int // index into Bys, −1: none
	ID    string
}

// Value is one finished feature.
type Value struct {
	Name    string // in the row, with its prefix
	Feature *feature.Feature
	Input   int // index into Inputs, −1: none
	Where   int
	By      int
	Folds   []int // indexes into Folds, in the order that Finish wants
	Window  Window
}

// Derive is one derived column, over the row so far.
type Derive struct {
	Name string
	Expr *expr.Expr
}

// Label is a column that may look forward: SQL over the spine's row (Spine column of that name), or a forward join.
type Label struct {
	Name   string
	Join   *Join // nil for SQL
	Within int64
}

// Drop says which rows a training set leaves out, each counted by reason (W5).
type Drop struct {
	Unlabelled    bool     // rows whose labels are all null
	RequiredValue []string // rows in which one of these is null (Q5)
	LabelTime     string   // spine column: rows whose label was not known before Spine.End
	WithinData    bool     // rows whose at + within passes the newest event of the label's source
}

// Output is one column of the result.
type Output struct {
	Name        string
	Type        value.Type
	Role        Role
	Doc         string
	Fingerprint string
}

// Role says what a column of a result is.
type Role uint8

// The roles, in the order in which a training set's table has them.
const (
	Kept Role = iota
	Key
	At
	Column // of the view
	LabelColumn
	Weight
)
