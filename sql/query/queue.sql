-- The job queue, by src/registry/queue.c only. What moves a job says so on the channel pare_job, with its id, so that a
-- screen that hears it need not wait for its next look.

-- A job that would do the same and is open already is the job: its id comes back, and false.
-- name: queue_submit
WITH added AS (
    INSERT INTO pare.jobs (kind, model_id, model_name, model_version, spec, uniq, actor, max_attempts)
    VALUES ($1, $2, $3, $4, $5::text::jsonb, $6, $7, $8)
    ON CONFLICT (uniq) WHERE state IN ('queued', 'running') DO NOTHING RETURNING id
)
SELECT id, true FROM added
UNION ALL
SELECT id, false FROM pare.jobs WHERE uniq = $6 AND state IN ('queued', 'running') AND NOT EXISTS (SELECT FROM added)
LIMIT 1

-- Jobs whose worker is gone and that are not to be tried again. The lease is looked at again as the row
-- is changed, so that one renewed meanwhile stays.
-- name: queue_reap
UPDATE pare.jobs j
   SET state = CASE WHEN cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE 'failed' END, ended_at = now(),
       error = 'the worker was lost ' || attempt || ' times, the last was ' || coalesce(worker, 'unknown')
  FROM pare.job_beat b
 WHERE b.job_id = j.id AND b.fence = j.fence AND j.state = 'running' AND b.lease_until < now()
   AND (j.attempt >= j.max_attempts OR j.cancel_requested_at IS NOT NULL)

-- $1: the kinds, as an array. $2: who claims. $3: seconds of lease. $4: this job only, or NULL.
-- A row that another worker claimed after this statement began is looked at again as it is locked, with its beat
-- still as it was: of another fence, or none. Then started_at, which is of the row itself, tells that the lease is young.
-- name: queue_claim
WITH next AS (
    SELECT j.id FROM pare.jobs j LEFT JOIN pare.job_beat b ON b.job_id = j.id AND b.fence = j.fence
     WHERE j.kind = ANY ($1::text::text[]) AND ($4::bigint IS NULL OR j.id = $4)
       AND (j.state = 'queued' AND j.run_at <= now()
            OR j.state = 'running' AND j.attempt < j.max_attempts
               AND coalesce(b.lease_until, j.started_at + $3 * interval '1 second') < now())
     ORDER BY j.priority DESC, j.id
       FOR UPDATE OF j SKIP LOCKED LIMIT 1
), claimed AS (
    UPDATE pare.jobs j
       SET state = 'running', fence = fence + 1, attempt = attempt + 1, worker = $2, started_at = now(), error = NULL
      FROM next WHERE j.id = next.id
    RETURNING j.id, j.kind, j.model_id, j.model_name, j.model_version, j.spec::text AS spec, j.fence, j.attempt,
              j.max_attempts, j.actor
), beat AS (
    INSERT INTO pare.job_beat (job_id, fence, lease_until, beat_at)
    SELECT id, fence, now() + $3 * interval '1 second', now() FROM claimed
    ON CONFLICT (job_id) DO UPDATE SET fence = excluded.fence, lease_until = excluded.lease_until,
        beat_at = excluded.beat_at, done_fraction = 0, words = NULL
)
SELECT claimed.*, pg_notify('pare_job', id::text) FROM claimed

-- No row: the lease is lost. True: somebody asked to cancel.
-- name: queue_renew
UPDATE pare.job_beat b
   SET lease_until = now() + $3 * interval '1 second', beat_at = now(), done_fraction = $4, words = $5
  FROM pare.jobs j
 WHERE b.job_id = $1 AND b.fence = $2 AND j.id = b.job_id AND j.fence = b.fence AND j.state = 'running'
RETURNING j.cancel_requested_at IS NOT NULL, pg_notify('pare_job', b.job_id::text)

-- Inside the transaction that makes what the job makes: no row, no result.
-- name: queue_finish
UPDATE pare.jobs SET state = 'done', ended_at = now(), result_id = $3
 WHERE id = $1 AND fence = $2 AND state = 'running' AND cancel_requested_at IS NULL RETURNING id, pg_notify('pare_job', id::text)

