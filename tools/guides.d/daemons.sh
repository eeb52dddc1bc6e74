# What systemd starts on a real host.
# shellcheck shell=bash
# shellcheck disable=SC2016 # expanded in the system
# shellcheck disable=SC2034,SC2154 # the parts share their variables

# quietly USER COMMAND...: in the daemons' network.
quietly() { (
    # in_system's chroot follows into that network.
    user=$1
    shift
    export -f in_system
    nsenter --net="$quiet" bash -c 'declare -a pip_settings; root=$1; shift; in_system "$@"' \
        bash "$root" "$user" "$@"
); }

# poll SECONDS COMMAND...: until it succeeds.
poll() {
    local end=$((SECONDS + $1))
    shift
    until "$@" > /dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.5 # there is nothing to wait on but the answer
    done
}

# Without systemd there are no cgroups for guests; in a namespace libvirt cannot
# make another one; there is no security module for a chroot; and what asks polkit
# on a real host, whether a user is in the group, the socket's mode does here.
start_libvirt() {
    printf '%-7s libvirtd\n' start
    cat >> "$root/etc/libvirt/qemu.conf" << 'END'
security_driver = "none"
cgroup_controllers = []
namespaces = []
END
    cat >> "$root/etc/libvirt/libvirtd.conf" << 'END'
unix_sock_group = "libvirt"
unix_sock_rw_perms = "0770"
auth_unix_rw = "none"
END
    quietly root virtlogd --daemon
    quietly root libvirtd --daemon
    poll 20 quietly root virsh -q -c qemu:///system version || {
        tail "$root/var/log/libvirt/"*.log >&2 || true
        die "libvirtd does not answer"
    }
}

# define_guest NAME UUID DIRECTORY DISK: the functional tests' guest, which counts
# on its disk, and starts it.
define_guest() {
    printf '%-7s guest %s, with the disk %s/%s\n' start "$1" "$3" "$4"
    mkdir -p "$root/var/lib/guest"
    cp "$guest"/{vmlinuz,initrd} "$root/var/lib/guest"
    quietly root qemu-img create -q -f qcow2 "$3/$4" 1G
    chown --reference="$root$3" "$root$3/$4"
    cat > "$root/run/guides/$1.xml" << END
<domain type='qemu'>
  <uuid>$2</uuid>
  <name>$1</name>
  <memory unit='MiB'>128</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>/var/lib/guest/vmlinuz</kernel>
    <initrd>/var/lib/guest/initrd</initrd>
    <cmdline>console=ttyS0 quiet no_timer_check disks=vda ticks=vda</cmdline>
  </os>
  <features><acpi/><apic/></features>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='none'/>
      <source file='$3/$4'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <serial type='file'>
      <source path='/var/log/libvirt/qemu/$1-console.log'/>
      <target port='0'/>
    </serial>
  </devices>
</domain>
END
    quietly root virsh -q define "/run/guides/$1.xml"
    quietly root virsh -q start "$1"
    wait_for_guest "$1"
}

# wait_for_guest NAME: until it has booted; libvirt begins its console anew.
wait_for_guest() {
    poll 60 grep -q READY "$root/var/log/libvirt/qemu/$1-console.log" ||
        die "the guest $1 does not boot"
}

guest_is_off() { quietly root virsh domstate "$1" | grep -qx 'shut off'; }
