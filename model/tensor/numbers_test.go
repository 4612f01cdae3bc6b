package tensor

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/value"
)

// TestNumbersAndTokens reads texts in both ways, right ones and ones with a few characters changed: what is taken for an array of numbers is what the decoder
// reads, and what is right and of numbers alone is taken.
func TestNumbersAndTokens(t *testing.T) {
	of, err := DatatypeOf("FP64")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(6, 7))
	pieces := []string{"1", "-0.5", "1e3", "-2.5E-07", "0", "null", "12345678901234567890", "1e400", "0.1", " 3", "\n4\t"}
	taken, right := 0, 0
	for range 50_000 {
		var rows []string
		n := 0
		for range 1 + r.IntN(3) {
			var row []string
			for range r.IntN(4) {
				row, n = append(row, pieces[r.IntN(len(pieces))]), n+1
			}
			rows = append(rows, strings.Join(row, ","))
		}
		text := "[" + strings.Join(rows, ",") + "]"
		if r.IntN(2) == 0 {
			text = "[[" + strings.Join(rows, "],[") + "]]"
		}
		b := []byte(text)
		for range r.IntN(3) {
			b[r.IntN(len(b))] = "[],-+.eE0129nul \"{}:tx"[r.IntN(22)]
		}
		if r.IntN(8) == 0 {
			n++
		}
		fast, slow := &Tensor{Of: of}, &Tensor{Of: of}
		ok, err := fast.fromNumbers(string(b), n), slow.fromTokens(b, n)
		valid := err == nil && json.Valid(b)
		if ok && (err != nil || !slices.EqualFunc(fast.Values, slow.Values, value.Equal)) || !ok && valid && !strings.ContainsAny(string(b), "\"{t") && n > 0 {
			t.Fatalf("%s of %d: %v %v, token by token %v %v", b, n, ok, fast.Values, err, slow.Values)
		}
		if ok {
			taken++
		}
		if valid {
			right++
		}
	}
	if taken < 5000 || right < 5000 {
		t.Errorf("%d texts were taken, %d are right", taken, right)
	}
	for _, text := range []string{"", "[", "[1", "[1,]", "[,1]", "[1 2]", "[1][2]", "[[1]", "[01]", "[1.]", "[.5]", "[-]", "[1e]", "[0x1]", "[1_0]", "[nan]", "[Inf]", "1", "[nul]", "[1]]", "[1],"} {
		if x := (&Tensor{Of: of}); x.fromNumbers(text, 1) {
			t.Errorf("%s is taken for %v", text, x.Values)
		}
	}
}

// BenchmarkFromJSON reads a row of 250 numbers.
func BenchmarkFromJSON(b *testing.B) {
	of, err := DatatypeOf("FP64")
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(6, 7))
	var row []string
	for range 250 {
		row = append(row, fmt.Sprint(r.NormFloat64()))
	}
	text := []byte("[" + strings.Join(row, ", ") + "]")
	for name, read := range map[string]func(*Tensor) error{
		"numbers": func(t *Tensor) error { return t.FromJSON(text, 250) }, "tokens": func(t *Tensor) error { return t.fromTokens(text, 250) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := read(&Tensor{Of: of}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
