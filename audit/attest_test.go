package audit

import (
	"bytes"
	"testing"
)

// A report whose bytes are not all what was signed is refused, whichever of them is another.
func TestAFlippedByteIsRefused(t *testing.T) {
	private, public, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParsePrivate(private)
	if err != nil {
		t.Fatal(err)
	}
	want, err := ParseKey(string(public))
	if err != nil {
		t.Fatal(err)
	}
	text, err := Signed(map[string]any{"n": 12345678901234567, "of": []string{"<a> & ü", "\u2028"}, "x": 1.0}, key)
	if err != nil {
		t.Fatal(err)
	}
	got, err := CheckSigned(text)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%v: %s", err, text)
	}
	if word, err := ParseKey(KeyText(want)); err != nil || !bytes.Equal(word, want) {
		t.Errorf("the key as a word: %v", err)
	}
	for i := range text {
		for bit := range 8 {
			changed := bytes.Clone(text)
			changed[i] ^= 1 << bit
			if _, err := CheckSigned(changed); err == nil {
				t.Fatalf("bit %d of byte %d may be another: %s", bit, i, changed)
			}
		}
	}
	for _, changed := range [][]byte{text[:len(text)-1], append(bytes.Clone(text), '\n'), append(bytes.Clone(text), text...), bytes.Replace(text, []byte(`{"n"`), []byte(`{ "n"`), 1),
		bytes.Replace(text, []byte(`{"n"`), []byte(`{"n":1,"n"`), 1), nil, []byte("null\n"), []byte("{}\n")} {
		if _, err := CheckSigned(changed); err == nil {
			t.Errorf("this is taken for what was signed: %s", changed)
		}
	}
}
