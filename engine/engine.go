// Package engine is what runs a plan: the interface that every engine has, and the report that it gives.
//
// engine/oracle is the plain definition and decides what is right; engine/local is the embedded default; engine/enginetest is the
// corpus and the contract suite that all of them pass. An engine knows no serving. Adding one: a folder that implements Engine, and
// its line in cmd/bighead/wire.go.
package engine

import (
	"context"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// Engine runs batch plans. It is safe for concurrent use; each Run stands alone.
type Engine interface {
	// Name is what bighead.toml and scripts call it.
	Name() string
	// Run computes the plan and hands the rows to out in the spine's order, batch by batch, each with the plan's Output as its schema.
	// An error of out ends the run. Nothing is handed out after an error. The report is complete when the error is nil.
	Run(ctx context.Context, p *plan.Batch, in Inputs, out func(*value.Batch) error) (*Report, error)
}

// Inputs opens the tables that a plan names.
type Inputs struct {
	// Open gives the rows of a place; events for a source, or the spine of a place of its own.
	Open func(ctx context.Context, place feature.Place, schema value.Schema) (dataset.Table, error)
	// Spine, where not nil, is used instead of the plan's spine place: a frame of a notebook, rows of a script.
	Spine dataset.Table
	// Tiles, where not nil, may stand for rows of sources: an engine uses those that are up to date with what Open gives.
	Tiles *tiletable.Table
	// Progress, where not nil, hears now and then how many of the input's rows are done; it must be quick.
	Progress func(done, total int64)
}

// Report counts what a run read, dropped and made null, so that no loss is silent.
type Report struct {
	SpineRows, Rows int64
	Dropped         map[DropReason]int64 // spine rows left out, by reason
	Sources         []*SourceReport      // one for each join, in the plan's order
	Values          []*ValueReport       // one for each feature and label column, in the plan's order
	Months          []MonthReport        // coverage by the UTC month of at, ascending
	// ExpressionNulls counts the nulls that expressions made (X1): by what was computed, and reason.
	ExpressionNulls map[string]expr.Nulls
	Spilled         int64 // bytes that went to disk
	EarliestAt      int64 // the least at among the spine's rows, ms; 0 where there is none
}

// DropReason says why a spine row is not in a training set.
type DropReason string

// The reasons of W5 and I2.
const (
	DropWhere         DropReason = "the spine's where is not true"
	DropRange         DropReason = "at outside start and end"
	DropSample        DropReason = "not in the sample"
	DropUnlabelled    DropReason = "no label"
	DropLabelLate     DropReason = "label not known by end"
	DropWithin        DropReason = "label's span passes the end of the data"
	DropRequiredValue DropReason = "a required value is null"
)

// SourceReport counts what happened to the rows of one join's source (E1, E3, V5).
type SourceReport struct {
	Join, Source                          string
	Read                                  dataset.Counts
	Rows                                  int64 // read, after skipping parts
	NullTime, NullKey, Where, NullKnownAt int64 // dropped, in this order
	Duplicates                            int64 // copies dropped
	Conflicts                             int64 // rows of one id and other times
	OtherKeys                             int64 // rows whose key no spine row has
	Ties                                  int64 // rows that share key and ts with another and have no order_by to decide
	Used                                  int64
	Earliest, Latest                      int64 // ts among rows used, ms; 0, 0 where none
	// First is the source's first ts, ms, by its files' bounds or because all of it was read; plan.MaxTime where that is not known.
	// RowsBefore counts the spine rows whose at lies before it.
	First, RowsBefore int64
	Revised           int64 // ids with copies of one ts whose columns that the join reads differ
	// TileDays are whole days of event time whose TileRows events tiles stood for, so that none of their rows was read or is counted above;
	// Tiles is how many were read for keys of the spine, in TileBytes of their files.
	TileDays, TileRows, Tiles, TileBytes int64
	Notes                                []string // what the reader should know: days whose tiles were damaged
}

// ValueReport explains the nulls and empties of one column.
type ValueReport struct {
	Name       string
	Nulls      int64 // all nulls
	UnknownKey int64 // of them: no row of the source has the key
	NoEvent    int64 // of them: the key has rows, none in the window
	NullInput  int64 // of them: rows in the window, all inputs null
	Computed   int64 // of them: rows and inputs, the result is null (overflow, too few)
	Defaults   int64 // values that a default stands for; not in Nulls
}

// MonthReport is how much is known about the rows of one month.
type MonthReport struct {
	Month  string // YYYY-MM
	Rows   int64
	Filled int64 // feature values that are not null and no default
	Cells  int64 // rows × features
}
