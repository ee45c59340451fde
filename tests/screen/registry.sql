-- What the pictures show: a model with a default and versions measured alike, one without, one of other types.
INSERT INTO ml_models (id, name, version, model_type, optimization, metrics, config, created_at) VALUES
 (1, 'bert_embedding', 'v2.0_fp32', 'onnx', 'fp32', '{"size_mb": 440.2, "inference_ms": 45.1, "accuracy": 0.9412}', '{"layers": 12, "head": {"dim": 64}}', '2026-03-01 12:00Z'),
 (2, 'bert_embedding', 'v2.0_int8', 'onnx', 'int8', '{"size_mb": 110.4, "inference_ms": 18.2, "accuracy": 0.9287}', NULL, '2026-03-02 12:00Z'),
 (3, 'bert_embedding', 'v2.0_int8_ex3', 'onnx', 'int8', '{"size_mb": 131.6, "inference_ms": 19.8, "accuracy": 0.9391, "p95_ms": 24}', NULL, '2026-03-03 12:00Z'),
 (4, 'bert_embedding', 'v1.9_fp32', 'onnx', 'fp32', '{"size_mb": 440.2, "latency": 45, "acc": 93.88}', NULL, '2026-01-05 12:00Z'),
 (5, 'reranker', 'v7_fp32', 'onnx', 'fp32', '{"size_mb": 1310, "inference_ms": 31, "accuracy": 0.874}', NULL, '2026-02-01 12:00Z'),
 (6, 'reranker', 'v7_fp16', 'onnx', 'fp16', '{"size_mb": 655}', NULL, '2026-02-02 12:00Z'),
 (7, 'fraud_gbm', 'v3', 'tensorflow', NULL, '{"accuracy": "NaN", "inference_ms": 1e400}', NULL, NULL),
 (8, '意图分类', '2024-11-02-最终版', 'pytorch', 'fp32', '{"size_mb": 98, "inference_ms": 2.1}', NULL, '2024-11-02 08:30Z');
SELECT setval('ml_models_id_seq', 100);
INSERT INTO pare.default_event (name, rev, kind, to_id, to_version, actor, at) VALUES
 ('bert_embedding', 1, 'promote', 4, 'v1.9_fp32', 'ops@gpu-box-1', '2026-01-06 12:00Z');
INSERT INTO pare.default_event (name, rev, kind, from_id, from_version, to_id, to_version, actor, at) VALUES
 ('bert_embedding', 2, 'promote', 4, 'v1.9_fp32', 1, 'v2.0_fp32', 'ops@gpu-box-1', '2026-03-02 12:00Z');
INSERT INTO pare.measurement (model_id, against_id, dataset_digest, result, conditions, actor, at) VALUES
 (1, NULL, '\x01', '{"inference_ms": 45.0, "p95_ms": 52, "peak_mb": 612, "accuracy": 0.9412}', '{"host": "gpu-box-1"}', 'ops', '2026-03-04 12:00Z'),
 (4, NULL, '\x01', '{"inference_ms": 44, "accuracy": 0.9388}', '{"host": "laptop-2", "threads": 8}', 'ops', '2026-03-04 12:00Z'),
 (3, 1, '\x01', '{"inference_ms": 19.8, "p95_ms": 24, "peak_mb": 273, "accuracy": 0.9391, "agreement": 0.991, "broken": 96, "fixed": 75, "change": -0.0021, "change_low": -0.0047, "change_high": 0.0005}', '{"host": "gpu-box-1"}', 'ops', '2026-03-04 12:00Z'),
 (2, 1, '\x01', '{"inference_ms": 18.0, "p95_ms": 22.4, "peak_mb": 248, "accuracy": 0.9287, "agreement": 0.962, "broken": 243, "fixed": 118, "change": -0.0125, "change_low": -0.016, "change_high": -0.009}', '{"host": "gpu-box-1"}', 'ops', '2026-03-04 12:00Z');
INSERT INTO pare.lineage (model_id, parent_id, parent_name, parent_version, recipe, engine_version, actor) VALUES
 (3, 1, 'bert_embedding', 'v2.0_fp32', '{"steps": [{"quantize": "int8"}]}', '0.1.0', 'ops@gpu-box-1');
