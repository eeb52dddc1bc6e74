# A host with libvirt and without Nova.
# shellcheck shell=bash
# shellcheck disable=SC2016 # expanded in the system
# shellcheck disable=SC2034,SC2154 # the parts share their variables

guide_host() {
    walk install/packages.rst Packages
    clone
    walk install/packages.rst snapdriver
    put /etc/snapdriver/snapdriver.conf \
        "$(text install/packages.rst 'The configuration file' '' ini)"
    check '/opt/snapdriver/bin/oslo-config-validator --namespace snapdriver --namespace oslo.log \
        --input-file /etc/snapdriver/snapdriver.conf'
    start_libvirt
    define_guest web 5b8e4f0a-31c7-4d52-9a6e-0c2f7d91b3e4 /var/lib/libvirt/images web.qcow2
    let_be DOMAIN=web
    walk install/packages.rst 'Trying it'
    follow_tutorial
    follow_sudo
    upgrade_host
    leave_host
}

follow_tutorial() {
    # The safety snapshot's name is the time.
    let_be 'safety-1795554210=$(snapdriver snapshot list web -f value -c name | grep ^safety-)'
    walk user/tutorial.rst
    check 'qemu-img check /var/lib/libvirt/images/web.qcow2'
    check 'test "$(ls /var/lib/libvirt/images | xargs)" = "snapdriver web.qcow2"'
}

# The owner of a directory takes a snapshot, by the helper that sudo starts.
follow_sudo() {
    local directory=/var/lib/nova/instances/0c7f2a6d-2f1b-4e0e-9f3d-6f3f0a7f1b11
    given 'useradd --system --create-home --home-dir /var/lib/nova --shell /bin/bash nova'
    walk install/privileges.rst 'Who runs it'
    after['apt install sudo']=write_sudo_files
    walk install/privileges.rst 'By sudo'
    check 'visudo -cf /etc/sudoers.d/snapdriver && visudo -c'
    given "chmod 0755 /var/lib/nova; install -d -o nova -g nova /var/lib/nova/instances $directory"
    define_guest owned 0c7f2a6d-2f1b-4e0e-9f3d-6f3f0a7f1b11 "$directory" disk
    check_as_nova owned
}

write_sudo_files() {
    put /etc/snapdriver/snapdriver.conf "$(text install/privileges.rst 'By sudo' '' ini)"
    put /etc/sudoers.d/snapdriver "$(text install/privileges.rst 'By sudo' '' none)"
}

# check_as_nova DOMAIN: nova takes a snapshot, and goes back to it; the files are
# QEMU's.
check_as_nova() {
    local as_nova='setpriv --reuid nova --regid nova --init-groups env HOME=/var/lib/nova USER=nova'
    check "$as_nova snapdriver snapshot list $1"
    check "$as_nova snapdriver snapshot create $1 by-nova"
    check "$as_nova snapdriver snapshot revert $1 by-nova"
    check "$as_nova snapdriver domain check $1 -f value"
}

upgrade_host() {
    given "export PBR_VERSION=$new_version"
    walk admin/upgrade.rst '' 'Without Nova'
    check 'snapdriver --version'
    says "$new_version"
    check 'snapdriver domain check owned && snapdriver domain check web'
}

leave_host() {
    local owned=/var/lib/nova/instances
    given 'snapdriver snapshot delete owned --all && virsh destroy owned &&
        snapdriver domain settle owned && virsh undefine owned'
    given "rm -rf $owned"
    given 'virsh start web'
    wait_for_guest web
    given 'snapdriver snapshot create web last'
    after['virsh shutdown web']=wait_until_off
    walk admin/uninstall.rst 'Without Nova'
    check 'qemu-img check /var/lib/libvirt/images/web.qcow2'
    nothing_is_left
}

wait_until_off() { poll 30 guest_is_off web || die "web does not switch off"; }
