# Routes and records the requests of A/B test @TEST@. Wants psql, sha256sum, and libpq's environment.
#
#     arm=$(ab_route "$user")                # A or B: the same user, the same arm
#     ab_record "$arm" LATENCY_MS QUERY ANSWER
#     ab_record "$arm" LATENCY_MS QUERY       # it failed, or ran out of time
AB_TEST=@TEST@ AB_SALT=@SALT@ AB_A=@A@ AB_B=@B@

ab_bucket() { # of a unit: 0 to 9999
    hex=$(printf '%s:%s:%s' "$AB_TEST" "$AB_SALT" "$1" | sha256sum | cut -c 1-14)
    echo $((0x$hex % 10000))
}

ab_look() { # the split and whether the test runs: ask it now and then, not for each request
    psql -XAtqc "SELECT (coalesce(status, 'running') = 'running' AND coalesce(start_time, '-infinity') <= now()
        AND coalesce(end_time, 'infinity') > now())::int,
        round(10000 * least(greatest(coalesce(traffic_split, 0.5), 0), 1))::int, (SELECT arm FROM pare.ab_assign(id, ''))
        FROM model_ab_tests WHERE id = $AB_TEST"
}

ab_route() { # UNIT
    [ -n "${ab_seen-}" ] || ab_seen=$(ab_look)
    IFS='|' read -r ab_runs ab_cut ab_all_to <<-END
	$ab_seen
	END
    if [ -z "$ab_cut" ]; then echo A # nobody knows
    elif [ "$ab_runs" = 0 ]; then echo "$ab_all_to"
    elif [ "$(ab_bucket "$1")" -lt "$ab_cut" ]; then echo A
    else echo B; fi
}

ab_record() { # ARM LATENCY_MS QUERY [ANSWER]
    [ "$1" = A ] && ab_model=$AB_A || ab_model=$AB_B
    psql -XAtq -v ON_ERROR_STOP=1 -v model="$ab_model" -v ms="$2" -v query="$3" -v answer="${4-}" -v failed="$(($# < 4))" <<-END
	INSERT INTO model_test_results (test_id, model_id, request_id, query, response, latency_ms) VALUES
	($AB_TEST, :'model', gen_random_uuid(), :'query', CASE WHEN :'failed' = '0' THEN :'answer' END, :'ms');
	END
}
