"""Project over a binary that notes how it was called and answers as the real one does."""

from __future__ import annotations

import datetime
import importlib.util
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
import warnings

import bighead as bh
from bighead import _record

FAKE = """
    #!{python}
    import json, os, signal, sys, time
    args = sys.argv[1:]
    here = os.path.dirname(os.path.abspath(__file__))
    plan = json.load(open(os.path.join(here, "plan.json")))
    if args == ["version", "--json"]:
        print(json.dumps(plan["version"])); sys.exit(0)
    note = {{"args": args, "kernel": os.environ.get("BIGHEAD_KERNEL_PYTHON")}}
    if "--definitions" in args:
        note["definitions"] = json.load(open(args[args.index("--definitions") + 1]))
    json.dump(note, open(os.path.join(here, "note.json"), "w"))
    if plan.get("sleep"):
        signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may have had it ignored
        try:
            open(os.path.join(here, "started"), "w").close()
            time.sleep(600)
        except KeyboardInterrupt:
            open(os.path.join(here, "interrupted"), "w").close(); sys.exit(130)
    if "-o" in args and plan.get("parquet"):
        import shutil; shutil.copy(os.path.join(here, plan["parquet"]), args[args.index("-o") + 1])
    sys.stdout.write(plan.get("out", "")); sys.stderr.write(plan.get("err", "")); sys.exit(plan.get("status", 0))
"""


