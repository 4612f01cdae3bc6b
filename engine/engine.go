// Package engine is what runs a plan: the interface that every engine has, and the report that it gives.
//
// engine/oracle is the plain definition and decides what is right; engine/local is the embedded default; engine/enginetest is the
// corpus and the contract suite that all of them pass. An engine knows no serving. Adding one: a folder that implements Engine, and
// its line in cmd/bighead/wire.go.
package engine

import (
	"context"
	"errors"

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

// ErrNoTime says that a row of the spine does not tell as of when it asks (W5): a mistake of who made the rows.
var ErrNoTime = errors.New("at is null, but every row asks as of a time; give it one, or leave the row out")

// Inputs opens the tables that a plan names.
type Inputs struct {
	// Open gives the rows of a place: of a spine that has one of its own, and of sources where nothing else is said.
	Open func(ctx context.Context, place feature.Place, schema value.Schema) (dataset.Table, error)
	// Source, where not nil, gives all rows of a source: those of its place, and those that its stream has accepted.
	Source func(ctx context.Context, s *feature.Source) (dataset.Table, error)
	// Spine, where not nil, is used instead of the plan's spine place: a frame of a notebook, rows of a script.
	Spine dataset.Table
	// Tiles, where not nil, may stand for rows of sources: an engine uses those that are up to date with what Open gives.
	Tiles *tiletable.Table
	// Progress, where not nil, hears now and then how many of the input's rows are done; it must be quick.
	Progress func(done, total int64)
	// At, where not nil, hears in words what an engine that is elsewhere is at.
	At func(what string)
}

// Rows gives all rows of a source.
func (in *Inputs) Rows(ctx context.Context, s *feature.Source) (dataset.Table, error) {
	if in.Source != nil {
		return in.Source(ctx, s)
	}
	return in.Open(ctx, s.Place, s.Schema)
}

// SpineRows gives the rows of a plan's spine.
func (in *Inputs) SpineRows(ctx context.Context, p *plan.Spine) (dataset.Table, error) {
	switch {
	case in.Spine != nil:
		return in.Spine, nil
	case p.Source != nil:
		return in.Rows(ctx, p.Source)
	}
	return in.Open(ctx, p.Place, p.Schema)
}

// Report counts what a run read, dropped and made null, so that no loss is silent. As JSON its times are RFC 3339, null where there is none.
type Report struct {
	SpineRows int64                `json:"spine_rows"`
	Rows      int64                `json:"rows"`
	Dropped   map[DropReason]int64 `json:"dropped"` // spine rows left out, by reason
	Sources   []*SourceReport      `json:"sources"` // one for each join, in the plan's order
	Values    []*ValueReport       `json:"values"`  // one for each feature and label column, in the plan's order
	Months    []MonthReport        `json:"months"`  // coverage by the UTC month of at, ascending
	// ExpressionNulls counts the nulls that expressions made (X1): by what was computed, and reason. Of a source's rows they are at least
	// those that answers are made of, and at most all; "where of the spine", "at of the spine", "k of the spine", "derived x", "source: time",
	// "source: where", "source: known_at", "group: order_by", "group: x + 1", "group: where x > 1" name what was computed.
	ExpressionNulls map[string]expr.Nulls `json:"expression_nulls"`
	// Uncounted names what is computed of which no nulls are counted, as an engine cannot say there when they are made.
	Uncounted  []string `json:"uncounted,omitempty"`
	Spilled    int64    `json:"spilled_bytes"` // that went to disk
	EarliestAt int64    `json:"-"`             // the least at among the spine's rows, ms; 0 where there is none
}

// ExpressionNulls is how an engine that counts not everything is asked whether it counts the nulls that expressions make.
const ExpressionNulls = "expression nulls"

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
	Join   string         `json:"join"`
	Source string         `json:"source"`
	Read   dataset.Counts `json:"read"`
	Rows   int64          `json:"rows"` // read, after skipping parts
	// Dropped, in this order.
	NullTime    int64 `json:"null_time"`
	NullKey     int64 `json:"null_key"`
	Where       int64 `json:"where"`
	NullKnownAt int64 `json:"null_known_at"`

	Duplicates int64 `json:"duplicates"` // copies dropped
	Conflicts  int64 `json:"conflicts"`  // rows of one id and other times
	OtherKeys  int64 `json:"other_keys"` // rows whose key no spine row has
	Ties       int64 `json:"ties"`       // rows that share key and ts with another and have no order_by to decide
	Used       int64 `json:"used"`
	Earliest   int64 `json:"-"` // ts among rows used, ms; 0, 0 where none
	Latest     int64 `json:"-"`
	// First is the source's first ts, ms, by its files' bounds or because all of it was read; plan.MaxTime where that is not known.
	// RowsBefore counts the spine rows whose at lies before it.
	First      int64 `json:"-"`
	RowsBefore int64 `json:"rows_before"`
	Revised    int64 `json:"revised"` // ids with copies of one ts whose columns that the join reads differ
	// TileDays are whole days of event time whose TileRows events tiles stood for, so that none of their rows was read or is counted above;
	// Tiles is how many were read for keys of the spine, in TileBytes of their files.
	TileDays  int64    `json:"tile_days"`
	TileRows  int64    `json:"tile_rows"`
	Tiles     int64    `json:"tiles"`
	TileBytes int64    `json:"tile_bytes"`
	Notes     []string `json:"notes,omitempty"` // what the reader should know: days whose tiles were damaged
}

// ValueReport explains the nulls and empties of one column.
type ValueReport struct {
	Name       string `json:"name"`
	Nulls      int64  `json:"nulls"`       // all nulls
	UnknownKey int64  `json:"unknown_key"` // of them: no row of the source has the key
	NoEvent    int64  `json:"no_event"`    // of them: the key has rows, none in the window
	NullInput  int64  `json:"null_input"`  // of them: rows in the window, all inputs null
	Computed   int64  `json:"computed"`    // of them: rows and inputs, the result is null (overflow, too few)
	Defaults   int64  `json:"defaults"`    // values that a default stands for; not in Nulls
}

// MonthReport is how much is known about the rows of one month.
type MonthReport struct {
	Month  string `json:"month"` // YYYY-MM
	Rows   int64  `json:"rows"`
	Filled int64  `json:"filled"` // feature values that are not null and no default
	Cells  int64  `json:"cells"`  // rows × features
}
