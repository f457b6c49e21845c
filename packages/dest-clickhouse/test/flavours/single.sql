-- always: 

SELECT version() AS version;

CREATE TABLE IF NOT EXISTS `travel`.`_etl_loads` (load_number UInt64, load_id String, pipeline LowCardinality(String), started_at DateTime64(3, 'UTC'), committed_at DateTime64(3, 'UTC'), rows UInt64, rows_by_stream Map(String, UInt64)) ENGINE = ReplacingMergeTree ORDER BY load_number TTL toDateTime(committed_at) + INTERVAL 2 YEAR SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS `travel`.`_etl_slices` (pipeline LowCardinality(String), stream LowCardinality(String), slice String, status LowCardinality(String), rows UInt64, read_at DateTime64(3, 'UTC'), loaded_at Nullable(DateTime64(3, 'UTC')), flags Array(LowCardinality(String)), fingerprint String, attempts UInt32, reason String, load_number UInt64) ENGINE = ReplacingMergeTree(load_number) ORDER BY (pipeline, stream, slice) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS `travel`.`_etl_state` (pipeline LowCardinality(String), stream String, partition String, value String, load_number UInt64, updated_at DateTime64(3, 'UTC')) ENGINE = ReplacingMergeTree(load_number) ORDER BY (pipeline, stream, partition) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS `travel`.`_etl_memory` (pipeline LowCardinality(String), stream String, key String, value String, version UInt128, updated_at DateTime64(3, 'UTC')) ENGINE = ReplacingMergeTree(version) ORDER BY (pipeline, stream, key) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS `travel`.`_etl_scopes` (table_name LowCardinality(String), scope String, pipeline LowCardinality(String), released UInt8, version UInt64, claimed_at DateTime64(3, 'UTC')) ENGINE = ReplacingMergeTree(version) ORDER BY (table_name, scope, pipeline) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS `travel`.`_etl_runs` (pipeline LowCardinality(String), run_id String, started_at DateTime64(3, 'UTC'), ended_at DateTime64(3, 'UTC'), status LowCardinality(String), rows UInt64, loads Array(String), streams String, failures String) ENGINE = ReplacingMergeTree ORDER BY (pipeline, started_at, run_id) TTL toDateTime(ended_at) + INTERVAL 2 YEAR SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS `travel`.`_etl_api_calls` (pipeline LowCardinality(String), run_id String, stream LowCardinality(String), account String, calls UInt64, retries UInt64, failed UInt64, call_ms UInt64, waits UInt64, wait_ms UInt64, quota_used Nullable(Float32), last_quota_used Nullable(Float32), quota_free_at Nullable(DateTime64(3, 'UTC')), ended_at DateTime64(3, 'UTC')) ENGINE = ReplacingMergeTree ORDER BY (pipeline, run_id, stream, account) TTL toDateTime(ended_at) + INTERVAL 2 YEAR SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS `travel`.`_etl_schema_changes` (pipeline LowCardinality(String), stream LowCardinality(String), table_name LowCardinality(String), change LowCardinality(String), detail String, load_number UInt64, changed_at DateTime64(3, 'UTC')) ENGINE = ReplacingMergeTree ORDER BY (pipeline, stream, load_number, change, detail) TTL toDateTime(changed_at) + INTERVAL 2 YEAR SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS `travel`.`_etl_rejects` (pipeline LowCardinality(String), stream LowCardinality(String), load_number UInt64, load_id String, position UInt32, reason String, row String, rejected_at DateTime64(3, 'UTC')) ENGINE = ReplacingMergeTree ORDER BY (pipeline, stream, load_number, position) TTL toDateTime(rejected_at) + INTERVAL 90 DAY SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

SELECT toString(max(number)) AS _etl_number FROM (SELECT toUInt128(max(load_number)) AS number FROM `travel`.`_etl_loads` UNION ALL SELECT toUInt128(max(bitShiftRight(version, 64))) AS number FROM `travel`.`_etl_memory` UNION ALL SELECT toUInt128(max(intDiv(version, 2))) AS number FROM `travel`.`_etl_scopes` UNION ALL SELECT toUInt128(max(load_number)) AS number FROM `travel`.`_etl_slices` UNION ALL SELECT toUInt128(max(load_number)) AS number FROM `travel`.`_etl_state`);

CREATE TABLE IF NOT EXISTS `travel`.`_etl_counter_init` (number UInt64) ENGINE = Null COMMENT 'names the newest load number';

