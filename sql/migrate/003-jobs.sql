-- Jobs: a recipe, a measurement, a replay or a distillation, as rows that workers claim.
--
-- A claim is a lease. What changes each second (lease, progress) is in a narrow table of its own with room
-- in its pages and no index on it, so that a heartbeat rewrites nothing else. Only the server's clock counts.

CREATE TABLE pare.jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('transform', 'measure', 'replay', 'distill')),
    model_id bigint NOT NULL,     -- the version it starts from; kept by id, may vanish
    model_name text NOT NULL,
    model_version text NOT NULL,
    spec jsonb NOT NULL,          -- of a transform: the recipe and the new version's name
    uniq text NOT NULL,           -- two jobs that would do the same are one
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    priority int NOT NULL DEFAULT 0,
    run_at timestamptz NOT NULL DEFAULT now(),
    attempt int NOT NULL DEFAULT 0,
    max_attempts int NOT NULL DEFAULT 3,
    fence bigint NOT NULL DEFAULT 0, -- bumped at each claim; every later write carries it
    worker text,
    actor text NOT NULL,
    submitted_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    ended_at timestamptz,
    cancel_requested_at timestamptz,
    cancel_actor text,
    result_id bigint,             -- the version it made
    error text
);
CREATE UNIQUE INDEX jobs_once ON pare.jobs (uniq) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_open ON pare.jobs (priority DESC, id) WHERE state IN ('queued', 'running');

CREATE TABLE pare.job_beat (
    job_id bigint PRIMARY KEY REFERENCES pare.jobs ON DELETE CASCADE,
    fence bigint NOT NULL,
    lease_until timestamptz NOT NULL,
    beat_at timestamptz NOT NULL,
    done_fraction float8 NOT NULL DEFAULT 0,
    words text
) WITH (fillfactor = 50);

CREATE TABLE pare.job_log (
    job_id bigint NOT NULL REFERENCES pare.jobs ON DELETE CASCADE,
    line bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempt int NOT NULL,
    words text NOT NULL,
    PRIMARY KEY (job_id, line)
);
