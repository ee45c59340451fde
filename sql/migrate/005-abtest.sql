-- Results of any id are rolled up, and requests are routed where the users have dropped a column of their tests.

-- Below the smallest id there may be, and the block below its block: what somebody imports may have ids below 0. Where
-- results are rolled up already, the rotation finds those.
ALTER TABLE pare.ab_mark ALTER COLUMN id SET DEFAULT -9223372036854775808;
ALTER TABLE pare.ab_mark ALTER COLUMN checked_block SET DEFAULT -140737488355329;
UPDATE pare.ab_mark SET id = DEFAULT, checked_block = DEFAULT WHERE id = 0;

-- Where requests of a test go now. While it runs units whose bucket is below the cut, of 10000, go to A, the others to B.
-- Before: all to A. Afterwards: all to the arm that was promoted or that all was sent to, else A.
CREATE FUNCTION pare.ab_route_of(test_id bigint, OUT runs boolean, OUT cut int, OUT all_to text, OUT a_id bigint, OUT b_id bigint)
LANGUAGE plpgsql STABLE AS $fn$
BEGIN
    SELECT t.status = 'running' AND coalesce(t.start_at, '-infinity') <= now() AND coalesce(t.end_at, 'infinity') > now(),
           round(10000 * least(greatest(coalesce(t.split, 0.5), 0), 1)), t.a_id, t.b_id INTO runs, cut, a_id, b_id
      FROM (SELECT NULL::bigint AS model_a_id, NULL::bigint AS model_b_id, NULL::numeric AS traffic_split,
                   NULL::timestamptz AS start_time, NULL::timestamptz AS end_time, NULL::text AS status) absent
     CROSS JOIN LATERAL (SELECT model_a_id::bigint AS a_id, model_b_id::bigint AS b_id, traffic_split::numeric AS split,
                                start_time::timestamptz AS start_at, end_time::timestamptz AS end_at,
                                coalesce(status::text, 'running') AS status
                           FROM model_ab_tests WHERE id = ab_route_of.test_id) t;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no test %', coalesce(test_id::text, 'NULL') USING ERRCODE = 'no_data_found';
    END IF;
    IF NOT runs THEN
        all_to := coalesce((SELECT e.arm FROM pare.ab_event e WHERE e.test_id = ab_route_of.test_id AND e.arm IS NOT NULL
                               AND e.at >= coalesce((SELECT p.at FROM pare.ab_plan p WHERE p.test_id = e.test_id), '-infinity')
                             ORDER BY e.id DESC LIMIT 1), 'A');
    END IF;
END
$fn$;

-- The arm of a unit (a user, a session, a request), and its version.
CREATE OR REPLACE FUNCTION pare.ab_assign(test_id bigint, unit text, OUT arm text, OUT model_id bigint)
LANGUAGE plpgsql STABLE AS $fn$
DECLARE
    r record;
BEGIN
    IF unit IS NULL THEN
        RAISE EXCEPTION 'ab_assign: the unit is NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    SELECT * INTO r FROM pare.ab_route_of(ab_assign.test_id);
    arm := CASE WHEN NOT r.runs THEN r.all_to
                WHEN pare.ab_bucket_of(test_id, coalesce((SELECT p.salt FROM pare.ab_plan p WHERE p.test_id = ab_assign.test_id), '1'),
                                       unit) < r.cut THEN 'A'
                ELSE 'B' END;
    model_id := CASE arm WHEN 'A' THEN r.a_id ELSE r.b_id END;
END
$fn$;

-- The same as it was, in a language that keeps its plan from one step of the roll-up to the next.
CREATE OR REPLACE FUNCTION pare.ab_segment_of(test_id bigint, minute timestamptz) RETURNS int LANGUAGE plpgsql STABLE AS $fn$
BEGIN
    RETURN (SELECT CASE WHEN bool_or(s.number > 1 AND date_trunc('minute', s.from_at) = $2) THEN 0
                        WHEN $2 < date_trunc('minute', min(s.from_at) FILTER (WHERE s.number = 1)) THEN 0
                        WHEN $2 > (SELECT date_trunc('minute', p.ended_at) FROM pare.ab_plan p WHERE p.test_id = $1) THEN 0
                        ELSE greatest(count(*) FILTER (WHERE s.from_at <= $2), 1)::int END
              FROM pare.ab_segment s WHERE s.test_id = $1);
END
$fn$;
