package onnx

import (
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// message is a protocol buffer that is being written: a field after the other, numbers as varints, texts, bytes and messages with their length.
type message []byte

func (m message) with(field protowire.Number, v any) message {
	switch v := v.(type) {
	case int:
		return protowire.AppendVarint(protowire.AppendTag(m, field, protowire.VarintType), uint64(v))
	case string:
		return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), []byte(v))
	case []byte:
		return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), v)
	case message:
		return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), v)
	}
	panic("what is it?")
}

// tensorOf is a TensorProto of raw bytes.
func tensorOf(name string, kind int, raw []byte, dims ...int) message {
	m := message{}
	for _, d := range dims {
		m = m.with(1, d)
	}
	return m.with(2, kind).with(8, name).with(9, raw)
}

// wholes is a tensor of one dimension of int64.
func wholes(name string, values ...int64) message {
	var raw []byte
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	return tensorOf(name, 7, raw, len(values))
}

// nodeOf is a node of an operator that makes "y".
func nodeOf(op string, inputs ...string) message {
	m := message{}
	for _, in := range inputs {
		m = m.with(1, in)
	}
	return m.with(2, "y").with(4, op)
}

// modelOf is a model of a graph, of nodes and then initializers.
func modelOf(nodes []message, initializers ...message) []byte {
	graph := message{}
	for _, n := range nodes {
		graph = graph.with(1, n)
	}
	for _, t := range initializers {
		graph = graph.with(5, t)
	}
	return message{}.with(1, 8).with(7, graph)
}

