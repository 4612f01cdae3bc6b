"""P7 and P8: feature requests over HTTP against `bighead up` on Pebble, beside Feast's server, under an open-loop load."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

HERE = pathlib.Path(__file__).resolve().parent
ENTITIES, GROUPS, EVENTS = 10_000, 5, 30

# 5 groups of 50 features by one key, 15 of each windowed: P7's view.
FEATURES = '''import bighead as bh

views = []
groups = []
for i in range(5):
    s = bh.EventSource(f"s{i}", path=f"s{i}.parquet", time="ts", id="event", lateness="1d")
    groups.append(bh.FeatureGroup(f"g{i}", source=s, keys=["id"], features=
        [f("a", windows=["1h", "1d", "30d"]) for f in [bh.sum, bh.avg, bh.max, bh.min]] + [bh.count(windows=["1h", "1d", "30d"])] +
        [f(x) for x in ["a", "b", "c", "d"] for f in [bh.sum, bh.avg, bh.max, bh.min, bh.last, bh.first, bh.stddev]] +
        [bh.last("e"), bh.first("e"), bh.count("e"), bh.count(name="all"), bh.time_since_last(), bh.time_since_first(), bh.max("e")]))
v = bh.FeatureView("v", groups=groups)
'''


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu(pid: int) -> float:
    """CPU seconds of a process and its children so far: what a noisy neighbour changes least."""
    tick, total, parents = os.sysconf("SC_CLK_TCK"), 0.0, {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            x = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = (int(x[1]), (int(x[11]) + int(x[12])) / tick)
    mine = {pid}
    for _ in range(4):
        mine |= {p for p, (parent, _) in parents.items() if parent in mine}
    return sum(seconds for p, (_, seconds) in parents.items() if p in mine)


def post(url: str, body: dict) -> dict:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


class Load:
    """The open-loop generator: latencies count from when a request was due."""

    def __init__(self, binary: pathlib.Path, folder: pathlib.Path, url: str, body: dict) -> None:
        self.file = folder / "body.json"
        self.file.write_text(json.dumps(body).replace('"@"', "{{n}}"))
        self.command = [str(binary), "-url", url, "-body", str(self.file), "-keys", str(ENTITIES), "-conns", "16"]

    def shot(self, rate: float, seconds: int, warm: int = 1) -> dict:
        done = subprocess.run([*self.command, "-rate", str(rate), "-for", f"{seconds}s", "-warm", f"{warm}s"], capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        return json.loads(done.stdout)

    def measure(self, pid: int, seconds: int = 5) -> dict:
        """Saturation, CPU a request, and the latencies at 60 % of saturation: the best of three runs, for noise only adds."""
        rate = 50.0
        while True:
            before = cpu(pid)
            full = self.shot(rate, 3, 0)
            used = cpu(pid) - before
            if full["errors"]:
                sys.exit(f"{full['errors']} of {full['sent']} requests failed")
            if full["achieved"] < 0.85 * rate or rate > 50_000:
                break
            rate *= 2
        calm = min((self.shot(max(1, 0.6 * full["achieved"]), seconds) for _ in range(3)), key=lambda r: r["p99_ms"])
        return {"saturated": full["achieved"], "cpu_ms": 1000 * used / full["sent"], "rate": calm["rate"], "p50": calm["p50_ms"], "p99": calm["p99_ms"],
                "bytes": full["response_bytes"]}


def events(folder: pathlib.Path) -> None:
    """A Parquet file for each source: a few tens of events a key within the last 40 days, the more the newer, up to this midnight."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    midnight = int(dt.datetime.now(dt.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)
    n = ENTITIES * EVENTS
    for i in range(GROUPS):
        r = np.random.default_rng(i)
        t = midnight - 1 - (r.random(n) ** 3 * 40 * 86_400_000).astype("int64")
        pq.write_table(pa.table({
            "event": pa.array(np.arange(n)), "id": pa.array(np.arange(n) % ENTITIES), "ts": pa.array(t, pa.timestamp("ms", tz="UTC")),
            "a": r.normal(size=n), "b": r.normal(size=n), "c": r.integers(0, 100, n), "d": r.integers(0, 9, n), "e": pa.array([chr(97 + x) for x in r.integers(0, 20, n)]),
        }), folder / f"s{i}.parquet")


def pushed(folder: pathlib.Path, i: int) -> pathlib.Path:
    """An event of today for every key, as lines of JSON."""
    now = int(time.time() * 1000)
    path = folder / f"today{i}.ndjson"
    with open(path, "w") as f:
        for k in range(ENTITIES):
            at = dt.datetime.fromtimestamp((now - k % 7_200_000) / 1000, dt.timezone.utc).isoformat(timespec="milliseconds")
            f.write(f'{{"event":{ENTITIES * EVENTS + k},"id":{k},"ts":"{at}","a":{k % 97 / 7},"b":{k % 31 / 3},"c":{k % 100},"d":{k % 9},"e":"{chr(97 + k % 20)}"}}\n')
    return path


