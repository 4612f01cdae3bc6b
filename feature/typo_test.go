package feature_test

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/value"
)

// A letter that is missing somewhere in the flights example is one mistake, and nothing that follows from it is said beside it: not the
// derived columns that read the feature, not the sources made by again(). Only a name that is given keeps its readers apart from it,
// since nobody can tell which of them is meant.
func TestATypoIsOneMistake(t *testing.T) {
	b, err := os.ReadFile("../examples/flights/features.py")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	const given = "group carrier, request sched_dep"
	read := func(p feature.Place) (value.Schema, []string, error) {
		p.Path = path.Base(p.Path)
		schema, warnings, err := schemaOf(p)
		if p.Path == "weather.parquet" {
			for _, name := range []string{"wind_gust", "precip", "visib"} {
				schema = append(schema, value.Field{Name: name, Type: value.Float})
			}
		}
		return schema, warnings, err
	}
	var typos, what []string
	for _, at := range regexp.MustCompile(`[A-Za-z_]{4,}`).FindAllStringIndex(text, -1) {
		line := text[strings.LastIndexByte(text[:at[0]], '\n')+1 : at[0]]
		if word := text[at[0]:at[1]]; !strings.Contains(line, "#") && !strings.HasPrefix(line, `"""`) && word != "import" && word != "bighead" {
			typos = append(typos, text[:at[0]+2]+text[at[0]+3:])
			what = append(what, fmt.Sprintf("line %d, %s", 1+strings.Count(text[:at[0]], "\n"), word))
		}
	}
	wrong, kept := 0, 0
	for i, defs := range recorded(t, typos) {
		p, problems := feature.Check(defs, feature.Options{Schema: read})
		switch n := problems.Count(feature.SeverityError); {
		case n > 1 && !readers(problems, given):
			t.Errorf("%s: %d mistakes\n%v", what[i], n, problems)
		case n > 0:
			wrong++
		case len(p.TrainingSets) == 1 && len(p.Views) == 1:
			kept++ // another name, another description
		default:
			t.Errorf("%s: no mistake is said, and %d training sets are sound", what[i], len(p.TrainingSets))
		}
	}
	if wrong < 60 || kept < 30 {
		t.Errorf("%d typos are mistakes and %d are names", wrong, kept)
	}
}

// readers tells whether all problems are about one of the names that are given in the example and read in several places.
func readers(problems feature.Problems, given string) bool {
	for _, p := range problems {
		name := regexp.MustCompile(`"(\w+)" is not in view|request field "(\w+)"`).FindStringSubmatch(p.Message)
		if name == nil {
			return false
		}
		root, _, _ := strings.Cut(name[1], "__")
		if name[2] != "" {
			root = "sched_dep"
		}
		if !strings.Contains(given, " "+root) {
			return false
		}
	}
	return true
}