RENAME TABLE `travel`.`_etl_counter_init` TO `travel`.`_etl_number_0`;

RENAME TABLE `travel`.`_etl_number_0` TO `travel`.`_etl_number_1`;

CREATE TABLE IF NOT EXISTS `travel`.`_etl_lock_p_148de9c5_1` (number UInt64) ENGINE = Null COMMENT '<holder>';

RENAME TABLE `travel`.`_etl_number_1` TO `travel`.`_etl_number_2`;

SELECT stream, partition, value FROM `travel`.`_etl_state` FINAL WHERE pipeline = 'p';

RENAME TABLE `travel`.`_etl_number_2` TO `travel`.`_etl_number_3`;

CREATE TABLE IF NOT EXISTS `travel`.`_etl_manifest_p_148de9c5_3` (manifest String) ENGINE = MergeTree ORDER BY tuple() SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 100;

SELECT pipeline, scope FROM `travel`.`_etl_scopes` FINAL WHERE table_name = 'shop___plans' AND released = 0 AND (1 OR (pipeline = 'p' AND scope = '{}')) ORDER BY pipeline;

INSERT INTO `travel`.`_etl_scopes` (table_name, scope, pipeline, released, version, claimed_at) SETTINGS insert_deduplication_token = 'scope-6', async_insert = 0, max_partitions_per_insert_block = 0 FORMAT JSONCompactEachRow;

SELECT pipeline, scope FROM `travel`.`_etl_scopes` FINAL WHERE table_name = 'shop___plans' AND released = 0 AND (1 OR (pipeline = 'p' AND scope = '{}')) ORDER BY pipeline;

RENAME TABLE `travel`.`_etl_number_3` TO `travel`.`_etl_number_4`;

CREATE TABLE IF NOT EXISTS `travel`.`_etl_lock_definition_of_shop_insights_140ed202_4` (number UInt64) ENGINE = Null COMMENT '<holder>';

CREATE TABLE IF NOT EXISTS `travel`.`_raw_shop___insights_g0` (`account_id` String, `day` Date32, `spend` Nullable(Decimal(18, 6)), `actions.kind` Array(String), `_etl_version` UInt128, `_etl_deleted` UInt8, `_etl_load_id` LowCardinality(String)) ENGINE = ReplacingMergeTree(_etl_version, _etl_deleted) PARTITION BY toYYYYMM(`day`) ORDER BY (`account_id`, `day`) SETTINGS fsync_part_directory = 1, min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1, vertical_merge_algorithm_min_columns_to_activate = 1 COMMENT 'rows of shop___insights; read the view of that name';

DROP TABLE IF EXISTS `travel`.`_etl_lock_definition_of_shop_insights_140ed202_4` SYNC;

INSERT INTO `travel`.`_etl_schema_changes` (pipeline, stream, table_name, change, detail, load_number, changed_at) SETTINGS insert_deduplication_token = '<minute>-3-schema-1', async_insert = 0, max_partitions_per_insert_block = 0 FORMAT JSONCompactEachRow;

RENAME TABLE `travel`.`_etl_number_4` TO `travel`.`_etl_number_5`;

CREATE TABLE IF NOT EXISTS `travel`.`_etl_lock_definition_of_shop_events_8a882423_5` (number UInt64) ENGINE = Null COMMENT '<holder>';

CREATE TABLE IF NOT EXISTS `travel`.`_raw_shop___events_g0` (`what` Nullable(String), `_etl_version` UInt128, `_etl_deleted` UInt8, `_etl_load_id` LowCardinality(String), `_etl_row_id` UInt128) ENGINE = ReplacingMergeTree(_etl_version, _etl_deleted) ORDER BY (`_etl_row_id`) SETTINGS fsync_part_directory = 1, min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1, vertical_merge_algorithm_min_columns_to_activate = 1 COMMENT 'rows of shop___events; read the view of that name';

DROP TABLE IF EXISTS `travel`.`_etl_lock_definition_of_shop_events_8a882423_5` SYNC;

INSERT INTO `travel`.`_etl_schema_changes` (pipeline, stream, table_name, change, detail, load_number, changed_at) SETTINGS insert_deduplication_token = '<minute>-3-schema-2', async_insert = 0, max_partitions_per_insert_block = 0 FORMAT JSONCompactEachRow;

SELECT pipeline, scope FROM `travel`.`_etl_scopes` FINAL WHERE table_name = 'shop___events' AND released = 0 AND (scope != 'rows' OR (pipeline = 'p' AND scope = 'rows')) ORDER BY pipeline;

