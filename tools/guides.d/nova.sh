# Nova's compute host: with Debian's packages, or in a virtual environment.
# shellcheck shell=bash
# shellcheck disable=SC2016 # expanded in the system
# shellcheck disable=SC2034,SC2154 # the parts share their variables

instance='instance-00000001'
instance_uuid=7b1f0c1e-3a67-4b0e-8f0d-52a8c1d0a001
set_up='Set it up' install='Install it' page=install/nova.rst

# --- Debian's packages -------------------------------------------------------

guide_nova() {
    given 'apt update'
    given 'apt install nova-compute'
    let_be DOMAIN=$instance
    after['apt install git python3-pip']=clone
    walk $page "$install" -
    walk $page "$install" "Nova from the distribution's packages"
    walk $page 'Does Nova find it?'
    start_libvirt
    set_up_nova
    walk $page "$set_up" '#. Ask'
    start_controller
    start_compute snapdriver.SnapshotLibvirtDriver
    walk admin/index.rst 'The first day'
    use_privileges
    walk admin/index.rst 'Every day'
    upgrade_packages
    leave_nova
}

set_up_nova() {
    walk $page "$set_up" '#. Privileges'
    # In their places "..." and "=" of the package.
    put /etc/nova/nova.conf "$(text $page "$set_up" '#. In ``nova.conf``' ini |
        sed 's|^auth_url = .*|auth_url = http://127.0.0.1:5000/v3|; s|^password = .*|password = secret|')"
    walk $page "$set_up" '#. In ``nova.conf``'
    put /etc/snapdriver/snapdriver.conf "$(text $page "$set_up" '#. For the command' ini)"
    # Without KVM here.
    given "sed -i 's/^virt_type.*/virt_type=qemu/' /etc/nova/nova-compute.conf"
}

# judge_status: what it has said. Worth a look is here, and always: what is true
# of Debian 13's libvirt, and of its Nova.
may_exit['snapdriver-status upgrade check']=1
after['snapdriver-status upgrade check']=judge_status
expected_warnings='libvirt version,Nova release'

# There is no Glance.
may_exit['snapdriver reaper status']=1
after['snapdriver reaper status']=judge_reaper

judge_reaper() { says 'The image service could not be asked'; }

