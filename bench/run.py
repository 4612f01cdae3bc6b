#!/usr/bin/env python3
"""The benchmarks (P1–P11; P14 to P16 on a real Spark and Flink, where they are asked for) beside their peers, each checked before its time is printed.

    bench/run [--only P1,P3] [--runs 3] [--size medium] [--out bench/RESULTS.md]

Every figure is of a whole process: wall seconds, CPU seconds (user and system, children included) and peak memory, by the operating
system's own accounting. Peers run in turn with ours, in the same call, on the same files. Compare CPU where the machine is shared.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
WINDOWS = ("1h", "1d", "7d", "30d")
NAMES = [f"{a}_{w}" for w in WINDOWS for a in ("count", "sum", "avg", "max")]

PIT = '''import bighead as bh

events = bh.EventSource("events", path="events", time="ts")
w = dict(windows=["1h", "1d", "7d", "30d"], resolution="exact")
g = bh.FeatureGroup("g", source=events, keys=["key"], features=[
    bh.count("amount", name="count", **w), bh.sum("amount", name="sum", **w),
    bh.avg("amount", name="avg", **w), bh.max("amount", name="max", **w)])
v = bh.FeatureView("v", groups=[g])
pit = bh.TrainingSet("pit", view=v, spine=bh.Spine("spine", at="ts", keep=["row"]))
'''

WIDE = '''import bighead as bh

events = bh.EventSource("events", path="events", time="ts")
# Ten windowed aggregations for each of five entities.
groups = [
    bh.FeatureGroup(f"g{i}", source=events, keys=[key], features=[
        bh.count("amount", name="count", windows=["1h", "1d", "7d"], resolution="exact"),
        bh.sum("amount", name="sum", windows=["1d", "7d", "30d"], resolution="exact"),
        bh.avg("qty", name="avg", windows=["1d", "30d"], resolution="exact"),
        bh.max("amount", name="max", windows=["7d", "30d"], resolution="exact")])
    for i, key in enumerate(["key", "key2", "key3", "key4", "key5"], 1)
]
v = bh.FeatureView("v", groups=groups)
wide = bh.TrainingSet("wide", view=v, spine=bh.Spine("spine", at="ts", keep=["row"]))
'''


# PATIENCE is how many seconds a peer may take.
PATIENCE = 480

# SPARKS_PATIENCE is the same of one query on Spark in seconds of CPU, of which it takes ten to fifty where it ends at all.
SPARKS_PATIENCE = 75


class Run:
    """One finished process. One that was given a limit and is not done by then is ended, and a peer that fails is no error of ours."""

    def __init__(self, command: list[str], cwd: pathlib.Path | None = None, limit: float | None = None) -> None:
        began = time.perf_counter()
        child = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
        late = threading.Event()

        def end() -> None:
            late.set()
            os.killpg(child.pid, signal.SIGKILL)

        clock = threading.Timer(limit, end) if limit else None
        if clock:
            clock.start()
        self.text = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        self.wall = time.perf_counter() - began
        self.cpu = usage.ru_utime + usage.ru_stime
        self.mb = usage.ru_maxrss // 1024
        if clock:
            clock.cancel()
        self.failure = ""
        if late.is_set():
            self.failure = f"did not finish in {limit:.0f} s"
        elif child.returncode and limit:
            self.failure = "failed: " + " ".join(self.text.split())[-160:]
        elif child.returncode:
            sys.exit(f"{' '.join(command)} failed with {child.returncode}:\n{self.text[-3000:]}")


def best(runs: list[Run]) -> Run:
    """The run with the least CPU: noise only adds."""
    return min(runs, key=lambda r: r.cpu)


class Bench:
    def __init__(self, a: argparse.Namespace) -> None:
        self.a = a
        self.binary = str(a.binary.resolve())
        self.python = sys.executable
        self.rows: list[dict[str, str]] = []

    def data(self, name: str, *flags: str) -> pathlib.Path:
        """A generated data set, made once."""
        path = self.a.cache / "data" / name
        if not (path / "meta.json").exists():
            shutil.rmtree(path, ignore_errors=True)
            Run([self.python, str(HERE / "generate.py"), "--out", str(path), *flags])
        return path

    def ours(self, path: pathlib.Path, definitions: str, name: str, *flags: str) -> Run:
        """A training set from Parquet to Parquet, the recording of the definitions by Python included."""
        (path / "features.py").write_text(definitions)
        (path / "bighead.toml").write_text('[project]\nname = "bench"\n')
        return Run([self.binary, "training-set", name, "-o", str(path / "ours.parquet"), "--json", *flags], cwd=path)

    def report(self, run: Run) -> dict:
        """The report that one of our commands ends with."""
        printed = json.loads([x for x in run.text.splitlines() if x.startswith("{")][-1])
        return printed.get("report", printed)

    def sums(self, path: pathlib.Path, prefix: str = "g__") -> list[float]:
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        t = pq.read_table(path / "ours.parquet")
        return [t.num_rows] + [float(pc.sum(t[prefix + n]).as_py() or 0) for n in NAMES]

    def agree(self, what: str, got: list[float], want: list[float]) -> None:
        bad = [(n, g, w) for n, g, w in zip(["rows", *NAMES], got, want) if abs(g - w) > 1e-6 * max(1.0, abs(w))]
        if bad:
            sys.exit(f"{what}: answers differ: {bad}")

    def peer(self, script: str, path: pathlib.Path, *flags: str, limit: float | None = None) -> tuple[dict, Run]:
        r = Run([self.python, str(HERE / script), str(path), "--runs", "1", *flags], limit=limit)
        line = [x for x in r.text.splitlines() if x.startswith("{")]
        if not line and limit:
            r.failure = r.failure or " ".join(r.text.split())[-160:]
            return {}, r
        if not line:
            sys.exit(f"{script} {flags}: {r.text[-2000:]}")
        return json.loads(line[-1]), r

    def row(self, number: str, what: str, wall: float | None = None, cpu: float | None = None, mb: int | None = None, note: str = "") -> None:
        """A row of the table; what was counted and not timed has no figures of time."""
        row = {"#": number, "what": what, "wall s": "" if wall is None else f"{wall:.2f}", "CPU s": "" if cpu is None else f"{cpu:.2f}", "peak MB": "" if mb is None else str(mb), "note": note}
        self.rows.append(row)
        print("  ".join(row.values()), flush=True)

    def add(self, number: str, what: str, run: Run, note: str = "") -> None:
        cut = run.failure != ""
        self.row(number, what, run.wall, None if cut else run.cpu, None if cut else run.mb, note)

    def note(self, number: str, what: str, note: str) -> None:
        self.row(number, what, note=note)

    def add_peer(self, number: str, p: dict, note: str = "") -> None:
        self.row(number, f"{p['tool']} ({p['shape']})", p["seconds"]["median"], p["cpu"], p["rss_mb"], note)

    def served(self, number: str, who: str, m: dict, goal: float, more: str = "") -> None:
        """Requests to a server: CPU at saturation, latencies at 60 % of it, and which share was within the goal (seconds) in a server of ours."""
        note = f"{m['cpu_ms']:.3f} ms CPU a request"
        if "saturated" in m:
            note += f"; {m['saturated']:,.0f} requests/s at saturation; at 60 % of it {m['rated_cpu_ms']:.3f} ms CPU a request, p50 {m['p50']:.2f}, p99 {m['p99']:.2f} ms (the generator itself late by {m['handed']:.2f})"
        if all := m.get("whole", {}).get("+Inf"):
            note += f", of which {100 * m['whole'][f'{goal:g}'] / all:.2f} % within {1000 * goal:.0f} ms in the server"
        if "at" in m:
            note += f"; at {m['at']:,.0f} requests/s p50 {m['p50']:.2f}, p99 {m['p99']:.2f} ms (late by {m['handed']:.2f}): the machine's and the generator's part"
        self.note(number, who, note + more)

    def p1(self) -> None:
        d = self.data(self.a.size, "--size", self.a.size)
        runs, peers = [], {}
        for i in range(self.a.runs):
            runs.append(self.ours(d, PIT, "pit"))
            shapes = [("pit_duckdb.py", ["--shape", s]) for s in self.a.shapes.split(",")] + [("pit_frames.py", ["--tool", "polars"])]
            for script, flags in shapes if i < self.a.peer_runs else []:
                p, _ = self.peer(script, d, *flags)
                key = p["tool"] + p["shape"]
                if key not in peers or p["cpu"] < peers[key]["cpu"]:
                    peers[key] = p
        got = self.sums(d)
        ours = best(runs)
        for p in peers.values():
            self.agree(f"P1 against {p['tool']} {p['shape']}", got, [float(x) for x in p["check"]])
        duck = min((p for p in peers.values() if "duckdb" in p["tool"]), key=lambda p: p["cpu"])
        polars = min((p for p in peers.values() if "polars" in p["tool"]), key=lambda p: p["cpu"])
        self.add("P1", "bighead training-set", ours, f"{duck['cpu'] / ours.cpu:.1f} × DuckDB's best by CPU, {polars['cpu'] / ours.cpu:.1f} × Polars; "
                 f"memory {ours.mb / duck['rss_mb']:.2f} of DuckDB's; all columns' totals agree")
        for p in peers.values():
            self.add_peer("P1", p)
        self.p1_run = ours

    def p2(self) -> None:
        d = self.data("large", "--size", "large")
        run = self.ours(d, PIT, "pit", "--memory", "2GiB")
        note = f"spilled {self.report(run)['spilled_bytes'] / 1e9:.1f} GB"
        if hasattr(self, "p1_run"):
            note += f"; {run.wall / self.p1_run.wall:.1f} × the wall time of P1, {run.cpu / self.p1_run.cpu:.1f} × its CPU"
        p, r = self.peer("pit_duckdb.py", d, "--shape", "tiles", "--memory", "2GiB", limit=PATIENCE)
        if p:
            self.agree("P2", self.sums(d), [float(x) for x in p["check"]])
            note += "; all columns' totals agree with DuckDB's"
        self.add("P2", "bighead training-set --memory 2GiB, large", run, note)
        if p:
            self.add_peer("P2", p, "the same limit")
        else:
            self.add("P2", "duckdb (tiles), the same limit", r, r.failure)

    def p3(self) -> None:
        even = best([self.ours(self.data(self.a.size, "--size", self.a.size), PIT, "pit") for _ in range(self.a.runs)])
        hot = self.data(self.a.size + "-hot", "--size", self.a.size, "--hot", "0.3")
        skewed = best([self.ours(hot, PIT, "pit") for _ in range(self.a.runs)])
        p, _ = self.peer("pit_duckdb.py", hot, "--shape", "tiles")
        self.agree("P3", self.sums(hot), [float(x) for x in p["check"]])
        self.add("P3", "bighead training-set, a key with 30 %", skewed, f"{skewed.wall / even.wall:.2f} × the even wall time, {skewed.cpu / even.cpu:.2f} × its CPU")
        self.add_peer("P3", p)

    def p4(self) -> None:
        one = best([self.ours(self.data(self.a.size, "--size", self.a.size), PIT, "pit") for _ in range(self.a.runs)])
        d = self.data(self.a.size + "-wide", "--size", self.a.size, "--entities", "5")
        wide = best([self.ours(d, WIDE, "wide") for _ in range(self.a.runs)])
        duck = self.duckdb_wide(d)
        self.add("P4", "bighead training-set, 50 features over 5 keys", wide, f"{wide.wall / one.wall:.2f} × the wall time of P1, {wide.cpu / one.cpu:.2f} × its CPU")
        self.add("P4", "duckdb (frames, 5 keys)", duck, duck.failure or "totals agree")

    def duckdb_wide(self, d: pathlib.Path) -> Run:
        r = Run([self.python, str(HERE / "wide_duckdb.py"), str(d)], limit=PATIENCE)
        if r.failure:
            return r
        theirs = json.loads(r.text.splitlines()[-1])
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        t = pq.read_table(d / "ours.parquet")
        for name, want in theirs.items():
            got = float(pc.sum(t[name]).as_py() or 0)
            if abs(got - want) > 1e-6 * max(1.0, abs(want)):
                sys.exit(f"P4: {name} is {got}, DuckDB has {want}")
        return r

    def p5(self) -> None:
        """Incremental backfill in counts: what each run reads, by its own report. Nothing here is timed."""
        full = self.data("days", "--events", "910000", "--spine", "1000", "--keys", "20000", "--days", "91")
        d = self.a.cache / "data" / "incremental"
        shutil.rmtree(d, ignore_errors=True)
        (d / "events").mkdir(parents=True)
        (d / "bighead.toml").write_text("")
        days = sorted((full / "events").iterdir())
        for day in days[:-1]:
            (d / "events" / day.name).symlink_to(day)

        def fill(features: int, windows: str) -> tuple[int, int, int, list[str]]:
            (d / "features.py").write_text(f'''import bighead as bh

events = bh.EventSource("events", path="events", time="ts")
g = bh.FeatureGroup("g", source=events, keys=["key"], features=[
    bh.sum(f"amount * {{i}}", name=f"f{{i}}", windows=[{windows}]) for i in range(1, 21)] + [
    bh.max("qty", name="more", windows=["1d"])][:{features - 20}])
''')
            r = self.report(Run([self.binary, "backfill", "--json"], cwd=d))
            return (sum(s["read"]["rows"] for s in r["sources"]), sum(s["read"]["bytes"] for s in r["sources"]),
                    sum(s["made"] for s in r["sets"]), [c for s in r["sources"] for c in s.get("columns") or []])

        import pyarrow.parquet as pq

        rows_of = lambda days: sum(pq.ParquetFile(f).metadata.num_rows for day in days for f in day.glob("*.parquet"))
        many = '"1d", "30d"'
        first = fill(20, many)
        second = fill(20, many)
        (d / "events" / days[-1].name).symlink_to(days[-1])
        day = fill(20, many)
        feature = fill(21, many)
        window = fill(21, many + ', "7d"')
        for what, got, want in (("the first run", first[0], rows_of(days[:-1])), ("the second run", second[0], 0), ("a new day", day[0], rows_of(days[-1:])),
                                ("a new feature", feature[0], rows_of(days)), ("a new window", window[0], 0)):
            if got != want:
                sys.exit(f"P5: {what} reads {got} rows, not {want}")
        if sorted(feature[3]) != ["key", "qty", "ts"]:
            sys.exit(f"P5: a new feature reads the columns {feature[3]}")
        for what, n, note in (("backfill of 90 days", first, ""), ("again", second, ""), ("one day more", day, f"1/{round((first[0] + day[0]) / day[0])} of the rows"),
                              ("one feature more, in a group of 20", feature, f"only {', '.join(feature[3])}"), ("one window more", window, "")):
            self.note("P5", f"{what} (counted)", "; ".join(filter(None, [f"{n[0]:,} rows, {n[1]:,} bytes read, {n[2]:,} cells made", note])))

    def p6(self) -> None:
        """A topic of a real Kafka into the online store: bench/ingest measures the whole of `up` from outside, and checks its answers."""
        d = self.a.cache / "ingest"
        d.mkdir(parents=True, exist_ok=True)
        program = str(self.a.cache / "ingest.bin")
        Run(["go", "build", "-o", program, "./bench/ingest"], cwd=HERE.parent)
        self.machine("P6")
        load = os.getloadavg()[0]
        r = Run([program, "-binary", self.binary, "-dir", str(d)])
        f = json.loads([x for x in r.text.splitlines() if x.startswith("{")][-1])
        shutil.rmtree(d, ignore_errors=True)
        rate, paced = f["events"] / f["seconds"], f["paced_events"] / f["sending_seconds"]
        self.row("P6", "bighead up, Kafka to Pebble, what waits", f["seconds"], f["cpu"], f["rss_mb"],
                    f"{f['events'] / 1e6:.0f} M events of {f['event_bytes']:.0f} bytes: {rate:,.0f} events/s, {f['cpu'] / f['events'] * 1e6:.1f} µs of CPU each, "
                    f"{f['written_bytes'] / f['events']:.0f} bytes written each; load average {load:.1f}")
        self.row("P6", "bighead up, by schedule", f["paced_seconds"], f["paced_cpu"], f["paced_rss_mb"],
                    f"{paced:,.0f} events/s, {f['paced_cpu'] / f['paced_events'] * 1e6:.1f} µs of CPU each; freshness of {f['markers']} events, to a read: p50 {f['freshness_p50_ms']:.0f} ms, "
                    f"p99 {f['freshness_p99_ms']:.0f} ms, at most {f['freshness_max_ms']:.0f} ms; {f['checked_values']:,} values agree with a count of our own")

    def machine(self, case: str) -> None:
        """What no server on this machine could do better."""
        import serving

        self.note(case, "the machine, nothing running", serving.away())

    def p11(self) -> None:
        d = self.a.cache / "data" / "many"
        d.mkdir(parents=True, exist_ok=True)
        (d / "bighead.toml").write_text("")
        (d / "features.py").write_text('''import bighead as bh

e = bh.EventSource("e", columns={"k": bh.String, **{f"x{i}": bh.Float for i in range(50)}}, time="ts")
groups = [
    bh.FeatureGroup(f"g{n}", source=e, keys=["k"], features=[
        bh.avg(f"x{(n + i) % 50} * {n % 7 + 1}.5", name=f"f{i}", windows=["1h", "1d"], where=f"x{i} > {n}") for i in range(10)])
    for n in range(1500)
]
views = [bh.FeatureView(f"v{n}", groups=groups[10 * n:10 * n + 10]) for n in range(150)]
''')
        runs = [Run([self.binary, "plan", "--timings"], cwd=d) for _ in range(self.a.runs)]
        r = best(runs)
        if "30000 features" not in r.text.replace(",", ""):
            sys.exit(f"P11: not 30,000 features: {r.text[-500:]}")
        stages = dict(re.findall(r"timing: (\w+) ([0-9.]+)s", r.text))
        go = float(stages["check"]) + float(stages["plan"])
        self.add("P11", "bighead plan, 30,000 features in 1,500 groups", r, f"check and plan {go:.2f} s in Go, {float(stages['record']):.2f} s in Python")

    def p7(self) -> None:
        """P7 and P8, which share their servers."""
        import serving

        self.machine("P7")
        for case, who, m, peer in serving.measure(self.binary, self.a.cache):
            self.served(case, who, m, {"P7": 0.002, "P8": 0.01}[case], f"; **1/{peer['cpu_ms'] / m['cpu_ms']:.0f} of Feast's CPU**" if peer else "")

    p8 = p7

    def p9(self) -> None:
        import serving

        self.machine("P9")
        for what, note in serving.faults(self.binary, self.a.cache):
            self.note("P9", what, note)

    def p10(self) -> None:
        self.p10_trees()
        self.p10_served()

    def p10_served(self) -> None:
        """Requests with features and trees."""
        import predicting

        self.machine("P10 served")
        for who, m, peer in predicting.measure(self.binary, self.a.cache):
            more = ""
            if "checked" in m:
                more += f"; every 97th answer, {m['checked']}, is LightGBM's"
            if peer:
                more += f"; **1/{peer['cpu_ms'] / m['cpu_ms']:.1f} of MLServer's CPU**"
            if "recording" in m:
                more += f"; the record of vectors and predictions takes {m['recording']:.0f} µs of CPU a request"
            self.served("P10 served", who, m, 0.003, more)

    def p10_trees(self) -> None:
        """The trees alone, in process."""
        where, ours = self.a.cache / "data" / "trees", self.a.cache / "trees"
        subprocess.run(["go", "build", "-o", str(ours), "./bench/trees"], cwd=HERE.parent, check=True)
        run = Run([self.python, str(HERE / "trees.py"), "--ours", str(ours), "--dir", str(where), "--rounds", str(self.a.runs)])
        f = json.loads(run.text.splitlines()[-1])
        ours, trees = f["ours"], f["model"]["trees"]
        for what, k in (("a row", "row_us"), ("a row of 100", "batch_row_us")):
            self.note("P10 trees", f"trees of bighead, {what}", f"{ours[k]:.1f} µs CPU, {ours[k] / trees * 1000:.0f} ns a tree; **{f['lightgbm'][k] / ours[k]:.1f} × LightGBM's C API, "
                      f"{f['onnxruntime'][k] / ours[k]:.1f} × ONNX Runtime**; all sums are LightGBM's to the bit")
            for name, peer in (("lightgbm 4.7.0, C API", "lightgbm"), ("onnxruntime 1.32.0", "onnxruntime")):
                self.note("P10 trees", f"{name}, {what}", f"{f[peer][k]:.1f} µs CPU")

    def p14(self) -> None:
        """A training set on a real Spark, by the printed query and by one written by hand, and by the embedded engine: even keys."""
        self.spark("P14", self.data("small-even", "--size", "small", "--zipf", "0"), ", even keys")

    def p15(self) -> None:
        """The same where one key has 30 % of the events and of the rows that ask."""
        self.spark("P15", self.data("small-even-hot", "--size", "small", "--zipf", "0", "--hot", "0.3"), ", a key with 30 %")

    def spark(self, number: str, d: pathlib.Path, keys: str) -> None:
        program, out = str(self.a.cache / "spark.bin"), self.a.cache / "spark"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        Run(["go", "build", "-o", program, "./bench/spark"], cwd=HERE.parent)
        local = best([self.ours(d, PIT, "pit") for _ in range(self.a.runs)])
        r = Run([program, "-binary", self.binary, "-project", str(d), "-out", str(out), "-limit", str(SPARKS_PATIENCE)])
        f = json.loads([x for x in r.text.splitlines() if x.startswith("{")][-1])
        hand, ours, road = f["hand"], f["ours"], f["road"]["warm"]
        if "unfinished_cpu" in ours:
            sys.exit(f"{number}: our query did not finish in {SPARKS_PATIENCE} s of CPU")
        rows = self.table(d / "ours.parquet", "g__")
        answers = {"our query": (out / "ours", "g__"), "bighead training-set --engine spark": (out / "road.parquet", "g__")}
        if "unfinished_cpu" not in hand:
            answers["the query by hand"] = (out / "hand", "")
        for who, (path, prefix) in answers.items():
            self.same_rows(f"{number}: {who}", rows, self.table(path, prefix))
        shutil.rmtree(out)
        self.add(number, f"bighead training-set{keys}", local, "the embedded engine, whole process; row by row the same as " + ", ".join(answers))
        for who, q in (("our printed query on Spark 4.3", ours), ("the query by hand on Spark 4.3", hand)):
            if "unfinished_cpu" in q:
                self.note(number, f"{who}{keys}", f"did not finish in {q['unfinished_cpu']:.0f} s of CPU, nor would it: all pairs of the key's rows and events")
                continue
            self.row(number, f"{who}{keys}, whole process", q["whole"]["seconds"], q["whole"]["cpu"], q["peak_mb"], f"local[2], 4 g; the start of Spark and the first answer: the embedded engine takes **1/{q['whole']['cpu'] / local.cpu:.0f} of its CPU**")
            note = f"the same Spark again: {q['warm']['cpu'] / local.cpu:.0f} × the embedded engine's whole CPU"
            if q is ours and "warm" in hand:
                note += f"; **{q['warm']['cpu'] / hand['warm']['cpu']:.2f} × the query by hand**, which a hot key would not let end"
            self.row(number, "… warm", q["warm"]["seconds"], q["warm"]["cpu"], note=note)
        self.row(number, f"bighead training-set --engine spark{keys}, warm", road["seconds"], road["cpu"], note="both processes: rows staged, hot keys looked for, rows of sources counted, rows fetched and written")

    def p16(self) -> None:
        """P6 with a real Flink that folds: tiles a second of what waits, and freshness of what comes by schedule."""
        d = self.a.cache / "ingest"
        d.mkdir(parents=True, exist_ok=True)
        program = str(self.a.cache / "ingest.bin")
        Run(["go", "build", "-o", program, "./bench/ingest"], cwd=HERE.parent)
        r = Run([program, "-flink", "-events", "600000", "-rate", "4000", "-binary", self.binary, "-dir", str(d)])
        f = json.loads([x for x in r.text.splitlines() if x.startswith("{")][-1])
        shutil.rmtree(d, ignore_errors=True)
        note = (f"{f['events'] / 1e6:.1f} M events: {f['events'] / f['seconds']:,.0f} events/s, {4 * f['events'] / f['seconds']:,.0f} foldings into tiles/s, {f['tile_parts'] / f['seconds']:,.0f} tile parts written/s; "
                f"{f['flink_cpu'] / f['events'] * 1e6:.0f} µs of Flink's CPU an event; from the first tile until a read shows the last event")
        self.row("P16", "Flink 2.3 with our settings, Kafka to Kafka to Pebble, what waits", f["seconds"], f["flink_cpu"], note=note)
        note = (f"{f['paced_events'] / f['sending_seconds']:,.0f} events/s, {f['flink_paced_cpu'] / f['paced_events'] * 1e6:.0f} µs of Flink's CPU each, {f['paced_cpu'] / f['paced_events'] * 1e6:.0f} µs of ours; freshness of {f['markers']} events, to a read: "
                f"p50 {f['freshness_p50_ms']:.0f} ms, p99 {f['freshness_p99_ms']:.0f} ms, at most {f['freshness_max_ms']:.0f} ms; {f['checked_values']:,} values agree with a count of our own")
        self.row("P16", "… by schedule", f["paced_seconds"], f["flink_paced_cpu"] + f["paced_cpu"], note=note)

    def table(self, path: pathlib.Path, prefix: str) -> object:
        """An answer's columns by the number of the row that asked."""
        import pyarrow.parquet as pq

        t = pq.read_table(path).sort_by("row")
        return t.select(["row", *(prefix + n for n in NAMES)]).rename_columns(["row", *NAMES])

    def same_rows(self, what: str, want: object, got: object) -> None:
        """Row by row: nulls where there are nulls, counts and maxima to the bit, sums but for the order in which they were added."""
        import numpy as np

        for name in want.column_names:
            a, b = want[name], got[name]
            if len(a) != len(b) or a.null_count != b.null_count or not a.is_null().equals(b.is_null()):
                sys.exit(f"{what} has {len(b)} rows and {b.null_count} nulls of {name}, not {len(a)} and {a.null_count}")
            x, y = (np.asarray(c.drop_null().to_numpy(), dtype=float) for c in (a, b))
            near = 0 if name.split("_")[0] in ("row", "count", "max") else 1e-9
            if (bad := np.abs(x - y) > near * np.maximum(1, np.abs(x))).any():
                i = int(np.argmax(bad))
                sys.exit(f"{what} differs in {name} at {int(bad.sum())} of {len(x)} rows: {y[i]}, not {x[i]}")


