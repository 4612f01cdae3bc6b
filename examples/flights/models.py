"""The model of the flights example: will this flight leave 15 minutes late or more?"""

import bighead as bh

from features import late


def train(data, params):
    """Learn from the training rows, stop where the validation rows say so."""
    import lightgbm  # of the model's environment, not of the Python that records definitions

    fitted = lightgbm.Dataset(data.train.x, data.train.y, weight=data.train.weight, categorical_feature=data.categorical)
    held_out = lightgbm.Dataset(data.valid.x, data.valid.y, weight=data.valid.weight, reference=fitted)
    return lightgbm.train(
        {"objective": "binary", "metric": "auc", "seed": data.seed, "deterministic": True, "num_threads": 1, "verbose": -1, **params},
        fitted,
        num_boost_round=400,
        valid_sets=[held_out],
        callbacks=[lightgbm.early_stopping(25, verbose=False)],
    )


delay = bh.Model(
    "delay",
    training_set=late,
    pipeline=bh.Pipeline(
        [
            bh.drop(["airport__dep_delay_avg_1d_by_carrier", "sched_dep"]),  # a map; and hour and weekday say what its time does
            bh.ordinal(bh.strings),  # codes of categories, which trees take as such
        ]
    ),
    train=train,
    task="binary",
    split=bh.TimeSplit(valid="2013-09-01", test="2013-11-01"),
    environment=bh.Environment(["lightgbm==4.7.0", "pandas==3.1.1", "pyarrow==26.0.1"], python="3.11"),
    metrics=["auc", "log_loss", "brier"],
    gate="auc > 0.6 and auc >= champion.auc - 0.005",
    params={"num_leaves": 31, "learning_rate": 0.05, "min_data_in_leaf": 100},
    seed=1,
    owner="ops-ml",
    description="The chance that a flight leaves 15 minutes late or more, as of two hours before it should.",
)

late_departure = bh.Endpoint(
    "late_departure",
    model=delay,
    traffic={"champion": 100},
    fallback=0.2,  # the share of late flights, where no version can answer
    owner="ops-ml",
)
