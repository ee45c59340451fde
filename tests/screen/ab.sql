-- Tests for the screens: one that runs with a plan of its own, one that somebody's SQL started, one that has ended. Values
-- are fixed; times are counted from now, so that minutes are there.
INSERT INTO model_ab_tests (id, test_name, model_a_id, model_b_id, traffic_split, start_time, end_time, status) VALUES
 (41, 'bert-int8-ex3', 1, 3, 0.80, date_trunc('minute', now()) - interval '26 hours', NULL, 'running'),
 (42, 'fp16', 5, 6, 0.50, date_trunc('minute', now()) - interval '90 minutes', NULL, 'running'),
 (40, 'old', 4, 1, NULL, '2026-01-05 12:00Z', '2026-01-06 12:00Z', 'completed');
SELECT setval('model_ab_tests_id_seq', 100);
INSERT INTO pare.ab_plan (test_id, test_name, model_a_id, model_b_id, primary_metric, horizon, alpha, margin, guards, min_hours, assumed, actor)
VALUES (41, 'bert-int8-ex3', 1, 3, 'p95', 20000, 0.05, 0.05, '[{"metric": "p95", "margin": 0.05}, {"metric": "failures", "margin": 0.005}]', 24, false, 'ops');
INSERT INTO pare.ab_segment (test_id, number, split, from_at, actor) VALUES (41, 1, 0.80, now() - interval '26 hours', 'ops');
-- Every fifth request goes to B; A's latencies are 30 to 128 ms and B's 14 to 61, a long tail each.
INSERT INTO model_test_results (test_id, model_id, request_id, query, response, latency_ms, user_feedback, created_at)
SELECT 41, CASE WHEN i % 5 = 0 THEN 3 ELSE 1 END, gen_random_uuid(), 'q', CASE WHEN i % 331 = 7 THEN NULL ELSE 'r' END,
       CASE WHEN i % 5 = 0 THEN 14 + i * 7 % 9 + CASE WHEN i % 45 = 0 THEN i * 11 % 39 ELSE 0 END
            ELSE 30 + i * 7 % 19 + CASE WHEN i % 21 = 0 THEN i * 11 % 80 ELSE 0 END END,
       CASE WHEN i % 12 = 0 THEN 1 + (i / 12 * 5 + i / 84) % 5 END,
       date_trunc('minute', now()) - interval '26 hours' + i * interval '15 seconds'
  FROM generate_series(1, 6000) i;
INSERT INTO model_test_results (test_id, model_id, response, latency_ms, created_at)
SELECT 42, 5 + i % 2, 'r', 31 - 9 * (i % 2) + i % 7, now() - interval '80 minutes' + i * interval '20 seconds' FROM generate_series(1, 180) i;
INSERT INTO model_test_results (test_id, model_id, response, latency_ms, created_at)
SELECT 40, CASE i % 2 WHEN 0 THEN 4 ELSE 1 END, 'r', 45 + i % 5, '2026-01-05 13:00Z' FROM generate_series(1, 400) i;
