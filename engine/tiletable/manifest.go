package tiletable

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bighead-ml/bighead/value"
)

// manifestName is the file that says what a set holds.
const manifestName = "manifest.json"

// manifest is a set as it stands on disk. Cells name parts and folds by their places in these lists, as ranges ("0-3,7"), since
// neighbouring cells mostly have the same.
type manifest struct {
	Version int            `json:"version"`
	Source  string         `json:"source"`
	Keys    []manifestKey  `json:"keys"`
	Folds   []Column       `json:"folds"`
	Parts   []manifestPart `json:"parts"`
	Cells   []manifestCell `json:"cells"`
}

type manifestKey struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

type manifestPart struct {
	Path     string    `json:"path"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	Files    string    `json:"files,omitempty"`
	Reading  string    `json:"reading,omitempty"`
	First    string    `json:"first,omitempty"` // the least and the greatest time, where they had to be found out
	Last     string    `json:"last,omitempty"`
	NoTimes  bool      `json:"no_times,omitempty"`
}

type manifestCell struct {
	Day   string    `json:"day"`
	Days  int64     `json:"days,omitempty"` // of a cell without events: how many, from day on
	Step  string    `json:"step"`
	File  string    `json:"file,omitempty"`
	Bytes int64     `json:"bytes,omitempty"`
	Rows  int64     `json:"rows,omitempty"` // events folded
	Keys  int64     `json:"keys,omitempty"`
	Tiles int64     `json:"tiles,omitempty"`
	Parts string    `json:"parts"`
	Folds string    `json:"folds"`
	Made  time.Time `json:"made"`
}

// signed is the manifest with its checksum, over the very bytes that stand in the file.
type signed struct {
	Checksum string          `json:"sha256"`
	Manifest json.RawMessage `json:"manifest"`
}

func checksum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// readManifest reads a set's manifest into it; a set without one is empty.
func (s *Set) readManifest() error {
	path := filepath.Join(s.dir, manifestName)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var sig signed
	var m manifest
	if err = json.Unmarshal(b, &sig); err == nil && checksum(sig.Manifest) != sig.Checksum {
		err = errors.New("wrong checksum")
	}
	if err == nil {
		err = json.Unmarshal(sig.Manifest, &m)
	}
	if err == nil && m.Version != version {
		return fmt.Errorf("%s is of version %d, and this bighead reads %d: use the bighead that wrote it, or remove the folder and run `bighead backfill`", path, m.Version, version)
	}
	if err == nil {
		err = s.take(&m)
	}
	if err != nil {
		return fmt.Errorf("%s: %w: the manifest is damaged; remove the folder and run `bighead backfill`", path, err)
	}
	return nil
}

// take makes the set of what the manifest says.
func (s *Set) take(m *manifest) error {
	for i, k := range m.Keys {
		if len(m.Keys) != len(s.id.Keys) || k.Name != s.id.Keys[i].Name || k.Type != s.id.Keys[i].Type.String() {
			return fmt.Errorf("it is of other keys")
		}
	}
	s.folds = m.Folds
	for _, p := range m.Parts {
		part := Part{Path: p.Path, Size: p.Size, Modified: p.Modified, Files: p.Files, Reading: p.Reading}
		if p.NoTimes {
			part.Times = NoTimes
		} else if p.First != "" {
			first, ok1 := value.ParseTimestamp(p.First)
			last, ok2 := value.ParseTimestamp(p.Last)
			if !ok1 || !ok2 {
				return fmt.Errorf("times of part %s", p.Path)
			}
			part.Times = Times{Known: true, First: first, Last: last}
		}
		s.parts = append(s.parts, part)
	}
	sets := map[string][]int32{}
	for _, c := range m.Cells {
		cell, err := c.cell(len(s.parts), len(s.folds), sets)
		if err != nil {
			return fmt.Errorf("cell of %s: %w", c.Day, err)
		}
		s.cells = append(s.cells, cell)
	}
	return nil
}

func (c *manifestCell) cell(parts, folds int, sets map[string][]int32) (*Cell, error) {
	day, ok := value.ParseDate(c.Day)
	step, err := value.ParseDuration(c.Step)
	if !ok || err != nil || step <= 0 || value.DayMS%step != 0 || c.File != filepath.Base(c.File) && c.File != "" {
		return nil, errors.New("its day, step or file")
	}
	cell := &Cell{From: day, To: day + max(c.Days, 1), Step: step, File: c.File, Bytes: c.Bytes, Rows: c.Rows, Keys: c.Keys, Tiles: c.Tiles, Made: c.Made}
	for _, list := range []struct {
		text string
		n    int
		to   *[]int32
	}{{c.Parts, parts, &cell.parts}, {c.Folds, folds, &cell.folds}} {
		key := strconv.Itoa(list.n) + ":" + list.text
		if sets[key] == nil {
			if sets[key], err = parseRanges(list.text, list.n); err != nil {
				return nil, err
			}
		}
		*list.to = sets[key]
	}
	return cell, nil
}

// writeManifest replaces the manifest on disk.
func (s *Set) writeManifest() error {
	m := manifest{Version: version, Source: s.id.Source, Folds: s.folds, Parts: []manifestPart{}, Cells: []manifestCell{}}
	for _, k := range s.id.Keys {
		m.Keys = append(m.Keys, manifestKey{k.Name, k.Type.String()})
	}
	for _, p := range s.parts {
		part := manifestPart{Path: p.Path, Size: p.Size, Modified: p.Modified, Files: p.Files, Reading: p.Reading, NoTimes: p.Times == NoTimes}
		if p.Times.Known && p.Times != NoTimes {
			part.First, part.Last = value.FormatTimestamp(p.Times.First), value.FormatTimestamp(p.Times.Last)
		}
		m.Parts = append(m.Parts, part)
	}
	for _, c := range s.cells {
		cell := manifestCell{Day: value.FormatDate(c.From), Step: value.FormatDuration(c.Step), File: c.File, Bytes: c.Bytes, Rows: c.Rows, Keys: c.Keys, Tiles: c.Tiles,
			Parts: formatRanges(c.parts), Folds: formatRanges(c.folds), Made: c.Made}
		if c.File == "" {
			cell.Days = c.To - c.From
		}
		m.Cells = append(m.Cells, cell)
	}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(m); err != nil {
		return fmt.Errorf("encode the manifest of %s: %w", s.dir, err)
	}
	text := bytes.TrimSpace(body.Bytes())
	return s.replace(manifestName, fmt.Appendf(nil, "{\"sha256\":%q,\"manifest\":%s}\n", checksum(text), text))
}

// formatRanges writes ascending numbers as "0-3,7".
func formatRanges(xs []int32) string {
	var b strings.Builder
	for i := 0; i < len(xs); {
		j := i
		for j+1 < len(xs) && xs[j+1] == xs[j]+1 {
			j++
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(int(xs[i])))
		if j > i {
			b.WriteString("-" + strconv.Itoa(int(xs[j])))
		}
		i = j + 1
	}
	return b.String()
}

// parseRanges reads what formatRanges writes, numbers below n.
func parseRanges(text string, n int) ([]int32, error) {
	out := []int32{}
	if text == "" {
		return out, nil
	}
	for _, r := range strings.Split(text, ",") {
		from, to, ok := strings.Cut(r, "-")
		if !ok {
			to = from
		}
		a, err := strconv.ParseUint(from, 10, 31)
		b, err2 := strconv.ParseUint(to, 10, 31)
		if err != nil || err2 != nil || b < a || b >= uint64(n) || len(out) > 0 && int32(a) <= out[len(out)-1] {
			return nil, fmt.Errorf("%q is no list of places below %d", text, n)
		}
		for x := a; x <= b; x++ {
			out = append(out, int32(x))
		}
	}
	return slices.Clip(out), nil
}
