-- Results rolled up, each exactly once.

-- How far the roll-up is, how far the table goes, below which id the first result is that is not rolled up (the mark, or
-- where ids begin), and who is writing it: in this order, for a transaction that drew a smaller id than the newest and has
-- not ended yet holds a lock.
-- name: rollup_newest
SELECT m.id, coalesce((SELECT max(r.id)::bigint FROM model_test_results r), m.id),
       CASE WHEN m.id > -9223372036854775808 THEN m.id
            ELSE coalesce((SELECT greatest(min(r.id)::bigint, -9223372036854775807) - 1 FROM model_test_results r), m.id) END
  FROM pare.ab_mark m

-- name: rollup_writers
SELECT coalesce(string_agg(DISTINCT l.virtualtransaction, ' '), '') FROM pg_locks l
 WHERE l.locktype = 'relation' AND l.relation = to_regclass('model_test_results') AND l.granted
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND l.mode = 'RowExclusiveLock' AND l.pid IS DISTINCT FROM pg_backend_pid()

-- Results with $1 < id <= $2, also where the users have dropped a column: it then reads as `absent` has it. Rows of no
-- test count nowhere.
-- part: results
  FROM (SELECT ''::text AS response, NULL::int AS latency_ms, NULL::int AS user_feedback, NULL::timestamptz AS created_at) absent
 CROSS JOIN LATERAL (SELECT id::bigint AS id, test_id::bigint AS test_id, coalesce(model_id, 0)::bigint AS model_id,
                            CASE WHEN isfinite(created_at::timestamptz) THEN created_at::timestamptz ELSE now() END AS at,
                            CASE WHEN latency_ms BETWEEN -2147483648 AND 2147483647 THEN latency_ms::bigint END AS ms,
                            response IS NULL AS failed,
                            CASE WHEN user_feedback BETWEEN -1000 AND 1000 THEN user_feedback::int WHEN user_feedback IS NOT NULL THEN 0 END
                              AS rating
                       FROM model_test_results WHERE id > $1 AND id <= $2 AND test_id IS NOT NULL) r

-- part: ratings
       count(*) AS n, count(*) FILTER (WHERE rating = 1) AS r1, count(*) FILTER (WHERE rating = 2) AS r2,
       count(*) FILTER (WHERE rating = 3) AS r3, count(*) FILTER (WHERE rating = 4) AS r4, count(*) FILTER (WHERE rating = 5) AS r5,
       count(*) FILTER (WHERE rating NOT BETWEEN 1 AND 5) AS odd, max(at) AS newest_at,
       count(*) FILTER (WHERE failed) AS failed, coalesce(sum(ms), 0) AS sum

-- The mark's row, where it still is as this one saw it and nobody else is at it: then the step is ours. A test that has
-- been made coarse since this statement's snapshot reads as if it were not; but rollup_coarsen moves tidied_at, which the lock
-- then compares as it is now with what the snapshot has (EvalPlanQual takes the newest version of the locked row alone): a
-- step that is behind finds no row and does nothing.
-- part: mine
WITH mine AS MATERIALIZED (
    SELECT m.id FROM pare.ab_mark m WHERE m.id = $1 AND m.tidied_at = (SELECT s.tidied_at FROM pare.ab_mark s) FOR UPDATE SKIP LOCKED
),

-- For steps of a few results, as the server keeps them: one plan for all.
-- name: rollup_quiet_kept
SELECT set_config('max_parallel_workers_per_gather', '0', true), set_config('jit', 'off', true),
       set_config('plan_cache_mode', 'force_generic_plan', true)

