package tiletable

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/value"
)

var testID = ID{Source: "clicks of men", Keys: value.Schema{{Name: "user", Type: value.Int}}}

func fold(i int) Column { return Column{fmt.Sprintf("%032x", i), "count/1 rows"} }

// part is file number i in its version v, with events on days [from, to).
func part(i, v int, from, to int64) Part {
	p := Part{Path: fmt.Sprint("part-", i), Size: int64(v), Modified: time.Unix(int64(v), 5).UTC(), Times: NoTimes}
	if from < to {
		p.Times = Times{true, from * value.DayMS, to*value.DayMS - 1}
	}
	return p
}

// stage writes one tile whose states say which folds and what content it is.
func stage(e *Edit, day int64, folds []Column, content string) (*Staged, error) {
	s, err := e.Stage(Header{Day: day, Step: 60_000, Keys: []value.Type{value.Int}, Columns: folds})
	if err != nil {
		return nil, err
	}
	key := value.AppendKey(nil, []value.Value{value.OfInt(7)})
	s.Key(Hash(key), key)
	states := make([][]byte, len(folds))
	for i, f := range folds {
		states[i] = []byte(f.Fingerprint + content)
	}
	s.Tile(3, states)
	return s, s.Close()
}

// contentOf is what a set has of a fold on a day: what stage was told, "" for no events; false where it has no good cell.
func contentOf(s *Set, parts []Part, f Column, day int64) (string, bool, error) {
	spans := s.Spans(parts, day, day+1)
	if len(spans) != 1 {
		return "", false, fmt.Errorf("%d spans of a day", len(spans))
	}
	c, verdict := s.Look(&spans[0], f, 60_000)
	if verdict != Good || c == nil || c.File == "" {
		return "", verdict == Good, nil
	}
	file, err := s.Open(c)
	if err != nil {
		return "", false, err
	}
	defer file.Close()
	b, err := file.Load(0, []int{file.Column(f.Fingerprint)})
	if err != nil {
		return "", false, err
	}
	return strings.TrimPrefix(string(b.States[0][0]), f.Fingerprint), true, nil
}

// model is what a set should be: of each fold and day the content, and the parts that it was made from.
type model map[string]string

func (m model) key(f Column, day int64) string { return fmt.Sprint(f.Fingerprint, " ", day) }

// TestSetsAreWhatWasCommitted makes random commits, opening the table anew after each, and compares with a map.
func TestSetsAreWhatWasCommitted(t *testing.T) {
	const folds, days = 4, 6
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "tiles")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		m, table := model{}, Open(dir)
		version := 0
		parts := []Part{part(0, 0, 0, 2), part(1, 0, 1, 4), part(2, 0, 4, 4)}
		for range rapid.IntRange(1, 6).Draw(t, "commits") {
			if rapid.Bool().Draw(t, "a part changes") {
				version++
				i := rapid.IntRange(0, len(parts)-1).Draw(t, "which")
				from := rapid.Int64Range(0, days-1).Draw(t, "from")
				parts[i] = part(i, version, from, min(days, from+rapid.Int64Range(0, 3).Draw(t, "days")))
			}
			var which []Column
			for i := range folds {
				if rapid.Bool().Draw(t, "this fold") {
					which = append(which, fold(i))
				}
			}
			from := rapid.Int64Range(0, days-1).Draw(t, "first day")
			commitDays(t, table, m, parts, which, from, rapid.Int64Range(from+1, days).Draw(t, "end"), fmt.Sprint("v", version), rapid.Bool().Draw(t, "empty"))
			compare(t, table, m, parts, folds, days)
			if rapid.IntRange(0, 3).Draw(t, "prune") == 0 {
				live := rapid.IntRange(0, folds).Draw(t, "live folds")
				pruneAll(t, table, m, live, folds, days)
				compare(t, table, m, parts, folds, days)
			}
		}
	})
}

