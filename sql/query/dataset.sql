-- Labelled data, and what was measured on it.

-- name: dataset_add
INSERT INTO pare.dataset (name, digest, rows, artifact_id, actor) VALUES ($1, $2, $3, $4, $5)

-- name: dataset_list
SELECT d.id, d.name, encode(d.digest, 'hex'), d.rows, a.size_bytes, d.actor,
       to_char(d.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), d.artifact_id
  FROM pare.dataset d JOIN pare.artifact a ON a.id = d.artifact_id
 WHERE $1::text IS NULL OR d.name = $1 ORDER BY d.id

-- name: measurement_add
INSERT INTO pare.measurement (model_id, against_id, dataset_digest, result, conditions, actor)
VALUES ($1, $2, decode($3, 'hex'), $4::text::jsonb, $5::text::jsonb, $6)

-- The keys users read, merged into what is there. A value that a person wrote stays, unless $3: one is
-- pare's own when it is absent, or equals what an earlier measurement of that version said.
-- name: measurement_merge
UPDATE ml_models m
   SET metrics = coalesce(m.metrics, '{}'::jsonb) || coalesce((
           SELECT jsonb_object_agg(e.key, e.value) FROM jsonb_each($2::text::jsonb) e
            WHERE $3::bool OR NOT coalesce(m.metrics, '{}'::jsonb) ? e.key
               OR EXISTS (SELECT FROM
--> measured
                          p WHERE p.model_id = m.id AND p.result -> e.key = m.metrics -> e.key)
       ), '{}'::jsonb)
 WHERE m.id = $1 AND coalesce(jsonb_typeof(m.metrics), 'object') IN ('object', 'null')
