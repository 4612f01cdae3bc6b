SET 'execution.runtime-mode' = 'streaming';
SET 'pipeline.name' = 'bh/clicks/88105c92df12';
SET 'parallelism.default' = '1';
SET 'execution.checkpointing.mode' = 'EXACTLY_ONCE';
SET 'execution.checkpointing.interval' = '2000 ms';
SET 'execution.buffer-timeout.interval' = '5 ms';
SET 'table.local-time-zone' = 'UTC';
SET 'table.exec.state.ttl' = '172860000 ms';
SET 'table.exec.sink.not-null-enforcer' = 'ERROR';
SET 'table.exec.sink.upsert-materialize' = 'NONE';
SET 'table.dml-sync' = 'false';
SET 'table.exec.mini-batch.enabled' = 'true';
SET 'table.exec.mini-batch.allow-latency' = '50 ms';
SET 'table.exec.mini-batch.size' = '5000';

-- records of e (plain.py:1:5)
CREATE TEMPORARY TABLE `topic` (
  `#record` STRING,
  `#arrived` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL
) WITH (
  'connector' = 'kafka',
  'topic' = 'clicks',
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
CROSS JOIN UNNEST(ARRAY[CASE WHEN `#hidden` THEN REPLACE(REPLACE(JSON_QUERY(CONCAT('[{"":', `#json`, '}]'), '$[0][''''][''at'',''day'',''user'']'), '1e000997', 'NaN'), '1e000998', 'Infinity') ELSE JSON_QUERY(CONCAT('[{"":', `#json`, '}]'), '$[0][''''][''at'',''day'',''user'']') END]) AS `#fields` (`#fields`);

-- rows: each field is null or of its column's type, and none stands twice. What is no row is a dead letter of our own stream
CREATE TEMPORARY VIEW `sound` AS
SELECT
  `#fields`,
  `#arrived`
FROM `fields`
WHERE REGEXP(`#fields`, '^\{(?:(?:"at":(?:null|"(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[.][0-9]++)?+(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"|-?[0-9]++)|"day":(?:null|"(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)")|"user":(?:null|-?[0-9]++|"[+-]?[0-9]++"))(?:,(?!\})|(?=\})))*+\}\z')
  AND (REGEXP_COUNT(`#json`, '"(?:at|day|user)"\s*+:') = REGEXP_COUNT(`#fields`, '"(?:at|day|user)"\s*+:') OR TRY_PARSE_JSON(`#json`) IS NOT NULL);

-- the columns by the rules of values (V2, V3, V5)
CREATE TEMPORARY VIEW `read` AS
SELECT
  `#value user` AS `user`,
  CASE WHEN `#value day` BETWEEN -719162 AND 2932896 THEN `#value day` END AS `day`,
  CASE WHEN `#value at` BETWEEN -62135596800000 AND 253402300799999 THEN `#value at` END AS `at`,
  `#arrived`
FROM `sound`
CROSS JOIN UNNEST(ARRAY[ROW(
  REGEXP_EXTRACT(`#fields`, '"day":"?([^",}]*+)', 1),
  REGEXP_EXTRACT(`#fields`, '"at":"?([^",}]*+)', 1)
)]) AS `#texts` (`#text day`, `#text at`)
CROSS JOIN UNNEST(ARRAY[ROW(
  TRY_CAST(REGEXP_EXTRACT(`#fields`, '"user":"?([^",}]*+)', 1) AS BIGINT),
  CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', TRY_CAST(SUBSTR(`#text day`, 1, 10) AS DATE)) AS BIGINT),
  CASE WHEN POSITION('T' IN `#text at`) > 0 THEN CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', TRY_CAST(SUBSTR(`#text at`, 1, 10) AS DATE)) AS BIGINT) * 86400000 + TRY_CAST(SUBSTR(`#text at`, 12, 2) AS BIGINT) * 3600000 + TRY_CAST(SUBSTR(`#text at`, 15, 2) AS BIGINT) * 60000 + TRY_CAST(SUBSTR(`#text at`, 18, 2) AS BIGINT) * 1000 + TRY_CAST(RPAD(COALESCE(REGEXP_EXTRACT(`#text at`, '[.]([0-9]{1,3})', 1), ''), 3, '0') AS BIGINT) - CASE SUBSTR(`#text at`, CHAR_LENGTH(`#text at`) - 5, 1) WHEN '+' THEN 1 WHEN '-' THEN -1 ELSE 0 END * COALESCE(TRY_CAST(SUBSTR(`#text at`, CHAR_LENGTH(`#text at`) - 4, 2) AS BIGINT) * 3600000 + TRY_CAST(SUBSTR(`#text at`, CHAR_LENGTH(`#text at`) - 1, 2) AS BIGINT) * 60000, 0) ELSE CASE WHEN TRY_CAST(`#text at` AS BIGINT) BETWEEN (-62135596800) AND 253402300799 THEN TRY_CAST(`#text at` AS BIGINT) * 1000 END END
)]) AS `#values` (`#value user`, `#value day`, `#value at`);

-- when each event happened
CREATE TEMPORARY VIEW `kept?` AS
SELECT
  *,
  `at` AS `#ts`
FROM `read`;

-- events that count: with a time and a key (E1),
-- no more than 1d later in the topic than they happened (E3)
CREATE TEMPORARY VIEW `kept` AS
SELECT
  *
FROM `kept?`
WHERE `#ts` IS NOT NULL
  AND `user` IS NOT NULL
  AND `day` IS NOT NULL
  AND TO_TIMESTAMP_LTZ(`#ts` + 86400000, 3) >= `#arrived`;

-- what features read of an event:
-- count_1h count over [floor(t - 1h, 1m), t) (plain.py:2:73)
CREATE TEMPORARY VIEW `events` AS
SELECT
  `user`,
  `day`,
  `#ts`
FROM `kept`;

-- its tile of each level: 1m
CREATE TEMPORARY VIEW `tiles` AS
SELECT
  *
FROM `events`
CROSS JOIN UNNEST(ARRAY[
  ROW(CAST(60000 AS BIGINT), `#ts` - MOD(MOD(`#ts`, 60000) + 60000, 60000))
]) AS `#levels` (`#step`, `#start`);

-- where part scalars goes
CREATE TEMPORARY TABLE `part 0` (
  `user` BIGINT,
  `day` BIGINT,
  `#step` BIGINT,
  `#start` BIGINT,
  `#part` INT,
  `#sub` STRING,
  `#n` BIGINT,
  `f0` BIGINT,
  PRIMARY KEY (`user`, `day`, `#step`, `#start`, `#part`, `#sub`) NOT ENFORCED
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

-- the job of group clicks (plain.py:2:5)
EXECUTE STATEMENT SET
BEGIN
-- part scalars
-- f0 count/1 rows: count_1h (plain.py:2:73)
INSERT INTO `part 0`
SELECT
  `user`,
  `day`,
  `#step`,
  `#start`,
  0 AS `#part`,
  CAST('' AS STRING) AS `#sub`,
  COUNT(*) AS `#n`,
  COUNT(*) AS `f0`
FROM `tiles`
GROUP BY `user`, `day`, `#step`, `#start`;
END;
