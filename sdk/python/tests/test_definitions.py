"""Definitions outside of a recording: objects that show themselves, mistakes that raise."""

from __future__ import annotations

import doctest
import importlib
import inspect
import json
import linecache
import pathlib
import pkgutil
import subprocess
import sys
import unittest

import bighead as bh
from bighead import _record

HERE = pathlib.Path(__file__).resolve()


def example() -> tuple[bh.EventSource, bh.FeatureGroup, bh.FeatureView, bh.TrainingSet]:
    e = bh.EventSource("e", path="e.parquet", time="ts")
    g = bh.FeatureGroup("g", source=e, keys=["k"], features=[bh.sum("x", windows=["1h"], name="s"), bh.count()])
    v = bh.FeatureView("v", groups=[g.prefix("p")], request={"r": bh.Int}, derive={"d": "r + 1"})
    t = bh.TrainingSet("t", view=v, spine=bh.Spine("s.parquet", at="ts"), labels={"y": "x > 1", "n": bh.count(source=e, keys=["k"], within="7d")})
    return e, g, v, t


def learn(data: object, params: object) -> None:
    """A training function at the top of a file."""


def model(t: bh.TrainingSet, **more: object) -> bh.Model:
    given = {"train": learn, "split": bh.TimeSplit(valid="2013-09-01", test="2013-11-01"), **more}
    return bh.Model("m", training_set=t, **given)


class Models(unittest.TestCase):
    def test_a_function_is_found_again_by_its_place(self) -> None:
        record = model(example()[3])._fields["train"]
        line = inspect.getsourcelines(learn)[1]
        self.assertEqual(record["name"], "learn")
        self.assertTrue(record["def"].endswith(f"test_definitions.py:{line}:5-{line}:10"), record["def"])

    def test_what_cannot_be_found_again_is_refused(self) -> None:
        def inner(data: object, params: object) -> None: ...

        async def later(data: object, params: object) -> None: ...

        def one(data: object) -> None: ...

        t = example()[3]
        for function, said in (
            (lambda data, params: 1, "not a lambda"),
            (inner, "not inner, which stands inside Models.test_what_cannot_be_found_again_is_refused"),
            (self.test_reprs, "not the method Models.test_reprs"),
            (print, "not the builtin print"),
            (Models, "not the class Models"),
            (json.dumps, "not dumps of json"),
            ("learn", "not a str"),
        ):
            with self.assertRaisesRegex(bh.DefinitionError, said):
                model(t, train=function)
        names: dict = {}
        exec(compile("async def later(data, params): pass\ndef one(data): pass\nimport functools\n@functools.cache\ndef kept(data, params): pass", "/tmp/x.py", "exec"), names)
        for name, said in (("later", "does not return a model"), ("one", "cannot be called with two arguments"), ("kept", "takes a function of a definition file")):
            with self.assertRaisesRegex(bh.DefinitionError, said):
                model(t, train=names[name])

    def test_reprs(self) -> None:
        steps = bh.Pipeline([bh.impute(bh.numeric, "median"), bh.ordinal(bh.strings)])
        m = model(example()[3], pipeline=steps, environment=bh.Environment(["a==1"], python="3.11"), params={"n": 3}, metrics=["auc"])
        shown = [repr(x) for x in (m, steps, bh.Endpoint("e", model=m, traffic={"champion": 90, "2": 10}), bh.Endpoint("f", model=m))]
        self.assertEqual(shown, ["<Model m: binary over t>", "<Pipeline: 2 steps>", "<Endpoint e: m by champion 90, 2 10>", "<Endpoint f: m by champion>"])
        html = m._repr_html_()
        for part in ("ordinal(@strings)", "learn (", "valid 2013-09-01", "a==1 on Python 3.11", "n=3"):
            self.assertIn(part, html)
        e = example()[0]
        by_keys = bh.LabelSource(e, on={"k": "kk", "r": "r"}, value="x > 1", at="ts")
        for source, said in (
            (by_keys, "<LabelSource e: x > 1 on k, r>"),
            (bh.LabelSource("iceberg:db.t", value="y", at="ts"), "<LabelSource iceberg:db.t: y on prediction_id>"),
            (bh.LabelSource(bh.Table("hive:db.t"), on=["k"], value="y", at="ts"), "<LabelSource hive:db.t: y on k>"),
        ):
            self.assertEqual(repr(source), said)
        self.assertEqual(repr(bh.Spine("iceberg:db.s", at="ts")), "<Spine iceberg:db.s at ts>")
        self.assertIn("LabelSource e: x", bh.Endpoint("e", model=m, labels=by_keys)._repr_html_())
        self.assertIn("training", bh.Endpoint("e", model=m, labels="training")._repr_html_())
        for one in (steps, bh.Endpoint("e", model=m, fallback=0.2)):
            self.assertTrue(one._repr_html_().startswith("<table>"))

    def test_an_endpoint_brings_its_model(self) -> None:
        m = model(example()[3], pipeline=bh.Pipeline([bh.clip("x", 0, 1)]))
        landed = bh.EventSource("landed", path="l.parquet", time="ts")
        labelled = _record.closure(bh.Endpoint("e", model=m, labels=bh.LabelSource(landed, on=["k"], value="y", at="ts")))
        self.assertEqual(labelled["sources"][labelled["endpoints"][0]["labels"]["source"]["index"]]["name"]["text"], "landed")
        doc = _record.closure(bh.Endpoint("e", model=m, traffic={"champion": 1}))
        self.assertEqual([len(doc[k]) for k in ("training_sets", "models", "endpoints")], [1, 1, 1])
        self.assertEqual(doc["endpoints"][0]["model"]["index"], 0)
        self.assertEqual(doc["models"][0]["pipeline"]["steps"][0]["kind"], "clip")
        self.assertEqual(doc["endpoints"][0]["traffic"][0]["weight"]["value"], 1.0)

    def test_objects_stand_where_objects_belong(self) -> None:
        t = example()[3]
        for more, said in (
            ({"split": "2013"}, "split of bh.Model takes a bh.TimeSplit"),
            ({"pipeline": [bh.drop("x")]}, "pipeline of bh.Model takes a bh.Pipeline"),
            ({"environment": ["a==1"]}, "environment of bh.Model takes a bh.Environment"),
            ({"params": [1]}, "params of bh.Model takes a dictionary"),
            ({"params": {"x": float("nan")}}, "params of bh.Model takes a constant"),
        ):
            with self.assertRaisesRegex(bh.DefinitionError, said):
                model(t, **more)
        with self.assertRaisesRegex(bh.DefinitionError, "steps of bh.Pipeline takes steps"):
            bh.Pipeline(["impute"])
        with self.assertRaisesRegex(bh.DefinitionError, "traffic of bh.Endpoint takes numbers as weights"):
            bh.Endpoint("e", model=model(t), traffic={"champion": "all"})


