package plan

import (
	"strconv"

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
