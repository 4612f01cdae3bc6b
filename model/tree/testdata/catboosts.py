"""Makes catboost.zip: small models of CatBoost in its own JSON, and what CatBoost answers.

Run with catboost 1.2.10 and numpy 2.4.6. For each model NAME.json is the file, NAME.rows.npy the rows (of which many lie on borders, one float32 or one
float64 beside them, are missing, infinite or a negative zero), NAME.texts.json their categories where the model has such, NAME.raw.npy the margins
(RawFormulaVal), NAME.pred.npy what the model predicts (Probability, Exponent; none where that is the margin), NAME.leaf.npy the leaves, and NAME.shap.npy the
contributions (ShapValues) of every twelfth row. The last two are of the model read back from its file: of one that was grown with Lossguide or Depthwise CatBoost
1.2.10 numbers the leaves in memory otherwise, and its contributions are others, too, which the file's own counts of rows contradict. index.json lists them; those that cannot be run have the words of the refusal in it.
"""

import io
import json
import os
import tempfile
import zipfile

import catboost
import numpy as np
import pandas as pd

rng = np.random.default_rng(6)
N, WIDTH = 600, 4
X = rng.normal(size=(N, WIDTH))
X[:, 1] = np.round(X[:, 1] * 4) / 4  # on borders that are met, 0 among them
Y = X[:, 0] + np.abs(X[:, 1]) * X[:, 2] + rng.normal(size=N) * 0.2
HOLES = X.copy()
HOLES[rng.random(X.shape) < 0.1] = np.nan
SHIPS = ["", "a", "bark", "brig-sloop", "full-rigged ship", "ketch with a gaff mizzen", "a schooner whose foremast is no taller than", "Ålesund åttring",
         "a name that is longer than sixty-four bytes, so that the hash of it walks in steps: " + "x" * 40, "7"]  # fmt: skip
SHIP = rng.integers(0, len(SHIPS), N)

index: list[dict] = []
out = zipfile.ZipFile("catboost.zip", "w", zipfile.ZIP_DEFLATED)


def write(name: str, data: bytes) -> None:
    out.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)


def array(name: str, values) -> None:
    buffer = io.BytesIO()
    values = np.asarray(values, dtype=np.float64)
    np.save(buffer, np.ascontiguousarray(values.reshape(len(values), -1)))
    write(name, buffer.getvalue())


def saved(model) -> tuple[bytes, dict, catboost.CatBoost]:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.json")
        model.save_model(path, format="json")
        with open(path, "rb") as f:
            document = json.load(f)
        again = catboost.CatBoost()
        if not document["features_info"].get("ctrs"):
            again.load_model(path, format="json")
    # What changes with each run, and what no reader needs.
    info = document["model_info"]
    for key in ("model_guid", "train_finish_time", "output_options", "training"):
        info.pop(key, None)
    for key in [k for k in info if k.startswith("model")]:  # of those that were summed
        del info[key]
    if "params" in info:
        info["params"] = {k: v for k, v in info["params"].items() if k in ("loss_function", "flat_params")}
    return json.dumps(document, separators=(",", ":")).encode(), document, again


def rows_of(document: dict) -> np.ndarray:
    """Rows for a model: some of the training's, and one for each border and what lies beside it."""
    features = document["features_info"].get("float_features", [])
    width = 1 + max(f["flat_feature_index"] for kind in document["features_info"].values() for f in kind if "flat_feature_index" in f)
    rows = [np.resize(r, width) for r in np.vstack([X[:60], HOLES[:60]])]
    special = [np.nan, np.inf, -np.inf, -0.0, 0.0, 1e39, -1e39, 3.4028234663852886e38, -3.4028234663852886e38, 1e-45, -1e-46]
    for f in features:
        beside = list(special)
        for b in f["borders"]:
            b32 = np.float32(b)
            beside += [float(b32), np.nextafter(float(b32), np.inf), np.nextafter(float(b32), -np.inf)]
            with np.errstate(over="ignore"):
                beside += [float(np.nextafter(b32, np.float32(np.inf))), float(np.nextafter(b32, np.float32(-np.inf)))]
        for x in beside:
            row = np.resize(X[rng.integers(N)], width)
            row[f["flat_feature_index"]] = x
            rows.append(row)
    return np.array(rows)


def add(name: str, model, predict: str | None = None, ship: bool = False, refused: str = "", shap: bool = True) -> None:
    data, document, again = saved(model)
    entry: dict = {"name": name, "predict": predict or "", "refused": refused}
    write(name + ".json", data)
    if not refused:
        rows = rows_of(document)
        frame: object = rows
        if ship:
            texts = [[SHIPS[i % len(SHIPS)] if i % 7 else f"unheard of {i}"] for i in range(len(rows))]
            write(name + ".texts.json", json.dumps(texts).encode())
            frame = pd.DataFrame({"a": rows[:, 0], "ship": [t[0] for t in texts], "b": rows[:, 2], "c": rows[:, 3], "d": rows[:, 4]})
            rows = np.delete(rows, 1, axis=1)
        array(name + ".rows.npy", rows)
        array(name + ".raw.npy", model.predict(frame, prediction_type="RawFormulaVal"))
        if predict:
            answers = np.asarray(model.predict(frame, prediction_type=predict))
            one = document["scale_and_bias"][1]
            array(name + ".pred.npy", answers[:, 1] if predict == "Probability" and len(one) == 1 else answers)
        if model.tree_count_:
            array(name + ".leaf.npy", again.calc_leaf_indexes(frame))
        entry["shap"] = shap and model.tree_count_ > 0
        if entry["shap"]:
            part = frame.iloc[::12] if ship else rows[::12]
            pool = catboost.Pool(part, cat_features=["ship"] if ship else None)
            array(name + ".shap.npy", again.get_feature_importance(pool, type="ShapValues", thread_count=1))
    index.append(entry)
    print(name, len(data), entry)