judge_status() {
    local found
    found=$(sed -n 's/ *|$//; s/^| Check: /check /p; s/^| Result: /result /p' "$said" |
        awk '/^check/ { sub("check ", ""); name = $0 }
            /^result/ && !/Success/ { print name }' | paste -sd,)
    printf '        not "Success": %s\n' "$found"
    [ "$found" = "$expected_warnings" ] || { cat "$said" >&2; die "expected: $expected_warnings"; }
}

# --- started -----------------------------------------------------------------

# Before it loads a driver nova-compute waits for a conductor to answer, so there
# is one, of the same packages; and nothing else.
start_controller() {
    given 'apt install rabbitmq-server nova-conductor'
    given 'install -d -o nova -g nova /var/lib/controller'
    put /etc/controller.conf "[DEFAULT]
transport_url = rabbit://guest:guest@127.0.0.1/
state_path = /var/lib/controller
log_file = /var/lib/controller/conductor.log
[database]
connection = sqlite:////var/lib/controller/cell.sqlite
[api_database]
connection = sqlite:////var/lib/controller/api.sqlite
[placement]
auth_type = none
endpoint_override = http://127.0.0.1:8778/
[oslo_concurrency]
lock_path = /var/lib/controller"
    # What a host of a cloud has long before snapdriver comes.
    put /etc/nova/nova.conf "[DEFAULT]
transport_url = rabbit://guest:guest@127.0.0.1/
[placement]
auth_type = none
endpoint_override = http://127.0.0.1:8778/"
    printf '%-7s a message bus, and a conductor\n' start
    export RABBITMQ_NODENAME=rabbit@localhost
    quietly rabbitmq env RABBITMQ_NODENAME=rabbit@localhost \
        /usr/lib/rabbitmq/bin/rabbitmq-server > "$work/$guide/rabbit.log" 2>&1 &
    poll 60 quietly rabbitmq env RABBITMQ_NODENAME=rabbit@localhost \
        rabbitmqctl await_startup || die "RabbitMQ does not start"
    cp "$repo/tools/guides.d/placement.py" "$root/var/lib/controller"
    quietly nova python3 /var/lib/controller/placement.py 8778 > "$work/$guide/placement.log" 2>&1 &
    quietly nova nova-manage --config-file /etc/controller.conf api_db sync
    quietly nova nova-manage --config-file /etc/controller.conf db sync --local_cell
    quietly nova nova-conductor --config-file /etc/controller.conf \
        > "$work/$guide/conductor.log" 2>&1 &
}

# It has initialised its driver, and made a list of what the host has, when it
# misses Placement.
far_enough='resource provider'

# start_compute DRIVER: as Debian starts it, without systemd.
start_compute() {
    local log=$root/var/log/nova/nova-compute.log
    printf '%-7s nova-compute, and expect %s\n' start "$1"
    rm -f "$log"
    quietly root /etc/init.d/nova-compute start > /dev/null
    poll 120 grep -q -e "$far_enough" -e 'Unhandled error' \
        -e 'Error starting thread' "$log" || true
    if ! grep -q "Loading compute driver '$1'" "$log" ||
        ! grep -q "$far_enough" "$log"
    then
        grep -v '^ *<' "$log" | cut -c1-200 | tail -n 60 >&2
        die "nova-compute did not start with $1"
    fi
    grep -m 1 -o "Loading compute driver '$1'" "$log" | sed 's/^/        it says: /'
    # What it cannot reach is told as such; a traceback of ours would be one of
    # this code.
    ! grep -n 'snapdriver/' "$log" | grep 'File ' >&2 || die "snapdriver failed in nova-compute"
}

stop_compute() { quietly root /etc/init.d/nova-compute stop > /dev/null; }

restart_compute() { stop_compute; start_compute "$1"; }

# --- privileges, upgrade, out again ------------------------------------------

use_privileges() {
    local directory=/var/lib/nova/instances/$instance_uuid
    given "install -d -o nova -g nova $directory"
    define_guest $instance $instance_uuid "$directory" disk
    check 'cmp /usr/local/etc/snapdriver/rootwrap.d/snapdriver.filters /etc/nova/rootwrap.d/snapdriver.filters'
    check_as_nova $instance
}

upgrade_packages() {
    given "export PBR_VERSION=$new_version"
    after['apt install git python3-pip']=pull
    walk $page "$install" -
    walk admin/upgrade.rst '' -
    walk admin/upgrade.rst '' "Nova from the distribution's packages"
    check 'snapdriver --version'
    says "$new_version"
    restart_compute snapdriver.SnapshotLibvirtDriver
    walk $page 'Does Nova find it?'
    given 'unset PBR_VERSION'
}

leave_nova() {
    local removal='Take it out'
    put /etc/nova/nova.conf "$(text admin/uninstall.rst "$removal" '#. No new ones' ini)"
    restart_compute snapdriver.SnapshotLibvirtDriver
    walk admin/uninstall.rst "$removal" '#. No new ones'
    walk admin/uninstall.rst "$removal" '#. Delete all'
    check "test -z \"\$(snapdriver snapshot list $instance -f value)\""
    walk admin/uninstall.rst "$removal" '#. What is left'
    given "virsh destroy $instance"
    walk admin/uninstall.rst "$removal" '#. Stop and start'
    check "test -z \"\$(find /var/lib/nova/instances -name '*layer*')\""
    put /etc/nova/nova.conf '[DEFAULT]
compute_driver = libvirt.LibvirtDriver'
    walk admin/uninstall.rst "$removal" '#. In ``nova.conf``'
    restart_compute libvirt.LibvirtDriver
    walk admin/uninstall.rst "$removal" "Nova from the distribution's packages"
    walk admin/uninstall.rst "$removal" '#. Remove what it has written'
    # The reader's own words, as far as they have a section of ours.
    nothing_is_left
    check "python3 -c 'import nova.virt.libvirt.driver'"
    given "virsh start $instance"
    restart_compute libvirt.LibvirtDriver
}

# --- in a virtual environment ------------------------------------------------

# Of the release that tools/openstack has. Nova's user, its configuration and its
# start are whatever has made the environment; they are followed in "nova".
guide_nova_venv() {
    local venv_item='Nova in a virtual environment' removal='Take it out'
    given 'apt update'
    given 'apt install python3-venv'
    given 'python3 -m venv /opt/nova'
    given "/opt/nova/bin/pip install $(grep '^nova==' "$repo/tools/openstack.d/requirements.txt")"
    after['apt install git python3-pip']=clone
    walk $page "$install" -
    # "packages tells what that takes"
    walk install/packages.rst Packages
    walk $page "$install" "$venv_item"
    let_be python3=/opt/nova/bin/python3
    walk $page 'Does Nova find it?'
    values=()
    check 'snapdriver --version'
    given "export PBR_VERSION=$new_version"
    after['apt install git python3-pip']=pull
    walk $page "$install" -
    walk admin/upgrade.rst '' "$venv_item"
    check '/opt/nova/bin/snapdriver --version'
    says "$new_version"
    walk admin/uninstall.rst "$removal" "$venv_item"
    walk admin/uninstall.rst "$removal" '#. Remove what it has written'
    nothing_is_left
    check "/opt/nova/bin/python3 -c 'import nova.virt.libvirt.driver'"
}
