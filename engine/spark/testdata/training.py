e = bh.EventSource("e", columns={"user": bh.String, "x": bh.Int, "late": bh.Bool}, time="ts", delay="3h")
s = bh.EventSource("s", columns={"n": bh.Int, "user": bh.String, "ask": bh.Timestamp, "y": bh.Float}, time="ask")
g = bh.FeatureGroup("g", source=e, keys=["user"], features=[bh.sum("x", windows=["1d"]), bh.max("x", windows=["1d"])])
v = bh.FeatureView("v", groups=[g], required_value=["g__x_max_1d"])
t = bh.TrainingSet("t", view=v, spine=bh.Spine(s, at="ask", keep=["n"], where="y >= 0", sample=0.25, sample_by="user"), start="2024-01-01", end="2024-02-01",
                   label_time="ask + interval '1 day'", weight="y + 1", labels={"soon": bh.count(source=e, keys=["user"], within="1h", where="late"), "y": "y"})
