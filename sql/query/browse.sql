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

-- For each version that was measured under the same conditions on the same data as its model's default:
-- both latencies and both accuracies of the newest such pair; the latencies only where one job measured both
-- in turns (then `at` is the same): only those can be compared.
-- name: browse_alike
SELECT DISTINCT ON (c.model_id) c.model_id,
       CASE WHEN c.at = b.at AND jsonb_typeof(c.result -> 'inference_ms') = 'number' THEN left(c.result ->> 'inference_ms', 700) END,
       CASE WHEN c.at = b.at AND jsonb_typeof(b.result -> 'inference_ms') = 'number' THEN left(b.result ->> 'inference_ms', 700) END,
       CASE WHEN jsonb_typeof(c.result -> 'accuracy') = 'number' THEN left(c.result ->> 'accuracy', 700) END,
       CASE WHEN jsonb_typeof(b.result -> 'accuracy') = 'number' THEN left(b.result ->> 'accuracy', 700) END
  FROM (SELECT DISTINCT ON (e.name) e.name, e.to_id, e.to_version
          FROM pare.default_event e ORDER BY e.name, e.rev DESC) d
  JOIN
--> measured
       b ON b.model_id = d.to_id AND b.name = d.name AND b.version = d.to_version
  JOIN
--> measured
       c ON c.name = d.name AND c.model_id <> d.to_id AND c.conditions = b.conditions
            AND c.dataset_digest IS NOT DISTINCT FROM b.dataset_digest
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
       CASE WHEN jsonb_typeof(b.result -> 'accuracy') = 'number' THEN left(b.result ->> 'accuracy', 700) END
  FROM
--> measured
       c JOIN
--> measured
       b ON b.model_id = $3 AND c.conditions = b.conditions AND c.dataset_digest IS NOT DISTINCT FROM b.dataset_digest
 WHERE c.name = $1 AND c.version = $2
 ORDER BY c.at = b.at DESC, c.id DESC, b.id DESC LIMIT 1

-- The first page of catalog_list, with its arguments: each row looks up its own default, so that the first rows
-- do not wait for all models' defaults to be sorted.
-- name: browse_page
--> columns
       coalesce(m.stored, a.size_bytes), coalesce(d.to_id = m.id AND d.to_version = m.version, false), l.parent_id,
       m.stored IS NOT NULL,
--> json_columns
--> rows
  LEFT JOIN LATERAL (SELECT e.to_id, e.to_version FROM pare.default_event e
                      WHERE e.name = m.name ORDER BY e.rev DESC LIMIT 1) d ON true
--> kept
 WHERE $1::text IS NULL ORDER BY m.name, m.version LIMIT $7

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
       m.stored, false, NULL::bigint, m.stored IS NOT NULL,
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
