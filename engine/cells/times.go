package cells

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
func (w *work) learnTimes(ctx context.Context, s *Source) error {
	var unknown []int
	for i := range s.Parts {
		if !s.Parts[i].Times.Known {
			unknown = append(unknown, i)
			s.Parts[i].Times = tiletable.NoTimes
		}
	}
	s.Report.Unknown = len(unknown)
	if len(unknown) == 0 {
		return nil
	}
	if w.options.Times != nil {
		if done, err := w.options.Times(ctx, s, unknown); done || err != nil {
			return err
		}
	}
	reader, err := s.Table.Scan(ctx, dataset.Scan{Columns: append([]string{}, s.Source.Time.Columns()...), Parts: unknown, BatchRows: w.options.BatchRows, Parallel: w.options.Threads})
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
			time = s.Source.Time.Vectorise(b.Schema)
		}
		c := time.Eval(b, nil)
		for i := range b.N {
			if !c.IsNull(i) {
				s.Parts[reader.Part()].Times.Add(c.Ints[i])
			}
		}
	}
	s.Report.Times.Add(reader.Counts())
	return nil
}
