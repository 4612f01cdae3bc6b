package flink

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bighead-ml/bighead/feature"
	"github.com/bighead-ml/bighead/plan"
	"github.com/bighead-ml/bighead/project"
)

// TestSourceRefusals holds which sources Flink does not read, and so our own stream folds, to testdata/sources.txt. It needs no Flink.
func TestSourceRefusals(t *testing.T) {
	var b strings.Builder
	for _, c := range []struct{ name, topic, more string }{
		{"JSON", `"t"`, ``},
		{"Avro", `"t", format="avro"`, ``},
		{"Protobuf", `"t", format="protobuf"`, ``},
		{"no topic", `None`, ``},
		{"another field", `bh.Topic("t", select={"x": "price"})`, ``},
		{"a field within a field", `bh.Topic("t", select={"x": "payload.price"})`, ``},
		{"an expression", `bh.Topic("t", select={"x": "price * 2"})`, ``},
		{"an expression that nothing reads", `bh.Topic("t", select={"other": "price * 2"})`, `, "other": bh.Int`},
		{"the record's own", `bh.Topic("t", select={"x": "_partition"})`, ``},
		{"the record's own that nothing reads", `bh.Topic("t", select={"other": "_partition"})`, `, "other": bh.Int`},
		{"a struct that nothing reads", `"t"`, `, "other": bh.Struct({"a": bh.Int})`},
		{"a map that nothing reads", `"t"`, `, "other": bh.Map(bh.Int)`},
		{"a list of lists that nothing reads", `"t"`, `, "other": bh.List(bh.List(bh.Float))`},
		{"a name with a quote", `bh.Topic("t", select={"x": '"a""b"'})`, ``},
		{"a name with a backslash", `bh.Topic("t", select={"x": r'"a\b"'})`, ``},
	} {
		text := fmt.Sprintf("e = bh.EventSource(\"e\", topic=%s, columns={\"k\": bh.String, \"x\": bh.Int%s}, time=\"ts\")\ng = bh.FeatureGroup(\"g\", source=e, keys=[\"k\"], features=[bh.sum(\"x\", windows=[\"1h\"])])\n", c.topic, c.more)
		fmt.Fprintf(&b, "%s: %s\n", c.name, refusal(t, text))
	}
	golden(t, "testdata/sources.txt", b.String())
}

// refusal is why Flink does not fold the group of a definition.
func refusal(t *testing.T, text string) string {
	defs, err := record(t.Context(), []project.Unit{{Name: "features.py", Text: &text}})
	if err != nil {
		return "no definition: " + strings.Split(err.Error(), "\n")[0]
	}
	p, problems := feature.Check(defs[0], feature.Options{Stream: "flink"})
	if problems.Failed() {
		return "no definition: " + strings.Split(problems.Err().Error(), "\n")[0]
	}
	_, err = Print(plan.SpaceOf(p.Groups[0]), Options{Brokers: "b", Topic: "t"})
	var unsupported *Unsupported
	switch {
	case err == nil:
		return "folded"
	case !errors.As(err, &unsupported):
		t.Errorf("%s\n%v is a %T", text, err, err)
	}
	return err.Error()
}
