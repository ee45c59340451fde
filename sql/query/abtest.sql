-- A/B tests: what is to be known of one, and what is done to it.

-- Tests as the users' table has them, also where a column of theirs is gone.
-- part: tests_alone
  FROM (SELECT NULL::text AS test_name, NULL::bigint AS model_a_id, NULL::bigint AS model_b_id, NULL::numeric AS traffic_split,
               NULL::timestamptz AS start_time, NULL::timestamptz AS end_time, NULL::text AS status) absent
 CROSS JOIN LATERAL (SELECT id::bigint AS id, test_name::text AS name, model_a_id::bigint AS a_id, model_b_id::bigint AS b_id,
                            traffic_split::numeric AS split, start_time::timestamptz AS start_at, end_time::timestamptz AS end_at,
                            coalesce(status::text, 'running') AS status
                       FROM model_ab_tests) t

-- part: tests
--> tests_alone
  LEFT JOIN ml_models a ON a.id = t.a_id
  LEFT JOIN ml_models b ON b.id = t.b_id

-- part: test_columns
SELECT t.id, t.name, t.a_id, t.b_id, a.name, a.version, b.name, b.version, round(100 * t.split)::text,
       to_char(t.start_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), to_char(t.end_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       t.status, extract(epoch FROM least(coalesce(t.end_at, now()), now()) - t.start_at)::float8,
       t.status = 'running' AND coalesce(t.start_at, '-infinity') <= now() AND coalesce(t.end_at, 'infinity') > now(),
       t.end_at < t.start_at

-- $1: an id, or NULL; $2: a name, or NULL; both NULL: all. The newest first.
-- name: abtest_list
--> test_columns
       , p.salt, p.primary_metric, p.horizon, p.alpha, p.margin, p.guards::text, p.min_hours, coalesce(p.assumed, true),
       coalesce(p.coarse, false), e.arm, e.kind, e.actor, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), e.reason,
       (SELECT count(*) FROM pare.ab_segment s WHERE s.test_id = t.id),
       coalesce((SELECT sum(c.n) FROM pare.ab_count c WHERE c.test_id = t.id AND c.level = 'l'), 0)::bigint
--> tests
  LEFT JOIN pare.ab_plan p ON p.test_id = t.id
        AND (p.model_a_id, p.model_b_id) IS NOT DISTINCT FROM (t.a_id, t.b_id)
  LEFT JOIN LATERAL (SELECT v.arm, v.kind, v.actor, v.at, v.reason FROM pare.ab_event v WHERE v.test_id = t.id AND v.arm IS NOT NULL
                        AND v.at >= p.at ORDER BY v.id DESC LIMIT 1) e ON true
 WHERE ($1::bigint IS NULL OR t.id = $1) AND ($2::text IS NULL OR t.name = $2) ORDER BY t.id DESC LIMIT 1000

-- For who may read the users' tables alone.
-- name: abtest_list_guest
--> test_columns
       , NULL, NULL, NULL, NULL, NULL, NULL, NULL, true, false, NULL, NULL, NULL, NULL, NULL, 0, 0
--> tests
 WHERE ($1::bigint IS NULL OR t.id = $1) AND ($2::text IS NULL OR t.name = $2) ORDER BY t.id DESC LIMIT 1000

-- Whether the users' tables of tests are there.
-- name: abtest_tables
SELECT to_regclass('model_ab_tests') IS NOT NULL AND to_regclass('model_test_results') IS NOT NULL

