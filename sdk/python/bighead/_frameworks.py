"""The frameworks that models are trained with: how rows become their frames, how their models are saved, what they answer.

To add a framework: a function that knows its models, and its line in ``_KNOWN``. Nothing here is imported unless a model
needs it.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Callable


class Refused(Exception):
    """A training function returned what cannot be served, with the cure."""

    def __init__(self, message: str, cure: str = "") -> None:
        super().__init__(message)
        self.cure = cure


def read(path: str, kind: str, columns: list[str] | None) -> Any:
    """The rows of a file as a frame of a kind, or as numbers of float64 (``"numpy"``, of columns that are numbers)."""
    if kind == "polars":
        import polars

        return polars.read_parquet(path, columns=columns)
    import pyarrow.parquet

    table = pyarrow.parquet.ParquetFile(path).read(columns=columns)
    if kind == "arrow":
        return table
    if kind == "pandas":
        return table.to_pandas()
    return table


def apart(whole: Any, request: dict[str, Any]) -> tuple[Any, Any, Any]:
    """The columns that go into the model, the label under its own name, and the weight."""
    x, label, weight = whole, request["label_column"], request["weight_column"]
    if request["as"] == "pandas":
        y = whole.pop(label).rename(request["label"])
        w = whole.pop(weight).rename("weight") if weight else None
        return x, y, w
    if request["as"] == "polars":
        y = whole[label].alias(request["label"])
        return whole.select(request["x"]), y, whole[weight].alias("weight") if weight else None
    return whole.select(request["x"]), whole[label], whole[weight] if weight else None


def save(returned: Any, sample: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Save a model in its framework's own format and ask it the sample's rows.

    Returns
    -------
    dict
        ``framework`` with its version, ``file`` in the folder of results, ``inputs``, the columns in the order in which the
        model reads them, ``answers``, by row, and ``classes``, how many it tells apart (0: it is no classifier).
    """
    if returned is None:
        raise Refused(f"{request['function']} returned None", "return the model")
    if isinstance(returned, (str, os.PathLike)):
        returned = _loaded(os.fspath(returned), request)
    module = type(returned).__module__.partition(".")[0]
    if request["pickle"] and not any(b.__module__.partition(".")[0] in _NATIVE for b in type(returned).__mro__):
        return _pickled(returned, sample, request)
    for base in type(returned).__mro__:  # a class of the user's may stand over the framework's
        known = _KNOWN.get(base.__module__.partition(".")[0])
        if known is not None:
            return known(returned, sample, request)
    what = f"a {type(returned).__name__}" + (f" of {module}" if module != "builtins" else "")
    raise Refused(
        f"{request['function']} returned {what}, which is no model that can be served",
        "return a model of LightGBM, XGBoost, CatBoost or scikit-learn, an ONNX model, what torch.onnx.export or torch.export.export makes, or the path of a file that one of them saved; what has none of their formats is served by Python with pickle=True",
    )


def _names(model: list[str] | None, width: int, request: dict[str, Any]) -> list[str]:
    """The columns that a model reads, in its order, by the names that it has for them."""
    columns: list[str] = request["x"]
    if model is not None and all(n in columns for n in model):
        return model
    if width == len(columns) and (model is None or _by_place(model, columns)):
        return columns
    if model is None or width != len(model):
        raise Refused(
            f"the model reads {width} columns without names, and {request['function']} was given {len(columns)}",
            "train it on data.train.x, or on a selection of its columns by name",
        )
    strange = next(n for n in model if n not in columns)
    raise Refused(f'the model reads a column "{strange}", which data.train.x does not have', "what is made of columns is made in the pipeline, where serving makes it too")


def _by_place(model: list[str], columns: list[str]) -> bool:
    """Whether names are numbers of columns, or the columns' own as a framework writes them."""
    plain = all(m in (f"Column_{i}", f"f{i}", f"x{i}", str(i)) for i, m in enumerate(model))
    return plain or all(m == "_".join(c.split()) or m == c.replace(" ", "_") for m, c in zip(model, columns))


def _matrix(sample: Any, names: list[str]) -> Any:
    """Columns of the sample as a matrix of float64, what is missing as NaN."""
    import numpy

    out = numpy.empty((sample.num_rows, len(names)), dtype=numpy.float64)
    for i, name in enumerate(names):
        column = sample.column(name)
        if _is_string(sample, name):
            raise Refused(f'column "{name}" is a string, and the model takes numbers', "encode it in the pipeline: bh.ordinal, bh.one_hot")
        out[:, i] = column.cast("float64").to_numpy()
    return out


