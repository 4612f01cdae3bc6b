import bighead as bh
import lightgbm.sklearn
from sklearn import svm

def share(of, **more):
    return bh.avg(of, name="share",
                  **more)


e = bh.EventSource("e", pth="x", time="ts", delay=5)
f = bh.EventSource("f")
bh.EventSource()
bh.EventSource("a", "b", "c", time="ts")
bh.EntitySource("n", keys="k")
bh.EventSource("p", time="ts", path=3, topic=4, columns={"x": int, "y": "int", 3: bh.Int}, pii={"x"})
g = bh.FeatureGroup(
    "g", source="e", keys=["a", 5],
    features=[
        bh.avgg("x"),
        bh.avg("x", window=["1h"]),
        bh.avg(), bh.avg(7), bh.last_k("x"), bh.last_k("x", k="3"), bh.last_k("x", k=True), bh.last_k("x", k=1 << 70),
        bh.approx_quantile("x", q="half"), bh.approx_quantile("x", q=float("nan")),
        share("x", windows="1d"), "bh.avg('x')", e, None,
        bh.sum("x", default=float("inf")), bh.sum("x", default=object), bh.sum("x", tumbling=1), bh.sum("x", source="e", within=7),
        bh.latest(), bh.sum("\ud800"), bh.count(unknown=svm.SVC()),
    ],
)
for i in range(3):
    bh.sum(i)
v = bh.FeatureView("v", groups=g, derive={"a": "1", "b": "2", "a": "3", "c": 4}, request={"x": str, "y": bh.List(int), "z": bh.optional("int")})
bh.FeatureView("w", groups=["g", g.prefix(1), g.on(k=2), v])
bh.TrainingSet("t", view="v", spine="s", labels=["a"], start=2024)
bh.TrainingSet("u", view=v, spine=bh.Spine(5, at="ts"), labels={"a": 1})
bh.FeatureGroup("h", source=e, features=bh.sum("x"))
m = bh.Model("m", training_set=v, pipeline=bh.Pipeline([bh.impute(bh.numeric, "median")]))
raise ValueError("the end\nof it")
