SET 'execution.runtime-mode' = 'streaming';
SET 'pipeline.name' = 'bh/g/d8d814d8f121';
SET 'parallelism.default' = '1';
SET 'execution.checkpointing.mode' = 'EXACTLY_ONCE';
SET 'execution.checkpointing.interval' = '2000 ms';
SET 'execution.buffer-timeout.interval' = '5 ms';
SET 'table.local-time-zone' = 'UTC';
SET 'table.exec.state.ttl' = '270000000 ms';
SET 'table.exec.sink.not-null-enforcer' = 'ERROR';
SET 'table.exec.sink.upsert-materialize' = 'NONE';
SET 'table.dml-sync' = 'false';
SET 'table.exec.mini-batch.enabled' = 'true';
SET 'table.exec.mini-batch.allow-latency' = '50 ms';
SET 'table.exec.mini-batch.size' = '5000';

-- records of e (group.py:1:5)
CREATE TEMPORARY TABLE `topic` (
  `#record` STRING,
  `#arrived` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL
) WITH (
  'connector' = 'kafka',
  'topic' = 'orders',
  'properties.bootstrap.servers' = 'kafka:9092',
  'properties.sasl.jaas.config' = '${sasl.jaas.config}',
  'scan.startup.mode' = 'earliest-offset',
  'properties.isolation.level' = 'read_committed',
  'format' = 'raw'
);

-- their texts as Flink reads JSON: a registry's number is left out, numbers that are not finite become such of digits
-- (and words in strings that are called so, until they are fields), and what is no UTF-8 becomes U+FFFF
CREATE TEMPORARY VIEW `json` AS
SELECT
  `#json`,
  `#hidden`,
  `#arrived`
FROM `topic`
CROSS JOIN UNNEST(ARRAY[ROW(
  COALESCE((POSITION('NaN' IN `#record`) > 0 OR POSITION('Infinity' IN `#record`) > 0) AND NOT REGEXP(`#record`, '^(?:[^"]|"(?:[^"\\NI]|\\.|N(?!aN)|I(?!nfinity))*+")*+\z') AND POSITION('1e00099' IN `#record`) = 0, FALSE),
  CASE WHEN REGEXP(`#record`, '^\x{0}|NaN|Infinity|\\u[dD][89a-fA-F]|\x{FFFD}')
  THEN CASE WHEN COALESCE((POSITION('NaN' IN `#record`) > 0 OR POSITION('Infinity' IN `#record`) > 0) AND NOT REGEXP(`#record`, '^(?:[^"]|"(?:[^"\\NI]|\\.|N(?!aN)|I(?!nfinity))*+")*+\z') AND POSITION('1e00099' IN `#record`) = 0, FALSE) THEN REGEXP_REPLACE(REGEXP_REPLACE(REGEXP_REPLACE(REGEXP_REPLACE(CASE WHEN ENCODE(`#record`, 'UTF-8') = CAST(`#record` AS BYTES) THEN REGEXP_REPLACE(`#record`, '^\x{0}[\s\S]{4}', '') ELSE REGEXP_REPLACE(REGEXP_REPLACE(`#record`, '^\x{0}[\s\S]{4}', ''), '\x{FFFD}', '\uffff') END, '(?<=(?<!\\)(?:\\\\){0,99})(?:\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2})', '\uffff'), '(?<![A-Za-z0-9+.-])NaN(?![A-Za-z0-9+.-])', '1e000997'), '(?<![A-Za-z0-9+.-])-Infinity(?![A-Za-z0-9+.-])', '-1e000998'), '(?<![A-Za-z0-9+.-])Infinity(?![A-Za-z0-9+.-])', '1e000998')
  WHEN REGEXP(`#record`, '^(?:[^"]|"(?:[^"\\NI]|\\.|N(?!aN)|I(?!nfinity))*+")*+\z') THEN REGEXP_REPLACE(REGEXP_REPLACE(CASE WHEN ENCODE(`#record`, 'UTF-8') = CAST(`#record` AS BYTES) THEN REGEXP_REPLACE(`#record`, '^\x{0}[\s\S]{4}', '') ELSE REGEXP_REPLACE(REGEXP_REPLACE(`#record`, '^\x{0}[\s\S]{4}', ''), '\x{FFFD}', '\uffff') END, '(?<=(?<!\\)(?:\\\\){0,99})(?:\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2})', '\uffff'), '(?<![A-Za-z0-9+.-])(?:NaN|-?Infinity)(?![A-Za-z0-9+.-])', '1e999') ELSE REGEXP_REPLACE(REGEXP_REPLACE(CASE WHEN ENCODE(`#record`, 'UTF-8') = CAST(`#record` AS BYTES) THEN REGEXP_REPLACE(`#record`, '^\x{0}[\s\S]{4}', '') ELSE REGEXP_REPLACE(REGEXP_REPLACE(`#record`, '^\x{0}[\s\S]{4}', ''), '\x{FFFD}', '\uffff') END, '(?<=(?<!\\)(?:\\\\){0,99})(?:\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2})', '\uffff'), '(?<![A-Za-z0-9+.-])(?:NaN|-?Infinity)(?![A-Za-z0-9+.-])(?=(?:[^"\\]|\\.|"(?:[^"\\]|\\.)*+")*+\z)', '1e999') END
  ELSE `#record` END
)]) AS `#json` (`#hidden`, `#json`);

