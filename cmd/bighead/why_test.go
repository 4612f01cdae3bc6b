package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/value"
)

const whyFeatures = `import bighead as bh
e = bh.EventSource("e", path="e.csv", time="ts")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.sum("x + 1", windows=["1h"], name="s", default=0), bh.last("x")])
v = bh.FeatureView("v", groups=[g], request={"r": bh.Int, "o": bh.optional(bh.Int)},
    derive={"ratio": "twice / r", "twice": "2 * g__x_last", "hour": "extract(hour from at)", "one": "1", "with_o": "coalesce(o, 7)"})
t = bh.TrainingSet("t", view=v, spine=bh.Spine(e, at="ts", columns={"r": "x + 1", "o": "x"}))
`

// Every column of a view says where it comes from: a feature its interval, a derived column what it reads, a field of the request who
// gives it.
func TestWhy(t *testing.T) {
	dir := smallProject(t, whyFeatures)
	for _, c := range []struct{ line, says string }{
		{"g__s_1h k=a", "g__s_1h = 3\n  is sum(x + 1), or 0 where that is null, of source e for k=a\n  at 2024-01-01T11:30:00Z that is [2024-01-01T10:30:00Z, 2024-01-01T11:30:00Z), by " +
			"[floor(t - 1h, 1m), t)\n  1 row lies in it, of 2 rows of this key\n\n  newest first:\n    time                  x  x + 1\n    2024-01-01T11:00:00Z  2  3\n"},
		{"g__s_1h k=c", "g__s_1h = 0\n  is sum(x + 1), or 0 where that is null, of source e for k=c\n  at 2024-01-01T11:30:00Z that is [2024-01-01T10:30:00Z, 2024-01-01T11:30:00Z), by " +
			"[floor(t - 1h, 1m), t)\n  0 rows lie in it, of 0 rows of this key\n"},
		{"ratio k=a r=8", "ratio = 0.5\n  is twice / r, derived in view v\n  at 2024-01-01T11:30:00Z for k=a, r=8\n\n    it reads  value  which is\n" +
			"    twice         4  derived: 2 * g__x_last\n    r             8  of the request\n"},
		{"twice k=a", "twice = 4\n  is 2 * g__x_last, derived in view v\n  at 2024-01-01T11:30:00Z for k=a\n\n    it reads   value  which is\n" +
			"    g__x_last      2  last(x) of source e over [-∞, t)\n"},
		{"hour", "hour = 11\n  is extract(hour from at), derived in view v\n  at 2024-01-01T11:30:00Z\n\n    it reads                 value  which is\n    at        2024-01-01T11:30:00Z  the time that is asked for\n"},
		{"one", "one = 1\n  is 1, derived in view v\n  at 2024-01-01T11:30:00Z\n"},
		{"with_o", "with_o = 7\n  is coalesce(o, 7), derived in view v\n  at 2024-01-01T11:30:00Z\n\n    it reads  value  which is\n    o          null  of the request\n"},
		{"r r=5", "r = 5\n  is a field of the request: a value of type int comes with each row that is asked for\n  in training set t it is x + 1 of the spine's row\n"},
		{"r", "r\n  is a field of the request"},
	} {
		code, out, stderr := bighead(t, dir, append(append([]string{"why", "v"}, strings.Fields(c.line)...), "--at", "2024-01-01T11:30:00Z")...)
		if code != exitGood || !strings.HasPrefix(out, c.says) {
			t.Errorf("why v %s answers %d\n%s%s\nwant\n%s", c.line, code, out, stderr, c.says)
		}
	}
	for _, c := range []struct{ line, says string }{
		{"ratio r=8", "k=… is missing: ratio needs k, r"},
		{"ratio k=a", "r=… is missing: ratio needs k, r"},
		{"ratio k=a r=many", "r: "},
	} {
		code, out, stderr := bighead(t, dir, append(append([]string{"why", "v"}, strings.Fields(c.line)...), "--at", "2024-01-01T11:30:00Z")...)
		if code != exitMistake || out != "" || !strings.Contains(stderr, c.says) {
			t.Errorf("why v %s answers %d\n%s%s\nwant %s", c.line, code, out, stderr, c.says)
		}
	}
}

// The rows that `why` counts and shows are those that count: of copies the one that E3 names, whatever its key, and as far as it was known.
func TestWhyCountsCopiesOnce(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	dir := smallProject(t, `import bighead as bh
e = bh.EventSource("e", path="e.csv", time="ts", id="id", where="x < 4", known_at="known", columns={"k": bh.String, "ts": bh.Timestamp, "x": bh.Int, "id": bh.Int, "known": bh.Timestamp})
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.count(windows=["2h"], name="n"), bh.sum("x", name="s")])
v = bh.FeatureView("v", groups=[g])
`)
	cell := func(kinds int, text func(i int) string) string {
		if r.IntN(12) == 0 {
			return ""
		}
		return text(r.IntN(kinds))
	}
	text := "k,ts,x,id,known\n"
	for range 80 {
		hour := func(i int) string { return fmt.Sprintf("2024-01-01T%02d:00:00Z", 10+i) }
		number := func(i int) string { return fmt.Sprint(i) }
		text += strings.Join([]string{cell(2, func(i int) string { return "ab"[i : i+1] }), cell(4, hour), cell(5, number), cell(8, number), cell(6, hour)}, ",") + "\n"
	}
	text += strings.Repeat("a,2024-01-01T10:00:00Z,1,3,2024-01-01T10:00:00Z\n", 2) // copies, whatever is drawn
	if err := os.WriteFile(filepath.Join(dir, "e.csv"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	c := &cli{stdin: strings.NewReader(""), stdout: t.Output(), stderr: t.Output(), dir: dir}
	l, err := c.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	copies := int64(0)
	for hour := 10; hour < 16; hour++ {
		at, _ := value.ParseTimestamp(fmt.Sprintf("2024-01-01T%02d:30:00Z", hour))
		for _, key := range []string{"k=a", "k=b"} {
			n, err := c.why(t.Context(), l, "v", "g__n_2h", []string{key}, at)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(*n.Rows); got != string(n.Value) || int64(len(n.Events)) != *n.Rows {
				t.Errorf("for %s at %d:30 %s rows are counted of %s, %d shown", key, hour, got, n.Value, len(n.Events))
			}
			s, err := c.why(t.Context(), l, "v", "g__s", []string{key}, at)
			if err != nil {
				t.Fatal(err)
			}
			sum := int64(0)
			for _, e := range s.Events {
				var x int64
				_ = json.Unmarshal(e["input"].(json.RawMessage), &x) // null adds nothing
				sum += x
			}
			if string(s.Value) != fmt.Sprint(sum) && string(s.Value) != "null" {
				t.Errorf("for %s at %d:30 the rows add up to %d, not %s", key, hour, sum, s.Value)
			}
			copies += n.Copies + s.Copies
		}
	}
	if copies == 0 {
		t.Error("no row is a copy: the test tests nothing")
	}
}
