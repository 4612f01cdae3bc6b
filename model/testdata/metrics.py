"""Makes metrics.json: what scikit-learn 1.9.1 and scipy answer for labels and answers with ties, certainties and one-sided rows.

Run it where both are installed: python metrics.py > metrics.json
"""

import json

import numpy as np
from scipy.stats import spearmanr
from sklearn import metrics as m

rng = np.random.default_rng(7)
cases = []


def binary(name, y, p):
    cases.append(
        {
            "name": name,
            "task": "binary",
            "width": 1,
            "labels": y.tolist(),
            "answers": p.tolist(),
            "want": {
                "auc": m.roc_auc_score(y, p),
                "average_precision": m.average_precision_score(y, p),
                "log_loss": m.log_loss(y, p),
                "brier": m.brier_score_loss(y, p),
                "accuracy": m.accuracy_score(y, p > 0.5),
            },
        }
    )


y = (rng.random(200) < 0.3).astype(float)
binary("plain", y, np.clip(0.3 * y + 0.7 * rng.random(200), 0, 1))
binary("ties", y, np.round(0.3 * y + 0.6 * rng.random(200), 1))
binary("all the same", y, np.full(200, 0.25))
binary("perfect", y, y * 0.9 + 0.05)
binary("certain and wrong", y, np.where(rng.random(200) < 0.05, 1 - y, y))
binary("two rows", np.array([0.0, 1.0]), np.array([0.5, 0.5]))

k = rng.integers(0, 4, 150)
p = rng.dirichlet(np.ones(4), 150) + 0.5 * np.eye(4)[k]
p /= p.sum(axis=1, keepdims=True)
cases.append(
    {
        "name": "four classes",
        "task": "multiclass",
        "width": 4,
        "labels": k.astype(float).tolist(),
        "answers": p.ravel().tolist(),
        "want": {"log_loss": m.log_loss(k, p, labels=range(4)), "accuracy": m.accuracy_score(k, p.argmax(axis=1))},
    }
)

v = rng.normal(10, 3, 120)
x = v + rng.normal(0, 1, 120)
cases.append(
    {
        "name": "values",
        "task": "regression",
        "width": 1,
        "labels": v.tolist(),
        "answers": x.tolist(),
        "want": {"rmse": m.root_mean_squared_error(v, x), "mae": m.mean_absolute_error(v, x), "r2": m.r2_score(v, x)},
    }
)
g, s = rng.integers(0, 5, 90).astype(float), np.round(rng.normal(size=90), 1)
cases.append({"name": "relevance", "task": "ranking", "width": 1, "labels": g.tolist(), "answers": s.tolist(), "want": {"spearman": float(spearmanr(g, s).statistic)}})
print(json.dumps(cases))
