package onnx

import (
	"runtime"
	"testing"

	"github.com/bighead-ml/bighead/model/modeltest"
)

// FuzzScan reads any bytes as a model's structure, before ONNX Runtime sees them: an error or not, of little memory, and never a panic.
func FuzzScan(f *testing.F) {
	for _, name := range []string{"onnx_rf", "onnx_lr", "onnx_mlp", "onnx_mixed"} {
		data := modeltest.File(f, name+".onnx")
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if s, err := scan(data); err == nil {
			s.classes()
			for name := range s.producers {
				s.madeBy(name)
			}
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > uint64(200*len(data)+1<<20) {
			t.Errorf("%d bytes for a file of %d", took, len(data))
		}
	})
}
