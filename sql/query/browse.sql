-- What the browser asks while it is open, beside the statements of the other modules.

-- Changes whenever any transaction of the whole server wrote: equal texts say that nothing has changed,
-- different ones that browse_state is worth its scan. Works on a standby too.
-- name: browse_snapshot
SELECT txid_current_snapshot()::text

-- For the rest of the transaction: a look at a list must not take the server's other cores, nor wait for a compiler
-- before its first row. What is left to the planner then comes from the index, in order, with nothing sorted.
-- name: browse_quiet
SELECT set_config('max_parallel_workers_per_gather', '0', true), set_config('jit', 'off', true)

-- Changes with every row of ml_models that was inserted, updated or deleted, and with the table's shape: rows, sum, shape.
-- part: state_of_rows
SELECT (SELECT count(*) || ':' || coalesce(sum(xmin::text::bigint), 0) FROM ml_models)
       || ':' || (SELECT coalesce(sum(hashtext(concat_ws(',', a.attrelid, a.attnum, a.attname, a.atttypid, a.attcollation,
                                                         a.attisdropped))::bigint), 0)
                    FROM pg_attribute a WHERE a.attrelid = to_regclass('ml_models') AND a.attnum > 0)

-- name: browse_state_guest
--> state_of_rows

-- The same, and what pare keeps beside the rows and the browser shows.
-- name: browse_state
--> state_of_rows
       || '/' || (SELECT count(*) FROM pare.default_event)
       || '/' || (SELECT count(*) || ':' || coalesce(max(id), 0) FROM pare.measurement)
       || '/' || (SELECT count(*) || ':' || coalesce(sum(xmin::text::bigint), 0) FROM pare.lineage)
       || '/' || (SELECT count(*) || ':' || coalesce(sum(xmin::text::bigint), 0) FROM pare.artifact)

-- What the job that judged c and b on the same examples found, from whichever side it looked: the intervals of the change
-- of accuracy and of the times' ratio, the verdict on the times, and whether it was c that it looked at. Nothing where there
-- was no such job.
-- part: judged
  CROSS JOIN LATERAL (SELECT CASE WHEN c.against_id = b.model_id THEN c.result
                                  WHEN b.against_id = c.model_id THEN b.result END AS result) j

-- part: judged_columns
       CASE WHEN jsonb_typeof(j.result -> 'change_low') = 'number' AND jsonb_typeof(j.result -> 'broken') = 'number'
            THEN left(j.result ->> 'change_low', 700) END,
       CASE WHEN jsonb_typeof(j.result -> 'change_high') = 'number' AND jsonb_typeof(j.result -> 'fixed') = 'number'
            THEN left(j.result ->> 'change_high', 700) END,
       left(j.result ->> 'speed', 20),
       CASE WHEN jsonb_typeof(j.result -> 'ratio_low') = 'number' THEN left(j.result ->> 'ratio_low', 700) END,
       CASE WHEN jsonb_typeof(j.result -> 'ratio_high') = 'number' THEN left(j.result ->> 'ratio_high', 700) END,
       coalesce(c.against_id = b.model_id, false)

-- For each version that was measured under the same conditions on the same data as its model's default:
-- both latencies and both accuracies of the newest such pair; the latencies only where one job measured both
-- in turns (then `at` is the same): only those can be compared.
-- name: browse_alike
SELECT DISTINCT ON (c.model_id) c.model_id,
       CASE WHEN c.at = b.at AND jsonb_typeof(c.result -> 'inference_ms') = 'number' THEN left(c.result ->> 'inference_ms', 700) END,
       CASE WHEN c.at = b.at AND jsonb_typeof(b.result -> 'inference_ms') = 'number' THEN left(b.result ->> 'inference_ms', 700) END,
       CASE WHEN jsonb_typeof(c.result -> 'accuracy') = 'number' THEN left(c.result ->> 'accuracy', 700) END,
       CASE WHEN jsonb_typeof(b.result -> 'accuracy') = 'number' THEN left(b.result ->> 'accuracy', 700) END,