-- name: abtest_make_tables
DO $do$
BEGIN
    CREATE TABLE IF NOT EXISTS model_ab_tests (
        id BIGSERIAL PRIMARY KEY,
        test_name TEXT,
        model_a_id BIGINT REFERENCES ml_models(id),
        model_b_id BIGINT REFERENCES ml_models(id),
        traffic_split NUMERIC(3, 2) DEFAULT 0.5,
        start_time TIMESTAMPTZ,
        end_time TIMESTAMPTZ,
        status TEXT DEFAULT 'running'
    );
    CREATE TABLE IF NOT EXISTS model_test_results (
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
END
$do$

-- So that of two who want one name, or make the tables, the second sees what the first did.
-- name: abtest_name_lock
SELECT pg_advisory_xact_lock(hashtextextended('pare.ab:' || $1, 0))

-- A name that a running test has is not given twice. Behind abtest_name_lock.
-- name: abtest_start
WITH made AS (
    INSERT INTO model_ab_tests (test_name, model_a_id, model_b_id, traffic_split, start_time, status)
    SELECT $1, $2, $3, $4::numeric, now(), 'running'
     WHERE NOT EXISTS (SELECT FROM model_ab_tests t WHERE t.test_name = $1 AND coalesce(t.status, 'running') = 'running')
    RETURNING id, start_time
), plan AS (
    INSERT INTO pare.ab_plan AS p (test_id, test_name, model_a_id, model_b_id, primary_metric, horizon, alpha, margin, guards, min_hours, actor)
    SELECT id, $1, $2, $3, $5, $6, $7::float8, $8::float8, $9::text::jsonb, $10::float8, $11 FROM made
    ON CONFLICT (test_id) DO UPDATE SET test_name = $1, model_a_id = $2, model_b_id = $3, salt = DEFAULT, primary_metric = $5, horizon = $6,
        alpha = $7::float8, margin = $8::float8, guards = $9::text::jsonb, min_hours = $10::float8, assumed = false, coarse = false,
        ended_at = NULL, actor = $11, at = now()
), stale AS (
    DELETE FROM pare.ab_segment s USING made WHERE s.test_id = made.id AND s.number > 1
), stale_sent AS (
    DELETE FROM pare.ab_assigned s USING made WHERE s.test_id = made.id
), segment AS (
    INSERT INTO pare.ab_segment (test_id, number, split, from_at, actor) SELECT id, 1, $4::numeric, start_time, $11 FROM made
    ON CONFLICT (test_id, number) DO UPDATE SET split = excluded.split, from_at = excluded.from_at, actor = excluded.actor
), event AS (
    INSERT INTO pare.ab_event (test_id, kind, actor) SELECT id, 'start', $11 FROM made
)
SELECT id FROM made

-- The rate of the requests that the users' tables have seen of these models lately, for how long a test would take:
-- results a second in the newest ten minutes of any test.
-- name: abtest_rate
SELECT coalesce(sum(c.n), 0)::float8 / 600 FROM pare.ab_count c WHERE c.level = 'm' AND c.at > now() - interval '10 minutes'

-- ---- what a verdict stands on ----

-- First in a transaction: what it reads is of one moment.
-- name: abtest_moment
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ

-- name: abtest_counts
SELECT segment, model_id, n, failed, untimed, negative, sum::text, squares::text FROM pare.ab_count WHERE test_id = $1 AND level = 'l'

-- name: abtest_exact
SELECT segment, model_id, latency_ms, n FROM pare.ab_exact WHERE test_id = $1 ORDER BY 1, 2, 3

-- name: abtest_buckets
SELECT segment, model_id, bucket, n FROM pare.ab_bucket WHERE test_id = $1 AND level = 'l' ORDER BY 1, 2, 3

-- name: abtest_ratings
SELECT segment, model_id, sum(r1)::bigint, sum(r2)::bigint, sum(r3)::bigint, sum(r4)::bigint, sum(r5)::bigint, sum(odd)::bigint
  FROM pare.ab_block WHERE test_id = $1 GROUP BY 1, 2

-- name: abtest_segments
SELECT number, round(100 * split)::text, extract(epoch FROM from_at)::float8,
       extract(epoch FROM now())::float8 - extract(epoch FROM from_at)::float8 FROM pare.ab_segment WHERE test_id = $1 ORDER BY number

-- By minute, and by the hour before that.
-- name: abtest_minutes
SELECT extract(epoch FROM at)::bigint, level, model_id, n, failed, n - untimed - negative, sum::text, squares::text
  FROM pare.ab_count WHERE test_id = $1 AND level IN ('m', 'h')
 ORDER BY at, level, model_id

-- What a role lacks for rolling up results: to read them, and to write what they add up to. By columns, for a right may be
-- given by columns.
-- part: roller_rights
       (SELECT bool_and(has_column_privilege(a.attrelid, a.attnum, 'SELECT')) FROM pg_attribute a
         WHERE a.attrelid = to_regclass('model_test_results') AND NOT a.attisdropped AND a.attname IN
               ('id', 'test_id', 'model_id', 'response', 'latency_ms', 'user_feedback', 'created_at')) IS NOT TRUE,
       (SELECT bool_and(has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))
          FROM pg_class c WHERE c.relnamespace = to_regnamespace('pare') AND c.relkind = 'r' AND starts_with(c.relname, 'ab_')
           AND c.relname <> 'ab_event') IS NOT TRUE

