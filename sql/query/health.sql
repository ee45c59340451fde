-- What `pare doctor` asks.

-- name: health_columns
SELECT expected.name, expected.type, format_type(a.atttypid, a.atttypmod)
  FROM (VALUES ('id', 'bigint'), ('name', 'text'), ('version', 'text'), ('model_type', 'text'),
               ('optimization', 'text'), ('model_data', 'bytea'), ('config', 'jsonb'), ('metrics', 'jsonb'),
               ('created_at', 'timestamp with time zone')) expected(name, type)
  LEFT JOIN pg_attribute a ON a.attrelid = to_regclass('ml_models') AND a.attname = expected.name AND NOT a.attisdropped
 WHERE a.attname IS NULL OR format_type(a.atttypid, a.atttypmod) <> expected.type

-- name: health_unique
SELECT EXISTS (SELECT FROM pg_index i
                WHERE i.indrelid = to_regclass('ml_models') AND i.indisunique AND i.indpred IS NULL
                  AND (SELECT array_agg(a.attname::text ORDER BY a.attname) FROM pg_attribute a
                        WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)) = '{name,version}')

-- name: health_counts
SELECT count(*), count(DISTINCT name) FROM ml_models

-- name: health_uploads
SELECT count(*), count(*) FILTER (WHERE touched_at < now() - interval '1 hour') FROM pare.artifact WHERE model_id IS NULL AND NOT kept

-- name: health_defaults_vanished
SELECT e.name, e.to_version FROM (SELECT DISTINCT ON (name) name, to_id, to_version FROM pare.default_event
                                   ORDER BY name, rev DESC) e
 WHERE NOT EXISTS (SELECT FROM ml_models m WHERE m.id = e.to_id AND m.name = e.name AND m.version = e.to_version)
 ORDER BY 1 LIMIT 5
