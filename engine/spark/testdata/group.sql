with
-- the rows that ask for g (group.py:3:5), in the physical types
spine_read as (
  select
    `#row`,
    `at`,
    `k`
  from spine_table
),
-- as of when each row asks: at
spine_timed as (
  select
    *,
    `at` as `#at`
  from spine_read
),
-- the row as it begins: its keys, fields and kept columns; why it is left out, if it is
spine as (
  select
    `#row`,
    case
      when `#at` is null then 0
    end as `#why`,
    `#at` as `at`,
    `k`
  from spine_timed
),
-- rows of g (source e, group.py:1:5)
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
j0_timed as (
  select
    *,
    `ts` as `#ts`
  from j0_read
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
-- who asks g, and what each window is then:
-- window 0: [floor(t - 2h - 7d, 1h), floor(t - 2h, 1m))
-- window 1: [floor(t - 2h - 1d, 15m), floor(t - 2h, 1m))
-- window 2: [-∞, floor(t - 2h, 1m))
-- window 3: [t - 2h - 1d, t - 2h)
-- window 4: [floor(t - 2h, 30d) - 30d, floor(t - 2h, 30d))
j0_asked as (
  select
    `#row`,
    `at` as `#at`,
    `k` as `#k0`,
    (((`at` - 7200000L) - 604800000L) - pmod(((`at` - 7200000L) - 604800000L), 3600000L)) as `#start0`,
    ((`at` - 7200000L) - pmod((`at` - 7200000L), 60000L)) as `#end0`,
    (((`at` - 7200000L) - 86400000L) - pmod(((`at` - 7200000L) - 86400000L), 900000L)) as `#start1`,
    ((`at` - 7200000L) - pmod((`at` - 7200000L), 60000L)) as `#end1`,
    ((`at` - 7200000L) - pmod((`at` - 7200000L), 60000L)) as `#end2`,
    ((`at` - 7200000L) - 86400000L) as `#start3`,
    (`at` - 7200000L) as `#end3`,
    ((`at` - 7200000L) + 7200000L) as `#asof3`,
    (((`at` - 7200000L) - pmod((`at` - 7200000L), 2592000000L)) - 2592000000L) as `#start4`,
    ((`at` - 7200000L) - pmod((`at` - 7200000L), 2592000000L)) as `#end4`
  from spine
  where `#why` is null
),
-- each row that asks, beside the events that its windows may see
j0_pairs as (
  select
    a.`#row`,
    e.`#ts`,
    e.`#place`,
    (e.`#ts` >= a.`#start0` and e.`#ts` < a.`#end0`) as `#w0`,
    (e.`#ts` >= a.`#start1` and e.`#ts` < a.`#end1`) as `#w1`,
    (e.`#ts` < a.`#end2`) as `#w2`,
    (e.`#ts` >= a.`#start3` and e.`#ts` < a.`#end3`) as `#w3`,
    (e.`#ts` >= a.`#start4` and e.`#ts` < a.`#end4`) as `#w4`,
    e.`#i0`,
    e.`#i1`,
    e.`#i2`,
    e.`#c0`,
    e.`#b0`
  from j0_asked a
  left join j0_events e
    on e.`#k0` = a.`#k0`
    and e.`#ts` < a.`#at`
),
-- the folds of each row that asks, one for each window that reads it
j0_folds as (
  select
    `#row`,
    count(*) filter (where `#w0`) as `#rows_w0`,
    count(*) filter (where `#w0`) as `#f0_w0_n`,
    count(*) filter (where `#w1`) as `#rows_w1`,
    count(*) filter (where `#w1`) as `#f0_w1_n`,
    count(`#i0`) filter (where `#w0`) as `#inputs0_w0`,
    if(abs(sum(`#i0`) filter (where `#w0`)) < double('Infinity'), sum(`#i0`) filter (where `#w0`) + 0d, null) as `#f1_w0_total`,
    count(`#i0`) filter (where `#w0`) as `#f2_w0_n`,
    count(*) filter (where `#w0` and `#c0`) as `#rows_w0_c0`,
    count(`#i1`) filter (where `#w0` and `#c0`) as `#inputs1_w0_c0`,
    try_cast((cast(sum(shiftright(`#i1`, 32)) filter (where `#w0` and `#c0`) as decimal(38, 0)) * 4294967296 + cast(sum(`#i1` & 4294967295L) filter (where `#w0` and `#c0`) as decimal(20, 0))) as bigint) as `#f3_w0_sum`,
    count(`#i1`) filter (where `#w0` and `#c0`) as `#f4_w0_n`,
    count(*) filter (where `#w2`) as `#rows_w2`,
    count(`#i2`) filter (where `#w2`) as `#inputs2_w2`,
    max_by(`#i2`, struct(`#place`, `#i2` as v)) filter (where `#w2` and `#i2` is not null) as `#f5_w2_value`,
    count(*) filter (where `#w3`) as `#rows_w3`,
    max(`#ts`) filter (where `#w3`) as `#f6_w3_ts`,
    count(*) filter (where `#w4`) as `#rows_w4`,
    count(`#i1`) filter (where `#w4`) as `#inputs1_w4`,
    coalesce(max_by(`#i1`, struct(`#place`, `#i1` as v), 3) filter (where `#w4` and `#i1` is not null), cast(array() as ARRAY<BIGINT>)) as `#f7_w4_list`,
    get(transform(transform(array(sort_array(collect_list(get(transform(transform(transform(array(cast(`#i0` as double)), x -> struct(x as x, floor(log2(abs(x))) as e)), s -> struct(s.x as x, pow(2d, s.e - if(pow(2d, s.e) > abs(s.x), 1, 0) + if(pow(2d, s.e + 1) <= abs(s.x), 1, 0) - 6) as step)), s -> if(abs(s.x) < 2.2250738585072014E-308d, 0d, sign(s.x) * (floor(abs(s.x) / s.step) + 0.5d) * s.step)), 0)) filter (where `#w0`))), l -> struct(l as l, filter(transform(l, (v, i) -> struct(v as v, i as i)), e -> coalesce(get(l, e.i + 1) <> e.v, true)) as ends)), q -> transform(q.ends, (e, j) -> struct(e.v as v, cast(e.i - coalesce(get(q.ends, j - 1).i, -1) as bigint) as n))), 0) as `#f10_w0_list`
  from j0_pairs
  group by `#row`
),
-- the folds of each row that asks, one for each window that reads it, by s (A3)
j0_folds0 as (
  select
    `#row`,
    `#b0`,
    count(*) filter (where `#w0`) as `#rows_w0`,
    try_cast((cast(sum(shiftright(`#i1`, 32)) filter (where `#w0`) as decimal(38, 0)) * 4294967296 + cast(sum(`#i1` & 4294967295L) filter (where `#w0`) as decimal(20, 0))) as bigint) as `#f8_w0_sum`,
    count(`#i1`) filter (where `#w0`) as `#f9_w0_n`
  from j0_pairs
  where `#b0` is not null
  group by `#row`, `#b0`
),
-- an entry for each string of s, the least first
j0_maps0 as (
  select
    `#row`,
    map_from_entries(slice(array_sort(collect_list(struct(`#b0` as k, CASE WHEN (`#f9_w0_n` > 0L) THEN `#f8_w0_sum` END as v)) filter (where `#rows_w0` > 0), (a, b) -> case when a.k < b.k then -1 when a.k > b.k then 1 else 0 end), 1, 10)) as `n_by_s_7d`
  from j0_folds0
  group by `#row`
),
-- the values of g (source e, group.py:1:5):
-- count_7d count over [floor(t - 2h - 7d, 1h), floor(t - 2h, 1m)) (group.py:4:5)
-- count_1d count over [floor(t - 2h - 1d, 15m), floor(t - 2h, 1m)) (group.py:4:5)
-- x_avg_7d avg over [floor(t - 2h - 7d, 1h), floor(t - 2h, 1m)) (group.py:5:5)
-- n_sum_7d sum over [floor(t - 2h - 7d, 1h), floor(t - 2h, 1m)) (group.py:6:5)
-- s_last last over [-∞, floor(t - 2h, 1m)) (group.py:7:5)
-- time_since_last_1d time_since_last over [t - 2h - 1d, t - 2h) (group.py:8:5)
-- n_last_k3_30d last_k over [floor(t - 2h, 30d) - 30d, floor(t - 2h, 30d)) (group.py:9:5)
-- n_by_s_7d sum over [floor(t - 2h - 7d, 1h), floor(t - 2h, 1m)) (group.py:10:5)
-- x_approx_quantile_7d approx_quantile over [floor(t - 2h - 7d, 1h), floor(t - 2h, 1m)) (group.py:11:5)
j0_finished as (
  select
    a.`#row`,
    f.`#f0_w0_n` as `count_7d`,
    f.`#rows_w0`,
    f.`#f0_w1_n` as `count_1d`,
    f.`#rows_w1`,
    CASE WHEN (f.`#f2_w0_n` > 0L) THEN if(abs(try_divide(f.`#f1_w0_total`, CAST(f.`#f2_w0_n` AS DOUBLE))) < double('Infinity'), try_divide(f.`#f1_w0_total`, CAST(f.`#f2_w0_n` AS DOUBLE)) + 0d, null) END as `x_avg_7d`,
    f.`#inputs0_w0`,
    CASE WHEN (f.`#f4_w0_n` > 0L) THEN f.`#f3_w0_sum` END as `n_sum_7d`,
    f.`#rows_w0_c0`,
    f.`#inputs1_w0_c0`,
    f.`#f5_w2_value` as `s_last`,
    f.`#rows_w2`,
    f.`#inputs2_w2`,
    try_subtract(a.`#asof3`, f.`#f6_w3_ts`) as `time_since_last_1d`,
    f.`#rows_w3`,
    f.`#f7_w4_list` as `n_last_k3_30d`,
    f.`#rows_w4`,
    f.`#inputs1_w4`,
    m0.`n_by_s_7d`,
    aggregate(f.`#f10_w0_list`, struct(cast(floor(5e-01d * (aggregate(f.`#f10_w0_list`, 0L, (s, e) -> s + e.n) - 1L)) as bigint) as rank, cast(null as double) as x), (s, e) -> if(s.rank < 0L, s, struct(s.rank - e.n as rank, e.v as x)), s -> s.x) as `x_approx_quantile_7d`
  from j0_asked a
  left join j0_folds f on f.`#row` = a.`#row`
  left join j0_maps0 m0 on m0.`#row` = a.`#row`
),
-- the same after their defaults (A4), and what each is
j0_values as (
  select
    `#row`,
    `count_7d`,
    case when `count_7d` is not null then 0 when `#rows_w0` = 0 then 2 else 3 end as `#is count_7d`,
    `count_1d`,
    case when `count_1d` is not null then 0 when `#rows_w1` = 0 then 2 else 3 end as `#is count_1d`,
    `x_avg_7d`,
    case when `x_avg_7d` is not null then 0 when `#rows_w0` = 0 then 2 when `#inputs0_w0` > 0 then 4 else 3 end as `#is x_avg_7d`,
    `n_sum_7d`,
    case when `n_sum_7d` is not null then 0 when `#rows_w0_c0` = 0 then 2 when `#inputs1_w0_c0` > 0 then 4 else 3 end as `#is n_sum_7d`,
    `s_last`,
    case when `s_last` is not null then 0 when `#rows_w2` = 0 then 2 when `#inputs2_w2` > 0 then 4 else 3 end as `#is s_last`,
    `time_since_last_1d`,
    case when `time_since_last_1d` is not null then 0 when `#rows_w3` = 0 then 2 else 3 end as `#is time_since_last_1d`,
    `n_last_k3_30d`,
    case when `n_last_k3_30d` is not null then 0 when `#rows_w4` = 0 then 2 when `#inputs1_w4` > 0 then 4 else 3 end as `#is n_last_k3_30d`,
    coalesce(`n_by_s_7d`, cast(map() as MAP<STRING, BIGINT>)) as `n_by_s_7d`,
    0 as `#is n_by_s_7d`,
    coalesce(`x_approx_quantile_7d`, 0e+00d) as `x_approx_quantile_7d`,
    if(`x_approx_quantile_7d` is null, 1, 0) as `#is x_approx_quantile_7d`
  from j0_finished
),
-- the row with its values
row as (
  select
    spine.*,
    j0_values.`count_7d`,
    j0_values.`#is count_7d`,
    j0_values.`count_1d`,
    j0_values.`#is count_1d`,
    j0_values.`x_avg_7d`,
    j0_values.`#is x_avg_7d`,
    j0_values.`n_sum_7d`,
    j0_values.`#is n_sum_7d`,
    j0_values.`s_last`,
    j0_values.`#is s_last`,
    j0_values.`time_since_last_1d`,
    j0_values.`#is time_since_last_1d`,
    j0_values.`n_last_k3_30d`,
    j0_values.`#is n_last_k3_30d`,
    j0_values.`n_by_s_7d`,
    j0_values.`#is n_by_s_7d`,
    j0_values.`x_approx_quantile_7d`,
    j0_values.`#is x_approx_quantile_7d`
  from spine
  left join j0_values on j0_values.`#row` = spine.`#row`
)
-- the rows in the spine's order
select
  `#row`,
  `#why`,
  `at` as `#at`,
  if(`#why` is null, `count_7d`, null) as `count_7d`,
  if(`#why` is null, `count_1d`, null) as `count_1d`,
  if(`#why` is null, `x_avg_7d`, null) as `x_avg_7d`,
  if(`#why` is null, `n_sum_7d`, null) as `n_sum_7d`,
  if(`#why` is null, `s_last`, null) as `s_last`,
  if(`#why` is null, `time_since_last_1d`, null) as `time_since_last_1d`,
  if(`#why` is null, `n_last_k3_30d`, null) as `n_last_k3_30d`,
  if(`#why` is null, `n_by_s_7d`, null) as `n_by_s_7d`,
  if(`#why` is null, `x_approx_quantile_7d`, null) as `x_approx_quantile_7d`,
  cast(if(`#why` is null, `#is count_7d`, null) as tinyint) as `#is count_7d`,
  cast(if(`#why` is null, `#is count_1d`, null) as tinyint) as `#is count_1d`,
  cast(if(`#why` is null, `#is x_avg_7d`, null) as tinyint) as `#is x_avg_7d`,
  cast(if(`#why` is null, `#is n_sum_7d`, null) as tinyint) as `#is n_sum_7d`,
  cast(if(`#why` is null, `#is s_last`, null) as tinyint) as `#is s_last`,
  cast(if(`#why` is null, `#is time_since_last_1d`, null) as tinyint) as `#is time_since_last_1d`,
  cast(if(`#why` is null, `#is n_last_k3_30d`, null) as tinyint) as `#is n_last_k3_30d`,
  cast(if(`#why` is null, `#is n_by_s_7d`, null) as tinyint) as `#is n_by_s_7d`,
  cast(if(`#why` is null, `#is x_approx_quantile_7d`, null) as tinyint) as `#is x_approx_quantile_7d`
from row
order by `#row`
