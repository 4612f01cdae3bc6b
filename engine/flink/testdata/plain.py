e = bh.EventSource("e", topic="clicks", columns={"user": bh.Int, "day": bh.Date, "at": bh.Timestamp}, time="at", time_unit="s")
g = bh.FeatureGroup("clicks", source=e, keys=["user", "day"], features=[bh.count(windows=["1h"])])
