"""Makes sklearn.json: what scikit-learn and numpy make of rows, for TestAgreesWithScikitLearn.

    pip install scikit-learn==1.9.1 numpy==2.4.6
    python make_sklearn.py > sklearn.json

A case says the step, and the columns that come out, for the rows of "apply" after fitting to those of "train". A tolerance of 0 means to
the bit. Where "fitted" stands, it is scikit-learn's own constants, with which the answers must be the same to the bit.
"""

import json
import sys
import warnings

import numpy as np
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, OneHotEncoder, OrdinalEncoder, RobustScaler, StandardScaler, TargetEncoder

warnings.simplefilter("ignore")
rng = np.random.default_rng(7)
WORDS = "late on time delayed gate b_12 wind snow ground stop crew 42 naïve straße Ёлка x 東京 ﬁn".split()


def rows(n, unseen):
    x = rng.normal(3.0, 10.0, n)
    y = np.round(rng.lognormal(0.0, 2.0, n), 2)
    x[rng.random(n) < 0.15] = np.nan
    y[rng.random(n) < 0.1] = np.nan
    k = [None if r < 0.1 else int(v) for r, v in zip(rng.random(n), rng.integers(-50, 1000, n))]
    names = ["UA", "AA", "é", "Z", "a", "", "日本"] + unseen
    c = [None if r < 0.1 else names[i] for r, i in zip(rng.random(n), rng.integers(0, len(names), n))]
    b = [bool(v) for v in rng.integers(0, 2, n)]
    s = [" ".join(rng.choice(WORDS, rng.integers(0, 8))) + ("!" if v else "-UP") for v in rng.integers(0, 2, n)]
    label = rng.integers(0, 2, n)
    amount = np.round(rng.normal(100, 30, n), 3)
    return dict(x=x, y=y, k=k, c=c, b=b, s=s, label=label, amount=amount)


train, apply = rows(240, []), rows(80, ["new", "DL"])
apply["c"][:3] = ["eD40Aa"] * 3  # MurmurHash3 of "c=eD40Aa" is the least int of 32 bits, whose absolute value is none
TYPES = dict(x="float", y="float", k="int", c="string", b="bool", s="string", label="int", amount="float")
cases = []


def plain(v):
    if v is None or isinstance(v, float) and v != v or isinstance(v, np.floating) and np.isnan(v):
        return None
    return v.item() if isinstance(v, np.generic) else v


def number(data, name):
    return np.array([np.nan if v is None else v for v in data[name]], dtype=float).reshape(-1, 1)


def texts(data, name):
    return np.array(data[name], dtype=object).reshape(-1, 1)


def case(kind, columns, out, args=None, tolerance=0, names=None, target=None, fitted=None):
    out = out.toarray() if hasattr(out, "toarray") else np.asarray(out)
    want = [[plain(v) for v in column] for column in out.reshape(len(apply["x"]), -1).T]
    one = dict(kind=kind, columns=columns, args=args or {}, tolerance=tolerance, want=want)
    one.update({k: v for k, v in dict(names=names, target=target, fitted=fitted).items() if v is not None})
    cases.append(one)


