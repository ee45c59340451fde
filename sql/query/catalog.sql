-- Versions as pare reads them. `absent` is what a column reads as once the users have dropped it: inside
-- the LATERAL a name finds ml_models first and `absent` only when ml_models has no such column. Numbers leave
-- as text with the kind judged in C, so that no row can make a list fail.

-- part: rows_as_r
  FROM (SELECT NULL::text AS model_type, NULL::text AS optimization, NULL::bytea AS model_data,
               NULL::jsonb AS config, NULL::jsonb AS metrics, NULL::timestamptz AS created_at) absent
 CROSS JOIN LATERAL (SELECT id::bigint AS id, name::text AS name, version::text AS version,
                            model_type::text AS model_type, optimization::text AS optimization,
                            octet_length(model_data)::bigint AS stored, pg_column_size(model_data)::bigint AS held,
                            to_jsonb(config) AS config, to_jsonb(metrics) AS metrics,
                            created_at::timestamptz AS created_at
                       FROM ml_models) r

-- part: rows
  FROM (SELECT NULL::text AS model_type, NULL::text AS optimization, NULL::bytea AS model_data,
               NULL::jsonb AS config, NULL::jsonb AS metrics, NULL::timestamptz AS created_at) absent
 CROSS JOIN LATERAL (SELECT id::bigint AS id, name::text AS name, version::text AS version,
                            model_type::text AS model_type, optimization::text AS optimization,
                            octet_length(model_data)::bigint AS stored, pg_column_size(model_data)::bigint AS held,
                            to_jsonb(config) AS config, to_jsonb(metrics) AS metrics,
                            created_at::timestamptz AS created_at
                       FROM ml_models) m

-- part: metric_columns
       CASE WHEN jsonb_typeof(m.metrics -> 'size_mb') = 'number' THEN left(m.metrics ->> 'size_mb', 700) END,
       CASE WHEN jsonb_typeof(m.metrics -> 'size') = 'number' THEN left(m.metrics ->> 'size', 700) END,
       CASE WHEN jsonb_typeof(m.metrics -> 'inference_ms') = 'number' THEN left(m.metrics ->> 'inference_ms', 700) END,
       CASE WHEN jsonb_typeof(m.metrics -> 'latency_ms') = 'number' THEN left(m.metrics ->> 'latency_ms', 700) END,
       CASE WHEN jsonb_typeof(m.metrics -> 'latency') = 'number' THEN left(m.metrics ->> 'latency', 700) END,
       CASE WHEN jsonb_typeof(m.metrics -> 'accuracy') = 'number' THEN left(m.metrics ->> 'accuracy', 700) END,
       CASE WHEN jsonb_typeof(m.metrics -> 'acc') = 'number' THEN left(m.metrics ->> 'acc', 700) END,

