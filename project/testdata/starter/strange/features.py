"""Features of it's \"Class\"\\ .csv. Guesses are marked with what speaks for them: correct what is wrong, then run bighead check."""

import bighead as bh

class_ = bh.EventSource(
    "class",
    path="../it's \"Class\"\\\n.csv",
    time="to_timestamp(\"Event Time\", 'ms')",  # guessed: an integer that is called so, and in ms since 1970 goes from 2024-01-01T00:00:00Z to 2024-01-01T00:00:19Z
    # id=…: no column is different in every row, so copies of a row count twice
)

by_user_s_name = bh.FeatureGroup(
    "by_user_s_name",
    source=class_,
    keys=["user's \"name\""],  # guessed: int, 3 different ones in 20 rows, none null; or a b
    features=[
        bh.count(windows=["1d", "7d"]),
        bh.avg("\"x y\"", windows=["1d", "7d"], name="x_y_avg"),
        bh.avg("\"x-y\"", windows=["1d", "7d"], name="x_y_avg_"),
        bh.avg("\"sélect\n\"", windows=["1d", "7d"], name="s_lect_avg"),
        bh.time_since_last(),
    ],
)

class_view = bh.FeatureView("class", groups=[by_user_s_name])

# Training rows: one for each row of the source, as of its own time. Add what is to be predicted as labels={…}.
class_rows = bh.TrainingSet(
    "class",
    view=class_view,
    spine=bh.Spine(class_, at="to_timestamp(\"Event Time\", 'ms')", where="\"Event Time\" is not null"),
)
