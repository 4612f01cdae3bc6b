import bighead as bh

e = bh.EventSource("e", time="ts")
g = bh.FeatureGroup("g", source=e, keys=["k"], features=[
    bh.sum('single'),
    bh.sum("an \"escape\" and \t tab"),
    bh.sum(r"raw \d"),
    bh.sum("kept \d"),
    bh.sum("in " "two" ' pieces'),
    bh.sum("over "
           "lines"  # with a comment
           r" and \raw"),
    bh.sum("""first
    second"""),
    bh.sum("""joined \
here"""),
    bh.sum("é" "\u00e9" "\N{BULLET}" "𝄞" "x"),
    bh.sum(("in parentheses")),
    bh.sum(f"formatted {1}"),
    bh.sum("added " + "up"),
    bh.sum(""),
    bh.sum(u"prefixed", name="\x61\141"),
])
