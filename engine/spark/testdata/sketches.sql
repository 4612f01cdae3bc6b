with
-- the rows that ask for g (sketches.py:2:5), in the physical types
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
-- rows of g (source e, sketches.py:1:5)
j0_read as (
  select
    `k`,
    `x`,
    `s`,
    `seen`,
    `ts`
  from e_table
),
-- when each row happened, or was true, and was known
j0_timed as (
  select
    *,
    `ts` as `#ts`,
    CASE WHEN (`seen` + 3600000L) BETWEEN (-62135596800000L) AND 253402300799999L THEN (`seen` + 3600000L) END as `#known`
  from j0_read
),
-- rows that count: with a time, a key, where true, known (E1)
j0_kept as (
  select *
  from j0_timed
  where `#ts` is not null
    and `k` is not null
    and `#known` is not null
),
-- what the folds read of an event
j0_events as (
  select
    `#ts`,
    `k` as `#k0`,
    `#known`,
    struct(`#ts` as p0, `#known` as p1) as `#place`,
    `s` as `#i0`,
    `x` as `#i1`
  from j0_kept
),
-- who asks g, and what each window is then:
-- window 0: [floor(t - 7d, 1h), t)
j0_asked as (
  select
    `#row`,
    `at` as `#at`,
    `k` as `#k0`,
    ((`at` - 604800000L) - pmod((`at` - 604800000L), 3600000L)) as `#start0`,
    `at` as `#end0`
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
    e.`#i0`,
    e.`#i1`
  from j0_asked a
  left join j0_events e
    on e.`#k0` = a.`#k0`
    and e.`#ts` >= (a.`#at` - 608400000L)
    and e.`#ts` < a.`#at`
    and e.`#known` < a.`#at`
),
-- the folds of each row that asks, one for each window that reads it
j0_folds as (
  select
    `#row`,
    count(*) filter (where `#w0`) as `#rows_w0`,
    count(`#i0`) filter (where `#w0`) as `#inputs0_w0`,
    get(transform(transform(array(sort_array(collect_list(`#i0`) filter (where `#w0`))), l -> struct(l as l, filter(transform(l, (v, i) -> struct(v as v, i as i)), e -> coalesce(get(l, e.i + 1) <> e.v, true)) as ends)), q -> transform(q.ends, (e, j) -> struct(e.v as v, cast(e.i - coalesce(get(q.ends, j - 1).i, -1) as bigint) as n))), 0) as `#f0_w0_list`,
    sort_array(collect_set(cast(conv(substr(md5(cast(`#i0` as string)), 1, 2), 16, 10) as bigint) * 256L + 57 - if(cast(conv(substr(md5(cast(`#i0` as string)), 3, 14), 16, 10) as bigint) = 0L, 0, length(bin(cast(conv(substr(md5(cast(`#i0` as string)), 3, 14), 16, 10) as bigint))))) filter (where `#w0`)) as `#f1_w0_list`,
    count(`#i1`) filter (where `#w0`) as `#inputs1_w0`,
    aggregate(collect_list(cast(`#i1` as double)) filter (where `#w0`), named_struct('n', 0L, 'mean', 0d, 'm2', 0d, 'm3', 0d, 'm4', 0d), (s, v) -> if(s.n = 0L, named_struct('n', 1L, 'mean', v, 'm2', 0d, 'm3', 0d, 'm4', 0d), get(transform(transform(array(struct((v - s.mean) / (s.n + 1L) as step, cast(s.n + 1L as double) as n)), q -> struct(q.step as step, q.n as n, (v - s.mean) * (q.step * (q.n - 1d)) as square)), q -> named_struct(
        'n', s.n + 1L,
        'mean', s.mean + q.step,
        'm2', s.m2 + q.square,
        'm3', s.m3 + (q.square * q.step * (q.n - 2d) - 3d * q.step * s.m2),
        'm4', s.m4 + (q.square * q.step * q.step * (q.n * q.n - 3d * q.n + 3d) + 6d * q.step * q.step * s.m2 - 4d * q.step * s.m3))), 0))).n as `#f2_w0_n`,
    if(abs(aggregate(collect_list(cast(`#i1` as double)) filter (where `#w0`), named_struct('n', 0L, 'mean', 0d, 'm2', 0d, 'm3', 0d, 'm4', 0d), (s, v) -> if(s.n = 0L, named_struct('n', 1L, 'mean', v, 'm2', 0d, 'm3', 0d, 'm4', 0d), get(transform(transform(array(struct((v - s.mean) / (s.n + 1L) as step, cast(s.n + 1L as double) as n)), q -> struct(q.step as step, q.n as n, (v - s.mean) * (q.step * (q.n - 1d)) as square)), q -> named_struct(
        'n', s.n + 1L,
        'mean', s.mean + q.step,
        'm2', s.m2 + q.square,
        'm3', s.m3 + (q.square * q.step * (q.n - 2d) - 3d * q.step * s.m2),
        'm4', s.m4 + (q.square * q.step * q.step * (q.n * q.n - 3d * q.n + 3d) + 6d * q.step * q.step * s.m2 - 4d * q.step * s.m3))), 0))).m2) < double('Infinity'), aggregate(collect_list(cast(`#i1` as double)) filter (where `#w0`), named_struct('n', 0L, 'mean', 0d, 'm2', 0d, 'm3', 0d, 'm4', 0d), (s, v) -> if(s.n = 0L, named_struct('n', 1L, 'mean', v, 'm2', 0d, 'm3', 0d, 'm4', 0d), get(transform(transform(array(struct((v - s.mean) / (s.n + 1L) as step, cast(s.n + 1L as double) as n)), q -> struct(q.step as step, q.n as n, (v - s.mean) * (q.step * (q.n - 1d)) as square)), q -> named_struct(
        'n', s.n + 1L,
        'mean', s.mean + q.step,
        'm2', s.m2 + q.square,
        'm3', s.m3 + (q.square * q.step * (q.n - 2d) - 3d * q.step * s.m2),
        'm4', s.m4 + (q.square * q.step * q.step * (q.n * q.n - 3d * q.n + 3d) + 6d * q.step * q.step * s.m2 - 4d * q.step * s.m3))), 0))).m2 + 0d, null) as `#f2_w0_m2`,
    if(abs(aggregate(collect_list(cast(`#i1` as double)) filter (where `#w0`), named_struct('n', 0L, 'mean', 0d, 'm2', 0d, 'm3', 0d, 'm4', 0d), (s, v) -> if(s.n = 0L, named_struct('n', 1L, 'mean', v, 'm2', 0d, 'm3', 0d, 'm4', 0d), get(transform(transform(array(struct((v - s.mean) / (s.n + 1L) as step, cast(s.n + 1L as double) as n)), q -> struct(q.step as step, q.n as n, (v - s.mean) * (q.step * (q.n - 1d)) as square)), q -> named_struct(
        'n', s.n + 1L,
        'mean', s.mean + q.step,
        'm2', s.m2 + q.square,
        'm3', s.m3 + (q.square * q.step * (q.n - 2d) - 3d * q.step * s.m2),
        'm4', s.m4 + (q.square * q.step * q.step * (q.n * q.n - 3d * q.n + 3d) + 6d * q.step * q.step * s.m2 - 4d * q.step * s.m3))), 0))).m4) < double('Infinity'), aggregate(collect_list(cast(`#i1` as double)) filter (where `#w0`), named_struct('n', 0L, 'mean', 0d, 'm2', 0d, 'm3', 0d, 'm4', 0d), (s, v) -> if(s.n = 0L, named_struct('n', 1L, 'mean', v, 'm2', 0d, 'm3', 0d, 'm4', 0d), get(transform(transform(array(struct((v - s.mean) / (s.n + 1L) as step, cast(s.n + 1L as double) as n)), q -> struct(q.step as step, q.n as n, (v - s.mean) * (q.step * (q.n - 1d)) as square)), q -> named_struct(
        'n', s.n + 1L,
        'mean', s.mean + q.step,
        'm2', s.m2 + q.square,
        'm3', s.m3 + (q.square * q.step * (q.n - 2d) - 3d * q.step * s.m2),
        'm4', s.m4 + (q.square * q.step * q.step * (q.n * q.n - 3d * q.n + 3d) + 6d * q.step * q.step * s.m2 - 4d * q.step * s.m3))), 0))).m4 + 0d, null) as `#f2_w0_m4`
  from j0_pairs
  group by `#row`
),
-- the values of g (source e, sketches.py:1:5):
-- s_histogram3_7d histogram over [floor(t - 7d, 1h), t) (sketches.py:3:5)
-- s_approx_count_distinct_7d approx_count_distinct over [floor(t - 7d, 1h), t) (sketches.py:4:5)
-- x_kurtosis_7d kurtosis over [floor(t - 7d, 1h), t) (sketches.py:5:5)
j0_finished as (
  select
    a.`#row`,
    map_from_entries(sort_array(slice(array_sort(f.`#f0_w0_list`, (a, b) -> case when a.n > b.n then -1 when a.n < b.n then 1 when a.v < b.v then -1 when a.v > b.v then 1 else 0 end), 1, 3))) as `s_histogram3_7d`,
    f.`#rows_w0`,
    f.`#inputs0_w0`,
    get(transform(transform(array(filter(f.`#f1_w0_list`, (v, i) -> coalesce(get(f.`#f1_w0_list`, i + 1) div 256 <> v div 256, true))), r -> struct(256L - size(r) as empty, aggregate(r, cast(256L - size(r) as double), (s, v) -> s + pow(2d, -(v % 256L))) as sum)), s -> cast(round(if(4.707271267120224e+04d / s.sum <= 6.4e+02d and s.empty > 0, 2.56e+02d * ln(2.56e+02d / s.empty), 4.707271267120224e+04d / s.sum)) as bigint)), 0) as `s_approx_count_distinct_7d`,
    CASE WHEN (f.`#f2_w0_m2` > 0e+00d) THEN (get(filter(array((try_divide(try_divide(try_divide(f.`#f2_w0_m4`, CAST(f.`#f2_w0_n` AS DOUBLE)), if(abs(try_divide(f.`#f2_w0_m2`, CAST(f.`#f2_w0_n` AS DOUBLE))) < double('Infinity'), try_divide(f.`#f2_w0_m2`, CAST(f.`#f2_w0_n` AS DOUBLE)) + 0d, null)), if(abs(try_divide(f.`#f2_w0_m2`, CAST(f.`#f2_w0_n` AS DOUBLE))) < double('Infinity'), try_divide(f.`#f2_w0_m2`, CAST(f.`#f2_w0_n` AS DOUBLE)) + 0d, null)) - 3e+00d)), v -> abs(v) < double('Infinity')), 0) + 0d) END as `x_kurtosis_7d`,
    f.`#inputs1_w0`
  from j0_asked a
  left join j0_folds f on f.`#row` = a.`#row`
),
-- the same after their defaults (A4), and what each is
j0_values as (
  select
    `#row`,
    `s_histogram3_7d`,
    case when `s_histogram3_7d` is not null then 0 when `#rows_w0` = 0 then 2 when `#inputs0_w0` > 0 then 4 else 3 end as `#is s_histogram3_7d`,
    `s_approx_count_distinct_7d`,
    case when `s_approx_count_distinct_7d` is not null then 0 when `#rows_w0` = 0 then 2 when `#inputs0_w0` > 0 then 4 else 3 end as `#is s_approx_count_distinct_7d`,
    `x_kurtosis_7d`,
    case when `x_kurtosis_7d` is not null then 0 when `#rows_w0` = 0 then 2 when `#inputs1_w0` > 0 then 4 else 3 end as `#is x_kurtosis_7d`
  from j0_finished
),
-- the row with its values
row as (
  select
    spine.*,
    j0_values.`s_histogram3_7d`,
    j0_values.`#is s_histogram3_7d`,
    j0_values.`s_approx_count_distinct_7d`,
    j0_values.`#is s_approx_count_distinct_7d`,
    j0_values.`x_kurtosis_7d`,
    j0_values.`#is x_kurtosis_7d`
  from spine
  left join j0_values on j0_values.`#row` = spine.`#row`
)
-- the rows in the spine's order
select
  `#row`,
  `#why`,
  `at` as `#at`,
  if(`#why` is null, `s_histogram3_7d`, null) as `s_histogram3_7d`,
  if(`#why` is null, `s_approx_count_distinct_7d`, null) as `s_approx_count_distinct_7d`,
  if(`#why` is null, `x_kurtosis_7d`, null) as `x_kurtosis_7d`,
  cast(if(`#why` is null, `#is s_histogram3_7d`, null) as tinyint) as `#is s_histogram3_7d`,
  cast(if(`#why` is null, `#is s_approx_count_distinct_7d`, null) as tinyint) as `#is s_approx_count_distinct_7d`,
  cast(if(`#why` is null, `#is x_kurtosis_7d`, null) as tinyint) as `#is x_kurtosis_7d`
from row
order by `#row`
