"""Makes the models beside it: graphs by hand, each for one thing that a file may ask of us. onnx 1.23.2."""

import numpy as np
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh

OPSETS = [h.make_opsetid("", 17), h.make_opsetid("ai.onnx.ml", 3)]


def save(name, nodes, inputs, outputs, initializers=()):
    graph = h.make_graph(nodes, name, inputs, outputs, list(initializers))
    model = h.make_model(graph, opset_imports=OPSETS, ir_version=8)
    with open(f"{name}.onnx", "wb") as f:
        f.write(model.SerializeToString())


def val(name, kind, *shape):
    return h.make_tensor_value_info(name, kind, list(shape))


def const(name, values, kind=np.float32):
    return nh.from_array(np.array(values, dtype=kind), name)


# One input of each type that is taken, as tables of one column and of two, and a list; the sum of all.
kinds = {"f": T.FLOAT, "d": T.DOUBLE, "l": T.INT64, "i": T.INT32, "b": T.BOOL}
nodes = [h.make_node("Cast", [n], [n + "_"], to=T.FLOAT) for n in kinds]
nodes += [h.make_node("Unsqueeze", ["b_", "one"], ["b__"]), h.make_node("ReduceSum", ["d_", "one"], ["d__"], keepdims=1)]
nodes += [h.make_node("Sum", ["f_", "d__", "l_", "i_", "b__"], ["sum"])]
inputs = [val("f", T.FLOAT, None, 1), val("d", T.DOUBLE, None, 2), val("l", T.INT64, "rows", 1), val("i", T.INT32, None, 1), val("b", T.BOOL, None)]
save("types", nodes, inputs, [val("sum", T.FLOAT, None, 1)], [const("one", [1], np.int64)])

# Two classes by a linear classifier: of texts, with and without ZipMap, and of numbers that are not 0 and 1.
linear = dict(coefficients=[1.0, -2.0], intercepts=[0.25], multi_class=0, post_transform="LOGISTIC", domain="ai.onnx.ml")
two = [val("x", T.FLOAT, None, 2)]
node = h.make_node("LinearClassifier", ["x"], ["label", "scores"], classlabels_strings=["no", "yes"], **{**linear, "coefficients": [-1.0, 2.0, 1.0, -2.0], "intercepts": [-0.25, 0.25]})
norm = h.make_node("Normalizer", ["scores"], ["probabilities"], norm="L1", domain="ai.onnx.ml")
save("texts", [node, norm], two, [val("label", T.STRING, None), val("probabilities", T.FLOAT, None, None)])
zipmap = h.make_node("ZipMap", ["probabilities"], ["maps"], classlabels_strings=["no", "yes"], domain="ai.onnx.ml")
maps = h.make_value_info("maps", h.make_sequence_type_proto(h.make_map_type_proto(T.STRING, h.make_tensor_type_proto(T.FLOAT, []))))
save("zipmap", [node, norm, zipmap], two, [val("label", T.STRING, None), maps])
node = h.make_node("LinearClassifier", ["x"], ["label", "probabilities"], classlabels_ints=[-1, 7], **{**linear, "coefficients": [-1.0, 2.0, 1.0, -2.0], "intercepts": [-0.25, 0.25]})
save("labels", [node], two, [val("label", T.INT64, None), val("probabilities", T.FLOAT, None, 2)])

# What is refused, each by its reason.
relu = h.make_node("Relu", ["x"], ["y"])
save("half", [relu], [val("x", T.FLOAT16, None, 2)], [val("y", T.FLOAT16, None, 2)])
save("images", [relu], [val("x", T.FLOAT, None, 3, 8, 8)], [val("y", T.FLOAT, None, 3, 8, 8)])
save("free", [relu], [val("x", T.FLOAT, None, None)], [val("y", T.FLOAT, None, None)])
save("four", [relu], [val("x", T.FLOAT, 4, 2)], [val("y", T.FLOAT, 4, 2)])
save("single", [h.make_node("Sigmoid", ["x"], ["y"])], [val("x", T.FLOAT, 1, 2)], [val("y", T.FLOAT, 1, 2)])
outside = const("w", [[1.0], [2.0]])
outside.ClearField("raw_data")
outside.data_location = T.EXTERNAL
outside.external_data.add(key="location", value="/etc/hostname")
save("outside", [h.make_node("MatMul", ["x", "w"], ["y"])], two, [val("y", T.FLOAT, None, 1)], [outside])

# A graph that gives fewer rows than it says, one that fails on a row of its own, and one that does not end of itself.
save("lies", [h.make_node("ReduceSum", ["x", "zero"], ["y"], keepdims=1)], two, [val("y", T.FLOAT, None, 2)], [const("zero", [0], np.int64)])
index = [h.make_node("Cast", ["x"], ["at"], to=T.INT64), h.make_node("Gather", ["table", "at"], ["y"])]
save("index", index, [val("x", T.FLOAT, None, 1)], [val("y", T.FLOAT, None, 1)], [const("table", [1.0, 2.0, 3.0])])
body = h.make_graph(
    [h.make_node("Identity", ["go"], ["go_on"]), h.make_node("Sin", ["sofar"], ["next"])], "body",
    [val("n", T.INT64), val("go", T.BOOL), val("sofar", T.FLOAT, None, 1)], [val("go_on", T.BOOL), val("next", T.FLOAT, None, 1)])
loop = [h.make_node("ReduceMax", ["x"], ["top"], keepdims=0), h.make_node("Cast", ["top"], ["times"], to=T.INT64), h.make_node("Loop", ["times", "", "x"], ["y"], body=body)]
save("loop", loop, [val("x", T.FLOAT, None, 1)], [val("y", T.FLOAT, None, 1)])
huge = [h.make_node("Cast", ["x"], ["n"], to=T.INT64), h.make_node("Reshape", ["n", "flat"], ["n1"]), h.make_node("ConstantOfShape", ["n1"], ["z"]), h.make_node("ReduceSum", ["z"], ["s"]), h.make_node("Add", ["x", "s"], ["y"])]
save("huge", huge, [val("x", T.FLOAT, None, 1)], [val("y", T.FLOAT, None, 1)], [const("flat", [-1], np.int64)])
