package feature_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// decoded reads a recording written by hand.
func decoded(t *testing.T, text string) *feature.Definitions {
	t.Helper()
	d, err := feature.Decode(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// mistakeKinds are the numbers of what Python reports.
var mistakeKinds = map[string]feature.MistakeKind{
	"BH001": feature.FileRaised, "BH002": feature.BadSyntax, "BH003": feature.BadEncoding, "BH004": feature.MissingModule,
	"BH005": feature.FileExited, "BH006": feature.NotAllowed, "BH007": feature.UnknownArgument, "BH008": feature.MissingArgument,
	"BH009": feature.WrongArgument, "BH010": feature.UnknownName, "BH011": feature.NotYet, "BH013": feature.TimedOut,
}

// handMade are the numbers that no definition file makes check report: what Python or a run found, and what the SDK cannot record.
func handMade(t *testing.T) map[string]feature.Problems {
	out := map[string]feature.Problems{}
	for code, kind := range mistakeKinds {
		d := &feature.Definitions{Mistakes: []feature.Mistake{{
			Site: feature.Site{At: feature.Span{Pos: feature.Pos{File: "f.py", Line: 1, Col: 1}, EndLine: 1, EndCol: 2}},
			Kind: kind, Message: "it is wrong", Got: "windos", Names: []string{"windows", "where"},
		}}}
		_, out[code] = feature.Check(d, feature.Options{})
	}
	deep := strings.Repeat("list<", 40) + "int" + strings.Repeat(">", 40)
	_, out["BH024"] = feature.Check(decoded(t, `{"version":1,"sdk":"x","sources":[{"kind":"event","at":"f:1:1-1:2","name":{"text":"s","at":"f:1:1-1:2"},
		"columns":[{"name":{"text":"x","at":"f:2:1-2:2"},"type":{"type":"`+deep+`","at":"f:2:3-2:4"}}],"time":{"text":"ts","at":"f:3:1-3:2"}}]}`), feature.Options{})
	_, out["BH036"] = feature.Check(decoded(t, `{"version":1,"sdk":"x","sources":[{"kind":"event","at":"f:1:1-1:2","name":{"text":"s","at":"f:1:1-1:2"},
		"path":{"text":"flights.parquet","at":"f:2:1-2:2"},"table":{"at":"f:3:1-3:2","name":{"text":"hive:a.b","at":"f:3:1-3:2"}},
		"time":{"text":"dep_time","at":"f:4:1-4:2"}}]}`), feature.Options{Schema: func(p feature.Place) (value.Schema, []string, error) { return schemaOf(feature.Place{Path: p.Path}) }})
	source := &feature.Source{Name: "orders", Pos: feature.Pos{File: "f.py", Line: 3, Col: 1}}
	out["BH086"] = feature.Problems{feature.Revised(source, 12)}
	out["BH087"] = feature.Problems{feature.ShortHistory(source, []string{"a", "b", "c", "d", "e"}, 0, 86_400_000, 1)}
	_, out["BH095"] = feature.Check(&feature.Definitions{}, feature.Options{Resolution: "5m"})
	return out
}

func TestMistakesOfPythonKeepTheirWords(t *testing.T) {
	p := handMade(t)["BH007"][0]
	if p.Message != "it is wrong" || p.At.Line != 1 || p.Near[0] != "windows" || !strings.Contains(p.Advice(), `did you mean "windows"?`) {
		t.Errorf("%+v", p)
	}
}

func TestWordsOfReports(t *testing.T) {
	made := handMade(t)
	for code, want := range map[string]string{
		"BH086": `f.py:3:1: warning[BH086]: source "orders" holds 12 ids with different columns, and has no known_at (give known_at= the column that says when a row arrived; without it values may come from later revisions)`,
		"BH087": `f.py:3:1: warning[BH087]: a, b, c, 2 more of source "orders" begin at 1970-01-02T00:00:00Z, and the spine at 1970-01-01T00:00:00Z: 1 row without any history (begin the training set later: start="1970-01-02T00:00:00Z")`,
		"BH095": `error[BH095]: features.resolution = "5m" in bighead.toml is not known (write "exact", or leave the line out)`,
	} {
		if got := made[code][0].Error(); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", code, got, want)
		}
	}
	_, unknown := feature.Check(&feature.Definitions{}, feature.Options{Batch: "sparc", Stream: "local"})
	if want := `error[BH095]: batch.engine = "sparc" in bighead.toml is not known (write "local" or "spark", or leave the line out)`; len(unknown) != 1 || unknown[0].Error() != want {
		t.Errorf("got %v, want %s", unknown, want)
	}
	d := &feature.Definitions{Mistakes: []feature.Mistake{{Kind: feature.Crashed, Message: "signal: killed"}}}
	if _, got := feature.Check(d, feature.Options{}); got[0].Code.String() != "BH005" || !strings.Contains(got[0].Message, "signal: killed") {
		t.Errorf("%+v", got)
	}
}

// What Python left out of a definition because it was wrong there is not missed a second time.
func TestFlawedArgumentsAreNotMissed(t *testing.T) {
	text := func(s string) string { return `{"text":"` + s + `","at":"f:1:1-1:2"}` }
	d := decoded(t, `{"version":1,"sdk":"x",
	 "sources":[
	  {"kind":"event","at":"f:1:1-1:2","name":`+text("a")+`,"flawed":["path","time"]},
	  {"kind":"entity","at":"f:1:1-1:2","name":`+text("b")+`,"path":`+text("planes.parquet")+`,"flawed":["keys"]},
	  {"kind":"event","at":"f:1:1-1:2","name":`+text("c")+`,"columns":[{"name":`+text("x")+`,"type":{"type":"int","at":"f:1:1-1:2"}}],"time":`+text("ts")+`,"flawed":["columns"]}],
	 "groups":[
	  {"at":"f:1:1-1:2","name":`+text("g")+`,"flawed":["source","keys","features"]},
	  {"at":"f:1:1-1:2","name":`+text("h")+`,"source":{"index":2,"at":"f:1:1-1:2"},"keys":[`+text("k")+`],"features":[
	    {"at":"f:1:1-1:2","aggregation":"top_k","flawed":["input","k","windows"]},
	    {"at":"f:1:1-1:2","aggregation":"count","by_max":{"value":1,"at":"f:1:1-1:2"},"flawed":["by"]}]}],
	 "views":[{"at":"f:1:1-1:2","name":`+text("v")+`,"groups":[{"group":{"index":0,"at":"f:1:1-1:2"}},{"group":{"index":1,"at":"f:1:1-1:2"}}],
	   "derive":[{"name":`+text("d")+`,"sql":`+text("g__anything + h__top_k + k")+`}],"required":[`+text("h__whatever")+`],"flawed":["request"]}],
	 "training_sets":[
	  {"at":"f:1:1-1:2","name":`+text("t")+`,"flawed":["view","spine","labels"]},
	  {"at":"f:1:1-1:2","name":`+text("u")+`,"view":{"view":{"index":0,"at":"f:1:1-1:2"}},"spine":{"at":"f:1:1-1:2","flawed":["source","at"],
	    "columns":[{"name":`+text("r")+`,"sql":`+text("a")+`}]},"labels":[{"name":`+text("l")+`,"within":{"at":"f:1:1-1:2","aggregation":"count","flawed":["source","keys","within"]}}]}]}`)
	p, problems := feature.Check(d, feature.Options{Schema: schemaOf})
	if len(problems) != 0 {
		t.Errorf("follow-ups: %v", problems)
	}
	if len(p.Sources)+len(p.Groups)+len(p.Views)+len(p.TrainingSets) != 0 {
		t.Errorf("flawed definitions are taken for sound: %+v", p)
	}
}

// A reader that refuses a file which is not as declared hides neither the differences nor what else is wrong.
func TestReadersThatRefuse(t *testing.T) {
	refuses := func(p feature.Place) (value.Schema, []string, error) {
		real, _, err := schemaOf(feature.Place{Path: "clicks.parquet"})
		switch {
		case p.Path == "broken.parquet" && len(p.Declared) > 0:
			return nil, nil, errors.New("a page is torn")
		case len(p.Declared) > 0:
			for _, f := range p.Declared {
				if got, ok := real.Lookup(f.Name); !ok || !got.Equal(f.Type) {
					return nil, nil, fmt.Errorf("column %q is not as declared", f.Name)
				}
			}
		}
		return real, nil, err
	}
	check := func(define string) (*feature.Project, string) {
		p, problems := feature.Check(recorded(t, []string{define})[0], feature.Options{Schema: refuses})
		var lines []string
		for _, one := range problems {
			lines = append(lines, one.Code.String()+" "+one.Message)
		}
		return p, strings.Join(lines, "\n")
	}
	_, got := check(`
a = bh.EventSource("a", path="x.parquet", time="ts", time_unit="ms", columns={"user": bh.String, "nope": bh.Int, "page": bh.String})
g = bh.FeatureGroup("g", source=a, keys=["usr"], features=[bh.count()])`)
	if want := "BH038 column \"user\" is declared string, and is int in x.parquet\nBH038 column \"nope\" is declared, and x.parquet does not have it\nBH012 column \"usr\" is not in source \"a\""; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, got = check(`a = bh.EventSource("a", path="x.csv", time="ts", time_unit="ms", columns={"user": bh.String, "nope": bh.Int})`); got != "BH038 column \"nope\" is declared, and x.csv does not have it" {
		t.Errorf("guessed types are not compared: %s", got)
	}
	if _, got = check(`a = bh.EventSource("a", path="broken.parquet", time="ts", time_unit="ms", columns={"user": bh.Int})`); got != `BH037 source "a" cannot be read: a page is torn` {
		t.Errorf("what is wrong is something else: %s", got)
	}
	p, got := check(`a = bh.EventSource("a", path="x.parquet", time="ts", time_unit="ms", columns={"ts": bh.Timestamp, "seen": bh.Timestamp, "user": bh.Int})`)
	if got != "" || strings.Join(p.Sources[0].Place.TimeColumns, " ") != "ts seen" {
		t.Errorf("integers declared as times, with a unit: %s", got)
	}
	if typ, _ := p.Sources[0].Place.Declared.Lookup("seen"); !typ.Equal(value.Timestamp) {
		t.Error("what readers are told is what they give")
	}
}

// What Python could not record of a feature or a label makes the group or the training set unsound, though check finds nothing wrong.
func TestFlawedPartsMakeTheWholeUnsound(t *testing.T) {
	d := recorded(t, []string{`
s = bh.EventSource("s", path="flights.parquet", time="dep_time", topic=bh.Topic("t"))
g = bh.FeatureGroup("g", source=s, keys=["carrier"], features=[bh.count(windows=["1d"]), bh.sum("distance")])
v = bh.FeatureView("v", groups=[g])
t = bh.TrainingSet("t", view=v, spine=bh.Spine(s, at="dep_time"), labels={"a": "dep_delay", "b": bh.count(source=s, keys=["carrier"], within="1d")})
`})[0]
	for name, c := range map[string]struct {
		flawed                       *feature.Flawed
		sources, groups, views, sets int
	}{
		"nothing":   {new(feature.Flawed), 1, 1, 1, 1},
		"a feature": {&d.Groups[0].Features[1].Flawed, 1, 0, 0, 0},
		"a label":   {&d.TrainingSets[0].Labels[1].Within.Flawed, 1, 1, 1, 0},
		"a spine":   {&d.TrainingSets[0].Spine.Flawed, 1, 1, 1, 0},
		"a view":    {&d.Views[0].Flawed, 1, 1, 0, 0},
		"a topic":   {&d.Sources[0].Topic.Flawed, 0, 0, 0, 0},
	} {
		*c.flawed = feature.Flawed{"where"}
		if name == "nothing" {
			*c.flawed = nil
		}
		p, problems := feature.Check(d, feature.Options{Schema: schemaOf})
		*c.flawed = nil
		if len(problems) > 0 || len(p.Sources) != c.sources || len(p.Groups) != c.groups || len(p.Views) != c.views || len(p.TrainingSets) != c.sets {
			t.Errorf("%s flawed: %d sources, %d groups, %d views, %d sets are sound; problems %v", name, len(p.Sources), len(p.Groups), len(p.Views), len(p.TrainingSets), problems)
		}
	}
}

// Texts of megabytes and thousands of parentheses are mistakes like others, in messages of a few lines.
func TestHugeTexts(t *testing.T) {
	for name, text := range map[string]string{
		"long":    strings.Repeat("x + ", 3<<20) + "1",
		"deep":    strings.Repeat("(", 100_000) + "distance" + strings.Repeat(")", 100_000),
		"unequal": strings.Repeat("(", 100_000),
		"word":    strings.Repeat("é", 5<<20),
		"chain":   "distance" + strings.Repeat(" + distance", 5000),
		"empty":   "",
		"zero":    "a\x00b",
	} {
		t.Run(name, func(t *testing.T) {
			d := recorded(t, []string{`
s = bh.EventSource("s", path="flights.parquet", time="dep_time", where="distance > 0", id="flight_id", delay="1h")
g = bh.FeatureGroup("g", source=s, keys=["carrier"], features=[bh.sum("distance", windows=["1d"], resolution="1h", name="x", where="true", by="dest")])
v = bh.FeatureView("v", groups=[g.prefix("p")], request={"r": bh.Int}, derive={"d": "r"}, required=["d"])
`})[0]
			s, f := &d.Sources[0], &d.Groups[0].Features[0]
			for _, to := range []*feature.Text{&s.Name, s.Where, s.ID, s.Delay, s.Time, f.Input, &f.Windows[0], f.Resolution, f.Name, f.Where, f.By, d.Views[0].Groups[0].Prefix,
				&d.Views[0].Request[0].Name, &d.Views[0].Derive[0].SQL, &d.Views[0].Required[0], &d.Groups[0].Keys[0]} {
				before := to.Value
				to.Value = text
				p, problems := feature.Check(d, feature.Options{Schema: schemaOf})
				to.Value = before
				if !problems.Failed() && p.Sources[0].Name != "s" {
					t.Errorf("%.20q is taken for a name", text)
				}
				for _, one := range problems {
					if len(one.Error()) > 4000 {
						t.Errorf("a message of %d bytes: %.200s", len(one.Error()), one.Error())
					}
				}
			}
		})
	}
}

// A mistake keeps what is built on it out of the project, and nothing else.
func TestTheSoundRestIsKept(t *testing.T) {
	defs := recorded(t, []string{`
good = bh.EventSource("good", path="flights.parquet", time="dep_time")
bad = bh.EventSource("bad", path="nowhere.parquet", time="dep_time")
a = bh.FeatureGroup("a", source=good, keys=["carrier"], features=[bh.count(windows=["1d"])])
b = bh.FeatureGroup("b", source=bad, keys=["carrier"], features=[bh.count(windows=["1d"])])
v = bh.FeatureView("v", groups=[a])
w = bh.FeatureView("w", groups=[a, b])
t = bh.TrainingSet("t", view=v, spine=bh.Spine(good, at="sched_dep"), labels={"x": "dep_delay"})
u = bh.TrainingSet("u", view=w, spine=bh.Spine(good, at="sched_dep"), labels={"x": "dep_delay"})
`})
	p, problems := feature.Check(defs[0], feature.Options{Schema: schemaOf})
	if len(problems) != 1 || problems[0].Code.String() != "BH037" {
		t.Errorf("one cause, and these problems: %v", problems)
	}
	if len(p.Sources) != 1 || len(p.Groups) != 1 || len(p.Views) != 1 || len(p.TrainingSets) != 1 || p.TrainingSets[0].Name != "t" {
		t.Errorf("%d sources, %d groups, %d views, %d training sets", len(p.Sources), len(p.Groups), len(p.Views), len(p.TrainingSets))
	}
}

// Every kind of mistake that Python reports has a number of its own choosing, none falls through.
func TestEveryKindOfMistakeIsNumbered(t *testing.T) {
	schema, err := os.ReadFile("schema/definitions.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Defs struct {
			Mistake struct {
				Properties struct {
					Kind struct{ Enum []feature.MistakeKind }
				}
			}
		} `json:"$defs"`
	}
	if err := json.Unmarshal(schema, &doc); err != nil {
		t.Fatal(err)
	}
	kinds := doc.Defs.Mistake.Properties.Kind.Enum
	if len(kinds) < 13 {
		t.Fatalf("the schema names %d kinds", len(kinds))
	}
	for _, kind := range kinds {
		_, got := feature.Check(&feature.Definitions{Mistakes: []feature.Mistake{{Kind: kind, Message: "m"}}}, feature.Options{})
		if wrong := got[0].Code.String() == "BH009"; wrong != (kind == feature.WrongArgument) {
			t.Errorf("%s is reported as %s", kind, got[0].Code)
		}
	}
}
