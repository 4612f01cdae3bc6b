package python

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzDescribe reads any bytes as worker.json: it is refused, or names a pickle beside it and inputs of known types.
func FuzzDescribe(f *testing.F) {
	const good = `{"version": 1, "pickle": "model.pkl", "lock": "ab12", "as": "pandas", "task": "binary", "inputs": [{"name": "x", "type": "float"}], "output": {"name": "prediction", "kind": "probability", "width": 1}}`
	f.Add([]byte(good))
	f.Add([]byte(good[:90]))
	f.Add([]byte(good + good))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), descriptionName)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := describe(path)
		if err != nil {
			return
		}
		if at := filepath.Join(filepath.Dir(path), d.Pickle); filepath.Dir(at) != filepath.Dir(path) || d.Pickle == "." {
			t.Errorf("pickle %q is not beside it", d.Pickle)
		}
		info := d.info()
		if numbers, texts := info.Widths(); numbers+texts != len(info.Inputs) || len(info.Outputs) != 1 || info.Outputs[0].Width < 1 {
			t.Errorf("%+v", info)
		}
	})
}