def _is_string(sample: Any, name: str) -> bool:
    return str(sample.schema.field(name).type) in ("string", "large_string")


def _by_name(model: Any) -> bool:
    """Whether a part of scikit-learn's model picks columns, as ColumnTransformer does."""
    if type(model).__name__ == "ColumnTransformer":
        return True
    return any(_by_name(step) for _, step in getattr(model, "steps", ()))


def _rows(answers: Any) -> list[list[float]]:
    import numpy

    whole = numpy.asarray(answers, dtype=numpy.float64)
    return whole.reshape(len(whole), -1).tolist()  # type: ignore[no-any-return]


def _classes(model: Any, request: dict[str, Any]) -> None:
    """Refuse a classifier whose classes are not the label's."""
    found = getattr(model, "classes_", None)
    if found is not None and request["classes"] and list(found) != list(range(request["classes"])):
        raise Refused(
            f"the model's classes are {[getattr(c, 'item', lambda c=c: c)() for c in found]}, and the label's are 0 to {request['classes'] - 1}",
            "train it on data.train.y as it is",
        )


def _lightgbm(model: Any, sample: Any, request: dict[str, Any]) -> dict[str, Any]:
    import lightgbm

    _classes(model, request)
    booster = model if isinstance(model, lightgbm.Booster) else getattr(model, "booster_", None)
    if booster is None:
        raise Refused(f"{request['function']} returned a {type(model).__name__} of LightGBM, which is no model", "return the Booster or the fitted estimator")
    if getattr(booster, "pandas_categorical", None):
        raise Refused(
            "the model learned from columns of pandas' type category, whose codes are not the pipeline's",
            "give LightGBM the columns as they are, with categorical_feature=data.categorical",
        )
    names = _names(booster.feature_name(), booster.num_feature(), request)
    file = os.path.join(request["out"], "model.txt")
    booster.save_model(file)
    answers = booster.predict(_matrix(sample, names))
    return {"framework": f"lightgbm {lightgbm.__version__}", "file": "model.txt", "inputs": names, "answers": _rows(answers)}


def _xgboost(model: Any, sample: Any, request: dict[str, Any]) -> dict[str, Any]:
    import xgboost

    _classes(model, request)
    booster = model
    if not isinstance(model, xgboost.Booster):
        booster = model.get_booster() if hasattr(model, "get_booster") else None
        best = getattr(model, "early_stopping_rounds", None) and getattr(model, "best_iteration", None)
        if booster is not None and best is not None and best is not False:  # the estimator answers with the best trees alone
            booster = booster[: best + 1]
    if booster is None:
        raise Refused(f"{request['function']} returned a {type(model).__name__} of XGBoost, which is no model", "return the Booster or the fitted estimator")
    names = _names(booster.feature_names, booster.num_features(), request)
    booster.save_model(os.path.join(request["out"], "model.ubj"))
    matrix = xgboost.DMatrix(_matrix(sample, names), feature_names=booster.feature_names, feature_types=booster.feature_types, enable_categorical=True)
    return {"framework": f"xgboost {xgboost.__version__}", "file": "model.ubj", "inputs": names, "answers": _rows(booster.predict(matrix))}


def _sklearn(model: Any, sample: Any, request: dict[str, Any]) -> dict[str, Any]:
    import sklearn

    _classes(model, request)
    if not hasattr(model, "predict") or not hasattr(model, "n_features_in_"):
        raise Refused(f"{request['function']} returned a {type(model).__name__} of scikit-learn, which is not fitted, or predicts nothing", "return the fitted estimator")
    try:
        from skl2onnx import to_onnx
        from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    except ImportError:
        raise Refused(
            "scikit-learn's models are served as ONNX, and the environment has nothing that makes it",
            'add "skl2onnx" with its version to bh.Environment([…])',
        ) from None
    names = _names(list(getattr(model, "feature_names_in_", ())) or None, model.n_features_in_, request)
    classifier = hasattr(model, "classes_")
    if classifier and not hasattr(model, "predict_proba"):
        raise Refused(
            f"{request['function']} returned a {type(model).__name__} of scikit-learn, which decides and tells no probabilities",
            "wrap it in CalibratedClassifierCV, take a loss that has them (loss=\"log_loss\" of SGDClassifier), or LogisticRegression",
        )
    options = {id(model): {"zipmap": False}} if classifier else None
    apart = _by_name(model) or any(_is_string(sample, n) for n in names)
    if apart:  # what picks columns by their names has an input for each
        initial: Any = [(n, (StringTensorType if _is_string(sample, n) else FloatTensorType)([None, 1])) for n in names]
    else:
        initial = [("x", FloatTensorType([None, len(names)]))]
    try:
        converted = to_onnx(model, initial_types=initial, options=options)
    except Exception as e:
        why = f"{type(e).__name__}: {str(e).strip().splitlines()[0][:200].rstrip(', ')}" if str(e).strip() else type(e).__name__
        raise Refused(f"skl2onnx makes no ONNX of the {type(model).__name__} that {request['function']} returned: {why}", _unconverted(model)) from e
    with open(os.path.join(request["out"], "model.onnx"), "wb") as f:
        f.write(converted.SerializeToString())
    x: Any = sample.select(names).to_pandas() if apart else _matrix(sample, names)
    if not apart and hasattr(model, "feature_names_in_"):
        import pandas

        x = pandas.DataFrame(x, columns=list(model.feature_names_in_))
    answers = model.predict_proba(x) if classifier else model.predict(x)
    if classifier and request["task"] == "binary":
        answers = answers[:, 1]
    if apart:
        names = [i.name for i in converted.graph.input]
    # ONNX answers in float32, so that is how exactly it can be compared.
    return {"framework": f"scikit-learn {sklearn.__version__}", "file": "model.onnx", "inputs": names, "answers": _rows(answers.astype("float32"))}


