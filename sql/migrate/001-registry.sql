-- The default's history, gates, measurements and lineage, and the functions outsiders use.
--
-- Nothing of pare's hangs on the users' tables: no foreign key, no trigger, no view dependency, no index
-- on a table that pare did not make. Functions below are text to the server until they run, so the users'
-- ALTER, DROP and TRUNCATE stay theirs.

CREATE TABLE pare.setting (
    key text PRIMARY KEY,
    value text NOT NULL
);
INSERT INTO pare.setting VALUES ('inline_limit_bytes', '500000000');
INSERT INTO pare.setting
SELECT 'models_schema', n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = to_regclass('ml_models');

-- The default of a model is the newest event of its name. Append-only: promoting is inserting
-- (name, rev + 1), so of two who saw the same rev the primary key lets one through.
CREATE TABLE pare.default_event (
    name text NOT NULL,
    rev bigint NOT NULL CHECK (rev > 0),
    kind text NOT NULL CHECK (kind IN ('promote', 'rollback', 'adopt')),
    from_id bigint,
    from_version text,
    to_id bigint NOT NULL,
    to_version text NOT NULL,
    undoes bigint, -- of a rollback: the rev of the promote it takes back
    actor text NOT NULL,
    role text NOT NULL DEFAULT session_user,
    at timestamptz NOT NULL DEFAULT now(),
    reason text,
    forced boolean NOT NULL DEFAULT false,
    gates jsonb,
    PRIMARY KEY (name, rev)
);

-- A rule a version must pass to be promoted: for one model, or with name NULL for all.
CREATE TABLE pare.gate (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text,
    expression text NOT NULL,
    actor text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX gate_once ON pare.gate (coalesce(name, ''), expression);

CREATE TABLE pare.dataset (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    digest bytea NOT NULL,
    rows bigint NOT NULL,
    artifact_id bigint NOT NULL,
    actor text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- One row a measurement, with its conditions; metrics of the users' tables are a summary of these.
CREATE TABLE pare.measurement (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id bigint NOT NULL,
    against_id bigint,
    dataset_digest bytea,
    result jsonb NOT NULL,
    conditions jsonb NOT NULL,
    actor text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX measurement_model ON pare.measurement (model_id, id);

-- Where a version came from. Kept by id; the id may have vanished.
CREATE TABLE pare.lineage (
    model_id bigint PRIMARY KEY,
    parent_id bigint,
    parent_name text,
    parent_version text,
    recipe jsonb,
    engine_version text,
    parent_digest bytea,
    report jsonb,
    actor text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);

-- The newest event of a name, if the version it names is still there under that name and version.
CREATE FUNCTION pare.default_id(name text) RETURNS bigint LANGUAGE plpgsql STABLE AS $fn$
DECLARE
    found_id bigint;
BEGIN
    SELECT m.id INTO found_id
      FROM (SELECT e.to_id, e.to_version FROM pare.default_event e
             WHERE e.name = default_id.name ORDER BY e.rev DESC LIMIT 1) newest
      JOIN ml_models m ON m.id = newest.to_id AND m.name = default_id.name AND m.version = newest.to_version;
    RETURN found_id;
END
$fn$;

-- The default's row; the argument is the model's name (it cannot be called so beside the column).
CREATE FUNCTION pare.default_model(text)
RETURNS TABLE (id bigint, name text, version text, model_type text, optimization text,
               model_data bytea, config jsonb, metrics jsonb, created_at timestamptz)
LANGUAGE plpgsql STABLE AS $fn$
#variable_conflict use_column
BEGIN
    -- A column that the users dropped reads as NULL: the name then finds `absent`.
    RETURN QUERY SELECT m.*
                   FROM (SELECT NULL::text AS model_type, NULL::text AS optimization, NULL::bytea AS model_data,
                                NULL::jsonb AS config, NULL::jsonb AS metrics, NULL::timestamptz AS created_at) absent
                  CROSS JOIN LATERAL (SELECT id::bigint, name::text, version::text, model_type::text, optimization::text,
                                             model_data, to_jsonb(config), to_jsonb(metrics), created_at::timestamptz
                                        FROM ml_models WHERE id = pare.default_id($1)) m;
END
$fn$;
