-- The default of a model and its history.

-- part: event
SELECT e.rev, e.kind, e.from_id, e.from_version, e.to_id, e.to_version, e.undoes, e.actor, e.role,
       to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), e.reason, e.forced, e.gates::text,
       EXISTS (SELECT FROM ml_models m WHERE m.id = e.to_id AND m.name = e.name AND m.version = e.to_version),
       extract(epoch FROM now() - e.at)::bigint, e.name
  FROM pare.default_event e

-- name: default_newest
--> event
 WHERE e.name = $1 ORDER BY e.rev DESC LIMIT 1

-- $2: a time as people write it, or NULL for all.
-- name: default_history
--> event
 WHERE e.name = $1 AND ($2::text IS NULL OR e.at <= $2::text::timestamptz) ORDER BY e.rev DESC

-- The newest promote or adopt that no rollback has undone, and the version it came from.
-- name: default_to_undo
SELECT p.rev, p.from_id, p.from_version, p.to_id, p.to_version,
       EXISTS (SELECT FROM ml_models m WHERE m.id = p.from_id AND m.name = p.name AND m.version = p.from_version)
  FROM pare.default_event p
 WHERE p.name = $1 AND p.kind IN ('promote', 'adopt')
   AND NOT EXISTS (SELECT FROM pare.default_event u WHERE u.name = p.name AND u.undoes = p.rev)
 ORDER BY p.rev DESC LIMIT 1

-- So that a delete and a promote of one model come one after the other.
-- name: default_lock
SELECT pg_advisory_xact_lock(hashtextextended('pare.default:' || $1, 0))

-- Compare and set: no row when the newest rev is not $2 or the version is gone.
-- name: default_set
INSERT INTO pare.default_event (name, rev, kind, from_id, from_version, to_id, to_version, undoes, actor, reason, forced, gates)
SELECT $1, $2 + 1, $3, newest.to_id, newest.to_version, m.id, m.version, $6, $7, $8, $9, $10::text::jsonb
  FROM ml_models m
  LEFT JOIN LATERAL (SELECT e.rev, e.to_id, e.to_version FROM pare.default_event e
                      WHERE e.name = $1 ORDER BY e.rev DESC LIMIT 1) newest ON true
 WHERE m.id = $4 AND m.name = $1 AND m.version = $5 AND coalesce(newest.rev, 0) = $2
ON CONFLICT DO NOTHING
RETURNING rev

-- Models without a default, for adopt.
-- name: default_missing
SELECT DISTINCT m.name::text FROM ml_models m
 WHERE NOT EXISTS (SELECT FROM pare.default_event e WHERE e.name = m.name)

-- Whether a version is what the newest event of its name points to, for delete.
-- name: default_is
SELECT EXISTS (SELECT FROM (SELECT e.to_id, e.to_version FROM pare.default_event e WHERE e.name = $1
                             ORDER BY e.rev DESC LIMIT 1) n WHERE n.to_id = $2)
