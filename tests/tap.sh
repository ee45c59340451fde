# TAP for scripts, as tap.h is for programs: they say what is so, and plan_done() ends them.
# Sourced by the drivers; what a failed command said is looked for in $work/err.
count=0 failed=0

ok() { # words, command...
    count=$((count + 1)) words=$1
    shift
    if "$@"; then
        echo "ok $count - $words"
    else
        failed=1
        echo "not ok $count - $words"
        [ ! -s "$work/err" ] || sed 's/^/# said: /' "$work/err"
    fi
}
is() { # words, got, wanted
    ok "$1" [ "$2" = "$3" ]
    [ "$2" = "$3" ] || printf '%s\n--\n%s\n' "$2" "$3" | sed 's/^/# /'
}
skip() { # words, why
    count=$((count + 1))
    echo "ok $count - $1 # SKIP $2"
}
no() { ! "$@"; }
plan_done() {
    echo "1..$count"
    exit $failed
}
