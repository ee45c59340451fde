-- The end of a test. Never FOR UPDATE: that would make every insert of a result wait, through its foreign key.

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

-- Of two who conclude at once one waits here, and then finds it ended.
-- name: abtest_lock
SELECT id FROM model_ab_tests WHERE id = $1 AND coalesce(status, 'running') = 'running' FOR NO KEY UPDATE

-- Behind abtest_lock and default_lock: the end, what it stood on, and the default, or nothing of it. Only while the split is
-- the one that was judged ($5 segments) and the default of the name $7 (NULL: it stays) is still of rev $8. Returned is
-- whether the test runs, whether its split is that one, whether it has ended now, and the new rev.
-- name: abtest_conclude
WITH mine AS MATERIALIZED (
    SELECT t.id, (SELECT greatest(count(*), 1) FROM pare.ab_segment s WHERE s.test_id = t.id) = $5 AS same_split
      FROM model_ab_tests t WHERE t.id = $1 AND coalesce(t.status, 'running') = 'running'
), target AS MATERIALIZED (
    SELECT m.id, m.version, newest.to_id, newest.to_version
      FROM ml_models m
      LEFT JOIN LATERAL (SELECT e.rev, e.to_id, e.to_version FROM pare.default_event e
                          WHERE e.name = $7 ORDER BY e.rev DESC LIMIT 1) newest ON true
     WHERE m.id = $9 AND m.name = $7 AND m.version = $10 AND coalesce(newest.rev, 0) = $8
), can AS MATERIALIZED (
    SELECT id FROM mine WHERE same_split AND ($7::text IS NULL OR EXISTS (SELECT FROM target))
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
      FROM target, can
    RETURNING rev
)
SELECT EXISTS (SELECT FROM mine), EXISTS (SELECT FROM mine WHERE same_split), EXISTS (SELECT FROM ended),
       (SELECT rev FROM promoted)

-- Who ended it, for who comes second.
-- name: abtest_ender
SELECT e.kind, e.arm, e.actor, round(extract(epoch FROM now() - e.at))::bigint FROM pare.ab_event e
 WHERE e.test_id = $1 AND e.kind IN ('stop', 'conclude')
   AND e.at >= coalesce((SELECT p.at FROM pare.ab_plan p WHERE p.test_id = $1), '-infinity') ORDER BY e.id DESC LIMIT 1