def machine() -> str:
    cpu = next((x.split(":", 1)[1].strip() for x in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")), platform.processor())
    memory = next(int(x.split()[1]) for x in pathlib.Path("/proc/meminfo").read_text().splitlines() if x.startswith("MemTotal")) // 1024 // 1024
    return f"{os.cpu_count()} cores of {cpu}, {memory} GiB, {platform.system()} {platform.release().split('-')[0]}"


def write(path: pathlib.Path, rows: list[dict[str, str]], load: float) -> None:
    """Rows measured now replace those of the same number; others stay."""
    kept: list[str] = []
    now = {r["#"] for r in rows}
    if path.exists():
        kept = [x for x in path.read_text().splitlines() if re.match(r"\| P\d", x) and x.split("|")[1].strip() not in now]
    lines = kept + ["| " + " | ".join(r.values()) + " |" for r in rows]
    lines.sort(key=lambda x: int(re.match(r"\| P(\d+)", x).group(1)))
    path.write_text(f"""# Benchmarks

Made by `make bench` ([run.py](run.py)); what each must reach is in [docs/performance.md](../docs/performance.md). Whole processes,
Parquet to Parquet, each answer checked against the peer's before its time is printed; the best of the runs by CPU seconds. The machine:
{machine()}; load average {load:.1f} when the last run began. On a busy machine wall times are the neighbours' too: compare CPU.

| # | what | wall s | CPU s | peak MB | note |
|---|---|---|---|---|---|
""" + "\n".join(lines) + "\n")


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--cache", type=pathlib.Path, required=True, help="where data and peers are kept")
    p.add_argument("--binary", type=pathlib.Path, required=True)
    p.add_argument("--only", default="P1,P2,P3,P4,P5,P6,P7,P9,P10,P11")
    p.add_argument("--size", default="medium")
    p.add_argument("--shapes", default="tiles", help="DuckDB's shapes to run: tiles was the fastest of all six here")
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--peer-runs", type=int, default=1)
    p.add_argument("--out", type=pathlib.Path, default=HERE / "RESULTS.md")
    a = p.parse_args()
    a.cache = a.cache.resolve()
    alone = open(pathlib.Path(tempfile.gettempdir()) / f"bighead-bench-{os.getuid()}.lock", "w")  # held until the process ends
    try:
        fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"another run of the benchmarks goes on ({alone.name}): two at once would measure each other; wait for it, or end it")
    load = os.getloadavg()[0]
    b = Bench(a)
    for number in a.only.split(","):
        getattr(b, number.strip().lower().replace(" ", "_"))()
        write(a.out, b.rows, load)


main()
