#!/usr/bin/env python3
"""P10's trees: 500 trees of 64 leaves over 250 numeric features, in our runtime, LightGBM's C API and ONNX Runtime, each in its process
on one thread.

    python trees.py --ours BINARY --dir DIR [--rounds 3]

BINARY is bench/trees. LightGBM is asked through its C API (a row: LGBM_BoosterPredictForMatSingleRowFast), ONNX Runtime with inputs and
outputs bound beforehand. Figures are CPU time, the best of interleaved rounds, so that a neighbour costs all the same. Our sums must be
LightGBM's to the bit; ONNX Runtime's are compared loosely, for the conversion itself is off at thresholds. Prints JSON.
"""
import argparse
import ctypes
import json
import pathlib
import subprocess
import time

import lightgbm as lgb
import numpy as np
import onnxmltools
import onnxruntime
from onnxmltools.convert.common.data_types import FloatTensorType

FEATURES, TREES, LEAVES, BATCH = 250, 500, 64, 100


def train(where):
    """A model to which many features matter, so that the trees are as varied as real ones; 5 % of all numbers are missing."""
    r = np.random.default_rng(1)
    x = r.normal(size=(10_000, FEATURES))
    z = x @ (r.normal(size=FEATURES) * (r.random(FEATURES) < 0.3)) + 1.5 * np.sin(2 * x[:, 0]) * x[:, 1] + 2 * r.normal(size=len(x))
    x[r.random(x.shape) < 0.05] = np.nan
    parameters = dict(objective="binary", num_leaves=LEAVES, learning_rate=0.05, verbosity=-1, seed=1, deterministic=True, feature_fraction=0.3, num_threads=1)
    lgb.train(parameters, lgb.Dataset(x, z > 0), TREES).save_model(where / "model.txt")
    x[:2000].tofile(where / "rows.f64")


def best(call, calls, rounds=5):
    """The CPU time of a call in µs."""
    least = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        for i in range(calls):
            call(i)
        least = min(least, (time.process_time() - began) / calls * 1e6)
    return least


class LightGBM:
    def __init__(self, where, rows):
        self.booster = lgb.Booster(model_file=where / "model.txt")
        self.rows, self.lib, self.fast = rows, lgb.basic._LIB, ctypes.c_void_p()
        self.out, self.n = np.zeros(BATCH), ctypes.c_int64()
        config = ctypes.c_char_p(b"num_threads=1")
        # 1 is float64, then 0 what the link gives, from tree 0, all of them.
        assert self.lib.LGBM_BoosterPredictForMatSingleRowFastInit(self.booster._handle, 0, 0, -1, 1, FEATURES, config, ctypes.byref(self.fast)) == 0
        self.config = config

    def one(self, i):
        at = self.rows.ctypes.data + i % len(self.rows) * FEATURES * 8
        self.lib.LGBM_BoosterPredictForMatSingleRowFast(self.fast, ctypes.c_void_p(at), ctypes.byref(self.n), ctypes.c_void_p(self.out.ctypes.data))

    def many(self, i):
        at = self.rows.ctypes.data + i % (len(self.rows) // BATCH) * BATCH * FEATURES * 8
        self.lib.LGBM_BoosterPredictForMat(self.booster._handle, ctypes.c_void_p(at), 1, BATCH, FEATURES, 1, 0, 0, -1, self.config, ctypes.byref(self.n),
                                           ctypes.c_void_p(self.out.ctypes.data))


class ONNX:
    def __init__(self, where, rows):
        onnx = where / "model.onnx"
        if not onnx.exists():
            made = onnxmltools.convert_lightgbm(lgb.Booster(model_file=where / "model.txt"), initial_types=[("x", FloatTensorType([None, FEATURES]))], zipmap=False, target_opset=15)
            onnx.write_bytes(made.SerializeToString())
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(onnx, options)
        self.rows = rows.astype(np.float32)
        self.bound = [self.bind(i, 1) for i in range(200)], [self.bind(i, BATCH) for i in range(len(rows) // BATCH)]

    def bind(self, i, n):
        b = self.session.io_binding()
        b.bind_ortvalue_input("x", onnxruntime.OrtValue.ortvalue_from_numpy(self.rows[i * n:(i + 1) * n]))
        b.bind_output(self.session.get_outputs()[1].name)  # the scores: the converter declares the labels' shape wrongly
        return b

    def one(self, i):
        self.session.run_with_iobinding(self.bound[0][i % len(self.bound[0])])

    def many(self, i):
        self.session.run_with_iobinding(self.bound[1][i % len(self.bound[1])])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--ours", required=True)
    p.add_argument("--dir", type=pathlib.Path, required=True)
    p.add_argument("--rounds", type=int, default=3)
    a = p.parse_args()
    a.dir.mkdir(parents=True, exist_ok=True)
    if not (a.dir / "rows.f64").exists():
        train(a.dir)
    rows = np.fromfile(a.dir / "rows.f64").reshape(-1, FEATURES)
    peers = {"lightgbm": LightGBM(a.dir, rows), "onnxruntime": ONNX(a.dir, rows)}
    found = {}
    for _ in range(a.rounds):
        command = [a.ours, "--model", a.dir / "model.txt", "--rows", a.dir / "rows.f64", "--sums", a.dir / "ours.f64", "--batch", str(BATCH)]
        times = {"ours": json.loads(subprocess.check_output(command))}
        for name, peer in peers.items():
            times[name] = {"row_us": best(peer.one, 2000), "batch_row_us": best(peer.many, 40) / BATCH}
        for name, t in times.items():
            found[name] = {k: min(v, found.get(name, t)[k]) for k, v in t.items()}
    sums, raw = np.fromfile(a.dir / "ours.f64"), peers["lightgbm"].booster.predict(rows, raw_score=True, num_threads=1)
    assert np.array_equal(sums, raw), f"{(sums != raw).sum()} of {len(raw)} sums differ from LightGBM's"
    scores = peers["onnxruntime"].session.run(None, {"x": rows.astype(np.float32)})[1]
    far = np.abs(scores[:, 1] - 1 / (1 + np.exp(-raw))) > 1e-4
    assert far.mean() < 0.02, f"{far.sum()} scores of ONNX Runtime are far off"
    for k in ("row_us", "batch_row_us"):
        found["ours"]["lightgbm / ours, " + k] = found["lightgbm"][k] / found["ours"][k]
        found["ours"]["onnxruntime / ours, " + k] = found["onnxruntime"][k] / found["ours"][k]
    trees = [t["num_leaves"] for t in peers["lightgbm"].booster.dump_model()["tree_info"]]
    print(json.dumps(found | {"model": {"trees": len(trees), "leaves": sum(trees) / len(trees), "features": FEATURES, "rows": len(rows)}}))


if __name__ == "__main__":
    main()
