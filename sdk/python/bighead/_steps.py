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
    Names: ``{column}_{value}``, and with ``missing="column"`` at the end ``{column}_null``.

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
