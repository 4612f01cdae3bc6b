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
  `user` BIGINT,
  `day` STRING,
  `at` STRING,
  `#arrived` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL
) WITH (
  'connector' = 'kafka',
  'topic' = 'clicks',
  'properties.bootstrap.servers' = 'kafka:9092',
  'properties.sasl.jaas.config' = '${sasl.jaas.config}',
  'scan.startup.mode' = 'earliest-offset',
  'properties.isolation.level' = 'read_committed',
  'format' = 'json',
  'json.ignore-parse-errors' = 'true'
);

-- the columns by the rules of values (V2, V3, V5)
CREATE TEMPORARY VIEW `read` AS
SELECT
  `user` AS `user`,
  `#time day` AS `day`,
  `#time at` AS `at`,
  `#arrived`
FROM `topic`
CROSS JOIN UNNEST(ARRAY[CASE WHEN CASE WHEN CASE WHEN REGEXP(`day`, '^([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)\z') THEN (365 * (TRY_CAST(SUBSTR(`day`, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(`day`, 6, 2) IN ('01', '02') THEN 1 ELSE 0 END) + (TRY_CAST(SUBSTR(`day`, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(`day`, 6, 2) IN ('01', '02') THEN 1 ELSE 0 END) / 4 - (TRY_CAST(SUBSTR(`day`, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(`day`, 6, 2) IN ('01', '02') THEN 1 ELSE 0 END) / 100 + (TRY_CAST(SUBSTR(`day`, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(`day`, 6, 2) IN ('01', '02') THEN 1 ELSE 0 END) / 400 + CASE SUBSTR(`day`, 6, 2) WHEN '03' THEN 0 WHEN '04' THEN 31 WHEN '05' THEN 61 WHEN '06' THEN 92 WHEN '07' THEN 122 WHEN '08' THEN 153 WHEN '09' THEN 184 WHEN '10' THEN 214 WHEN '11' THEN 245 WHEN '12' THEN 275 WHEN '01' THEN 306 ELSE 337 END + TRY_CAST(SUBSTR(`day`, 9, 2) AS BIGINT) - 719469) END BETWEEN (-719162) AND 2932896 THEN CASE WHEN REGEXP(`day`, '^([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)\z') THEN (365 * (TRY_CAST(SUBSTR(`day`, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(`day`, 6, 2) IN ('01', '02') THEN 1 ELSE 0 END) + (TRY_CAST(SUBSTR(`day`, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(`day`, 6, 2) IN ('01', '02') THEN 1 ELSE 0 END) / 4 - (TRY_CAST(SUBSTR(`day`, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(`day`, 6, 2) IN ('01', '02') THEN 1 ELSE 0 END) / 100 + (TRY_CAST(SUBSTR(`day`, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(`day`, 6, 2) IN ('01', '02') THEN 1 ELSE 0 END) / 400 + CASE SUBSTR(`day`, 6, 2) WHEN '03' THEN 0 WHEN '04' THEN 31 WHEN '05' THEN 61 WHEN '06' THEN 92 WHEN '07' THEN 122 WHEN '08' THEN 153 WHEN '09' THEN 184 WHEN '10' THEN 214 WHEN '11' THEN 245 WHEN '12' THEN 275 WHEN '01' THEN 306 ELSE 337 END + TRY_CAST(SUBSTR(`day`, 9, 2) AS BIGINT) - 719469) END END BETWEEN -719162 AND 2932896 THEN CASE WHEN CASE WHEN REGEXP(`day`, '^([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)\z') THEN (365 * (TRY_CAST(SUBSTR(`day`, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(`day`, 6, 2) IN ('01', '02') THEN 1 ELSE 0 END) + (TRY_CAST(SUBSTR(`day`, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(`day`, 6, 2) IN ('01', '02') THEN 1 ELSE 0 END) / 4 - (TRY_CAST(SUBSTR(`day`, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(`day`, 6, 2) IN ('01', '02') THEN 1 ELSE 0 END) / 100 + (TRY_CAST(SUBSTR(`day`, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(`day`, 6, 2) IN ('01', '02') THEN 1 ELSE 0 END) / 400 + CASE SUBSTR(`day`, 6, 2) WHEN '03' THEN 0 WHEN '04' THEN 31 WHEN '05' THEN 61 WHEN '06' THEN 92 WHEN '07' THEN 122 WHEN '08' THEN 153 WHEN '09' THEN 184 WHEN '10' THEN 214 WHEN '11' THEN 245 WHEN '12' THEN 275 WHEN '01' THEN 306 ELSE 337 END + TRY_CAST(SUBSTR(`day`, 9, 2) AS BIGINT) - 719469) END BETWEEN (-719162) AND 2932896 THEN CASE WHEN REGEXP(`day`, '^([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)\z') THEN (365 * (TRY_CAST(SUBSTR(`day`, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(`day`, 6, 2) IN ('01', '02') THEN 1 ELSE 0 END) + (TRY_CAST(SUBSTR(`day`, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(`day`, 6, 2) IN ('01', '02') THEN 1 ELSE 0 END) / 4 - (TRY_CAST(SUBSTR(`day`, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(`day`, 6, 2) IN ('01', '02') THEN 1 ELSE 0 END) / 100 + (TRY_CAST(SUBSTR(`day`, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(`day`, 6, 2) IN ('01', '02') THEN 1 ELSE 0 END) / 400 + CASE SUBSTR(`day`, 6, 2) WHEN '03' THEN 0 WHEN '04' THEN 31 WHEN '05' THEN 61 WHEN '06' THEN 92 WHEN '07' THEN 122 WHEN '08' THEN 153 WHEN '09' THEN 184 WHEN '10' THEN 214 WHEN '11' THEN 245 WHEN '12' THEN 275 WHEN '01' THEN 306 ELSE 337 END + TRY_CAST(SUBSTR(`day`, 9, 2) AS BIGINT) - 719469) END END END]) AS `time day` (`#time day`)
CROSS JOIN UNNEST(ARRAY[CASE WHEN REGEXP(`at`, '^-?[0-9]+\z') THEN CASE WHEN TRY_CAST(`at` AS BIGINT) BETWEEN (-62135596800000) AND 253402300799999 THEN TRY_CAST(`at` AS BIGINT) END ELSE CASE WHEN CASE WHEN REGEXP(`at`, '^(([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))\z') THEN (365 * (TRY_CAST(SUBSTR(`at`, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(`at`, 6, 2) IN ('01', '02') THEN 1 ELSE 0 END) + (TRY_CAST(SUBSTR(`at`, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(`at`, 6, 2) IN ('01', '02') THEN 1 ELSE 0 END) / 4 - (TRY_CAST(SUBSTR(`at`, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(`at`, 6, 2) IN ('01', '02') THEN 1 ELSE 0 END) / 100 + (TRY_CAST(SUBSTR(`at`, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(`at`, 6, 2) IN ('01', '02') THEN 1 ELSE 0 END) / 400 + CASE SUBSTR(`at`, 6, 2) WHEN '03' THEN 0 WHEN '04' THEN 31 WHEN '05' THEN 61 WHEN '06' THEN 92 WHEN '07' THEN 122 WHEN '08' THEN 153 WHEN '09' THEN 184 WHEN '10' THEN 214 WHEN '11' THEN 245 WHEN '12' THEN 275 WHEN '01' THEN 306 ELSE 337 END + TRY_CAST(SUBSTR(`at`, 9, 2) AS BIGINT) - 719469) * 86400000 + TRY_CAST(SUBSTR(`at`, 12, 2) AS BIGINT) * 3600000 + TRY_CAST(SUBSTR(`at`, 15, 2) AS BIGINT) * 60000 + TRY_CAST(SUBSTR(`at`, 18, 2) AS BIGINT) * 1000 + TRY_CAST(RPAD(COALESCE(REGEXP_EXTRACT(`at`, '[.]([0-9]{1,3})', 1), ''), 3, '0') AS BIGINT) - CASE WHEN SUBSTR(`at`, CHAR_LENGTH(`at`), 1) = 'Z' THEN 0 ELSE CASE SUBSTR(`at`, CHAR_LENGTH(`at`) - 5, 1) WHEN '-' THEN (-60000) ELSE 60000 END * (TRY_CAST(SUBSTR(`at`, CHAR_LENGTH(`at`) - 4, 2) AS BIGINT) * 60 + TRY_CAST(SUBSTR(`at`, CHAR_LENGTH(`at`) - 1, 2) AS BIGINT)) END END BETWEEN (-62135596800000) AND 253402300799999 THEN CASE WHEN REGEXP(`at`, '^(([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))\z') THEN (365 * (TRY_CAST(SUBSTR(`at`, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(`at`, 6, 2) IN ('01', '02') THEN 1 ELSE 0 END) + (TRY_CAST(SUBSTR(`at`, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(`at`, 6, 2) IN ('01', '02') THEN 1 ELSE 0 END) / 4 - (TRY_CAST(SUBSTR(`at`, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(`at`, 6, 2) IN ('01', '02') THEN 1 ELSE 0 END) / 100 + (TRY_CAST(SUBSTR(`at`, 1, 4) AS BIGINT) - CASE WHEN SUBSTR(`at`, 6, 2) IN ('01', '02') THEN 1 ELSE 0 END) / 400 + CASE SUBSTR(`at`, 6, 2) WHEN '03' THEN 0 WHEN '04' THEN 31 WHEN '05' THEN 61 WHEN '06' THEN 92 WHEN '07' THEN 122 WHEN '08' THEN 153 WHEN '09' THEN 184 WHEN '10' THEN 214 WHEN '11' THEN 245 WHEN '12' THEN 275 WHEN '01' THEN 306 ELSE 337 END + TRY_CAST(SUBSTR(`at`, 9, 2) AS BIGINT) - 719469) * 86400000 + TRY_CAST(SUBSTR(`at`, 12, 2) AS BIGINT) * 3600000 + TRY_CAST(SUBSTR(`at`, 15, 2) AS BIGINT) * 60000 + TRY_CAST(SUBSTR(`at`, 18, 2) AS BIGINT) * 1000 + TRY_CAST(RPAD(COALESCE(REGEXP_EXTRACT(`at`, '[.]([0-9]{1,3})', 1), ''), 3, '0') AS BIGINT) - CASE WHEN SUBSTR(`at`, CHAR_LENGTH(`at`), 1) = 'Z' THEN 0 ELSE CASE SUBSTR(`at`, CHAR_LENGTH(`at`) - 5, 1) WHEN '-' THEN (-60000) ELSE 60000 END * (TRY_CAST(SUBSTR(`at`, CHAR_LENGTH(`at`) - 4, 2) AS BIGINT) * 60 + TRY_CAST(SUBSTR(`at`, CHAR_LENGTH(`at`) - 1, 2) AS BIGINT)) END END END END]) AS `time at` (`#time at`);

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
