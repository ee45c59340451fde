# What the scripts beside this one share: a work folder, identities to run drive as, TAP, waiting
# with a deadline, and an end that stops every server they started. Sourced, not run.
set -u
umask 022 # the identities below are others
work=$(mktemp -d /tmp/pare-ct.XXXXXX)
chmod 755 "$work"
. "${top_srcdir:-.}/tests/tap.sh"
idle=60 more='' run='' homes='' users='' pids=''
if [ "$(id -u)" = 0 ]; then root=yes; else root=''; fi

has() { grep -q -e "$1" "$2"; } # pattern, file

# Until the command succeeds, looked at 20 times a second; false after the seconds.
within() { # seconds, command...
    deadline=$(($(date +%s) + $1))
    shift
    until "$@"; do
        [ "$(date +%s)" -le $deadline ] || return 1
        sleep 0.05
    done
}

# kill -9, but never 0 or nothing: that would be everybody in the process group, make included.
kill9() { case $1 in '' | 0 | 1 | *[!0-9]*) return 1 ;; *) kill -9 "$1" ;; esac; }

# ---- identities ----

make_user() { # a new user of this machine, whose name goes into the variable $1; for root only
    new=pare-$1-$$
    useradd --system --no-create-home --home-dir "$work" --shell /bin/sh "$new" || exit 99
    users="$users $new"
    eval "$1=\$new"
}
# With a home, PARE_IDLE_SECONDS, what $more says, and nothing else in the environment.
as() { # who, home, command...
    as_who=$1 as_home=$2
    shift 2
    set -- env -i PATH="$PATH" HOME="$as_home" PARE_IDLE_SECONDS="$idle" $more "$@"
    if [ "$root" ] && [ "$as_who" != root ]; then
        set -- setpriv --reuid "$as_who" --regid "$as_who" --clear-groups "$@"
    fi
    $run "$@"
}
# A command in the background whose pid is in $pid, and which ends with the test at the latest.
begin() {
    (run=exec && as "$who" "$home" "$@" >/dev/null 2>&1 </dev/null) &
    pid=$!
    pids="$pids $pid"
}
# Who the calls below are made as from now on, with a home of its own that goes in the end.
become() { # who, home
    who=$1 home=$2
    if [ ! -d "$home" ]; then
        mkdir -p "$home"
        [ "$who" = "$(id -un)" ] || chown "$who" "$home"
    fi
    homes="$homes$who $home
"
}
drive() { as "$who" "$home" "$work/drive" "$@" 2>"$work/err"; }
status() { as "$who" "$home" "$work/drive" status 2>/dev/null | sed -n "s/^$1=//p"; }
running() { [ "$(status running)" = 1 ]; }
stopped() { [ "$(status running)" = 0 ] && [ "$(status kept)" = 0 ]; }
keeper() { # its pid: who has the lock's file open
    lock=$(status folder)/lock
    for fd in $(find /proc/[0-9]*/fd -lname "$lock" 2>/dev/null); do
        pid=${fd#/proc/}
        echo "${pid%%/*}"
        return
    done
}
uri() { as "$who" "$home" "$work/drive" uri; }
sql() { as "$who" "$home" psql -XAtq -v ON_ERROR_STOP=1 "$(uri)" -c "$1" 2>"$work/err"; }

# ---- the end ----

finish() {
    code=$?
    trap - EXIT
    for pid in $pids; do kill "$pid" 2>/dev/null; done
    wait
    while read -r who home; do
        [ -n "$who" ] || continue
        drive stop >/dev/null
        for made in "$(status folder)" "$(status socket)"; do
            case $made in /tmp/pare-?* | /var/lib/pare/?*) rm -rf "$made" ;; esac
        done
    done <<END
$homes
END
    ! mountpoint -q "$work/disk" || umount "$work/disk"
    rm -rf "$work"
    for name in $users; do userdel "$name" 2>/dev/null; done
    [ $code = 0 ] || exit $code
    plan_done
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
cp "${top_builddir:-.}/tests/cluster/drive" "$work/drive" || exit 99
