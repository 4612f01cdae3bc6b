#!/usr/bin/env python3
"""Baseline of P4: fifty windowed aggregations over five keys in DuckDB, one pass of range frames for each key, Parquet to Parquet.

    python wide_duckdb.py DIR [--threads 2]

Prints the totals of all columns as JSON, under the names that our training set gives them.
"""
import argparse
import json

import duckdb

HOUR, DAY = 3_600_000, 86_400_000
MS = {"1h": HOUR, "1d": DAY, "7d": 7 * DAY, "30d": 30 * DAY}
FEATURES = [("count", "amount", ("1h", "1d", "7d")), ("sum", "amount", ("1d", "7d", "30d")), ("avg", "qty", ("1d", "30d")), ("max", "amount", ("7d", "30d"))]


def one_key(group, key, d):
    cols = []
    for agg, column, windows in FEATURES:
        for w in windows:
            cols.append(f"{agg}({column}) over (partition by k order by ts range between {MS[w]} preceding and 1 preceding) as {group}__{agg}_{w}")
    source = f"(select * replace (epoch_ms(ts) as ts) from read_parquet('{d}/%s/*/*.parquet', hive_partitioning = false))"
    names = ", ".join(c.rsplit(" as ", 1)[1] for c in cols)
    return f"""select row, {names} from (select row, {', '.join(cols)} from (
        select null::bigint as row, {key} as k, ts, amount, qty from {source % 'events'} where {key} in (select {key} from {source % 'spine'})
        union all select row, {key}, ts, null, null from {source % 'spine'})) where row is not null"""


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("dir")
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    con = duckdb.connect(config={"threads": a.threads})
    con.execute("set timezone = 'UTC'; set preserve_insertion_order = false; set memory_limit = '16GB'")
    keys = ["key", "key2", "key3", "key4", "key5"]
    for i, key in enumerate(keys, 1):
        con.execute(f"create temp table t{i} as {one_key(f'g{i}', key, a.dir)}")
    joined = " ".join(f"join t{i} using (row)" for i in range(2, 6))
    out = f"{a.dir}/duckdb_wide.parquet"
    con.execute(f"copy (select * from t1 {joined}) to '{out}' (format parquet, compression zstd)")
    names = [f"g{i}__{agg}_{w}" for i in range(1, 6) for agg, _, windows in FEATURES for w in windows]
    row = con.execute(f"select {', '.join(f'sum({n})' for n in names)} from '{out}'").fetchone()
    print(json.dumps(dict(zip(names, (float(x or 0) for x in row)))))


main()
