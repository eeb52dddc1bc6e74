# nova-compute, on the compute host, as user nova.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the parts share their variables

# write_compute_conf [SECTION.KEY=VALUE...]: one file, as the filters of
# Nova's own packages allow the privileged helper no second one. In a section
# that comes twice the last value of an option is what counts.
write_compute_conf() {
    local option file=$host_root/etc/nova/nova.conf
    render nova-compute.conf "$file.new"
    for option; do
        [[ $option =~ ^([^.=]+)\.([^=]+)=(.*)$ ]] || die "not SECTION.KEY=VALUE: $option"
        printf '[%s]\n%s = %s\n' "${BASH_REMATCH[@]:1:3}"
    done >> "$file.new"
    # It holds a password.
    chmod 0640 "$file.new"
    on_host chgrp nova /etc/nova/nova.conf.new
    # Since the daemon was started, is anything different?
    if cmp -s "$file.new" "$file"; then
        rm "$file.new"
    else
        mv "$file.new" "$file"
        touch "$run/compute.new"
    fi
    # What an administrator does after pip install.
    cmp -s "$stack_venv"/etc/snapdriver/rootwrap.d/snapdriver.filters \
        "$host_root"/etc/nova/rootwrap.d/snapdriver.filters || {
        cp "$stack_venv"/etc/snapdriver/rootwrap.d/* "$host_root/etc/nova/rootwrap.d/"
        touch "$run/compute.new"
    }
    # So that the command finds the instances, and its helper, when nova runs it.
    cat > "$host_root/etc/snapdriver/snapdriver.conf" << END
[snapdriver]
instances_path = $instances
host = $compute_host
[snapdriver_privsep]
helper_command = sudo nova-rootwrap /etc/nova/rootwrap.conf privsep-helper
END
}

start_compute() {
    ! alive nova-compute || return 0
    rm -f "$stack_venv.new" "$run/compute.new"
    say "starting nova-compute ($compute_driver, $nova_backend)"
    touch "$log/nova-compute.log"
    stat -c %s "$log/nova-compute.log" > "$run/compute.begin"
    start_on_host nova-compute nova nova-compute --config-file /etc/nova/nova.conf
}

# compute_is_ready: it takes requests; the API's "up" may be the last one's.
compute_is_ready() {
    # Not "grep -q": it would end before tail does, which then fails.
    tail -c +$(($(cat "$run/compute.begin") + 1)) "$log/nova-compute.log" |
        grep 'Join ServiceGroup membership' > /dev/null && compute_is_up
}

compute_is_up() {
    (clients admin && "$stack_venv/bin/python" "$parts/compute_is_up.py" "$compute_host")
}

wait_for_compute() {
    # Nova's own services look for new hosts too rarely.
    if [ ! -e "$state/mapped.done" ]; then
        wait_for 120 nova-compute compute_is_known
        "$stack_venv/bin/nova-manage" --config-file "$etc/nova/nova.conf" \
            cell_v2 discover_hosts >> "$log/discover_hosts.log" 2>&1 ||
            die "the compute host was not found; see $log/discover_hosts.log"
        touch "$state/mapped.done"
    fi
    wait_for 120 nova-compute compute_is_ready
}

compute_is_known() {
    sql -N -e 'select count(*) from nova.compute_nodes where deleted = 0' | grep -qx '[1-9].*'
}

restart_compute() { # [SECTION.KEY=VALUE...]
    stop 20 nova-compute
    write_compute_conf "$@"
    start_compute
    wait_for_compute
}