-- One step, from the mark $1 towards $2, at most $3 results: all levels and the mark itself, or nothing.
-- name: rollup_step
--> mine
goal AS MATERIALIZED (
    SELECT coalesce(CASE WHEN $2::numeric - $1::numeric > $3 THEN
                        (SELECT r.id::bigint FROM model_test_results r WHERE r.id > $1 AND r.id <= $2 ORDER BY r.id OFFSET $3 - 1 LIMIT 1)
                    END, $2) AS id
),
part AS MATERIALIZED (
    SELECT test_id, model_id, date_trunc('minute', at) AS minute, ms, count(*) AS n, count(*) FILTER (WHERE failed) AS failed
--> results
     WHERE EXISTS (SELECT FROM mine) AND r.id <= (SELECT id FROM goal)
     GROUP BY 1, 2, 3, 4
), segments AS MATERIALIZED (
    SELECT test_id, minute, pare.ab_segment_of(test_id, minute) AS segment FROM (SELECT DISTINCT test_id, minute FROM part) d
), by_minute AS MATERIALIZED (
    SELECT test_id, model_id, minute, sum(n) AS n, sum(failed) AS failed, coalesce(sum(n) FILTER (WHERE ms IS NULL), 0) AS untimed,
           coalesce(sum(n) FILTER (WHERE ms < 0), 0) AS negative, coalesce(sum(ms * n) FILTER (WHERE ms >= 0), 0) AS sum,
           coalesce(sum(ms::numeric * ms * n) FILTER (WHERE ms >= 0), 0) AS squares
      FROM part GROUP BY 1, 2, 3
), levels AS (
    SELECT test_id, 'm'::"char" AS level, model_id, minute AS at, 0 AS segment, n, failed, untimed, negative, sum, squares
      FROM by_minute WHERE minute > now() - interval '48 hours'
    UNION ALL
    SELECT test_id, 'h', model_id, date_trunc('hour', minute), 0, sum(n), sum(failed), sum(untimed), sum(negative), sum(sum), sum(squares)
      FROM by_minute WHERE minute <= now() - interval '48 hours' GROUP BY 1, 3, 4
    UNION ALL
    SELECT test_id, 'l', model_id, '-infinity'::timestamptz, segment, sum(n), sum(failed), sum(untimed), sum(negative), sum(sum),
           sum(squares)
      FROM by_minute JOIN segments USING (test_id, minute) GROUP BY 1, 3, 4, 5
), counted AS (
    INSERT INTO pare.ab_count AS c (test_id, level, model_id, at, segment, n, failed, untimed, negative, sum, squares)
    SELECT * FROM levels
    ON CONFLICT (test_id, level, at, segment, model_id) DO UPDATE SET n = c.n + excluded.n, failed = c.failed + excluded.failed,
        untimed = c.untimed + excluded.untimed, negative = c.negative + excluded.negative, sum = c.sum + excluded.sum,
        squares = c.squares + excluded.squares
), coarse AS MATERIALIZED (
    SELECT test_id FROM pare.ab_plan WHERE coarse
), timed AS MATERIALIZED (
    SELECT test_id, model_id, minute, CASE WHEN ms <= 1 THEN 0 WHEN ms > 3600000 THEN 756
                                           ELSE ceil(ln(ms::float8) * 49.99833328888678)::int END AS bucket, sum(n) AS n
      FROM part WHERE ms >= 0 GROUP BY 1, 2, 3, 4
), bucketed AS (
    INSERT INTO pare.ab_bucket AS b (test_id, level, model_id, at, segment, bucket, n)
    SELECT test_id, 'm'::"char", model_id, minute, 0, bucket, n FROM timed WHERE minute > now() - interval '48 hours'
    UNION ALL
    SELECT test_id, 'h', model_id, date_trunc('hour', minute), 0, bucket, sum(n) FROM timed
     WHERE minute <= now() - interval '48 hours' GROUP BY 1, 3, 4, 6
    UNION ALL
    SELECT test_id, 'l', model_id, '-infinity'::timestamptz, segment, bucket, sum(n) FROM timed JOIN segments USING (test_id, minute)
     WHERE EXISTS (SELECT FROM coarse WHERE coarse.test_id = timed.test_id) GROUP BY 1, 3, 4, 5, 6
    ON CONFLICT (test_id, level, at, segment, model_id, bucket) DO UPDATE SET n = b.n + excluded.n
), exact AS (
    INSERT INTO pare.ab_exact AS e (test_id, segment, model_id, latency_ms, n)
    SELECT p.test_id, s.segment, p.model_id, p.ms, sum(p.n) FROM part p JOIN segments s USING (test_id, minute)
     WHERE p.ms >= 0 AND NOT EXISTS (SELECT FROM coarse WHERE coarse.test_id = p.test_id)
     GROUP BY 1, 2, 3, 4
    ON CONFLICT (test_id, segment, model_id, latency_ms) DO UPDATE SET n = e.n + excluded.n
), blocks AS (
    INSERT INTO pare.ab_block AS b (block, test_id, segment, model_id, n, r1, r2, r3, r4, r5, odd, newest_at, failed, sum)
    SELECT g.block, g.test_id, s.segment, g.model_id, sum(n), sum(r1), sum(r2), sum(r3), sum(r4), sum(r5), sum(odd), max(newest_at),
           sum(failed), sum(sum)
      FROM (SELECT id >> 16 AS block, test_id, date_trunc('minute', at) AS minute, model_id,
--> ratings
--> results
             WHERE EXISTS (SELECT FROM mine) AND r.id <= (SELECT id FROM goal)
             GROUP BY 1, 2, 3, 4) g JOIN segments s USING (test_id, minute)
     GROUP BY 1, 2, 3, 4
    ON CONFLICT (block, test_id, segment, model_id) DO UPDATE SET n = b.n + excluded.n, r1 = b.r1 + excluded.r1, r2 = b.r2 + excluded.r2,
        r3 = b.r3 + excluded.r3, r4 = b.r4 + excluded.r4, r5 = b.r5 + excluded.r5, odd = b.odd + excluded.odd,
        newest_at = greatest(b.newest_at, excluded.newest_at), failed = b.failed + excluded.failed, sum = b.sum + excluded.sum
), moved AS (
    UPDATE pare.ab_mark k SET id = goal.id, at = clock_timestamp() FROM mine, goal WHERE k.id = mine.id RETURNING k.id
)
SELECT count(*), max(id) FROM moved