--> judged_columns
  FROM (SELECT DISTINCT ON (e.name) e.name, e.to_id, e.to_version
          FROM pare.default_event e ORDER BY e.name, e.rev DESC) d
  JOIN
--> measured
       b ON b.model_id = d.to_id AND b.name = d.name AND b.version = d.to_version
  JOIN
--> measured
       c ON c.name = d.name AND c.model_id <> d.to_id AND c.conditions = b.conditions
            AND c.dataset_digest IS NOT DISTINCT FROM b.dataset_digest
--> judged
 ORDER BY c.model_id, c.at = b.at DESC, c.id DESC, b.id DESC

-- $1: the id, as text because it shares its place with a name.
-- name: browse_by_id_guest
--> bare
 WHERE m.id = $1::text::bigint

-- The same for one version (name $1, version $2) and the default $3.
-- name: browse_alike_one
SELECT c.model_id,
       CASE WHEN c.at = b.at AND jsonb_typeof(c.result -> 'inference_ms') = 'number' THEN left(c.result ->> 'inference_ms', 700) END,
       CASE WHEN c.at = b.at AND jsonb_typeof(b.result -> 'inference_ms') = 'number' THEN left(b.result ->> 'inference_ms', 700) END,
       CASE WHEN jsonb_typeof(c.result -> 'accuracy') = 'number' THEN left(c.result ->> 'accuracy', 700) END,
       CASE WHEN jsonb_typeof(b.result -> 'accuracy') = 'number' THEN left(b.result ->> 'accuracy', 700) END,
--> judged_columns
  FROM
--> measured
       c JOIN
--> measured
       b ON b.model_id = $3 AND c.conditions = b.conditions AND c.dataset_digest IS NOT DISTINCT FROM b.dataset_digest
--> judged
 WHERE c.name = $1 AND c.version = $2
 ORDER BY c.at = b.at DESC, c.id DESC, b.id DESC LIMIT 1

-- The first page of catalog_list, with its arguments: each row looks up its own default, so that the first rows
-- do not wait for all models' defaults to be sorted.
-- name: browse_page
--> columns
       coalesce(m.stored, a.size_bytes), coalesce(d.to_id = m.id AND d.to_version = m.version, false), l.parent_id,
       m.stored IS NOT NULL,
--> held_column
--> json_columns
--> rows
  LEFT JOIN LATERAL (SELECT e.to_id, e.to_version FROM pare.default_event e
                      WHERE e.name = m.name ORDER BY e.rev DESC LIMIT 1) d ON true
--> kept
 WHERE $1::text IS NULL ORDER BY m.name, m.version LIMIT $7

-- All of them, in order, with the arguments of catalog_list.
-- name: browse_all
--> columns
       coalesce(m.stored, a.size_bytes), coalesce(d.to_id = m.id AND d.to_version = m.version, false), l.parent_id,
       m.stored IS NOT NULL,
--> held_column
--> json_columns
--> rows_in_order
--> defaults
--> kept
 WHERE $1::text IS NULL ORDER BY m.name, m.version LIMIT $7

-- name: browse_all_guest
--> columns
       m.stored, false, NULL::bigint, m.stored IS NOT NULL, CASE WHEN m.held < m.stored THEN m.held END,
--> json_columns
--> rows_in_order
 WHERE $1::text IS NULL ORDER BY m.name, m.version LIMIT $7

