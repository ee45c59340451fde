-- A/B tests: what is fixed when one starts, what happens to it, where its requests go, and results rolled up.
--
-- The tests and their results stay the users' tables, whoever writes them; everything here is kept by id and
-- hangs on nothing. No trigger and no index: an insert into model_test_results pays nothing.

-- What was fixed at the start. A test that somebody's SQL started gets the defaults when it is first seen. Name and arms
-- tell whether the test is still that one: ids come anew after a TRUNCATE ... RESTART IDENTITY.
CREATE TABLE pare.ab_plan (
    test_id bigint PRIMARY KEY,
    test_name text,
    model_a_id bigint,
    model_b_id bigint,
    salt text NOT NULL DEFAULT '1',           -- another salt is another routing
    primary_metric text NOT NULL DEFAULT 'p95' CHECK (primary_metric IN ('p95', 'p50', 'mean', 'rating', 'failures')),
    horizon bigint NOT NULL DEFAULT 20000 CHECK (horizon >= 200), -- requests of both arms that intervals are tuned for
    alpha float8 NOT NULL DEFAULT 0.05 CHECK (alpha > 0 AND alpha < 0.5),
    margin float8 NOT NULL DEFAULT 0.05 CHECK (margin > 0),       -- of the primary: within it both are equal
    guards jsonb NOT NULL DEFAULT '[{"metric": "p95", "margin": 0.05}, {"metric": "failures", "margin": 0.005}]',
    min_hours float8 NOT NULL DEFAULT 24 CHECK (min_hours >= 0),
    assumed boolean NOT NULL DEFAULT false,
    coarse boolean NOT NULL DEFAULT false, -- so many different latencies that only their buckets are kept
    ended_at timestamptz,                  -- results of later minutes are no part of it
    actor text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);

-- The split from a moment on. The first is the one that the test began with. Results of the minute in which it changed
-- belong to no segment.
CREATE TABLE pare.ab_segment (
    test_id bigint NOT NULL,
    number int NOT NULL CHECK (number > 0),
    split numeric(3, 2) NOT NULL,
    from_at timestamptz NOT NULL,
    actor text NOT NULL,
    PRIMARY KEY (test_id, number)
);

-- Who did what to it. `arm`: where all requests go from then on.
CREATE TABLE pare.ab_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    test_id bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('start', 'split', 'stop', 'conclude')),
    arm text CHECK (arm IN ('A', 'B')),
    actor text NOT NULL,
    role text NOT NULL DEFAULT session_user,
    reason text,
    evidence jsonb,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ab_event_test ON pare.ab_event (test_id, id);

-- Requests that routers say they sent to an arm, for what never came back: added to, by minute.
CREATE TABLE pare.ab_assigned (
    test_id bigint NOT NULL,
    arm text NOT NULL CHECK (arm IN ('A', 'B')),
    minute timestamptz NOT NULL,
    n bigint NOT NULL CHECK (n >= 0),
    PRIMARY KEY (test_id, arm, minute)
);

