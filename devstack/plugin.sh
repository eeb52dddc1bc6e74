#!/bin/bash
#
# devstack/plugin.sh - DevStack plugin that makes snapdriver Nova's driver
#
# On every host: the package, for the tenant's commands. On a host with n-cpu: the
# driver, its privileges, its configuration. On a host with g-api: the definitions
# of its image properties. There is no service to start: the driver lives in
# nova-compute.

# Save trace setting
_XTRACE_SNAPDRIVER=$(set +o | grep xtrace)
set +o xtrace

# Where Nova looks for drivers: in its own package, which DevStack leaves in its
# clone.
function _snapdriver_shim {
    echo "$NOVA_DIR/nova/virt/snapdriver"
}

# What the user types, if it has to be linked: it is in no user's PATH when
# DevStack has installed it into its virtual environment.
function _snapdriver_links {
    if [[ "$NOVA_BIN_DIR" != "$SNAPDRIVER_LINKS_DIR" ]]; then
        echo snapdriver snapdriver-status
    fi
}

# install_snapdriver - the package, which "openstack" takes its commands from
function install_snapdriver {
    setup_develop "$SNAPDRIVER_DIR"
}

# install_snapdriver_driver - our package within Nova's, and the commands
function install_snapdriver_driver {
    local command
    ln -sfn "$SNAPDRIVER_DIR/nova/virt/snapdriver" "$(_snapdriver_shim)"
    for command in $(_snapdriver_links); do
        sudo ln -sf "$NOVA_BIN_DIR/$command" "$SNAPDRIVER_LINKS_DIR"
    done
}

# install_snapdriver_metadefs - before init_glance loads what lies there
function install_snapdriver_metadefs {
    cp -p "$SNAPDRIVER_DIR"/etc/snapdriver/metadefs/*.json "$GLANCE_METADEF_DIR"
}

# configure_snapdriver - nova.conf, which nova-cpu.conf is made from, the filter
# of the privileged helper, and the command's own file
function configure_snapdriver {
    # It writes nova.conf at the same time; what one writes, the other might undo.
    async_wait configure_neutron_nova

    iniset "$NOVA_CONF" DEFAULT compute_driver snapdriver.SnapshotLibvirtDriver
    iniset "$NOVA_CONF" libvirt images_type qcow2
    if [[ -n "$SNAPDRIVER_DEFAULT_KIND" ]]; then
        iniset "$NOVA_CONF" snapdriver default_kind "$SNAPDRIVER_DEFAULT_KIND"
    fi
    if [[ -n "$SNAPDRIVER_IMAGE_PAYLOAD" ]]; then
        iniset "$NOVA_CONF" snapdriver image_payload "$SNAPDRIVER_IMAGE_PAYLOAD"
    fi
    # The reaper asks Glance by these; DevStack's user "nova" is an admin.
    if [[ -z "$(iniget "$NOVA_CONF" service_user auth_type)" ]]; then
        configure_keystoneauth "$NOVA_CONF" nova service_user
    fi

    sudo install -o root -g root -m 644 \
        "$SNAPDRIVER_DIR/etc/snapdriver/rootwrap.d/snapdriver.filters" \
        "$NOVA_CONF_DIR/rootwrap.d"

    sudo install -d -o "$STACK_USER" "$SNAPDRIVER_CONF_DIR"
    iniset "$SNAPDRIVER_CONF" snapdriver instances_path "$NOVA_INSTANCES_PATH"
    iniset "$SNAPDRIVER_CONF" snapdriver_privsep helper_command \
        "sudo nova-rootwrap $NOVA_CONF_DIR/rootwrap.conf privsep-helper"
}

# check_snapdriver - reads what nova-compute has read, and tells what is not as it
# should be; that is no reason to stop here
function check_snapdriver {
    # Not "||": warn returns the code that it finds, and stack.sh would end here.
    if ! "$NOVA_BIN_DIR/snapdriver-status" --config-file "$SNAPDRIVER_CONF" \
            --config-file "$NOVA_CPU_CONF" upgrade check; then
        warn $LINENO "snapdriver-status has something to say"
    fi
}

# forget_snapshots - libvirt undefines no domain of which it lists snapshots, and
# DevStack undefines them all and removes their files, by unstack.sh already
function forget_snapshots {
    local domain snapshot
    for domain in $(sudo virsh list --all --name |
            grep "^$INSTANCE_NAME_PREFIX"); do
        for snapshot in $(sudo virsh snapshot-list "$domain" --name); do
            sudo virsh snapshot-delete "$domain" "$snapshot" --metadata
        done
    done
}

# cleanup_snapdriver - what lies outside of our clone
function cleanup_snapdriver {
    local command
    rm -f "$(_snapdriver_shim)"
    for command in $(_snapdriver_links); do
        sudo rm -f "$SNAPDRIVER_LINKS_DIR/$command"
    done
    sudo rm -f "$NOVA_CONF_DIR/rootwrap.d/snapdriver.filters"
    sudo rm -rf "$SNAPDRIVER_CONF_DIR"
}

case "$1 ${2:-}" in
    "stack install")
        echo_summary "Installing snapdriver"
        install_snapdriver
        if is_service_enabled n-cpu; then
            install_snapdriver_driver
        fi
        if is_service_enabled g-api; then
            install_snapdriver_metadefs
        fi
        ;;
    "stack post-config")
        if is_service_enabled n-cpu; then
            echo_summary "Configuring snapdriver"
            configure_snapdriver
        fi
        ;;
    "stack extra")
        if is_service_enabled n-cpu; then
            echo_summary "Checking snapdriver"
            check_snapdriver
        fi
        ;;
    # Nothing to start before Nova, and nothing that Tempest has to know.
    "stack pre-install" | "stack test-config") ;;
    # clean.sh runs unstack.sh first.
    "unstack "*)
        if is_service_enabled n-cpu; then
            forget_snapshots
        fi
        ;;
    "clean "*)
        if is_service_enabled n-cpu; then
            cleanup_snapdriver
        fi
        ;;
esac

# Restore xtrace
$_XTRACE_SNAPDRIVER