-- $2: with config and metrics as text. $3 to $6: JSON paths, the first step is config or metrics.
-- part: json_columns
       CASE WHEN $2::bool THEN m.config::text END,
       CASE WHEN $2::bool THEN m.metrics::text END,
       left(jsonb_typeof(CASE ($3::text[])[1] WHEN 'config' THEN m.config ELSE m.metrics END #> ($3::text[])[2:]), 1)
         || left(CASE ($3::text[])[1] WHEN 'config' THEN m.config ELSE m.metrics END #>> ($3::text[])[2:], 700),
       left(jsonb_typeof(CASE ($4::text[])[1] WHEN 'config' THEN m.config ELSE m.metrics END #> ($4::text[])[2:]), 1)
         || left(CASE ($4::text[])[1] WHEN 'config' THEN m.config ELSE m.metrics END #>> ($4::text[])[2:], 700),
       left(jsonb_typeof(CASE ($5::text[])[1] WHEN 'config' THEN m.config ELSE m.metrics END #> ($5::text[])[2:]), 1)
         || left(CASE ($5::text[])[1] WHEN 'config' THEN m.config ELSE m.metrics END #>> ($5::text[])[2:], 700),
       left(jsonb_typeof(CASE ($6::text[])[1] WHEN 'config' THEN m.config ELSE m.metrics END #> ($6::text[])[2:]), 1)
         || left(CASE ($6::text[])[1] WHEN 'config' THEN m.config ELSE m.metrics END #>> ($6::text[])[2:], 700)

-- part: columns
SELECT m.id, m.name, m.version, m.model_type, m.optimization,
       to_char(m.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
--> metric_columns
-- part: defaults
  LEFT JOIN (SELECT DISTINCT ON (e.name) e.name, e.to_id, e.to_version
               FROM pare.default_event e ORDER BY e.name, e.rev DESC) d ON d.name = m.name

-- What pare keeps by id, if it is not older than the row: after a TRUNCATE ... RESTART IDENTITY new rows have old ids.
-- part: kept
  LEFT JOIN pare.lineage l ON l.model_id = m.id AND (l.at >= m.created_at) IS NOT FALSE
  LEFT JOIN pare.artifact a ON a.model_id = m.id AND (a.touched_at >= m.created_at) IS NOT FALSE

-- What the bytes take where they are fewer than the version's size, because they are compressed or stand there twice.
-- part: held_column
       CASE WHEN m.stored IS NOT NULL THEN CASE WHEN m.held < m.stored THEN m.held END
            WHEN a.stored_bytes < a.size_bytes THEN a.stored_bytes END,

-- In a registry pare may read: what pare keeps about each.
-- part: known
--> columns
       coalesce(m.stored, a.size_bytes), coalesce(d.to_id = m.id AND d.to_version = m.version, false), l.parent_id,
       m.stored IS NOT NULL,
--> held_column
--> json_columns
--> rows
--> defaults
--> kept

-- For a guest, with SELECT on ml_models alone.
-- part: bare
--> columns
       m.stored, false, NULL::bigint, m.stored IS NOT NULL, CASE WHEN m.held < m.stored THEN m.held END,
--> json_columns
--> rows

-- $1: the model's name, or NULL for all. $7: at most so many rows, or NULL.
-- name: catalog_list
--> known
 WHERE $1::text IS NULL OR m.name = $1 ORDER BY m.name, m.version LIMIT $7

-- name: catalog_list_guest
--> bare
 WHERE $1::text IS NULL OR m.name = $1 ORDER BY m.name, m.version LIMIT $7

-- All of them, for the client to sort: the server would spill wide rows to its disk. OFFSET 0 keeps the server
-- from making config and metrics anew for each expression that reads them.
-- part: rows_once
  FROM (SELECT r.*
--> rows_as_r
       OFFSET 0) m

-- The same, read in order.
-- part: rows_in_order
  FROM (SELECT r.*
--> rows_as_r
         ORDER BY r.name, r.version OFFSET 0) m

-- name: catalog_all
--> columns
       coalesce(m.stored, a.size_bytes), coalesce(d.to_id = m.id AND d.to_version = m.version, false), l.parent_id,
       m.stored IS NOT NULL,
--> held_column
--> json_columns
--> rows_once
--> defaults
--> kept
 WHERE $1::text IS NULL

-- name: catalog_all_guest
--> columns
       m.stored, false, NULL::bigint, m.stored IS NOT NULL, CASE WHEN m.held < m.stored THEN m.held END,
--> json_columns
--> rows_once
 WHERE $1::text IS NULL

-- $1: the name. $7: the version, or NULL for the default.
-- name: catalog_find
--> known
 WHERE m.name = $1 AND (m.version = $7 OR $7::text IS NULL AND d.to_id = m.id AND d.to_version = m.version)

-- name: catalog_find_guest
--> bare
 WHERE m.name = $1 AND m.version = $7

-- $1: the id, as text because it shares its place with a name.
-- name: catalog_by_id
--> known
 WHERE m.id = $1::text::bigint

-- What there is under a name, to say it when a version was not found.
-- name: catalog_versions_of
SELECT version::text, count(*) OVER () FROM ml_models WHERE name = $1 ORDER BY id DESC LIMIT 8

-- name: catalog_like
SELECT DISTINCT name::text FROM ml_models WHERE strpos(lower(name), lower($1)) > 0 OR strpos(lower($1), lower(name)) > 0
 ORDER BY 1 LIMIT 5

-- part: lineage_of
  FROM (SELECT NULL::timestamptz AS created_at) absent
 CROSS JOIN LATERAL (SELECT id, created_at::timestamptz AS created_at FROM ml_models WHERE id = $1) m
  JOIN pare.lineage l ON l.model_id = m.id AND (l.at >= m.created_at) IS NOT FALSE

-- name: catalog_lineage
SELECT l.parent_id, l.parent_name, l.parent_version, l.recipe::text, l.engine_version,
       encode(l.parent_digest, 'hex'), l.actor, to_char(l.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       EXISTS (SELECT FROM ml_models m WHERE m.id = l.parent_id)
--> lineage_of

-- name: catalog_report
SELECT l.report::text
--> lineage_of

-- name: catalog_children
SELECT m.name, m.version
  FROM (SELECT NULL::timestamptz AS created_at) absent
 CROSS JOIN LATERAL (SELECT id, created_at::timestamptz AS born FROM ml_models WHERE id = $1) p
 CROSS JOIN LATERAL (SELECT id, name::text AS name, version::text AS version, created_at::timestamptz AS born
                       FROM ml_models) m
  JOIN pare.lineage l ON l.model_id = m.id AND l.parent_id = p.id
                     AND (l.at >= m.born) IS NOT FALSE AND (l.at >= p.born) IS NOT FALSE
 ORDER BY m.id LIMIT 20

-- Measurements with the version they are of, which is there and no younger than they are.
-- part: measured
       (SELECT p.*, own.name, own.version, own.born
          FROM (SELECT NULL::timestamptz AS created_at) absent
         CROSS JOIN LATERAL (SELECT id, name::text AS name, version::text AS version, created_at::timestamptz AS born
                               FROM ml_models) own
          JOIN pare.measurement p ON p.model_id = own.id AND (p.at >= own.born) IS NOT FALSE)

-- The newest measurement of each of two versions under the same conditions and data, if there is one; best
-- those of one job, which ran them in turns: only their times can be compared.
-- name: catalog_alike
SELECT c.result::text, d.result::text, c.conditions::text, c.at = d.at, c.against_id, d.against_id,
       encode(c.dataset_digest, 'hex')
  FROM
--> measured
       c JOIN
--> measured
       d ON d.model_id = $2 AND d.conditions = c.conditions AND d.dataset_digest IS NOT DISTINCT FROM c.dataset_digest
 WHERE c.model_id = $1 ORDER BY c.at = d.at DESC, c.id DESC, d.id DESC LIMIT 1

-- name: catalog_conditions
SELECT c.conditions::text
  FROM
--> measured
       c
 WHERE c.model_id = $1 ORDER BY c.id DESC LIMIT 1

-- A test that runs and has this version as an arm.
-- name: catalog_running_test
SELECT id::text, test_name::text FROM model_ab_tests
 WHERE (model_a_id = $1 OR model_b_id = $1) AND status = 'running' AND end_time IS NULL LIMIT 1

-- name: catalog_has_tests
SELECT to_regclass('model_ab_tests') IS NOT NULL

-- name: catalog_delete
WITH gone AS (DELETE FROM ml_models WHERE id = $1 AND name = $2 AND version = $3 RETURNING id),
     freed AS (DELETE FROM pare.artifact a USING gone WHERE a.model_id = gone.id RETURNING a.id)
SELECT count(*) FROM gone

-- name: catalog_still_there
SELECT EXISTS (SELECT FROM ml_models WHERE id = $1)
