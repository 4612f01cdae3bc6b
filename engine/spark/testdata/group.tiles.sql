with
-- rows of tiles of e by k (source group.py:1:5)
j0_read as (
  select
    `id`,
    `k`,
    `x`,
    `n`,
    `s`,
    `seq`,
    `ts`
  from e_table
),
-- when each row happened, or was true, and was known
j0_dated as (
  select
    *,
    `ts` as `#ts`
  from j0_read
),
-- those of the days that are asked for, and those without a time
j0_timed as (
  select *
  from j0_dated
  where `#ts` is null
    or `#ts` >= 1704067200000L and `#ts` < 1704240000000L
    or `#ts` >= 1704672000000L and `#ts` < 1704758400000L
),
-- rows that count: with a time, a key, where true, known (E1)
j0_kept as (
  select *
  from j0_timed
  where `#ts` is not null
    and `k` is not null
    and ((`n` IS NULL) OR (`n` >= 0L))
),
-- rows of one id and time, the one that counts first (E3)
j0_numbered as (
  select *, row_number() over (partition by `id`, `#ts` order by `id`, `k`, `n`, `s`, `seq`, `ts`, `x`) as `#copy`
  from j0_kept
),
-- without copies
j0_distinct as (
  select *
  from j0_numbered
  where `#copy` = 1 or `id` is null
),
-- what the folds read of an event
j0_events as (
  select
    `#ts`,
    `k` as `#k0`,
    struct(`#ts` as p0, `seq` as p1) as `#place`,
    `x` as `#i0`,
    `n` as `#i1`,
    `s` as `#i2`,
    (`s` = 'a') as `#c0`,
    `s` as `#b0`
  from j0_distinct
),
-- each event in its tile, 1m long
j0_placed as (
  select
    *,
    (`#ts` - pmod(`#ts`, 60000L)) as `#tile`
  from j0_events
),
-- the states of each tile's events:
-- #f0 count/1 rows for g.count_7d (group.py:4:5)
-- #f1 floatsum/1 float for g.x_avg_7d (group.py:5:5)
-- #f2 count/1 for g.x_avg_7d (group.py:5:5)
-- #f3 intsum/1 int for g.n_sum_7d (group.py:6:5)
-- #f4 count/1 for g.n_sum_7d (group.py:6:5)
-- #f5 edge/1 string last for g.s_last (group.py:7:5)
-- #f6 eventlist/1 int last k=3 for g.n_last_k3_30d (group.py:9:5)
-- #f7 intsum/1 int by/1 max=10 for g.n_by_s_7d (group.py:10:5)
-- #f8 count/1 by/1 max=10 for g.n_by_s_7d (group.py:10:5)
-- #f9 bucketcounts/1 float bits=6 for g.x_approx_quantile_7d (group.py:11:5)
j0_tiles as (
  select
    `#k0`,
    `#tile`,
    count(*) as `#rows`,
    count(*) as `#f0`,
    struct(count(`#i0`) as n, if(abs(sum(`#i0`)) < double('Infinity'), sum(`#i0`) + 0d, null) as total) as `#f1`,
    count(`#i0`) as `#f2`,
    struct(sum(shiftright(`#i1`, 32)) filter (where `#c0`) as upper, sum(`#i1` & 4294967295L) filter (where `#c0`) as lower) as `#f3`,
    count(`#i1`) filter (where `#c0`) as `#f4`,
    max_by(struct(`#place` as place, `#i2` as x), struct(`#place`, `#i2` as v)) filter (where `#i2` is not null) as `#f5`,
    max_by(struct(`#place` as place, `#i1` as x), struct(`#place`, `#i1` as v), 3) filter (where `#i1` is not null) as `#f6`,
    get(transform(transform(array(sort_array(collect_list(get(transform(transform(transform(array(cast(`#i0` as double)), x -> struct(x as x, floor(log2(abs(x))) as e)), s -> struct(s.x as x, pow(2d, s.e - if(pow(2d, s.e) > abs(s.x), 1, 0) + if(pow(2d, s.e + 1) <= abs(s.x), 1, 0) - 6) as step)), s -> if(abs(s.x) < 2.2250738585072014E-308d, 0d, sign(s.x) * (floor(abs(s.x) / s.step) + 0.5d) * s.step)), 0)))), l -> struct(l as l, filter(transform(l, (v, i) -> struct(v as v, i as i)), e -> coalesce(get(l, e.i + 1) <> e.v, true)) as ends)), q -> transform(q.ends, (e, j) -> struct(e.v as v, cast(e.i - coalesce(get(q.ends, j - 1).i, -1) as bigint) as n))), 0) as `#f9`
  from j0_placed
  group by `#k0`, `#tile`
),
-- the states by s (A3)
j0_entries0 as (
  select
    `#k0`,
    `#tile`,
    `#b0`,
    count(*) as `#rows`,
    struct(sum(shiftright(`#i1`, 32)) as upper, sum(`#i1` & 4294967295L) as lower) as `#f7`,
    count(`#i1`) as `#f8`
  from j0_placed
  where `#b0` is not null
  group by `#k0`, `#tile`, `#b0`
),
-- of each tile, the least strings first
j0_maps0 as (
  select
    `#k0`,
    `#tile`,
    slice(array_sort(collect_list(struct(`#b0` as k, `#f7` as v)) filter (where `#rows` > 0), (a, b) -> case when a.k < b.k then -1 when a.k > b.k then 1 else 0 end), 1, 10) as `#f7`,
    slice(array_sort(collect_list(struct(`#b0` as k, `#f8` as v)) filter (where `#rows` > 0), (a, b) -> case when a.k < b.k then -1 when a.k > b.k then 1 else 0 end), 1, 10) as `#f8`
  from j0_entries0
  group by `#k0`, `#tile`
),
-- the same with the key's canonical encoding
j0_keyed as (
  select
    *,
    concat(if(`#k0` is null, x'01', concat(x'06', unhex(concat(replace(replace(regexp_replace(hex(`#k0`), '(..)', '$1 '), '00 ', '00FF'), ' ', ''), '0001'))))) as `#text`
  from j0_tiles
  left join j0_maps0 using (`#k0`, `#tile`)
)
-- in the order of tile files
select
  `#k0`,
  `#tile`,
  `#rows`,
  `#f0`,
  `#f1`,
  `#f2`,
  `#f3`,
  `#f4`,
  `#f5`,
  `#f6`,
  `#f7`,
  `#f8`,
  `#f9`
from j0_keyed
order by (`#tile` - pmod(`#tile`, 86400000L)), md5(`#text`), `#text`, `#tile`
