package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/catalog"
)

func entry(kind catalog.Kind, name, fp string, reads ...catalog.Ref) catalog.Entry {
	return catalog.Entry{Kind: kind, Name: name, Fingerprint: fp, Reads: reads}
}

func TestDiff(t *testing.T) {
	s := catalog.Ref{Kind: catalog.Source, Name: "s"}
	was := []catalog.Entry{
		entry(catalog.Source, "s", "1"), entry(catalog.Feature, "g.a", "a", s), entry(catalog.Feature, "g.b", "b"),
		entry(catalog.Feature, "g.c", "c"), entry(catalog.Feature, "g.d", "d"), entry(catalog.Feature, "g.e", "d"),
	}
	is := []catalog.Entry{
		entry(catalog.Source, "s", "1"), entry(catalog.Feature, "g.a", "a", s), entry(catalog.Feature, "g.b", "b2"),
		entry(catalog.Feature, "g.z", "d"), entry(catalog.Feature, "g.new", "n"), entry(catalog.Source, "t", "2"),
	}
	set := func(i int, all []catalog.Entry, s ...catalog.Setting) {
		all[i].Settings = append([]catalog.Setting{}, s...)
	}
	set(0, was, catalog.Setting{Name: "path", Is: "a"}, catalog.Setting{Name: "owner", Is: "me"})
	set(0, is, catalog.Setting{Name: "path", Is: "b"}, catalog.Setting{Name: "pii", Is: "k"})
	set(1, is, catalog.Setting{Name: "fallback", Is: "1"}) // what was set of it before is not known
	set(2, was, catalog.Setting{Name: "fallback", Is: "1"})
	set(2, is)
	var got []string
	for _, c := range append(catalog.Diff(was, is), catalog.Loose(is)...) {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s %s%s", c.What, c.Kind, c.Name, c.Was, strings.Join(c.Set, "; "))))
	}
	want := []string{
		"added source t", "set source s path a → b; owner me → none; pii none → k", "added feature g.new", "changed feature g.b", "renamed feature g.z g.d",
		"removed feature g.c", "removed feature g.e", "unused source t",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
