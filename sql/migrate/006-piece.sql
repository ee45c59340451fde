-- Equal chunks are stored once: a chunk is a place in an artifact, a piece the bytes that stand there.

CREATE TABLE pare.piece (
    sha256 bytea PRIMARY KEY,
    size_bytes int NOT NULL,
    bytes bytea NOT NULL
);
ALTER TABLE pare.piece ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- Of copies the first that is what its digest says.
INSERT INTO pare.piece (sha256, size_bytes, bytes)
SELECT DISTINCT ON (c.sha256) c.sha256, octet_length(c.bytes), c.bytes
  FROM pare.chunk c ORDER BY c.sha256, sha256(c.bytes) <> c.sha256;

-- The table is written anew, so that the bytes it had are gone from the disk.
ALTER TABLE pare.chunk DROP COLUMN bytes, ALTER COLUMN start_at TYPE bigint USING start_at + 0;
CREATE INDEX chunk_piece ON pare.chunk (sha256);
ALTER TABLE pare.chunk ADD FOREIGN KEY (sha256) REFERENCES pare.piece;

-- Digests that have lost a chunk since the last sweep, some of them perhaps their last.
CREATE TABLE pare.loose (sha256 bytea NOT NULL);

-- Who was let into the chunks is let into what they have become.
DO $grants$
DECLARE
    told record;
BEGIN
    FOR told IN SELECT a.privilege_type AS what, a.is_grantable AS further,
                       CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS who
                  FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
                 WHERE c.oid = 'pare.chunk'::regclass AND a.grantee <> c.relowner
    LOOP
        EXECUTE format('GRANT %s ON pare.piece, pare.loose TO %s', told.what, told.who)
             || CASE WHEN told.further THEN ' WITH GRANT OPTION' ELSE '' END;
    END LOOP;
END
$grants$;

CREATE FUNCTION pare.loosen() RETURNS trigger LANGUAGE plpgsql AS $fn$
BEGIN
    INSERT INTO pare.loose SELECT DISTINCT g.sha256 FROM gone g;
    RETURN NULL;
END
$fn$;
CREATE TRIGGER loosen AFTER DELETE ON pare.chunk REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION pare.loosen();

-- Remove pieces that no chunk names, of at most so many that have become loose. An upload that is about to name one
-- holds a key share of it by the foreign key, and then it is skipped; one that comes later waits for the end of this
-- and finds it gone. Each statement sees what was committed before it: the lock is taken first, the look comes after.
CREATE FUNCTION pare.sweep_pieces(most bigint, OUT looked_at bigint, OUT freed_bytes bigint) LANGUAGE plpgsql AS $fn$
DECLARE
    held bytea[];
    gone bytea[];
BEGIN
    SELECT array_agg(h.sha256), count(*) INTO held, looked_at
      FROM (SELECT p.sha256 FROM pare.piece p WHERE p.sha256 IN (SELECT l.sha256 FROM pare.loose l LIMIT most)
               FOR UPDATE SKIP LOCKED) h;
    DELETE FROM pare.loose l WHERE l.sha256 = ANY (held);
    WITH freed AS (
        DELETE FROM pare.piece p
         WHERE p.sha256 = ANY (held) AND NOT EXISTS (SELECT FROM pare.chunk c WHERE c.sha256 = p.sha256)
        RETURNING p.sha256, p.size_bytes)
    SELECT array_agg(f.sha256), coalesce(sum(f.size_bytes), 0) INTO gone, freed_bytes FROM freed f;
    -- What was said of these between the first look and the second has been done.
    DELETE FROM pare.loose l WHERE l.sha256 = ANY (gone);
END
$fn$;

-- As before, and of chunks in pieces.
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
    SELECT coalesce(string_agg(substring(p.bytes
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

-- The same of one file of a version, by its path: from start_at of the file on, never past its end. NULL when the
-- version has no such file on record.
CREATE FUNCTION pare.model_bytes(id bigint, path text, start_at bigint, length int) RETURNS bytea
LANGUAGE sql STABLE AS $fn$
    SELECT pare.model_bytes($1, f.start_at + $3, least($4, greatest(f.size_bytes - $3, 0))::int)
      FROM pare.artifact a JOIN pare.file f ON f.artifact_id = a.id
     WHERE a.model_id = $1 AND f.path = $2
$fn$;
