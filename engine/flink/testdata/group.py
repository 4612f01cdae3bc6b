e = bh.EventSource("e", topic="orders", columns={"id": bh.String, "k": bh.String, "x": bh.Float, "n": bh.Int, "s": bh.String, "seq": bh.Int, "ts": bh.Timestamp}, time="ts", id="id", order_by="seq", time_unit="ms",
                   where="n is null or n >= -1000", lateness="2d")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[
    bh.count(windows=["7d", "1d"]),
    bh.sum("n", windows=["7d"], where="s <> 'b'"),
    bh.min("s", windows=["1d"]),
    bh.max("x", windows=["1d"]),
    bh.stddev("x", windows=["1d"]),
    bh.last("s", windows=["1d"]),
    bh.last_k("n", k=3, windows=["1d"]),
    bh.top_k("x", k=4, windows=["1d"]),
    bh.count_distinct("n", windows=["1d"], max=5),
    bh.sum("n", windows=["1d"], by="s", by_max=10, name="n_by_s"),
    bh.first_k("n", k=2, windows=["1d"], by="s", by_max=2, name="first_by_s"),
    bh.approx_quantile("x", q=0.5, windows=["1d"], default=0.0),
    bh.approx_count_distinct("n", windows=["1d"]),
    bh.histogram("s", k=3, windows=["1d"]),
    bh.time_since_last(windows=["1d"]),
])