def regress(x=X, y=Y, **more):
    params = {"iterations": 20, "depth": 4, "verbose": 0, "allow_writing_files": False, "thread_count": 1, "random_seed": 1, "border_count": 20} | more
    return catboost.CatBoostRegressor(**params).fit(x, y)


def classify(y, x=X, cat_features=None, **more):
    params = {"iterations": 20, "depth": 4, "verbose": 0, "allow_writing_files": False, "thread_count": 1, "random_seed": 1, "border_count": 20} | more
    return catboost.CatBoostClassifier(**params).fit(x, y, cat_features=cat_features)


three = np.digitize(Y, [-0.5, 0.5])
add("regression", regress())
add("nan_min", regress(HOLES, nan_mode="Min"))
add("nan_max", regress(HOLES, nan_mode="Max"))
add("forbidden", regress(nan_mode="Forbidden", iterations=5))
add("binary", classify(Y > 0, HOLES), "Probability")
add("crossentropy", classify(1 / (1 + np.exp(-Y)), loss_function="CrossEntropy", iterations=5), "Probability")
add("focal", classify(Y > 0, loss_function="Focal:focal_alpha=0.5;focal_gamma=2", iterations=5), "Probability")
add("multiclass", classify(three, HOLES), "Probability")
add("one_vs_all", classify(three, loss_function="MultiClassOneVsAll", iterations=8), "Probability")
add("two_of_multiclass", classify(Y > 0, loss_function="MultiClass", iterations=4), "Probability")
add("depthwise", regress(HOLES, grow_policy="Depthwise", nan_mode="Max"))
add("lossguide", classify(Y > 0, HOLES, grow_policy="Lossguide", max_leaves=9), "Probability")
add("lossguide_multiclass", classify(three, grow_policy="Lossguide", max_leaves=6, iterations=6), "Probability")
add("poisson", regress(y=np.round(np.exp(Y / 2)), loss_function="Poisson"), "Exponent")
add("tweedie", regress(y=np.exp(Y / 2), loss_function="Tweedie:variance_power=1.5"), "Exponent")
add("quantile", regress(loss_function="Quantile:alpha=0.9", iterations=5))
add("mae", regress(loss_function="MAE", iterations=5))
add("multi_quantile", regress(loss_function="MultiQuantile:alpha=0.1,0.9", iterations=5))
add("deep", regress(depth=9, iterations=3))
add("weighted", catboost.CatBoostRegressor(iterations=6, depth=3, verbose=0, allow_writing_files=False, thread_count=1, border_count=20).fit(X, Y, sample_weight=rng.random(N)))
add("shallow", regress(depth=1, iterations=7))
add("constant", regress(y=np.full(N, 2.5), allow_const_label=True, bootstrap_type="No", iterations=2))
scaled = regress(iterations=5)
scaled.set_scale_and_bias(0.3, 0.7)
add("scaled", scaled, shap=False)
add("ignored", regress(ignored_features=[0, 3], iterations=5))
named = pd.DataFrame(X, columns=["weight of hull", "x=y", "größe", "d"])
add("named", regress(named, iterations=3))
ship = pd.DataFrame({"a": X[:, 0], "ship": [SHIPS[i] for i in SHIP], "b": X[:, 1], "c": X[:, 2], "d": X[:, 3]})
add("one_hot", classify(Y + SHIP % 3 > 1, ship, ["ship"], one_hot_max_size=20), "Probability", ship=True)
add("one_hot_lossguide", classify(Y + SHIP % 3 > 1, ship, ["ship"], one_hot_max_size=20, grow_policy="Lossguide", iterations=8), "Probability", ship=True)
add("ctr", classify(Y / 4 + SHIP % 3 > 1, ship, ["ship"], iterations=3), refused='statistics of categories')
words = pd.DataFrame({"a": X[:, 0], "t": [("hull mast " if y > 0 else "keel oar ") + SHIPS[i] for i, y in zip(SHIP, Y)]})
text = catboost.CatBoostClassifier(iterations=3, verbose=0, allow_writing_files=False, thread_count=1)
try:
    add("text", text.fit(words, Y > 0, text_features=["t"]), refused="text")
except catboost.CatBoostError as e:
    print("text is not saved as JSON:", e)
add("multilabel", classify(np.c_[Y > 0, Y > 1].astype(int), loss_function="MultiLogloss", iterations=3), refused="MultiLogloss")
add("uncertainty", regress(loss_function="RMSEWithUncertainty", iterations=3), refused="RMSEWithUncertainty")
add("summed", catboost.sum_models([regress(iterations=3), regress(iterations=3, random_seed=2)], weights=[0.5, 0.5]))
write("index.json", json.dumps(index, indent=1).encode())
out.close()