class Shown(unittest.TestCase):
    def test_reprs_are_one_line(self) -> None:
        shown = [repr(x) for x in (*example(), bh.avg("x", windows=["1h"]), bh.List(bh.Int), bh.Topic("t"), bh.Spine("p", at="t"))]
        self.assertEqual(shown[1], "<FeatureGroup g: 2 features of e by k>")
        self.assertEqual(shown[3], "<TrainingSet t: y, n from v>")
        self.assertTrue(all("\n" not in s for s in shown), shown)

    def test_notebooks_get_tables(self) -> None:
        for one in (*example(), bh.avg("x < 1", windows=["1h"])):
            html = one._repr_html_()
            self.assertTrue(html.startswith("<table>") and html.endswith("</table>"), html)
        self.assertIn("x &lt; 1", bh.avg("x < 1")._repr_html_())


class Steps(unittest.TestCase):
    def test_a_step_is_recorded_with_its_places(self) -> None:
        record = bh.impute([bh.numeric, "wx__*"], "constant", value=0.5)._record
        line = inspect.currentframe().f_lineno - 1
        self.assertEqual([c["text"] for c in record["columns"]], ["@numeric", "wx__*"])
        self.assertTrue(record["columns"][1]["at"].endswith(f"test_definitions.py:{line}:41-{line}:48"), record)
        self.assertEqual([(a["name"], a["value"]["kind"], a["value"]["value"]) for a in record["args"]], [("strategy", "string", "constant"), ("value", "float", 0.5)])
        self.assertTrue(record["args"][1]["value"]["at"].endswith(f"{line}:69-{line}:72"), record)
        self.assertEqual(repr(bh.standard(bh.bools)), "<standard(@bools)>")

    def test_mistakes_of_steps(self) -> None:
        for make, message in (
            (lambda: bh.impute("x", "mean", indicate=True), 'bh.impute has no argument "indicate"'),
            (lambda: bh.impute("x"), "bh.impute needs strategy"),
            (lambda: bh.standard(5), "columns of bh.standard takes a column, a glob, a selector"),
            (lambda: bh.standard(["x", 5]), "columns of bh.standard takes a column, a glob, a selector"),
            (lambda: bh.clip("x", float("nan")), "lower of bh.clip takes a constant"),
        ):
            with self.assertRaises(bh.DefinitionError) as caught:
                make()
            self.assertIn(message, str(caught.exception))


