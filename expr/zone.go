package expr

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/bighead-ml/bighead/value"
)

// zoneDatabase is the version of the IANA time zone database in zoneinfo.zip, which is the file of the Go distribution's lib/time.
// The machine's own zones are never looked at: two machines must not give two answers.
const zoneDatabase = "2025c"

//go:embed zoneinfo.zip
var zoneZip []byte

// zoneEnd is where zones end, 2100-01-01T00:00:00Z: tables are finite, because engines are handed them whole.
const zoneEnd = 4102444800000

// zone is the offsets of a time zone: offsets[i] ms hold from starts[i] until starts[i+1]. starts[0] is before all times.
type zone struct {
	starts  []int64
	offsets []int64
}

func (z *zone) offset(ms int64) int64 {
	return z.offsets[sort.Search(len(z.starts), func(i int) bool { return z.starts[i] > ms })-1]
}

var zones struct {
	sync.Mutex
	files  map[string]*zip.File
	names  []string
	loaded map[string]*zone
}

// openZones reads the archive's directory once; the lock is held.
func openZones() {
	if zones.files != nil {
		return
	}
	r, err := zip.NewReader(bytes.NewReader(zoneZip), int64(len(zoneZip)))
	if err != nil {
		panic(err) // the archive is compiled in
	}
	zones.files, zones.loaded = make(map[string]*zip.File), make(map[string]*zone)
	for _, f := range r.File {
		if !strings.HasSuffix(f.Name, "/") {
			zones.files[f.Name] = f
			zones.names = append(zones.names, f.Name)
		}
	}
}

// spans is a zone's table from its first change on, cut into spans of one length, so that arithmetic finds the row of a time. All
// numbers are seconds: changes[i] is each span's i-th change, counted from the span's start, its length where there is none;
// offsets[i] holds before that change, the last one after all.
type spans struct {
	length           int64 // ms
	changes, offsets [][]int64
}

// spans takes the length that makes the fewest numbers.
func (z *zone) spans() spans {
	var best spans
	size := 0
	for days := int64(10); days <= 400; days += 10 {
		s := z.cut(days * value.DayMS)
		if n := len(s.offsets[0]) * (len(s.changes) + len(s.offsets)); size == 0 || n < size {
			best, size = s, n
		}
	}
	return best
}

func (z *zone) cut(length int64) spans {
	base := z.starts[1]
	count := (zoneEnd-base)/length + 1
	in := make([][]int, count) // the changes in each span
	most := 0
	for i := 1; i < len(z.starts); i++ {
		n := (z.starts[i] - base) / length
		in[n] = append(in[n], i)
		most = max(most, len(in[n]))
	}
	s := spans{length: length, changes: make([][]int64, most), offsets: make([][]int64, most+1)}
	at := 0 // the offset that holds at the span's start
	for n, changes := range in {
		s.offsets[0] = append(s.offsets[0], z.offsets[at]/1000)
		for i := range most {
			change := length
			if i < len(changes) {
				at = changes[i]
				change = z.starts[at] - base - int64(n)*length
			}
			s.changes[i], s.offsets[i+1] = append(s.changes[i], change/1000), append(s.offsets[i+1], z.offsets[at]/1000)
		}
	}
	return s
}

func zoneNames() []string {
	zones.Lock()
	defer zones.Unlock()
	openZones()
	return zones.names
}

// loadZone makes the table of a zone by its exact name.
func loadZone(name string) (*zone, error) {
	zones.Lock()
	defer zones.Unlock()
	openZones()
	if z := zones.loaded[name]; z != nil {
		return z, nil
	}
	f := zones.files[name]
	if f == nil {
		return nil, fmt.Errorf("unknown time zone %q", name)
	}
	data, err := readZone(f)
	if err != nil {
		return nil, fmt.Errorf("time zone %s: %w", name, err)
	}
	loc, err := time.LoadLocationFromTZData(name, data)
	if err != nil {
		return nil, fmt.Errorf("time zone %s: %w", name, err)
	}
	z := tabulate(loc)
	zones.loaded[name] = z
	return z, nil
}

func readZone(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// tabulate walks from change to change; changes of the name alone are no change.
func tabulate(loc *time.Location) *zone {
	z := &zone{}
	start := int64(value.MinTimestamp)
	for start < zoneEnd {
		t := time.UnixMilli(start).In(loc)
		_, seconds := t.Zone()
		if n := len(z.offsets); n == 0 || z.offsets[n-1] != int64(seconds)*1000 {
			z.starts, z.offsets = append(z.starts, start), append(z.offsets, int64(seconds)*1000)
		}
		_, end := t.ZoneBounds()
		if end.IsZero() {
			break
		}
		// By a rule, ZoneBounds ends each year after 365 days, and so does not advance on the last day of a leap year.
		start = max(end.UnixMilli(), start+15*60_000)
	}
	return z
}

// zoneVersion names a zone's table by its contents, so that a new database changes only the fingerprints of zones that it changes.
func zoneVersion(name string) string {
	z, err := loadZone(name)
	if err != nil {
		panic(err) // check has loaded it
	}
	h := sha256.New()
	for i, start := range z.starts {
		var b [16]byte
		binary.BigEndian.PutUint64(b[:8], uint64(start))
		binary.BigEndian.PutUint64(b[8:], uint64(z.offsets[i]))
		h.Write(b[:])
	}
	return fmt.Sprintf("zone %s/%x", name, h.Sum(nil)[:8])
}

// Zone is a time zone as local() has it, for others who must tell the same hour.
type Zone struct {
	name string
	*zone
}

// LoadZone finds a zone by its exact name in the database of this binary.
func LoadZone(name string) (Zone, error) {
	z, err := loadZone(name)
	return Zone{name, z}, err
}

// ZoneNames are the zones that there are. The slice must not be changed.
func ZoneNames() []string { return zoneNames() }

// Offset is what is added to a time of UTC, both ms.
func (z Zone) Offset(ms int64) int64 { return z.offset(ms) }

// Version names the zone's table by its contents: another table is another version.
func (z Zone) Version() string { return zoneVersion(z.name) }
