e = bh.EventSource("e", columns={"id": bh.Int, "k": bh.String, "x": bh.Float, "n": bh.Int, "s": bh.String, "seq": bh.Int}, time="ts", id="id", order_by="seq",
                   where="n is null or n >= 0", delay="2h")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[
    bh.count(windows=["7d", "1d"]),
    bh.avg("x", windows=["7d"]),
    bh.sum("n", windows=["7d"], where="s = 'a'"),
    bh.last("s"),
    bh.time_since_last(windows=["1d"], resolution="exact"),
    bh.last_k("n", k=3, windows=["30d"], tumbling=True),
    bh.sum("n", windows=["7d"], by="s", by_max=10, name="n_by_s"),
    bh.approx_quantile("x", q=0.5, windows=["7d"], default=0.0),
])