// pruneAll removes the cells of all folds from live on, and holds the report against the model and what lies on disk.
func pruneAll(t *rapid.T, table *Table, m model, live, folds int, days int64) {
	size := func() (files int, bytes int64) {
		all, err := filepath.Glob(filepath.Join(table.dir, "*", "*"+fileSuffix))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range all {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			bytes += info.Size()
		}
		return len(all), bytes
	}
	want := Pruned{}
	left := 0
	for i := range folds {
		found := false
		for day := range days {
			if _, ok := m[m.key(fold(i), day)]; !ok {
				continue
			}
			if i < live {
				left++
				continue
			}
			found = true
			want.Cells++
			delete(m, m.key(fold(i), day))
		}
		if found {
			want.Folds = append(want.Folds, fold(i).Fold)
		}
	}
	files, bytes := size()
	lock, err := table.Lock()
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	got, err := lock.Prune(func(f Column) bool {
		return slices.Contains(columns(live), f)
	})
	if err != nil {
		t.Fatal(err)
	}
	nowFiles, nowBytes := size()
	want.Files, want.Bytes = files-nowFiles, bytes-nowBytes
	if want.Cells == 0 {
		if len(got) != 0 {
			t.Fatalf("%+v was removed", got)
		}
		return
	}
	want.Source, want.Keys = testID.Source, testID.Keys.Names()
	if len(got) != 1 || fmt.Sprint(got[0]) != fmt.Sprint(want) {
		t.Fatalf("removed %+v, want %+v", got, want)
	}
	if _, err := os.Stat(filepath.Join(table.dir, testID.folder())); (err == nil) != (left > 0) {
		t.Fatalf("%d cells are left, and of their folder it is said: %v", left, err)
	}
}

func columns(n int) []Column {
	out := make([]Column, n)
	for i := range out {
		out[i] = fold(i)
	}
	return out
}

// commitDays makes the cells of the folds on days [from, to): a file for each day that has parts, unless all are to be empty.
func commitDays(t *rapid.T, table *Table, m model, parts []Part, folds []Column, from, to int64, content string, empty bool) {
	lock, err := table.Lock()
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	e, err := lock.Edit(testID)
	if err != nil {
		t.Fatal(err)
	}
	var cells []New
	for _, span := range e.Spans(parts, from, to) {
		var of []Part
		for _, p := range span.Parts {
			of = append(of, parts[p])
		}
		whole := empty || len(of) == 0
		for day := span.From; day < span.To; day++ {
			cell := New{From: day, To: day + 1, Step: 60_000, Columns: folds, Parts: of}
			if !whole {
				if cell.File, err = stage(e, day, folds, content); err != nil {
					t.Fatal(err)
				}
			}
			cells = append(cells, cell)
			for _, f := range folds {
				m[m.key(f, day)] = describe(of) + content
				if whole {
					m[m.key(f, day)] = describe(of)
				}
			}
		}
	}
	if err := e.Commit(parts, cells); err != nil {
		t.Fatal(err)
	}
}

func describe(parts []Part) string {
	var ids []string
	for i := range parts {
		ids = append(ids, parts[i].identity())
	}
	slices.Sort(ids)
	return strings.Join(ids, "|") + "||"
}

func compare(t *rapid.T, table *Table, m model, parts []Part, folds int, days int64) {
	s, err := table.Set(testID)
	if err != nil {
		t.Fatal(err)
	}
	for i := range folds {
		for day := range days {
			var now []Part
			for _, p := range s.Spans(parts, day, day+1)[0].Parts {
				now = append(now, parts[p])
			}
			got, good, err := contentOf(s, parts, fold(i), day)
			if err != nil {
				t.Fatal(err)
			}
			was, made := m[m.key(fold(i), day)]
			content, current := strings.CutPrefix(was, describe(now))
			wantGood := made && current || !made && len(now) == 0
			if good != wantGood || good && made && got != content {
				t.Fatalf("fold %d on day %d is %q, good %v; want %q, good %v", i, day, got, good, content, wantGood)
			}
		}
	}
	onDisk, err := filepath.Glob(filepath.Join(s.dir, "*"+fileSuffix))
	if err != nil || len(onDisk) != len(s.files()) {
		t.Fatalf("%d files on disk, %d in the manifest, %v", len(onDisk), len(s.files()), err)
	}
}

