package stream

import (
	"bytes"
	"testing"
	"unicode/utf8"
)

// FuzzDecode demands of every pushed body that it is refused whole, or that what it has is a row whose values have their types, or poison with a
// reason and its line; and that a row behind it is read all the same.
func FuzzDecode(f *testing.F) {
	for _, body := range []string{"", "[]", "[{}]", `{"b":true,"i":1,"f":1.5,"s":"a","y":"AAE=","t":"2024-01-31T06:00:00Z","d":"2024-02-29","l":[1,null],"m":{"z":1}}`, "{\"i\":1}\n{\"i\":\"x\"}\n\nnonsense",
		"\ufeff[{\"i\":1},{\"i\":2}", `[{"s":"]"},{"s":"\""}]`, "{\"s\":\"\n\"}", `[1,[2],{"q":1}]`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := Decode(every, body, nil)
		if err != nil {
			return
		}
		for i := range d.Rows.N {
			for c, v := range d.Rows.Row(i) {
				if !v.HasType(every.Schema[c].Type) {
					t.Fatalf("%q: %s: %v is no %s", body, every.Schema[c].Name, v, every.Schema[c].Type)
				}
			}
		}
		for _, p := range d.Poison {
			if p.Reason == "" || !utf8.ValidString(p.Reason) || p.Line < 1 {
				t.Fatalf("%q: poison on line %d: %q", body, p.Line, p.Reason)
			}
		}
		if trimmed := bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff"))); len(trimmed) > 0 && trimmed[0] == '[' {
			return
		}
		more, err := Decode(every, append(bytes.Clone(body), "\n{\"i\":77}\n"...), nil)
		if err != nil || more.Rows.N != d.Rows.N+1 || len(more.Poison) != len(d.Poison) || more.Rows.Row(d.Rows.N)[1].Int() != 77 {
			t.Fatalf("%q with a row behind it: %v; %d rows and %d of poison, before %d and %d", body, err, more.Rows.N, len(more.Poison), d.Rows.N, len(d.Poison))
		}
	})
}
