package expr_test

import (
	"testing"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

func TestExamples(t *testing.T) {
	examples := 0
	schema, row := expr.Sample()
	for _, f := range expr.Functions() {
		for _, ex := range f.Examples {
			examples++
			e, errs := expr.Check(ex.Expr, schema)
			if len(errs) > 0 {
				t.Errorf("%s: %s: %v", f.Name, ex.Expr, errs)
				continue
			}
			v := e.Compile(schema)(row, nil)
			if c, ok := e.Const(); ok != (len(e.Columns()) == 0) || ok && !value.Equal(c, v) {
				t.Errorf("%s: %s is %s, as a constant %s, %v", f.Name, ex.Expr, v, c, ok)
			}
			if got := string(value.AppendJSON(nil, v)); got != ex.Value {
				t.Errorf("%s: %s is %s, not %s", f.Name, ex.Expr, got, ex.Value)
			}
		}
	}
	if examples < 100 {
		t.Errorf("only %d examples", examples)
	}
}
