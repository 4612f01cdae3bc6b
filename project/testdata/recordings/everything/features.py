"""Every argument of every definition, each unlike its default."""

import datetime
import pathlib

import bighead as bh

about = dict(owner="o", description="d", tags=["t1", "t2"])

e = bh.EventSource(
    "e",
    path=pathlib.PurePosixPath("a/b.parquet"),
    columns={"x": bh.Int, "l": bh.List(bh.String), "m": bh.Map(bh.List(bh.Float)), "s": bh.Struct({"a": bh.Bool, "b c": bh.Date, 'q"': bh.Bytes})},
    topic=bh.Topic("t", select={"x": "payload.x"}, time_unit="us"),
    format="ndjson",
    time="ts",
    time_unit="s",
    id="uid",
    where="x > 0",
    order_by=["x", "uid desc"],
    known_at="loaded",
    delay="5m",
    lateness="2d",
    pii=["x"],
    **about,
)
table = bh.EventSource("table", table=bh.Table("hive:db.t", select={"x": "y"}, time_unit="ns"), time="ts")
plain = bh.EventSource("plain", table="hive:db.p", topic="p", time="ts", order_by="seq")
again = e.again(
    "again", time="ts2", topic="t2", time_unit="ms", id="uid2", where="x > 1", order_by=["z"], known_at="k2", delay="1s", lateness="3d", owner="o2"
)
twice = again.again("twice")
n = bh.EntitySource(
    "n",
    table="hive:db.n",
    columns={"k": bh.Int},
    keys=["k"],
    time="since",
    time_unit="ms",
    topic="changes",
    format="csv",
    where="k > 0",
    deleted="gone",
    snapshot="ds",
    order_by="v",
    known_at="loaded",
    delay="1h",
    lateness="7d",
    pii=["k"],
    **about,
)

every = dict(windows=["7d"], where="x > 1", by="c", by_max=10, default=1, fallback=2, resolution="1h", offset="1d", refresh="daily", tumbling=True, origin="1970-01-05T00:00:00Z", description="d")
g = bh.FeatureGroup(
    "g",
    source=e,
    keys=["k", "j"],
    features=[
        bh.count(),
        bh.count("x", name="n"),
        bh.sum("x * 2", windows=["1h", "1d"], name="double", where="x > 1", by="c", by_max=10, default=0, fallback=-1, description="twice x"),
        bh.avg("x", windows=["7d"], resolution="5m", offset="1h", refresh="daily"),
        bh.min("x", windows=["7d"], tumbling=True, origin=datetime.datetime(1970, 1, 5, tzinfo=datetime.timezone.utc)),
        bh.max("x", default=1.0),
        bh.variance("x", sample=True),
        bh.stddev("x", sample=True),
        bh.skewness("x"),
        bh.kurtosis("x"),
        bh.first("x", default=datetime.datetime(2024, 1, 31, 6)),
        bh.last("x", default="a", fallback=b"\x00\xff"),
        bh.first_row("x", default=datetime.date(2024, 1, 31)),
        bh.last_row("x", default=False),
        bh.first_k("x", k=2, default=[1, None, "a"]),
        bh.last_k("x", k=2),
        bh.top_k("x", k=2),
        bh.bottom_k("x", k=2),
        bh.distinct_k("x", k=2),
        bh.count_distinct("x", max=10),
        bh.approx_count_distinct("x", lg_k=16),
        bh.approx_quantile("x", q=0.5, accuracy=0.05),
        bh.approx_quantile("x", q=1, name="greatest"),
        bh.histogram("c", k=3, default={"a": 1, "b": [2.5]}),
        bh.time_since_last(),
        bh.time_since_first("x"),
        bh.sum("x", windows=[]),
        [bh.sum("y"), (bh.sum("z"),)][0],
        [bh.sum("y"), bh.sum("z")],
        bh.avg("w", **every),
    ],
    flush="1s",
    max_staleness="5s",
    deadline="20ms",
    **about,
)
h = bh.FeatureGroup("h", source=n, features=[bh.latest("a", "b"), bh.latest("c", default=3), bh.latest("d", "e", fallback=0)])
v = bh.FeatureView(
    "v",
    groups=[g, g.prefix("p"), g.on(k="kk", j="jj"), g.prefix("q").on(k="kk").on(j="jj"), h.on(**{"k": "other key"}).prefix("r")],
    request={"f": bh.optional(bh.Float), "when": bh.Timestamp},
    derive={"twice": "f * 2", "thrice": "f * 3"},
    required=["g__n", "p__n"],
    required_value=["q__n"],
    **about,
)
t = bh.TrainingSet(
    "t",
    view=v.select(["g__n", "twice"]),
    spine=bh.Spine(e, at="ts", where="k > 1", columns={"k": "kk + 1"}, keep=["x"], sample=0.5, sample_by="k"),
    labels={"sql": "x > 1", "later": bh.count(source=e, keys=["k"], within="7d", where="x > 2"), "most": bh.max("x", source=again, keys=["k"], within="1d")},
    label_time="ts",
    unlabelled="keep",
    weight="x",
    start=datetime.date(2024, 1, 1),
    end="2024-02-01T00:00:00Z",
    features=["twice"],
    **about,
)
u = bh.TrainingSet("u", view=v, spine=bh.Spine("hive:db.s", at="ts"), labels={"a": "b"})
w = bh.TrainingSet("w", view=v, spine=bh.Spine(bh.Table("hive:db.s", select={"x": "y"}), at="ts"), labels={"a": "b"})


def fit(data, params):
    return None


m = bh.Model(
    "m",
    training_set=t,
    pipeline=bh.Pipeline([bh.impute(bh.numeric, "constant", value=0.5), bh.drop(["a__*", "d"])]),
    train=fit,
    as_="arrow",
    task="regression",
    label="most",
    split=bh.TimeSplit(valid="2024-01-01", test=datetime.date(2024, 2, 1), end="2024-03-01T00:00:00Z"),
    environment=bh.Environment(["lightgbm==4.7.0"], python="3.11"),
    metrics=["rmse"],
    gate="rmse < champion.rmse",
    params={"n": 3, "rate": 1.0, "deep": {"list": [None, True, "x"]}},
    seed=7,
    pickle=True,
    owner="me",
    description="What it is.",
    tags=["x"],
)
bh.Endpoint(
    "e", model=m, traffic={"champion": 90, "3": 10}, shadow="next", fallback=1, degraded_when="share_defaulted > 0.5", deadline="20ms",
    sticky="k", max_batch=64, max_delay="2ms", owner="me", description="What it is for.", tags=["y"],
    labels=bh.LabelSource(e, on={"k": "kk + 1", "r": "x"}, value="x > 1", at="ts", where="x is not null", take="last"),
)
bh.Endpoint("by_name", model=m, labels=bh.LabelSource("iceberg:db.truth", on=["k"], value="y", at="known"))
bh.Endpoint("as_trained", model=m, labels="training")
bh.Endpoint("by_id", model=m, labels=bh.LabelSource("truth/*.csv", value="y", at="known"))