-- ---- what is noticed on the way ----

-- Nothing new is news too: the numbers are those of now. The mark's row before any plan's, as whoever tidies up takes them.
-- name: rollup_notice_rest
UPDATE pare.ab_mark k SET at = clock_timestamp()
  FROM (SELECT m.id FROM pare.ab_mark m
         WHERE m.at < now() - interval '5 seconds' AND m.id >= coalesce((SELECT max(r.id)::bigint FROM model_test_results r), m.id)
           FOR UPDATE SKIP LOCKED) m
 WHERE k.id = m.id

-- Tests that somebody's SQL started get a plan at first sight; so does one whose id was another's.
-- name: rollup_assume
WITH others AS (
    SELECT t.id, t.name, t.a_id, t.b_id
--> tests_alone
     WHERE NOT EXISTS (SELECT FROM pare.ab_plan q WHERE q.test_id = t.id AND (q.model_a_id, q.model_b_id)
                                                        IS NOT DISTINCT FROM (t.a_id, t.b_id))
), stale AS (
    DELETE FROM pare.ab_segment s USING others o WHERE s.test_id = o.id AND EXISTS (SELECT FROM pare.ab_plan q WHERE q.test_id = o.id)
), stale_sent AS (
    DELETE FROM pare.ab_assigned s USING others o WHERE s.test_id = o.id AND EXISTS (SELECT FROM pare.ab_plan q WHERE q.test_id = o.id)
)
INSERT INTO pare.ab_plan AS p (test_id, test_name, model_a_id, model_b_id, assumed, actor)
SELECT id, name, a_id, b_id, true, $1 FROM others
ON CONFLICT (test_id) DO UPDATE SET test_name = excluded.test_name, model_a_id = excluded.model_a_id, model_b_id = excluded.model_b_id,
    salt = DEFAULT, primary_metric = DEFAULT, horizon = DEFAULT, alpha = DEFAULT, margin = DEFAULT, guards = DEFAULT,
    min_hours = DEFAULT, assumed = true, ended_at = NULL, actor = excluded.actor, at = now()

-- One that somebody's SQL ended, or let run again.
-- name: rollup_notice_ends
WITH theirs AS (
    SELECT t.id, CASE WHEN t.status = 'running' AND coalesce(t.end_at, 'infinity') > now() THEN NULL ELSE coalesce(t.end_at, now()) END AS ended_at
--> tests_alone
)
UPDATE pare.ab_plan p SET ended_at = theirs.ended_at FROM theirs
 WHERE p.test_id = theirs.id AND $1::text IS NOT NULL AND (p.ended_at IS NULL) <> (theirs.ended_at IS NULL)

-- A split that somebody's SQL changed begins a segment when it is seen.
-- name: rollup_notice_splits
INSERT INTO pare.ab_segment (test_id, number, split, from_at, actor)
SELECT t.id, coalesce(s.number, 0) + 1, round(least(greatest(coalesce(t.split, 0.5), 0), 1), 2),
       CASE WHEN s.number IS NULL THEN coalesce(t.start_at, '-infinity') ELSE now() END, $1
