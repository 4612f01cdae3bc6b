"""P7, P8 and P9: feature requests to `bighead up`, over HTTP and gRPC, on Pebble beside Feast's server, and on a Redis that fails, under an open-loop load."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator

HERE = pathlib.Path(__file__).resolve().parent
ENTITIES, GROUPS, EVENTS = 10_000, 5, 10

# 5 groups of 50 features by one key, 15 of each windowed: P7's view.
FEATURES = '''import bighead as bh

views = []
groups = []
for i in range(5):
    s = bh.EventSource(f"s{i}", path=f"s{i}.parquet", time="ts", id="event", lateness="1d")
    groups.append(bh.FeatureGroup(f"g{i}", source=s, keys=["id"], features=
        [f("a", windows=["1h", "1d", "30d"]) for f in [bh.sum, bh.avg, bh.max, bh.min]] + [bh.count(windows=["1h", "1d", "30d"])] +
        [f(x) for x in ["a", "b", "c", "d"] for f in [bh.sum, bh.avg, bh.max, bh.min, bh.last, bh.first, bh.stddev]] +
        [bh.last("e"), bh.first("e"), bh.count("e"), bh.count(name="all"), bh.time_since_last(), bh.time_since_first(), bh.max("e")], **limits))
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


SHOT, WARM = 4, 1  # seconds of a measured run, and of requests before it


class Load:
    """The open-loop generator: latencies count from when a request was due."""

    def __init__(self, binary: pathlib.Path, folder: pathlib.Path, url: str, body: dict | list[dict], *flags: str) -> None:
        """Of one body each "@" is a random key; of several each request is one of them."""
        self.file = folder / "body.json"
        if isinstance(body, list):
            self.file.write_text("".join(json.dumps(x) + "\n" for x in body))
            flags = (*flags, "-lines")
        else:
            self.file.write_text(json.dumps(body).replace('"@"', "{{n}}"))
        self.command = [str(binary), "-url", url, "-body", str(self.file), "-keys", str(ENTITIES), "-conns", "16", *flags]

    def shot(self, rate: float, seconds: float, warm: float = WARM) -> dict:
        done = subprocess.run([*self.command, "-rate", str(rate), "-for", f"{seconds}s", "-warm", f"{warm}s"], capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        shot = json.loads(done.stdout)
        if shot["errors"]:
            sys.exit(f"{self.command}: {shot['errors']} of {shot['sent']} requests failed")
        return shot

    def once(self, pid: int) -> dict:
        """CPU a request where each asks for keys that nobody has asked for before."""
        before = cpu(pid)
        done = subprocess.run([*self.command, "-once", "-conns", "2"], capture_output=True, text=True)
        if done.returncode or (shot := json.loads(done.stdout))["errors"]:
            sys.exit(done.stderr or done.stdout)
        return {"cpu_ms": 1000 * (cpu(pid) - before) / shot["sent"], "sent": shot["sent"]}

    def measure(self, pid: int, tries: int = 4, http: str = "", warm: float = 10) -> dict:
        """Saturation, CPU a request at it, and the latencies at 60 % of it: the best of some runs, for noise only adds. With the address of a server of ours also what
        it says itself of how long it was at them."""
        self.shot(0, warm, 0)  # until the process has the memory that it works in: pages that nobody has touched yet are slow
        before = cpu(pid)
        full = self.shot(0, 4, 0)
        used = cpu(pid) - before
        shots = []
        before = cpu(pid)
        for _ in range(tries):
            began = wholes(http)
            shots.append(self.shot(max(1, 0.6 * full["achieved"]), SHOT))
            shots[-1]["whole"] = {k: n - began.get(k, 0) for k, n in wholes(http).items()}
        sent = sum(r["rate"] * (SHOT + WARM) for r in shots)
        calm = min(shots, key=lambda r: r["p99_ms"])
        return {"whole": calm["whole"], "saturated": full["achieved"], "cpu_ms": 1000 * used / full["sent"], "rated_cpu_ms": 1000 * (cpu(pid) - before) / sent, "rate": calm["rate"],
                "p50": calm["p50_ms"], "p99": calm["p99_ms"], "handed": calm["handed_p99_ms"], "bytes": full["response_bytes"]}


# LOOKING looks at nothing but the clock, on one core, and prints for how long at a time it was not let to.
LOOKING = """import os, sys, time
os.sched_setaffinity(0, {int(sys.argv[1])})
last = end = time.perf_counter()
end += float(sys.argv[2])
while last < end:
    now = time.perf_counter()
    if now - last > 0.001:
        print(1000 * (now - last))
    last = now
