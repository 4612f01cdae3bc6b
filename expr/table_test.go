package expr_test

import (
	"testing"

	"github.com/bighead-ml/bighead/expr"
	"github.com/bighead-ml/bighead/value"
)

func TestExamples(t *testing.T) {
	examples := 0
	for _, f := range expr.Functions() {
		for _, ex := range f.Examples {
			examples++
			e, errs := expr.Check(ex.Expr, value.Schema{})
			if len(errs) > 0 {
				t.Errorf("%s: %s: %v", f.Name, ex.Expr, errs)
				continue
			}
			v, ok := e.Const()
			if got := string(value.AppendJSON(nil, v)); !ok || got != ex.Value {
				t.Errorf("%s: %s is %s, not %s", f.Name, ex.Expr, got, ex.Value)
			}
		}
	}
	if examples < 100 {
		t.Errorf("only %d examples", examples)
	}
}
