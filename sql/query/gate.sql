-- Rules for promotion, and what they are judged by.

-- name: gate_set
INSERT INTO pare.gate (name, expression, actor) VALUES ($1, $2, $3)
ON CONFLICT (coalesce(name, ''), expression) DO NOTHING RETURNING id

-- name: gate_list
SELECT coalesce(name, '*'), expression, actor, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
  FROM pare.gate WHERE $1::text IS NULL OR name = $1 OR name IS NULL ORDER BY name NULLS FIRST, id

-- name: gate_clear
DELETE FROM pare.gate WHERE name IS NOT DISTINCT FROM $1 AND ($2::text IS NULL OR expression = $2)

-- The candidate (name $1, version $2) and the default of its name, measured on one dataset; and whether the
-- candidate was measured against that default, which is what its agreement means.
-- name: gate_measured
SELECT c.result::text, d.result::text, coalesce(c.against_id = d.model_id, false) AND (c.at >= d.born) IS NOT FALSE
  FROM
--> measured
       c JOIN
--> measured
       d ON d.model_id = pare.default_id($1) AND d.dataset_digest = c.dataset_digest
 WHERE c.name = $1 AND c.version = $2 AND d.model_id <> c.model_id
 ORDER BY 3 DESC, c.id DESC, d.id DESC LIMIT 1