@contextlib.contextmanager
def bighead_up(binary: str, folder: pathlib.Path) -> Iterator[tuple[str, int]]:
    """`bighead up` over the sources: batch up to this midnight, pushed events after it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    events(folder)
    (folder / "features.py").write_text(FEATURES)
    port = free_port()
    (folder / "bighead.toml").write_text(f'[serve]\nlisten = "127.0.0.1:{port}"\n[log]\nlevel = "warn"\n')

    def run(*args: str) -> str:
        done = subprocess.run([binary, *args], cwd=folder, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"bighead {' '.join(args)}: {done.stderr[-2000:]}")
        return done.stdout

    run("apply", "--yes")
    with open(folder / "up.log", "w") as log:
        server = subprocess.Popen([binary, "up"], cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(url + "/readyz", timeout=2)
                break
            except OSError:
                time.sleep(0.1)
        run("backfill", "--online", "--to", dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%d"))
        for i in range(GROUPS):
            run("push", f"s{i}", str(pushed(folder, i)))
        while any(g["lag_records"] for s in json.loads(run("status", "--json"))["stream"]["sources"] for g in s["groups"]):
            time.sleep(0.2)
        check(binary, folder, url)
        yield url, server.pid
    finally:
        server.terminate()
        if server.wait(60):
            sys.exit(f"bighead up ended badly: {(folder / 'up.log').read_text()[-2000:]}")


def check(binary: str, folder: pathlib.Path, url: str) -> None:
    """What is served is what training would have: 20 keys, all 250 values. Pushed events are not known to be all from midnight on, so values are partial."""
    import pyarrow.compute as pc
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    answer = post(url + "/v1/features/v", {"rows": [{"id": i * 479} for i in range(20)]})
    at = answer["at"]
    (folder / "spine.csv").write_text("id,asked\n" + "".join(f"{i * 479},{at}\n" for i in range(20)))
    logs = folder / "with_log"
    logs.mkdir()
    for i in range(GROUPS):  # batch over the file and what was pushed: one table
        import pyarrow as pa
        import pyarrow.json as pj

        t = pq.read_table(folder / f"s{i}.parquet")
        more = pj.read_json(folder / f"today{i}.ndjson", parse_options=pj.ParseOptions(explicit_schema=pa.schema([(f.name, pa.string() if f.name == "ts" else f.type) for f in t.schema])))
        more = more.set_column(more.schema.get_field_index("ts"), "ts", pc.cast(pc.replace_substring(more["ts"], "+00:00", "Z"), pa.timestamp("ms", tz="UTC")))
        pq.write_table(pa.concat_tables([t, more.select(t.column_names).cast(t.schema)]), logs / f"s{i}.parquet")
    (logs / "features.py").write_text(FEATURES)
    (logs / "bighead.toml").write_text("")
    done = subprocess.run([binary, "features", "v", "--spine", str(folder / "spine.csv"), "--at", "asked", "-o", "rows.ndjson"], cwd=logs, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    want = [json.loads(x) for x in (logs / "rows.ndjson").read_text().splitlines()]
    compared = 0
    for w, row in zip(want, answer["rows"], strict=True):
        statuses = row["status"] if isinstance(row["status"], list) else [row["status"]] * len(answer["features"])
        for name, got, status in zip(answer["features"], row["values"], statuses, strict=True):
            if status not in ("present", "empty", "partial") or not near(got, w[name]):
                sys.exit(f"P7: {name} of {w['id']} as of {at} is {got} ({status}) online; training has {w[name]}")
            compared += 1
    print(f"P7: {compared} values served equal training's", flush=True)


def near(a: object, b: object) -> bool:
    if isinstance(a, float) and isinstance(b, (int, float)):
        return abs(a - b) <= 1e-9 * max(1.0, abs(a), abs(b))
    return a == b


@contextlib.contextmanager
def feast(cache: pathlib.Path) -> Iterator[tuple[str, int, str]]:
    """Feast's server over as many values."""
    venv = cache / "feast"
    python = venv / "bin" / "python"
    if not python.exists():
        shutil.rmtree(venv, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "feast==0.67.0"], check=True)
    folder = cache / "data" / "feast"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    port = free_port()
    server = subprocess.Popen([str(python), str(HERE / "feast_online.py"), str(folder), str(port), "--entities", str(ENTITIES)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=open(folder / "bench.log", "w"), text=True)
    ready = next((x for x in server.stdout if x.startswith("{")), None)
    if ready is None:
        sys.exit(f"feast does not serve: {(folder / 'bench.log').read_text()[-2000:]}")
    try:
        yield f"http://127.0.0.1:{port}", server.pid, json.loads(ready)["version"]
    finally:
        server.stdin.close()
        server.wait(60)


def feast_body(rows: int, features: int) -> dict:
    return {"features": [f"v{i // 10}:f{i}" for i in range(features)], "entities": {"id": ["@"] * rows}}


CASES = (("P7", 1, 250), ("P8", 100, 50))


def measure(binary: str, cache: pathlib.Path) -> Iterator[tuple[str, str, dict, dict | None]]:
    """For each case: its number, who, what was measured, and the peer's."""
    load = cache / "load"
    subprocess.run(["go", "build", "-o", str(load), "./bench/load"], cwd=HERE.parent, check=True)
    peers: dict[str, tuple[str, dict]] = {}
    with feast(cache) as (url, pid, version):
        for case, rows, features in CASES:
            probe = post(url + "/get-online-features", json.loads(json.dumps(feast_body(rows, features)).replace('"@"', "7")))
            if sum(s == "PRESENT" for x in probe["results"] for s in x["statuses"]) < rows * features:
                sys.exit(f"{case}: feast does not answer {rows} × {features} values")
            peers[case] = (f"feast {version}", Load(load, cache, url + "/get-online-features", feast_body(rows, features)).measure(pid))
    with bighead_up(binary, cache / "data" / "served") as (url, pid):
        names = post(url + "/v1/features/v", {"rows": [{"id": 1}]})["features"]
        for case, rows, features in CASES:
            body = {"rows": [{"id": "@"}] * rows, "features": None if features == 250 else names[:: len(names) // features]}
            yield case, "bighead up, HTTP, Pebble", Load(load, cache, url + "/v1/features/v", body).measure(pid), peers[case][1]
            yield case, peers[case][0], peers[case][1], None