-- Results up to and with this id are in the tables below, each exactly once.
CREATE TABLE pare.ab_mark (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    id bigint NOT NULL DEFAULT 0,
    at timestamptz NOT NULL DEFAULT now(),
    checked_block bigint NOT NULL DEFAULT -1,      -- blocks are verified in rotation; this one was the last
    checked_from timestamptz NOT NULL DEFAULT now(), -- when the rotation under way began
    restarted_at timestamptz NOT NULL DEFAULT '-infinity',
    tidied_at timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO pare.ab_mark DEFAULT VALUES;

-- Counts and sums by minute (the newest 48 hours), by hour before that (90 days), and of the whole life ('-infinity', by
-- segment; else segment is 0, as between two segments). model_id 0 stands for NULL. Latencies that are NULL or negative are counted apart and are in no sum.
CREATE TABLE pare.ab_count (
    test_id bigint NOT NULL,
    level "char" NOT NULL CHECK (level IN ('m', 'h', 'l')),
    model_id bigint NOT NULL,
    at timestamptz NOT NULL,
    segment int NOT NULL,
    n bigint NOT NULL,
    failed bigint NOT NULL,
    untimed bigint NOT NULL,  -- latency NULL
    negative bigint NOT NULL,
    sum numeric NOT NULL,     -- of latency_ms
    squares numeric NOT NULL,
    PRIMARY KEY (test_id, level, at, segment, model_id)
);

-- Latencies, likewise, but for the whole life only where ab_exact is too large to keep: log buckets of 1 %, bucket = ceil(ln(ms) * 49.99833328888678), 0 for 0 and 1 ms, 756 for more than an hour.
CREATE TABLE pare.ab_bucket (
    test_id bigint NOT NULL,
    level "char" NOT NULL CHECK (level IN ('m', 'h', 'l')),
    model_id bigint NOT NULL,
    at timestamptz NOT NULL,
    segment int NOT NULL,
    bucket smallint NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (test_id, level, at, segment, model_id, bucket)
);

-- Each latency there was, while they are few: decisions use these.
CREATE TABLE pare.ab_exact (
    test_id bigint NOT NULL,
    segment int NOT NULL,
    model_id bigint NOT NULL,
    latency_ms int NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (test_id, segment, model_id, latency_ms)
);

-- Ratings change after the row is there: counted by blocks of 65536 ids, each counted anew now and then.
CREATE TABLE pare.ab_block (
    block bigint NOT NULL,
    test_id bigint NOT NULL,
    segment int NOT NULL,
    model_id bigint NOT NULL,
    n bigint NOT NULL,
    r1 bigint NOT NULL, r2 bigint NOT NULL, r3 bigint NOT NULL, r4 bigint NOT NULL, r5 bigint NOT NULL,
    odd bigint NOT NULL, -- ratings that are none of 1 to 5
    newest_at timestamptz NOT NULL,
    failed bigint NOT NULL,
    sum numeric NOT NULL, -- of all latencies: with n and failed it tells whether the rows are still those
    PRIMARY KEY (block, test_id, segment, model_id)
);
CREATE INDEX ab_block_test ON pare.ab_block (test_id);

-- The segment of a minute of a test: 0 for one in which the split changed, before its start or after its end.
CREATE FUNCTION pare.ab_segment_of(test_id bigint, minute timestamptz) RETURNS int LANGUAGE sql STABLE AS $fn$
    SELECT CASE WHEN bool_or(s.number > 1 AND date_trunc('minute', s.from_at) = $2) THEN 0
                WHEN $2 < date_trunc('minute', min(s.from_at) FILTER (WHERE s.number = 1)) THEN 0
                WHEN $2 > (SELECT date_trunc('minute', p.ended_at) FROM pare.ab_plan p WHERE p.test_id = $1) THEN 0
                ELSE greatest(count(*) FILTER (WHERE s.from_at <= $2), 1)::int END
      FROM pare.ab_segment s WHERE s.test_id = $1
$fn$;

-- SHA-256 of "test:salt:unit", the first seven bytes, modulo 10000: the same in every client.
CREATE FUNCTION pare.ab_bucket_of(test_id bigint, salt text, unit text) RETURNS int
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $fn$
    SELECT (('x' || encode(substring(sha256(convert_to($1 || ':' || $2 || ':' || $3, 'UTF8')) FROM 1 FOR 7), 'hex'))::bit(56)::bigint
            % 10000)::int
$fn$;

-- The arm of a unit (a user, a session, a request), and its version. While the test runs: A when its bucket is below
-- the split. Before: A. Afterwards: the arm that was promoted or that all was sent to, else A.
CREATE FUNCTION pare.ab_assign(test_id bigint, unit text, OUT arm text, OUT model_id bigint)
LANGUAGE plpgsql STABLE AS $fn$
DECLARE
    t record;
    share int;
BEGIN
    IF unit IS NULL THEN
        RAISE EXCEPTION 'ab_assign: the unit is NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    SELECT s.model_a_id, s.model_b_id, s.traffic_split, s.status, s.start_time, s.end_time INTO t
      FROM model_ab_tests s WHERE s.id = ab_assign.test_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'ab_assign: there is no test %', coalesce(test_id::text, 'NULL') USING ERRCODE = 'no_data_found';
    END IF;
    IF coalesce(t.status, 'running') = 'running' AND coalesce(t.start_time, '-infinity') <= now()
       AND coalesce(t.end_time, 'infinity') > now() THEN
        share := round(10000 * least(greatest(coalesce(t.traffic_split, 0.5), 0), 1));
        arm := CASE WHEN pare.ab_bucket_of(test_id, coalesce((SELECT p.salt FROM pare.ab_plan p WHERE p.test_id = ab_assign.test_id), '1'),
                                           unit) < share THEN 'A' ELSE 'B' END;
    ELSE
        arm := coalesce((SELECT e.arm FROM pare.ab_event e WHERE e.test_id = ab_assign.test_id AND e.arm IS NOT NULL
                            AND e.at >= coalesce((SELECT p.at FROM pare.ab_plan p WHERE p.test_id = e.test_id), '-infinity')
                          ORDER BY e.id DESC LIMIT 1), 'A');
    END IF;
    model_id := CASE arm WHEN 'A' THEN t.model_a_id ELSE t.model_b_id END;
END
$fn$;

-- One result. A request that failed, or ran out of time, is one too: ok => false.
CREATE FUNCTION pare.ab_record(test_id bigint, model_id bigint, latency_ms int, query text DEFAULT NULL, response text DEFAULT NULL,
                               request_id uuid DEFAULT NULL, user_feedback int DEFAULT NULL, ok boolean DEFAULT true)
RETURNS bigint LANGUAGE plpgsql AS $fn$
DECLARE
    made bigint;
BEGIN
    IF user_feedback NOT BETWEEN 1 AND 5 THEN
        RAISE EXCEPTION 'ab_record: user_feedback is %, expected 1 to 5', user_feedback USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO model_test_results (test_id, model_id, request_id, query, response, latency_ms, user_feedback)
    VALUES (ab_record.test_id, ab_record.model_id, coalesce(ab_record.request_id, gen_random_uuid()), ab_record.query,
            CASE WHEN ok THEN coalesce(ab_record.response, '') END, ab_record.latency_ms, ab_record.user_feedback)
    RETURNING id INTO made;
    RETURN made;
END
$fn$;

-- A router tells how many requests it has sent to an arm since it last told.
CREATE FUNCTION pare.ab_sent(test_id bigint, arm text, n bigint) RETURNS void LANGUAGE sql AS $fn$
    INSERT INTO pare.ab_assigned AS a VALUES ($1, upper($2), date_trunc('minute', now()), $3)
    ON CONFLICT ON CONSTRAINT ab_assigned_pkey DO UPDATE SET n = a.n + excluded.n
$fn$;
