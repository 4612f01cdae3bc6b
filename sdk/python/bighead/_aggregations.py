"""The aggregations.

This file is generated from the table of package agg: go test ./project -run Stubs -update.
"""

from __future__ import annotations

from typing import Any, Sequence

from bighead._arguments import Call, recorded
from bighead._feature import Feature, feature, several
from bighead._sources import Source

__all__ = [
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "variance",
    "stddev",
    "skewness",
    "kurtosis",
    "first",
    "last",
    "first_row",
    "last_row",
    "first_k",
    "last_k",
    "top_k",
    "bottom_k",
    "distinct_k",
    "count_distinct",
    "approx_count_distinct",
    "approx_quantile",
    "histogram",
    "time_since_last",
    "time_since_first",
    "latest",
]


@recorded
def count(
    call: Call,
    input: str | None = None,
    *,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature:
    """How many rows, or how many of them have an input that is not null.

    Parameters
    ----------
    input : str, optional
        A column or SQL; without it every row counts.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature
        The feature, to stand in a group's list.
    """
    return feature(call, "count", locals())


@recorded
def sum(
    call: Call,
    input: str,
    *,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature:
    """The sum.

    Of ints it is exact, and null where it does not fit 64 bits, whatever the order in which it was added up; of
    bools it is how many are true; of floats it is null where it is too large for a float.

    Parameters
    ----------
    input : str
        A column or SQL.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature
        The feature, to stand in a group's list.
    """
    return feature(call, "sum", locals())


@recorded
def avg(
    call: Call,
    input: str,
    *,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature:
    """The mean: the sum divided by the number of inputs.

    Of ints the sum is exact and made a float before the one division; of bools it is the share of true.

    Parameters
    ----------
    input : str
        A column or SQL.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature
        The feature, to stand in a group's list.
    """
    return feature(call, "avg", locals())


@recorded
def min(
    call: Call,
    input: str,
    *,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature:
    """The least input: false before true, strings by code point, times by time.

    Parameters
    ----------
    input : str
        A column or SQL.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature
        The feature, to stand in a group's list.
    """
    return feature(call, "min", locals())


@recorded
def max(
    call: Call,
    input: str,
    *,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature:
    """The greatest input: true after false, strings by code point, times by time.

    Parameters
    ----------
    input : str
        A column or SQL.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature
        The feature, to stand in a group's list.
    """
    return feature(call, "max", locals())


@recorded
def variance(
    call: Call,
    input: str,
    *,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    sample: bool = False,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature:
    """The mean squared distance from the mean, of the population; with ``sample=True`` of a sample: divided by
    n − 1, and null under two inputs.

    Computed about the mean, so that large numbers with small differences keep their digits; equal inputs have
    exactly 0.

    Parameters
    ----------
    input : str
        A column or SQL.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    sample : bool, default False
        Divide by n − 1.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature
        The feature, to stand in a group's list.
    """
    return feature(call, "variance", locals())


@recorded
def stddev(
    call: Call,
    input: str,
    *,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    sample: bool = False,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature:
    """The standard deviation: the square root of ``variance``.

    Parameters
    ----------
    input : str
        A column or SQL.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    sample : bool, default False
        Divide by n − 1.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature
        The feature, to stand in a group's list.
    """
    return feature(call, "stddev", locals())


@recorded
def skewness(
    call: Call,
    input: str,
    *,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature:
    """How far the inputs lean to one side: the mean cubed distance from the mean, over the cube of the standard
    deviation (biased).

    Null when all inputs are equal.

    Parameters
    ----------
    input : str
        A column or SQL.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature
        The feature, to stand in a group's list.
    """
    return feature(call, "skewness", locals())


@recorded
def kurtosis(
    call: Call,
    input: str,
    *,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature:
    """How heavy the tails are: the mean fourth power of the distance from the mean, over the squared variance,
    less the 3 of a normal distribution (excess, biased).

    Null when all inputs are equal.

    Parameters
    ----------
    input : str
        A column or SQL.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature
        The feature, to stand in a group's list.
    """
    return feature(call, "kurtosis", locals())


@recorded
def first(
    call: Call,
    input: str,
    *,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature:
    """The input of the oldest event that has one.

    Between events of one millisecond ``order_by`` decides, then ``known_at``, then the lesser input.

    Parameters
    ----------
    input : str
        A column or SQL.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature
        The feature, to stand in a group's list.
    """
    return feature(call, "first", locals())


@recorded
def last(
    call: Call,
    input: str,
    *,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature:
    """The input of the newest event that has one.

    Between events of one millisecond ``order_by`` decides, then ``known_at``, then the greater input.

    Parameters
    ----------
    input : str
        A column or SQL.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature
        The feature, to stand in a group's list.
    """
    return feature(call, "last", locals())


@recorded
def first_row(
    call: Call,
    input: str,
    *,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature:
    """The column in the oldest row, null where it is null there.

    Parameters
    ----------
    input : str
        A column or SQL.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature
        The feature, to stand in a group's list.
    """
    return feature(call, "first_row", locals())


@recorded
def last_row(
    call: Call,
    input: str,
    *,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature:
    """The column in the newest row, null where it is null there.

    Parameters
    ----------
    input : str
        A column or SQL.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature
        The feature, to stand in a group's list.
    """
    return feature(call, "last_row", locals())


@recorded
def first_k(
    call: Call,
    input: str,
    *,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    k: int,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature:
    """The inputs of the ``k`` oldest events that have one, oldest first.

    Parameters
    ----------
    input : str
        A column or SQL.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    k : int
        How many.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature
        The feature, to stand in a group's list.
    """
    return feature(call, "first_k", locals())


@recorded
def last_k(
    call: Call,
    input: str,
    *,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    k: int,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature:
    """The inputs of the ``k`` newest events that have one, newest first.

    Parameters
    ----------
    input : str
        A column or SQL.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    k : int
        How many.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature
        The feature, to stand in a group's list.
    """
    return feature(call, "last_k", locals())


@recorded
def top_k(
    call: Call,
    input: str,
    *,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    k: int,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature:
    """The ``k`` greatest inputs, descending, duplicates kept.

    Parameters
    ----------
    input : str
        A column or SQL.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    k : int
        How many.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature
        The feature, to stand in a group's list.
    """
    return feature(call, "top_k", locals())


@recorded
def bottom_k(
    call: Call,
    input: str,
    *,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    k: int,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature:
    """The ``k`` least inputs, ascending, duplicates kept.

    Parameters
    ----------
    input : str
        A column or SQL.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    k : int
        How many.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature
        The feature, to stand in a group's list.
    """
    return feature(call, "bottom_k", locals())


@recorded
def distinct_k(
    call: Call,
    input: str,
    *,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    k: int,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature:
    """The ``k`` least distinct inputs, ascending.

    Parameters
    ----------
    input : str
        A column or SQL.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    k : int
        How many.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature
        The feature, to stand in a group's list.
    """
    return feature(call, "distinct_k", locals())


@recorded
def count_distinct(
    call: Call,
    input: str,
    *,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    max: int = 1000,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature:
    """How many distinct inputs there are: exact up to ``max``, and ``max`` from there on.

    The state keeps the ``max`` least values; where there may be many more, ``approx_count_distinct`` is
    smaller.

    Parameters
    ----------
    input : str
        A column or SQL.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    max : int, default 1000
        The most that is counted.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature
        The feature, to stand in a group's list.
    """
    return feature(call, "count_distinct", locals())


@recorded
def approx_count_distinct(
    call: Call,
    input: str,
    *,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    lg_k: int = 12,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature:
    """About how many distinct inputs there are, by HyperLogLog (Flajolet et al., 2007) over MD5: 2^``lg_k``
    registers keep one byte each, and the standard error is 1.04 / √(2^``lg_k``).

    Small numbers are counted by the registers left empty. Every engine gives the same number.

    Parameters
    ----------
    input : str
        A column or SQL.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    lg_k : int, default 12
        8, 12 or 16: an error of 6.5 %, 1.6 % or 0.4 %.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature
        The feature, to stand in a group's list.
    """
    return feature(call, "approx_count_distinct", locals())


@recorded
def approx_quantile(
    call: Call,
    input: str,
    *,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    q: float,
    accuracy: float = 0.01,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature:
    """The ``q``-quantile, the element of rank ⌊q·(n−1)⌋ among n, to a relative ``accuracy``: a DDSketch
    (Masson, Rim and Lee, 2019) whose buckets are cut at exact floats, a power of two into 2^m equal parts, so
    that every engine finds the same bucket.

    The value is the bucket's midpoint.

    Parameters
    ----------
    input : str
        A column or SQL.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    q : float
        The quantile, from 0 (the least) to 1 (the greatest).
    accuracy : float, default 0.01
        The relative error, between 0 and 1.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature
        The feature, to stand in a group's list.
    """
    return feature(call, "approx_quantile", locals())


@recorded
def histogram(
    call: Call,
    input: str,
    *,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    k: int,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature:
    """How often each string came, for the ``k`` most frequent; of equally frequent ones the lesser stay.

    The counts are exact, so the state keeps every string that came.

    Parameters
    ----------
    input : str
        A column or SQL.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    k : int
        How many.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature
        The feature, to stand in a group's list.
    """
    return feature(call, "histogram", locals())


@recorded
def time_since_last(
    call: Call,
    input: str | None = None,
    *,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature:
    """How long ago the newest row was, in ms; with an input, the newest row whose input is not null.

    Parameters
    ----------
    input : str, optional
        A column or SQL; without it every row counts.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature
        The feature, to stand in a group's list.
    """
    return feature(call, "time_since_last", locals())


@recorded
def time_since_first(
    call: Call,
    input: str | None = None,
    *,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature:
    """How long ago the oldest row was, in ms; with an input, the oldest row whose input is not null.

    Parameters
    ----------
    input : str, optional
        A column or SQL; without it every row counts.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature
        The feature, to stand in a group's list.
    """
    return feature(call, "time_since_first", locals())


@recorded
def latest(
    call: Call,
    *columns: str,
    windows: Sequence[str] | None = None,
    name: str | None = None,
    where: str | None = None,
    by: str | None = None,
    by_max: int = 1000,
    default: Any = None,
    fallback: Any = None,
    resolution: str | None = None,
    offset: str = "0s",
    refresh: str | None = None,
    tumbling: bool = False,
    origin: str | None = None,
    description: str | None = None,
    source: Source | None = None,
    keys: Sequence[str] | None = None,
    within: str | None = None,
) -> Feature | list[Feature]:
    """Over entity sources: the column in the row that holds, null where it is null there, after a deletion and
    before the first row.

    Parameters
    ----------
    *columns : str
        Columns; each makes a feature.
    windows : Sequence[str], optional
        How far back, such as ``["1h", "7d"]``; since ever where it is not given.
    name : str, optional
        In place of ``{input}_{aggregation}``; needed where the input is an expression.
    where : str, optional
        SQL; other rows do not count.
    by : str, optional
        A column: the value becomes a map with an entry for each of its values.
    by_max : int, default 1000
        The most entries of such a map.
    default : Any, optional
        In place of null, in training and in serving.
    fallback : Any, optional
        In place of a value that could not be had, in serving alone: a constant, or `typical`.
    resolution : str, optional
        How finely the window's start moves: ``"5m"``, ``"exact"``.
    offset : str, default "0s"
        How long ago the window ends.
    refresh : str, optional
        ``"daily"``: the value of the last midnight.
    tumbling : bool, default False
        Windows that do not overlap, the last whole one.
    origin : str, optional
        Where tumbling windows begin.
    description : str, optional
        For the catalog and the table's metadata.
    source : Source, optional
        Of a label: where its events come from.
    keys : Sequence[str], optional
        Of a label: the source's columns that name what it is of.
    within : str, optional
        Of a label: the span after ``at``.

    Returns
    -------
    Feature | list[Feature]
        The feature, or a list of them where there are several columns; a group's list takes both.
    """
    return several(call, "latest", columns, locals())
