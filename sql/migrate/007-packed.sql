-- Chunks that are worth it are compressed, by the server, so that its SQL reads them as any others: what stands in
-- `packed` is, what stands in `bytes` is not. Which of the two is the uploader's choice (registry/gain.h).

ALTER TABLE pare.piece ADD COLUMN packed bytea, ALTER COLUMN bytes DROP NOT NULL,
    ADD CHECK ((bytes IS NULL) <> (packed IS NULL));

-- LZ4 where the server has it: as fast as none. Else what it compresses with by default.
DO $compression$
BEGIN
    EXECUTE 'ALTER TABLE pare.piece ALTER COLUMN packed SET COMPRESSION lz4';
EXCEPTION WHEN feature_not_supported OR syntax_error THEN
    NULL;
END
$compression$;

-- What an artifact's pieces take, each counted once; NULL: not told yet, or in model_data.
ALTER TABLE pare.artifact ADD COLUMN stored_bytes bigint CHECK (stored_bytes >= 0);

CREATE FUNCTION pare.stored_bytes(artifact bigint) RETURNS bigint LANGUAGE sql STABLE AS $fn$
    SELECT coalesce(sum(least(p.size_bytes, pg_column_size(coalesce(p.packed, p.bytes)))), 0)::bigint
      FROM (SELECT DISTINCT c.sha256 FROM pare.chunk c WHERE c.artifact_id = $1) d JOIN pare.piece p USING (sha256)
$fn$;
UPDATE pare.artifact a SET stored_bytes = pare.stored_bytes(a.id) WHERE NOT a.inline AND a.size_bytes IS NOT NULL;

-- As before, of bytes in either column.
CREATE OR REPLACE FUNCTION pare.model_bytes(id bigint, start_at bigint, length int) RETURNS bytea
LANGUAGE plpgsql STABLE AS $fn$
#variable_conflict use_variable
DECLARE
    result bytea;
    of_artifact bigint;
BEGIN
    IF start_at < 0 OR length < 0 THEN
        RAISE EXCEPTION 'pare.model_bytes: start_at and length must not be negative';
    END IF;
    IF start_at < 2147483647 THEN
        -- model_data is that of `absent` once the users have dropped the column.
        SELECT m.slice INTO result
          FROM (SELECT NULL::bytea AS model_data) absent
         CROSS JOIN LATERAL (SELECT substring(model_data FROM start_at::int + 1 FOR length) AS slice
                               FROM ml_models own WHERE own.id = model_bytes.id) m;
        IF result IS NOT NULL THEN
            RETURN result;
        END IF;
    END IF;
    SELECT a.id INTO of_artifact
      FROM (SELECT NULL::timestamptz AS created_at) absent
     CROSS JOIN LATERAL (SELECT created_at::timestamptz AS born FROM ml_models own WHERE own.id = model_bytes.id) m
      JOIN pare.artifact a ON a.model_id = model_bytes.id AND (a.touched_at >= m.born) IS NOT FALSE
     WHERE NOT a.inline;
    IF of_artifact IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT coalesce(string_agg(substring(coalesce(p.bytes, p.packed)
                      FROM greatest(start_at - c.start_at, 0)::int + 1
                      FOR (least(start_at + length, c.start_at + p.size_bytes)
                           - greatest(start_at, c.start_at))::int), ''::bytea ORDER BY c.start_at), ''::bytea)
      INTO result
      FROM pare.chunk c JOIN pare.piece p ON p.sha256 = c.sha256
     WHERE c.artifact_id = of_artifact
       AND c.start_at < start_at + length AND c.start_at > start_at - 262144
       AND c.start_at + p.size_bytes > start_at;
    RETURN result;
END
$fn$;

-- As before, and only of what is not older than its row: after a TRUNCATE ... RESTART IDENTITY new rows have old ids.
CREATE OR REPLACE FUNCTION pare.model_bytes(id bigint, path text, start_at bigint, length int) RETURNS bytea
LANGUAGE plpgsql STABLE AS $fn$
#variable_conflict use_variable
DECLARE
    place bigint;
    file_bytes bigint;
BEGIN
    IF start_at < 0 OR length < 0 THEN
        RAISE EXCEPTION 'pare.model_bytes: start_at and length must not be negative';
    END IF;
    SELECT f.start_at, f.size_bytes INTO place, file_bytes
      FROM (SELECT NULL::timestamptz AS created_at) absent
     CROSS JOIN LATERAL (SELECT created_at::timestamptz AS born FROM ml_models own WHERE own.id = model_bytes.id) m
      JOIN pare.artifact a ON a.model_id = model_bytes.id AND (a.touched_at >= m.born) IS NOT FALSE
      JOIN pare.file f ON f.artifact_id = a.id AND f.path = model_bytes.path;
    IF place IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN pare.model_bytes(id, place + start_at, least(length, greatest(file_bytes - start_at, 0))::int);
END
$fn$;
