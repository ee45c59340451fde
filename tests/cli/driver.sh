# What the scripts beside this one share: a throwaway PostgreSQL that a script runs itself under
# (server_options: what tests/with-postgres takes), a work folder, TAP. Sourced, not run.
set -u
top=${top_srcdir:-.}
if [ -z "${PARE_TEST_SERVER:-}" ]; then
    export PARE_TEST_SERVER=yes
    exec "$top/tests/with-postgres" ${server_options:-} sh "$0" "$@"
fi
pare=${PARE:-${top_builddir:-.}/pare}
work=$(mktemp -d /tmp/pare-cli.XXXXXX)
export PARE_USER=tester LC_ALL=C.UTF-8 TZ=UTC
unset PARE_DB PGTZ PGSERVICE PGSERVICEFILE
got=0
. "$top/tests/tap.sh"
: >"$work/said"
trap 'rm -rf "$work"' EXIT

finish() {
    ok 'no memory error, no leak, no undefined behaviour was reported' \
        no grep -qE 'Sanitizer|runtime error:' "$work/said"
    grep -E 'Sanitizer|runtime error:|^    #[0-9] ' "$work/said" | head -20 | sed 's/^/# /'
    plan_done
}

# ---- pare ----

run() { # arguments: stdout in out, stderr in err, the exit code in $got
    "$pare" "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    cat "$work/err" >>"$work/said"
}
code() { # exit code wanted, words, arguments...
    wanted=$1 words=$2
    shift 2
    run "$@"
    is "$words" "$got" "$wanted"
}
says() { # words, pattern in what the last run said on stderr
    ok "$1" grep -qE -e "$2" "$work/err"
}
prints() { # words, pattern in what it printed on stdout
    ok "$1" grep -qE -e "$2" "$work/out"
    grep -qE -e "$2" "$work/out" || head -5 "$work/out" | sed 's/^/# /'
}
is_silent() { # words: nothing on stdout
    ok "$1" [ ! -s "$work/out" ]
}
sql() { psql -XAtq -v ON_ERROR_STOP=1 -c "$1"; }
must() { # arguments: set-up that has to succeed
    run "$@"
    [ "$got" = 0 ] || { echo "Bail out! pare $* exits $got: $(cat "$work/err")"; exit 1; }
}
default_of() { # name: what the database says
    sql "SELECT version FROM pare.default_model('$1')"
}
new_database() { # name; registers nothing
    sql "CREATE DATABASE $1" && export PGDATABASE="$1"
}
bytes() { # how many, where to: other bytes each time
    head -c "$1" /dev/urandom >"$2"
}
sha() { sha256sum "$1" | cut -d' ' -f1; }

# A file of stdout as python reads it: `reads json 'len(rows) == 2'`, rows being a list of dicts.
reads() { # words, json|csv|tsv, expression over rows
    ok "$1" python3 - "$2" "$3" "$work/out" <<'END'
import csv, json, sys
kind, expression, path = sys.argv[1:]
with open(path, encoding='utf-8', newline='') as f:
    if kind == 'json':
        def unique(pairs):
            assert len(dict(pairs)) == len(pairs), 'a key comes twice'
            return dict(pairs)
        rows = json.load(f, object_pairs_hook=unique,
                         parse_int=lambda digits: int(digits) if len(digits) < 400 else float(digits))
    elif kind == 'csv':
        rows = list(csv.DictReader(f, strict=True))
    else:
        lines = [line.split('\t') for line in f.read().split('\n')[:-1]]
        rows = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
sys.exit(0 if eval('(' + expression + ')') else print('# rows:', str(rows)[:1500]) or 1)
END
}
