package plan

import (
	"github.com/bighead-ml/bighead/agg"
	"github.com/bighead-ml/bighead/value"
)

// Promise is how two values of the feature compare that were computed of the same events (docs/semantics.md §4).
func (v *Value) Promise() agg.Promise {
	f := v.Feature
	in, transcendental := value.Null, false
	if f.Input != nil {
		in, transcendental = f.Input.Type(), f.Input.Transcendental()
	}
	p := f.Agg.Promise(in, f.Params)
	p.Transcendental, p.Default = transcendental, f.Default
	return p
}
