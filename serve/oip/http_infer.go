package oip

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/value"
)

// parameters are the protocol's: names with plain values.
type parameters map[string]json.RawMessage

func (p parameters) bool(name string) bool { return string(p[name]) == "true" }

func (p parameters) int(name string) (n int64, ok bool) {
	text, ok := p[name]
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	return n, err == nil
}

// refuse says what of the parameters is not offered.
func (p parameters) refuse() error {
	for name := range p {
		switch {
		case strings.HasPrefix(name, "shared_memory_"):
			return refused("systemsharedmemory")
		case strings.HasPrefix(name, "sequence_") && string(p[name]) != "0" && string(p[name]) != "false":
			return wrong(name, "models here keep no state between requests", "leave the sequence parameters out")
		case name == "classification":
			return wrong(name, "the classification extension is not offered", "ask for the output as it is: probabilities by class")
		}
	}
	return nil
}

type inferBody struct {
	ID         string     `json:"id"`
	Parameters parameters `json:"parameters"`
	Inputs     []struct {
		Name       string          `json:"name"`
		Shape      []int64         `json:"shape"`
		Datatype   string          `json:"datatype"`
		Parameters parameters      `json:"parameters"`
		Data       json.RawMessage `json:"data"`
	} `json:"inputs"`
	Outputs []struct {
		Name       string     `json:"name"`
		Parameters parameters `json:"parameters"`
	} `json:"outputs"`
}

func (s *Server) httpInfer(w http.ResponseWriter, r *http.Request) error {
	body, err := s.body(w, r)
	if err != nil {
		return err
	}
	head, raw := body, []byte(nil)
	if text := r.Header.Get(lengthHeader); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || n > int64(len(body)) {
			return wrong("", fmt.Sprintf("%s is %.40q, and the body has %d bytes", lengthHeader, text, len(body)), "give the length of the JSON before the binary tensors")
		}
		head, raw = body[:n], body[n:]
	}
	var b inferBody
	if err := json.Unmarshal(head, &b); err != nil {
		return wrong("", "the body is no request: "+err.Error(), `send {"inputs": [{"name": …, "shape": [rows], "datatype": …, "data": […]}]}`)
	}
	q := &inference{model: r.PathValue("model"), version: r.PathValue("version"), id: b.ID}
	if err := b.read(q, raw); err != nil {
		return err
	}
	a, err := s.infer(r.Context(), q)
	if err != nil {
		return err
	}
	return b.write(w, r, a)
}

// read makes tensors of the inputs.
func (b *inferBody) read(q *inference, raw []byte) error {
	if err := b.Parameters.refuse(); err != nil {
		return err
	}
	for i := range b.Inputs {
		in := &b.Inputs[i]
		if err := in.Parameters.refuse(); err != nil {
			return err
		}
		of, err := datatypeOf(in.Datatype)
		if err != nil {
			return wrong(in.Name, err.Error(), "")
		}
		n, err := elements(in.Shape)
		if err != nil {
			return wrong(in.Name, err.Error(), "")
		}
		t := &tensor{name: in.Name, of: of, shape: in.Shape}
		if _, binary := in.Parameters["binary_data_size"]; binary {
			size, ok := in.Parameters.int("binary_data_size")
			if !ok || size < 0 || size > int64(len(raw)) {
				return wrong(in.Name, fmt.Sprintf("binary_data_size is %.40s, and %d bytes are left", in.Parameters["binary_data_size"], len(raw)), "append the tensors in the order of the inputs, and set "+lengthHeader)
			}
			err = t.fromBytes(raw[:size], n)
			raw = raw[size:]
		} else {
			err = t.fromJSON(in.Data, n)
		}
		if err != nil {
			return wrong(in.Name, err.Error(), "")
		}
		q.inputs = append(q.inputs, t)
	}
	if len(raw) > 0 {
		return wrong("", fmt.Sprintf("%d bytes follow the last tensor", len(raw)), "give each binary input its binary_data_size")
	}
	for i := range b.Outputs {
		if err := b.Outputs[i].Parameters.refuse(); err != nil {
			return err
		}
		q.wanted = append(q.wanted, b.Outputs[i].Name)
	}
	return nil
}

// binary reports whether an output is wanted in binary.
func (b *inferBody) binary(name string) bool {
	for i := range b.Outputs {
		if p := b.Outputs[i].Parameters; b.Outputs[i].Name == name && p["binary_data"] != nil {
			return p.bool("binary_data")
		}
	}
	return b.Parameters.bool("binary_data_output")
}

type outputJSON struct {
	tensorMetadata
	Parameters map[string]int  `json:"parameters,omitempty"`
	Data       json.RawMessage `json:"data,omitempty"`
}

func (b *inferBody) write(w http.ResponseWriter, r *http.Request, a *answer) error {
	out := struct {
		ID      string       `json:"id,omitempty"`
		Model   string       `json:"model_name"`
		Version string       `json:"model_version"`
		Outputs []outputJSON `json:"outputs"`
	}{a.id, a.model, a.version, []outputJSON{}}
	var raw []byte
	anyBinary := false
	for _, t := range a.outputs {
		o := outputJSON{tensorMetadata: tensorMetadata{t.name, t.of.name, t.shape}}
		if b.binary(t.name) {
			before := len(raw)
			raw = t.appendBytes(raw)
			o.Parameters, anyBinary = map[string]int{"binary_data_size": len(raw) - before}, true
		} else {
			o.Data = t.json()
		}
		out.Outputs = append(out.Outputs, o)
	}
	text, err := json.Marshal(out)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if anyBinary {
		h.Set("Content-Type", "application/octet-stream")
		h.Set(lengthHeader, strconv.Itoa(len(text)))
	}
	packed, how := pack(r.Header.Values("Accept-Encoding"), append(text, raw...))
	if how != "" {
		h.Set("Content-Encoding", how)
	}
	h.Set("Content-Length", strconv.Itoa(len(packed)))
	_, _ = w.Write(packed) // a caller that is gone hears nothing
	return nil
}

// leastPacked is from how many bytes on an answer is packed for those who take it so.
const leastPacked = 1 << 10

// pack packs an answer as the caller would have it.
func pack(accepted []string, b []byte) (packed []byte, how string) {
	names := strings.Split(strings.ReplaceAll(strings.Join(accepted, ","), " ", ""), ",")
	var out bytes.Buffer
	var w io.WriteCloser
	switch {
	case len(b) < leastPacked:
		return b, ""
	case slices.Contains(names, "gzip"):
		w, how = gzip.NewWriter(&out), "gzip"
	case slices.Contains(names, "deflate"):
		w, how = zlib.NewWriter(&out), "deflate"
	default:
		return b, ""
	}
	_, _ = w.Write(b) // into memory
	_ = w.Close()
	return out.Bytes(), how
}

// json is a tensor's elements, flat, null where one is NaN.
func (t *tensor) json() json.RawMessage {
	out := []byte{'['}
	for i, v := range t.values {
		if i > 0 {
			out = append(out, ',')
		}
		out = value.AppendJSON(out, v)
	}
	return append(out, ']')
}

// appendBytes adds a tensor's elements in binary. Answers are of INT64 and FP64 alone.
func (t *tensor) appendBytes(dst []byte) []byte {
	for _, v := range t.values {
		if t.of.kind == ofInts {
			dst = binary.LittleEndian.AppendUint64(dst, uint64(v.Int()))
		} else {
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(floatOf(v)))
		}
	}
	return dst
}

// floatOf is a number, NaN where it is missing.
func floatOf(v value.Value) float64 {
	if v.IsNull() {
		return math.NaN()
	}
	return v.Float()
}
