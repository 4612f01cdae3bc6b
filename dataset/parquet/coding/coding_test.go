package coding

import (
	"bytes"
	"encoding/binary"
	"math"
	"runtime/metrics"
	"slices"
	"testing"

	"github.com/pierrec/lz4/v4"
	"pgregory.net/rapid"

	"github.com/bighead-ml/bighead/dataset/parquet/format"
)

// runs draws codes as they come: some alone, some many times over.
func runs(t *rapid.T, most uint32) (out []uint32) {
	for range rapid.IntRange(0, 8).Draw(t, "runs") {
		c := rapid.Uint32Range(0, most).Draw(t, "code")
		for range rapid.SampledFrom([]int{1, 1, 3, 7, 8, 9, 16, 40}).Draw(t, "times") {
			out = append(out, c)
		}
	}
	return out
}

func TestHybridReadsBackInAnyParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := uint(rapid.IntRange(0, 32).Draw(t, "width"))
		want := runs(t, uint32(1<<width-1))
		h, err := NewHybrid(AppendHybrid(nil, want, width), width)
		if err != nil {
			t.Fatal(err)
		}
		var got []uint32
		for len(got) < len(want) {
			part := make([]uint32, rapid.IntRange(1, len(want)-len(got)).Draw(t, "part"))
			if err := h.Next(part); err != nil {
				t.Fatalf("%v after %d of %d", err, len(got), len(want))
			}
			got = append(got, part...)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("width %d: %v, want %v", width, got, want)
		}
	})
}

func TestLevelsAreCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 9).Draw(t, "most")
		var want []byte
		for _, c := range runs(t, uint32(most)) {
			want = append(want, byte(c))
		}
		h := NewLevels(AppendHybrid(nil, want, LevelWidth(most)), most)
		got := make([]byte, len(want))
		full, err := h.Levels(got, byte(most))
		if err != nil || !bytes.Equal(got, want) || full != bytes.Count(want, []byte{byte(most)}) {
			t.Fatalf("%v, %d full, %v; want %v", got, full, err, want)
		}
		if _, err := h.Levels(make([]byte, 8), 1); err == nil {
			t.Fatal("levels beyond the end, and more than padding")
		}
	})
}

// The example of the format's own description of RLE/bit-packing: 0 to 7 at 3 bits are 0x88 0xC6 0xFA.
func TestHybridIsTheFormats(t *testing.T) {
	if got := AppendHybrid(nil, []uint32{0, 1, 2, 3, 4, 5, 6, 7}, 3); !bytes.Equal(got, []byte{3, 0x88, 0xc6, 0xfa}) {
		t.Errorf("packed: % x", got)
	}
	if got := AppendHybrid(nil, slices.Repeat([]uint32{300}, 100), 9); !bytes.Equal(got, []byte{0xc8, 1, 0x2c, 1}) {
		t.Errorf("repeated: % x", got)
	}
}

func TestDeltaReadsBack(t *testing.T) {
	edges := []int64{0, 1, -1, math.MaxInt64, math.MinInt64, 1 << 31, 1<<53 + 1}
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(edges), rapid.Int64Range(-100, 100), rapid.Int64()), 0, 300).Draw(t, "values")
		d, err := NewDecoder(Stored{Physical: format.Int64}, format.EncDelta, AppendDelta(nil, want), len(want))
		if err != nil {
			t.Fatal(err)
		}
		got := make([]int64, len(want))
		at := rapid.IntRange(0, len(want)).Draw(t, "part")
		if err := d.Ints(got[:at]); err != nil {
			t.Fatal(err)
		}
		if err := d.Ints(got[at:]); err != nil || !slices.Equal(got, want) {
			t.Fatalf("%v, %v; want %v", got, err, want)
		}
		if err := d.Ints(make([]int64, 1)); err == nil {
			t.Fatal("a value beyond the end")
		}
	})
}

func TestEarlierLZ4(t *testing.T) {
	want := bytes.Repeat([]byte("some text, "), 100)
	block := func(b []byte) []byte {
		out := make([]byte, lz4.CompressBlockBound(len(b)))
		n, err := lz4.CompressBlock(b, out, nil)
		if err != nil {
			t.Fatal(err)
		}
		return out[:n]
	}
	var framed []byte
	for _, part := range [][]byte{want[:700], want[700:]} {
		packed := block(part)
		framed = binary.BigEndian.AppendUint32(framed, uint32(len(part)))
		framed = append(binary.BigEndian.AppendUint32(framed, uint32(len(packed))), packed...)
	}
	for name, src := range map[string][]byte{"framed": framed, "bare": block(want)} {
		if got, err := Decompress(codecLZ4Hadoop, nil, src, len(want)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

func TestSizesThatLie(t *testing.T) {
	allocated := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(allocated)
	before := allocated[0].Value.Uint64()
	for codec := int32(-1); codec < 10; codec++ {
		for _, size := range []int{1, 1000, math.MaxInt32} {
			if out, err := Decompress(codec, nil, []byte{1, 2, 3}, size); err == nil {
				t.Errorf("codec %d: %d bytes of 3 bytes of rubbish", codec, len(out))
			}
		}
	}
	var b []byte
	b = binary.AppendUvarint(binary.AppendUvarint(b, 128), 4)
	b = binary.AppendUvarint(binary.AppendUvarint(b, math.MaxInt32), 0) // so many lengths
	for _, encoding := range []int32{format.EncDeltaLength, format.EncDeltaBytes} {
		if _, err := NewDecoder(Stored{Physical: format.ByteArray}, encoding, b, 1000); err == nil {
			t.Errorf("encoding %d: two thousand million strings in %d bytes", encoding, len(b))
		}
	}
	if metrics.Read(allocated); allocated[0].Value.Uint64()-before > 64<<20 {
		t.Errorf("%d MiB allocated for nothing", (allocated[0].Value.Uint64()-before)>>20)
	}
}
