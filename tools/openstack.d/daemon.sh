# Daemons that outlive tools/openstack, known by $run/NAME.pid.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the parts share their variables

# A pid file holds "PID STARTTIME", so that a stale one is never taken for
# whoever has the PID now.
started_at() { awk '{ sub(/^.*\) /, ""); if ($1 != "Z") print $20 }' "/proc/$1/stat" 2> /dev/null; }

# pid NAME: of a daemon that runs.
pid() {
    local number time
    [ -s "$run/$1.pid" ] && read -r number time < "$run/$1.pid" || return 1
    [ -n "$time" ] && [ "$(started_at "$number")" = "$time" ] || return 1
    echo "$number"
}

alive() { pid "$1" > /dev/null; }

remember() { echo "$2 $(started_at "$2")" > "$run/$1.pid"; }

# start NAME COMMAND...: log in $log/NAME.log; nothing if it runs.
start() {
    local name=$1
    shift
    ! alive "$name" || return 0
    setsid nohup "$@" >> "$log/$name.log" 2>&1 < /dev/null {up_lock}>&- &
    remember "$name" $!
    disown $!
}

# stop SECONDS NAME...: all at once; those that have not gone by then are killed.
stop() {
    local name number until=$((SECONDS + $1))
    shift
    for name; do
        ! number=$(pid "$name") || kill "$number" 2> /dev/null || true
    done
    for name; do
        while alive "$name" && [ $SECONDS -lt $until ]; do sleep 0.1; done
        ! number=$(pid "$name") || kill -KILL "$number" 2> /dev/null || true
        rm -f "$run/$name.pid"
    done
}

# wait_for SECONDS NAME COMMAND...: until COMMAND succeeds. NAME is the daemon
# that it waits for; if that has died there is nothing to wait for.
wait_for() {
    local until=$((SECONDS + $1)) name=$2
    shift 2
    until "$@" > /dev/null 2>&1; do
        alive "$name" || die "$name has died; see $log/$name.log"
        [ $SECONDS -lt $until ] || die "$name does not answer; see $log/$name.log"
        sleep 0.2
    done
}

listens() { (exec 3<> "/dev/tcp/$address/$1") 2> /dev/null; }
answers() { curl -s -o /dev/null --max-time 5 "http://$address:$1/"; }