def _unconverted(model: Any) -> str:
    """What to do with a model of scikit-learn that has no ONNX form."""
    if type(model).__name__.startswith("HistGradientBoosting"):
        return "train it with LightGBM, whose trees are of the same kind and served to the bit, or say pickle=True"
    return "take another estimator, or say pickle=True, and it is served by Python"


def _onnx(model: Any, sample: Any, request: dict[str, Any]) -> dict[str, Any]:
    import onnx

    if not hasattr(model, "graph"):
        raise Refused(f"{request['function']} returned a {type(model).__name__} of onnx, which is no model", "return the ModelProto")
    try:
        import numpy
        import onnxruntime
    except ImportError:
        raise Refused("an ONNX model is compared with ONNX Runtime, which the environment lacks", 'add "onnxruntime" with its version to bh.Environment([…])') from None
    data = model.SerializeToString()
    with open(os.path.join(request["out"], "model.onnx"), "wb") as f:
        f.write(data)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    kinds = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(int64)": "int64", "tensor(int32)": "int32", "tensor(bool)": "bool", "tensor(string)": "object"}
    strange = next((i for i in inputs if i.type not in kinds), None)
    if strange is not None:
        raise Refused(f'the ONNX model\'s input "{strange.name}" is a {strange.type}', "tensors of float, double, int64, int32, bool and string are taken")
    if len(inputs) == 1 and len(inputs[0].shape) == 2 and inputs[0].shape[1] != 1:
        width = inputs[0].shape[1] if isinstance(inputs[0].shape[1], int) else len(request["x"])
        names = _names(None, width, request)
        given = {inputs[0].name: _matrix(sample, names).astype(kinds[inputs[0].type])}
    else:
        names, given = [i.name for i in inputs], {}
        if len(inputs) == 1 and len(request["x"]) == 1:
            names = list(request["x"])
        for i, name in zip(inputs, names):
            if name not in request["x"] or len(i.shape) not in (1, 2) or i.shape[1:] not in ([], [1]):
                raise Refused(f'the ONNX model has an input "{i.name}" of shape {i.shape}', "one input, rows by columns, or an input of one column for each column of data.train.x, by its name")
            column = sample.column(name).to_pandas().to_numpy().astype(kinds[i.type])
            given[i.name] = column.reshape(-1, 1) if len(i.shape) == 2 else column
    outputs = _asked(session, inputs, given, request)
    answers = next((o for o in reversed(outputs) if isinstance(o, numpy.ndarray) and o.dtype.kind == "f"), None)
    if answers is None:
        raise Refused("the ONNX model has no output that is a tensor of numbers", "convert it without ZipMap")
    if request["task"] == "binary" and answers.ndim == 2 and answers.shape[1] == 2:
        answers = answers[:, 1]
    return {"framework": f"onnx {onnx.__version__}", "file": "model.onnx", "inputs": names, "answers": _rows(answers)}


def _asked(session: Any, inputs: Any, given: dict[str, Any], request: dict[str, Any]) -> list[Any]:
    """What an ONNX model answers to all rows: at once, or one by one where it takes no more."""
    rows = {i.shape[0] for i in inputs if i.shape and isinstance(i.shape[0], int)}
    if not rows:
        return session.run(None, given)  # type: ignore[no-any-return]
    if rows != {1}:
        raise Refused(
            f"the ONNX model that {request['function']} returned takes {max(rows)} rows at a time, and no other number of them",
            'export it with a free number of rows: dynamic_shapes=({0: torch.export.Dim("rows")},) of PyTorch',
        )
    import numpy

    one = [session.run(None, {name: x[i : i + 1] for name, x in given.items()}) for i in range(len(next(iter(given.values()))))]
    return [numpy.concatenate(parts) if isinstance(parts[0], numpy.ndarray) else parts for parts in zip(*one)]


