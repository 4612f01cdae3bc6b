import bighead as bh
import functools
from shared import both, share

# Positions of é count letters: é é é
events = bh.EventSource("événements", time="ts"); WINDOWS = ["1h", "1d"]

groups = [
    bh.FeatureGroup(
        f"g_{key}", source=events, keys=[key],
        features=both("dep_delay", WINDOWS) + [bh.sum(c, windows=[w]) for c in ("a", "b") for w in WINDOWS],
    )
    for key in ("carrier", "origin")
]
lone = bh.FeatureGroup(name="lone", source=events, keys=[*("a",), "b"], features=[
    (lambda c: bh.max(c))("x"), *map(bh.min, ["y", "z"]), functools.partial(bh.last, name="n")("v"),
    share("dep_delay", "é"), bh.sum("a"), bh.sum("b"), getattr(bh, "avg")("c"),
])


class Team:
    views = bh.FeatureView("team", groups=groups, derive=dict(a="1", b="2"))
