package enginetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bighead-ml/bighead/engine"
	"github.com/bighead-ml/bighead/engine/local"
	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/project"
)

// roads are the engines that the corpus runs on beside the oracle.
var roads = []engine.Engine{local.New(local.Options{}), Tiles{}}

func suite() *Suite {
	return &Suite{
		Roads:  roads,
		Root:   "testdata",
		Record: record,
	}
}

var recorded = map[string]*feature.Definitions{}

// record keeps what it has recorded, since starting Python is slow.
func record(ctx context.Context, units []project.Unit) ([]*feature.Definitions, error) {
	key := func(u project.Unit) string { return u.Name + "\n" + *u.Text }
	var fresh []project.Unit
	for _, u := range units {
		if recorded[key(u)] == nil {
			fresh = append(fresh, u)
		}
	}
	defs, err := project.RecordUnits(ctx, project.Python{Timeout: 10 * time.Minute}, fresh)
	if err != nil {
		return nil, err
	}
	for i, u := range fresh {
		recorded[key(u)] = defs[i]
	}
	out := make([]*feature.Definitions, len(units))
	for i, u := range units {
		out[i] = recorded[key(u)]
	}
	return out, nil
}

// scripts are those of a folder, by path.
func scripts(t testing.TB, folder string) []Source {
	t.Helper()
	out, err := Scripts(folder)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCorpus(t *testing.T) {
	sources := scripts(t, "testdata")
	if len(sources) < 5 {
		t.Fatalf("only %d scripts found", len(sources))
	}
	res, err := suite().Run(t.Context(), sources)
	if err != nil {
		t.Fatal(err)
	}
	if res.Failed() > 0 {
		var b strings.Builder
		_ = res.Write(&b)
		t.Error("\n" + b.String())
	}
	for i, s := range res.Scripts {
		if !s.Failed() {
			if text, changed := s.Rewritten(); changed || text != sources[i].Text {
				t.Errorf("%s is right and yet rewritten", s.Path)
			}
		}
	}
}