def _torch(model: Any, sample: Any, request: dict[str, Any]) -> dict[str, Any]:
    """What PyTorch exported, as ONNX; a module is code, and its weights alone are no model."""
    import torch

    kinds = [b.__name__ for b in type(model).__mro__ if b.__module__.partition(".")[0] == "torch"]
    if "ExportedProgram" in kinds:
        try:
            import onnxscript  # noqa: F401
        except ImportError:
            raise Refused("PyTorch makes ONNX of what it exported by onnxscript, which the environment lacks", 'add "onnxscript" with its version to bh.Environment([…])') from None
        try:
            model = torch.onnx.export(model, dynamo=True, verbose=False)
        except Exception as e:
            why = (str(e).strip().splitlines() or [""])[0][:200]
            raise Refused(f"PyTorch makes no ONNX of the program that {request['function']} returned: {type(e).__name__}: {why}", "return what torch.onnx.export makes of the module") from e
    elif "ONNXProgram" not in kinds:
        if request["pickle"]:
            return _pickled(model, sample, request)
        raise Refused(
            f"{request['function']} returned a {type(model).__name__} of PyTorch, which is code, and no model without it",
            'return torch.onnx.export(model.eval(), (x,), dynamo=True, dynamic_shapes=({0: torch.export.Dim("rows")},)), x being two rows; or say pickle=True, and it is served by Python',
        )
    return {**_onnx(model.model_proto, sample, request), "framework": f"torch {torch.__version__}"}


# Frameworks whose models have a format of their own, which is taken also where pickling is allowed.
_NATIVE = ("lightgbm", "xgboost", "onnx", "catboost", "torch")