-- Requests of A and B, all and those whose results should be there by now. And how old the roll-up is, and what this role
-- lacks to go on with it; and the result up to which all is counted.
-- name: abtest_assigned
SELECT coalesce(sum(n) FILTER (WHERE arm = 'A'), 0)::bigint, coalesce(sum(n) FILTER (WHERE arm = 'A' AND settled), 0)::bigint,
       coalesce(sum(n) FILTER (WHERE arm = 'B'), 0)::bigint, coalesce(sum(n) FILTER (WHERE arm = 'B' AND settled), 0)::bigint,
       (SELECT extract(epoch FROM clock_timestamp() - m.at)::float8 FROM pare.ab_mark m),
--> roller_rights
       , (SELECT m.id FROM pare.ab_mark m)
  FROM (SELECT arm, n, minute < date_trunc('minute', now()) - interval '1 minute' AS settled FROM pare.ab_assigned WHERE test_id = $1) s

-- ---- for pare's own router ----

-- Whether it runs now, A's share, its arms, its salt. $1: the test.
-- name: abtest_route
SELECT t.status = 'running' AND coalesce(t.start_at, '-infinity') <= now() AND coalesce(t.end_at, 'infinity') > now(),
       t.split::text, t.a_id, t.b_id, coalesce((SELECT p.salt FROM pare.ab_plan p WHERE p.test_id = t.id), '1')
--> tests_alone
 WHERE t.id = $1

-- Results as JSON, in their order, while the job that brings them holds its lease. $3, $4: job and fence.
-- name: abtest_record_many
INSERT INTO model_test_results (test_id, model_id, request_id, query, response, latency_ms, user_feedback)
SELECT $1::bigint, r.model_id, gen_random_uuid(), r.query, r.response, r.latency_ms, r.user_feedback
  FROM json_to_recordset($2::text::json) r(model_id bigint, query text, response text, latency_ms int, user_feedback int)
 WHERE EXISTS (SELECT FROM pare.jobs j WHERE j.id = $3 AND j.fence = $4 AND j.state = 'running')

-- name: abtest_sent
SELECT pare.ab_sent($1, s.arm, s.n) FROM (VALUES ('A', $2::bigint), ('B', $5::bigint)) s(arm, n)
 WHERE s.n > 0 AND EXISTS (SELECT FROM pare.jobs j WHERE j.id = $3 AND j.fence = $4 AND j.state = 'running')

-- Whether the requests of this test are counted as they are sent: some were, or none came yet.
-- name: abtest_is_counted
SELECT EXISTS (SELECT FROM pare.ab_assigned a WHERE a.test_id = $1)
       OR NOT EXISTS (SELECT FROM pare.ab_count c WHERE c.test_id = $1 AND c.level = 'l')
       AND NOT EXISTS (SELECT FROM (SELECT r.test_id FROM model_test_results r ORDER BY r.id DESC LIMIT 100000) r WHERE r.test_id = $1)

-- How many results begin with these words, among the newest: what an earlier try of a job brought.
-- name: abtest_recorded
SELECT count(*) FROM (SELECT r.test_id, r.query FROM model_test_results r ORDER BY r.id DESC LIMIT 1000000) r
 WHERE r.test_id = $1 AND starts_with(r.query, $2)