-- the fields that are columns, as one object in one spelling
CREATE TEMPORARY VIEW `fields` AS
SELECT
  `#json`,
  `#fields`,
  `#arrived`
FROM `json`
CROSS JOIN UNNEST(ARRAY[CASE WHEN `#hidden` THEN REPLACE(REPLACE(JSON_QUERY(CONCAT('[{"":', `#json`, '}]'), '$[0][''''][''id'',''k'',''n'',''s'',''seq'',''ts'',''x'']'), '1e000997', 'NaN'), '1e000998', 'Infinity') ELSE JSON_QUERY(CONCAT('[{"":', `#json`, '}]'), '$[0][''''][''id'',''k'',''n'',''s'',''seq'',''ts'',''x'']') END]) AS `#fields` (`#fields`);

-- rows: each field is null or of its column's type, and none stands twice. What is no row is a dead letter of our own stream
CREATE TEMPORARY VIEW `sound` AS
SELECT
  `#fields`,
  `#arrived`
FROM `fields`
WHERE REGEXP(`#fields`, '^\{(?:(?:"id":(?:null|"(?:[^"\\]|\\.)*+")|"k":(?:null|"(?:[^"\\]|\\.)*+")|"n":(?:null|-?[0-9]++|"[+-]?[0-9]++")|"s":(?:null|"(?:[^"\\]|\\.)*+")|"seq":(?:null|-?[0-9]++|"[+-]?[0-9]++")|"ts":(?:null|"(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[.][0-9]++)?+(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"|-?[0-9]++)|"x":(?:null|-?[0-9]++(?:[.][0-9]++)?+(?:E[+-]?[0-9]++)?+))(?:,(?!\})|(?=\})))*+\}\z')
  AND (REGEXP_COUNT(`#json`, '"(?:id|k|n|s|seq|ts|x)"\s*+:') = REGEXP_COUNT(`#fields`, '"(?:id|k|n|s|seq|ts|x)"\s*+:') OR TRY_PARSE_JSON(`#json`) IS NOT NULL);

-- the columns by the rules of values (V2, V3, V5)
CREATE TEMPORARY VIEW `read` AS
SELECT
  `#value id` AS `id`,
  `#value k` AS `k`,
  CASE WHEN `#value x` = 0e0 THEN 0e0 WHEN `#value x` BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308 THEN `#value x` END AS `x`,
  `#value n` AS `n`,
  `#value s` AS `s`,
  `#value seq` AS `seq`,
  CASE WHEN `#value ts` BETWEEN -62135596800000 AND 253402300799999 THEN `#value ts` END AS `ts`,
  `#arrived`
FROM `sound`
CROSS JOIN UNNEST(ARRAY[REGEXP_EXTRACT(`#fields`, '"ts":"?([^",}]*+)', 1)]) AS `#texts` (`#text ts`)
CROSS JOIN UNNEST(ARRAY[ROW(
  COALESCE(REGEXP_EXTRACT(`#fields`, '"id":"([^"\\\x{FFFF}]*+)"', 1), CASE WHEN REGEXP(`#fields`, '"id":"(?:[^"\\\x{FFFF}]|\\.)*+"') THEN JSON_VALUE(`#fields`, '$[''id'']') END),
  COALESCE(REGEXP_EXTRACT(`#fields`, '"k":"([^"\\\x{FFFF}]*+)"', 1), CASE WHEN REGEXP(`#fields`, '"k":"(?:[^"\\\x{FFFF}]|\\.)*+"') THEN JSON_VALUE(`#fields`, '$[''k'']') END),
  TRY_CAST(REGEXP_EXTRACT(`#fields`, '"x":"?([^",}]*+)', 1) AS DOUBLE),
  TRY_CAST(REGEXP_EXTRACT(`#fields`, '"n":"?([^",}]*+)', 1) AS BIGINT),
  COALESCE(REGEXP_EXTRACT(`#fields`, '"s":"([^"\\\x{FFFF}]*+)"', 1), CASE WHEN REGEXP(`#fields`, '"s":"(?:[^"\\\x{FFFF}]|\\.)*+"') THEN JSON_VALUE(`#fields`, '$[''s'']') END),
  TRY_CAST(REGEXP_EXTRACT(`#fields`, '"seq":"?([^",}]*+)', 1) AS BIGINT),
  CASE WHEN POSITION('T' IN `#text ts`) > 0 THEN CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', TRY_CAST(SUBSTR(`#text ts`, 1, 10) AS DATE)) AS BIGINT) * 86400000 + TRY_CAST(SUBSTR(`#text ts`, 12, 2) AS BIGINT) * 3600000 + TRY_CAST(SUBSTR(`#text ts`, 15, 2) AS BIGINT) * 60000 + TRY_CAST(SUBSTR(`#text ts`, 18, 2) AS BIGINT) * 1000 + TRY_CAST(RPAD(COALESCE(REGEXP_EXTRACT(`#text ts`, '[.]([0-9]{1,3})', 1), ''), 3, '0') AS BIGINT) - CASE SUBSTR(`#text ts`, CHAR_LENGTH(`#text ts`) - 5, 1) WHEN '+' THEN 1 WHEN '-' THEN -1 ELSE 0 END * COALESCE(TRY_CAST(SUBSTR(`#text ts`, CHAR_LENGTH(`#text ts`) - 4, 2) AS BIGINT) * 3600000 + TRY_CAST(SUBSTR(`#text ts`, CHAR_LENGTH(`#text ts`) - 1, 2) AS BIGINT) * 60000, 0) ELSE TRY_CAST(`#text ts` AS BIGINT) END
)]) AS `#values` (`#value id`, `#value k`, `#value x`, `#value n`, `#value s`, `#value seq`, `#value ts`);

-- when each event happened
CREATE TEMPORARY VIEW `kept?` AS
SELECT
  *,
  `ts` AS `#ts`
FROM `read`;

-- events that count: with a time and a key, where ((n is null) or (n >= -1000)) (E1),
-- no more than 2d later in the topic than they happened (E3)
CREATE TEMPORARY VIEW `kept` AS
SELECT
  *
FROM `kept?`
WHERE `#ts` IS NOT NULL
  AND `k` IS NOT NULL
  AND (((`n` IS NULL) OR (`n` >= CAST((-1000) AS BIGINT)))) IS TRUE
  AND TO_TIMESTAMP_LTZ(`#ts` + 172800000, 3) >= `#arrived`;

-- when each came to be processed
CREATE TEMPORARY VIEW `came` AS
SELECT
  `id`,
  `k`,
  `x`,
  `n`,
  `s`,
  `seq`,
  `ts`,
  `#ts`,
  PROCTIME() AS `#proc`
FROM `kept`
WHERE `id` IS NOT NULL;

-- copies counted in that order
CREATE TEMPORARY VIEW `once?` AS
SELECT *, COUNT(*) OVER (PARTITION BY `id`, `#ts` ORDER BY `#proc` ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS `#copy`
FROM `came`;

-- the first of each copy, and what has no id (E3)
CREATE TEMPORARY VIEW `once` AS
SELECT
  `id`,
  `k`,
  `x`,
  `n`,
  `s`,
  `seq`,
  `ts`,
  `#ts`
FROM `once?`
WHERE `#copy` = 1
UNION ALL
SELECT
  `id`,
  `k`,
  `x`,
  `n`,
  `s`,
  `seq`,
  `ts`,
  `#ts`
FROM `kept`
WHERE `id` IS NULL;

-- what features read of an event:
-- count_7d count over [floor(t - 7d, 1h), t) (group.py:4:5)
-- count_1d count over [floor(t - 1d, 15m), t) (group.py:4:5)
-- n_sum_7d sum over [floor(t - 7d, 1h), t) (group.py:5:5)
-- s_min_1d min over [floor(t - 1d, 15m), t) (group.py:6:5)
-- x_max_1d max over [floor(t - 1d, 15m), t) (group.py:7:5)
-- x_stddev_1d stddev over [floor(t - 1d, 15m), t) (group.py:8:5)
-- s_last_1d last over [floor(t - 1d, 15m), t) (group.py:9:5)
-- n_last_k3_1d last_k over [floor(t - 1d, 15m), t) (group.py:10:5)
-- x_top_k4_1d top_k over [floor(t - 1d, 15m), t) (group.py:11:5)
-- n_count_distinct_1d count_distinct over [floor(t - 1d, 15m), t) (group.py:12:5)
-- n_by_s_1d sum over [floor(t - 1d, 15m), t) (group.py:13:5)
-- first_by_s_1d first_k over [floor(t - 1d, 15m), t) (group.py:14:5)
-- x_approx_quantile_1d approx_quantile over [floor(t - 1d, 15m), t) (group.py:15:5)
-- n_approx_count_distinct_1d approx_count_distinct over [floor(t - 1d, 15m), t) (group.py:16:5)
-- s_histogram3_1d histogram over [floor(t - 1d, 15m), t) (group.py:17:5)
-- time_since_last_1d time_since_last over [floor(t - 1d, 15m), t) (group.py:18:5)
CREATE TEMPORARY VIEW `events` AS
SELECT
  `k`,
  `#ts`,
  `n` AS `#i0`,
  `s` AS `#i1`,
  `x` AS `#i2`,
  (`s` <> CAST('b' AS STRING)) AS `#w0`,
  `s` AS `#b0`,
  CONCAT(CASE WHEN `seq` IS NULL THEN '0' ELSE CONCAT('1', CASE WHEN `seq` < 0 THEN CONCAT('0', LPAD(CAST(9223372036854775807 + `seq` + 1 AS STRING), 19, '0')) ELSE CONCAT('1', LPAD(CAST(`seq` AS STRING), 19, '0')) END) END) AS `#tie`
FROM `once`;

-- its tile of each level: 15m, 1h, 3h
CREATE TEMPORARY VIEW `tiles` AS
SELECT
  *,
  PROCTIME() AS `#proc`
FROM `events`
CROSS JOIN UNNEST(ARRAY[
  ROW(CAST(900000 AS BIGINT), `#ts` - MOD(MOD(`#ts`, 900000) + 900000, 900000)),
  ROW(CAST(3600000 AS BIGINT), `#ts` - MOD(MOD(`#ts`, 3600000) + 3600000, 3600000)),
  ROW(CAST(10800000 AS BIGINT), `#ts` - MOD(MOD(`#ts`, 10800000) + 10800000, 10800000))
]) AS `#levels` (`#step`, `#start`);

-- where part scalars goes
CREATE TEMPORARY TABLE `part 0` (
  `k` STRING,
  `#step` BIGINT,
  `#start` BIGINT,
  `#part` INT,
  `#sub` STRING,
  `#n` BIGINT,
  `f0` BIGINT,
  `f1` STRING,
  `f2` BIGINT,
  `f3` STRING,
  `f4` DOUBLE,
  `f5` BIGINT,
  `f5_least` DOUBLE,
  `f5_most` DOUBLE,
  `f5_p1` DOUBLE,
  `f5_p2` DOUBLE,
  `f6` STRING,
  `f13` MULTISET<STRING>,
  `f14` MULTISET<STRING>,
  `f15` MULTISET<STRING>,
  `f16` BIGINT,
  PRIMARY KEY (`k`, `#step`, `#start`, `#part`, `#sub`) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'tiles.g',
  'properties.bootstrap.servers' = 'kafka:9092',
  'properties.sasl.jaas.config' = '${sasl.jaas.config}',
  'key.format' = 'json',
  'value.format' = 'json',
  'value.fields-include' = 'EXCEPT_KEY',
  'sink.delivery-guarantee' = 'at-least-once'
);

-- where part by s goes
CREATE TEMPORARY TABLE `part 1` (
  `k` STRING,
  `#step` BIGINT,
  `#start` BIGINT,
  `#part` INT,
  `#sub` STRING,
  `#n` BIGINT,
  `f10` STRING,
  `f11` BIGINT,
  PRIMARY KEY (`k`, `#step`, `#start`, `#part`, `#sub`) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'tiles.g',
  'properties.bootstrap.servers' = 'kafka:9092',
  'properties.sasl.jaas.config' = '${sasl.jaas.config}',
  'key.format' = 'json',
  'value.format' = 'json',
  'value.fields-include' = 'EXCEPT_KEY',
  'sink.delivery-guarantee' = 'at-least-once'
);

-- where part list 7 goes
CREATE TEMPORARY TABLE `part 2` (
  `k` STRING,
  `#step` BIGINT,
  `#start` BIGINT,
  `#part` INT,
  `#sub` STRING,
  `f7` STRING,
  PRIMARY KEY (`k`, `#step`, `#start`, `#part`, `#sub`) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'tiles.g',
  'properties.bootstrap.servers' = 'kafka:9092',
  'properties.sasl.jaas.config' = '${sasl.jaas.config}',
  'key.format' = 'json',
  'value.format' = 'json',
  'value.fields-include' = 'EXCEPT_KEY',
  'sink.delivery-guarantee' = 'at-least-once'
);

-- where part list 8 goes
CREATE TEMPORARY TABLE `part 3` (
  `k` STRING,
  `#step` BIGINT,
  `#start` BIGINT,
  `#part` INT,
  `#sub` STRING,
  `f8` STRING,
  PRIMARY KEY (`k`, `#step`, `#start`, `#part`, `#sub`) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'tiles.g',
  'properties.bootstrap.servers' = 'kafka:9092',
  'properties.sasl.jaas.config' = '${sasl.jaas.config}',
  'key.format' = 'json',
  'value.format' = 'json',
  'value.fields-include' = 'EXCEPT_KEY',
  'sink.delivery-guarantee' = 'at-least-once'
);

-- where part list 9 goes
CREATE TEMPORARY TABLE `part 4` (
  `k` STRING,
  `#step` BIGINT,
  `#start` BIGINT,
  `#part` INT,
  `#sub` STRING,
  `f9` STRING,
  PRIMARY KEY (`k`, `#step`, `#start`, `#part`, `#sub`) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'tiles.g',
  'properties.bootstrap.servers' = 'kafka:9092',
  'properties.sasl.jaas.config' = '${sasl.jaas.config}',
  'key.format' = 'json',
  'value.format' = 'json',
  'value.fields-include' = 'EXCEPT_KEY',
  'sink.delivery-guarantee' = 'at-least-once'
);

-- where part list 12 goes
CREATE TEMPORARY TABLE `part 5` (
  `k` STRING,
  `#step` BIGINT,
  `#start` BIGINT,
  `#part` INT,
  `#sub` STRING,
  `f12` STRING,
  PRIMARY KEY (`k`, `#step`, `#start`, `#part`, `#sub`) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'tiles.g',
  'properties.bootstrap.servers' = 'kafka:9092',
  'properties.sasl.jaas.config' = '${sasl.jaas.config}',
  'key.format' = 'json',
  'value.format' = 'json',
  'value.fields-include' = 'EXCEPT_KEY',
  'sink.delivery-guarantee' = 'at-least-once'
);

-- the job of group g (group.py:3:5)
EXECUTE STATEMENT SET
BEGIN
-- part scalars
-- f0 count/1 rows: count_7d (group.py:4:5) count_1d (group.py:4:5)
-- f1 intsum/1 int: n_sum_7d (group.py:5:5)
-- f2 count/1: n_sum_7d (group.py:5:5)
-- f3 extreme/1 string: s_min_1d (group.py:6:5)
-- f4 extreme/1 float last: x_max_1d (group.py:7:5)
-- f5 moments/1 float order=2: x_stddev_1d (group.py:8:5)
-- f6 edge/1 string last: s_last_1d (group.py:9:5)
-- f13 bucketcounts/1 float bits=6: x_approx_quantile_1d (group.py:15:5)
-- f14 registers/1 int bits=12: n_approx_count_distinct_1d (group.py:16:5)
-- f15 textcounts/1 string: s_histogram3_1d (group.py:17:5)
-- f16 timebound/1 rows last: time_since_last_1d (group.py:18:5)
INSERT INTO `part 0`
SELECT
  `k`,
  `#step`,
  `#start`,
  0 AS `#part`,
  CAST('' AS STRING) AS `#sub`,
  COUNT(*) AS `#n`,
  COUNT(*) AS `f0`,
  CAST(SUM(CAST(`#i0` AS DECIMAL(38, 0))) FILTER (WHERE `#w0` IS TRUE AND `#i0` IS NOT NULL) AS STRING) AS `f1`,
  COUNT(*) FILTER (WHERE `#w0` IS TRUE AND `#i0` IS NOT NULL) AS `f2`,
  MIN(CASE WHEN `#i1` IS NULL THEN '0' ELSE CONCAT('1', CONCAT(HEX(`#i1`), '!')) END) FILTER (WHERE `#i1` IS NOT NULL) AS `f3`,
  MAX(`#i2`) FILTER (WHERE `#i2` IS NOT NULL) AS `f4`,
  COUNT(*) FILTER (WHERE `#i2` IS NOT NULL) AS `f5`,
  MIN(`#pivot f5`) FILTER (WHERE `#i2` IS NOT NULL) AS `f5_least`,
  MAX(`#pivot f5`) FILTER (WHERE `#i2` IS NOT NULL) AS `f5_most`,
  SUM((`#i2` - `#pivot f5`)) FILTER (WHERE `#i2` IS NOT NULL) AS `f5_p1`,
  SUM((`#i2` - `#pivot f5`) * (`#i2` - `#pivot f5`)) FILTER (WHERE `#i2` IS NOT NULL) AS `f5_p2`,
  MAX(CONCAT(CASE WHEN `#ts` IS NULL THEN '0' ELSE CONCAT('1', CASE WHEN `#ts` < 0 THEN CONCAT('0', LPAD(CAST(9223372036854775807 + `#ts` + 1 AS STRING), 19, '0')) ELSE CONCAT('1', LPAD(CAST(`#ts` AS STRING), 19, '0')) END) END, `#tie`, CASE WHEN `#i1` IS NULL THEN '0' ELSE CONCAT('1', CONCAT(HEX(`#i1`), '!')) END)) FILTER (WHERE `#i1` IS NOT NULL) AS `f6`,
  COLLECT(CAST(CASE WHEN `#i2` < 0e0 THEN -(CASE WHEN ABS(`#i2`) >= 2.2250738585072014e-308 THEN (CAST(FLOOR(LOG2(ABS(`#i2`))) - CASE WHEN POWER(2e0, FLOOR(LOG2(ABS(`#i2`)))) > ABS(`#i2`) THEN 1e0 WHEN POWER(2e0, FLOOR(LOG2(ABS(`#i2`))) + 1e0) <= ABS(`#i2`) THEN -1e0 ELSE 0e0 END AS BIGINT) + 1023) * 64 + CAST(FLOOR(((ABS(`#i2`) / POWER(2e0, CAST(CAST(FLOOR(LOG2(ABS(`#i2`))) - CASE WHEN POWER(2e0, FLOOR(LOG2(ABS(`#i2`)))) > ABS(`#i2`) THEN 1e0 WHEN POWER(2e0, FLOOR(LOG2(ABS(`#i2`))) + 1e0) <= ABS(`#i2`) THEN -1e0 ELSE 0e0 END AS BIGINT) AS DOUBLE))) - 1e0) * 64e0) AS BIGINT) ELSE CAST(0 AS BIGINT) END) ELSE CASE WHEN ABS(`#i2`) >= 2.2250738585072014e-308 THEN (CAST(FLOOR(LOG2(ABS(`#i2`))) - CASE WHEN POWER(2e0, FLOOR(LOG2(ABS(`#i2`)))) > ABS(`#i2`) THEN 1e0 WHEN POWER(2e0, FLOOR(LOG2(ABS(`#i2`))) + 1e0) <= ABS(`#i2`) THEN -1e0 ELSE 0e0 END AS BIGINT) + 1023) * 64 + CAST(FLOOR(((ABS(`#i2`) / POWER(2e0, CAST(CAST(FLOOR(LOG2(ABS(`#i2`))) - CASE WHEN POWER(2e0, FLOOR(LOG2(ABS(`#i2`)))) > ABS(`#i2`) THEN 1e0 WHEN POWER(2e0, FLOOR(LOG2(ABS(`#i2`))) + 1e0) <= ABS(`#i2`) THEN -1e0 ELSE 0e0 END AS BIGINT) AS DOUBLE))) - 1e0) * 64e0) AS BIGINT) ELSE CAST(0 AS BIGINT) END END AS STRING)) FILTER (WHERE `#i2` IS NOT NULL) AS `f13`,
  COLLECT(CONCAT(SUBSTR(MD5(CAST(`#i0` AS STRING)), 1, 3), ' ', CAST(52 - 4 * CHAR_LENGTH(TRIM(LEADING '0' FROM SUBSTR(MD5(CAST(`#i0` AS STRING)), 4, 13))) + CASE WHEN SUBSTR(TRIM(LEADING '0' FROM SUBSTR(MD5(CAST(`#i0` AS STRING)), 4, 13)), 1, 1) IN ('1') THEN 4 WHEN SUBSTR(TRIM(LEADING '0' FROM SUBSTR(MD5(CAST(`#i0` AS STRING)), 4, 13)), 1, 1) IN ('2', '3') THEN 3 WHEN SUBSTR(TRIM(LEADING '0' FROM SUBSTR(MD5(CAST(`#i0` AS STRING)), 4, 13)), 1, 1) IN ('4', '5', '6', '7') THEN 2 ELSE 1 END AS STRING))) FILTER (WHERE `#i0` IS NOT NULL) AS `f14`,
  COLLECT(`#i1`) FILTER (WHERE `#i1` IS NOT NULL) AS `f15`,
  MAX(`#ts`) AS `f16`
FROM (
  SELECT *,
    FIRST_VALUE(CASE WHEN `#i2` IS NOT NULL THEN `#i2` END) OVER (PARTITION BY `k`, `#step`, `#start` ORDER BY `#proc` ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS `#pivot f5`
  FROM `tiles`
)
GROUP BY `k`, `#step`, `#start`;
-- part by s
-- f10 intsum/1 int by/1 max=10: n_by_s_1d (group.py:13:5)
-- f11 count/1 by/1 max=10: n_by_s_1d (group.py:13:5)
INSERT INTO `part 1`
SELECT
  `k`,
  `#step`,
  `#start`,
  1 AS `#part`,
  CAST(`#b0` AS STRING) AS `#sub`,
  COUNT(*) AS `#n`,
  CAST(SUM(CAST(`#i0` AS DECIMAL(38, 0))) FILTER (WHERE `#i0` IS NOT NULL) AS STRING) AS `f10`,
  COUNT(*) FILTER (WHERE `#i0` IS NOT NULL) AS `f11`
FROM `tiles`
WHERE `#b0` IS NOT NULL
GROUP BY `k`, `#step`, `#start`, `#b0`;
-- part list 7
-- f7 eventlist/1 int last k=3: n_last_k3_1d (group.py:10:5)
INSERT INTO `part 2`
SELECT
  `k`,
  `#step`,
  `#start`,
  2 AS `#part`,
  CAST('' AS STRING) AS `#sub`,
  LISTAGG(`#text`, ',') AS `f7`
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY `k`, `#step`, `#start` ORDER BY `#text` DESC) AS `#rank`
  FROM (
    SELECT `k`, `#step`, `#start`, CONCAT(CASE WHEN `#ts` IS NULL THEN '0' ELSE CONCAT('1', CASE WHEN `#ts` < 0 THEN CONCAT('0', LPAD(CAST(9223372036854775807 + `#ts` + 1 AS STRING), 19, '0')) ELSE CONCAT('1', LPAD(CAST(`#ts` AS STRING), 19, '0')) END) END, `#tie`, CASE WHEN `#i0` IS NULL THEN '0' ELSE CONCAT('1', CASE WHEN `#i0` < 0 THEN CONCAT('0', LPAD(CAST(9223372036854775807 + `#i0` + 1 AS STRING), 19, '0')) ELSE CONCAT('1', LPAD(CAST(`#i0` AS STRING), 19, '0')) END) END) AS `#text`
    FROM `tiles`
    WHERE `#i0` IS NOT NULL
  )
)
WHERE `#rank` <= 3
GROUP BY `k`, `#step`, `#start`;
-- part list 8
-- f8 valuelist/1 float last k=4: x_top_k4_1d (group.py:11:5)
INSERT INTO `part 3`
SELECT
  `k`,
  `#step`,
  `#start`,
  3 AS `#part`,
  CAST('' AS STRING) AS `#sub`,
  LISTAGG(`#text`, ',') AS `f8`
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY `k`, `#step`, `#start` ORDER BY `#text` DESC) AS `#rank`
  FROM (
    SELECT `k`, `#step`, `#start`, CASE WHEN `#i2` IS NULL THEN '0' ELSE CONCAT('1', CASE WHEN `#i2` < 0e0 THEN CONCAT('0', LPAD(CAST(9223372036854775807 - CASE WHEN ABS(`#i2`) < 2.2250738585072014e-308 THEN CAST(ABS(`#i2`) * POWER(2e0, 537e0) * POWER(2e0, 537e0) AS BIGINT) ELSE CASE WHEN ABS(`#i2`) >= 2.2250738585072014e-308 THEN (CAST(FLOOR(LOG2(ABS(`#i2`))) - CASE WHEN POWER(2e0, FLOOR(LOG2(ABS(`#i2`)))) > ABS(`#i2`) THEN 1e0 WHEN POWER(2e0, FLOOR(LOG2(ABS(`#i2`))) + 1e0) <= ABS(`#i2`) THEN -1e0 ELSE 0e0 END AS BIGINT) + 1023) * 4503599627370496 + CAST(FLOOR(((ABS(`#i2`) / POWER(2e0, CAST(CAST(FLOOR(LOG2(ABS(`#i2`))) - CASE WHEN POWER(2e0, FLOOR(LOG2(ABS(`#i2`)))) > ABS(`#i2`) THEN 1e0 WHEN POWER(2e0, FLOOR(LOG2(ABS(`#i2`))) + 1e0) <= ABS(`#i2`) THEN -1e0 ELSE 0e0 END AS BIGINT) AS DOUBLE))) - 1e0) * 4503599627370496e0) AS BIGINT) ELSE CAST(0 AS BIGINT) END END AS STRING), 19, '0')) ELSE CONCAT('1', LPAD(CAST(CASE WHEN ABS(`#i2`) < 2.2250738585072014e-308 THEN CAST(ABS(`#i2`) * POWER(2e0, 537e0) * POWER(2e0, 537e0) AS BIGINT) ELSE CASE WHEN ABS(`#i2`) >= 2.2250738585072014e-308 THEN (CAST(FLOOR(LOG2(ABS(`#i2`))) - CASE WHEN POWER(2e0, FLOOR(LOG2(ABS(`#i2`)))) > ABS(`#i2`) THEN 1e0 WHEN POWER(2e0, FLOOR(LOG2(ABS(`#i2`))) + 1e0) <= ABS(`#i2`) THEN -1e0 ELSE 0e0 END AS BIGINT) + 1023) * 4503599627370496 + CAST(FLOOR(((ABS(`#i2`) / POWER(2e0, CAST(CAST(FLOOR(LOG2(ABS(`#i2`))) - CASE WHEN POWER(2e0, FLOOR(LOG2(ABS(`#i2`)))) > ABS(`#i2`) THEN 1e0 WHEN POWER(2e0, FLOOR(LOG2(ABS(`#i2`))) + 1e0) <= ABS(`#i2`) THEN -1e0 ELSE 0e0 END AS BIGINT) AS DOUBLE))) - 1e0) * 4503599627370496e0) AS BIGINT) ELSE CAST(0 AS BIGINT) END END AS STRING), 19, '0')) END) END AS `#text`
    FROM `tiles`
    WHERE `#i2` IS NOT NULL
  )
)
WHERE `#rank` <= 4
GROUP BY `k`, `#step`, `#start`;
-- part list 9
-- f9 valuelist/1 int distinct k=5: n_count_distinct_1d (group.py:12:5)
INSERT INTO `part 4`
SELECT
  `k`,
  `#step`,
  `#start`,
  4 AS `#part`,
  CAST('' AS STRING) AS `#sub`,
  LISTAGG(`#text`, ',') AS `f9`
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY `k`, `#step`, `#start` ORDER BY `#text` ASC) AS `#rank`
  FROM (
    SELECT DISTINCT `k`, `#step`, `#start`, CASE WHEN `#i0` IS NULL THEN '0' ELSE CONCAT('1', CASE WHEN `#i0` < 0 THEN CONCAT('0', LPAD(CAST(9223372036854775807 + `#i0` + 1 AS STRING), 19, '0')) ELSE CONCAT('1', LPAD(CAST(`#i0` AS STRING), 19, '0')) END) END AS `#text`
    FROM `tiles`
    WHERE `#i0` IS NOT NULL
  )
)
WHERE `#rank` <= 5
GROUP BY `k`, `#step`, `#start`;
-- part list 12
-- f12 eventlist/1 int k=2 by/1 max=2: first_by_s_1d (group.py:14:5)
INSERT INTO `part 5`
SELECT
  `k`,
  `#step`,
  `#start`,
  5 AS `#part`,
  CAST(`#b0` AS STRING) AS `#sub`,
  LISTAGG(`#text`, ',') AS `f12`
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY `k`, `#step`, `#start`, `#b0` ORDER BY `#text` ASC) AS `#rank`
  FROM (
    SELECT `k`, `#step`, `#start`, `#b0`, CONCAT(CASE WHEN `#ts` IS NULL THEN '0' ELSE CONCAT('1', CASE WHEN `#ts` < 0 THEN CONCAT('0', LPAD(CAST(9223372036854775807 + `#ts` + 1 AS STRING), 19, '0')) ELSE CONCAT('1', LPAD(CAST(`#ts` AS STRING), 19, '0')) END) END, `#tie`, CASE WHEN `#i0` IS NULL THEN '0' ELSE CONCAT('1', CASE WHEN `#i0` < 0 THEN CONCAT('0', LPAD(CAST(9223372036854775807 + `#i0` + 1 AS STRING), 19, '0')) ELSE CONCAT('1', LPAD(CAST(`#i0` AS STRING), 19, '0')) END) END) AS `#text`
    FROM `tiles`
    WHERE `#i0` IS NOT NULL AND `#b0` IS NOT NULL
  )
)
WHERE `#rank` <= 2
GROUP BY `k`, `#step`, `#start`, `#b0`;
END;
