-- Bytes: a version's artifact is a set of named files in one row of bytes, counted from 0.
--
-- One file up to the inline limit lives in ml_models.model_data; here it leaves its digest. More than
-- that, or many files, live in pare.chunk. A chunk is at most 256 KiB and never crosses a file or a tensor.

CREATE TABLE pare.artifact (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id bigint UNIQUE, -- NULL while it is being uploaded
    inline boolean NOT NULL DEFAULT false,
    kept boolean NOT NULL DEFAULT false,   -- a dataset owns it
    folder boolean NOT NULL DEFAULT false, -- came from a folder, goes back to one
    size_bytes bigint CHECK (size_bytes >= 0),
    sha256 bytea,           -- of the one file; of many, of their digests in order
    actor text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    touched_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE pare.file (
    artifact_id bigint NOT NULL REFERENCES pare.artifact ON DELETE CASCADE,
    number int NOT NULL,
    path text NOT NULL,     -- relative, '/' between folders
    start_at bigint NOT NULL,
    size_bytes bigint NOT NULL,
    sha256 bytea NOT NULL,
    PRIMARY KEY (artifact_id, number),
    UNIQUE (artifact_id, path)
);

CREATE TABLE pare.chunk (
    artifact_id bigint NOT NULL REFERENCES pare.artifact ON DELETE CASCADE,
    start_at bigint NOT NULL,
    sha256 bytea NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (artifact_id, start_at)
);
ALTER TABLE pare.chunk ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- Where inline bytes wait to be assembled. Unlogged: after a crash the upload starts anew anyway.
CREATE UNLOGGED TABLE pare.staged (
    artifact_id bigint NOT NULL,
    start_at bigint NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (artifact_id, start_at)
);
ALTER TABLE pare.staged ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- A stretch of a version's bytes, wherever they are: from start_at (0 is the first byte), at most
-- length bytes, fewer at the end, NULL when there is no such version or it has no bytes.
CREATE FUNCTION pare.model_bytes(id bigint, start_at bigint, length int) RETURNS bytea
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
    SELECT coalesce(string_agg(substring(c.bytes
                      FROM greatest(start_at - c.start_at, 0)::int + 1
                      FOR (least(start_at + length, c.start_at + octet_length(c.bytes))
                           - greatest(start_at, c.start_at))::int), ''::bytea ORDER BY c.start_at), ''::bytea)
      INTO result
      FROM pare.chunk c
     WHERE c.artifact_id = of_artifact
       AND c.start_at < start_at + length AND c.start_at > start_at - 262144
       AND c.start_at + octet_length(c.bytes) > start_at;
    RETURN result;
END
$fn$;

-- All versions as outsiders read them. A function's text, so nothing depends on ml_models; a column that
-- the users dropped reads as NULL (the name then finds `absent`).
CREATE FUNCTION pare.version_rows()
RETURNS TABLE (id bigint, name text, version text, model_type text, optimization text, size_bytes bigint,
               latency_ms float8, accuracy float8, is_default boolean, parent_id bigint,
               created_at timestamptz, config jsonb, metrics jsonb)
LANGUAGE plpgsql STABLE AS $fn$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT m.id, m.name, m.version, m.model_type, m.optimization,
           coalesce(m.stored, a.size_bytes,
                    CASE WHEN pare.metric(m.metrics, '{size_mb,size}') BETWEEN 0 AND 9e12
                         THEN (1e6 * pare.metric(m.metrics, '{size_mb,size}'))::bigint END),
           pare.metric(m.metrics, '{inference_ms,latency_ms,latency}')::float8,
           (CASE WHEN pare.metric(m.metrics, '{accuracy,acc}') > 1 THEN pare.metric(m.metrics, '{accuracy,acc}') / 100
                 ELSE pare.metric(m.metrics, '{accuracy,acc}') END)::float8,
           coalesce(d.to_id = m.id AND d.to_version = m.version, false), l.parent_id, m.created_at, m.config, m.metrics
      FROM (SELECT v.* FROM (SELECT NULL::text AS model_type, NULL::text AS optimization, NULL::bytea AS model_data,
                                    NULL::jsonb AS config, NULL::jsonb AS metrics, NULL::timestamptz AS created_at) absent
             CROSS JOIN LATERAL (SELECT id::bigint AS id, name::text AS name, version::text AS version,
                                        model_type::text AS model_type, optimization::text AS optimization,
                                        octet_length(model_data)::bigint AS stored, to_jsonb(config) AS config,
                                        to_jsonb(metrics) AS metrics, created_at::timestamptz AS created_at
                                   FROM ml_models) v) m
      LEFT JOIN (SELECT DISTINCT ON (e.name) e.name, e.to_id, e.to_version
                   FROM pare.default_event e ORDER BY e.name, e.rev DESC) d ON d.name = m.name
      LEFT JOIN pare.lineage l ON l.model_id = m.id AND (l.at >= m.created_at) IS NOT FALSE
      LEFT JOIN pare.artifact a ON a.model_id = m.id AND (a.touched_at >= m.created_at) IS NOT FALSE;
END
$fn$;

-- The first of the keys that holds a usable number: 0, or between 1e-300 and 1e300 in size.
CREATE FUNCTION pare.metric(metrics jsonb, keys text[]) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $fn$
    SELECT n FROM (
        SELECT CASE WHEN jsonb_typeof(metrics -> k) = 'number' THEN (metrics ->> k)::numeric END AS n, o
          FROM unnest(keys) WITH ORDINALITY AS u(k, o)) numbers
     WHERE n = 0 OR abs(n) BETWEEN 1e-300 AND 1e300
     ORDER BY o LIMIT 1
$fn$;

CREATE VIEW pare.versions AS SELECT * FROM pare.version_rows();
