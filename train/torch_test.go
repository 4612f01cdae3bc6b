package train

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// torchStub stands for PyTorch, of which it has the names that training knows: what they export is a model that onnx makes.
const torchStub = `
import sys
import types

sys.modules["onnxscript"] = types.ModuleType("onnxscript")
__version__ = "0.stub"


class ONNXProgram:
    def __init__(self, proto):
        self.model_proto = proto


class ExportedProgram:
    def __init__(self, proto):
        self.proto = proto


class Module:
    pass


class Tensor:
    """scikit-learn asks whether a matrix is one."""


class onnx:
    @staticmethod
    def export(program, dynamo, verbose):
        assert dynamo and not verbose
        if program.proto is None:
            raise ValueError("an operator without a translation\\nmore of it")
        return ONNXProgram(program.proto)
`

// TestTorchStub tells apart what PyTorch's objects are by a module of its name: PyTorch itself is a download of gigabytes.
func TestTorchStub(t *testing.T) {
	for _, c := range []struct{ name, body, says string }{
		{"ONNX program", "    return torch.ONNXProgram(linear(data))\n", ""},
		{"exported program", "    return torch.ExportedProgram(linear(data))\n", ""},
		{"exported program, where pickling is allowed", "    return torch.ExportedProgram(linear(data))\n", ""},
		{"of two rows", "    return torch.ONNXProgram(linear(data, rows=2))\n", "the ONNX model that train returned takes 2 rows at a time, and no other number of them"},
		{"not translated", "    return torch.ExportedProgram(None)\n", "PyTorch makes no ONNX of the program that train returned: ValueError: an operator without a translation"},
		{"module", "    return type(\"Net\", (torch.Module,), {})()\n", "train returned a Net of PyTorch, which is code, and no model without it"},
		{"path of weights", "    open(\"net.pt\", \"w\").close()\n    return \"net.pt\"\n", `the path "net.pt", whose ending tells no framework`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, imports+"def train(data, params):\n    import torch\n"+c.body+linear)
			if err := os.WriteFile(filepath.Join(w.Root, "torch.py"), []byte(torchStub), 0o644); err != nil {
				t.Fatal(err)
			}
			w.torch(t, c.says, "torch 0.stub", strings.Contains(c.name, "pickling"))
		})
	}
}

// torch trains, and expects a version that ONNX Runtime answers, or a refusal.
func (w *world) torch(t *testing.T, says, framework string, pickle bool) {
	t.Helper()
	w.Model.Steps = append(w.Model.Steps, imputed)
	if w.Model.Pickle = pickle; pickle {
		w.Model.Name = "pickled" // whose lock is another
	}
	r, err := w.run(t, t.Context())
	if says != "" {
		if failed := new(Failed); !errors.As(err, &failed) || !strings.Contains(failed.Message, says) {
			t.Errorf("%v\nwant %s", err, says)
		}
		return
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, w.live.String())
	}
	text, err := os.ReadFile(filepath.Join(w.Artifacts, r.Version.Artifact, "manifest.json"))
	if err != nil || !strings.Contains(string(text), `"runtime": "onnx"`) || !strings.Contains(string(text), `"framework": "`+framework+`"`) || r.Version.Metrics["test.auc"] < 0.75 {
		t.Errorf("%v, %+v\n%.500s", err, r.Version, text)
	}
}

// TestTorch exports with PyTorch itself, where it is asked for.
func TestTorch(t *testing.T) {
	if os.Getenv("BIGHEAD_TORCH") != "1" {
		t.Skip("PyTorch and what it brings is a download of 3 GB: BIGHEAD_TORCH=1 exports with it")
	}
	const net = `
    x = torch.tensor(data.train.x.to_numpy(), dtype=torch.float32)
    y = torch.tensor(data.train.y.to_numpy(), dtype=torch.float32).reshape(-1, 1)
    torch.manual_seed(data.seed)
    torch.set_num_threads(1)
    net = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1), torch.nn.Sigmoid())
    descent = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(150):
        descent.zero_grad()
        torch.nn.functional.binary_cross_entropy(net(x), y).backward()
        descent.step()
    net.eval()
    rows = ({0: torch.export.Dim("rows")},)
`
	for _, c := range []struct{ name, body, says string }{
		{"ONNX program", "    return torch.onnx.export(net, (x[:2],), dynamo=True, dynamic_shapes=rows)\n", ""},
		{"exported program", "    return torch.export.export(net, (x[:2],), dynamic_shapes=rows)\n", ""},
		{"exported program of a file", "    torch.export.save(torch.export.export(net, (x[:2],), dynamic_shapes=rows), \"net.pt2\")\n    return \"net.pt2\"\n", ""},
		{"of two rows", "    return torch.export.export(net, (x[:2],))\n", "takes 2 rows at a time"},
		{"module", "    return net\n", "train returned a Sequential of PyTorch, which is code"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, imports+"def train(data, params):\n    import torch\n"+net+c.body)
			w.Model.Name, w.Model.Environment.Packages = "torch", []string{"numpy==2.4.6", "onnx==1.23.2", "onnxruntime==1.32.0", "onnxscript==0.7.2", "pandas==3.1.1", "pyarrow==26.0.1", "torch==2.15.0"}
			w.torch(t, c.says, "torch 2.15.0+", false)
		})
	}
}
