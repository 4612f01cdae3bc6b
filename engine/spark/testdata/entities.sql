with
-- the rows that ask for v (entities.py:5:5), in the physical types
spine_read as (
  select
    `#row`,
    `at`,
    `tail`
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
    `tail`
  from spine_timed
),
-- rows of planes (source plane, entities.py:1:9)
j0_read as (
  select
    `tail`,
    `year`,
    `gone`,
    `changed`
  from plane_table
),
-- when each row happened, or was true, and was known
j0_timed as (
  select
    *,
    `changed` as `#ts`,
    coalesce(`gone`, false) as `#deleted`
  from j0_read
),
-- rows that count: with a time, a key, where true, known (E1)
j0_kept as (
  select *
  from j0_timed
  where `#ts` is not null
    and `tail` is not null
),
-- what the folds read of an event
j0_events as (
  select
    `#ts`,
    `tail` as `#k0`,
    struct(`#ts` as p0, `#deleted` as p1, `changed` as p2, `gone` as p3, `tail` as p4, `year` as p5) as `#place`,
    if(`#deleted`, null, `year`) as `#i0`
  from j0_kept
),
-- who asks planes, and what each window is then:
-- window 0: [-∞, t)
-- window 1: [-∞, floor(t - 30d, 6h))
j0_asked as (
  select
    `#row`,
    `at` as `#at`,
    `tail` as `#k0`,
    `at` as `#end0`,
    (`at` - 2592000000L) as `#end1`
  from spine
  where `#why` is null
),
-- each row that asks, beside the events that its windows may see
j0_pairs as (
  select
    a.`#row`,
    e.`#ts`,
    e.`#place`,
    (e.`#ts` < a.`#end0`) as `#w0`,
    (e.`#ts` < a.`#end1`) as `#w1`,
    e.`#i0`
  from j0_asked a
  left join j0_events e
    on e.`#k0` = a.`#k0`
),
-- the folds of each row that asks, one for each window that reads it
j0_folds as (
  select
    `#row`,
    count(*) filter (where `#w0`) as `#rows_w0`,
    count(`#i0`) filter (where `#w0`) as `#inputs0_w0`,
    max_by(`#i0`, struct(`#place`, `#i0` as v)) filter (where `#w0`) as `#f0_w0_value`,
    count(*) filter (where `#w1`) as `#rows_w1`,
    count(`#i0`) filter (where `#w1`) as `#inputs0_w1`,
    max_by(`#i0`, struct(`#place`, `#i0` as v)) filter (where `#w1`) as `#f0_w1_value`
  from j0_pairs
  group by `#row`
),
-- the values of planes (source plane, entities.py:1:9):
-- planes__year latest over [-∞, t) (entities.py:3:60)
-- planes__year_before latest over [-∞, floor(t - 30d, 6h)) (entities.py:3:79)
j0_finished as (
  select
    a.`#row`,
    f.`#f0_w0_value` as `planes__year`,
    f.`#rows_w0`,
    f.`#inputs0_w0`,
    f.`#f0_w1_value` as `planes__year_before`,
    f.`#rows_w1`,
    f.`#inputs0_w1`
  from j0_asked a
  left join j0_folds f on f.`#row` = a.`#row`
),
-- the same after their defaults (A4), and what each is
j0_values as (
  select
    `#row`,
    `planes__year`,
    case when `planes__year` is not null then 0 when `#rows_w0` = 0 then 2 when `#inputs0_w0` > 0 then 4 else 3 end as `#is planes__year`,
    `planes__year_before`,
    case when `planes__year_before` is not null then 0 when `#rows_w1` = 0 then 2 when `#inputs0_w1` > 0 then 4 else 3 end as `#is planes__year_before`
  from j0_finished
),
-- rows of scores (source daily, entities.py:2:9)
j1_read as (
  select
    `tail`,
    `score`,
    `tags`,
    `ds`
  from daily_table
),
-- when each row happened, or was true, and was known
j1_timed as (
  select
    *,
    try_add((`ds` * 86400000L), 86400000L) as `#ts`
  from j1_read
),
-- when the partitions end
j1_partitions as (
  select array_union((select collect_set(`#ts`) from j1_timed), cast(array(1704153600000L, 1704240000000L) as array<bigint>)) as `#ends`
),
-- rows that count: with a time, a key, where true, known (E1)
j1_kept as (
  select *
  from j1_timed
  where `#ts` is not null
    and `tail` is not null
),
-- what the folds read of an event
j1_events as (
  select
    `#ts`,
    `tail` as `#k0`,
    struct(`#ts` as p0, `ds` as p1, `score` as p2, transform(array_sort(map_entries(`tags`), (a, b) -> case when a.key < b.key then -1 when a.key > b.key then 1 else 0 end), m -> struct(m.key, m.value)) as p3, `tail` as p4) as `#place`,
    `score` as `#i0`
  from j1_kept
),
-- who asks scores, and what each window is then:
-- window 0: [-∞, t)
j1_asked as (
  select
    `#row`,
    `at` as `#at`,
    `tail` as `#k0`,
    array_max(filter(`#ends`, x -> x < `at`)) as `#end0`
  from spine
  cross join j1_partitions
  where `#why` is null
),
-- each row that asks, beside the events that its windows may see
j1_pairs as (
  select
    a.`#row`,
    e.`#ts`,
    e.`#place`,
    (e.`#ts` = a.`#end0`) as `#w0`,
    e.`#i0`
  from j1_asked a
  left join j1_events e
    on e.`#k0` = a.`#k0`
),
-- the folds of each row that asks, one for each window that reads it
j1_folds as (
  select
    `#row`,
    count(*) filter (where `#w0`) as `#rows_w0`,
    count(`#i0`) filter (where `#w0`) as `#inputs0_w0`,
    max_by(`#i0`, struct(`#place`, `#i0` as v)) filter (where `#w0`) as `#f0_w0_value`
  from j1_pairs
  group by `#row`
),
-- the values of scores (source daily, entities.py:2:9):
-- scores__score latest over [-∞, t) (entities.py:4:60)
j1_finished as (
  select
    a.`#row`,
    f.`#f0_w0_value` as `scores__score`,
    f.`#rows_w0`,
    f.`#inputs0_w0`
  from j1_asked a
  left join j1_folds f on f.`#row` = a.`#row`
),
-- the same after their defaults (A4), and what each is
j1_values as (
  select
    `#row`,
    coalesce(`scores__score`, 5e-01d) as `scores__score`,
    if(`scores__score` is null, 1, 0) as `#is scores__score`
  from j1_finished
),
-- the row with its values
row as (
  select
    spine.*,
    j0_values.`planes__year`,
    j0_values.`#is planes__year`,
    j0_values.`planes__year_before`,
    j0_values.`#is planes__year_before`,
    j1_values.`scores__score`,
    j1_values.`#is scores__score`
  from spine
  left join j0_values on j0_values.`#row` = spine.`#row`
  left join j1_values on j1_values.`#row` = spine.`#row`
),
-- derived columns (Q2):
-- age = (extract(year from at) - planes__year)
derived0 as (
  select
    *,
    try_subtract(cast(year(date_from_unix_date(cast((((`at` + 62135596800000L) div 86400000L) - 719162L) as int))) as bigint), `planes__year`) as `age`,
    filter(array(if((cast(year(date_from_unix_date(cast((((`at` + 62135596800000L) div 86400000L) - 719162L) as int))) as bigint) IS NOT NULL) AND (`planes__year` IS NOT NULL) AND (try_subtract(cast(year(date_from_unix_date(cast((((`at` + 62135596800000L) div 86400000L) - 719162L) as int))) as bigint), `planes__year`) IS NULL), 0, null)), n -> n is not null) as `#nulls0`
  from row
),
-- derived columns (Q2):
-- old = (age > 20)
derived1 as (
  select
    *,
    (`age` > 20L) as `old`
  from derived0
)
-- the rows in the spine's order
select
  `#row`,
  `#why`,
  `at` as `#at`,
  if(`#why` is null, `planes__year`, null) as `planes__year`,
  if(`#why` is null, `planes__year_before`, null) as `planes__year_before`,
  if(`#why` is null, `scores__score`, null) as `scores__score`,
  if(`#why` is null, `age`, null) as `age`,
  if(`#why` is null, `old`, null) as `old`,
  cast(if(`#why` is null, `#is planes__year`, null) as tinyint) as `#is planes__year`,
  cast(if(`#why` is null, `#is planes__year_before`, null) as tinyint) as `#is planes__year_before`,
  cast(if(`#why` is null, `#is scores__score`, null) as tinyint) as `#is scores__score`,
  concat(`#nulls0`) as `#nulls`
from derived1
order by `#row`
