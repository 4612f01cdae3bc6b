package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/audit"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/store"
	"github.com/bighead-ml/bighead/value"
)

const classFeatures = `import bighead as bh

e = bh.EventSource("e", columns={"k": bh.String, "ts": bh.Timestamp, "x": bh.Int}, time="ts", lateness="1h")
g = bh.FeatureGroup("g", source=e, keys=["k"], deadline="20s", features=[
    bh.sum("x", windows=["1h"]), bh.avg("x", windows=["1h"], name="mean"), bh.max("x", windows=["2d"], default=7), bh.min("x", windows=["1h"], fallback=-1), bh.count(windows=["1h"], resolution="exact", name="n")])
v = bh.FeatureView("v", groups=[g], derive={"twice": "2 * g__x_sum_1h"})
`

// fileFeatures are the same over a source that has files too.
var fileFeatures = strings.Replace(classFeatures, `"e", `, `"e", path="e.csv", `, 1)

// ground is a project's online side within a test, on the clock of the events.
type ground struct {
	t      *testing.T
	dir    string
	online *online
	caller *caller
	done   func()

	surface *surface
	wrap    func(store.Store) store.Store
}

func serveClasses(t *testing.T, features, rows string) *ground {
	t.Helper()
	return serveClassesOver(t, features, rows, nil)
}

// serveClassesOver is serveClasses over a store that is what wrap makes of it.
func serveClassesOver(t *testing.T, features, rows string, wrap func(store.Store) store.Store) *ground {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"bighead.toml": "[serve]\nclock = \"events\"\ndeadline = \"30s\"\n[log]\nlevel = \"error\"\n", "features.py": features, "e.csv": rows} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	mustRun(t, dir, "apply", "--yes")
	return (&ground{t: t, dir: dir, wrap: wrap}).open()
}

func (s *ground) open() *ground {
	s.t.Helper()
	c := &cli{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, dir: s.dir, wrapStore: s.wrap}
	p, err := c.open()
	if err != nil {
		s.t.Fatal(err)
	}
	f := newSurface()
	s.surface = f
	if s.online, err = c.openOnline(s.t.Context(), p, slog.New(slog.DiscardHandler), f.metrics, f.audits, true); err != nil {
		s.t.Fatal(err)
	}
	closed := false
	s.done = func() {
		if !closed {
			closed = true
			if err := s.online.close(context.Background()); err != nil {
				s.t.Error(err)
			}
		}
	}
	s.t.Cleanup(s.done)
	if err := f.start(s.t.Context(), s.online); err != nil {
		s.t.Fatal(err)
	}
	s.caller = &caller{base: "http://here", client: &http.Client{Transport: inProcess{f.own()}}}
	return s
}