INSERT INTO `travel`.`_etl_scopes` (table_name, scope, pipeline, released, version, claimed_at) SETTINGS insert_deduplication_token = 'scope-6', async_insert = 0, max_partitions_per_insert_block = 0 FORMAT JSONCompactEachRow;

SELECT pipeline, scope FROM `travel`.`_etl_scopes` FINAL WHERE table_name = 'shop___events' AND released = 0 AND (scope != 'rows' OR (pipeline = 'p' AND scope = 'rows')) ORDER BY pipeline;

SELECT pipeline, scope FROM `travel`.`_etl_scopes` FINAL WHERE table_name = 'shop___insights' AND released = 0 AND (scope IN ('{"account_id":"1"}', '{}', 'rows') OR (pipeline = 'p' AND scope = '{"account_id":"1"}')) ORDER BY pipeline;

INSERT INTO `travel`.`_etl_scopes` (table_name, scope, pipeline, released, version, claimed_at) SETTINGS insert_deduplication_token = 'scope-6', async_insert = 0, max_partitions_per_insert_block = 0 FORMAT JSONCompactEachRow;

SELECT pipeline, scope FROM `travel`.`_etl_scopes` FINAL WHERE table_name = 'shop___insights' AND released = 0 AND (scope IN ('{"account_id":"1"}', '{}', 'rows') OR (pipeline = 'p' AND scope = '{"account_id":"1"}')) ORDER BY pipeline;

INSERT INTO `travel`.`_etl_schema_changes` (pipeline, stream, table_name, change, detail, load_number, changed_at) SETTINGS insert_deduplication_token = '<minute>-3-schema-3', async_insert = 0, max_partitions_per_insert_block = 0 FORMAT JSONCompactEachRow;

CREATE TABLE IF NOT EXISTS `travel`.`_etl_staging_p_148de9c5_3_1` (`account_id` String, `day` Date32, `spend` Nullable(Decimal(18, 6)), `actions.kind` Array(String), `_etl_version` UInt128, `_etl_deleted` UInt8, `_etl_load_id` LowCardinality(String)) ENGINE = MergeTree PARTITION BY toYYYYMM(`day`) ORDER BY (`account_id`, `day`) SETTINGS fsync_after_insert = 1, min_rows_to_fsync_after_merge = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000 COMMENT 'rows on their way into shop___insights';

INSERT INTO `travel`.`_etl_staging_p_148de9c5_3_1` (`account_id`, `day`, `spend`, `actions.kind`, _etl_version, _etl_deleted, _etl_load_id) SETTINGS insert_deduplication_token = '<minute>-3-0', async_insert = 0, max_partitions_per_insert_block = 0 FORMAT JSONCompactEachRow;

SELECT toString(count() - uniqExact(`account_id`, `day`)) AS _etl_doubled FROM `travel`.`_etl_staging_p_148de9c5_3_1`;

SELECT toString(countIf(NOT (((`account_id` = '1') AND (`day` >= toDate32('2026-11-01') AND `day` < toDate32('2026-11-02')))))) AS _etl_outside FROM `travel`.`_etl_staging_p_148de9c5_3_1`;

SELECT multiIf((`account_id` = '1') AND (`day` >= toDate32('2026-11-01') AND `day` < toDate32('2026-11-02')), 0, -1) AS _etl_place, toString(count()) AS _etl_rows, lower(hex(sum(reinterpretAsUInt128(sipHash128(formatRow('RowBinary', `account_id`, `actions.kind`, `day`, `spend`)))))) AS _etl_hash FROM `travel`.`_etl_staging_p_148de9c5_3_1` WHERE ((`account_id` = '1') AND (`day` >= toDate32('2026-11-01') AND `day` < toDate32('2026-11-02'))) GROUP BY _etl_place;

SELECT toString(count()) AS _etl_count FROM `travel`.`_etl_staging_p_148de9c5_3_1`;

INSERT INTO `travel`.`_etl_staging_p_148de9c5_3_1` (`account_id`, `day`, _etl_version, _etl_deleted, _etl_load_id) SELECT `account_id`, `day`, toUInt128('55340232221128654849'), 1, '<minute>-3' FROM `travel`.`_raw_shop___insights_g0` FINAL WHERE (((`account_id` = '1') AND (`day` >= toDate32('2026-11-01') AND `day` < toDate32('2026-11-02')))) AND (`account_id`, `day`) NOT IN (SELECT `account_id`, `day` FROM `travel`.`_etl_staging_p_148de9c5_3_1`) SETTINGS max_partitions_per_insert_block = 0;

