package grpc

import (
	"encoding/binary"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/bighead-ml/bighead/serve"
	"github.com/bighead-ml/bighead/serve/grpc/pb"
	"github.com/bighead-ml/bighead/value"
)

// open begins a message within a message; shut writes its length. Most are shorter than 128 bytes, for which a byte is left; a longer one
// is moved.
func open(dst []byte, num protowire.Number) (out []byte, from int) {
	dst = append(protowire.AppendTag(dst, num, protowire.BytesType), 0)
	return dst, len(dst)
}

func shut(dst []byte, from int) []byte {
	n := len(dst) - from
	if n < 1<<7 {
		dst[from-1] = byte(n)
		return dst
	}
	more := protowire.SizeVarint(uint64(n)) - 1
	dst = append(dst, make([]byte, more)...)
	copy(dst[from+more:], dst[from:from+n])
	binary.PutUvarint(dst[from-1:], uint64(n))
	return dst
}

func appendString(dst []byte, num protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(dst, num, protowire.BytesType), s)
}

// appendAnswer adds a GetFeaturesResponse.
func appendAnswer(dst []byte, r *serve.Response, statuses bool) []byte {
	dst = appendString(dst, 1, r.View.Name())
	dst = appendString(dst, 2, r.View.Fingerprint())
	dst = protowire.AppendVarint(protowire.AppendTag(dst, 3, protowire.VarintType), uint64(r.At))
	for _, name := range r.Features {
		dst = appendString(dst, 4, name)
	}
	for i := range r.Rows {
		var from int
		dst, from = open(dst, 5)
		dst = shut(appendRow(dst, &r.Rows[i], statuses), from)
	}
	return dst
}

// appendRow adds the fields of an Answer.
func appendRow(dst []byte, a *serve.Answer, statuses bool) []byte {
	if a.Problem != nil {
		return appendProblem(dst, 3, a.Problem)
	}
	for _, v := range a.Values {
		dst = appendValue(dst, 1, v)
	}
	if !statuses {
		return dst
	}
	return appendStatuses(dst, 2, a.Statuses)
}

// appendProblem adds a Problem as a field of a message.
func appendProblem(dst []byte, num protowire.Number, p *serve.Problem) []byte {
	dst, from := open(dst, num)
	dst, err := proto.MarshalOptions{}.MarshalAppend(dst, message(p))
	if err != nil {
		panic(err) // what we write is always UTF-8
	}
	return shut(dst, from)
}

// appendStatuses adds a list of Status, none where all are present.
func appendStatuses(dst []byte, num protowire.Number, all []serve.Status) []byte {
	if !slices.ContainsFunc(all, func(s serve.Status) bool { return s != serve.Present }) {
		return dst
	}
	dst, from := open(dst, num)
	for _, s := range all {
		dst = append(dst, byte(s)+byte(pb.Status_STATUS_PRESENT)) // one byte each, as varints
	}
	return shut(dst, from)
}

// appendValue adds a Value as a field of a message.
func appendValue(dst []byte, num protowire.Number, v value.Value) []byte {
	dst, from := open(dst, num)
	k := protowire.Number(v.Kind()) // they are the numbers of Value's fields
	switch v.Kind() {
	case value.KindNull:
	case value.KindBool:
		dst = protowire.AppendVarint(protowire.AppendTag(dst, k, protowire.VarintType), protowire.EncodeBool(v.Bool()))
	case value.KindInt, value.KindTimestamp, value.KindDate:
		dst = protowire.AppendVarint(protowire.AppendTag(dst, k, protowire.VarintType), protowire.EncodeZigZag(v.Int()))
	case value.KindFloat:
		dst = protowire.AppendFixed64(protowire.AppendTag(dst, k, protowire.Fixed64Type), math.Float64bits(v.Float()))
	case value.KindString, value.KindBytes:
		dst = appendString(dst, k, v.Str())
	default:
		var inner int
		dst, inner = open(dst, k)
		for i := range v.Len() {
			if v.Kind() == value.KindList {
				dst = appendValue(dst, 1, v.At(i))
				continue
			}
			var entry int
			dst, entry = open(dst, 1)
			dst = shut(appendValue(appendString(dst, 1, v.KeyAt(i)), 2, v.At(i)), entry)
		}
		dst = shut(dst, inner)
	}
	return shut(dst, from)
}