-- A worker that is stopped gives its job back as it was.
-- name: queue_give_back
UPDATE pare.jobs
   SET state = CASE WHEN cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE 'queued' END,
       ended_at = CASE WHEN cancel_requested_at IS NOT NULL THEN now() END, attempt = attempt - 1, run_at = now()
 WHERE id = $1 AND fence = $2 AND state = 'running'

-- $4: worth another try.
-- name: queue_fail
UPDATE pare.jobs
   SET state = CASE WHEN cancel_requested_at IS NOT NULL THEN 'cancelled'
                    WHEN $4::bool AND attempt < max_attempts THEN 'queued' ELSE 'failed' END,
       run_at = now() + attempt * interval '2 seconds', error = $3,
       ended_at = CASE WHEN cancel_requested_at IS NULL AND $4::bool AND attempt < max_attempts THEN NULL ELSE now() END
 WHERE id = $1 AND fence = $2 AND state = 'running' RETURNING state, pg_notify('pare_job', id::text)

-- name: queue_cancel
UPDATE pare.jobs
   SET cancel_requested_at = coalesce(cancel_requested_at, now()), cancel_actor = coalesce(cancel_actor, $2),
       state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END,
       ended_at = CASE WHEN state = 'queued' THEN now() ELSE ended_at END
 WHERE id = $1 AND state IN ('queued', 'running') RETURNING state

-- name: queue_retry
UPDATE pare.jobs
   SET state = 'queued', attempt = 0, run_at = now(), error = NULL, ended_at = NULL, cancel_requested_at = NULL,
       cancel_actor = NULL
 WHERE id = $1 AND state IN ('failed', 'cancelled') RETURNING id

-- name: queue_log_add
INSERT INTO pare.job_log (job_id, attempt, words) SELECT id, attempt, $3 FROM pare.jobs WHERE id = $1 AND fence = $2

-- name: queue_log
SELECT line, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), attempt, words FROM pare.job_log
 WHERE job_id = $1 AND line > $2 ORDER BY line LIMIT 1000

-- name: queue_log_tail
SELECT * FROM (
    SELECT line, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), attempt, words FROM pare.job_log
     WHERE job_id = $1 ORDER BY line DESC LIMIT 100) newest
 ORDER BY line

-- part: job
SELECT j.id, j.kind, j.model_id, j.model_name, j.model_version, j.spec::text, j.state, j.attempt, j.max_attempts,
       j.worker, j.actor, to_char(j.submitted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       to_char(j.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       to_char(j.ended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       j.cancel_requested_at IS NOT NULL, j.result_id, r.name::text, r.version::text, j.error,
       CASE WHEN j.state = 'done' THEN 1 ELSE coalesce(b.done_fraction, 0) END, b.words,
       extract(epoch FROM coalesce(j.ended_at, now()) - j.started_at)::float8,
       extract(epoch FROM now() - b.beat_at)::float8
  FROM pare.jobs j
  LEFT JOIN pare.job_beat b ON b.job_id = j.id AND b.fence = j.fence
  LEFT JOIN ml_models r ON r.id = j.result_id

-- The open ones first, then the newest.
-- name: queue_list
--> job
 ORDER BY j.state IN ('queued', 'running') DESC, j.id DESC LIMIT $1

-- Of the jobs that failed since $1 (NULL: none did) among the newest $2: how many, and the last; and the server's time,
-- which is the next $1.
-- name: queue_failed
WITH failed AS (
    SELECT id, model_name, model_version, ended_at
      FROM (SELECT id, model_name, model_version, state, ended_at FROM pare.jobs ORDER BY id DESC LIMIT $2) newest
     WHERE state = 'failed' AND ended_at > $1::text::timestamptz
)
SELECT (SELECT count(*) FROM failed), f.id, f.model_name, f.model_version,
       to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
  FROM (SELECT) always LEFT JOIN (SELECT * FROM failed ORDER BY ended_at DESC, id DESC LIMIT 1) f ON true

-- name: queue_get
--> job
 WHERE j.id = $1
