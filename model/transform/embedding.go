package transform

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/bighead-ml/bighead/value"
)

var embedding = &Kind{
	Name:  "embedding",
	Doc:   "Looks a string's vector up in a table, which stands in the definition and is kept in the pipeline.",
	Names: "`{column}_0`, `{column}_1`, ….",
	Nulls: "A null, and a string that is not in the table, have the vector `unknown`, or null in each.",
	Takes: []value.Kind{value.KindString},
	Params: []Param{
		{Name: "table", Doc: "the vectors by string, all of one length", Type: VectorsByText, Positional: true},
		{Name: "unknown", Doc: "the vector of all others", Type: Numbers, Default: "None"},
	},
	Examples: []Example{
		{In: []string{"c string: UA | ? | null"}, Args: `{"table": {"UA": [0.5, 1.0]}}`, Want: []string{"c_0 float: 0.5 | null | null", "c_1 float: 1.0 | null | null"}},
		{In: []string{"c string: UA | ? | null"}, Args: `{"table": {"UA": [0.5]}, "unknown": [0.0]}`, Want: []string{"c_0 float: 0.5 | 0.0 | 0.0"}},
	},
	draft: embeddingDraft,
	op:    func() op { return new(vectorTable) },
}

func embeddingDraft(b *binding) {
	table, _ := b.args["table"].(map[string][]float64)
	o := &vectorTable{Unknown: b.numbers("unknown")}
	for _, key := range sortedKeys(table) {
		o.Texts, o.Vectors = append(o.Texts, key), append(o.Vectors, table[key])
	}
	made, err := o.outputs([]value.Type{value.String})
	if err != nil {
		b.reportArg("table", `write {"UA": [0.5, 1.0], …}, vectors of one length, unknown= too`, "embedding: %s", err)
		return
	}
	b.each(func(c bound) *draft {
		d := &draft{op: o}
		for i := range made {
			d.out = append(d.out, Column{Name: c.Name + "_" + strconv.Itoa(i), Type: value.Float})
		}
		return d
	})
}

// vectorTable is a vector by string.
type vectorTable struct {
	categoryList
	Vectors [][]float64 `json:"vectors"`
	Unknown []float64   `json:"unknown,omitempty"`
}

func (o *vectorTable) outputs([]value.Type) ([]output, error) {
	if len(o.Vectors) == 0 || len(o.Vectors) != o.len() {
		return nil, errors.New("its table is empty, or has other vectors than strings")
	}
	n := len(o.Vectors[0])
	if n == 0 || n > maxColumns {
		return nil, fmt.Errorf("a vector of %d numbers: there are 1 to %d", n, maxColumns)
	}
	for i, v := range o.Vectors {
		if len(v) != n {
			return nil, fmt.Errorf("vector %d has %d numbers, the first %d", i, len(v), n)
		}
	}
	if o.Unknown != nil && len(o.Unknown) != n {
		return nil, fmt.Errorf("unknown has %d numbers, the first vector %d", len(o.Unknown), n)
	}
	return outputsOf(value.Float, n), o.index(value.String)
}

func (o *vectorTable) apply(c *call) error {
	for i := range c.n {
		vector := o.Unknown
		if code := o.code(c.in[0], i); code >= 0 {
			vector = o.Vectors[code]
		}
		for j, out := range c.out {
			if vector == nil {
				out.null(i)
			} else {
				out.put(i, vector[j])
			}
		}
	}
	return nil
}
