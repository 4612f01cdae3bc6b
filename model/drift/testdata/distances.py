"""Makes distances.json: what scipy answers for distances between distributions, and for the tail of the chi-square.

Run it where scipy is installed: python distances.py > distances.json
"""

import json

import numpy as np
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2, chi2_contingency, entropy, wasserstein_distance

rng = np.random.default_rng(11)
shares, samples, tails, tables = [], [], [], []
for bins in (2, 3, 10, 40):
    for _ in range(3):
        p, q = rng.dirichlet(np.ones(bins)), rng.dirichlet(np.ones(bins))
        shares.append({"p": p.tolist(), "q": q.tolist(), "psi": entropy(p, q) + entropy(q, p), "jensen_shannon": jensenshannon(p, q)})
shares.append({"p": [1.0, 0.0], "q": [0.0, 1.0], "psi": None, "jensen_shannon": jensenshannon([1, 0], [0, 1])})
for n, m in ((1, 1), (7, 7), (30, 11), (60, 90)):
    for scale in (0.01, 1, 1e6):
        a, b = rng.normal(size=n) * scale, rng.normal(0.3, 2, size=m) * scale
        samples.append({"a": a.tolist(), "b": b.tolist(), "wasserstein": wasserstein_distance(a, b)})
a, b = rng.integers(0, 4, size=50).astype(float), rng.integers(2, 6, size=31).astype(float)
samples.append({"a": a.tolist(), "b": b.tolist(), "wasserstein": wasserstein_distance(a, b)})
for degrees in (1, 2, 3, 9, 10, 101, 1000):
    for chance in (0.5, 0.05, 1e-3, 1e-5, 4e-6):
        tails.append({"degrees": degrees, "chance": chance, "exceeded": chi2.isf(chance, degrees)})
for bins in (2, 5, 12):
    a, b = rng.integers(1, 50, size=bins), rng.integers(0, 500, size=bins)
    tables.append({"a": a.tolist(), "b": b.tolist(), "chi_square": chi2_contingency([a, b], correction=False).statistic})
print(json.dumps({"shares": shares, "samples": samples, "tails": tails, "tables": tables}))
