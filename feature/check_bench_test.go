package feature_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// bigProject is a project of that many groups of 20 features over 30 sources, and a view over every 50 groups: P11 of
// docs/performance.md asks for 1,500 groups.
func bigProject(groups int) *feature.Definitions {
	line := 0
	text := func(format string, args ...any) feature.Text {
		line++
		return feature.Text{Value: fmt.Sprintf(format, args...), At: feature.Span{Pos: feature.Pos{File: "features.py", Line: line, Col: 1}, EndLine: line, EndCol: 9}}
	}
	optional := func(format string, args ...any) *feature.Text { t := text(format, args...); return &t }
	d := &feature.Definitions{Version: feature.FormatVersion}
	const sources = 30
	for i := range sources {
		d.Sources = append(d.Sources, feature.SourceDef{Kind: feature.EventSource, Name: text("source_%d", i), Path: optional("%d.parquet", i), Time: optional("ts"),
			ID: optional("id"), Where: optional("not deleted")})
	}
	aggregations := []string{"sum", "avg", "min", "max", "variance"}
	for i := range groups {
		g := feature.GroupDef{Name: text("group_%d", i), Source: &feature.Ref{Index: i % sources}, Keys: []feature.Text{text("key_%d", i%5)}}
		for j := range 5 {
			g.Features = append(g.Features, feature.FeatureDef{
				Aggregation: aggregations[j], Input: optional("coalesce(x_%d, 0.0) * %d.5 + case when x_%d > 3 then 1 else 0 end", j, i%40, j), Name: optional("f_%d", j),
				Windows: []feature.Text{text("1h"), text("1d"), text("7d"), text("30d")}, Where: optional("x_%d > %d", j, i%7),
			})
		}
		d.Groups = append(d.Groups, g)
	}
	for i := 0; i < groups; i += 50 {
		v := feature.ViewDef{Name: text("view_%d", i), Derive: []feature.NamedSQL{{Name: text("r"), SQL: text("group_%d__f_1_1h / group_%d__f_1_30d", i, i)}}}
		for j := i; j < min(i+50, groups); j++ {
			v.Groups = append(v.Groups, feature.GroupUse{Group: feature.Ref{Index: j}})
		}
		d.Views = append(d.Views, v)
	}
	return d
}

func bigSchema(feature.Place) (value.Schema, []string, error) {
	s := value.Schema{{Name: "ts", Type: value.Timestamp}, {Name: "id", Type: value.String}, {Name: "deleted", Type: value.Bool}}
	for i := range 40 {
		s = append(s, value.Field{Name: fmt.Sprintf("x_%d", i), Type: value.Float}, value.Field{Name: fmt.Sprintf("key_%d", i), Type: value.String})
	}
	return s, nil, nil
}

func TestBigProject(t *testing.T) {
	p, problems := feature.Check(bigProject(100), feature.Options{Schema: bigSchema})
	if len(problems) > 0 || len(p.Groups) != 100 || len(p.Views) != 2 || len(p.Views[1].Columns) != 50*20+1 {
		t.Fatalf("%d groups, %d views, problems %v", len(p.Groups), len(p.Views), problems[:min(3, len(problems))])
	}
}

// BenchmarkCheck is P11's share of this room: 30,000 features in 1,500 groups, typed, with fingerprints.
func BenchmarkCheck(b *testing.B) {
	d := bigProject(1500)
	b.ReportAllocs()
	for b.Loop() {
		if _, problems := feature.Check(d, feature.Options{Schema: bigSchema}); len(problems) > 0 {
			b.Fatal(problems[0])
		}
	}
	var m runtime.MemStats
	runtime.GC()
	p, _ := feature.Check(d, feature.Options{Schema: bigSchema})
	runtime.GC()
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "MiB-live")
	runtime.KeepAlive(p)
}
