package tile

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/value"
)

var rewrite = flag.Bool("rewrite", false, "write the golden file anew")

// layouts has every kind of fold over two of its input types at most.
func layouts() *Layout {
	var folds []agg.Fold
	var names []string
	for _, a := range agg.All() {
		for _, in := range []value.Type{value.Int, value.String} {
			args := agg.Args{}
			k := 2
			for _, p := range a.Params {
				if p.Name == "k" {
					args.K = &k
				}
			}
			hasInput := a.Input.Need == agg.Required
			if hasInput && !a.Input.Allows(in) {
				continue
			}
			if !hasInput {
				in = value.Null
			}
			q := 0.5
			if a.Name == "approx_quantile" {
				args.Q = &q
			}
			_, p, err := a.Check(in, hasInput, args)
			if err != nil {
				continue
			}
			for i, f := range a.Folds(in, p) {
				folds = append(folds, f)
				names = append(names, fmt.Sprintf("%s %s %d", a.Name, in, i))
			}
		}
	}
	return NewLayout(folds, names)
}

func filled(l *Layout) *Tile {
	t := l.New()
	t.Newest, t.Through = 1_700_000_000_123, 1_699_920_000_000
	t.Positions.Advance(3, 77)
	t.Positions.Advance(-1, 5)
	t.Positions.Advance(3, 12)
	for i, f := range l.Folds() {
		for n, text := range []string{"7", "19", "7"} {
			v := value.Value{}
			if f.In.Kind != value.KindNull {
				v, _ = value.Parse(f.In, text)
			}
			t.State(i).Add(&agg.Event{TS: int64(n) * 1000, Value: v})
		}
	}
	return t
}

func TestATileReadsBack(t *testing.T) {
	l := layouts()
	if len(l.Folds()) < 20 {
		t.Fatalf("only %d folds", len(l.Folds()))
	}
	b := l.Append(nil, filled(l))
	back, err := l.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if again := l.Append(nil, back); !bytes.Equal(b, again) {
		t.Fatalf("reads back as another tile:\n%x\n%x", b, again)
	}
	if back.Newest != 1_700_000_000_123 || back.Through != 1_699_920_000_000 || !back.Positions.Covers(3, 77) || back.Positions.Covers(3, 78) || back.Positions.Covers(0, 0) || !back.Positions.Covers(-1, 5) {
		t.Fatalf("header %+v", back.Header)
	}
	if empty := l.Append(nil, l.New()); len(empty) > len(l.Folds())+32 {
		t.Fatalf("a tile of nothing takes %d bytes", len(empty))
	}
}

