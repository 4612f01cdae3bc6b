e = bh.EventSource("e", columns={"k": bh.Int, "x": bh.Float, "s": bh.String, "seen": bh.Timestamp}, time="ts", known_at="seen + interval '1 hour'")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[
    bh.histogram("s", k=3, windows=["7d"]),
    bh.approx_count_distinct("s", windows=["7d"], lg_k=8),
    bh.kurtosis("x", windows=["7d"]),
])
