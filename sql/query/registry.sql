-- What this connection is and may do; safe for a role that may do nothing. Whether there is a schema is asked of a table,
-- as its comment is, so that both are seen as they are at one moment: to_regnamespace() may know of a newer one.
-- name: registry_probe
SELECT current_database(), session_user, pg_is_in_recovery(),
       to_regclass('ml_models')::text,
       coalesce(has_table_privilege(to_regclass('ml_models'), 'SELECT')
                OR has_any_column_privilege(to_regclass('ml_models'), 'SELECT'), false),
       coalesce(has_table_privilege(to_regclass('ml_models'), 'INSERT'), false),
       substring(obj_description(to_regnamespace('pare'), 'pg_namespace') FROM '^pare schema ([0-9]{1,9})$')::int,
       EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = 'pare'),
       coalesce((SELECT bool_and(has_table_privilege(c.oid, 'SELECT')) FROM pg_class c
                  WHERE c.relnamespace = to_regnamespace('pare') AND c.relkind = 'r'), false)
         AND coalesce(has_schema_privilege(to_regnamespace('pare'), 'USAGE'), false),
       coalesce((SELECT bool_and(has_table_privilege(c.oid, 'INSERT')) FROM pg_class c
                  WHERE c.relnamespace = to_regnamespace('pare') AND c.relkind = 'r' AND c.relname <> 'migration'), false),
       has_database_privilege(current_database(), 'CREATE'),
       coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),
       current_schema(),
       coalesce(inet_server_addr()::text, ''),
       current_setting('server_version'),
       quote_ident(current_user), quote_ident(current_database()),
       coalesce((SELECT quote_ident(n.nspname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE c.oid = to_regclass('ml_models')), quote_ident(current_schema()), 'public');

-- name: registry_inline_limit
SELECT value FROM pare.setting WHERE key = 'inline_limit_bytes';

-- name: registry_chunk_only
SELECT m.name || ':' || m.version, count(*) OVER ()
  FROM (SELECT NULL::bytea AS model_data, NULL::timestamptz AS created_at) absent
 CROSS JOIN LATERAL (SELECT id, name, version, model_data IS NULL AS is_empty, created_at::timestamptz AS created_at
                       FROM ml_models) m
  JOIN pare.artifact a ON a.model_id = m.id AND (a.touched_at >= m.created_at) IS NOT FALSE
 WHERE NOT a.inline AND m.is_empty ORDER BY 1 LIMIT 5;

-- name: registry_uninstall
DROP SCHEMA pare CASCADE;

-- The users' tables, where ml_models is missing; what is there is never touched.
-- name: registry_tables
DO $do$
BEGIN
    IF to_regclass('ml_models') IS NULL THEN
        CREATE TABLE ml_models (
            id BIGSERIAL PRIMARY KEY,
            name TEXT NOT NULL,
            version TEXT NOT NULL,
            model_type TEXT,
            optimization TEXT,
            model_data BYTEA,
            config JSONB,
            metrics JSONB,
            created_at TIMESTAMPTZ DEFAULT now(),
            UNIQUE (name, version)
        );
        -- Slices of an EXTERNAL value are read without reading what stands before them.
        ALTER TABLE ml_models ALTER COLUMN model_data SET STORAGE EXTERNAL;
        IF to_regclass('model_ab_tests') IS NULL THEN
            CREATE TABLE model_ab_tests (
                id BIGSERIAL PRIMARY KEY,
                test_name TEXT,
                model_a_id BIGINT REFERENCES ml_models(id),
                model_b_id BIGINT REFERENCES ml_models(id),
                traffic_split NUMERIC(3, 2) DEFAULT 0.5,
                start_time TIMESTAMPTZ,
                end_time TIMESTAMPTZ,
                status TEXT DEFAULT 'running'
            );
        END IF;
        IF to_regclass('model_test_results') IS NULL THEN
            CREATE TABLE model_test_results (
                id BIGSERIAL PRIMARY KEY,
                test_id BIGINT REFERENCES model_ab_tests(id),
                model_id BIGINT,
                request_id UUID,
                query TEXT,
                response TEXT,
                latency_ms INT,
                user_feedback INT,
                created_at TIMESTAMPTZ DEFAULT now()
            );
        END IF;
    END IF;
END
$do$
