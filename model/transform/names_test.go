package transform

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/value"
)

// TestMemberNames says how values stand in names.
func TestMemberNames(t *testing.T) {
	values := []string{"UA", "a,b", "New York", "New_York", "San José", `{"x": [1]}`, "< 5", "100%", "%2C", "%2c", "tab\tline\n", "", "a\u2028b", "%%,"}
	want := []string{"UA", "a%2Cb", "New%20York", "New_York", "San José", "%7B%22x%22%3A %5B1%5D%7D", "%3C 5", "100%", "%252C", "%2c", "tab%09line%0A", "", "a%E2%80%A8b", "%%%2C"}
	got := memberNames(values)
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	for i, name := range got {
		if spelled(name) != values[i] || Unnamed(name) != "" {
			t.Errorf("%q is %q again, not %q", name, spelled(name), values[i])
		}
	}
}

// Names of different values are different, also for LightGBM, which takes a space for an underscore, and can be read back.
func TestMemberNamesDiffer(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	alphabet := []string{"a", " ", "_", "%", "2", "0", "C", ",", "%20", "%2C", "\n", "é"}
	for range 2000 {
		drawn := map[string]bool{}
		for range 1 + random.IntN(40) {
			text := ""
			for range random.IntN(5) {
				text += alphabet[random.IntN(len(alphabet))]
			}
			drawn[text] = true
		}
		values, seen := sortedKeys(drawn), map[string]bool{}
		for i, name := range memberNames(values) {
			if spelled(name) != values[i] || Unnamed(name) != "" || seen[underscored(name)] {
				t.Fatalf("%q is called %q among %q", values[i], name, values)
			}
			seen[underscored(name)] = true
		}
	}
}

// Columns of values may be named by later steps as they are called, and by the values as they are.
func TestMembersByValue(t *testing.T) {
	in := value.Schema{{Name: "c", Type: value.String}, {Name: "m", Type: value.MapOf(value.Int)}}
	row := func(c, key string) []value.Value {
		return []value.Value{value.OfString(c), value.OfMap([]value.Entry{{Key: key, Value: value.OfInt(1)}})}
	}
	b := value.BatchOf(in, [][]value.Value{row("a,b", "x:y"), row("a b", "z"), row("a_b", "[0]")})
	steps := []Step{step("one_hot", `{"missing": "zeros"}`, "c"), step("expand", ``, "m"), step("drop", ``, "c_a,b", "m_[0]"), step("rename", `{"to": ["second"]}`, "c_a b"), step("drop", ``, "m_x%3Ay")}
	p, err := Fit(t.Context(), in, steps, "", RowsOf(b))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.Names(), " "); got != "second c_a_b m_z" {
		t.Errorf("it leaves %s", got)
	}
	known := []Step{step("expand", `{"keys": ["a,b"]}`, "m"), step("drop", ``, "c")}
	if columns, problems := Check(in, known); problems != nil || len(columns) != 1 || columns[0].Name != "m_a%2Cb" {
		t.Errorf("%v, %v", columns, problems)
	}
}
