e = bh.EventSource("e", topic="records", columns={"id": bh.String, "k": bh.String, "b": bh.Bool, "n": bh.Int, "x": bh.Float, "s": bh.String, "y": bh.Bytes, "t": bh.Timestamp, "d": bh.Date,
                   "l": bh.List(bh.Int), "q": bh.List(bh.String), "unread": bh.List(bh.List(bh.Float)), "ts": bh.Timestamp}, time="ts", id="id", where="k is not null", time_unit="s", lateness="36500d")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[
    bh.count(windows=["1d"]),
    bh.last("b", windows=["1d"]),
    bh.last("n", windows=["1d"]),
    bh.last("x", windows=["1d"]),
    bh.last("s", windows=["1d"]),
    bh.last("y", windows=["1d"]),
    bh.last("t", windows=["1d"]),
    bh.last("d", windows=["1d"]),
    bh.last("l[1]", windows=["1d"], name="first_l"),
    bh.last("l[2]", windows=["1d"], name="second_l"),
    bh.sum("size(l)", windows=["1d"], name="size_l"),
    bh.last("q[1]", windows=["1d"], name="first_q"),
    bh.sum("size(q)", windows=["1d"], name="size_q"),
])
