package backfill

import (
	"context"
	"errors"
	"io"

	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/engine/tiletable"
	"github.com/bighead-ml/bighead/expr"
)

// learnTimes reads the times of files that do not say when their events lie (CSV, or a time that is computed) and that no earlier run
// has looked at. Otherwise each of them could change any day, and one new file would have all days made again.
func (r *run) learnTimes(ctx context.Context, s *source) error {
	var unknown []int
	for i := range s.parts {
		if !s.parts[i].Times.Known {
			unknown = append(unknown, i)
			s.parts[i].Times = tiletable.NoTimes
		}
	}
	s.report.Unknown = len(unknown)
	if len(unknown) == 0 {
		return nil
	}
	reader, err := s.table.Scan(ctx, dataset.Scan{Columns: append([]string{}, s.source.Time.Columns()...), Parts: unknown, BatchRows: r.options.BatchRows, Parallel: r.options.Threads})
	if err != nil {
		return err
	}
	defer reader.Close()
	var time *expr.Program
	for {
		b, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if time == nil {
			time = s.source.Time.Vectorise(b.Schema)
		}
		c := time.Eval(b, nil)
		for i := range b.N {
			if !c.IsNull(i) {
				s.parts[reader.Part()].Times.Add(c.Ints[i])
			}
		}
	}
	s.report.Times.Add(reader.Counts())
	return nil
}
