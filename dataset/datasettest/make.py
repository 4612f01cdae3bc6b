#!/usr/bin/env python3
"""Make the files of other writers that datasettest.Fixtures reads, and beside each what must be read from it.

    python make.py        # needs pyarrow 26, duckdb 2.0 and pytz; writes into ../parquet/testdata and ../arrow/testdata

NAME.parquet is written by pyarrow or DuckDB, NAME.arrow and NAME.arrows by pyarrow. NAME.ndjson holds what the contract (docs/semantics.md section 1) makes of it, worked out here in
Python from the values themselves, never by reading the file: the first line has the types, the columns that are left out, the warnings
and what is counted as lost; each further line is a row as a JSON array.
"""
import datetime as dt
import decimal
import json
import math
import pathlib
import random

import duckdb
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent.parent / "parquet" / "testdata"
ARROW = HERE.parent.parent / "arrow" / "testdata"
EPOCH = dt.datetime(1970, 1, 1)


def expect(name, types, columns, left_out=(), warnings=(), lost=None, folder=HERE):
    rows = list(zip(*columns)) if columns else []
    head = {"types": types, "left_out": list(left_out), "warnings": list(warnings), "lost": lost or {}}
    with open(folder / f"{name}.ndjson", "w") as f:
        for line in [head, *rows]:
            f.write(json.dumps(line, separators=(",", ":")) + "\n")


def stamp(ms):
    """Milliseconds as RFC 3339, whatever the year."""
    if ms is None:
        return None
    t = EPOCH + dt.timedelta(milliseconds=ms)
    text = f"{t.year:04d}-{t.month:02d}-{t.day:02d}T{t.hour:02d}:{t.minute:02d}:{t.second:02d}"
    return text + (f".{t.microsecond // 1000:03d}" if t.microsecond else "") + "Z"


def day(days):
    if days is None:
        return None
    d = dt.date(1970, 1, 1) + dt.timedelta(days=days)
    return f"{d.year:04d}-{d.month:02d}-{d.day:02d}"


def some(values, n):
    """The values over and over, every fifth null."""
    return [None if i % 5 == 4 else values[i % len(values)] for i in range(n)]


def base64(b):
    import base64 as b64
    return None if b is None else b64.b64encode(b).decode()


# 1. Types.

