"""Makes the ONNX models of ensembles.json, whose one operator is the TreeEnsemble of ai.onnx.ml 5, with what ONNX Runtime answers.

python ensembles.py, with onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6.
"""

import base64
import json
import random

import numpy
import onnxruntime
from onnx import TensorProto, helper

LEQ, LT, GTE, GT, EQ, NEQ = range(6)


def model(kind, width, targets, trees, **attributes):
    """A model of trees: a leaf is (target, weight), a node (feature, mode, split, tracks, yes, no)."""
    number = TensorProto.FLOAT if kind == "float32" else TensorProto.DOUBLE
    nodes, leaves, roots = [], [], []

    def place(tree):
        if len(tree) == 2:
            leaves.append(tree)
            return len(leaves) - 1, 1
        at = len(nodes)
        nodes.append(None)
        feature, mode, split, tracks, yes, no = tree
        nodes[at] = (feature, mode, split, tracks, *place(yes), *place(no))
        return at, 0

    for tree in trees:
        roots.append(len(nodes))
        if len(tree) == 2:
            leaves.append(tree)
            nodes.append((0, LEQ, 0.0, 0, len(leaves) - 1, 1, len(leaves) - 1, 1))
        else:
            place(tree)
    feature, mode, split, tracks, yes, yes_leaf, no, no_leaf = zip(*nodes)
    node = helper.make_node(
        "TreeEnsemble", ["x"], ["y"], domain="ai.onnx.ml", n_targets=targets, tree_roots=roots, nodes_featureids=feature,
        nodes_modes=helper.make_tensor("modes", TensorProto.UINT8, [len(mode)], mode), nodes_splits=helper.make_tensor("splits", number, [len(split)], split),
        nodes_truenodeids=yes, nodes_trueleafs=yes_leaf, nodes_falsenodeids=no, nodes_falseleafs=no_leaf, nodes_missing_value_tracks_true=tracks,
        leaf_targetids=[t for t, _ in leaves], leaf_weights=helper.make_tensor("weights", number, [len(leaves)], [w for _, w in leaves]), **attributes,
    )  # fmt: skip
    graph = helper.make_graph([node], "trees", [helper.make_tensor_value_info("x", number, ["n", width])], [helper.make_tensor_value_info("y", number, ["n", targets])])
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)])


def grown(draw, depth, width, targets, target=None):
    if depth == 0 or draw.random() < 0.1:
        return (draw.randrange(targets) if target is None else target, draw.gauss(0, 1))
    mode = draw.choice([LEQ, LT, GTE, GT, EQ, NEQ])
    split = float(draw.choice([-2, -1, 0, 1, 2, 0.25]))
    return (draw.randrange(width), mode, split, draw.randrange(2), grown(draw, depth - 1, width, targets, target), grown(draw, depth - 1, width, targets, target))


draw = random.Random(5)
cases = {
    "sums": model("float32", 4, 1, [grown(draw, 4, 4, 1) for _ in range(9)]),
    "trees by target": model("float32", 4, 3, [grown(draw, 3, 4, 3, k % 3) for k in range(9)]),
    "average of leaves of several targets": model("float32", 4, 3, [grown(draw, 4, 4, 3) for _ in range(7)], aggregate_function=0),
    "double, with a tree that is a leaf": model("float64", 4, 2, [grown(draw, 4, 4, 2) for _ in range(6)] + [(1, 0.1)]),
}
rows = [[draw.choice([-3.0, -2, -1, -0.0, 0.25, 0.5, 1, 2, 3, float("nan")]) for _ in range(4)] for _ in range(120)]
out = {"rows": [[None if x != x else x for x in row] for row in rows], "cases": []}
for name, m in cases.items():
    data = m.SerializeToString()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # more would add trees in several sums
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    kind = numpy.float64 if "double" in session.get_inputs()[0].type else numpy.float32
    (answers,) = session.run(None, {"x": numpy.array(rows, dtype=kind)})
    out["cases"].append({"name": name, "model": base64.b64encode(data).decode(), "answers": answers.astype(float).ravel().tolist()})
with open("ensembles.json", "w") as f:
    json.dump(out, f)
