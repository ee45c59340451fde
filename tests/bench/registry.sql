-- A registry of 100 000 versions in 5 000 models, each with 400 bytes of JSON or so: what the browser's
-- figures are measured on. Run on an empty database, after `pare init`.
INSERT INTO ml_models (name, version, model_type, optimization, config, metrics, created_at)
SELECT 'model_' || lpad(m::text, 4, '0'), 'v' || (v / 4 + 1) || '.' || (v % 4) || '_' || opt, 'onnx', opt,
       jsonb_build_object('architecture', 'transformer', 'layers', 12, 'hidden', 768, 'heads', 12,
                          'vocabulary', 30522, 'sequence', 128, 'dropout', 0.1, 'seed', m * 20 + v,
                          'trained_on', 'corpus-' || (m % 17), 'notes', md5(m || '/' || v)),
       jsonb_build_object('size_mb', round((440.0 / (1 + v % 4) + m * 0.01)::numeric, 3),
                          'inference_ms', round((45.0 / (1 + v % 4) + v * 0.1)::numeric, 3),
                          'accuracy', round((0.95 - (v % 4) * 0.01 - v * 0.0005)::numeric, 4),
                          'f1', round((0.94 - (v % 5) * 0.01)::numeric, 4), 'p95_ms', 50 + v),
       timestamptz '2026-01-01' + make_interval(mins => m * 20 + v)
  FROM generate_series(1, 5000) m, generate_series(0, 19) v,
       LATERAL (SELECT (ARRAY['fp32', 'fp16', 'int8', 'int4'])[1 + v % 4] AS opt) o
 ORDER BY 1, 2;
-- A default in every model.
INSERT INTO pare.default_event (name, rev, kind, to_id, to_version, actor)
SELECT DISTINCT ON (name) name, 1, 'adopt', id, version, 'bench' FROM ml_models ORDER BY name, id;
VACUUM ANALYZE;