class Mistakes(unittest.TestCase):
    def test_a_mistake_raises_with_its_place(self) -> None:
        with self.assertRaises(bh.DefinitionError) as caught:
            bh.EventSource("e", time="ts", orderby="x")
        line = inspect.currentframe().f_lineno - 1
        text = str(caught.exception)
        self.assertIn(f"test_definitions.py:{line}:44: error: bh.EventSource has no argument \"orderby\"", text)
        self.assertIn('did you mean "order_by"?', text)
        self.assertEqual(text.splitlines()[2].index("^") - text.splitlines()[1].index("orderby"), 0)
        self.assertEqual(text.count("^"), len("orderby"))

    def test_a_helpers_mistake_names_the_caller(self) -> None:
        def helper() -> object:
            return bh.sum(5)

        with self.assertRaises(bh.DefinitionError) as caught:
            helper()
        self.assertIn(f"called from", str(caught.exception))
        self.assertIn("error: input of bh.sum takes a column or SQL, not int 5", str(caught.exception))

    def test_names_that_are_not_there(self) -> None:
        with self.assertRaisesRegex(AttributeError, 'did you mean "avg"'):
            bh.avgg
        with self.assertRaisesRegex(AttributeError, 'did you mean "Model"'):
            bh.Modle

    def test_ipython_prints_the_report_alone(self) -> None:
        self.assertEqual(bh.DefinitionError("a\nb")._render_traceback_(), ["a", "b"])


class Documents(unittest.TestCase):
    def test_one_object_brings_what_it_refers_to(self) -> None:
        e, g, v, t = example()
        doc = _record.closure(t)
        self.assertEqual([len(doc[k]) for k in ("sources", "groups", "views", "training_sets")], [1, 1, 1, 1])
        self.assertEqual(doc["training_sets"][0]["labels"][1]["within"]["source"]["index"], 0)
        self.assertEqual([len(_record.closure(g)[k]) for k in ("sources", "groups", "views")], [1, 1, 0])
        again = _record.closure(bh.FeatureGroup("h", source=e.again("f", time="u"), keys=["k"], features=[]))
        self.assertEqual([s["name"]["text"] for s in again["sources"]], ["e", "f"])
        self.assertEqual(again["sources"][1]["again"]["index"], 0)
        json.loads(_record.dumps(doc))

    def test_a_cell_carries_its_text(self) -> None:
        name = "<ipython-input-3-0123456789ab>"
        text = 'import bighead as bh\ncell = bh.EventSource("cell", time="ts")\n'
        linecache.cache[name] = (len(text), None, text.splitlines(True), name)
        names: dict = {}
        exec(compile(text, name, "exec"), names)
        doc = _record.closure(names["cell"])
        self.assertEqual(doc["sources"][0]["at"], "cell:2:8-2:22")
        self.assertIn({"path": "cell", "text": text}, doc["files"])

    def test_defaults_are_the_binarys_to_know(self) -> None:
        for cls in (bh.EventSource, bh.EntitySource):
            parameters = inspect.signature(cls).parameters
            given = {n: p.default for n, p in parameters.items() if p.default is not p.empty}
            extra = {"keys": ["k"]} if cls is bh.EntitySource else {}
            fields = cls("e", **{"time": "ts", **given, **extra, **({"time": "ts"})})._fields
            self.assertEqual(set(fields) - {"keys", "via"}, {"at", "kind", "name", "time"})
        record = bh.sum("x", by_max=1000, offset="0s", tumbling=False, default=None)._record
        self.assertEqual(set(record) - {"via"}, {"at", "aggregation", "input"})


class Package(unittest.TestCase):
    def test_the_standard_library_is_enough(self) -> None:
        code = f"import sys; sys.path.insert(0, {str(HERE.parents[1])!r}); import bighead; bighead.Project; import bighead._recorder; print(*sorted({{m.partition('.')[0] for m in sys.modules}} - sys.stdlib_module_names))"
        out = subprocess.run([sys.executable, "-I", "-S", "-B", "-c", code], capture_output=True, text=True, check=True)
        self.assertEqual(set(out.stdout.split()) - {"__main__"}, {"bighead"})

    def test_examples_run(self) -> None:
        ran = 0
        for module in pkgutil.iter_modules(bh.__path__):
            loaded = importlib.import_module(f"bighead.{module.name}")
            result = doctest.testmod(loaded, optionflags=doctest.NORMALIZE_WHITESPACE)
            self.assertEqual(result.failed, 0, module.name)
            ran += result.attempted
        self.assertGreater(ran, 20)

    def test_everything_public_is_documented(self) -> None:
        for name in bh.__all__:
            one = getattr(bh, name)
            if inspect.isclass(one) or inspect.isfunction(one):
                self.assertTrue(inspect.getdoc(one), name)
                for parameter in inspect.signature(one).parameters.values() if inspect.isfunction(one) else ():
                    self.assertIn(parameter.name, inspect.getdoc(one), name)

    def test_signatures_are_the_users(self) -> None:
        self.assertEqual(next(iter(inspect.signature(bh.avg).parameters)), "input")
        self.assertEqual(next(iter(inspect.signature(bh.FeatureGroup).parameters)), "name")
        self.assertNotIn("call", inspect.signature(bh.FeatureGroup.on).parameters)


if __name__ == "__main__":
    unittest.main()