func TestDaysWithoutEventsAreOneCell(t *testing.T) {
	table := Open(t.TempDir())
	lock, err := table.Lock()
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	e, err := lock.Edit(testID)
	if err != nil {
		t.Fatal(err)
	}
	p := []Part{part(0, 1, -700_000, 20_000)}
	if err := e.Commit(p, []New{{From: -700_000, To: 10, Step: 60_000, Columns: []Column{fold(1)}, Parts: p}, {From: 10, To: 20_000, Step: 60_000, Columns: []Column{fold(1)}, Parts: p}}); err != nil {
		t.Fatal(err)
	}
	if len(e.Cells()) != 1 || len(e.Spans(p, -700_000, 20_000)) != 1 {
		t.Fatalf("%d cells, %d spans", len(e.Cells()), len(e.Spans(p, -700_000, 20_000)))
	}
}

func TestOneWriterAtATime(t *testing.T) {
	table := Open(t.TempDir())
	lock, err := table.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table.Lock(); !errors.Is(err, ErrLocked) {
		t.Fatalf("a second lock: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := table.Lock()
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

func TestManifestDamage(t *testing.T) {
	table := Open(t.TempDir())
	version1(t, table)
	s, err := table.Set(testID)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.dir, manifestName)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(good)-1; i++ { // the newline at the end says nothing
		bad := slices.Clone(good)
		bad[i] ^= 0x04
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := table.Set(testID); err == nil || !strings.Contains(err.Error(), manifestName) {
			t.Fatalf("byte %d changed from %q to %q: error %v", i, good[i], bad[i], err)
		}
	}
}

const crashEnv = "BIGHEAD_TEST_TILES_CRASH"

// TestMain lets the test binary be the writer that is killed.
func TestMain(m *testing.M) {
	if at := os.Getenv(crashEnv); at != "" {
		point, dir, _ := strings.Cut(at, "@")
		hook = func(here string) error {
			if strings.HasPrefix(here, point) {
				p, err := os.FindProcess(os.Getpid())
				if err == nil {
					err = p.Kill()
				}
				if err != nil {
					panic(err)
				}
				select {} // until the signal is there
			}
			return nil
		}
		if err := version2(Open(dir)); err != nil {
			fmt.Println(err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var (
	before = []Part{part(0, 1, 0, 3)}
	after  = []Part{part(0, 2, 0, 4)}
)

// commitAll makes the cells of two folds on all days of the parts.
func commitAll(table *Table, parts []Part, content string) error {
	lock, err := table.Lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	e, err := lock.Edit(testID)
	if err != nil {
		return err
	}
	var cells []New
	folds := []Column{fold(1), fold(2)}
	from, to := Days(parts)
	for day := from; day < to; day++ {
		s, err := stage(e, day, folds, content)
		if err != nil {
			return err
		}
		cells = append(cells, New{From: day, To: day + 1, Step: 60_000, Columns: folds, Parts: parts, File: s})
	}
	return e.Commit(parts, cells)
}

func version1(t *testing.T, table *Table) {
	t.Helper()
	if err := commitAll(table, before, "one"); err != nil {
		t.Fatal(err)
	}
}

func version2(table *Table) error { return commitAll(table, after, "two") }

// A writer that is killed at any point leaves the table as it was or as it should be, and the next one repairs and cleans.
func TestKilledWriter(t *testing.T) {
	for _, c := range []struct {
		point string
		done  bool
	}{{"staged 19", false}, {"renamed", false}, {"staged manifest", false}, {"committed", true}} {
		t.Run(c.point, func(t *testing.T) {
			dir := t.TempDir()
			table := Open(dir)
			version1(t, table)
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), crashEnv+"="+c.point+"@"+dir)
			out, err := cmd.CombinedOutput()
			if err == nil || cmd.ProcessState.Exited() {
				t.Fatalf("the writer was not killed: %v\n%s", err, out)
			}
			s, err := table.Set(testID)
			if err != nil {
				t.Fatal(err)
			}
			parts, want, days := before, "one", int64(3)
			if c.done {
				parts, want, days = after, "two", 4
			}
			expectAll(t, s, parts, want, days)
			for day := range int64(4) { // none of it is good for the other version of the part
				if got, good, err := contentOf(s, []Part{part(0, 3, 0, 4)}, fold(1), day); good || err != nil {
					t.Fatalf("day %d is %q, good, for a part that it was not made from; %v", day, got, err)
				}
			}
			if err := version2(table); err != nil {
				t.Fatal(err)
			}
			if s, err = table.Set(testID); err != nil {
				t.Fatal(err)
			}
			expectAll(t, s, after, "two", 4)
			left, err := os.ReadDir(s.dir)
			if err != nil || len(left) != 4+1 {
				t.Fatalf("%d files are left, want 4 and the manifest; %v, %v", len(left), left, err)
			}
		})
	}
}

func expectAll(t *testing.T, s *Set, parts []Part, want string, days int64) {
	t.Helper()
	for i := 1; i <= 2; i++ {
		for day := range days {
			if got, good, err := contentOf(s, parts, fold(i), day); err != nil || !good || got != want {
				t.Fatalf("fold %d on day %d is %q, good %v, want %q; %v", i, day, got, good, want, err)
			}
		}
	}
}

// A file that is gone or of another length is made again; nothing is guessed about it.
func TestMissingFilesAreForgotten(t *testing.T) {
	table := Open(t.TempDir())
	version1(t, table)
	s, err := table.Set(testID)
	if err != nil {
		t.Fatal(err)
	}
	names := s.Cells()
	if err := os.Remove(filepath.Join(s.dir, names[0].File)); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(s.dir, names[1].File), names[1].Bytes-1); err != nil {
		t.Fatal(err)
	}
	lock, err := table.Lock()
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	e, err := lock.Edit(testID)
	if err != nil {
		t.Fatal(err)
	}
	verdicts := ""
	for _, span := range e.Spans(before, 0, 3) {
		_, v := e.Look(&span, fold(1), 60_000)
		verdicts += fmt.Sprint(span.From, "-", span.To, " ", v, "; ")
	}
	if want := "0-2 new; 2-3 up to date; "; verdicts != want {
		t.Fatalf("%s, want %s", verdicts, want)
	}
}

func TestRangesReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "n")
		xs := []int32{}
		for i := range n {
			if rapid.Bool().Draw(t, "in") {
				xs = append(xs, int32(i))
			}
		}
		got, err := parseRanges(formatRanges(xs), n)
		if err != nil || !slices.Equal(got, xs) {
			t.Fatalf("%v is %q, which reads back as %v, %v", xs, formatRanges(xs), got, err)
		}
	})
	for _, bad := range []string{"1-", "-1", "2-1", "0,0", "3", "0-3", "a", "0,", "1,0"} {
		if got, err := parseRanges(bad, 3); err == nil {
			t.Errorf("%q reads as %v", bad, got)
		}
	}
}