for col in ("x", "y", "k"):
    t, a = number(train, col), number(apply, col)
    m = StandardScaler().fit(t)
    case("standard", [col], m.transform(a), tolerance=1e-12, fitted=dict(center=m.mean_[0], scale=m.scale_[0]))
    case("standard", [col], StandardScaler(with_mean=False).fit(t).transform(a), dict(mean=False), tolerance=1e-12)
    m = MinMaxScaler().fit(t)
    case("min_max", [col], m.transform(a), fitted=dict(scale=m.scale_[0], offset=m.min_[0]))
    case("min_max", [col], MinMaxScaler((-1, 2)).fit(t).transform(a), dict(lower=-1.0, upper=2.0))
    m = RobustScaler().fit(t)
    case("robust", [col], m.transform(a), fitted=dict(center=m.center_[0], scale=m.scale_[0]))
    case("robust", [col], RobustScaler(quantile_range=(10.0, 80.0)).fit(t).transform(a), dict(lower=0.1, upper=0.8))
    for strategy in ("mean", "median"):
        case("impute", [col], SimpleImputer(strategy=strategy).fit(t).transform(a), dict(strategy=strategy), tolerance=1e-12 if strategy == "mean" else 0)
    case("impute", [col], SimpleImputer(strategy="most_frequent").fit(t).transform(a), dict(strategy="most_frequent"))
    bins = KBinsDiscretizer(7, encode="ordinal", strategy="quantile", quantile_method="linear", subsample=None)
    there = ~np.isnan(a).ravel()
    out = np.full(len(a), np.nan)
    out[there] = bins.fit(t[~np.isnan(t)].reshape(-1, 1)).transform(a[there]).ravel()
    case("bucketize", [col], out, dict(quantiles=7), fitted=dict(edges=list(bins.bin_edges_[0][1:-1])))
    case("clip", [col], np.clip(a, *np.nanquantile(t, [0.05, 0.9])), dict(quantiles=[0.05, 0.9]))
    with np.errstate(all="ignore"):
        logs = np.log1p(a)
    logs[~np.isfinite(logs)] = np.nan
    case("log1p", [col], logs, tolerance=3e-16)
    case("cyclic", [col], np.hstack([np.sin(2 * np.pi * a / 24), np.cos(2 * np.pi * a / 24)]), dict(period=24), tolerance=1e-13)

for col in ("c", "b"):
    t, a = texts(train, col), texts(apply, col)
    m = OneHotEncoder(handle_unknown="ignore").fit(t)
    case("one_hot", [col], m.transform(a).astype(bool), dict(missing="column" if col == "c" else "zeros"),
         names=[n.replace("_None", "_null").replace("_True", "_true").replace("_False", "_false") for n in m.get_feature_names_out([col])])
    m = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2)
    missing = np.vectorize(lambda v: np.nan if v is None else v, otypes=[object])  # of None it makes a category like others
    case("ordinal", [col], m.fit(missing(t)).transform(missing(a)), dict(unknown=-1, missing=-2))
    for target, kind in (("label", "binary"), ("amount", "continuous")):
        for smooth in ("auto", 10.0):
            m = TargetEncoder(target_type=kind, smooth=smooth).fit(t, train[target])
            case("target_encode", [col], m.transform(a), dict(smoothing=smooth) if smooth != "auto" else {}, tolerance=1e-12, target=target)

case("impute", ["c"], SimpleImputer(strategy="most_frequent", missing_values=None).fit(texts(train, "c")).transform(texts(apply, "c")), dict(strategy="most_frequent"))

dicts = [{n: v for n, v in (("c", c), ("x", x), ("b", b), ("k", k)) if v is not None and v == v} for c, x, b, k in zip(*(apply[n] for n in "cxbk"))]
case("hashing", ["c", "x", "b", "k"], FeatureHasher(16).transform(dicts), dict(n=16))
case("hashing", ["c", "k"], FeatureHasher(5, alternate_sign=False).transform([{n: v for n, v in d.items() if n in "ck"} for d in dicts]), dict(n=5, signed=False))

m = CountVectorizer().fit(train["s"])
case("bag_of_words", ["s"], m.transform(apply["s"]), names=[f"s_{w}" for w in m.get_feature_names_out()])
m = CountVectorizer(min_df=60).fit(train["s"])
case("bag_of_words", ["s"], m.transform(apply["s"]), dict(min_count=60), names=[f"s_{w}" for w in m.get_feature_names_out()])
m = TfidfVectorizer().fit(train["s"])
case("tf_idf", ["s"], m.transform(apply["s"]), tolerance=1e-15, names=[f"s_{w}" for w in m.get_feature_names_out()],
     fitted=dict(words=list(m.get_feature_names_out()), weights=list(m.idf_)))

document = dict(
    types=TYPES,
    train={n: [plain(v) for v in col] for n, col in train.items()},
    apply={n: [plain(v) for v in col] for n, col in apply.items()},
    cases=cases,
)
json.dump(document, sys.stdout, ensure_ascii=False, separators=(",", ":"))
sys.stdout.write("\n")