// TestSizes refuses files that say more than they have, and describe constants without end, before ONNX Runtime takes memory for them.
func TestSizes(t *testing.T) {
	const bound = "constants that a file only describes may have 256 MiB"
	zero := wholes("zero", 0)
	constant := func(value message) message {
		return message{}.with(2, "shape").with(4, "Constant").with(5, value)
	}
	deep := nodeOf("If", "c").with(5, message{}.with(1, "then_branch").with(6, message{}.with(1, nodeOf("ConstantOfShape", "shape"))))
	nest := message{}
	for range 60 {
		nest = message{}.with(1, nodeOf("If", "c").with(5, message{}.with(1, "then_branch").with(6, nest)))
	}
	for name, c := range map[string]struct {
		data []byte
		want string // "": it is none of our business
	}{
		"as it says":                      {modelOf(nil, tensorOf("w", 1, make([]byte, 24), 2, 3)), ""},
		"a number":                        {modelOf(nil, tensorOf("w", 1, make([]byte, 4))), ""},
		"nothing":                         {modelOf(nil, tensorOf("w", 1, nil, 0, 1<<40)), ""},
		"halves of bytes":                 {modelOf(nil, tensorOf("w", 22, make([]byte, 2), 3)), ""},
		"halves of bytes, one too few":    {modelOf(nil, tensorOf("w", 22, make([]byte, 1), 3)), `tensor "w" says that it has 3 elements of 4 bits, and has 1 bytes`},
		"a terabyte":                      {modelOf(nil, tensorOf("w", 1, make([]byte, 4), 1<<40)), `tensor "w" says that it has 1099511627776 elements of 32 bits, and has 4 bytes`},
		"more than can be counted":        {modelOf(nil, tensorOf("w", 1, make([]byte, 4), 1<<40, 1<<40)), `tensor "w" says that it has more than 2^64 elements`},
		"that wraps around":               {modelOf(nil, tensorOf("w", 1, nil, 1<<32, 1<<32)), `more than 2^64 elements`},
		"bits that wrap around":           {modelOf(nil, tensorOf("w", 1, nil, 1<<59)), `576460752303423488 elements of 32 bits, and has 0 bytes`},
		"a dimension below 0":             {modelOf(nil, tensorOf("w", 1, make([]byte, 4), -1)), `more than 2^64 elements`},
		"too many bytes":                  {modelOf(nil, tensorOf("w", 11, make([]byte, 24), 2)), `2 elements of 64 bits, and has 24 bytes`},
		"packed numbers":                  {modelOf(nil, message{}.with(1, 1<<33).with(2, 1).with(4, make([]byte, 8))), `8589934592 elements of 32 bits, and has 2 numbers`},
		"no numbers":                      {modelOf(nil, message{}.with(1, 1<<33).with(2, 9)), `8589934592 elements of 8 bits, and has 0 numbers`},
		"as many packed":                  {modelOf(nil, message{}.with(1, 2).with(2, 1).with(4, make([]byte, 8)), message{}.with(1, 3).with(2, 9).with(5, []byte{1, 0, 1}), message{}.with(1, 1).with(2, 7).with(7, 300)), ""},
		"texts":                           {modelOf(nil, message{}.with(1, 1<<33).with(2, 8).with(6, "a")), `and has 1 texts`},
		"a type that is not known":        {modelOf(nil, tensorOf("w", 77, make([]byte, 4), 1)), `tensor "w" is of ONNX's type 77`},
		"of an attribute":                 {modelOf([]message{constant(message{}.with(1, "value").with(5, tensorOf("c", 1, nil, 1<<40)))}), `tensor "c" says that it has 1099511627776 elements`},
		"mostly nothing":                  {message{}.with(1, 8).with(7, message{}.with(15, message{}.with(1, tensorOf("v", 1, make([]byte, 4), 1)).with(2, wholes("i", 5)).with(3, 1<<40))), "a sparse tensor has 1099511627776 elements of 32 bits: " + bound},
		"of a shape":                      {modelOf([]message{nodeOf("ConstantOfShape", "shape")}, wholes("shape", 1<<20, 1<<10)), "what ConstantOfShape makes has 1073741824 elements of 32 bits: " + bound},
		"of a shape that may be":          {modelOf([]message{nodeOf("ConstantOfShape", "shape")}, wholes("shape", 1<<16, 1<<10)), ""},
		"of a shape and a double":         {modelOf([]message{nodeOf("ConstantOfShape", "shape").with(5, message{}.with(1, "value").with(5, tensorOf("", 11, make([]byte, 8), 1)))}, wholes("shape", 1<<16, 1<<10)), "elements of 64 bits: " + bound},
		"of a shape of a node":            {modelOf([]message{constant(message{}.with(1, "value").with(5, wholes("", 1<<40))), nodeOf("ConstantOfShape", "shape")}), "what ConstantOfShape makes"},
		"of a shape of a node's numbers":  {modelOf([]message{constant(message{}.with(1, "value_ints").with(8, 1<<20).with(8, 1<<20)), nodeOf("ConstantOfShape", "shape")}), "what ConstantOfShape makes"},
		"of a shape in a branch":          {modelOf([]message{deep}, wholes("shape", 1<<40)), "what ConstantOfShape makes"},
		"of a shape that is computed":     {modelOf([]message{nodeOf("ConstantOfShape", "x")}), ""},
		"of a long shape":                 {modelOf([]message{nodeOf("ConstantOfShape", "shape")}, wholes("shape", make([]int64, 100)...)), "more than 2^64 elements"},
		"expanded":                        {modelOf([]message{nodeOf("Expand", "zero", "shape")}, zero, wholes("shape", 1<<30)), "what Expand makes has 1073741824 elements of 64 bits: " + bound},
		"expanded by ones":                {modelOf([]message{nodeOf("Expand", "x", "shape")}, wholes("shape", 1, 1)), ""},
		"of an input, expanded":           {modelOf([]message{nodeOf("Expand", "x", "shape")}, wholes("shape", 1<<40)), "what Expand makes"},
		"tiled":                           {modelOf([]message{nodeOf("Tile", "w", "repeats")}, tensorOf("w", 1, make([]byte, 4<<10), 1<<10), wholes("repeats", 1<<20)), "what Tile makes has 1073741824 elements of 32 bits: " + bound},
		"tiled twice":                     {modelOf([]message{nodeOf("Tile", "w", "repeats")}, tensorOf("w", 1, make([]byte, 4<<10), 1<<10), wholes("repeats", 2)), ""},
		"a range":                         {modelOf([]message{nodeOf("Range", "zero", "limit", "step")}, zero, wholes("limit", 1<<40), wholes("step", 1)), "what Range makes has 1099511627776 elements of 64 bits: " + bound},
		"a range of no steps":             {modelOf([]message{nodeOf("Range", "zero", "limit", "step")}, zero, wholes("limit", 5), wholes("step", 0)), "more than 2^64"},
		"a range of nothing, of no steps": {modelOf([]message{nodeOf("Range", "zero", "zero", "zero")}, zero), "more than 2^64"},
		"a range backwards":               {modelOf([]message{nodeOf("Range", "zero", "limit", "step")}, zero, wholes("limit", -5), wholes("step", 1)), ""},
		"of what was made":                {modelOf([]message{nodeOf("Expand", "zero", "shape"), nodeOf("Tile", "y", "repeats")}, zero, wholes("shape", 1<<20), wholes("repeats", 1<<20)), "what Tile makes has 1099511627776 elements"},
		"graphs in themselves":            {message{}.with(1, 8).with(7, nest), "graphs lie in each other more than 50 deep"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := scan(c.data)
		runtime.ReadMemStats(&after)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > uint64(200*len(c.data)+1<<20) {
			t.Errorf("%s: %d bytes were taken for a file of %d", name, took, len(c.data))
		}
	}
	for _, location := range []message{message{}.with(13, "x"), message{}.with(14, 1)} {
		if _, err := scan(modelOf(nil, append(message{}.with(1, 1<<40).with(2, 1), location...))); !errors.Is(err, errElsewhere) {
			t.Errorf("numbers elsewhere: %v", err)
		}
	}
	if n := product([]uint64{math.MaxUint64, 0}); n != 0 {
		t.Errorf("nothing is %d", n)
	}
}
