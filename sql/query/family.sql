-- What the Version screen asks beside the statements of the other modules: documents, lineage, measurements.

-- Config and metrics of $1, at most so many characters of each, and how many bytes they have: a screen shows the
-- beginning of what is larger, and its memory does not depend on what somebody stored.
-- name: family_documents
SELECT left(m.config::text, 4194304), octet_length(m.config::text), left(m.metrics::text, 4194304), octet_length(m.metrics::text)
--> rows
 WHERE m.id = $1

-- Versions as lineage needs them: by id, perhaps without created_at.
-- part: born
       (SELECT v.*
          FROM (SELECT NULL::timestamptz AS created_at) absent
         CROSS JOIN LATERAL (SELECT id::bigint AS id, name::text AS name, version::text AS version,
                                    created_at::timestamptz AS born FROM ml_models) v)

-- What $1 was made of, from the root on (steps below 0), itself (0), and what was made of it, each behind its parent.
-- Rows of pare.lineage older than the version that has the id now are another one's. What vanished has its name
-- from its child. A circle, which only other hands can make, ends where it closes.
-- name: family_tree
WITH RECURSIVE up AS (
    SELECT 0 AS step, $1::bigint AS id, NULL::text AS name, NULL::text AS version, ARRAY[$1::bigint] AS path
    UNION ALL
    SELECT up.step - 1, l.parent_id, l.parent_name, l.parent_version, up.path || l.parent_id
      FROM up
      JOIN pare.lineage l ON l.model_id = up.id
      LEFT JOIN
--> born
           m ON m.id = up.id
     WHERE l.parent_id IS NOT NULL AND l.parent_id <> ALL (up.path) AND up.step > -16 AND (l.at >= m.born) IS NOT FALSE
), down AS (
    SELECT 0 AS step, $1::bigint AS id, ARRAY[$1::bigint] AS path
    UNION ALL
    SELECT down.step + 1, l.model_id, down.path || l.model_id
      FROM down
      JOIN pare.lineage l ON l.parent_id = down.id AND l.model_id <> ALL (down.path)
      JOIN
--> born
           m ON m.id = l.model_id AND (l.at >= m.born) IS NOT FALSE
      LEFT JOIN
--> born
           p ON p.id = down.id
     WHERE down.step < 6 AND (l.at >= p.born) IS NOT FALSE
), family AS (
    SELECT step, id, name, version, ARRAY[]::bigint[] AS path FROM up WHERE step < 0
    UNION ALL SELECT step, id, NULL, NULL, path FROM down
)
SELECT f.step, f.id, coalesce(m.name, f.name), coalesce(m.version, f.version), m.id IS NOT NULL, left(l.recipe::text, 65536),
       l.actor, to_char(l.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), j.id
  FROM family f
  LEFT JOIN
--> born
       m ON m.id = f.id
  LEFT JOIN pare.lineage l ON l.model_id = f.id AND (l.at >= m.born) IS NOT FALSE
  LEFT JOIN (SELECT result_id, max(id) AS id, max(ended_at) AS at FROM pare.jobs
              WHERE kind = 'transform' AND state = 'done' AND result_id IS NOT NULL GROUP BY result_id) j
         ON j.result_id = f.id AND (j.at >= m.born) IS NOT FALSE
 ORDER BY f.step > 0, CASE WHEN f.step <= 0 THEN f.step END, f.path LIMIT 100

-- Each measurement of $1, the newest first, with what it was made under.
-- name: family_measurements
SELECT to_char(c.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), c.actor,
       (SELECT d.name FROM pare.dataset d WHERE d.digest = c.dataset_digest ORDER BY d.id LIMIT 1),
       (SELECT v.name::text || ':' || v.version::text FROM ml_models v WHERE v.id = c.against_id),
       left(c.conditions ->> 'host', 100), left(c.conditions ->> 'onnxruntime', 100), left(c.conditions ->> 'threads', 100),
       left(c.conditions ->> 'latency_batch', 100),
       left(coalesce(c.result ->> 'rows', c.conditions ->> 'dataset_rows'), 100),
       CASE WHEN jsonb_typeof(c.result -> 'inference_ms') = 'number' THEN left(c.result ->> 'inference_ms', 700) END,
       CASE WHEN jsonb_typeof(c.result -> 'accuracy') = 'number' THEN left(c.result ->> 'accuracy', 700) END,
       left(c.result::text, 65536), left(c.conditions::text, 65536)
  FROM
--> measured
       c
 WHERE c.model_id = $1 ORDER BY c.id DESC LIMIT 50
