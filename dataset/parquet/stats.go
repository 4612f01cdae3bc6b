package parquet

import (
	"github.com/bighead-ml/bighead/dataset"
	"github.com/bighead-ml/bighead/dataset/parquet/coding"
	"github.com/bighead-ml/bighead/dataset/parquet/format"
	"github.com/bighead-ml/bighead/value"
)

// bounds are a chunk's least and greatest value as the footer says, where it can be relied upon: conversions keep the order, so the
// bounds of what is stored are those of ours. False where the footer says nothing.
func (l *leaf) bounds(m *format.ChunkMeta) (dataset.Bounds, bool) {
	b := dataset.Bounds{Nulls: m.Stats.Nulls}
	lo, hi := m.Stats.Min, m.Stats.Max
	switch l.conv.kind {
	case cInt, cTime, cDate, cFloat, cDecimalInt:
		// The older fields were compared as signed numbers, which is right for these, unless the integers have no sign.
		if lo == nil && hi == nil && l.conv.unsigned == 0 {
			lo, hi = m.Stats.OldMin, m.Stats.OldMax
		}
	case cBool, cUint32, cUint64, cText, cBytes:
	default:
		lo, hi = nil, nil
	}
	b.Min, b.Max = l.statistic(lo), l.statistic(hi)
	return b, b.Nulls >= 0 || !b.Min.IsNull() || !b.Max.IsNull()
}

// statistic is a value of the footer as ours; null where it is not there or not to be kept.
func (l *leaf) statistic(text []byte) value.Value {
	if text == nil || l.Physical != format.ByteArray && len(text) < max(l.Width(), 1) {
		return value.Value{}
	}
	col := value.NewColumn(l.conv.typ, 1)
	d := coding.NewPlain(l.Stored, text)
	if l.Physical == format.ByteArray {
		d = &oneString{s: string(text)}
	}
	if err := l.conv.fill(d, col, 0, 1, func(int, dataset.Reason) { col.SetNull(0) }); err != nil {
		return value.Value{}
	}
	return col.At(0)
}

// oneString gives one string that stands without its length.
type oneString struct {
	coding.WrongType
	s string
}

func (d *oneString) Strs(dst []string) error {
	dst[0] = d.s
	return nil
}