-- The $14 versions that come first in another order, with all other versions of their models, which they are compared
-- with; in all at most $7. Up to three keys: $8 to $10, words of facts that are numbers, json1 to json4 for the paths $3 to
-- $6, or NULL; $11 to $13: 1, or -1 to turn them. What is a number is judged as in version.c. What no key asks for is not
-- computed (the planner drops it), what one asks for is made once (OFFSET 0).
-- part: found_documents
WITH ahead AS MATERIALIZED (
    SELECT f.name
      FROM (SELECT p.*, CASE WHEN p.accuracy_or_percent > 1 THEN p.accuracy_or_percent / 100 ELSE p.accuracy_or_percent END AS accuracy,
                   coalesce(p.stored_bytes::float8, CASE WHEN p.megabytes BETWEEN 0 AND 9e12 THEN floor(p.megabytes * 1e6)
                       + CASE WHEN p.megabytes * 1e6 - floor(p.megabytes * 1e6) >= 0.5 THEN 1 ELSE 0 END END) AS size,
                   CASE WHEN p.at BETWEEN 1 AND 4294967294 THEN p.at END AS created
              FROM (SELECT v.id::float8 AS id, v.name, v.version, v.stored_bytes,
                           floor(extract(epoch FROM v.created_at))::float8 AS at,
                       coalesce(CASE WHEN jsonb_typeof(v.size1) = 'number' THEN CASE WHEN abs(v.size1::numeric) BETWEEN 1e-300 AND 1e300 THEN v.size1::float8
                         WHEN v.size1 = '0' AND length(v.size1::text) < 700 THEN 0 END END,
                         CASE WHEN jsonb_typeof(v.size2) = 'number' THEN CASE WHEN abs(v.size2::numeric) BETWEEN 1e-300 AND 1e300 THEN v.size2::float8
                         WHEN v.size2 = '0' AND length(v.size2::text) < 700 THEN 0 END END) AS megabytes,
                       coalesce(CASE WHEN jsonb_typeof(v.lat1) = 'number' THEN CASE WHEN abs(v.lat1::numeric) BETWEEN 1e-300 AND 1e300 THEN v.lat1::float8
                         WHEN v.lat1 = '0' AND length(v.lat1::text) < 700 THEN 0 END END,
                         CASE WHEN jsonb_typeof(v.lat2) = 'number' THEN CASE WHEN abs(v.lat2::numeric) BETWEEN 1e-300 AND 1e300 THEN v.lat2::float8
                         WHEN v.lat2 = '0' AND length(v.lat2::text) < 700 THEN 0 END END,
                         CASE WHEN jsonb_typeof(v.lat3) = 'number' THEN CASE WHEN abs(v.lat3::numeric) BETWEEN 1e-300 AND 1e300 THEN v.lat3::float8
                         WHEN v.lat3 = '0' AND length(v.lat3::text) < 700 THEN 0 END END) AS lat,
                       coalesce(CASE WHEN jsonb_typeof(v.acc1) = 'number' THEN CASE WHEN abs(v.acc1::numeric) BETWEEN 1e-300 AND 1e300 THEN v.acc1::float8
                         WHEN v.acc1 = '0' AND length(v.acc1::text) < 700 THEN 0 END END,
                         CASE WHEN jsonb_typeof(v.acc2) = 'number' THEN CASE WHEN abs(v.acc2::numeric) BETWEEN 1e-300 AND 1e300 THEN v.acc2::float8
                         WHEN v.acc2 = '0' AND length(v.acc2::text) < 700 THEN 0 END END) AS accuracy_or_percent,
                       CASE WHEN jsonb_typeof(v.value1) = 'number' THEN CASE WHEN abs(v.value1::numeric) BETWEEN 1e-300 AND 1e300 THEN v.value1::float8
                         WHEN v.value1 = '0' AND length(v.value1::text) < 700 THEN 0 END END AS json1,
                       CASE WHEN jsonb_typeof(v.value2) = 'number' THEN CASE WHEN abs(v.value2::numeric) BETWEEN 1e-300 AND 1e300 THEN v.value2::float8
                         WHEN v.value2 = '0' AND length(v.value2::text) < 700 THEN 0 END END AS json2,
                       CASE WHEN jsonb_typeof(v.value3) = 'number' THEN CASE WHEN abs(v.value3::numeric) BETWEEN 1e-300 AND 1e300 THEN v.value3::float8
                         WHEN v.value3 = '0' AND length(v.value3::text) < 700 THEN 0 END END AS json3,
                       CASE WHEN jsonb_typeof(v.value4) = 'number' THEN CASE WHEN abs(v.value4::numeric) BETWEEN 1e-300 AND 1e300 THEN v.value4::float8
                         WHEN v.value4 = '0' AND length(v.value4::text) < 700 THEN 0 END END AS json4
                      FROM (SELECT m.id, m.name, m.version, m.created_at,
                                   m.metrics -> 'size_mb' AS size1,
                                   m.metrics -> 'size' AS size2,
                                   m.metrics -> 'inference_ms' AS lat1,
                                   m.metrics -> 'latency_ms' AS lat2,
                                   m.metrics -> 'latency' AS lat3,
                                   m.metrics -> 'accuracy' AS acc1,
                                   m.metrics -> 'acc' AS acc2,
                                   CASE ($3::text[])[1] WHEN 'config' THEN m.config ELSE m.metrics END #> ($3::text[])[2:] AS value1,
                                   CASE ($4::text[])[1] WHEN 'config' THEN m.config ELSE m.metrics END #> ($4::text[])[2:] AS value2,
                                   CASE ($5::text[])[1] WHEN 'config' THEN m.config ELSE m.metrics END #> ($5::text[])[2:] AS value3,
                                   CASE ($6::text[])[1] WHEN 'config' THEN m.config ELSE m.metrics END #> ($6::text[])[2:] AS value4,

-- part: found_order
                           OFFSET 0) v OFFSET 0) p OFFSET 0) f
     ORDER BY CASE $8::text WHEN 'size' THEN f.size WHEN 'lat' THEN f.lat WHEN 'accuracy' THEN f.accuracy WHEN 'created' THEN f.created
              WHEN 'id' THEN f.id WHEN 'json1' THEN f.json1 WHEN 'json2' THEN f.json2 WHEN 'json3' THEN f.json3 WHEN 'json4' THEN f.json4 END * $11::int,
              CASE $9::text WHEN 'size' THEN f.size WHEN 'lat' THEN f.lat WHEN 'accuracy' THEN f.accuracy WHEN 'created' THEN f.created
              WHEN 'id' THEN f.id WHEN 'json1' THEN f.json1 WHEN 'json2' THEN f.json2 WHEN 'json3' THEN f.json3 WHEN 'json4' THEN f.json4 END * $12::int,
              CASE $10::text WHEN 'size' THEN f.size WHEN 'lat' THEN f.lat WHEN 'accuracy' THEN f.accuracy WHEN 'created' THEN f.created
              WHEN 'id' THEN f.id WHEN 'json1' THEN f.json1 WHEN 'json2' THEN f.json2 WHEN 'json3' THEN f.json3 WHEN 'json4' THEN f.json4 END * $13::int,
              f.name, f.version LIMIT $14
)

