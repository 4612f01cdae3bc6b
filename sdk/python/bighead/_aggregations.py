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
    """Count.

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
        In place of a value that could not be had, in serving alone.
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
    """Sum.

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
        In place of a value that could not be had, in serving alone.
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
    """Avg.

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
        In place of a value that could not be had, in serving alone.
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
    """Min.

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
        In place of a value that could not be had, in serving alone.
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
    """Max.

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
        In place of a value that could not be had, in serving alone.
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
    """Variance.

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
        In place of a value that could not be had, in serving alone.
    sample : bool, default False
        Divide by n - 1.
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
    """Stddev.

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
        In place of a value that could not be had, in serving alone.
    sample : bool, default False
        Divide by n - 1.
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
    """Skewness.

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
        In place of a value that could not be had, in serving alone.
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
    """Kurtosis.

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
        In place of a value that could not be had, in serving alone.
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
    """First.

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
        In place of a value that could not be had, in serving alone.
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
    """Last.

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
        In place of a value that could not be had, in serving alone.
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
    """First_row.

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
        In place of a value that could not be had, in serving alone.
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
    """Last_row.

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
        In place of a value that could not be had, in serving alone.
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
    """First_k.

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
        In place of a value that could not be had, in serving alone.
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
    """Last_k.

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
        In place of a value that could not be had, in serving alone.
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
    """Top_k.

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
        In place of a value that could not be had, in serving alone.
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
    """Bottom_k.

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
        In place of a value that could not be had, in serving alone.
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
    """Distinct_k.

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
        In place of a value that could not be had, in serving alone.
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
    """Count_distinct.

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
        In place of a value that could not be had, in serving alone.
    max : int, default 1000
        Counted exactly up to here.
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
    """Approx_count_distinct.

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
        In place of a value that could not be had, in serving alone.
    lg_k : int, default 12
        x
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
    """Approx_quantile.

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
        In place of a value that could not be had, in serving alone.
    q : float
        x
    accuracy : float, default 0.01
        x
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
    """Histogram.

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
        In place of a value that could not be had, in serving alone.
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
    """Time_since_last.

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
        In place of a value that could not be had, in serving alone.
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
    """Time_since_first.

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
        In place of a value that could not be had, in serving alone.
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
    """Latest.

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
        In place of a value that could not be had, in serving alone.
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
