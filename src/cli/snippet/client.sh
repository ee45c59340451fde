# Routes and records the requests of A/B test @TEST@. Wants psql, sha256sum, and libpq's environment before this is sourced.
#
#     arm=$(ab_route "$user")                # A or B: the same user, the same arm
#     ab_record "$arm" LATENCY_MS QUERY ANSWER
#     ab_record "$arm" LATENCY_MS QUERY       # it failed, or ran out of time
#
# The split is asked every AB_EVERY seconds and kept in the file AB_KEPT in between, for every shell of this user. When the
# server does not answer, requests go where they went; when nothing is known, to A.
AB_TEST=@TEST@ AB_SALT=@SALT@ AB_A=@A@ AB_B=@B@
AB_EVERY=${AB_EVERY:-30}
AB_KEPT=${AB_KEPT:-${XDG_CACHE_HOME:-${HOME:-.}/.cache}/pare-ab-$AB_TEST-$(printf '%s\n' "$AB_SALT" "$AB_A" "$AB_B" "${PGHOST-}" \
    "${PGPORT-}" "${PGDATABASE-}" "${PGUSER-}" "${PGSERVICE-}" | cksum | cut -d ' ' -f 1)}

ab_bucket() { # of a unit: 0 to 9999
    hex=$(printf '%s:%s:%s' "$AB_TEST" "$AB_SALT" "$1" | sha256sum | cut -c 1-14)
    echo $((0x$hex % 10000))
}

ab_look() { # whether the test runs, A's share of 10000, where all requests go if it does not
    PGCONNECT_TIMEOUT=${PGCONNECT_TIMEOUT:-5} psql -XAtqc "SELECT runs::int, cut, all_to FROM pare.ab_route_of($AB_TEST)"
}

ab_know() { # sets ab_runs, ab_cut and ab_all_to, asked anew when they are old
    if [ -r "$AB_KEPT" ]; then IFS='|' read -r ab_at ab_runs ab_cut ab_all_to <"$AB_KEPT" || :; fi
    case ${ab_at-} in '' | *[!0-9]*) ab_at=0 ;; esac
    ab_age=$(($(date +%s) - ab_at))
    if [ "$ab_age" -ge 0 ] && [ "$ab_age" -lt "$AB_EVERY" ]; then return; fi
    ab_new=$(ab_look) || ab_new=
    ab_at=$((ab_at + ab_age))
    if [ -n "$ab_new" ]; then
        IFS='|' read -r ab_runs ab_cut ab_all_to <<-END
		$ab_new
		END
    fi
    { mkdir -p "$(dirname "$AB_KEPT")" && echo "$ab_at|${ab_runs-}|${ab_cut-}|${ab_all_to-}" >"$AB_KEPT.$$" &&
        mv "$AB_KEPT.$$" "$AB_KEPT"; } 2>/dev/null || :
}

ab_route() { # UNIT
    ab_know
    if [ -z "${ab_cut-}" ]; then echo A
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