-- name: browse_ahead
--> found_documents
                                   coalesce(m.stored, a.size_bytes) AS stored_bytes
--> rows_once
              LEFT JOIN pare.artifact a ON a.model_id = m.id AND (a.touched_at >= m.created_at) IS NOT FALSE
--> found_order
--> columns
       coalesce(m.stored, a.size_bytes), coalesce(d.to_id = m.id AND d.to_version = m.version, false), l.parent_id,
       m.stored IS NOT NULL,
--> held_column
--> json_columns
--> rows
  LEFT JOIN LATERAL (SELECT e.to_id, e.to_version FROM pare.default_event e
                      WHERE e.name = m.name ORDER BY e.rev DESC LIMIT 1) d ON true
--> kept
 WHERE $1::text IS NULL AND m.name IN (SELECT name FROM ahead) ORDER BY m.name, m.version LIMIT $7

-- name: browse_ahead_guest
--> found_documents
                                   m.stored AS stored_bytes
--> rows_once
--> found_order
--> columns
       m.stored, false, NULL::bigint, m.stored IS NOT NULL, CASE WHEN m.held < m.stored THEN m.held END,
--> json_columns
--> rows
 WHERE $1::text IS NULL AND m.name IN (SELECT name FROM ahead) ORDER BY m.name, m.version LIMIT $7

