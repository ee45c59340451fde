-- Work and a test for the pictures of moments.py: what screens count in hours begins with an hour.
INSERT INTO pare.jobs (kind, model_id, model_name, model_version, spec, uniq, state, attempt, fence, worker, actor, submitted_at, started_at, ended_at, error)
VALUES ('transform', 1, 'bert_embedding', 'v2.0_fp32', '{"recipe": {"steps": [{"quantize": "int8"}]}, "name": "bert_embedding", "version": "v2.0_int8"}', 'a', 'failed', 3, 3,
        'gpu-box-1', 'ops', '2026-03-04 12:00Z', '2026-03-04 12:00Z', '2026-03-04 12:05Z', 'the artifact of bert_embedding:v2.0_fp32 has 17 bytes less than its header says; verify it with  pare verify bert_embedding:v2.0_fp32'),
       ('measure', 3, 'bert_embedding', 'v2.0_int8_ex3', '{"dataset": "bert"}', 'b', 'queued', 0, 0, NULL, 'ops', '2026-03-04 13:00Z', NULL, NULL, NULL),
       ('transform', 5, 'reranker', 'v7_fp32', '{"recipe": {"steps": [{"quantize": "int8"}]}, "name": "reranker", "version": "v7_int8"}', 'c', 'running', 1, 1,
        'gpu-box-1', 'ops', '2026-03-04 13:00Z', now(), NULL, NULL);
UPDATE pare.jobs SET run_at = 'infinity' WHERE uniq = 'b';
INSERT INTO pare.job_beat (job_id, fence, lease_until, beat_at, done_fraction, words)
SELECT id, 1, 'infinity', now() + interval '1 hour', 0.42, '117 of 280 tensors' FROM pare.jobs WHERE uniq = 'c';
INSERT INTO pare.job_log (job_id, at, attempt, words)
SELECT id, '2026-03-04 13:00:10Z'::timestamptz + n * interval '1 second', 1, 'tensor ' || n || ' of 280: encoder.layer.' || n || '.attention.self.query.weight'
  FROM pare.jobs, generate_series(1, 30) n WHERE uniq = 'c';
INSERT INTO model_ab_tests (id, test_name, model_a_id, model_b_id, traffic_split, start_time, end_time, status)
VALUES (7, 'int8', 1, 2, 0.75, date_trunc('hour', now()) - interval '25 hours', date_trunc('hour', now()) - interval '1 hour', 'completed');
INSERT INTO model_test_results (test_id, model_id, response, latency_ms, user_feedback, created_at)
SELECT 7, CASE WHEN i % 4 = 0 THEN 2 ELSE 1 END, 'r',
       CASE WHEN i % 4 = 0 THEN 15 + i * 7 % 9 ELSE 40 + i * 7 % 13 END + CASE WHEN i % 33 = 0 THEN 20 ELSE 0 END,
       CASE WHEN i % 8 = 0 THEN 1 + i / 8 % 5 WHEN i % 9 = 0 THEN 3 + i / 9 % 3 END,
       date_trunc('hour', now()) - interval '24 hours' + i * interval '20 seconds' FROM generate_series(1, 3000) i;
