"""Features of purchases.parquet. Guesses are marked with what speaks for them: correct what is wrong, then run bighead check."""

import bighead as bh

purchases = bh.EventSource(
    "purchases",
    path="data/purchases.parquet",
    time="ts",  # guessed: a timestamp, none null, from 2024-01-01T00:00:00Z to 2024-01-01T00:00:19Z
    id="event_id",  # guessed: never null and different in each of 20 rows
    order_by="event_id",  # decides between events of one millisecond
)

by_user = bh.FeatureGroup(
    "by_user",
    source=purchases,
    keys=["user"],  # guessed: string, 3 different ones in 20 rows, none null
    features=[
        bh.count(windows=["1d", "7d"]),
        bh.avg("amount", windows=["1d", "7d"]),
        bh.time_since_last(),
    ],
)

purchases_view = bh.FeatureView("purchases", groups=[by_user])

# Training rows: one for each row of the source, as of its own time. Add what is to be predicted as labels={…}.
purchases_rows = bh.TrainingSet(
    "purchases",
    view=purchases_view,
    spine=bh.Spine(purchases, at="ts"),
)