class WithBinary(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.binary = self.dir / "bighead"
        self.binary.write_text(textwrap.dedent(FAKE.format(python=sys.executable)).lstrip())
        self.binary.chmod(0o755)
        self.answer()

    def answer(self, **plan: object) -> None:
        version = {"version": bh.__version__, "format": _record.FORMAT_VERSION}
        (self.dir / "plan.json").write_text(json.dumps({"version": version, **plan}))

    def project(self, **more: object) -> bh.Project:
        return bh.Project(self.dir, binary=str(self.binary), **more)

    def note(self) -> dict:
        return json.loads((self.dir / "note.json").read_text())

    def args(self) -> list[str]:
        return self.note()["args"]


class Commands(WithBinary):
    def test_preview(self) -> None:
        p = self.project(profile="prod")
        self.answer(out='{"columns":[{"name":"k","type":"string"},{"name":"x","type":"int"}],"rows":[["a",1],[null,22]]}')
        rows = p.preview("g", n=2)
        self.assertEqual(self.args(), ["--project", str(self.dir), "--profile", "prod", "preview", "g", "--limit", "2", "--json"])
        self.assertEqual(self.note()["kernel"], sys.executable)
        self.assertEqual(repr(rows), "k     x\na     1\nnull  22")
        self.assertEqual(list(rows), [{"k": "a", "x": 1}, {"k": None, "x": 22}])
        self.assertIn("<td>22</td>", rows._repr_html_())

    def test_a_definition_of_a_cell_goes_along(self) -> None:
        self.answer(out='{"columns":["k"],"rows":[]}')
        e = bh.EventSource("e", path="e.parquet", time="ts")
        self.project().preview(bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.count()]))
        note = self.note()
        self.assertEqual([g["name"]["text"] for g in note["definitions"]["groups"]], ["g"])
        at = note["args"].index("--definitions")
        self.assertEqual(note["args"][at + 2 :], ["preview", "g", "--limit", "20", "--json"])
        self.assertFalse(os.path.exists(note["args"][at + 1]), "the file is left")

    def test_training_set(self) -> None:
        p = self.project()
        (self.dir / "rows.parquet").write_bytes(b"PAR1")
        self.answer(out='{"report": {"rows": 3}}', parquet="rows.parquet")
        rows = p.training_set("late", start=datetime.date(2013, 1, 1), end=datetime.datetime(2013, 10, 1, 6))
        args = self.args()
        self.assertEqual([args[2], args[3], args[-4:]], ["training-set", "late", ["--start", "2013-01-01", "--end", "2013-10-01T06:00:00Z"]])
        self.assertEqual((rows.report, repr(rows)), ({"report": {"rows": 3}}, "<training set late: 3 rows>"))
        self.assertTrue(rows.path.endswith("late.parquet"))
        path = rows.path
        self.assertTrue(os.path.exists(path))
        del rows
        self.assertFalse(os.path.exists(path), "the rows outlive their object")

    def test_why(self) -> None:
        p = self.project()
        self.answer(out='{"feature":"c__n","value":2,"events":[{"ts":"t","x":1},{"ts":"u"}],"duckdb":"select 2"}')
        found = p.why("departure", "c__n", at="2013-03-01T12:00:00Z", carrier="UA", n=7, ok=True, day=datetime.date(2013, 1, 1))
        self.assertEqual(self.args()[2:], ["why", "departure", "c__n", "carrier=UA", "n=7", "ok=true", "day=2013-01-01", "--at", "2013-03-01T12:00:00Z", "--json"])
        self.assertEqual((found.value, found.sql, found.events.rows), (2, "select 2", [["t", 1], ["u", None]]))
        self.assertIn("select 2", repr(found))

    def test_get(self) -> None:
        p = self.project()
        answer = {"view": "v", "fingerprint": "f", "at": "2013-03-01T12:00:00Z", "features": ["a", "b"], "rows": [{"values": [1, None], "status": ["ok", "empty"], "error": None}]}
        self.answer(out=json.dumps(answer))
        got = p.get("v", at=datetime.datetime(2013, 3, 1, 12), carrier="UA", distance=1400, ok=True)
        self.assertEqual(self.args()[2:], ["get", "v", "carrier=UA", "distance=1400", "ok=true", "--at", "2013-03-01T12:00:00Z", "--json"])
        self.assertEqual((dict(got), got.status, got.at), ({"a": 1, "b": None}, {"a": "ok", "b": "empty"}, "2013-03-01T12:00:00Z"))
        self.assertEqual(repr(got), "v as of 2013-03-01T12:00:00Z\nfeature  value  status\na        1      ok\nb        null   empty")
        self.assertIn("empty", got._repr_html_())
        answer["rows"] = [{"values": [1, 2], "status": "ok"}]
        self.answer(out=json.dumps(answer))
        self.assertEqual(p.get("v", server="http://there:8080").status, {"a": "ok", "b": "ok"})
        self.assertEqual(self.args()[2:], ["get", "v", "--server", "http://there:8080", "--json"])
        answer["rows"] = [{"values": None, "status": None, "error": {"title": "Bad row", "code": "BH107", "detail": "no such key", "cure": "ask for another"}}]
        self.answer(out=json.dumps(answer))
        with self.assertRaisesRegex(bh.ProjectError, r"BH107: no such key \(ask for another\)"):
            p.get("v", k=1)

    def test_source_and_explain(self) -> None:
        p = self.project()
        self.answer(out='{"columns":["a"],"rows":[[1]]}')
        self.assertEqual(p.source("flights").head(3).rows, [[1]])
        self.assertEqual(self.args()[2:], ["source", "flights", "--limit", "3", "--json"])
        self.answer(out="group carrier\n  plan\n")
        self.assertEqual(repr(p.explain("carrier", engine="spark")), "group carrier\n  plan\n")
        self.assertEqual(self.args()[2:], ["explain", "carrier", "--engine", "spark"])

    def test_diagram(self) -> None:
        p = self.project()
        self.answer(out='{"model":"late","text":"input    x float\\n","svg":"<svg></svg>\\n"}')
        drawn = p.diagram("late")
        self.assertEqual(self.args()[2:], ["explain", "late", "--diagram", "svg", "--json"])
        self.assertEqual((str(drawn), repr(drawn), drawn._repr_svg_()), ("input    x float\n", "input    x float", "<svg></svg>\n"))
        self.assertIn("<svg></svg>", drawn._repr_html_())
        p.diagram("late", version="champion")
        self.assertEqual(self.args()[2:], ["explain", "late@champion", "--diagram", "svg", "--json"])
        self.assertNotIn("definitions", self.note())

    def test_a_model_of_a_cell_goes_along(self) -> None:
        rows = bh.TrainingSet("rows", view=bh.FeatureView("v", groups=[], request={"x": bh.Float}), spine=bh.Spine("rows.parquet", at="at"), labels={"y": "x > 1"})
        m = bh.Model("late", training_set=rows, remote="http://host:8000/v2/models/late", pipeline=bh.Pipeline([bh.impute("x", "mean")]))
        self.answer(out='{"model":"late","text":"","svg":""}')
        self.project().diagram(m)
        self.assertEqual([s["kind"] for s in self.note()["definitions"]["models"][0]["pipeline"]["steps"]], ["impute"])
        self.project().diagram(m, version=3)
        self.assertEqual(self.args()[2:], ["explain", "late@3", "--diagram", "svg", "--json"])

    def test_a_mistake_raises_with_the_report(self) -> None:
        p = self.project()
        self.answer(status=1, err='features.py:1:2: error[BH012]: column "x" is not there\n   1 | x\n')
        with self.assertRaises(bh.DefinitionError) as caught:
            p.preview("g")
        self.assertTrue(str(caught.exception).startswith("features.py:1:2: error[BH012]"))

    def test_what_else_fails_is_a_project_error(self) -> None:
        p = self.project()
        for status, err in ((1, "bighead: there is no view"), (2, "bighead: usage"), (3, "bighead: disk full")):
            self.answer(status=status, err=err)
            with self.assertRaisesRegex(bh.ProjectError, err.removeprefix("bighead: ")):
                p.explain("g")
        self.answer(out="[1]")
        with self.assertRaisesRegex(bh.ProjectError, "no JSON object"):
            p.preview("g")
        with self.assertRaisesRegex(bh.ProjectError, "a name or a definition, not int"):
            p.preview(5)  # type: ignore[arg-type]


