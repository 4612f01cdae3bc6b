package oip

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/bighead-ml/bighead/model/tensor"
)

// refuseParameters says what of a request's parameters is not offered.
func refuseParameters(p tensor.Parameters) error {
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
	ID         string            `json:"id"`
	Parameters tensor.Parameters `json:"parameters"`
	Inputs     []tensor.Part     `json:"inputs"`
	Outputs    []struct {
		Name       string            `json:"name"`
		Parameters tensor.Parameters `json:"parameters"`
	} `json:"outputs"`
}

func (s *Server) httpInfer(w http.ResponseWriter, r *http.Request) error {
	body, err := s.body(w, r)
	if err != nil {
		return err
	}
	head, raw := body, []byte(nil)
	if text := r.Header.Get(tensor.LengthHeader); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || n > int64(len(body)) {
			return wrong("", fmt.Sprintf("%s is %.40q, and the body has %d bytes", tensor.LengthHeader, text, len(body)), "give the length of the JSON before the binary tensors")
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
	if err := errors.Join(refuseParameters(b.Parameters), q.setTimeout(b.Parameters)); err != nil {
		return err
	}
	for i := range b.Inputs {
		in := &b.Inputs[i]
		if err := refuseParameters(in.Parameters); err != nil {
			return err
		}
		own, rest, err := in.Cut(raw)
		if err != nil {
			return wrongInput(in.Name, err.Error(), "append the tensors in the order of the inputs, and set "+tensor.LengthHeader)
		}
		t, err := in.Tensor(own)
		if err != nil {
			return wrongInput(in.Name, err.Error(), "")
		}
		q.inputs, raw = append(q.inputs, t), rest
	}
	if len(raw) > 0 {
		return wrong("", fmt.Sprintf("%d bytes follow the last tensor", len(raw)), "give each binary input its binary_data_size")
	}
	for i := range b.Outputs {
		if err := refuseParameters(b.Outputs[i].Parameters); err != nil {
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
			return p.Bool("binary_data")
		}
	}
	return b.Parameters.Bool("binary_data_output")
}

func (b *inferBody) write(w http.ResponseWriter, r *http.Request, a *answer) error {
	out := struct {
		ID      string        `json:"id,omitempty"`
		Model   string        `json:"model_name"`
		Version string        `json:"model_version"`
		Outputs []tensor.Part `json:"outputs"`
	}{a.id, a.model, a.version, []tensor.Part{}}
	var raw []byte
	anyBinary := false
	for _, t := range a.outputs {
		binary := b.binary(t.Name)
		anyBinary = anyBinary || binary
		var o tensor.Part
		o, raw = t.Part(binary, raw)
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
		h.Set(tensor.LengthHeader, strconv.Itoa(len(text)))
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
