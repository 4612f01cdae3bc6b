"""The steps of a pipeline.

This file is generated from the table of package transform: go test ./project -run Steps -update.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from bighead._arguments import Call, recorded
from bighead._step import Columns, Selector, Step, bools, numeric, step, strings, times

__all__ = [
    "Step",
    "Selector",
    "numeric",
    "strings",
    "bools",
    "times",
    "impute",
    "standard",
    "min_max",
    "robust",
    "clip",
    "log1p",
    "bucketize",
    "one_hot",
    "ordinal",
    "hashing",
    "target_encode",
    "count_encode",
    "date_parts",
    "cyclic",
    "cross",
    "bag_of_words",
    "tf_idf",
    "embedding",
    "expand",
    "drop",
    "select",
    "rename",
]


@recorded
def impute(
    call: Call,
    columns: Columns,
    strategy: str,
    *,
    value: Any = None,
    indicator: bool = False,
) -> Step:
    """Fills what is null: with the training rows' ``mean``, ``median`` (of an even number the mean of the
    middle two), or ``most_frequent`` value (of several the least), or with a ``constant``.

    ``mean`` and ``median`` are of numbers and give floats. Equals scikit-learn's ``SimpleImputer``.

    Parameters
    ----------
    columns : str or Selector or list of those
        What it reads: names, globs, selectors such as `numeric`; of type bool, int, float, string, timestamp or date.
    strategy : str
        What is filled in: ``"mean"``, ``"median"``, ``"constant"``, ``"most_frequent"``.
    value : Any, optional
        The constant, of the columns' type.
    indicator : bool, default False
        Whether another column says where it was null.

    Returns
    -------
    Step
        The step, to stand in a pipeline's list.

    Notes
    -----
    Names: as before; the indicator is ``{column}_missing``, a bool.

    Nulls: none is left. A column without any value in the training rows is an error, but for ``constant``.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.impute("x", "mean")
    <impute(x, strategy='mean')>
    """
    return step(call, "impute", locals())


@recorded
def standard(
    call: Call,
    columns: Columns,
    *,
    mean: bool = True,
    deviation: bool = True,
) -> Step:
    """``(x - mean) / deviation``, both of the training rows; the deviation is the population's.

    A column that is the same on all training rows is divided by 1. Equals scikit-learn's ``StandardScaler``, to
    the bit where it is given the same two numbers.

    Parameters
    ----------
    columns : str or Selector or list of those
        What it reads: names, globs, selectors such as `numeric`; of type int or float.
    mean : bool, default True
        Whether the mean is taken off.
    deviation : bool, default True
        Whether it is divided by the standard deviation.

    Returns
    -------
    Step
        The step, to stand in a pipeline's list.

    Notes
    -----
    Names: as before.

    Nulls: a null stays one, and takes no part in fitting.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.standard("x")
    <standard(x)>
    """
    return step(call, "standard", locals())


@recorded
def min_max(
    call: Call,
    columns: Columns,
    *,
    lower: float = 0.0,
    upper: float = 1.0,
) -> Step:
    """``x * scale + offset``, which maps the training rows' least number to ``lower`` and the greatest to
    ``upper``.

    Others are let go beyond; a column that is the same on all training rows goes to ``lower``. Equals
    scikit-learn's ``MinMaxScaler`` to the bit.

    Parameters
    ----------
    columns : str or Selector or list of those
        What it reads: names, globs, selectors such as `numeric`; of type int or float.
    lower : float, default 0.0
        Where the least number goes.
    upper : float, default 1.0
        Where the greatest goes.

    Returns
    -------
    Step
        The step, to stand in a pipeline's list.

    Notes
    -----
    Names: as before.

    Nulls: a null stays one, and takes no part in fitting.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.min_max("x")
    <min_max(x)>
    """
    return step(call, "min_max", locals())


@recorded
def robust(
    call: Call,
    columns: Columns,
    *,
    lower: float = 0.25,
    upper: float = 0.75,
) -> Step:
    """``(x - median) / range``, the range being that between two quantiles of the training rows (by linear
    interpolation, as numpy's), or 1 where they are the same.

    Equals scikit-learn's ``RobustScaler`` to the bit.

    Parameters
    ----------
    columns : str or Selector or list of those
        What it reads: names, globs, selectors such as `numeric`; of type int or float.
    lower : float, default 0.25
        The lower quantile, of [0, 1].
    upper : float, default 0.75
        The upper quantile.

    Returns
    -------
    Step
        The step, to stand in a pipeline's list.

    Notes
    -----
    Names: as before.

    Nulls: a null stays one, and takes no part in fitting.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.robust("x")
    <robust(x)>
    """
    return step(call, "robust", locals())


@recorded
def clip(
    call: Call,
    columns: Columns,
    lower: float | None = None,
    upper: float | None = None,
    *,
    quantiles: Sequence[float] | None = None,
) -> Step:
    """What is below ``lower`` becomes ``lower``, what is above ``upper`` becomes ``upper``.

    With ``quantiles`` the bounds are those of the training rows (by linear interpolation). Gives floats.

    Parameters
    ----------
    columns : str or Selector or list of those
        What it reads: names, globs, selectors such as `numeric`; of type int or float.
    lower : float, optional
        The least number, or none.
    upper : float, optional
        The greatest number, or none.
    quantiles : Sequence[float], optional
        In place of both, two quantiles of [0, 1], ascending.

    Returns
    -------
    Step
        The step, to stand in a pipeline's list.

    Notes
    -----
    Names: as before.

    Nulls: a null stays one, and takes no part in fitting.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.clip("x", 0, 10.5)
    <clip(x, lower=0, upper=10.5)>
    """
    return step(call, "clip", locals())


@recorded
def log1p(
    call: Call,
    columns: Columns,
) -> Step:
    """``ln(1 + x)``, within a unit in the last place of numpy's.

    Parameters
    ----------
    columns : str or Selector or list of those
        What it reads: names, globs, selectors such as `numeric`; of type int or float.

    Returns
    -------
    Step
        The step, to stand in a pipeline's list.

    Notes
    -----
    Names: as before.

    Nulls: a null stays one; -1 and less become null.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.log1p("x")
    <log1p(x)>
    """
    return step(call, "log1p", locals())


@recorded
def bucketize(
    call: Call,
    columns: Columns,
    edges: Sequence[float] | None = None,
    *,
    quantiles: int | None = None,
) -> Step:
    """The number of the bucket that a number falls into: how many ``edges`` are not above it, so that the first
    bucket is everything below the first edge, and an edge belongs to the bucket above it.

    With ``quantiles=n`` the edges are the n-1 inner quantiles of the training rows (by linear interpolation),
    each once. Equals scikit-learn's ``KBinsDiscretizer(encode="ordinal", strategy="quantile",
    quantile_method="linear")`` to the bit.

    Parameters
    ----------
    columns : str or Selector or list of those
        What it reads: names, globs, selectors such as `numeric`; of type int or float.
    edges : Sequence[float], optional
        Where one bucket ends and the next begins, ascending.
    quantiles : int, optional
        In place of edges, how many buckets of as many training rows.

    Returns
    -------
    Step
        The step, to stand in a pipeline's list.

    Notes
    -----
    Names: as before.

    Nulls: a null stays one, and takes no part in fitting.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.bucketize("x", [0.0, 10.0])
    <bucketize(x, edges=[0.0, 10.0])>
    """
    return step(call, "bucketize", locals())


@recorded
def one_hot(
    call: Call,
    columns: Columns,
    *,
    min_count: int = 1,
    unknown: str = "zeros",
    missing: str = "column",
) -> Step:
    """A bool for each value that the training rows have ``min_count`` times or more, in the values' order
    (strings by code point, false before true): whether it is that one.

    Equals scikit-learn's ``OneHotEncoder``.

    Parameters
    ----------
    columns : str or Selector or list of those
        What it reads: names, globs, selectors such as `numeric`; of type bool, int, string or date.
    min_count : int, default 1
        How often a value must be there to have a column.
    unknown : str, default "zeros"
        What a value without a column is: ``"zeros"``, ``"error"``.
    missing : str, default "column"
        What a null is: ``"column"``, ``"zeros"``, ``"error"``.

    Returns
    -------
    Step
        The step, to stand in a pipeline's list.

    Notes
    -----
    Names: ``{column}_{value}``, and with ``missing="column"`` at the end ``{column}_null``. Characters of it
    that LightGBM or XGBoost does not take in a name (``" , : [ ] { } <``, control characters) stand as their
    codes, ``a,b`` as ``a%2Cb``; later steps may write either.

    Nulls: with ``missing="column"`` a column of its own says that it was null, with ``"zeros"`` none does, with
    ``"error"`` the row is refused. A value that is not among them is false everywhere, or an ``error``.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.one_hot("c")
    <one_hot(c)>
    """
    return step(call, "one_hot", locals())


@recorded
def ordinal(
    call: Call,
    columns: Columns,
    *,
    min_count: int = 1,
    unknown: int | str = "null",
    missing: int | str = "null",
) -> Step:
    """The code of a value, from 0 on, among those that the training rows have ``min_count`` times or more, in
    the values' order (strings by code point, false before true).

    Models take it as the code of a category. Equals scikit-learn's ``OrdinalEncoder``.

    Parameters
    ----------
    columns : str or Selector or list of those
        What it reads: names, globs, selectors such as `numeric`; of type bool, int, string or date.
    min_count : int, default 1
        How often a value must be there to have a code.
    unknown : int | str, default "null"
        What a value without a code is: a code, or a word: ``"null"``, ``"error"``.
    missing : int | str, default "null"
        What a null is: a code, or a word: ``"null"``, ``"error"``.

    Returns
    -------
    Step
        The step, to stand in a pipeline's list.

    Notes
    -----
    Names: as before.

    Nulls: with ``missing`` a null is that code, or the row is refused (``"error"``), or it stays one
    (``"null"``). ``unknown`` says the same of a value that has no code.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.ordinal("c")
    <ordinal(c)>
    """
    return step(call, "ordinal", locals())


@recorded
def hashing(
    call: Call,
    columns: Columns,
    n: int,
    *,
    name: str = "hash",
    signed: bool = True,
) -> Step:
    """All columns are hashed into ``n`` numbers, which needs no fitting and knows no unknown value: a string
    ``v`` of column ``c`` adds 1 at the place of ``c=v``, each string of a list likewise, a number or a bool
    adds itself at the place of ``c``.

    The place is the absolute value of MurmurHash3 (x86, 32 bits, seed 0) of the UTF-8, modulo ``n``; with
    ``signed``, what is added is taken off where the hash is negative. Equals scikit-learn's
    ``FeatureHasher(input_type="dict")`` to the bit.

    Parameters
    ----------
    columns : str or Selector or list of those
        What it reads: names, globs, selectors such as `numeric`; of type bool, int, float, string or list<string>.
    n : int
        How many numbers.
    name : str, default "hash"
        What the columns' names begin with.
    signed : bool, default True
        Whether half of the values are taken off, so that those that fall together do not add up.

    Returns
    -------
    Step
        The step, to stand in a pipeline's list.

    Notes
    -----
    Names: ``{name}_0`` to ``{name}_{n-1}``.

    Nulls: a null adds nothing.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.hashing(["c", "x"], 3)
    <hashing(c, x, n=3)>
    """
    return step(call, "hashing", locals())


@recorded
def target_encode(
    call: Call,
    columns: Columns,
    *,
    smoothing: float | str = "auto",
    folds: int = 5,
    seed: int = 1,
) -> Step:
    """The mean label of the training rows that have the value, drawn towards the mean of all: ``(sum +
    smoothing * mean) / (count + smoothing)``.

    With ``"auto"`` it is drawn the more, the fewer rows there are and the more their labels differ among
    themselves (empirical Bayes): ``w * mean of the value + (1 - w) * mean``, ``w = v * n / (v * n + d / n)``, v
    being the variance of all labels and d the sum of the squared distances from the value's mean. A training
    row is encoded out of fold: by the rows of the other folds alone, so that its label is not in its features;
    which fold it is of, a hash of ``seed`` and its number says. Equals scikit-learn's ``TargetEncoder`` to
    1e-12 (its folds are others).

    Parameters
    ----------
    columns : str or Selector or list of those
        What it reads: names, globs, selectors such as `numeric`; of type bool, int, string or date.
    smoothing : float | str, default "auto"
        How many rows of the mean are added, or a word: ``"auto"``.
    folds : int, default 5
        Into how many parts training rows are split.
    seed : int, default 1
        Of the split.

    Returns
    -------
    Step
        The step, to stand in a pipeline's list.

    Notes
    -----
    Names: as before.

    Nulls: none is left: null is a value like others. A value that the training rows do not have is the mean.
    Rows whose label is null take no part in fitting.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.target_encode("c", smoothing=1.0)
    <target_encode(c, smoothing=1.0)>
    """
    return step(call, "target_encode", locals())


@recorded
def count_encode(
    call: Call,
    columns: Columns,
    *,
    share: bool = False,
) -> Step:
    """How many of the training rows have the value; with ``share``, which part of them.

    A training row is counted as a request is, itself among them: no label is in a count, so nothing is learnt
    out of fold, and there is no mean to draw few rows towards (``target_encode`` has both).

    Parameters
    ----------
    columns : str or Selector or list of those
        What it reads: names, globs, selectors such as `numeric`; of type bool, int, string or date.
    share : bool, default False
        Whether it is divided by the number of training rows.

    Returns
    -------
    Step
        The step, to stand in a pipeline's list.

    Notes
    -----
    Names: as before.

    Nulls: none is left: null is a value like others. A value that the training rows do not have is 0.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.count_encode("c")
    <count_encode(c)>
    """
    return step(call, "count_encode", locals())


@recorded
def date_parts(
    call: Call,
    columns: Columns,
    parts: str | Sequence[str],
    *,
    zone: str = "UTC",
) -> Step:
    """Numbers of a time as clocks and calendars in a zone show it: ``weekday`` is 0 on Mondays, ``iso_year``
    and ``iso_week`` are those of ISO 8601 (weeks begin on Mondays, the first has the year's first Thursday),
    ``day_of_year`` begins at 1.

    A date has no hour and no zone. Zones are those of ``local()`` in SQL, with its database; a pipeline keeps
    the version of its zone's table, and is refused where that is another.

    Parameters
    ----------
    columns : str or Selector or list of those
        What it reads: names, globs, selectors such as `numeric`; of type timestamp or date.
    parts : str | Sequence[str]
        Which numbers: ``"year"``, ``"quarter"``, ``"month"``, ``"day"``, ``"weekday"``, ``"day_of_year"``, ``"iso_year"``, ``"iso_week"``, ``"hour"``, ``"minute"``, ``"second"``.
    zone : str, default "UTC"
        Where the clock stands, by its name in the IANA database.

    Returns
    -------
    Step
        The step, to stand in a pipeline's list.

    Notes
    -----
    Names: ``{column}_{part}``, in the order of ``parts``.

    Nulls: a null is null in each.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.date_parts("t", ["year", "hour", "weekday"], zone="America/New_York")
    <date_parts(t, parts=['year', 'hour', 'weekday'], zone='America/New_York')>
    """
    return step(call, "date_parts", locals())


@recorded
def cyclic(
    call: Call,
    columns: Columns,
    period: float,
) -> Step:
    """Where a number stands in a cycle: sine and cosine of ``2π * x / period``, so that 23 o'clock is as near
    to 0 as 1 is.

    The remainder of ``x`` is taken first, and exactly, so that far numbers lose nothing.

    Parameters
    ----------
    columns : str or Selector or list of those
        What it reads: names, globs, selectors such as `numeric`; of type int or float.
    period : float
        After how much it begins anew: 24 for hours.

    Returns
    -------
    Step
        The step, to stand in a pipeline's list.

    Notes
    -----
    Names: ``{column}_sin`` and ``{column}_cos``.

    Nulls: a null is null in both.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.cyclic("hour", 24)
    <cyclic(hour, period=24)>
    """
    return step(call, "cyclic", locals())


@recorded
def cross(
    call: Call,
    columns: Columns,
    *,
    name: str | None = None,
) -> Step:
    """Several columns' values as one string, for a step that encodes it: their texts with ``|`` between them; a
    ``|`` or a ``\`` inside stands behind a ``\``, so that no two rows of different values are the same.

    The columns stay.

    Parameters
    ----------
    columns : str or Selector or list of those
        What it reads: names, globs, selectors such as `numeric`; of type bool, int, string or date.
    name : str, optional
        What the column is called.

    Returns
    -------
    Step
        The step, to stand in a pipeline's list.

    Notes
    -----
    Names: ``name``, or the columns' names with ``_x_`` between them; at the end.

    Nulls: null where one of them is.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.cross(["a", "b"])
    <cross(a, b)>
    """
    return step(call, "cross", locals())


@recorded
def bag_of_words(
    call: Call,
    columns: Columns,
    *,
    max_features: int = 1000,
    min_count: int = 1,
) -> Step:
    """How often each word comes in a text.

    A text is brought into normal form C and made lower by the simple mapping of each code point, but ``Σ`` at
    the end of a word, which becomes ``ς``; a token is a longest run of two or more letters, marks, numbers and
    underscores. The strings of a list are tokens as they are. (scikit-learn's tokens are others where making
    lower gives several code points, as of ``İ``, and where there are marks.) Equals scikit-learn's
    ``CountVectorizer`` elsewhere.

    Parameters
    ----------
    columns : str or Selector or list of those
        What it reads: names, globs, selectors such as `numeric`; of type string or list<string>.
    max_features : int, default 1000
        How many words have a column: those that come most often, of equal ones the first by code point.
    min_count : int, default 1
        In how many training rows a word must come.

    Returns
    -------
    Step
        The step, to stand in a pipeline's list.

    Notes
    -----
    Names: ``{column}_{word}``, by code point.

    Nulls: a null has no word: all are 0.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.bag_of_words("s", max_features=2)
    <bag_of_words(s, max_features=2)>
    """
    return step(call, "bag_of_words", locals())


@recorded
def tf_idf(
    call: Call,
    columns: Columns,
    *,
    max_features: int = 1000,
    min_count: int = 1,
) -> Step:
    """How often each word comes in a text, times ``ln((1 + rows) / (1 + rows with it)) + 1`` of the training
    rows, the whole divided by its Euclidean length.

    A text is brought into normal form C and made lower by the simple mapping of each code point, but ``Σ`` at
    the end of a word, which becomes ``ς``; a token is a longest run of two or more letters, marks, numbers and
    underscores. The strings of a list are tokens as they are. (scikit-learn's tokens are others where making
    lower gives several code points, as of ``İ``, and where there are marks.) Equals scikit-learn's
    ``TfidfVectorizer`` elsewhere, to the bit where it is given the same weights.

    Parameters
    ----------
    columns : str or Selector or list of those
        What it reads: names, globs, selectors such as `numeric`; of type string or list<string>.
    max_features : int, default 1000
        How many words have a column: those that come most often, of equal ones the first by code point.
    min_count : int, default 1
        In how many training rows a word must come.

    Returns
    -------
    Step
        The step, to stand in a pipeline's list.

    Notes
    -----
    Names: ``{column}_{word}``, by code point.

    Nulls: a null has no word: all are 0.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.tf_idf("s", max_features=1)
    <tf_idf(s, max_features=1)>
    """
    return step(call, "tf_idf", locals())


@recorded
def embedding(
    call: Call,
    columns: Columns,
    table: Mapping[str, Sequence[float]],
    *,
    unknown: Sequence[float] | None = None,
) -> Step:
    """Looks a string's vector up in a table, which stands in the definition and is kept in the pipeline.

    Parameters
    ----------
    columns : str or Selector or list of those
        What it reads: names, globs, selectors such as `numeric`; of type string.
    table : Mapping[str, Sequence[float]]
        The vectors by string, all of one length.
    unknown : Sequence[float], optional
        The vector of all others.

    Returns
    -------
    Step
        The step, to stand in a pipeline's list.

    Notes
    -----
    Names: ``{column}_0``, ``{column}_1``, ….

    Nulls: a null, and a string that is not in the table, have the vector ``unknown``, or null in each.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.embedding("c", {"UA": [0.5, 1.0]})
    <embedding(c, table={'UA': [0.5, 1.0]})>
    """
    return step(call, "embedding", locals())


@recorded
def expand(
    call: Call,
    columns: Columns,
    keys: str | Sequence[str] | None = None,
    *,
    length: int | None = None,
) -> Step:
    """The elements of a list, the values of a map or the fields of a struct as columns.

    Of a list so many as ``length`` says, or as the longest of the training rows has; of a map those of
    ``keys``, or all that the training rows have, by code point. What is more is left out.

    Parameters
    ----------
    columns : str or Selector or list of those
        What it reads: names, globs, selectors such as `numeric`; of type list, map or struct.
    keys : str | Sequence[str], optional
        Of maps, which values.
    length : int, optional
        Of lists, how many elements.

    Returns
    -------
    Step
        The step, to stand in a pipeline's list.

    Notes
    -----
    Names: ``{column}_0``, ``{column}_1``, …; ``{column}_{key}``. Characters of it that LightGBM or XGBoost does
    not take in a name (``" , : [ ] { } <``, control characters) stand as their codes, ``a,b`` as ``a%2Cb``;
    later steps may write either.

    Nulls: null where the row has no such element, or where it is null.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.expand("l")
    <expand(l)>
    """
    return step(call, "expand", locals())


@recorded
def drop(
    call: Call,
    columns: Columns,
) -> Step:
    """Leaves columns out.

    Parameters
    ----------
    columns : str or Selector or list of those
        What it reads: names, globs, selectors such as `numeric`; of type any type.

    Returns
    -------
    Step
        The step, to stand in a pipeline's list.

    Notes
    -----
    Names: those of the others.

    Nulls: stay.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.drop("x")
    <drop(x)>
    """
    return step(call, "drop", locals())


@recorded
def select(
    call: Call,
    columns: Columns,
) -> Step:
    """Leaves all columns out but those.

    As fitted it names what it leaves out.

    Parameters
    ----------
    columns : str or Selector or list of those
        What it reads: names, globs, selectors such as `numeric`; of type any type.

    Returns
    -------
    Step
        The step, to stand in a pipeline's list.

    Notes
    -----
    Names: as before, in the order that they had.

    Nulls: stay.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.select("x")
    <select(x)>
    """
    return step(call, "select", locals())


@recorded
def rename(
    call: Call,
    columns: Columns,
    to: str | Sequence[str],
) -> Step:
    """Calls columns otherwise.

    Parameters
    ----------
    columns : str or Selector or list of those
        What it reads: names, globs, selectors such as `numeric`; of type any type.
    to : str | Sequence[str]
        The new names, as many as there are columns.

    Returns
    -------
    Step
        The step, to stand in a pipeline's list.

    Notes
    -----
    Names: those of ``to``, in the columns' order.

    Nulls: stay.

    Examples
    --------
    >>> import bighead as bh
    >>> bh.rename(["x", "y"], ["a", "b"])
    <rename(x, y, to=['a', 'b'])>
    """
    return step(call, "rename", locals())
