"""Makes contributions.zip: what LightGBM and XGBoost say that each input added to the margin (pred_contrib).

Run with lightgbm 4.7.0, xgboost-cpu 3.2.0 and numpy 2.4.6, beside models.zip. For each model of models.zip that its framework explains, NAME.npy has a row for
every tenth row of inputs.npy: for each output the contribution of each feature, then the bias. What a framework refuses is listed in refused.json
with its words.
"""

import io
import json
import os
import sys
import tempfile
import zipfile

import lightgbm
import numpy as np
import xgboost

source = zipfile.ZipFile("models.zip")
inputs = np.load(io.BytesIO(source.read("inputs.npy")))[::10]
index = json.loads(source.read("index.json"))
refused = {}


def contributions(entry: dict, path: str) -> np.ndarray:
    if entry["family"] == "lightgbm":
        return lightgbm.Booster(model_file=path).predict(inputs, pred_contrib=True, num_threads=1)
    booster = xgboost.Booster(model_file=path)
    booster.set_param({"nthread": 1})
    types = booster.feature_types
    data = xgboost.DMatrix(inputs, feature_names=booster.feature_names, feature_types=types, enable_categorical=True)
    return booster.predict(data, pred_contribs=True)


with zipfile.ZipFile("contributions.zip", "w", zipfile.ZIP_DEFLATED) as out:
    for entry in index["models"]:
        if entry["family"] not in ("lightgbm", "xgboost"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, entry["file"])
            with open(path, "wb") as f:
                f.write(source.read(entry["file"]))
            try:
                got = np.asarray(contributions(entry, path))
            except Exception as e:
                refused[entry["name"]] = str(e).splitlines()[0]
                continue
        flat = np.ascontiguousarray(got.reshape(len(inputs), -1))
        print(entry["name"], got.dtype, got.shape, file=sys.stderr)
        buffer = io.BytesIO()
        np.save(buffer, flat)
        out.writestr(zipfile.ZipInfo(entry["name"] + ".npy", (2026, 1, 1, 0, 0, 0)), buffer.getvalue(), zipfile.ZIP_DEFLATED)
    out.writestr(zipfile.ZipInfo("refused.json", (2026, 1, 1, 0, 0, 0)), json.dumps(refused, indent=1, sort_keys=True), zipfile.ZIP_DEFLATED)
print(json.dumps(refused, indent=1))
