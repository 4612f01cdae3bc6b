package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

// Tiler makes tiles of events, a UTC day of event time at a time, and only those that are missing or whose source files changed
// (docs/data-path.md §2). It is safe for concurrent use; one Backfill of a table runs at a time (tiletable.ErrLocked).
type Tiler interface {
	// Survey says what Backfill would make and read now. It writes nothing, and reads no rows: files that do not say when their events lie,
	// and were not read before, are counted as such (TileSourceReport.Unknown), and which days they change is not known yet.
	Survey(ctx context.Context, p *plan.Backfill, in Inputs, tiles *tiletable.Table) (*BackfillReport, error)
	// Backfill makes the tiles. Whatever ends it, the table holds what was committed and reads right, and the next Backfill makes the rest.
	Backfill(ctx context.Context, p *plan.Backfill, in Inputs, tiles *tiletable.Table) (*BackfillReport, error)
}

// BackfillReport says what a backfill made, found made, and read; or what it would.
type BackfillReport struct {
	Sets    []*TileSetReport    `json:"sets"`
	Sources []*TileSourceReport `json:"sources"`
	Raw     []plan.Raw          `json:"raw"` // what has no tiles
	// ExpressionNulls counts the nulls that expressions made (X1): by what was computed, and reason. Uncounted names those that an engine does
	// not count.
	ExpressionNulls map[string]expr.Nulls `json:"expression_nulls"`
	Uncounted       []string              `json:"uncounted,omitempty"`
	Spilled         int64                 `json:"spilled_bytes"` // that went to disk
}

// TileSetReport counts the cells, each a fold on a day with events, of one source and key.
type TileSetReport struct {
	Source string   `json:"source"`
	Keys   []string `json:"keys"`
	Groups []string `json:"groups"`
	Days   DayRange `json:"days"` // asked for
	// Cells counts days by fold and by what was found there. Good ones were left alone; of a survey, those that are not good count days that
	// may turn out to have no events.
	Cells map[tiletable.Verdict]int64 `json:"cells"`
	Folds []TileFoldReport            `json:"folds"`
	// What follows is zero of a survey.
	Made  int64 `json:"made"`  // cells
	Tiles int64 `json:"tiles"` // in the files made
	Keyed int64 `json:"keyed"` // keys by day
	Bytes int64 `json:"bytes"` // of the files
	// Rows dropped, in this order (E1, E3); rows without a time are the source's.
	NullKey int64 `json:"null_key"`
	Where   int64 `json:"where"`
	Copies  int64 `json:"copies"`
	Used    int64 `json:"used"` // rows folded
}

// TileFoldReport is one fold of a set.
type TileFoldReport struct {
	Fold     string                      `json:"fold"` // agg.Fold.ID
	Features []string                    `json:"features"`
	Cells    map[tiletable.Verdict]int64 `json:"cells"`
}

// TileSourceReport counts what was read of a source; of a survey what is to be read, at most.
type TileSourceReport struct {
	Source   string   `json:"source"`
	Columns  []string `json:"columns"` // in the source's order
	Files    int      `json:"files"`   // that are to be read, or were
	AllFiles int      `json:"all_files"`
	Unknown  int      `json:"unknown"` // files that do not say when their events lie
	// Read is what was read to make tiles, and Times what was read to find out when the events of files lie that do not say so. Of a survey
	// Read.Rows and Read.Bytes are guesses from above: all rows of the files, and the share of their bytes that the columns may have.
	Read     dataset.Counts `json:"read"`
	Times    dataset.Counts `json:"times"`
	NullTime int64          `json:"null_time"` // rows without a time
}

// DayRange is days since the epoch, [From, To).
type DayRange struct{ From, To int64 }

// MarshalJSON writes the days as dates, null where there are none.
func (d DayRange) MarshalJSON() ([]byte, error) {
	if d.From >= d.To {
		return []byte("null"), nil
	}
	return json.Marshal(map[string]string{"from": value.FormatDate(d.From), "to": value.FormatDate(d.To)})
}

// String is the first day and the last.
func (d DayRange) String() string {
	if d.From >= d.To {
		return "no days"
	}
	return fmt.Sprintf("%s to %s", value.FormatDate(d.From), value.FormatDate(d.To-1))
}

// Rows is how many rows were read in all, or are to be read at most.
func (r *BackfillReport) Rows() (rows, bytes int64) {
	for _, s := range r.Sources {
		rows, bytes = rows+s.Read.Rows+s.Times.Rows, bytes+s.Read.Bytes+s.Times.Bytes
	}
	return rows, bytes
}

// ToMake is how many cells are not good; of a survey, at most so many are to be made.
func (s *TileSetReport) ToMake() int64 {
	n := int64(0)
	for verdict, cells := range s.Cells {
		if verdict != tiletable.Good {
			n += cells
		}
	}
	return n
}

// verdicts is the order in which cells are listed.
var verdicts = []tiletable.Verdict{tiletable.Missing, tiletable.Changed, tiletable.Coarse, tiletable.Good}

// Print writes the report for people: of a survey what would be done, else what was.
func (r *BackfillReport) Print(w io.Writer, survey bool) {
	for _, s := range r.Sets {
		fmt.Fprintf(w, "%s by %s, %s\n", s.Source, strings.Join(s.Keys, ", "), s.Days)
		fmt.Fprintf(w, "  groups %s\n", strings.Join(s.Groups, ", "))
		var cells []string
		for _, v := range verdicts {
			if n := s.Cells[v]; n > 0 {
				cells = append(cells, fmt.Sprintf("%d %s", n, v))
			}
		}
		if cells == nil {
			cells = []string{"none, there are no events"}
		}
		fmt.Fprintf(w, "  cells (fold, day): %s\n", strings.Join(cells, ", "))
		if !survey && s.Made > 0 {
			fmt.Fprintf(w, "  made %d cells of %d rows: %d tiles, %d bytes\n", s.Made, s.Used, s.Tiles, s.Bytes)
		}
		for _, n := range []struct {
			n    int64
			what string
		}{{s.NullKey, "without a key"}, {s.Where, "where the condition is not true"}, {s.Copies, "copies"}} {
			if n.n > 0 {
				fmt.Fprintf(w, "  left out %d rows: %s\n", n.n, n.what)
			}
		}
	}
	read := "read"
	if survey {
		read = "to read, at most"
	}
	for _, s := range r.Sources {
		if s.Unknown > 0 && survey {
			fmt.Fprintf(w, "%s: the times in %d of %d files are to be read first, which days they change is not known yet\n", s.Source, s.Unknown, s.AllFiles)
		}
		if s.Files == 0 && s.Times.Rows == 0 {
			fmt.Fprintf(w, "%s: nothing %s\n", s.Source, strings.TrimSuffix(read, ", at most"))
			continue
		}
		fmt.Fprintf(w, "%s: %s %d rows, %d bytes of %d of %d files, columns %s\n", s.Source, read, s.Read.Rows, s.Read.Bytes, s.Files, s.AllFiles, strings.Join(s.Columns, ", "))
		if s.NullTime > 0 {
			fmt.Fprintf(w, "  left out %d rows: without a time\n", s.NullTime)
		}
		if s.Times.Rows > 0 {
			fmt.Fprintf(w, "  and the times of %d rows, %d bytes, of files that do not say when their events lie\n", s.Times.Rows, s.Times.Bytes)
		}
	}
	for _, x := range r.Raw {
		fmt.Fprintf(w, "no tiles for %s: %s\n", x.Name(), x.Reason)
	}
}
