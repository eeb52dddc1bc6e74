# What all parts of tools/openstack share: places, ports, who may log in.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the parts share their variables

parts=$repo/tools/openstack.d
# Not in the repository: users "nova" and "libvirt-qemu" have to get there,
# whatever the modes above the repository are. On a real disk's file system.
state=${SNAPDRIVER_OPENSTACK:-/var/tmp/snapdriver-openstack}
stack_venv=$state/venv
etc=$state/etc
log=$state/log
run=$state/run
# The compute host's own: its /etc, libvirt's directories, the instances.
host_root=$state/host
instances=$state/nova/instances

compute_driver=${COMPUTE_DRIVER:-snapdriver.SnapshotLibvirtDriver}
nova_backend=${NOVA_BACKEND:-threading}
case $nova_backend in
    threading | eventlet) ;;
    *) die "NOVA_BACKEND must be threading or eventlet" ;;
esac

# None of them is a standard port, nor one that the kernel gives to clients.
address=127.0.0.1
port_keystone=17001
port_glance=17002
port_placement=17003
port_nova=17004
port_neutron=17005
port_mariadb=17006
port_rabbit=17007
port_rabbit_cluster=17008
port_epmd=17009
port_volumes=17010

auth_url=http://$address:$port_keystone/v3
# Everybody's; it all listens on the loopback interface only.
password=snapdriver
compute_host=snapdriver-compute

make_directories() {
    umask 022
    mkdir -p "$etc"/{keystone,glance,placement,neutron,nova,rabbit} "$log" "$run" \
        "$state"/glance/{images,staging,tasks} "$state"/{neutron,nova-api}/lock \
        "$state"/volumes
    chmod 0755 "$state"
}

# clients CLOUD: this process's "openstack" and openstacksdk talk to our cloud.
clients() {
    local name
    for name in "${!OS_@}"; do unset "$name"; done
    export OS_CLIENT_CONFIG_FILE=$state/clouds.yaml OS_CLOUD=$1
}

# render TEMPLATE FILE: fills in @name@ from the variable of that name.
render() {
    local text name
    text=$(< "$parts/templates/$1")
    for name in state log etc instances stack_venv address password auth_url \
        port_keystone port_glance port_placement port_nova port_neutron \
        port_mariadb port_rabbit compute_host compute_driver nova_backend; do
        text=${text//"@$name@"/"${!name}"}
    done
    printf '%s\n' "$text" > "$2"
}
