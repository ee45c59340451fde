-- What the newest results themselves say of a test, beside the roll-up.

-- For the rest of the transaction: no statement takes longer than this, nor longer than this role may; one process, no compiler.
-- name: sample_limits
SELECT set_config('statement_timeout', least(nullif(s.setting::bigint, 0), 5000)::text, true),
       set_config('max_parallel_workers_per_gather', '0', true), set_config('jit', 'off', true)
  FROM pg_settings s WHERE s.name = 'statement_timeout'

-- Results of test $1 and its arms $2 and $3 in the newest segment of its split, of the newest $4 there are of any
-- test; a column that the users have dropped reads as `absent` has it. LIMIT, and no bound on the id: a table of very
-- many rows is then read along its key however many the planner takes to be behind a bound. Minutes as in
-- pare.ab_segment_of. Routers ask for the split every half a minute: what is `settled` was routed by this one.
-- part: sample
  FROM (SELECT NULL::text AS request_id, NULL::text AS query, NULL::int AS latency_ms, NULL::timestamptz AS created_at) absent
 CROSS JOIN LATERAL (SELECT n.id AS id, test_id::bigint AS test_id, model_id::bigint AS model_id, request_id AS request_id,
                            octet_length(query::text)::float8 AS x,
                            CASE WHEN latency_ms BETWEEN 0 AND 2147483647 THEN latency_ms::float8 END AS y,
                            CASE WHEN isfinite(created_at::timestamptz) THEN created_at::timestamptz END AS at
                       FROM model_test_results n ORDER BY n.id DESC LIMIT $4) r
 CROSS JOIN (SELECT coalesce(g.number, 1) AS number, round(10000 * coalesce(g.split, 0.5)) AS cut, coalesce(p.salt, '1') AS salt,
                    coalesce(date_trunc('minute', g.from_at), '-infinity')
                        + CASE WHEN g.number > 1 THEN interval '1 minute' ELSE interval '0' END AS from_at,
                    coalesce(date_trunc('minute', p.ended_at), 'infinity') AS end_at
               FROM (SELECT 1) one
               LEFT JOIN pare.ab_plan p ON p.test_id = $1
               LEFT JOIN LATERAL (SELECT e.number, e.split, e.from_at FROM pare.ab_segment e WHERE e.test_id = $1
                                   ORDER BY e.number DESC LIMIT 1) g ON true OFFSET 0) s
 WHERE r.test_id = $1 AND r.model_id IN ($2, $3)
   AND coalesce(r.at >= s.from_at AND r.at < s.end_at + interval '1 minute', s.number = 1)

-- part: settled
   AND coalesce(r.at < s.end_at AND (s.number = 1 OR r.at >= s.from_at + interval '1 minute'), true)

-- Results, those with a request_id, request_ids in both arms, request_ids more than once in an arm.
-- name: sample_ids
SELECT coalesce(sum(n), 0)::bigint, coalesce(sum(n) FILTER (WHERE request_id IS NOT NULL), 0)::bigint,
       count(*) FILTER (WHERE request_id IS NOT NULL AND a > 0 AND a < n),
       count(*) FILTER (WHERE request_id IS NOT NULL AND (a > 1 OR n - a > 1))
  FROM (SELECT r.request_id, count(*) AS n, count(*) FILTER (WHERE r.model_id = $2) AS a
--> sample
         GROUP BY 1) each

-- The length of the query beside the latency, A's and B's: counts, means, centred sums.
-- name: sample_pairs
SELECT r.model_id = $2, regr_count(r.y, r.x), regr_avgx(r.y, r.x), regr_avgy(r.y, r.x), regr_sxx(r.y, r.x), regr_sxy(r.y, r.x),
       regr_syy(r.y, r.x)
--> sample
 GROUP BY 1

-- The newest 10 000 results with a request_id: sent to A and hashed to A, sent to A alone, hashed to A alone, neither.
-- name: sample_routes
SELECT count(*) FILTER (WHERE sent AND hashed), count(*) FILTER (WHERE sent AND NOT hashed),
       count(*) FILTER (WHERE hashed AND NOT sent), count(*) FILTER (WHERE NOT hashed AND NOT sent)
  FROM (SELECT newest.sent, pare.ab_bucket_of($1, newest.salt, newest.unit) < newest.cut AS hashed
          FROM (SELECT r.model_id = $2 AS sent, r.request_id::text AS unit, s.salt, s.cut
--> sample
--> settled
                   AND r.request_id IS NOT NULL
                 ORDER BY r.id DESC LIMIT 10000) newest) each