SELECT toString(count()) AS _etl_count FROM `travel`.`_etl_staging_p_148de9c5_3_1`;

SELECT toString(count()) AS _etl_count FROM `travel`.`_etl_staging_p_148de9c5_3_1`;

CREATE TABLE IF NOT EXISTS `travel`.`_etl_staging_p_148de9c5_3_2` (`what` Nullable(String), `_etl_version` UInt128, `_etl_deleted` UInt8, `_etl_load_id` LowCardinality(String), `_etl_row_id` UInt128) ENGINE = MergeTree ORDER BY (`_etl_row_id`) SETTINGS fsync_after_insert = 1, min_rows_to_fsync_after_merge = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000 COMMENT 'rows on their way into shop___events';

INSERT INTO `travel`.`_etl_staging_p_148de9c5_3_2` (`what`, _etl_version, _etl_deleted, _etl_load_id, _etl_row_id) SETTINGS insert_deduplication_token = '<minute>-3-0', async_insert = 0, max_partitions_per_insert_block = 0 FORMAT JSONCompactEachRow;

SELECT toString(count()) AS _etl_count FROM `travel`.`_etl_staging_p_148de9c5_3_2`;

CREATE TABLE IF NOT EXISTS `travel`.`_etl_staging_p_148de9c5_3_3` (`id` Int64, `_etl_version` UInt128, `_etl_deleted` UInt8, `_etl_load_id` LowCardinality(String)) ENGINE = MergeTree ORDER BY (`id`) SETTINGS fsync_after_insert = 1, min_rows_to_fsync_after_merge = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000 COMMENT 'rows on their way into shop___plans';

INSERT INTO `travel`.`_etl_staging_p_148de9c5_3_3` (`id`, _etl_version, _etl_deleted, _etl_load_id) SETTINGS insert_deduplication_token = '<minute>-3-0', async_insert = 0, max_partitions_per_insert_block = 0 FORMAT JSONCompactEachRow;

SELECT toString(count()) AS _etl_count FROM `travel`.`_etl_staging_p_148de9c5_3_3`;

INSERT INTO `travel`.`_etl_manifest_p_148de9c5_3` (manifest) SETTINGS insert_deduplication_token = '<minute>-3', async_insert = 0, max_partitions_per_insert_block = 0 FORMAT JSONCompactEachRow;

RENAME TABLE `travel`.`_etl_manifest_p_148de9c5_3` TO `travel`.`_etl_prepared_p_148de9c5_3`;

RENAME TABLE `travel`.`_etl_number_5` TO `travel`.`_etl_number_6`;

CREATE TABLE IF NOT EXISTS `travel`.`_etl_lock_definition_of_shop_insights_140ed202_6` (number UInt64) ENGINE = Null COMMENT '<holder>';

CREATE OR REPLACE VIEW `travel`.`_raw_shop___insights` SQL SECURITY INVOKER AS SELECT `account_id`, `day`, `spend`, `actions.kind`, `_etl_load_id` FROM `travel`.`_raw_shop___insights_g0` FINAL COMMENT 'etl view <hash 1> of insights';

CREATE OR REPLACE VIEW `travel`.`shop___insights` SQL SECURITY INVOKER AS SELECT `account_id`, `day`, `spend`, _etl_load_id AS `_etl_load_id`, lower(hex(sipHash128(toString(`account_id`), toString(`day`)))) AS `_etl_id` FROM `travel`.`_raw_shop___insights` COMMENT 'etl view <hash 2> of insights';

CREATE OR REPLACE VIEW `travel`.`shop___insights__actions` SQL SECURITY INVOKER AS SELECT key_0_ AS `account_id`, key_1_ AS `day`, value_0_ AS `kind`, toInt64(position_) - 1 AS `_etl_list_idx`, parent_id_ AS `_etl_parent_id`, parent_id_ AS `_etl_root_id`, lower(hex(sipHash128(parent_id_, 'actions', toString(position_)))) AS `_etl_id` FROM (SELECT lower(hex(sipHash128(toString(`account_id`), toString(`day`)))) AS parent_id_, `account_id` AS key_0_, `day` AS key_1_, `actions.kind` AS field_0_ FROM `travel`.`_raw_shop___insights`) ARRAY JOIN field_0_ AS value_0_, arrayEnumerate(field_0_) AS position_ COMMENT 'etl view <hash 3> of insights.actions';

