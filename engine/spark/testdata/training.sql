with
-- the rows that ask for t (training.py:5:5), in the physical types
spine_read as (
  select
    `#row`,
    `n`,
    `user`,
    `ask`,
    `y`
  from spine_table
),
-- as of when each row asks: ask
spine_timed as (
  select
    *,
    `ask` as `#at`
  from spine_read
),
-- the row as it begins: its keys, fields and kept columns; why it is left out, if it is
spine as (
  select
    `#row`,
    case
      when not coalesce((`y` >= 0e+00d), false) then 1
      when `#at` is null then 0
      when `#at` < 1704067200000L then 2
      when `#at` >= 1706745600000L then 2
      when not cast(cast(conv(substr(md5(concat(if(`user` is null, x'01', concat(x'06', unhex(concat(replace(replace(regexp_replace(hex(`user`), '(..)', '$1 '), '00 ', '00FF'), ' ', ''), '0001')))))), 1, 16), 16, 10) as decimal(20, 0)) as double) < 4.611686018427388e+18d then 3
    end as `#why`,
    `#at` as `at`,
    `n`,
    `user`,
    `y`,
    CASE WHEN (`ask` + 86400000L) BETWEEN (-62135596800000L) AND 253402300799999L THEN (`ask` + 86400000L) END as `label time`,
    if(abs((`y` + 1e+00d)) < double('Infinity'), (`y` + 1e+00d) + 0d, null) as `weight`,
    filter(array(if((`ask` IS NOT NULL) AND (CASE WHEN (`ask` + 86400000L) BETWEEN (-62135596800000L) AND 253402300799999L THEN (`ask` + 86400000L) END IS NULL), 0, null),
      if((`y` IS NOT NULL) AND (if(abs((`y` + 1e+00d)) < double('Infinity'), (`y` + 1e+00d) + 0d, null) IS NULL), 1, null)), n -> n is not null) as `#nulls0`
  from spine_timed
),
-- rows of g (source e, training.py:1:5)
j0_read as (
  select
    `user`,
    `x`,
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
    and `user` is not null
),
-- what the folds read of an event
j0_events as (
  select
    `#ts`,
    `user` as `#k0`,
    struct(`#ts` as p0) as `#place`,
    `x` as `#i0`
  from j0_kept
),
-- who asks g, and what each window is then:
-- window 0: [floor(t - 3h - 1d, 15m), floor(t - 3h, 1m))
j0_asked as (
  select
    `#row`,
    `at` as `#at`,
    `user` as `#k0`,
    (((`at` - 10800000L) - 86400000L) - pmod(((`at` - 10800000L) - 86400000L), 900000L)) as `#start0`,
    ((`at` - 10800000L) - pmod((`at` - 10800000L), 60000L)) as `#end0`
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
    e.`#i0`
  from j0_asked a
  left join j0_events e
    on e.`#k0` = a.`#k0`
    and e.`#ts` >= (a.`#at` - 98100000L)
    and e.`#ts` < a.`#at`
),
-- the folds of each row that asks, one for each window that reads it
j0_folds as (
  select
    `#row`,
    count(*) filter (where `#w0`) as `#rows_w0`,
    count(`#i0`) filter (where `#w0`) as `#inputs0_w0`,
    try_cast((cast(sum(shiftright(`#i0`, 32)) filter (where `#w0`) as decimal(38, 0)) * 4294967296 + cast(sum(`#i0` & 4294967295L) filter (where `#w0`) as decimal(20, 0))) as bigint) as `#f0_w0_sum`,
    count(`#i0`) filter (where `#w0`) as `#f1_w0_n`,
    max(`#i0`) filter (where `#w0`) as `#f2_w0_value`
  from j0_pairs
  group by `#row`
),
-- the values of g (source e, training.py:1:5):
-- g__x_sum_1d sum over [floor(t - 3h - 1d, 15m), floor(t - 3h, 1m)) (training.py:3:61)
-- g__x_max_1d max over [floor(t - 3h - 1d, 15m), floor(t - 3h, 1m)) (training.py:3:90)
j0_finished as (
  select
    a.`#row`,
    CASE WHEN (f.`#f1_w0_n` > 0L) THEN f.`#f0_w0_sum` END as `g__x_sum_1d`,
    f.`#rows_w0`,
    f.`#inputs0_w0`,
    f.`#f2_w0_value` as `g__x_max_1d`
  from j0_asked a
  left join j0_folds f on f.`#row` = a.`#row`
),
-- the same after their defaults (A4), and what each is
j0_values as (
  select
    `#row`,
    `g__x_sum_1d`,
    case when `g__x_sum_1d` is not null then 0 when `#rows_w0` = 0 then 2 when `#inputs0_w0` > 0 then 4 else 3 end as `#is g__x_sum_1d`,
    `g__x_max_1d`,
    case when `g__x_max_1d` is not null then 0 when `#rows_w0` = 0 then 2 when `#inputs0_w0` > 0 then 4 else 3 end as `#is g__x_max_1d`
  from j0_finished
),
-- rows of soon (source e, training.py:1:5)
j1_read as (
  select
    `user`,
    `late`,
    `ts`
  from e_table
),
-- when each row happened, or was true, and was known
j1_timed as (
  select
    *,
    `ts` as `#ts`
  from j1_read
),
-- rows that count: with a time, a key, where true, known (E1)
j1_kept as (
  select *
  from j1_timed
  where `#ts` is not null
    and `user` is not null
),
-- what the folds read of an event
j1_events as (
  select
    `#ts`,
    `user` as `#k0`,
    struct(`#ts` as p0) as `#place`,
    `late` as `#c0`
  from j1_kept
),
-- who asks soon, and what each window is then:
-- window 0: [t, t + 1h)
j1_asked as (
  select
    `#row`,
    `at` as `#at`,
    `user` as `#k0`,
    ((`at` + 3600000L) - 3600000L) as `#start0`,
    (`at` + 3600000L) as `#end0`
  from spine
  where `#why` is null
),
-- each row that asks, beside the events that its windows may see
j1_pairs as (
  select
    a.`#row`,
    e.`#ts`,
    e.`#place`,
    (e.`#ts` >= a.`#start0` and e.`#ts` < a.`#end0`) as `#w0`,
    e.`#c0`
  from j1_asked a
  left join j1_events e
    on e.`#k0` = a.`#k0`
    and e.`#ts` >= a.`#at`
    and e.`#ts` < (a.`#at` + 3600000L)
),
-- the folds of each row that asks, one for each window that reads it
j1_folds as (
  select
    `#row`,
    count(*) filter (where `#w0` and `#c0`) as `#rows_w0_c0`,
    count(*) filter (where `#w0` and `#c0`) as `#f0_w0_n`
  from j1_pairs
  group by `#row`
),
-- the values of soon (source e, training.py:1:5):
-- soon count over [t, t + 1h) (training.py:6:89)
j1_finished as (
  select
    a.`#row`,
    f.`#f0_w0_n` as `soon`,
    f.`#rows_w0_c0`
  from j1_asked a
  left join j1_folds f on f.`#row` = a.`#row`
),
-- the same after their defaults (A4), and what each is
j1_values as (
  select
    `#row`,
    `soon`,
    case when `soon` is not null then 0 when `#rows_w0_c0` = 0 then 2 else 3 end as `#is soon`
  from j1_finished
),
-- the row with its values
row as (
  select
    spine.*,
    j0_values.`g__x_sum_1d`,
    j0_values.`#is g__x_sum_1d`,
    j0_values.`g__x_max_1d`,
    j0_values.`#is g__x_max_1d`,
    j1_values.`soon`,
    j1_values.`#is soon`
  from spine
  left join j0_values on j0_values.`#row` = spine.`#row`
  left join j1_values on j1_values.`#row` = spine.`#row`
),
-- why a row is left out, the first reason that holds (W5)
why as (
  select
    * except (`#why`),
    case
      when `#why` is not null then `#why`
      when `soon` is null and `y` is null then 4
      when not coalesce(`label time` < 1706745600000L, false) then 5
      when (`at` + 3600000L) > 1706745600000L then 5
      when not coalesce((`at` + 3600000L) <= (select max(`#ts`) from j1_timed), false) then 6
      when `g__x_max_1d` is null then 7
    end as `#why`
  from row
)
-- the rows in the spine's order
select
  `#row`,
  `#why`,
  `at` as `#at`,
  if(`#why` is null, `n`, null) as `n`,
  if(`#why` is null, `user`, null) as `user`,
  if(`#why` is null, `at`, null) as `at`,
  if(`#why` is null, `g__x_sum_1d`, null) as `g__x_sum_1d`,
  if(`#why` is null, `g__x_max_1d`, null) as `g__x_max_1d`,
  if(`#why` is null, `soon`, null) as `soon`,
  if(`#why` is null, `y`, null) as `y`,
  if(`#why` is null, `weight`, null) as `weight`,
  cast(if(`#why` is null, `#is g__x_sum_1d`, null) as tinyint) as `#is g__x_sum_1d`,
  cast(if(`#why` is null, `#is g__x_max_1d`, null) as tinyint) as `#is g__x_max_1d`,
  cast(if(`#why` is null, `#is soon`, null) as tinyint) as `#is soon`,
  concat(`#nulls0`) as `#nulls`
from why
order by `#row`
