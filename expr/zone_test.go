package expr

import (
	"testing"

	"github.com/bighead-ml/bighead/value"
)

// TestSpansAreTheZone reads every zone's spans as the printed SQL does, around each of its changes.
func TestSpansAreTheZone(t *testing.T) {
	for _, name := range zoneNames() {
		z, err := loadZone(name)
		if err != nil {
			continue // a folder of the archive
		}
		if len(z.starts) == 1 {
			continue
		}
		s, base := z.spans(), z.starts[1]
		look := func(ms int64) int64 {
			span, within := (ms-base)/s.length, (ms-base)%s.length
			for i, change := range s.changes {
				if within < change[span]*1000 {
					return s.offsets[i][span] * 1000
				}
			}
			return s.offsets[len(s.changes)][span] * 1000
		}
		for _, start := range append(z.starts[1:], base, zoneEnd) {
			for _, ms := range []int64{start - value.DayMS, start - 1, start, start + 1, start + s.length} {
				if ms < base || ms >= zoneEnd {
					continue
				}
				if got, want := look(ms), z.offset(ms); got != want {
					t.Fatalf("%s at %s: offset %d, want %d", name, value.FormatTimestamp(ms), got, want)
				}
			}
		}
	}
}