// push sends events "key time x" of a day, and waits until they are to be seen.
func (s *ground) push(lines ...string) {
	s.t.Helper()
	for _, l := range lines {
		var k, at string
		var x int
		if _, err := fmt.Sscan(l, &k, &at, &x); err != nil {
			s.t.Fatal(err)
		}
		body := fmt.Sprintf(`{"k":%q,"ts":%q,"x":%d}`, k, "2024-01-02T"+at+"Z", x)
		if err := s.caller.call(s.t.Context(), "POST", "/v1/events/e", "application/x-ndjson", strings.NewReader(body), nil); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := s.online.active().stream.Flush(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// ask gives the served values of a key, by feature.
func (s *ground) ask(key string) map[string]string {
	s.t.Helper()
	var a featuresAnswer
	if err := s.caller.call(s.t.Context(), "POST", "/v1/features/v", "application/json", strings.NewReader(fmt.Sprintf(`{"rows":[{"k":%q}]}`, key)), &a); err != nil {
		s.t.Fatal(err)
	}
	if p := a.Rows[0].Error; p != nil {
		s.t.Fatal(p)
	}
	statuses, err := statusesOf(a.Rows[0].Status, len(a.Features))
	if err != nil {
		s.t.Fatal(err)
	}
	out := map[string]string{}
	for i, f := range a.Features {
		out[f] = string(a.Rows[0].Values[i]) + " " + statuses[i]
	}
	return out
}

// audit closes the online side and audits what it served. It wants classes by column, "" those of no other; all others the same.
func (s *ground) audit(code int, want map[string]audit.Class, others audit.Class) *audit.Report {
	s.t.Helper()
	s.done()
	r := audited(s.t, s.dir, "v", code)
	if len(r.Columns) == 0 {
		s.t.Fatal("nothing is audited")
	}
	for _, c := range r.Columns {
		class, ok := want[c.Name]
		if !ok {
			class = others
		}
		if c.Classes[class] == 0 || len(c.Classes) > 2 || len(c.Classes) == 2 && c.Classes[audit.Same] == 0 {
			why := ""
			if c.Worst != nil {
				why = fmt.Sprintf("%s: served %s, history %s", c.Worst.Why, c.Worst.Value, c.Worst.History)
			}
			s.t.Errorf("%s is %v, want %s (%s)", c.Name, c.Classes, class, why)
		}
	}
	return r
}

func worst(t *testing.T, r *audit.Report, column string) *audit.Example {
	t.Helper()
	for _, c := range r.Columns {
		if c.Name == column && c.Worst != nil {
			return c.Worst
		}
	}
	t.Fatalf("%s has no example", column)
	return nil
}

const header = "k,ts,x\n"

// Each cause of a difference is provoked once, and named.
func TestAuditNamesCauses(t *testing.T) {
	t.Run("nothing differs", func(t *testing.T) {
		s := serveClasses(t, classFeatures, header)
		s.push("a 10:00:00 3", "a 10:20:00 4", "b 10:30:00 9")
		s.ask("a")
		s.ask("b")
		r := s.audit(exitGood, nil, audit.Same)
		if r.Rows != 2 || r.Values != 12 {
			t.Errorf("%d rows, %d values", r.Rows, r.Values)
		}
	})
	t.Run("a default is one on both sides", func(t *testing.T) {
		s := serveClasses(t, classFeatures, header)
		s.push("b 10:30:00 9")
		s.ask("a")
		s.audit(exitGood, map[string]audit.Class{"g__x_max_2d": audit.Defaulted}, audit.Same)
	})
	t.Run("a row comes after the answer", func(t *testing.T) {
		s := serveClasses(t, classFeatures, header)
		s.push("a 10:00:00 3", "b 10:30:00 9")
		s.ask("a")
		s.push("a 10:10:00 5")
		s.ask("a")
		r := s.audit(exitGood, map[string]audit.Class{"g__x_min_1h": audit.Same}, audit.Late)
		e := worst(t, r, "g__x_sum_1h")
		if string(e.Value) != "3" || string(e.History) != "8" || len(e.Missing) != 1 || string(e.Missing[0].Columns["x"]) != "5" || e.Missing[0].Arrival == "" {
			t.Errorf("the example of a late row: %+v", e)
		}
	})
	t.Run("a row comes later than lateness allows", func(t *testing.T) {
		s := serveClasses(t, classFeatures, header)
		s.push("a 10:00:00 3", "b 11:30:00 9", "a 10:20:00 8") // the clock says 11:30
		s.push("b 11:31:00 9", "a 11:00:00 1")
		s.ask("a")
		r := s.audit(exitGood, map[string]audit.Class{"g__x_max_2d": audit.Late}, audit.Same)
		if e := worst(t, r, "g__x_max_2d"); !strings.Contains(e.Why, "lateness") {
			t.Errorf("the reason is %q", e.Why)
		}
	})
	t.Run("a row comes behind the batch watermark", func(t *testing.T) {
		s := serveClasses(t, fileFeatures, header+"a,2024-01-01T10:00:00Z,5\na,2024-01-01T11:00:00Z,6\n")
		s.done()
		mustRun(t, s.dir, "backfill", "--online", "--to", "2024-01-02")
		before := outside.clock
		defer func() { outside.clock = before }()
		outside.clock = func() int64 { return before() + 60_000 } // what comes now comes well after batch has read
		s.open()
		s.push("a 00:20:00 1")
		body := `{"k":"a","ts":"2024-01-01T23:50:00Z","x":40}`
		if err := s.caller.call(t.Context(), "POST", "/v1/events/e", "application/x-ndjson", strings.NewReader(body), nil); err != nil {
			t.Fatal(err)
		}
		s.push("a 00:30:00 2")
		if got := s.ask("a")["g__x_sum_1h"]; got != "3 present" {
			t.Fatalf("served %s", got)
		}
		s.audit(exitGood, map[string]audit.Class{"g__x_min_1h": audit.Same}, audit.Behind)
	})
	t.Run("part of a window was never seen", func(t *testing.T) {
		s := serveClasses(t, fileFeatures, header+"a,2024-01-02T10:00:00Z,5\na,2024-01-02T10:05:00Z,6\n")
		s.push("a 10:30:00 3")
		if got := s.ask("a")["g__x_sum_1h"]; got != "3 partial" {
			t.Fatalf("served %s", got)
		}
		s.audit(exitGood, map[string]audit.Class{"g__x_min_1h": audit.Same}, audit.Partial)
	})
	t.Run("the definition changes", func(t *testing.T) {
		s := serveClasses(t, classFeatures, header)
		s.push("a 10:00:00 3", "b 10:30:00 9")
		s.ask("a")
		s.done()
		changed := strings.Replace(classFeatures, `bh.sum("x", windows=["1h"])`, `bh.sum("x", windows=["1h"], where="x > 5")`, 1)
		if err := os.WriteFile(filepath.Join(s.dir, "features.py"), []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
		mustRun(t, s.dir, "apply", "--yes")
		s.audit(exitGood, map[string]audit.Class{"g__x_sum_1h": audit.Changed, "twice": audit.Changed}, audit.Same)
	})
	t.Run("an answer is as old as max_staleness allows", func(t *testing.T) {
		s := serveClasses(t, strings.Replace(classFeatures, `deadline="20s"`, `deadline="20s", max_staleness="1h"`, 1), header)
		s.push("a 10:00:00 3", "b 10:30:00 9")
		s.ask("a")
		s.push("b 11:15:00 9")
		if got := s.ask("a")["g__x_sum_1h"]; got != "3 present" {
			t.Fatalf("served %s", got)
		}
		s.audit(exitGood, map[string]audit.Class{"g__x_max_2d": audit.Same}, audit.Stale)
	})
	t.Run("the log no longer has the rows", func(t *testing.T) {
		s := serveClasses(t, classFeatures, header)
		s.push("a 10:00:00 3", "b 10:30:00 9")
		s.tiles(func(_ *plan.Space, p *store.Put) { p.Bytes = nil }) // as if its rows were others
		s.ask("a")
		s.done()
		toml := "[serve]\nclock = \"events\"\n[events]\nkeep = \"1h\"\n"
		if err := os.WriteFile(filepath.Join(s.dir, "bighead.toml"), []byte(toml), 0o644); err != nil {
			t.Fatal(err)
		}
		s.audit(exitGood, map[string]audit.Class{"g__n_1h": audit.Same}, audit.Gone)
	})
	t.Run("a tile is damaged", func(t *testing.T) {
		s := serveClasses(t, classFeatures, header)
		s.push("a 10:00:00 3", "b 10:30:00 9")
		s.tiles(func(space *plan.Space, p *store.Put) { p.Bytes[len(p.Bytes)-1] ^= 1 })
		if got := s.ask("a")["g__x_min_1h"]; got != "-1 fallback" {
			t.Fatalf("served %s", got)
		}
		s.audit(exitGood, map[string]audit.Class{"g__x_min_1h": audit.Fallback, "g__n_1h": audit.Same}, audit.Failed)
	})
}

// tiles lets a test change the tiles of a key a as they lie in the store.
func (s *ground) tiles(change func(space *plan.Space, p *store.Put)) {
	s.t.Helper()
	space := plan.SpaceOf(s.online.now.typed.Groups[0])
	w := &store.Write{}
	for _, l := range space.Levels {
		err := s.online.store.Scan(s.t.Context(), space.ID, l.Step, func(key string, start int64, b []byte) error {
			if key == string(value.Append(nil, value.OfString("a"))) {
				p := store.Put{Space: space.ID, Key: key, Step: l.Step, Start: start, Bytes: append([]byte{}, b...)}
				change(space, &p)
				w.Puts = append(w.Puts, p)
			}
			return nil
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	if len(w.Puts) == 0 {
		s.t.Fatal("the key has no tiles")
	}
	if err := s.online.store.Write(s.t.Context(), w); err != nil {
		s.t.Fatal(err)
	}
}

// Files that are torn, or no files of ours, are named, and the others are audited.
func TestAuditOfTornFiles(t *testing.T) {
	s := serveClasses(t, classFeatures, header)
	s.push("a 10:00:00 3", "b 10:30:00 9")
	s.ask("a")
	s.done()
	s.open()
	s.ask("b")
	s.done()
	dir := filepath.Join(s.dir, ".bighead", "served", "v")
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%v %v", entries, err)
	}
	whole, err := os.ReadFile(filepath.Join(dir, entries[0].Name()))
	if err != nil {
		t.Fatal(err)
	}
	stem := entries[0].Name()[:len("2006-01-02T15-0123456789ab-")]
	for name, text := range map[string][]byte{
		stem + "aaaaaaaaaaaa-000000-000001.parquet": whole[:len(whole)/2], stem + "bbbbbbbbbbbb-000000-000001.parquet": {}, "notes.txt": []byte("mine"),
		"." + entries[0].Name() + ".0123456789abcdef.tmp": whole[:10],
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	r := audited(t, s.dir, "v", exitGood)
	if r.Rows != 2 || len(r.Damaged) != 3 {
		t.Errorf("%d rows are audited, and %q not", r.Rows, r.Damaged)
	}
}

// What a value is made of online stands beside what history makes of it.
func TestWhyOnline(t *testing.T) {
	s := serveClasses(t, classFeatures, header)
	s.push("a 10:00:00 3", "a 10:10:00 4", "b 10:30:00 9")
	s.done()
	why := func(feature string) *onlineWhy {
		t.Helper()
		var w onlineWhy
		if err := json.Unmarshal([]byte(mustRun(t, s.dir, "why", "v", feature, "k=a", "--json")), &w); err != nil {
			t.Fatal(err)
		}
		return &w
	}
	w := why("g__x_sum_1h")
	if w.Online.At != "2024-01-02T10:30:00.001Z" || string(w.Online.Value) != "7" || w.Online.Status != "present" || !w.Same || string(w.History.Value) != "7" || *w.History.Rows != 2 {
		t.Errorf("%+v %+v", w.Online, w.History)
	}
	sum := 0
	for _, p := range w.Online.Pieces {
		var n int
		if err := json.Unmarshal(p.Alone, &n); err != nil || p.By != "stream" || p.What != "tile" || p.From == "" || len(p.Read) != 1 {
			t.Errorf("%+v", p)
		}
		sum += n
	}
	if sum != 7 {
		t.Errorf("the tiles alone come to %d: %+v", sum, w.Online.Pieces)
	}
	if w := why("g__n_1h"); len(w.Online.Pieces) == 0 || w.Online.Pieces[0].What != "rows" || !w.Same {
		t.Errorf("of rows: %+v", w.Online)
	}
	s.open()
	s.tiles(func(_ *plan.Space, p *store.Put) { p.Bytes = nil })
	s.done()
	if w := why("g__x_sum_1h"); w.Same || len(w.Online.Pieces) > 0 || string(w.History.Value) != "7" {
		t.Errorf("of lost tiles: %+v", w.Online)
	}
	if out := mustRun(t, s.dir, "why", "v", "g__x_sum_1h", "k=a"); !strings.Contains(out, "history gives another") || !strings.Contains(out, "null (empty) online at 2024-01-02T10:30:00.001Z") {
		t.Error(out)
	}
	if code, _, stderr := bighead(t, s.dir, "why", "v", "twice", "k=a"); code != exitMistake || !strings.Contains(stderr, "no feature of a group") {
		t.Errorf("of a derived column: %d %s", code, stderr)
	}
	if code, _, stderr := bighead(t, s.dir, "why", "v", "g__x_sum_1h"); code != exitMistake || !strings.Contains(stderr, "k=… is missing") {
		t.Errorf("without a key: %d %s", code, stderr)
	}
}

// What nothing explains is skew: faults are planted, and found at the right feature with both sides.
func TestAuditFindsSkew(t *testing.T) {
	t.Run("a tile is changed in the store", func(t *testing.T) {
		s := serveClasses(t, classFeatures, header)
		s.push("a 10:00:00 3", "a 10:10:00 4", "b 10:30:00 9")
		s.tiles(func(space *plan.Space, p *store.Put) {
			tile, err := space.Layout().Decode(p.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			for i := range space.Layout().Folds() {
				if f := space.Folds[i]; f.Kind == agg.KindIntSum {
					tile.State(i).Merge(tile.State(i).Clone())
				}
			}
			p.Bytes = space.Layout().Append(nil, tile)
		})
		if got := s.ask("a")["g__x_sum_1h"]; got != "14 present" {
			t.Fatalf("served %s", got)
		}
		r := s.audit(exitMistake, map[string]audit.Class{"g__x_sum_1h": audit.Skew, "g__mean_1h": audit.Skew, "twice": audit.Skew}, audit.Same)
		e := worst(t, r, "g__x_sum_1h")
		if string(e.Value) != "14" || string(e.History) != "7" || string(e.Key["k"]) != `"a"` || e.Total != 2 || len(e.Rows) != 2 || e.Read == nil {
			t.Errorf("the example of a changed tile: %+v", e)
		}
	})
	t.Run("a tile is lost", func(t *testing.T) {
		s := serveClasses(t, classFeatures, header)
		s.push("a 10:00:00 3", "a 10:10:00 4", "b 10:30:00 9")
		s.tiles(func(_ *plan.Space, p *store.Put) { p.Bytes = nil })
		if got := s.ask("a")["g__x_sum_1h"]; got != "null empty" {
			t.Fatalf("served %s", got)
		}
		s.audit(exitMistake, map[string]audit.Class{"g__n_1h": audit.Same}, audit.Skew)
	})
	t.Run("a finish is wrong", func(t *testing.T) {
		s := serveClasses(t, classFeatures, header)
		s.push("a 10:00:00 3", "a 10:10:00 4", "b 10:30:00 9")
		wrong, _ := agg.Lookup("sum")
		for _, f := range s.online.now.typed.Groups[0].Features {
			if f.Name == "mean_1h" {
				f.Agg = wrong
			}
		}
		s.ask("a")
		r := s.audit(exitMistake, map[string]audit.Class{"g__mean_1h": audit.Skew}, audit.Same)
		if e := worst(t, r, "g__mean_1h"); string(e.Value) == "3.5" || string(e.History) != "3.5" || e.Total != 2 {
			t.Errorf("the example of a wrong finish: %+v", e)
		}
	})
	t.Run("a value is partial, and wrong too", func(t *testing.T) {
		s := serveClasses(t, fileFeatures, header+"a,2024-01-02T10:00:00Z,5\n")
		s.push("a 10:30:00 3", "b 10:40:00 1")
		s.tiles(func(_ *plan.Space, p *store.Put) { p.Bytes = nil })
		if got := s.ask("a")["g__x_sum_1h"]; got != "null partial" {
			t.Fatalf("served %s", got)
		}
		s.audit(exitMistake, map[string]audit.Class{"g__n_1h": audit.Partial}, audit.Skew)
	})
	t.Run("the stream never had a row of the files", func(t *testing.T) {
		s := serveClasses(t, classFeatures, header)
		s.push("a 10:00:00 3", "b 10:30:00 9")
		s.ask("a")
		s.done()
		if err := os.WriteFile(filepath.Join(s.dir, "bighead.toml"), []byte("[serve]\nclock = \"events\"\n[source.e]\npath = \"late.csv\"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.dir, "late.csv"), []byte(header+"a,2024-01-02T09:55:00Z,50\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		r := s.audit(exitMistake, map[string]audit.Class{"g__x_min_1h": audit.Same}, audit.Skew)
		if e := worst(t, r, "g__x_sum_1h"); !strings.Contains(e.Why, "never had") {
			t.Errorf("the reason is %q", e.Why)
		}
	})
	t.Run("what text says", func(t *testing.T) {
		s := serveClasses(t, classFeatures, header)
		s.push("a 10:00:00 3", "b 10:30:00 9")
		s.tiles(func(_ *plan.Space, p *store.Put) { p.Bytes = nil })
		s.ask("a")
		s.done()
		code, out, _ := bighead(t, s.dir, "audit", "v", "--since", "1d")
		for _, want := range []string{"v: 1 vector served since", "5 skew", "g__x_sum_1h: skew", "for k=a at 2024-01-02T10:30:00.001Z", "served  null (empty)", "history 3",
			"bighead why v g__x_sum_1h k=a --at 2024-01-02T10:30:00.001Z"} {
			if !strings.Contains(out, want) {
				t.Errorf("the report does not say %q", want)
			}
		}
		if code != exitMistake || t.Failed() {
			t.Errorf("it answers %d:\n%s", code, out)
		}
	})
}