"""


def away(seconds: float = 5) -> str:
    """For how long the cores of the machine are away while nothing else of ours runs: no server on it can answer meanwhile."""
    cores = sorted(os.sched_getaffinity(0))
    looking = [subprocess.Popen([sys.executable, "-c", LOOKING, str(c), str(seconds)], stdout=subprocess.PIPE, text=True) for c in cores]
    gaps = [float(x) for p in looking for x in p.communicate()[0].split()]
    return f"{len(cores)} cores for {seconds:.0f} s: away {len(gaps)} times for more than 1 ms, {sum(gaps):.0f} ms together, {max(gaps, default=0):.1f} ms at most"


def wholes(http: str) -> dict[str, int]:
    """How many requests the server has answered, by how long it was at them at most, seconds; without an address none."""
    if not http:
        return {}
    with urllib.request.urlopen(http + "/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {le: int(float(n)) for le, n in re.findall(r'bighead_request_seconds_bucket\{stage="whole",view="v",le="([^"]+)"\} (\S+)', text)}


def events(folder: pathlib.Path, of: Callable[[int], object]) -> None:
    """A Parquet file for each source: ten events a key within the last 40 days, the more the newer, up to this midnight. Column e is one of twenty."""
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
            "a": r.normal(size=n), "b": r.normal(size=n), "c": r.integers(0, 100, n), "d": r.integers(0, 9, n), "e": pa.array([of(x) for x in r.integers(0, 20, n).tolist()]),
        }), folder / f"s{i}.parquet")


def letter(x: int) -> str:
    return chr(97 + x)


def pushed(folder: pathlib.Path, i: int, of: Callable[[int], object]) -> pathlib.Path:
    """An event of today for every key, as lines of JSON."""
    now = int(time.time() * 1000)
    path = folder / f"today{i}.ndjson"
    with open(path, "w") as f:
        for k in range(ENTITIES):
            at = dt.datetime.fromtimestamp((now - k % 7_200_000) / 1000, dt.timezone.utc).isoformat(timespec="milliseconds")
            f.write(f'{{"event":{ENTITIES * EVENTS + k},"id":{k},"ts":"{at}","a":{k % 97 / 7},"b":{k % 31 / 3},"c":{k % 100},"d":{k % 9},"e":{json.dumps(of(k % 20))}}}\n')
    return path


def run(binary: str, folder: pathlib.Path, *args: str) -> str:
    done = subprocess.run([binary, *args], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"bighead {' '.join(args)}: {done.stderr[-2000:]}")
    return done.stdout


def project(binary: str, folder: pathlib.Path, limits: str, config: str = "") -> None:
    """The sources and definitions."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    events(folder, letter)
    configure(folder, limits, config)
    run(binary, folder, "apply", "--yes")


def configure(folder: pathlib.Path, limits: str = "", config: str = "") -> tuple[int, int]:
    """The definitions, and where the server listens."""
    http, grpc = free_port(), free_port()
    (folder / "features.py").write_text(FEATURES.replace("**limits", limits))
    (folder / "bighead.toml").write_text(f'[serve]\nlisten = "127.0.0.1:{http}"\ngrpc = "127.0.0.1:{grpc}"\n{config}\n[log]\nlevel = "warn"\n')
    return http, grpc