class Binary(WithBinary):
    def test_versions_are_compared(self) -> None:
        self.answer(version={"version": "9.9.9", "format": _record.FORMAT_VERSION + 1})
        with self.assertRaisesRegex(bh.ProjectError, rf"SDK {bh.__version__}, .* binary 9.9.9; .* pip install bighead==9.9.9"):
            self.project()
        self.answer(version={"version": "9.9.9", "format": _record.FORMAT_VERSION})
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self.project()
        self.assertIn("pip install bighead==9.9.9", str(caught[0].message))

    def test_no_binary(self) -> None:
        with self.assertRaisesRegex(bh.ProjectError, "BIGHEAD_BINARY"):
            bh.Project(self.dir, binary=str(self.dir / "nowhere"))
        self.answer(version={})
        with self.assertRaisesRegex(bh.ProjectError, "is no bighead binary"):
            self.project()

    def explaining(self, more: str) -> subprocess.Popen[str]:
        """A process that asks the binary, which sleeps then."""
        self.answer(sleep=True)
        code = f"""
            import os, signal, subprocess, sys, time
            signal.signal(signal.SIGINT, signal.default_int_handler)
            sys.path.insert(0, {str(pathlib.Path(bh.__file__).parents[1])!r})
            import bighead as bh, bighead._project as of
            of._GRACE = 600
            p, started = bh.Project({str(self.dir)!r}, binary={str(self.binary)!r}), {str(self.dir / "started")!r}
            {more}
            try:
                p.explain("g")
            except KeyboardInterrupt:
                print("interrupted")
        """
        return subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True, start_new_session=True)

    def test_an_interrupt_while_it_starts_reaches_the_binary(self) -> None:
        child = self.explaining("""
            real = subprocess.Popen
            def popen(*args, **more):
                started_one = real(*args, **more)
                while not os.path.exists(started):
                    time.sleep(0.01)
                os.kill(os.getpid(), signal.SIGINT)
                return started_one
            subprocess.Popen = popen
        """)
        out, _ = child.communicate(timeout=600)
        self.assertEqual(out, "interrupted\n")
        self.assertTrue((self.dir / "interrupted").exists())

    def test_an_interrupt_reaches_the_binary(self) -> None:
        child = self.explaining("")
        while not (self.dir / "started").exists():
            self.assertIsNone(child.poll(), "it ended before it was interrupted")
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=600)
        self.assertEqual(out, "interrupted\n")
        self.assertTrue((self.dir / "interrupted").exists())


