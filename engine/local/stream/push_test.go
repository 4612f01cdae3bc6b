package stream

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/value"
)

func TestRowsAreAnsweredOneByOne(t *testing.T) {
	w := newWorld(t, newMemoryStore(true))
	w.o.DeadLetters = t.TempDir()
	w.time.set(noon)
	streams := clicks(t, nil, count("1h"))
	w.open(streams)
	defer w.kill()
	got := w.push(click(1, -5) + click(2, -4) + "\n" + click(1, -5) + `{"user":"a","id":3}` + "\n" + `{"user":"a","prise":1}` + "\n{\n")
	want := Result{Source: "clicks", Accepted: 2, Duplicated: 1, NotYet: 1, Rejected: []Reject{{6, `unknown field "prise"; did you mean "price"?`}, {7, "not a JSON object"}}}
	if len(got.Rejected) == 2 {
		got.Rejected[1].Reason, _, _ = strings.Cut(got.Rejected[1].Reason, ":")
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("%+v\nwant %+v", got, want)
	}
	w.flush()
	w.wants(streams[0].Spaces[0], noon, "2")
	c := w.Status().Sources[0].Counts
	if c != (SourceCounts{Accepted: 3, NotYet: 1, Copies: 1, Rejected: 2}) {
		t.Errorf("%+v", c)
	}
	if g := w.stands(0).Counts; g != (GroupCounts{NullTime: 1, Applied: 2}) {
		t.Errorf("%+v", g)
	}
	letters := lettersOf(t, w.o.DeadLetters, "clicks")
	if len(letters) != 2 || letters[0].Event != `{"user":"a","prise":1}` || letters[0].Time != "2024-01-01T12:00:00Z" || letters[1].Line != 7 {
		t.Errorf("%+v", letters)
	}
}

func TestABatchUnderANameCountsOnce(t *testing.T) {
	streams := clicks(t, func(s *feature.SourceDef) { s.ID = nil }, count("1h"))
	w := opened(t, streams)
	for i := range 2 {
		got, err := w.Push(t.Context(), "clicks", []byte(click(1, -1)), "batch 7")
		if err != nil || got[0].Again != (i == 1) || got[0].Accepted != int64(1-i) || got[0].Duplicated != int64(i) {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	w.flush()
	w.wants(streams[0].Spaces[0], noon, "1")
}

func TestATopicStandsForItsSources(t *testing.T) {
	src := feature.SourceDef{Kind: feature.EventSource, Time: text("ts"), Topic: &feature.PlaceDef{Name: *text("web")}, Columns: []feature.ColumnDef{
		{Name: *text("user"), Type: feature.TypeDef{Type: "string"}}, {Name: *text("ts"), Type: feature.TypeDef{Type: "timestamp"}}}}
	other := src
	src.Name, other.Name = *text("views"), *text("visits")
	other.Columns = append(other.Columns[:2:2], feature.ColumnDef{Name: *text("page"), Type: feature.TypeDef{Type: "string"}})
	defs := &feature.Definitions{Version: feature.FormatVersion, Sources: []feature.SourceDef{src, other}}
	for i := range 2 {
		defs.Groups = append(defs.Groups, feature.GroupDef{Name: *text(fmt.Sprint("g", i)), Source: &feature.Ref{Index: i}, Keys: []feature.Text{*text("user")}, Features: count("1h")})
	}
	p, problems := feature.Check(defs, feature.Options{})
	if problems.Failed() {
		t.Fatal(problems.Err())
	}
	w := opened(t, plan.ForStream(p.Groups))
	got, err := w.Push(t.Context(), "web", []byte(fmt.Sprintf(`[{"user": "a", "ts": %d, "page": "p"}, {"user": "b", "pages": 1}]`, noon-1)), "")
	if err != nil || len(got) != 2 || got[0].Source != "views" || got[0].Accepted != 1 || got[1].Accepted != 1 || len(got[0].Rejected) != 1 || len(got[1].Rejected) != 1 || got[1].Rejected[0].Line != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := w.Push(t.Context(), "vists", nil, ""); err == nil || !strings.Contains(err.Error(), `did you mean "visits"`) {
		t.Errorf("%v", err)
	}
}

func TestOnlyEventsWithAnIdAreCopies(t *testing.T) {
	streams := clicks(t, func(s *feature.SourceDef) { s.Where = text("price > 1") }, count("1h"))
	w := opened(t, streams)
	row := func(id, price string) string {
		return fmt.Sprintf(`{"user":"a","id":%s,"ts":%d,"price":%s}`+"\n", id, noon-5, price)
	}
	w.push(row("null", "2") + row("null", "2") + row("1", "0") + row("1", "2") + row("1", "2"))
	w.flush()
	w.wants(streams[0].Spaces[0], noon, "3")
	if c := w.Status().Sources[0].Counts; c.Copies != 1 {
		t.Errorf("%+v", c)
	}
}

func TestOffsetsOfATopicAreKept(t *testing.T) {
	streams := clicks(t, func(s *feature.SourceDef) { s.ID = nil }, count("1h"))
	w := opened(t, streams)
	rows := func(n int) *value.Batch {
		var body string
		for i := range n {
			body += click(i, -int64(i)-1)
		}
		return decoded(t, streams[0].Source, body)
	}
	for _, offsets := range [][]int64{{5, 7}, {5, 7, 8}} {
		if _, err := w.Ingest(t.Context(), "clicks", 3, offsets, rows(len(offsets))); err != nil {
			t.Fatal(err)
		}
	}
	w.flush()
	w.wants(streams[0].Spaces[0], noon, "3")
	if at, err := w.Positions("clicks"); err != nil || at[3] != 8 {
		t.Errorf("%v, %v", at, err)
	}
}

func TestSourcesWithoutATimeTakeNoEvents(t *testing.T) {
	defs := &feature.Definitions{Version: feature.FormatVersion, Sources: []feature.SourceDef{{Kind: feature.EntitySource, Name: *text("planes"), Keys: []feature.Text{*text("k")},
		Columns: []feature.ColumnDef{{Name: *text("k"), Type: feature.TypeDef{Type: "string"}}, {Name: *text("x"), Type: feature.TypeDef{Type: "int"}}}}}}
	defs.Groups = []feature.GroupDef{{Name: *text("g"), Source: &feature.Ref{Index: 0}, Features: []feature.FeatureDef{{Aggregation: "latest", Input: text("x")}}}}
	p, problems := feature.Check(defs, feature.Options{})
	if problems.Failed() {
		t.Fatal(problems.Err())
	}
	w := opened(t, plan.ForStream(p.Groups))
	if _, err := w.Push(t.Context(), "planes", []byte(`{"k":"a"}`), ""); err == nil {
		t.Error("rows are taken")
	}
}