@contextlib.contextmanager
def up(binary: str, folder: pathlib.Path, limits: str = "", config: str = "") -> Iterator[tuple[str, str, int]]:
    """`bighead up` in a project's folder: its addresses of HTTP and gRPC, and its process."""
    http, grpc = configure(folder, limits, config)
    with open(folder / "up.log", "w") as log:
        server = subprocess.Popen([binary, "up"], cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{http}"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(url + "/readyz", timeout=2)
                break
            except OSError:
                time.sleep(0.1)
        yield url, f"grpc://127.0.0.1:{grpc}", server.pid
    finally:
        server.terminate()
        if server.wait(60):
            sys.exit(f"bighead up ended badly: {(folder / 'up.log').read_text()[-2000:]}")


def fill(binary: str, folder: pathlib.Path, push: bool, of: Callable[[int], object] = letter) -> None:
    """Batch up to this midnight, and pushed events after it; until all of it is in the store."""
    run(binary, folder, "backfill", "--online", "--to", dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%d"))
    for i in range(GROUPS if push else 0):
        run(binary, folder, "push", f"s{i}", str(pushed(folder, i, of)))
    while any(g["lag_records"] for s in json.loads(run(binary, folder, "status", "--json"))["stream"]["sources"] for g in s["groups"]):
        time.sleep(0.2)
    time.sleep(1)  # what was read is written within the group's flush, 100 ms


def check(binary: str, folder: pathlib.Path, url: str, case: str = "P7") -> None:
    """What is served is what training would have: 20 keys, all 250 values. Pushed events are not known to be all from midnight on, so values are partial."""
    answers = []
    for i in range(20):
        for _ in range(600):  # while Pebble lays down what was loaded, what nobody has asked for before may take longer than the groups' 10 ms
            answer = post(url + "/v1/features/v", {"rows": [{"id": i * 479}]})
            if "failed" not in statuses(answer):
                break
            time.sleep(0.05)
        answers.append((i * 479, answer))
    compared = 0
    for (key, answer), want in zip(answers, training(binary, folder, [(key, a["at"]) for key, a in answers]), strict=True):
        for name, got, status in zip(answer["features"], answer["rows"][0]["values"], statuses(answer), strict=True):
            if status not in ("present", "empty", "partial") or not near(got, want[name]):
                sys.exit(f"{case}: {name} of {key} as of {answer['at']} is {got} ({status}) online; training has {want[name]}")
            compared += 1
    print(f"{case}: {compared} values served equal training's", flush=True)


def statuses(answer: dict) -> list[str]:
    """Those of the only row's values."""
    said = answer["rows"][0]["status"]
    return said if isinstance(said, list) else [said] * len(answer["features"])


def training(binary: str, folder: pathlib.Path, spine: list[tuple[int, str]]) -> list[dict]:
    """What batch makes of the same rows as of the same times: of the files with what was pushed, as one table, in a project of its own."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.json as pj
    import pyarrow.parquet as pq

    logs = folder / "with_log"
    if not logs.exists():
        logs.mkdir()
        for i in range(GROUPS):
            t = pq.read_table(folder / f"s{i}.parquet")
            more = pj.read_json(folder / f"today{i}.ndjson", parse_options=pj.ParseOptions(explicit_schema=pa.schema([(f.name, pa.string() if f.name == "ts" else f.type) for f in t.schema])))
            more = more.set_column(more.schema.get_field_index("ts"), "ts", pc.cast(pc.replace_substring(more["ts"], "+00:00", "Z"), pa.timestamp("ms", tz="UTC")))
            pq.write_table(pa.concat_tables([t, more.select(t.column_names).cast(t.schema)]), logs / f"s{i}.parquet")
        configure(logs, PATIENT)
    (logs / "spine.csv").write_text("id,asked\n" + "".join(f"{key},{at}\n" for key, at in spine))
    run(binary, logs, "features", "v", "--spine", "spine.csv", "--at", "asked", "-o", "rows.ndjson")
    return [json.loads(x) for x in (logs / "rows.ndjson").read_text().splitlines()]


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


def peers(cache: pathlib.Path, load: pathlib.Path) -> dict[str, tuple[str, dict]]:
    out = {}
    with feast(cache) as (url, pid, version):
        for case, rows, features in CASES:
            probe = post(url + "/get-online-features", json.loads(json.dumps(feast_body(rows, features)).replace('"@"', "7")))
            if sum(s == "PRESENT" for x in probe["results"] for s in x["statuses"]) < rows * features:
                sys.exit(f"{case}: feast does not answer {rows} × {features} values")
            out[case] = (f"feast {version}", Load(load, cache, url + "/get-online-features", feast_body(rows, features)).measure(pid, 1))
    return out


# PATIENT is so that every value is read and counted, as Feast's are, however busy the machine: a group's own deadline is 10 ms.
PATIENT = 'deadline="10s"'
SLOWLY = 'deadline = "10s"'


def failed(http: str) -> int:
    """How many values the server could not answer as they are."""
    with urllib.request.urlopen(http + "/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(int(float(x.rsplit(" ", 1)[1])) for x in lines if re.match(r'bighead_values_total.*status="(failed|stale|fallback)"', x))


def ours(cache: pathlib.Path, load: pathlib.Path, http: str, grpc: str, pid: int, rows: int, features: int, tries: int = 4) -> Iterator[tuple[str, dict]]:
    """A case: over HTTP with each key asked for the first time, so that the store is read; then, when all are known, over HTTP and gRPC."""
    names = post(http + "/v1/features/v", {"rows": [{"id": 1}]})["features"]
    some, before = names[:: len(names) // features], failed(http)
    asking = Load(load, cache, http + "/v1/features/v", {"rows": [{"id": "@"}] * rows, "features": some})
    yield "bighead up, HTTP, Pebble, each key for the first time", asking.once(pid)
    yield "bighead up, HTTP, Pebble", asking.measure(pid, tries, http)
    message = {"view": "v", "fields": ["id"], "rows": [{"values": [{"intValue": "@"}]}] * rows, "features": some}
    yield "bighead up, gRPC, Pebble", Load(load, cache, grpc, message).measure(pid, tries, http)
    if n := failed(http) - before:
        sys.exit(f"P7 and P8: {n} values could not be had")


def measure(binary: str, cache: pathlib.Path) -> Iterator[tuple[str, str, dict, dict | None]]:
    """For each case: its number, who, what was measured, and the peer's. Each is asked of a server that has just been started."""
    load = cache / "load"
    subprocess.run(["go", "build", "-o", str(load), "./bench/load"], cwd=HERE.parent, check=True)
    theirs = peers(cache, load)
    folder = cache / "data" / "served"
    project(binary, folder, PATIENT)
    with up(binary, folder, PATIENT, SLOWLY) as (http, _, _):
        fill(binary, folder, push=True)
        check(binary, folder, http)
    for case, rows, features in CASES:
        known: dict = {}
        with up(binary, folder, PATIENT, SLOWLY) as (http, grpc, pid):
            for who, m in ours(cache, load, http, grpc, pid, rows, features):
                known = m if "HTTP" in who else known
                yield case, who, m, theirs[case][1]
        yield case, "a server that only spins, as much CPU a request", spinning(cache, load, known), None
        yield case, *theirs[case], None


def spinning(cache: pathlib.Path, load: pathlib.Path, like: dict) -> dict:
    """The latencies, at the same rate, of a server that does nothing but spin until it has taken as much CPU a request as ours does at that rate: the part of the
    machine and the generator. At a rate below saturation a request takes more CPU than at it, of any server: threads go to sleep and are woken."""
    binary = cache / "spin"
    subprocess.run(["go", "build", "-o", str(binary), "./bench/spin"], cwd=HERE.parent, check=True)

    def asked(took: float, tries: int) -> tuple[float, dict]:
        server = subprocess.Popen([str(binary), "-for", f"{took:.3f}ms", "-bytes", str(like["bytes"])], stdout=subprocess.PIPE, text=True)
        try:
            asking = Load(load, cache, server.stdout.readline().strip(), {"rows": [{"id": "@"}]})
            asking.shot(like["rate"], 1, 0)
            before = cpu(server.pid)
            calm = min((asking.shot(like["rate"], SHOT) for _ in range(tries)), key=lambda r: r["p99_ms"])
            return 1000 * (cpu(server.pid) - before) / (tries * (SHOT + WARM) * like["rate"]), calm
        finally:
            server.kill()
            server.wait()

    overhead, _ = asked(0, 1)
    took = max(0.0, like["rated_cpu_ms"] - overhead)
    took = max(0.0, took + like["rated_cpu_ms"] - asked(took, 1)[0])
    used, calm = asked(took, 4)
    return {"cpu_ms": used, "at": like["rate"], "p50": calm["p50_ms"], "p99": calm["p99_ms"], "handed": calm["handed_p99_ms"]}


class Wire:
    """A Redis behind a wire that fails and is slow when told to."""

    def __init__(self, cache: pathlib.Path) -> None:
        binary = cache / "wire"
        subprocess.run(["go", "build", "-o", str(binary), "./bench/wire"], cwd=HERE.parent, check=True)
        self.process = subprocess.Popen([str(binary)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = "redis://" + self.answer()["address"]

    def answer(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            sys.exit("P9: Redis does not start")
        return json.loads(line)

    def tell(self, order: str) -> None:
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        self.answer()

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(30)


# The stretches of P9: name, seconds, what the wire is told when it begins. What follows a fault begins with the breaker's probe, a second later.
STRETCHES = (("before", 15, ""), ("fails", 10, "fail"), ("mending", 2, "pass"), ("between", 11, ""), ("slow", 10, "slow 1s"), ("mending again", 2, "pass"), ("after", 10, ""))
DEADLINE = 20


def faults(binary: str, cache: pathlib.Path) -> Iterator[tuple[str, str]]:
    """P9: what, and what was seen."""
    load, folder = cache / "load", cache / "data" / "failing"
    subprocess.run(["go", "build", "-o", str(load), "./bench/load"], cwd=HERE.parent, check=True)
    limits, wire = f'deadline="{DEADLINE}ms"', Wire(cache)
    try:
        project(binary, folder, limits, f'[store]\nkind = "redis"\nurl = "{wire.url}"\n')
        with up(binary, folder, limits, f'[store]\nkind = "redis"\nurl = "{wire.url}"\n') as (http, _, pid):
            fill(binary, folder, push=True)
            began = dt.datetime.now(dt.timezone.utc)
            check(binary, folder, http)
            yield from watched(binary, folder, load, http, wire, began)
    finally:
        wire.close()


def watched(binary: str, folder: pathlib.Path, load: pathlib.Path, http: str, wire: Wire, began: dt.datetime) -> Iterator[tuple[str, str]]:
    body = {"rows": [{"id": "@"}]}
    full = Load(load, folder, http + "/v1/features/v", body).shot(0, 4, 2)["achieved"]
    saved = folder / "answers.ndjson"
    command = Load(load, folder, http + "/v1/features/v", body, "-statuses", "-late", f"{DEADLINE + 2}ms", "-save", str(saved), "-every", "97", "-conns", "256").command
    asking = subprocess.Popen([*command, "-rate", str(0.6 * full), "-warm", "3s", "-phases", ",".join(f"{name}={seconds}s" for name, seconds, _ in STRETCHES)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if "begun" not in asking.stderr.readline():
        sys.exit("P9: the load does not begin")
    at, counted = time.monotonic(), wholes(http)
    for _, seconds, order in STRETCHES:
        if order:
            wire.tell(order)
        at += seconds
        time.sleep(max(0, at - time.monotonic()))
    out, _ = asking.communicate(timeout=120)
    reports = [json.loads(x) for x in out.splitlines()]
    counted = {k: n - counted.get(k, 0) for k, n in wholes(http).items()}
    compared = truthful(binary, folder, saved, began)
    worst, late, sent = max(r["max_ms"] for r in reports), sum(r["late"] for r in reports), sum(r["sent"] for r in reports)
    errors = sum(r["errors"] for r in reports)
    calm = " / ".join("%.2f" % r["p99_ms"] for r in reports if r["phase"] in ("before", "between", "after"))
    yield (f"bighead up, Redis, deadline {DEADLINE} ms", f"{0.6 * full:,.0f} requests/s; {sent:,} answers, {errors} errors, the latest after {worst:.1f} ms, {late} after more than {DEADLINE + 2} ms, in the server {counted['+Inf'] - counted['0.025']} after more than 25; "
           f"p99 {calm} ms before, between and after the faults; {compared}")
    for r in reports:
        said = ", ".join(f"{k} {100 * n / sum(r['statuses'].values()):.2f} %" for k, n in sorted(r["statuses"].items(), key=lambda x: -x[1]))
        yield f"… {r['phase']}", f"{r['sent']:,} answers: p50 {r['p50_ms']:.2f}, p99 {r['p99_ms']:.2f}, latest {r['max_ms']:.1f} ms; {said}"


def truthful(binary: str, folder: pathlib.Path, saved: pathlib.Path, began: dt.datetime) -> str:
    """A share of the answers, against training: what was read is what training has as of that time, what is stale is what it had as of a time since it was first
    asked, and what failed or stands in is null."""
    answers, spine = [json.loads(x) for x in saved.read_text().splitlines()], []
    for x in answers:
        x["at"] = dt.datetime.fromisoformat(x["answer"]["at"])
        minute = began.replace(second=0, microsecond=0)
        x["times"] = [x["at"], began] + [m for m in (minute + dt.timedelta(minutes=i) for i in range(1, 10)) if m < x["at"]]  # windows move by minutes
        spine += [(x["request"]["rows"][0]["id"], t.isoformat(timespec="milliseconds").replace("+00:00", "Z")) for t in x["times"]]
    rows, seen = iter(training(binary, folder, spine)), {}
    for x in answers:
        want = [next(rows) for _ in x["times"]]
        for name, got, status in zip(x["answer"]["features"], x["answer"]["rows"][0]["values"], statuses(x["answer"]), strict=True):
            seen[status] = seen.get(status, 0) + 1
            if status == "failed":
                right = got is None
            elif status == "stale" and "time_since" in name:
                right = want[1][name] <= got <= want[0][name]
            elif status == "stale":
                right = any(near(got, w[name]) for w in want)
            else:
                right = status in ("present", "empty", "partial") and near(got, want[0][name])
            if not right:
                sys.exit(f"P9: {name} of {x['request']} as of {x['at']} is {got} ({status}); training has {[w[name] for w in want]}")
    return f"{sum(seen.values()):,} values of every 97th answer are what their status says ({', '.join(f'{n:,} {k}' for k, n in sorted(seen.items()))})"