def have(*names: str) -> bool:
    return all(importlib.util.find_spec(n) for n in names)


class Frames(WithBinary):
    def answered(self, rows: dict) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table(rows), self.dir / "out.parquet")
        self.answer(parquet="out.parquet", out="")

    def test_no_library(self) -> None:
        p = self.project()
        with self.assertRaisesRegex(bh.ProjectError, "features takes a pandas or polars DataFrame"):
            p.features("v", [1], at="t")
        self.answer(out='{"columns":["a"],"rows":[[1]]}')
        rows = p.preview("g")
        sys.modules["pandas"] = None  # type: ignore[assignment]
        try:
            with self.assertRaisesRegex(bh.ProjectError, "to_pandas needs pandas, which is not installed here .*: pip install pandas"):
                rows.to_pandas()
        finally:
            del sys.modules["pandas"]

    @unittest.skipUnless(have("pandas", "pyarrow"), "pandas and pyarrow are not installed")
    def test_pandas(self) -> None:
        import pandas as pd

        df = pd.DataFrame({"t": ["b", "a"], "odd": [object(), 1], "x": [1, 2]}, index=[7, 7])
        self.answered({"x": [10, 20], "f": [0.5, None], "t": ["b", "a"]})
        out = self.project().features("v", df, at="t")
        self.assertEqual(list(out.columns), ["t", "odd", "x", "f"])
        self.assertEqual((list(out.index), list(out["x"]), out["f"].iloc[0]), ([7, 7], [1, 2], 0.5))
        args = self.args()
        self.assertEqual([args[2], args[3], args[4], args[6], args[7], args[8]], ["features", "v", "--spine", "--at", "t", "-o"])
        self.answered({"f": [1]})
        with self.assertRaisesRegex(bh.ProjectError, "answered 1 rows for 2"):
            self.project().features("v", df, at="t")
        with self.assertRaisesRegex(bh.ProjectError, 'no column "u" to ask at; it has t, odd, x'):
            self.project().features("v", df, at="u")
        self.answer(status=1, err="bighead: the spine has no column odd")
        with self.assertRaisesRegex(bh.ProjectError, "left out, for Arrow cannot hold them: odd"):
            self.project().features("v", df, at="t")

    @unittest.skipUnless(have("polars", "pyarrow"), "polars and pyarrow are not installed")
    def test_polars(self) -> None:
        import polars as pl

        self.answered({"x": [10, 20], "f": [0.5, None]})
        df = pl.DataFrame({"t": ["b", "a"], "x": [1, 2]})
        out = self.project().features("v", df, at="t")
        self.assertEqual(out.to_dict(as_series=False), {"t": ["b", "a"], "x": [1, 2], "f": [0.5, None]})
        with self.assertRaisesRegex(bh.ProjectError, r"collect\(\) it first"):
            self.project().features("v", df.lazy(), at="t")

    @unittest.skipUnless(have("pyarrow"), "pyarrow is not installed")
    def test_arrow(self) -> None:
        import pyarrow as pa

        self.answered({"x": [10, 20], "f": [0.5, None]})
        out = self.project().features("v", pa.table({"t": ["b", "a"], "x": [1, 2]}), at="t")
        self.assertEqual(out.to_pydict(), {"t": ["b", "a"], "x": [1, 2], "f": [0.5, None]})
        rows = self.project().training_set("late") if self.answer(parquet="out.parquet", out="{}") is None else None
        self.assertEqual(rows.to_arrow().num_rows, 2)


if __name__ == "__main__":
    unittest.main()
