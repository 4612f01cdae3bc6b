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
)
-- how many events each day has, and how many rows are none, by the reason
select cast(null as bigint) as day, row_count as events, null_time, null_key, not_where, duplicates, concat(made_time, made_where, made_counting) as made
from (select cast(array() as array<bigint>) as made_where, count(*) as row_count, count_if(not (`#ts` is not null)) as `null_time`, count_if((`#ts` is not null) and not (`k` is not null)) as `null_key`, count_if((`#ts` is not null) and (`k` is not null) and not (coalesce(((`n` IS NULL) OR (`n` >= 0L)), false))) as `not_where`, count_if((`#ts` is not null) and (`k` is not null) and (coalesce(((`n` IS NULL) OR (`n` >= 0L)), false)) and not (true)) as `null_known_at` from j0_timed)
cross join (select coalesce(sum(copies - 1), 0L) as duplicates, count(*) - count(distinct id) as conflicts from (select id, count(*) as copies from (select `id` as id, `#ts` as ts from j0_kept where `id` is not null) group by id, ts))
cross join (select cast(array() as array<bigint>) as made_time)
cross join (select cast(array() as array<bigint>) as made_counting)
union all
select (`#ts` - pmod(`#ts`, 86400000L)), count(*), 0L, 0L, 0L, 0L, null
from j0_events
group by 1