def _pickled(model: Any, sample: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Pickle a model, with the classes and functions of the project's files in it, for a worker that has this environment."""
    from bighead import _worker

    pickler = _pickler()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and os.path.realpath(file).startswith(os.path.realpath(request["root"]) + os.sep) and os.sep + "site-packages" + os.sep not in file:
            pickler.register_pickle_by_value(module)
    if not (hasattr(model, "predict") or hasattr(model, "predict_proba") or callable(model)):
        raise Refused(f"{request['function']} returned a {type(model).__name__}, which has neither predict nor predict_proba and cannot be called", "return what can be asked")
    try:
        with open(os.path.join(request["out"], "model.pkl"), "wb") as f:
            pickler.dump(model, f, protocol=5)
    except Exception as e:
        raise Refused(f"the {type(model).__name__} that {request['function']} returned cannot be pickled: {type(e).__name__}: {e}", "keep locks, files and connections out of it") from e
    _classes(model, request)
    names = list(getattr(model, "feature_names_in_", ())) or request["x"]
    if any(n not in request["x"] for n in names):
        names = request["x"]
    rows = sample.select(names)
    shape, numbers = _worker.answers(model, _worker.frame(rows, request["as"]), request["task"])
    wanted = request["classes"] if request["task"] == "multiclass" else 1
    if shape != [sample.num_rows, wanted]:
        raise Refused(
            f"the {type(model).__name__} answers {shape[0]} rows of {shape[1]} to {sample.num_rows} rows, where {wanted} a row are expected for task {request['task']}",
            "answer each row: of two classes the second's probability, or both; of more, one for each; else a number",
        )
    flat = memoryview(numbers).cast("d").tolist()
    kind = "probability" if request["task"] in ("binary", "multiclass") else "value"
    described = {
        "version": 1, "pickle": "model.pkl", "lock": request["lock"], "as": request["as"], "task": request["task"],
        "inputs": [{"name": n, "type": "string" if _is_string(sample, n) else "float"} for n in names],
        "output": {"name": "prediction", "kind": kind, "width": wanted},
    }  # fmt: skip
    with open(os.path.join(request["out"], "worker.json"), "w", encoding="utf-8") as f:
        json.dump(described, f)
    package = type(model).__module__.partition(".")[0]
    version = getattr(sys.modules.get(package), "__version__", None)
    framework = f"{package} {version}" if version else f"python {'.'.join(map(str, sys.version_info[:3]))}"
    return {
        "framework": framework, "file": "worker.json", "files": ["model.pkl"], "inputs": names,
        "answers": [flat[i : i + wanted] for i in range(0, len(flat), wanted)],
    }  # fmt: skip


def _pickler() -> Any:
    """What pickles classes and functions of the project with their code."""
    try:
        import cloudpickle
    except ImportError:
        raise Refused("models are pickled with cloudpickle, which this Python lacks", "install it there, or give the model an environment=bh.Environment([…]), which brings it") from None
    return cloudpickle


def _catboost(model: Any, sample: Any, request: dict[str, Any]) -> dict[str, Any]:
    import catboost

    if not isinstance(model, catboost.CatBoost) or not model.is_fitted():
        raise Refused(f"{request['function']} returned a {type(model).__name__} of CatBoost, which is no model, or not fitted", "return the fitted estimator")
    if len(getattr(model, "classes_", ())):
        _classes(model, request)
    names = _names(list(model.feature_names_), len(model.feature_names_), request)
    categories = [names[i] for i in model.get_cat_feature_indices()]
    file = os.path.join(request["out"], "model.json")
    try:
        loss = _saved_catboost(model, categories, file, sample)
    except Refused:
        if os.path.exists(file):
            os.remove(file)
        if request["pickle"]:
            return _pickled(model, sample, request)
        raise
    x: Any = sample.select(names).to_pandas() if categories else _matrix(sample, names)
    if categories:
        x.columns = model.feature_names_
    if request["task"] in ("binary", "multiclass"):
        answers = model.predict(x, prediction_type="Probability")
        if request["task"] == "binary" and answers.ndim == 2:
            answers = answers[:, 1]
    else:
        answers = model.predict(x, prediction_type="Exponent" if loss in ("Poisson", "Tweedie") else "RawFormulaVal")
    return {"framework": f"catboost {catboost.__version__}", "file": "model.json", "inputs": names, "answers": _rows(answers)}


def _saved_catboost(model: Any, categories: list[str], file: str, sample: Any) -> str:
    """Save a model of CatBoost as its own JSON and give the name of its loss; what no runtime reads of it is refused here, with the cure."""
    if model.get_text_feature_indices() or model.get_embedding_feature_indices():
        raise Refused("the model reads columns as texts or embeddings, which CatBoost saves in no format that is served", "make numbers of them in the pipeline: bh.tf_idf, bh.embedding")
    number = next((n for n in categories if not _is_string(sample, n)), None)
    if number is not None:
        raise Refused(
            f'the model takes column "{number}" for categories, and it is a number, of which CatBoost makes texts in a way of its own',
            "give CatBoost strings as cat_features, without encoding them in the pipeline; or leave the column out of cat_features: it is a number then",
        )
    model.save_model(file, format="json")
    with open(file, encoding="utf-8") as f:
        document = json.load(f)
    if document["features_info"].get("ctrs"):
        raise Refused(
            "the model splits by statistics of categories (CTR), which are not served",
            "raise one_hot_max_size above the number of categories (255 at most), encode the column in the pipeline (bh.target_encode, bh.one_hot), or say pickle=True",
        )
    return str(document["model_info"].get("params", {}).get("loss_function", {}).get("type", ""))


_KNOWN: dict[str, Callable[[Any, Any, dict[str, Any]], dict[str, Any]]] = {
    "lightgbm": _lightgbm,
    "xgboost": _xgboost,
    "sklearn": _sklearn,
    "onnx": _onnx,
    "catboost": _catboost,
    "torch": _torch,
}


def _loaded(path: str, request: dict[str, Any]) -> Any:
    """The model of a file, by the framework that its name tells."""
    if not os.path.isfile(path):
        raise Refused(f'{request["function"]} returned the path "{path}", where no file is', "save the model there before, or return the model")
    end = os.path.splitext(path)[1].lower()
    if end == ".txt":
        import lightgbm

        return lightgbm.Booster(model_file=path)
    if end == ".cbm" or end == ".json" and _is_catboost(path):
        import catboost

        return catboost.CatBoost().load_model(path, format=end[1:])
    if end in (".json", ".ubj"):
        import xgboost

        return xgboost.Booster(model_file=path)
    if end == ".onnx":
        import onnx

        return onnx.load(path)
    if end == ".pt2":
        import torch

        return torch.export.load(path)
    raise Refused(f'{request["function"]} returned the path "{path}", whose ending tells no framework', "LightGBM's files end in .txt, XGBoost's in .json or .ubj, CatBoost's in .json or .cbm, ONNX in .onnx, what torch.export.save writes in .pt2; torch.save writes no model without its code")


def _is_catboost(path: str) -> bool:
    with open(path, "rb") as f:
        return b'"scale_and_bias"' in f.read()
