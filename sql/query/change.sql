-- What is done to a test that runs: another split, the end. Each stands behind abtest_lock, so that its snapshot has what
-- somebody else has just done. Never FOR UPDATE: that would make every insert of a result wait, through its foreign key.

-- Of two who change a test at once one waits here, and then sees what the other has done.
-- name: abtest_lock
SELECT id FROM model_ab_tests WHERE id = $1 AND coalesce(status, 'running') = 'running' FOR NO KEY UPDATE

-- A test that runs gets another split from now on, and a segment.
-- name: abtest_split
WITH changed AS (
    UPDATE model_ab_tests t SET traffic_split = $2::numeric WHERE t.id = $1 AND coalesce(t.status, 'running') = 'running'
       AND t.traffic_split IS DISTINCT FROM $2::numeric RETURNING t.id
), segment AS (
    INSERT INTO pare.ab_segment (test_id, number, split, from_at, actor)
    SELECT id, coalesce((SELECT max(s.number) FROM pare.ab_segment s WHERE s.test_id = $1), 0) + 1, $2::numeric, now(), $3 FROM changed
), event AS (
    INSERT INTO pare.ab_event (test_id, kind, actor, evidence) SELECT id, 'split', $3, jsonb_build_object('split', $2::numeric) FROM changed
)
SELECT count(*) FROM changed

-- It ends; all requests go to one arm.
-- name: abtest_stop
WITH mine AS (
    SELECT id FROM model_ab_tests WHERE id = $1 AND coalesce(status, 'running') = 'running' FOR NO KEY UPDATE
), ended AS (
    UPDATE model_ab_tests t SET status = 'stopped', end_time = now() FROM mine WHERE t.id = mine.id RETURNING t.id
), plan AS (
    UPDATE pare.ab_plan p SET ended_at = now() FROM ended WHERE p.test_id = ended.id
), event AS (
    INSERT INTO pare.ab_event (test_id, kind, arm, actor, reason) SELECT id, 'stop', $2, $3, $4 FROM ended
)
SELECT count(*) FROM ended

-- Behind default_lock and abtest_lock: the end, what it stood on, and the default, or nothing of it. Only while arms ($13, $14)
-- and split ($5 segments, the newest as the test has it) are those that were judged, nobody has begun the roll-up anew (mark
-- $15), and the default of the name $7 (NULL: nobody is promoted) is still of rev $8; a version that is the default already
-- stays it. Returned is whether the test runs, whether it is the one that was judged, whether its results are, whether it has
-- ended now, and the new rev.
-- name: abtest_conclude
WITH mine AS MATERIALIZED (
    SELECT t.id, (SELECT m.id FROM pare.ab_mark m) >= $15 AS same_results,
           (t.model_a_id, t.model_b_id) IS NOT DISTINCT FROM (nullif($13, 0), nullif($14, 0))
               AND greatest(s.count, 1) = $5 AND coalesce(s.split, split.now) = split.now AS same_test
      FROM model_ab_tests t
     CROSS JOIN LATERAL (SELECT round(least(greatest(coalesce(t.traffic_split, 0.5), 0), 1), 2) AS now) split
     CROSS JOIN (SELECT count(*) AS count, (array_agg(g.split ORDER BY g.number DESC))[1] AS split
                   FROM pare.ab_segment g WHERE g.test_id = $1) s
     WHERE t.id = $1 AND coalesce(t.status, 'running') = 'running'
), target AS MATERIALIZED (
    SELECT m.id, m.version, newest.to_id, newest.to_version
      FROM ml_models m
      LEFT JOIN LATERAL (SELECT e.rev, e.to_id, e.to_version FROM pare.default_event e
                          WHERE e.name = $7 ORDER BY e.rev DESC LIMIT 1) newest ON true
     WHERE m.id = $9 AND m.name = $7 AND m.version = $10 AND coalesce(newest.rev, 0) = $8
), can AS MATERIALIZED (
    SELECT id FROM mine WHERE same_test AND same_results AND ($7::text IS NULL OR EXISTS (SELECT FROM target))
), ended AS (
    UPDATE model_ab_tests t SET status = 'concluded', end_time = now() FROM can WHERE t.id = can.id RETURNING t.id
), plan AS (
    UPDATE pare.ab_plan p SET ended_at = now() FROM ended WHERE p.test_id = ended.id
), event AS (
    INSERT INTO pare.ab_event (test_id, kind, arm, actor, reason, evidence)
    SELECT id, 'conclude', $2, $3, $4, $6::text::jsonb FROM ended
), promoted AS (
    INSERT INTO pare.default_event (name, rev, kind, from_id, from_version, to_id, to_version, actor, reason, forced, gates)
    SELECT $7, $8 + 1, 'promote', target.to_id, target.to_version, target.id, target.version, $3, $4, $11, $12::text::jsonb
      FROM target, can WHERE (target.id, target.version) IS DISTINCT FROM (target.to_id, target.to_version)
    RETURNING rev
)
SELECT EXISTS (SELECT FROM mine), EXISTS (SELECT FROM mine WHERE same_test), EXISTS (SELECT FROM mine WHERE same_results),
       EXISTS (SELECT FROM ended), (SELECT rev FROM promoted)

-- Who ended it, for who comes second.
-- name: abtest_ender
SELECT e.kind, e.arm, e.actor, round(extract(epoch FROM now() - e.at))::bigint FROM pare.ab_event e
 WHERE e.test_id = $1 AND e.kind IN ('stop', 'conclude')
   AND e.at >= coalesce((SELECT p.at FROM pare.ab_plan p WHERE p.test_id = $1), '-infinity') ORDER BY e.id DESC LIMIT 1
