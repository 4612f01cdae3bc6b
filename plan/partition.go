package plan

import (
	"fmt"
	"strconv"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
	"github.com/bighead-ml/bighead/value/fault"
)

// PartitionEnd is the time at which a snapshot partition ends, which its rows are true from: of a date, or of a string YYYY-MM-DD or
// YYYY-MM-DD-HH (E6); false where the value names no day or hour.
func PartitionEnd(v value.Value) (ms int64, ok bool) {
	const hour = 3_600_000
	switch v.Kind() {
	case value.KindDate:
		if fault.Planted("plan: a partition counts from its beginning") {
			return v.Int() * value.DayMS, true
		}
		return (v.Int() + 1) * value.DayMS, true
	case value.KindString:
	default:
		return 0, false
	}
	date, hours, hourly := v.Str(), "", len(v.Str()) == len("2024-01-31-23") && v.Str()[10] == '-'
	if hourly {
		date, hours = date[:10], date[11:]
	}
	days, ok := value.ParseDate(date)
	if !ok || !hourly || fault.Planted("plan: an hour's partition ends with its day") {
		return (days + 1) * value.DayMS, ok
	}
	h, err := strconv.ParseUint(hours, 10, 8)
	return days*value.DayMS + (int64(h)+1)*hour, err == nil && h < 24
}

// PartitionEndOf is PartitionEnd of a column as an expression, in ms since the epoch, for engines that print it.
func PartitionEndOf(column string, t value.Type) *expr.Expr {
	c := expr.QuoteName(column)
	text := fmt.Sprintf("extract(epoch_ms from %s) + 86400000", c)
	if t.Kind == value.KindString {
		text = fmt.Sprintf("case when length(%[1]s) = 13 and substr(%[1]s, 11, 1) = '-' then "+
			"case when substr(%[1]s, 12, 2) between '00' and '23' then extract(epoch_ms from cast(substr(%[1]s, 1, 10) as date)) + (cast(substr(%[1]s, 12, 2) as int) + 1) * 3600000 end "+
			"else extract(epoch_ms from cast(%[1]s as date)) + 86400000 end", c)
	}
	e, mistakes := expr.Check(text, value.Schema{{Name: column, Type: t}})
	if mistakes != nil {
		panic("plan: " + text + ": " + mistakes.Error())
	}
	return e
}
