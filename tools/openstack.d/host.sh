# The compute host: mount, process, IPC and UTS namespaces, in which libvirtd,
# QEMU and nova-compute find users, an /etc and libvirt's directories of their
# own. The machine, and the functional tests' sandboxes, see nothing of it. The
# network is the machine's.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the parts share their variables

# The namespaces' first process; all in them end with it.
start_host() {
    ! alive host || return 0
    say "starting libvirt on the compute host"
    start_child host unshare --mount --pid --ipc --uts --mount-proc --propagation private \
        --fork --kill-child bash "$parts/host-init" "$state" "$instances" \
        "$compute_host" "$stack_venv"
    wait_for 60 host on_host virsh version
}

# The way it goes in a power cut.
stop_host() {
    local number
    ! number=$(pid host) || kill -KILL "$number"
    while alive host; do sleep 0.1; done
    rm -f "$run"/{host,nova-compute}.pid
}

# start_child NAME COMMAND...: a daemon that is COMMAND's child, not COMMAND.
start_child() {
    local name=$1 parent child=""
    shift
    setsid nohup "$@" >> "$log/$name.log" 2>&1 < /dev/null {up_lock}>&- &
    parent=$!
    disown $parent
    while [ -z "$child" ]; do
        read -r child _ < /proc/$parent/task/$parent/children ||
            [ -d /proc/$parent ] || die "$name did not start; see $log/$name.log"
    done 2> /dev/null
    remember "$name" "$child"
}

# on_host COMMAND...: as root.
on_host() { enter root "$@"; }

# enter USER COMMAND...
enter() {
    local -a command
    enter_command "$@"
    "${command[@]}"
}

# start_on_host NAME USER COMMAND...
start_on_host() {
    local -a command
    local name=$1
    shift
    enter_command "$@"
    start_child "$name" "${command[@]}"
}

enter_command() {
    local number user=$1
    shift
    number=$(pid host) || die "the compute host is down; run tools/openstack up"
    command=(nsenter --target "$number" --mount --pid --ipc --uts --
        bash "$parts/host-exec" "$user" "$state" "$stack_venv" "$@")
}