def make_types():
    n = 40
    fields, types, expected, lost = [], {}, [], {}

    def add(name, typ, values, ours, convert, **causes):
        vals = some(values, n)
        fields.append((name, pa.array(vals, typ) if not isinstance(typ, pa.Array) else typ))
        types[name] = ours
        expected.append([None if v is None else convert(v) for v in vals])
        for reason, bad in causes.items():
            lost[f"{name}: {reason.replace('_', ' ')}"] = sum(1 for v in vals if v is not None and bad(v))

    same = lambda v: v
    for bits in (8, 16, 32, 64):
        add(f"int{bits}", getattr(pa, f"int{bits}")(), [0, 1, -1, 2 ** (bits - 1) - 1, -2 ** (bits - 1)], "int", same)
    for bits in (8, 16, 32):
        add(f"uint{bits}", getattr(pa, f"uint{bits}")(), [0, 1, 2**bits - 1], "int", same)
    add("uint64", pa.uint64(), [0, 1, 2**63 - 1, 2**63, 2**64 - 1], "int", lambda v: v if v < 2**63 else None, beyond_int64=lambda v: v >= 2**63)
    finite = lambda v: v + 0.0 if math.isfinite(v) else None
    odd = dict(not_finite=lambda v: not math.isfinite(v))
    import numpy as np
    add("float16", pa.float16(), [np.float16(x) for x in (0.0, 1.5, -2.25, 65504, 6e-8, float("nan"), float("inf"), -0.0)], "float", lambda v: finite(float(v)),
        not_finite=lambda v: not math.isfinite(float(v)))
    add("float32", pa.float32(), [0.0, 0.5, -1.25, float("nan"), float("-inf"), 2.0**-149], "float", finite, **odd)
    add("float64", pa.float64(), [0.0, -0.0, 0.1, 1e300, float("nan"), float("inf"), 5e-324], "float", finite, **odd)
    for name, typ, digits in [("decimal32", pa.decimal128(7, 2), ["1.25", "-99999.99", "0.01"]), ("decimal64", pa.decimal128(16, 3), ["1.125", "-9999999999999.999", "0.001"]),
                              ("decimal128", pa.decimal128(38, 10), ["1234567890123456789.0123456789", "-0.0000000001", "3"]), ("decimal256", pa.decimal256(60, 5), ["-1e40", "12345.67891"])]:
        add(name, typ, [decimal.Decimal(d) for d in digits], "float", float)
    add("string", pa.string(), ["", "a", "ß😀", "a\x00b", "long " * 30], "string", same)
    add("large_string", pa.large_string(), ["x", "yy"], "string", same)
    add("binary", pa.binary(), [b"", b"\xff\x00", b"abc"], "bytes", base64)
    add("fixed", pa.binary(3), [b"abc", b"\xff\xfe\xfd"], "bytes", base64)
    add("bool", pa.bool_(), [True, False, False], "bool", same)
    far = 253402300799999
    times = [0, -1, 1, 1234567890123, -62135596800000, far]
    for unit, per, extra in [("ms", 1, []), ("us", 1000, [-1, 999, -1001]), ("ns", 1_000_000, [-1, 999_999, -1_000_001, 2**63 - 1])]:
        raw = [t * per for t in times if abs(t * per) < 2**63] + extra
        add(f"ts_{unit}", pa.timestamp(unit), raw, "timestamp", lambda v, per=per: stamp(v // per))
        add(f"ts_{unit}_utc", pa.timestamp(unit, "UTC"), raw, "timestamp", lambda v, per=per: stamp(v // per))
    add("ts_zone", pa.timestamp("ms", "America/New_York"), times, "timestamp", stamp)
    inside = lambda v: stamp(v) if -62135596800000 <= v <= far else None
    add("ts_range", pa.timestamp("ms"), [far, far + 1, -62135596800001, 2**62], "timestamp", inside,
        **{"outside_years_0001-9999": lambda v: inside(v) is None})
    span = lambda v: day(v) if -719162 <= v <= 2932896 else None
    add("date", pa.date32(), [0, -1, 19723, -719162, 2932896, 2932897, -719163], "date", span, **{"outside_years_0001-9999": lambda v: span(v) is None})

    names = [f[0] for f in fields]
    arrays = [f[1] for f in fields]
    # Bytes that are no UTF-8 in a column of strings.
    offsets = pa.py_buffer(b"".join(i.to_bytes(4, "little") for i in range(0, 2 * (n + 1), 2)))
    broken = [b"ok" if i % 3 else b"\xff\xfe" for i in range(n)]
    names.append("not_utf8")
    arrays.append(pa.Array.from_buffers(pa.string(), n, [None, offsets, pa.py_buffer(b"".join(broken))]))
    types["not_utf8"] = "string"
    expected.append([None if b == b"\xff\xfe" else b.decode() for b in broken])
    lost["not_utf8: invalid utf-8"] = sum(b == b"\xff\xfe" for b in broken)
    # Types that are left out.
    names += ["time", "nothing", "int_keys"]
    arrays += [pa.array([dt.time(1, 2, 3)] * n, pa.time64("us")), pa.nulls(n), pa.array([[(1, 2)]] * n, pa.map_(pa.int32(), pa.int32()))]
    table = pa.table(arrays, names=names)
    warnings = ["decimal32", "decimal64", "decimal128", "decimal256"]
    lost = {k: v for k, v in lost.items() if v}
    make_arrow("types", table, types, expected, ["time", "nothing", "int_keys"], warnings, lost)
    for name, options in [("types", {}), ("types_plain_v2", dict(use_dictionary=False, data_page_version="2.0", data_page_size=64, write_batch_size=6)),
                          ("types_spark", dict(flavor="spark"))]:
        t = table
        if name == "types_spark":  # flavor spark writes timestamps as INT96, for which ns have to do
            keep = [i for i, f in enumerate(t.schema) if not (pa.types.is_timestamp(f.type) and f.name not in ("ts_ns", "ts_ns_utc"))]
            t = t.select(keep)
            kept = [names[i] for i in keep]
            expect(name, {k: v for k, v in types.items() if k in kept}, [e for k, e in zip(types, expected) if k in kept], ["time", "nothing", "int_keys"], warnings,
                   {k: v for k, v in lost.items() if k.split(":")[0] in kept})
        else:
            expect(name, types, expected, ["time", "nothing", "int_keys"], warnings, lost)
        pq.write_table(t, HERE / f"{name}.parquet", store_schema=False, compression="zstd", **options)


def make_arrow(name, table, *wanted):
    """The table as IPC file and stream, in batches of 17 rows, plain and compressed."""
    for kind, new, compression in [("arrow", pa.ipc.new_file, None), ("arrows", pa.ipc.new_stream, "zstd"), ("lz4.arrow", pa.ipc.new_file, "lz4")]:
        with new(ARROW / f"{name}.{kind}", table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as w:
            w.write_table(table, max_chunksize=17)
        expect(f"{name}.{kind}", *wanted, folder=ARROW)


def make_layouts():
    """What only Arrow has: dictionaries, views, fixed lists, days as ms, seconds, small decimals."""
    n = 40
    words = some(["b", "a", "b", "c"], n)
    days = some([0, -1, 19723], n)
    table = pa.table({
        "dict": pa.array(words).dictionary_encode(), "dict_float": pa.array(some([1.5, float("nan")], n)).dictionary_encode(),
        "view": pa.array(some(["short", "much longer than twelve bytes"], n), pa.string_view()), "bytes_view": pa.array(some([b"\xff", b""], n), pa.binary_view()),
        "fixed_list": pa.array(some([[1, 2], [3, None]], n), pa.list_(pa.int64(), 2)), "large_list": pa.array(some([["x"], []], n), pa.large_list(pa.string())),
        "date64": pa.array([None if d is None else d * 86400000 + 7 for d in days], pa.int64()).view(pa.date64()), "ts_s": pa.array(some([0, -1, 2**60], n), pa.timestamp("s")),
        "list_view": pa.array(some([[1], [], [2, 3]], n), pa.list_view(pa.int32())), "small": pa.array(some([decimal.Decimal("1.5")], n), pa.decimal128(5, 1)),
        "duration": pa.array([1] * n, pa.duration("s")),
    })
    lost = {"dict_float: not finite": sum(1 for v in some([1, 2], n) if v == 2), "ts_s: outside years 0001-9999": sum(1 for v in some([0, 1, 2], n) if v == 2)}
    wanted = ({"dict": "string", "dict_float": "float", "view": "string", "bytes_view": "bytes", "fixed_list": "list<int>", "large_list": "list<string>", "date64": "date",
               "ts_s": "timestamp", "list_view": "list<int>", "small": "float"},
              [words, some([1.5, None], n), some(["short", "much longer than twelve bytes"], n), [base64(b) for b in some([b"\xff", b""], n)],
               some([[1, 2], [3, None]], n), some([["x"], []], n), [day(d) for d in days], some([stamp(0), stamp(-1000), None], n), some([[1], [], [2, 3]], n), some([1.5], n)],
              ["duration"], ["small"], lost)
    make_arrow("layouts", table, *wanted)


# 2. Codecs and page versions.

def make_codecs():
    n = 120
    ints, texts = some([1, -7, 10**12, 3], n), some(["alpha", "beta", "", "gamma"], n)
    lists = some([[1, None, 3], [], [4]], n)
    table = pa.table({"i": pa.array(ints, pa.int64()), "s": pa.array(texts), "l": pa.array(lists, pa.list_(pa.int32())), "whole": pa.array(list(range(n)), pa.int32())},
                     schema=pa.schema([("i", pa.int64()), ("s", pa.string()), ("l", pa.list_(pa.int32())), pa.field("whole", pa.int32(), nullable=False)]))
    for codec in ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]:
        for version in ["1.0", "2.0"]:
            name = f"codec_{codec}_v{version[0]}"
            pq.write_table(table, HERE / f"{name}.parquet", compression=codec, data_page_version=version, store_schema=False, data_page_size=200,
                           write_page_checksum=codec in ("none", "zstd"))
            expect(name, {"i": "int", "s": "string", "l": "list<int>", "whole": "int"}, [ints, texts, lists, list(range(n))])


# 3. Encodings.

def make_encodings():
    r = random.Random(7)
    n = 700
    near = [1_700_000_000_000 + i * 1000 + r.randrange(-300, 300) for i in range(n)]
    wild = [r.randrange(-2**63, 2**63) for _ in range(n)]
    narrow = [r.randrange(-2**31, 2**31) for _ in range(n)]
    words = ["".join(r.choice("abcd") for _ in range(r.randrange(0, 9))) for _ in range(n)]
    paths = sorted(f"/a/{r.randrange(9)}/{r.randrange(99)}/{w}" for w in words)
    reals = [r.uniform(-1e6, 1e6) for _ in range(n)]
    singles = [float(r.randrange(-2**20, 2**20)) / 8 for _ in range(n)]
    bits = [r.random() < (0.02 if i < 300 else 0.5) for i in range(n)]
    blobs = [bytes([i % 5, i % 251, i // 251]) for i in range(n)]
    holes = lambda xs: [None if r.random() < 0.1 else x for x in xs]
    columns = {  # name: type, values, ours, encoding, to JSON
        "delta64": (pa.int64(), near, "int", "DELTA_BINARY_PACKED"), "delta64_wild": (pa.int64(), wild, "int", "DELTA_BINARY_PACKED"),
        "delta32": (pa.int32(), narrow, "int", "DELTA_BINARY_PACKED"), "delta64_null": (pa.int64(), holes(near), "int", "DELTA_BINARY_PACKED"),
        "delta_length": (pa.string(), holes(words), "string", "DELTA_LENGTH_BYTE_ARRAY"), "delta_bytes": (pa.string(), paths, "string", "DELTA_BYTE_ARRAY"),
        "delta_fixed": (pa.binary(3), holes(blobs), "bytes", "DELTA_BYTE_ARRAY"), "split64": (pa.float64(), holes(reals), "float", "BYTE_STREAM_SPLIT"),
        "split32": (pa.float32(), singles, "float", "BYTE_STREAM_SPLIT"), "split_int": (pa.int32(), narrow, "int", "BYTE_STREAM_SPLIT"),
        "split_fixed": (pa.binary(3), blobs, "bytes", "BYTE_STREAM_SPLIT"), "rle": (pa.bool_(), holes(bits), "bool", "RLE"), "plain_bool": (pa.bool_(), bits, "bool", "PLAIN"),
        "plain": (pa.int64(), holes(wild), "int", "PLAIN"), "plain_text": (pa.string(), holes(words), "string", "PLAIN"),
    }
    table = pa.table([pa.array(c[1], c[0]) for c in columns.values()], names=list(columns))
    ours = {k: c[2] for k, c in columns.items()}
    cells = [[base64(x) for x in c[1]] if c[2] == "bytes" else c[1] for c in columns.values()]
    for version in ["1.0", "2.0"]:
        name = f"encodings_v{version[0]}"
        pq.write_table(table, HERE / f"{name}.parquet", use_dictionary=False, column_encoding={k: c[3] for k, c in columns.items()}, compression="zstd",
                       data_page_version=version, data_page_size=1500, store_schema=False, row_group_size=500)
        expect(name, ours, cells)
    # A dictionary that grows too large: the first pages have codes, the others are plain. And codes of many widths, in runs and out.
    few = [r.choice(["x", "y"]) if i < 350 else "z" for i in range(n)]
    many = [f"value {r.randrange(400)}" for _ in range(n)]
    table = pa.table({"few": few, "many": many, "number": near, "null": holes(few), "one": ["same"] * n})
    pq.write_table(table, HERE / "dictionary.parquet", dictionary_pagesize_limit=1500, data_page_size=400, write_batch_size=50, store_schema=False, compression="snappy")
    expect("dictionary", {"few": "string", "many": "string", "number": "int", "null": "string", "one": "string"}, [few, many, near, table["null"].to_pylist(), ["same"] * n])


# 4. Nested columns.

def make_nested():
    n = 90
    values = {
        "list": (pa.list_(pa.string()), "list<string>", [["a", None], [], ["b", "c", "d"]]),
        "list_list": (pa.list_(pa.list_(pa.int64())), "list<list<int>>", [[[1], None, []], [], [[2, None, 3], [4]]]),
        "struct": (pa.struct([("a", pa.int32()), ("b", pa.list_(pa.float64()))]), "struct<a:int,b:list<float>>", [{"a": 1, "b": [1.5]}, {"a": None, "b": None}, {"a": 3, "b": []}]),
        "list_struct": (pa.list_(pa.struct([("x", pa.string()), ("y", pa.bool_())])), "list<struct<x:string,y:bool>>", [[{"x": "p", "y": True}, None, {"x": None, "y": False}], []]),
        "map": (pa.map_(pa.string(), pa.int64()), "map<string,int>", [[("k", 1), ("j", None)], [], [("z", 3)]]),
        "map_list": (pa.map_(pa.string(), pa.list_(pa.date32())), "map<string,list<date>>", [[("k", [0, None]), ("a", [])], [("n", None)]]),
        "struct_map": (pa.struct([("m", pa.map_(pa.string(), pa.string()))]), "struct<m:map<string,string>>", [{"m": [("a", "b")]}, {"m": None}, {"m": []}]),
    }

    def ours(v, typ):
        if v is None:
            return None
        if pa.types.is_map(typ):
            return {k: ours(x, typ.item_type) for k, x in v}
        if pa.types.is_list(typ):
            return [ours(x, typ.value_type) for x in v]
        if pa.types.is_struct(typ):
            return {f.name: ours(v[f.name], f.type) for f in typ}
        return day(v) if pa.types.is_date(typ) else v

    cells = {k: some(v[2], n) for k, v in values.items()}
    table = pa.table({k: pa.array(cells[k], v[0]) for k, v in values.items()})
    make_arrow("nested", table, {k: v[1] for k, v in values.items()}, [[ours(v, values[k][0]) for v in cells[k]] for k in values])
    for name, options in [("nested_v1", {}), ("nested_v2", dict(data_page_version="2.0", data_page_size=60, write_batch_size=7, compression="zstd", row_group_size=40)),
                          ("nested_old_names", dict(use_compliant_nested_type=False))]:
        pq.write_table(table, HERE / f"{name}.parquet", store_schema=False, **options)
        expect(name, {k: v[1] for k, v in values.items()}, [[ours(v, values[k][0]) for v in cells[k]] for k in values])


# 5. Another writer, row groups with statistics, no rows.

def make_others():
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    con.execute(f"""copy (select i::int as i, i::utinyint as u, (i / 4)::double as f, (i / 8)::decimal(12, 3) as d, case when i % 3 = 0 then null else 's' || i end as s,
        timestamp '2024-01-31 06:00:00' + i * interval 1 second as t, timestamptz '2024-01-31 06:00:00Z' + i * interval 1 hour as tz, date '2024-02-28' + i::int as day, i % 2 = 0 as b,
        [i, null, i + 1] as l, {{'x': i, 'y': 'v' || i}} as st, map {{'k' || i: i}} as m, ('00000000-0000-0000-0000-0000000000' || (10 + i))::uuid as id
        from range(0, 50) t(i)) to '{HERE}/duckdb.parquet' (format parquet, codec zstd, row_group_size 2048)""")
    r = range(50)
    at = 1706680800000
    expect("duckdb", {"i": "int", "u": "int", "f": "float", "d": "float", "s": "string", "t": "timestamp", "tz": "timestamp", "day": "date", "b": "bool", "l": "list<int>",
                      "st": "struct<x:int,y:string>", "m": "map<string,int>", "id": "bytes"},
           [[*r], [*r], [i / 4 for i in r], [i / 8 for i in r], [None if i % 3 == 0 else f"s{i}" for i in r], [stamp(at + i * 1000) for i in r],
            [stamp(at + i * 3600000) for i in r], [day(19781 + i) for i in r], [i % 2 == 0 for i in r], [[i, None, i + 1] for i in r], [{"x": i, "y": f"v{i}"} for i in r],
            [{f"k{i}": i} for i in r], [base64(bytes.fromhex(f"{10 + i:032d}")) for i in r]], warnings=["d"])
    n = 100
    table = pa.table({"i": pa.array(range(n), pa.int32()), "t": pa.array([i * 1_000_000 - 1 for i in range(n)], pa.timestamp("us")), "s": [f"{i:03d}" for i in range(n)],
                      "u": pa.array([2**63 + i if i >= 75 else i for i in range(n)], pa.uint64()), "f": [float("nan") if i == 30 else -i / 2 for i in range(n)],
                      "none": pa.array([None if i < 25 else i for i in range(n)], pa.int64())})
    pq.write_table(table, HERE / "groups.parquet", row_group_size=25, store_schema=False)
    expect("groups", {"i": "int", "t": "timestamp", "s": "string", "u": "int", "f": "float", "none": "int"},
           [list(range(n)), [stamp(i * 1000 - 1) for i in range(n)], [f"{i:03d}" for i in range(n)], [None if i >= 75 else i for i in range(n)],
            [None if i == 30 else -i / 2 + 0.0 for i in range(n)], [None if i < 25 else i for i in range(n)]], lost={"u: beyond int64": 25, "f: not finite": 1})
    pq.write_table(table.slice(0, 0), HERE / "empty.parquet", store_schema=False)
    expect("empty", {"i": "int", "t": "timestamp", "s": "string", "u": "int", "f": "float", "none": "int"}, [])


make_types()
make_layouts()
make_codecs()
make_encodings()
make_nested()
make_others()
