-- Bytes in and out.

-- name: artifact_start
INSERT INTO pare.artifact (inline, folder, actor) VALUES ($1, $2, $3) RETURNING id

-- What is fed before the version exists need not wait for the disk: the commit that makes the version does, and
-- with it all that was written before.
-- name: artifact_later
SET LOCAL synchronous_commit = off

-- name: artifact_chunk
INSERT INTO pare.chunk (artifact_id, start_at, sha256) VALUES ($1, $2, $3)

-- The numbers, from 0, of those digests in $1 (32 bytes each) whose bytes are here and whole. OFFSET 0: each is looked
-- up by its key, and nothing else is read.
-- name: piece_known
SELECT n.i FROM generate_series(0, octet_length($1) / 32 - 1) AS n(i)
 CROSS JOIN LATERAL (SELECT FROM pare.piece p WHERE p.sha256 = substring($1 FROM 32 * n.i + 1 FOR 32)
                        AND sha256(coalesce(p.bytes, p.packed)) = p.sha256 OFFSET 0) p

-- The lock that ON CONFLICT takes keeps a sweep away until the chunk names it; bytes that were damaged are mended.
-- name: piece_add
INSERT INTO pare.piece AS p (sha256, size_bytes, bytes) VALUES ($1, $2, $3)
ON CONFLICT (sha256) DO UPDATE SET bytes = excluded.bytes, packed = NULL, size_bytes = excluded.size_bytes
 WHERE sha256(coalesce(p.bytes, p.packed)) <> p.sha256

-- The same of bytes that are worth compressing.
-- name: piece_add_packed
INSERT INTO pare.piece AS p (sha256, size_bytes, packed) VALUES ($1, $2, $3)
ON CONFLICT (sha256) DO UPDATE SET packed = excluded.packed, bytes = NULL, size_bytes = excluded.size_bytes
 WHERE sha256(coalesce(p.bytes, p.packed)) <> p.sha256

-- name: piece_sweep
SELECT looked_at, freed_bytes FROM pare.sweep_pieces($1)

-- name: artifact_stage
INSERT INTO pare.staged (artifact_id, start_at, bytes) VALUES ($1, $2, $3)

-- name: artifact_touch
UPDATE pare.artifact SET touched_at = now() WHERE id = $1

-- name: artifact_file
INSERT INTO pare.file (artifact_id, number, path, start_at, size_bytes, sha256) VALUES ($1, $2, $3, $4, $5, $6)

-- The version appears with all its bytes, or not at all. $8: the artifact. The digest the server counts of
-- inline bytes comes back for a last look before the commit.
-- name: artifact_publish
WITH bytes AS (
    SELECT CASE WHEN a.inline THEN (SELECT coalesce(string_agg(s.bytes, ''::bytea ORDER BY s.start_at), ''::bytea)
                                      FROM pare.staged s WHERE s.artifact_id = a.id) END AS data
      FROM pare.artifact a WHERE a.id = $8 AND a.model_id IS NULL
), made AS (
    INSERT INTO ml_models (name, version, model_type, optimization, model_data, config, metrics)
    SELECT $1, $2, $3, $4, data, $5::text::jsonb, $6::text::jsonb FROM bytes
    RETURNING id, sha256(model_data) AS sum
), stale AS (
    -- An id that comes anew after a TRUNCATE ... RESTART IDENTITY must not meet what its namesake left.
    UPDATE pare.artifact a SET model_id = NULL, touched_at = '-infinity' FROM made WHERE a.model_id = made.id
    RETURNING a.id
), stale_lineage AS (
    DELETE FROM pare.lineage l USING made WHERE l.model_id = made.id AND $7::bool
)
SELECT made.id, encode(made.sum, 'hex'), (SELECT count(*) FROM stale) FROM made

-- name: artifact_own
UPDATE pare.artifact SET model_id = $2, size_bytes = $3, sha256 = $4, touched_at = now(),
       stored_bytes = CASE WHEN NOT inline THEN pare.stored_bytes(id) END
 WHERE id = $1 AND model_id IS NULL

-- name: artifact_unstage
DELETE FROM pare.staged WHERE artifact_id = $1

-- name: artifact_lineage
INSERT INTO pare.lineage (model_id, parent_id, parent_name, parent_version, recipe, engine_version, parent_digest, report, actor)
VALUES ($1, $2, $3, $4, $5::text::jsonb, $6, $7, $8::text::jsonb, $9)
ON CONFLICT (model_id) DO UPDATE SET parent_id = excluded.parent_id, parent_name = excluded.parent_name,
    parent_version = excluded.parent_version, recipe = excluded.recipe, engine_version = excluded.engine_version,
    parent_digest = excluded.parent_digest, report = excluded.report, actor = excluded.actor, at = now()

-- name: artifact_abandon
WITH gone AS (DELETE FROM pare.artifact WHERE id = $1 AND model_id IS NULL AND NOT kept RETURNING id)
DELETE FROM pare.staged s USING gone WHERE s.artifact_id = gone.id

-- Uploads nobody has touched for an hour, and staged bytes without an upload.
-- name: artifact_sweep
WITH gone AS (
    DELETE FROM pare.artifact WHERE model_id IS NULL AND NOT kept AND touched_at < now() - interval '1 hour' RETURNING id
), unstaged AS (
    DELETE FROM pare.staged s WHERE s.artifact_id IN (SELECT id FROM gone)
        OR NOT EXISTS (SELECT FROM pare.artifact a WHERE a.id = s.artifact_id)
)
SELECT count(*) FROM gone