DROP TABLE IF EXISTS `travel`.`_etl_lock_definition_of_shop_insights_140ed202_6` SYNC;

ALTER TABLE `travel`.`_raw_shop___insights_g0` ATTACH PARTITION ALL FROM `travel`.`_etl_staging_p_148de9c5_3_1`;

RENAME TABLE `travel`.`_etl_number_6` TO `travel`.`_etl_number_7`;

CREATE TABLE IF NOT EXISTS `travel`.`_etl_lock_definition_of_shop_events_8a882423_7` (number UInt64) ENGINE = Null COMMENT '<holder>';

CREATE OR REPLACE VIEW `travel`.`shop___events` SQL SECURITY INVOKER AS SELECT `what`, _etl_load_id AS `_etl_load_id` FROM `travel`.`_raw_shop___events_g0` FINAL COMMENT 'etl view <hash 4> of events';

DROP TABLE IF EXISTS `travel`.`_etl_lock_definition_of_shop_events_8a882423_7` SYNC;

ALTER TABLE `travel`.`_raw_shop___events_g0` ATTACH PARTITION ALL FROM `travel`.`_etl_staging_p_148de9c5_3_2`;

RENAME TABLE `travel`.`_etl_number_7` TO `travel`.`_etl_number_8`;

CREATE TABLE IF NOT EXISTS `travel`.`_etl_lock_definition_of_shop_plans_24d255ab_8` (number UInt64) ENGINE = Null COMMENT '<holder>';

CREATE TABLE IF NOT EXISTS `travel`.`_raw_shop___plans_g3` (`id` Int64, `_etl_version` UInt128, `_etl_deleted` UInt8, `_etl_load_id` LowCardinality(String)) ENGINE = ReplacingMergeTree(_etl_version, _etl_deleted) ORDER BY (`id`) SETTINGS fsync_part_directory = 1, min_age_to_force_merge_seconds = 3600, min_age_to_force_merge_on_partition_only = 1, vertical_merge_algorithm_min_columns_to_activate = 1 COMMENT 'rows of shop___plans; read the view of that name';

ALTER TABLE `travel`.`_raw_shop___plans_g3` ATTACH PARTITION ALL FROM `travel`.`_etl_staging_p_148de9c5_3_3`;

CREATE OR REPLACE VIEW `travel`.`shop___plans` SQL SECURITY INVOKER AS SELECT `id`, _etl_load_id AS `_etl_load_id` FROM `travel`.`_raw_shop___plans_g3` FINAL COMMENT 'etl view <hash 5> of plans';

DROP TABLE IF EXISTS `travel`.`_etl_lock_definition_of_shop_plans_24d255ab_8` SYNC;

INSERT INTO `travel`.`_etl_slices` (pipeline, stream, slice, status, rows, read_at, loaded_at, flags, fingerprint, attempts, reason, load_number) SETTINGS insert_deduplication_token = '<minute>-3', async_insert = 0, max_partitions_per_insert_block = 0 FORMAT JSONCompactEachRow;

INSERT INTO `travel`.`_etl_state` (pipeline, stream, partition, value, load_number, updated_at) SETTINGS insert_deduplication_token = '<minute>-3', async_insert = 0, max_partitions_per_insert_block = 0 FORMAT JSONCompactEachRow;

INSERT INTO `travel`.`_etl_loads` (load_number, load_id, pipeline, started_at, committed_at, rows, rows_by_stream) SETTINGS insert_deduplication_token = '<minute>-3', async_insert = 0, max_partitions_per_insert_block = 0 FORMAT JSONCompactEachRow;

RENAME TABLE `travel`.`_etl_prepared_p_148de9c5_3` TO `travel`.`_etl_published_p_148de9c5_3`;

DROP TABLE IF EXISTS `travel`.`_etl_staging_p_148de9c5_3_1` SYNC;

DROP TABLE IF EXISTS `travel`.`_etl_staging_p_148de9c5_3_2` SYNC;

DROP TABLE IF EXISTS `travel`.`_etl_staging_p_148de9c5_3_3` SYNC;

DROP TABLE IF EXISTS `travel`.`_etl_published_p_148de9c5_3` SYNC;

DROP TABLE IF EXISTS `travel`.`_etl_lock_p_148de9c5_1` SYNC;
