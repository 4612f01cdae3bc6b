"""P10's requests: features and a model of 500 trees in `bighead up`, over HTTP and gRPC, on Pebble beside MLServer, which is handed the features."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

from serving import ENTITIES, EVENTS, FEATURES, GROUPS, PATIENT, SLOWLY, Load, check, configure, cpu, events, failed, fill, free_port, near, post, run, spinning, training, up

TREES, LEAVES, SPINE = 500, 64, 12_000

# A model of P7's view, whose columns are all numbers here. The parameters are those of bench/trees.py.
MODELS = f'''import bighead as bh

from features import v


def train(data, params):
    import lightgbm

    return lightgbm.train(
        {{"objective": "binary", "num_leaves": {LEAVES}, "learning_rate": 0.02, "feature_fraction": 0.3, "seed": data.seed, "deterministic": True, "num_threads": 1, "verbose": -1}},
        lightgbm.Dataset(data.train.x, data.train.y), num_boost_round={TREES})


known = bh.TrainingSet("known", view=v, spine=bh.Spine("spine.parquet", at="at", keep=["row"]), labels={{"good": "good"}})
gbdt = bh.Model("gbdt", training_set=known, train=train, task="binary", split=bh.TimeSplit(valid="VALID", test="TEST"),
                environment=bh.Environment(["lightgbm==4.7.0", "pandas==3.1.1", "pyarrow==26.0.1"], python="PYTHON"))
predicted = bh.Endpoint("predicted", model=gbdt, deadline="10s", degraded_when="share_defaulted > 1")  # values are partial, as P7's
'''

# How old a project may be to be measured again: its last events came when it was made, and windows move on.
FRESH = 1800


def number(x: int) -> float:
    return x / 2


def spine(folder: pathlib.Path) -> None:
    """Rows to learn from, of the last three days: what is good hangs together with what the key's events were like, in all five sources."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    r, n = np.random.default_rng(7), SPINE
    key = r.integers(0, ENTITIES, n)
    z = 2 * r.normal(size=n)
    for i in range(GROUPS):
        t = pq.read_table(folder / f"s{i}.parquet")
        for k, column in enumerate("abcd"):
            x = t[column].to_numpy().reshape(EVENTS, ENTITIES).mean(axis=0)
            z += (1 + (i + k) % 3) * ((x - x.mean()) / x.std())[key]
    midnight = int(dt.datetime.now(dt.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)
    at = midnight - 1 - (r.random(n) * 3 * 86_400_000).astype("int64")
    pq.write_table(pa.table({"row": np.arange(n), "id": key, "at": pa.array(at, pa.timestamp("ms", tz="UTC")), "good": pa.array(z > 0)}), folder / "spine.parquet")


def project(binary: str, cache: pathlib.Path) -> tuple[pathlib.Path, str]:
    """A project with the model trained and deployed, and the store filled; and its settings. One that was made a moment ago will do."""
    folder, settings = cache / "data" / "predicted", f'{SLOWLY}\n[python]\nenvironments = "{cache}/environments"\n'
    made, like = folder / "made.json", hashlib.sha256((FEATURES + MODELS + settings).encode()).hexdigest()
    if made.exists() and (x := json.loads(made.read_text()))["like"] == like and 0 < time.time() - x["at"] < FRESH:
        return folder, settings
    locks, kept = folder / "environments", cache / "locks"
    if locks.exists():  # it takes a minute to resolve
        shutil.copytree(locks, kept, dirs_exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if kept.exists():
        shutil.copytree(kept, locks)
    events(folder, number)
    spine(folder)
    midnight = dt.datetime.now(dt.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    days = {"VALID": midnight - dt.timedelta(hours=8), "TEST": midnight - dt.timedelta(hours=4)}
    text = MODELS.replace("PYTHON", f"{sys.version_info.major}.{sys.version_info.minor}")
    for name, day in days.items():
        text = text.replace(name, day.strftime("%Y-%m-%dT%H:%M:%SZ"))
    (folder / "models.py").write_text(text)
    configure(folder, PATIENT, settings)
    run(binary, folder, "apply", "--yes")
    run(binary, folder, "train", "gbdt")
    run(binary, folder, "deploy", "gbdt@1", "--to", "predicted")
    with up(binary, folder, PATIENT, settings) as (http, _, _):
        fill(binary, folder, push=True, of=number)
        check(binary, folder, http, "P10")
    made.write_text(json.dumps({"like": like, "at": time.time()}))
    return folder, settings


class Trees:
    """LightGBM itself, with the model's own file: what the answers are to be."""

    def __init__(self, folder: pathlib.Path) -> None:
        import lightgbm

        (self.file,) = (folder / ".bighead" / "models").glob("*/model.txt")
        self.booster = lightgbm.Booster(model_file=self.file)
        self.names = self.booster.feature_name()
        leaves = [t["num_leaves"] for t in self.booster.dump_model()["tree_info"]]
        self.leaves = sum(leaves) / len(leaves)
        if len(leaves) != TREES or self.leaves < 0.98 * LEAVES or len(self.names) != 250:
            sys.exit(f"P10: the model has {len(leaves)} trees of {self.leaves:.1f} leaves over {len(self.names)} columns")

    def predict(self, rows: list[list[float | None]]) -> list[float]:
        import numpy as np

        return self.booster.predict(np.array(rows, dtype=float), num_threads=1).tolist()


def agree(what: str, got: list[float], want: list[float], within: float = 1e-12) -> None:
    """Answers are LightGBM's, or nothing is printed."""
    for g, w in zip(got, want, strict=True):
        if abs(g - w) > within:
            sys.exit(f"P10: {what} answers {g}, and LightGBM {w}")


def answered(binary: str, folder: pathlib.Path, trees: Trees, saved: pathlib.Path) -> int:
    """Some of the predictions under load, each compared with what LightGBM makes of the features that training has of the key as of that time."""
    got, asked = [], []
    for x in (json.loads(line) for line in saved.read_text().splitlines()):
        (row,), q = x["answer"]["rows"], x["request"]["rows"][0]
        if row.get("degraded") or int(row.get("version") or 0) != 1:
            sys.exit(f"P10: an answer under load: {row}")
        if "scores" in row:
            got.append(row["scores"][0])
            at = dt.datetime.fromtimestamp(int(x["answer"]["atMs"]) / 1000, dt.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            asked.append((int(q["values"][0]["intValue"]), at))
        else:
            got.append(row["prediction"])
            asked.append((q["id"], x["answer"]["at"]))
    agree("the endpoint under load", got, trees.predict([[r[n] for n in trees.names] for r in training(binary, folder, asked)]))
    return len(got)


def explained(trees: Trees, http: str) -> None:
    """What went into the model is said, and the prediction is LightGBM's of it."""
    rows, got = [], []
    for i in range(100):
        (a,) = post(http + "/v1/predict/predicted", {"rows": [{"id": i * 97}], "explain": True})["rows"]
        rows.append([a["inputs"][n] for n in trees.names])
        got.append(a["prediction"])
    agree("the endpoint", got, trees.predict(rows))


def questions(trees: Trees, http: str, columns: list[str], name: str) -> tuple[list[dict], list[float]]:
    """The features of some keys as requests of the Open Inference Protocol, one tensor of 250 numbers each, with LightGBM's answers. MLServer takes no missing number: 0 stands for it."""
    bodies, rows = [], []
    for i in range(0, 1600, 100):
        a = post(http + "/v1/features/v", {"rows": [{"id": k * 6 % ENTITIES} for k in range(i, i + 100)]})
        for r in a["rows"]:
            x = {n: v or 0.0 for n, v in zip(a["features"], r["values"], strict=True)}
            rows.append([x[n] for n in trees.names])
            bodies.append({"inputs": [{"name": name, "shape": [1, len(columns)], "datatype": "FP64", "data": [float(x[n]) for n in columns]}], "outputs": [{"name": "prediction"}]})
    return bodies, trees.predict(rows)


def inferred(what: str, url: str, bodies: list[dict], want: list[float]) -> None:
    """The server's answers to some of the questions are LightGBM's."""
    got = [post(url, b)["outputs"][-1]["data"][-1] for b in bodies[::16]]
    agree(what, got, want[::16])


def later(what: str, saved: pathlib.Path, bodies: list[dict], want: list[float]) -> int:
    """And so are those under load."""
    of = {json.dumps(b["inputs"][0]["data"]): w for b, w in zip(bodies, want, strict=True)}
    seen = [json.loads(line) for line in saved.read_text().splitlines()]
    agree(what + " under load", [x["answer"]["outputs"][-1]["data"][-1] for x in seen], [of[json.dumps(x["request"]["inputs"][0]["data"])] for x in seen])
    return len(seen)


@contextlib.contextmanager
def mlserver(cache: pathlib.Path, model: pathlib.Path) -> Iterator[tuple[str, int, str]]:
    """MLServer with the same file, in one process: its address, and its version."""
    venv, ready = cache / "mlserver", cache / "mlserver" / "ready"
    python = venv / "bin" / "python"
    if not ready.exists():
        shutil.rmtree(venv, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "mlserver==1.7.1", "mlserver-lightgbm==1.7.1", "lightgbm==4.7.0"], check=True)
        ready.touch()
    folder, port = cache / "data" / "mlserver", free_port()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps({"host": "127.0.0.1", "http_port": port, "grpc_port": free_port(), "metrics_port": free_port(), "parallel_workers": 0, "debug": False}))
    (folder / "model-settings.json").write_text(json.dumps({"name": "gbdt", "implementation": "mlserver_lightgbm.LightGBMModel", "parameters": {"uri": str(model)}}))
    with open(folder / "bench.log", "w") as log:
        server = subprocess.Popen([str(python), "-c", "from mlserver.cli import main; main()", "start", str(folder)], stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}/v2/models/gbdt"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(url + "/ready", timeout=2)
                break
            except OSError:
                time.sleep(0.1)
        else:
            sys.exit(f"P10: MLServer does not come up: {(folder / 'bench.log').read_text()[-2000:]}")
        yield url + "/infer", server.pid, "mlserver 1.7.1"
    finally:
        server.terminate()
        server.wait(60)


def measure(binary: str, cache: pathlib.Path) -> Iterator[tuple[str, dict, dict | None]]:
    """Who, what was measured, and of what is asked the same way the peer's."""
    load = cache / "load-p10"
    subprocess.run(["go", "build", "-o", str(load), "./bench/load"], cwd=pathlib.Path(__file__).resolve().parent.parent, check=True)
    folder, settings = project(binary, cache)
    trees, saved = Trees(folder), folder / "answers.ndjson"
    kept = ["-save", str(saved), "-every", "97"]
    with up(binary, folder, PATIENT, settings) as (http, _, _):
        explained(trees, http)
        columns = [x["name"] for x in json.load(urllib.request.urlopen(http + "/v2/models/gbdt"))["inputs"]]
        bodies, want = questions(trees, http, columns, "x")
        in_order = [columns.index(n) for n in trees.names]
    theirs = [{"inputs": [b["inputs"][0] | {"data": [b["inputs"][0]["data"][i] for i in in_order]}]} for b in bodies]
    with mlserver(cache, trees.file) as (url, pid, who):
        inferred(who, url, theirs, want)
        peer = Load(load, cache, url, theirs, *kept).measure(pid, 1, warm=4)
        peer["checked"] = later(who, saved, theirs, want)
    body = {"rows": [{"id": "@"}]}
    with up(binary, folder, PATIENT, settings) as (http, grpc, pid):
        before = failed(http)
        asking = Load(load, cache, http + "/v1/predict/predicted", body, *kept)
        asking.once(pid)  # until every key is known
        ours = asking.measure(pid, 4, http)
        ours["checked"] = answered(binary, folder, trees, saved)
        yield "bighead up, features and trees, HTTP", ours, peer
        message = {"endpoint": "predicted", "fields": ["id"], "rows": [{"values": [{"intValue": "@"}]}]}
        m = Load(load, cache, grpc, message, "-call", "predict", *kept).measure(pid, 4, http, warm=4)
        m["checked"] = answered(binary, folder, trees, saved)
        yield "bighead up, features and trees, gRPC", m, peer
        inferred("the endpoint's /v2", http + "/v2/models/gbdt/infer", bodies, want)
        m = Load(load, cache, http + "/v2/models/gbdt/infer", bodies, *kept).measure(pid, 2, warm=4)
        m["checked"] = later("the endpoint's /v2", saved, bodies, want)
        yield "bighead up, /v2/…/infer, handed the features", m, peer
        if n := failed(http) - before:
            sys.exit(f"P10: {n} values could not be had")
    with up(binary, folder, PATIENT, settings + "[audit]\nsample = 0\n") as (http, _, pid):
        asking = Load(load, cache, http + "/v1/predict/predicted", body, *kept)
        asking.once(pid)
        m = asking.measure(pid, 2, http)
        m["checked"] = answered(binary, folder, trees, saved)
        m["recording"] = 1000 * (ours["cpu_ms"] - m["cpu_ms"])
        yield "… HTTP, nothing recorded", m, peer
    yield "a server that only spins, as much CPU a request", spinning(cache, load, ours), None
    yield f"{who}, lightgbm 4.7.0, handed the features", peer, None