// TestGoldenTile holds the encodings of all versions that are read: each is written as its file has it, and read back whole. Under the build
// tag nextversion there is one more, that no store holds.
func TestGoldenTile(t *testing.T) {
	l := layouts()
	for version := byte(Oldest); version <= Version; version++ {
		encoded := l.AppendAs(nil, filled(l), version)
		got := hex.EncodeToString(encoded)
		file := fmt.Sprintf("testdata/tile-v%d.hex", version)
		if version == Version && next == 1 {
			file = "testdata/tile-next.hex"
		}
		if *rewrite {
			if err := os.WriteFile(file, []byte(got+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(string(want)) != got {
			t.Errorf("the encoding of version %d has changed: what is stored can no longer be read; raise Version and read both", version)
		}
		back, err := l.Decode(encoded)
		if err != nil || VersionOf(encoded) != version {
			t.Fatalf("version %d: %v", version, err)
		}
		for v := byte(Oldest); v <= Version; v++ { // what is read is written in any of them
			if !bytes.Equal(l.AppendAs(nil, back, v), l.AppendAs(nil, filled(l), v)) {
				t.Errorf("a tile of version %d is another one in version %d", version, v)
			}
		}
	}
}

func TestNoDamageIsRead(t *testing.T) {
	l := layouts()
	b := l.Append(nil, filled(l))
	for i := range b {
		for bit := range 8 {
			bad := bytes.Clone(b)
			bad[i] ^= 1 << bit
			if _, err := l.Decode(bad); !errors.Is(err, ErrDamaged) {
				t.Fatalf("bit %d of byte %d flipped: %v", bit, i, err)
			}
		}
	}
	for n := range b {
		if _, err := l.Decode(b[:n]); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	other := NewLayout(l.Folds(), append([]string{"another meaning"}, make([]string, len(l.Folds())-1)...))
	if _, err := other.Decode(b); !errors.Is(err, ErrOther) {
		t.Fatalf("under another layout: %v", err)
	}
	for _, version := range []byte{Oldest - 1, Version + 1} {
		foreign := bytes.Clone(b[:len(b)-4])
		foreign[0] = version
		if _, err := l.Decode(seal(foreign, 0)); !errors.Is(err, ErrOther) {
			t.Fatalf("a tile of version %d: %v", version, err)
		}
	}
}

func TestMergeOfTilesIsTheTileOfAll(t *testing.T) {
	l := layouts()
	a, b := filled(l), filled(l)
	b.Newest, b.Positions = 5, Positions{{1, 9}}
	a.Merge(b)
	if a.Newest != 1_700_000_000_123 || !a.Positions.Covers(1, 9) || !a.Positions.Covers(3, 77) {
		t.Fatalf("header %+v", a.Header)
	}
	states := []agg.State{l.Folds()[0].New()}
	scratch := l.New()
	for range 2 {
		if _, err := l.MergeInto(states, []int{0}, l.Append(nil, filled(l)), scratch); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := agg.AppendState(nil, states[0]), agg.AppendState(nil, a.State(0)); !bytes.Equal(got, want) {
		t.Fatalf("merged %x, want %x", got, want)
	}
}

func TestFoldsThatAreNotWantedAreLeftAlone(t *testing.T) {
	l := layouts()
	full := filled(l)
	b := l.Append(nil, full)
	for _, wanted := range [][]int{{}, {0}, {len(l.Folds()) - 1}, {1, 4, 5}} {
		got := l.New()
		if err := l.DecodeFolds(got, b, wanted); err != nil {
			t.Fatal(err)
		}
		for i := range l.Folds() {
			want := l.Folds()[i].New()
			if slices.Contains(wanted, i) {
				want = full.State(i)
			}
			if !bytes.Equal(agg.AppendState(nil, got.State(i)), agg.AppendState(nil, want)) {
				t.Errorf("%v wanted: fold %d", wanted, i)
			}
		}
		if got.Newest != full.Newest {
			t.Errorf("%v wanted: header %+v", wanted, got.Header)
		}
	}
}

func someRows() (*RowLayout, *Rows) {
	l := NewRowLayout("rows of a test", 1, 2)
	r := &Rows{Header: Header{Newest: 9, Through: None}}
	for _, x := range []Row{
		{TS: 5, Tie: []value.Value{value.OfInt(2)}, Cells: []value.Value{value.OfString("b"), {}}},
		{TS: 5, Tie: []value.Value{value.OfInt(9)}, Cells: []value.Value{{}, {}}, Deleted: true},
		{TS: 5, Tie: []value.Value{value.OfInt(11)}, Cells: []value.Value{value.OfString("c"), value.OfFloat(1.5)}},
		{TS: -3, Tie: []value.Value{{}}, Cells: []value.Value{value.OfString("a"), value.OfBool(true)}},
	} {
		r.Add(x)
	}
	return l, r
}

func TestRowsReadBackInOrder(t *testing.T) {
	l, r := someRows()
	back, err := l.Decode(l.Append(nil, r))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range back.Rows {
		got = append(got, fmt.Sprint(x.TS, x.Deleted, x.Tie, x.Cells))
	}
	want := "-3 false [null] [a true]|5 false [2] [b null]|5 false [11] [c 1.5]|5 true [9] [null null]"
	if strings.Join(got, "|") != want {
		t.Fatalf("got %s\nwant %s", strings.Join(got, "|"), want)
	}
}

func FuzzDecode(f *testing.F) {
	l := layouts()
	rl, r := someRows()
	f.Add(l.Append(nil, filled(l)))
	f.Add(rl.Append(nil, r))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 5 { // past the checksum, which chance does not meet
			body := bytes.Clone(b)
			body[0] = Version
			for _, mark := range []uint32{l.mark, rl.mark} {
				body[1], body[2], body[3], body[4] = byte(mark>>24), byte(mark>>16), byte(mark>>8), byte(mark)
				sealed := seal(bytes.Clone(body), 0)
				if tile, err := l.Decode(sealed); err == nil {
					_ = l.Append(nil, tile)
				}
				if rows, err := rl.Decode(sealed); err == nil {
					_ = rl.Append(nil, rows)
				}
			}
		}
	})
}