-- The row $1. Inside the LATERAL a column is NULL once the users have dropped it, as in catalog.sql.
-- part: row
  FROM (SELECT NULL::bytea AS model_data, NULL::timestamptz AS created_at) absent
 CROSS JOIN LATERAL (SELECT id, xmin::text AS mark, model_data, created_at::timestamptz AS created_at
                       FROM ml_models WHERE id = $1) m

-- What is on record of a version's bytes.
-- name: artifact_get
SELECT octet_length(m.model_data)::bigint, m.mark, a.id, a.inline, a.folder, a.size_bytes, encode(a.sha256, 'hex')
--> row
  LEFT JOIN pare.artifact a ON a.model_id = m.id AND (a.touched_at >= m.created_at) IS NOT FALSE

-- name: artifact_get_guest
SELECT octet_length(m.model_data)::bigint, m.mark, NULL, NULL, NULL, NULL, NULL
--> row

-- name: artifact_get_kept
SELECT size_bytes, encode(sha256, 'hex') FROM pare.artifact WHERE id = $1 AND kept

-- A dataset takes the bytes.
-- name: artifact_keep
UPDATE pare.artifact SET kept = true, size_bytes = $2, sha256 = $3, touched_at = now()
 WHERE id = $1 AND model_id IS NULL AND NOT inline RETURNING id

-- name: artifact_files
SELECT path, start_at, size_bytes, encode(sha256, 'hex') FROM pare.file WHERE artifact_id = $1 ORDER BY number

-- A slice of inline bytes in pieces of 64 KiB, each with its place: small rows, so that the server goes on while one
-- is used. $4 is the row's xmin, so that bytes changed in between show as no row; NULL where a digest on record will
-- tell. OFFSET 0: the slice is cut out once.
-- name: artifact_slice
SELECT substring(p.bytes FROM p.at + 1 FOR 65536), ($2::int + p.at)::text
  FROM (SELECT s.bytes, generate_series(0, octet_length(s.bytes) - 1, 65536) AS at
          FROM (SELECT substring(model_data FROM $2::int + 1 FOR $3::int) AS bytes FROM ml_models
                 WHERE id = $1 AND ($4::text IS NULL OR xmin::text = $4) OFFSET 0) s) p

-- $4 chunks from $2 on, before $3, in parts likewise. OFFSET 0: by key, one by one; packed ones are unpacked once, for
-- all their parts.
-- name: artifact_chunks
SELECT substring(p.bytes FROM p.at + 1 FOR 65536), (p.start_at + p.at)::text
  FROM (SELECT d.bytes, c.start_at, generate_series(0, d.size_bytes - 1, 65536) AS at
          FROM (SELECT sha256, start_at FROM pare.chunk WHERE artifact_id = $1 AND start_at >= $2 AND start_at < $3
                 ORDER BY 2 LIMIT $4) c
         CROSS JOIN LATERAL (SELECT coalesce(e.bytes, e.packed || ''::bytea) AS bytes, e.size_bytes
                               FROM pare.piece e WHERE e.sha256 = c.sha256 OFFSET 0) d) p

-- The first chunk between $2 and $3 that is not what is on record.
-- name: artifact_damaged
SELECT c.start_at FROM pare.chunk c JOIN pare.piece p ON p.sha256 = c.sha256
 WHERE c.artifact_id = $1 AND c.start_at >= $2 AND c.start_at < $3 AND sha256(coalesce(p.bytes, p.packed)) <> p.sha256
 ORDER BY 1 LIMIT 1

-- Whether the stored bytes still are what is on record, judged on the server; NULL when nothing is on record.
-- name: artifact_intact
SELECT CASE WHEN a.id IS NULL THEN NULL
            WHEN m.model_data IS NOT NULL THEN a.sha256 = sha256(m.model_data)
            WHEN a.inline THEN false
            ELSE (SELECT coalesce(bool_and(sha256(coalesce(p.bytes, p.packed)) = p.sha256), true)
                         AND coalesce(sum(p.size_bytes), 0) = a.size_bytes
                    FROM pare.chunk c JOIN pare.piece p ON p.sha256 = c.sha256 WHERE c.artifact_id = a.id) END
--> row
  LEFT JOIN pare.artifact a ON a.model_id = m.id AND (a.touched_at >= m.created_at) IS NOT FALSE

-- Bytes of versions that have vanished, which no sweep takes unasked.
-- name: artifact_vanished
SELECT count(*), coalesce(sum(a.size_bytes), 0) FROM pare.artifact a
 WHERE a.model_id IS NOT NULL AND NOT EXISTS (SELECT FROM ml_models m WHERE m.id = a.model_id)

-- Only beside the ml_models that the schema was made for: by another search_path all would seem to have vanished.
-- name: artifact_sweep_vanished
WITH gone AS (DELETE FROM pare.artifact a
               WHERE a.model_id IS NOT NULL AND NOT EXISTS (SELECT FROM ml_models m WHERE m.id = a.model_id)
                 AND EXISTS (SELECT FROM pare.setting s
                               JOIN pg_class c ON c.oid = to_regclass('ml_models')
                               JOIN pg_namespace n ON n.oid = c.relnamespace
                              WHERE s.key = 'models_schema' AND s.value = n.nspname)
              RETURNING a.size_bytes)
SELECT count(*), coalesce(sum(size_bytes), 0) FROM gone