// Coarser tiles are no use where finer ones are needed; finer ones are.
func TestSteps(t *testing.T) {
	table := Open(t.TempDir())
	version1(t, table)
	s, err := table.Set(testID)
	if err != nil {
		t.Fatal(err)
	}
	span := s.Spans(before, 0, 1)[0]
	for step, want := range map[int64]Verdict{60_000: Good, 300_000: Good, 5000: Coarse, 90_000: Coarse} {
		if _, got := s.Look(&span, fold(1), step); got != want {
			t.Errorf("tiles of a minute where %d ms are needed: %s, want %s", step, got, want)
		}
	}
}

// A table moves with its project: paths are kept relative to it.
func TestPathsAreRelative(t *testing.T) {
	dir := t.TempDir()
	table := Open(filepath.Join(dir, ".bighead", "tiles"))
	if got := table.relative(filepath.Join(dir, "data", "x.parquet")); got != "../../data/x.parquet" {
		t.Errorf("a file of the project is %q", got)
	}
	if got := table.relative("hdfs://nn:8020/t/ds=1"); got != "hdfs://nn:8020/t/ds=1" {
		t.Errorf("a location elsewhere is %q", got)
	}
}

// Who does not see a part's files takes it to be as it was seen last, and who sees others does not.
func TestPartsWhoseFilesOneSees(t *testing.T) {
	dir := t.TempDir()
	lock, err := Open(dir).Lock()
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	e, err := lock.Edit(testID)
	if err != nil {
		t.Fatal(err)
	}
	of := func(i int, files string) Part {
		p := part(i, 1, int64(i), int64(i)+1)
		p.Path, p.Files = fmt.Sprintf("hdfs://nn/t/ds=%d", i), files
		return p
	}
	commit := func(known []Part, days ...int64) {
		t.Helper()
		var cells []New
		for _, d := range days {
			cells = append(cells, New{From: d, To: d + 1, Step: 60_000, Columns: []Column{fold(1)}, Parts: known[d : d+1]})
		}
		if err := e.Commit(known, cells); err != nil {
			t.Fatal(err)
		}
	}
	verdicts := func(f Column, parts ...Part) (out string) {
		t.Helper()
		set, err := Open(dir).Set(testID) // as it stands on disk
		if err != nil {
			t.Fatal(err)
		}
		for d := range int64(2) {
			for _, span := range set.Spans(parts, d, d+1) {
				_, v := set.Look(&span, f, 60_000)
				out += string(v) + ", "
			}
		}
		return out
	}
	commit([]Part{of(0, "a"), of(1, "b")}, 0, 1)
	for _, c := range []struct {
		what  string
		parts []Part
		want  string
	}{
		{"seen as they were", []Part{of(0, "a"), of(1, "b")}, "up to date, up to date, "}, {"not seen", []Part{of(0, ""), of(1, "")}, "up to date, up to date, "},
		{"one with other files", []Part{of(0, "a"), of(1, "c")}, "up to date, source files changed, "},
	} {
		if got := verdicts(fold(1), c.parts...); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
	// A part that is known with other files, of which the day is not made yet: who does not see which they are does not take the cell for good.
	commit([]Part{of(0, "a"), of(1, "c")})
	if got := verdicts(fold(1), of(0, ""), of(1, "")); got != "up to date, source files changed, " {
		t.Errorf("not seen, where there were others: %s", got)
	}
	commit([]Part{of(0, "a"), of(1, "c")}, 1)
	if got := verdicts(fold(1), of(0, ""), of(1, "")); got != "up to date, up to date, " {
		t.Errorf("not seen, once it is made: %s", got)
	}
	// Once cells of a part's day are made of two states of it, who does not see which it is in takes neither for good.
	if err := e.Commit([]Part{of(0, "a"), of(1, "b")}, []New{{From: 1, To: 2, Step: 60_000, Columns: []Column{fold(2)}, Parts: []Part{of(1, "b")}}}); err != nil {
		t.Fatal(err)
	}
	for f, want := range map[Column]string{fold(1): "up to date, source files changed, ", fold(2): "new, source files changed, "} {
		if got := verdicts(f, of(0, ""), of(1, "")); got != want {
			t.Errorf("not seen, where cells are made of two states: %s, want %s", got, want)
		}
	}
}

// What came into a file that grows since tiles were made does not make them stale for who takes them as they are; a file that was never read does.
func TestPartsAsRead(t *testing.T) {
	file, wal, next := Part{Path: "a.parquet", Size: 3}, Part{Path: "wal/1", Size: 5, Grows: true}, Part{Path: "wal/2", Size: 1, Grows: true}
	longer := wal
	longer.Size, longer.Modified = 9, longer.Modified.Add(1)
	read := wal
	read.Grows, read.Times = false, NoTimes
	shorter := read
	shorter.Size = 4
	s := &Set{parts: []Part{shorter, read, {Path: "wal/1", Size: 10}, {Path: "b.parquet"}}}
	if got, want := s.AsRead([]Part{file, longer, next}), []Part{file, read}; !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got, want := (&Set{}).AsRead([]Part{wal, file}), []Part{file, wal}; !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