-- Versions in which something may have changed since the transaction $1 (an xid; what is older was over by then), in
-- order, at most $7, each with the version before it: looked up for a few, for more found by one pass over all. A version
-- that was deleted is no row here: browse_state counts.
-- part: changed_in_rows
WITH changed AS MATERIALIZED (
    SELECT id FROM (SELECT v.id::bigint AS id FROM ml_models v WHERE age(v.xmin) <= age($1::text::xid)

-- part: changed_places
       ) each LIMIT $7
), places AS MATERIALIZED (
    SELECT p.id, lag(p.id) OVER (ORDER BY p.name::text, p.version::text) AS before FROM ml_models p
     WHERE (SELECT count(*) FROM changed) BETWEEN 9 AND $7 - 1
)

-- part: changed_row_before
       , CASE WHEN (SELECT count(*) FROM changed) > 8 THEN places.before
              ELSE (SELECT p.id FROM ml_models p WHERE (p.name::text, p.version::text) < (m.name, m.version)
                     ORDER BY p.name::text DESC, p.version::text DESC LIMIT 1) END
--> rows
  JOIN changed ON changed.id = m.id
  LEFT JOIN places ON places.id = m.id

-- name: browse_changed_guest
--> changed_in_rows
--> changed_places
--> columns
       m.stored, false, NULL::bigint, m.stored IS NOT NULL, CASE WHEN m.held < m.stored THEN m.held END,
--> json_columns
--> changed_row_before
 ORDER BY m.name, m.version LIMIT $7

-- name: browse_changed
--> changed_in_rows
        UNION SELECT model_id FROM pare.artifact WHERE age(xmin) <= age($1::text::xid)
        UNION SELECT model_id FROM pare.lineage WHERE age(xmin) <= age($1::text::xid)
        UNION SELECT v.id FROM ml_models v
               WHERE v.name::text IN (SELECT e.name FROM pare.default_event e WHERE age(e.xmin) <= age($1::text::xid))
--> changed_places
--> columns
       coalesce(m.stored, a.size_bytes), coalesce(d.to_id = m.id AND d.to_version = m.version, false), l.parent_id,
       m.stored IS NOT NULL,
--> held_column
--> json_columns
--> changed_row_before
  LEFT JOIN LATERAL (SELECT e.to_id, e.to_version FROM pare.default_event e
                      WHERE e.name = m.name ORDER BY e.rev DESC LIMIT 1) d ON true
--> kept
 ORDER BY m.name, m.version LIMIT $7

-- The JSON values that the newest versions really have, as paths one level deep or two, each with how many of them have
-- it: at most 20 000 values are looked at, however large the documents are. A key that a path cannot name is left out.
-- part: path_rows
SELECT m.config, m.metrics
--> rows
 ORDER BY m.id DESC LIMIT 1000

-- name: browse_paths
WITH newest AS MATERIALIZED (
--> path_rows
), roots AS (
    SELECT 'metrics' AS root, metrics AS document FROM newest UNION ALL SELECT 'config', config FROM newest
), first AS (
    SELECT r.root || '.' || k.key AS path, k.value
      FROM roots r CROSS JOIN LATERAL jsonb_each(CASE WHEN jsonb_typeof(r.document) = 'object' THEN r.document END) k
     WHERE length(k.key) <= 40 AND k.key !~ '[.,:[:cntrl:]]' AND k.key <> '' LIMIT 20000
), every AS (
    SELECT path, value FROM first
     UNION ALL
    (SELECT f.path || '.' || k.key, k.value
       FROM first f CROSS JOIN LATERAL jsonb_each(CASE WHEN jsonb_typeof(f.value) = 'object' THEN f.value END) k
      WHERE length(k.key) <= 40 AND k.key !~ '[.,:[:cntrl:]]' AND k.key <> '' LIMIT 20000)
)
SELECT path, count(*), (SELECT count(*) FROM newest) FROM every
 WHERE jsonb_typeof(value) IN ('number', 'string', 'boolean') AND octet_length(path) < 90
 GROUP BY path ORDER BY path LIMIT 200