--> tests_alone
  LEFT JOIN LATERAL (SELECT g.number, g.split FROM pare.ab_segment g WHERE g.test_id = t.id ORDER BY g.number DESC LIMIT 1) s ON true
 WHERE s.number IS NULL OR s.split <> round(least(greatest(coalesce(t.split, 0.5), 0), 1), 2)
ON CONFLICT DO NOTHING

-- ---- upkeep ----

-- The blocks to be counted anew now, at most $1: those with results of the last day, newest first; then the next in
-- rotation, which alone moves the rotation on.
-- name: rollup_due_blocks
WITH young AS (
    SELECT DISTINCT block FROM pare.ab_block WHERE newest_at > now() - interval '24 hours' ORDER BY block DESC LIMIT $1
), next AS (
    SELECT least((SELECT min(b.block) FROM pare.ab_block b WHERE b.block > m.checked_block),
                 (SELECT r.id::bigint >> 16 FROM model_test_results r
                   WHERE r.id >= (m.checked_block + 1) * 65536 AND r.id <= m.id ORDER BY r.id LIMIT 1)) AS block
      FROM pare.ab_mark m
)
SELECT d.block, d.rotates, m.id FROM (SELECT block, bool_or(rotates) AS rotates
                                        FROM (SELECT block, false AS rotates FROM young UNION ALL SELECT block, true FROM next WHERE block IS NOT NULL) each
                                       GROUP BY 1) d, pare.ab_mark m
 ORDER BY 1

-- A block is counted anew from its rows, which are those with $1 < id <= $2 as far as they are rolled up, up to the mark $4:
-- false where others are there than before. Else its ratings, and nothing else, can have changed.
-- name: rollup_recount
WITH mine AS MATERIALIZED (SELECT id FROM pare.ab_mark WHERE id = $4 FOR UPDATE SKIP LOCKED),
by_minute AS MATERIALIZED (
    SELECT test_id, date_trunc('minute', at) AS minute, model_id,
--> ratings
--> results
     WHERE EXISTS (SELECT FROM mine)
     GROUP BY 1, 2, 3
), segments AS MATERIALIZED (
    SELECT test_id, minute, pare.ab_segment_of(test_id, minute) AS segment FROM (SELECT DISTINCT test_id, minute FROM by_minute) d
), now_there AS MATERIALIZED (
    SELECT test_id, segment, model_id, sum(n) AS n, sum(r1) AS r1, sum(r2) AS r2, sum(r3) AS r3, sum(r4) AS r4, sum(r5) AS r5,
           sum(odd) AS odd, sum(failed) AS failed, sum(sum) AS sum
      FROM by_minute JOIN segments USING (test_id, minute) GROUP BY 1, 2, 3
), put AS (
    UPDATE pare.ab_block b SET r1 = t.r1, r2 = t.r2, r3 = t.r3, r4 = t.r4, r5 = t.r5, odd = t.odd
      FROM now_there t WHERE b.block = $3 AND (b.test_id, b.segment, b.model_id) = (t.test_id, t.segment, t.model_id)
       AND (b.r1, b.r2, b.r3, b.r4, b.r5, b.odd) IS DISTINCT FROM (t.r1, t.r2, t.r3, t.r4, t.r5, t.odd)
)
SELECT NOT EXISTS (SELECT FROM mine)
       OR NOT EXISTS (SELECT FROM (SELECT test_id, model_id, sum(n) AS n, sum(failed) AS failed, sum(sum) AS sum FROM pare.ab_block
                                    WHERE block = $3 GROUP BY 1, 2) was
                        FULL JOIN (SELECT test_id, model_id, sum(n) AS n, sum(failed) AS failed, sum(sum) AS sum FROM now_there
                                    GROUP BY 1, 2) t USING (test_id, model_id)
                       WHERE (was.n, was.failed, was.sum) IS DISTINCT FROM (t.n, t.failed, t.sum))

-- The rotation has come to block $1; behind the last it begins anew, below the block of the smallest bigint.
-- name: rollup_rotate
UPDATE pare.ab_mark SET checked_block = CASE WHEN $1 >= (SELECT max(block) FROM pare.ab_block) THEN -140737488355329 ELSE $1 END,
       checked_from = CASE WHEN $1 >= (SELECT max(block) FROM pare.ab_block) THEN now() ELSE checked_from END

-- What this role may do of a roll-up, for who is about to try.
-- name: rollup_rights
SELECT
--> roller_rights

-- name: rollup_lock
SELECT id FROM pare.ab_mark FOR UPDATE

-- Not again and again where rows keep vanishing, as those of a table that is kept short do.
-- name: rollup_may_restart
SELECT restarted_at < now() - interval '10 minutes' OR coalesce((SELECT max(r.id) FROM model_test_results r) < id, true) FROM pare.ab_mark

-- Whether it is time to tidy up, which looks at every count: once an hour.
-- name: rollup_tidy_due
UPDATE pare.ab_mark SET tidied_at = now() WHERE tidied_at < now() - interval '1 hour' RETURNING id

-- Rows have vanished or changed under a block: all is rolled up anew.
-- name: rollup_restart
WITH c AS (DELETE FROM pare.ab_count), b AS (DELETE FROM pare.ab_bucket), e AS (DELETE FROM pare.ab_exact),
     k AS (DELETE FROM pare.ab_block), p AS (UPDATE pare.ab_plan SET coarse = false WHERE coarse)
UPDATE pare.ab_mark SET id = DEFAULT, checked_block = DEFAULT, checked_from = now(), restarted_at = now()

-- Minutes of more than 48 hours ago become hours, hours of more than 90 days ago go.
-- name: rollup_expire_counts
WITH old AS (
    DELETE FROM pare.ab_count WHERE level = 'm' AND at < date_trunc('hour', now() - interval '48 hours') RETURNING *
), gone AS (
    DELETE FROM pare.ab_count WHERE level = 'h' AND at < now() - interval '90 days'
)
INSERT INTO pare.ab_count AS c (test_id, level, model_id, at, segment, n, failed, untimed, negative, sum, squares)
SELECT test_id, 'h'::"char", model_id, date_trunc('hour', at), 0, sum(n), sum(failed), sum(untimed), sum(negative), sum(sum), sum(squares)
  FROM old GROUP BY 1, 3, 4
ON CONFLICT (test_id, level, at, segment, model_id) DO UPDATE SET n = c.n + excluded.n, failed = c.failed + excluded.failed,
    untimed = c.untimed + excluded.untimed, negative = c.negative + excluded.negative, sum = c.sum + excluded.sum,
    squares = c.squares + excluded.squares

-- name: rollup_expire_buckets
WITH old AS (
    DELETE FROM pare.ab_bucket WHERE level = 'm' AND at < date_trunc('hour', now() - interval '48 hours') RETURNING *
), gone AS (
    DELETE FROM pare.ab_bucket WHERE level = 'h' AND at < now() - interval '90 days'
)
INSERT INTO pare.ab_bucket AS b (test_id, level, model_id, at, segment, bucket, n)
SELECT test_id, 'h'::"char", model_id, date_trunc('hour', at), 0, bucket, sum(n) FROM old GROUP BY 1, 3, 4, 6
ON CONFLICT (test_id, level, at, segment, model_id, bucket) DO UPDATE SET n = b.n + excluded.n

-- A test of very many different latencies goes on with its buckets alone. Behind rollup_lock; tidied_at: see `mine`.
-- name: rollup_coarsen
WITH many AS (
    SELECT test_id FROM pare.ab_exact GROUP BY 1 HAVING count(*) > 20000
), gone AS (
    DELETE FROM pare.ab_exact e USING many WHERE e.test_id = many.test_id RETURNING e.*
), put AS (
    INSERT INTO pare.ab_bucket (test_id, level, model_id, at, segment, bucket, n)
    SELECT test_id, 'l'::"char", model_id, '-infinity'::timestamptz, segment,
           CASE WHEN latency_ms <= 1 THEN 0 WHEN latency_ms > 3600000 THEN 756 ELSE ceil(ln(latency_ms::float8) * 49.99833328888678)::int END,
           sum(n)
      FROM gone GROUP BY 1, 3, 5, 6
), marked AS (
    UPDATE pare.ab_mark SET tidied_at = clock_timestamp() WHERE EXISTS (SELECT FROM many)
)
UPDATE pare.ab_plan p SET coarse = true FROM many WHERE p.test_id = many.test_id
