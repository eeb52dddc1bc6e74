#!/bin/bash
# build.sh DIR: makes DIR/{vmlinuz,initrd,initrd-agent}, the guests of the
# functional tests, from init.c and the distribution's own kernel and
# qemu-guest-agent packages. Neither package gets installed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$1
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# In the order in which they must be loaded; one that is missing is built into
# the kernel.
common_modules=(button evdev virtio_ring virtio virtio_pci_legacy_dev
    virtio_pci_modern_dev virtio_pci virtio_blk)
agent_modules=(virtio_console crc16 crc32c_generic mbcache jbd2 ext4)
loaded=0

# fetch PACKAGE DIR: unpacks a package of the distribution.
fetch() {
    # apt would download as another user, who may not enter $work.
    apt-get download -qq -o APT::Sandbox::User=root "$1"
    dpkg-deb -x "$1"_*.deb "$2"
}

# add_modules TREE MODULE...
add_modules() {
    local tree=$1 module file target
    shift
    mkdir -p "$tree/modules"
    for module; do
        file=$(find kernel -name "$module.ko*" -print -quit)
        [ -n "$file" ] || continue
        loaded=$((loaded + 1))
        printf -v target '%s/modules/%02d-%s.ko' "$tree" "$loaded" "$module"
        case $file in
            *.xz) xz -dc "$file" > "$target" ;;
            *.zst) zstd -dcq "$file" > "$target" ;;
            *) cp "$file" "$target" ;;
        esac
    done
}

# pack TREE FILE: not compressed, as an emulated CPU would take longer to
# unpack it than QEMU takes to load it.
pack() {
    (cd "$1" && find . | cpio --quiet -o -H newc -R 0:0) > "$2.new"
    mv "$2.new" "$2"
}

kernel_package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/ {print $2; exit}')
fetch "$kernel_package" kernel
fetch qemu-guest-agent agent

mkdir -p plain/{dev,mnt,proc,run,sys}
gcc -O2 -Wall -Wextra -Werror -static -o plain/init "$here/init.c" -pthread
strip plain/init
add_modules plain "${common_modules[@]}"

cp -a plain with-agent
add_modules with-agent "${agent_modules[@]}"
ln with-agent/init with-agent/freeze-hook
# Without it the agent does not set the clock.
mkdir -p with-agent/sbin
ln with-agent/init with-agent/sbin/hwclock
install -D agent/usr/sbin/qemu-ga with-agent/usr/sbin/qemu-ga
# The agent uses the libraries that qemu-system has brought to this machine.
libraries=$(ldd agent/usr/sbin/qemu-ga)
case $libraries in
    *'not found'*) echo "qemu-ga lacks a library: $libraries" >&2; exit 1 ;;
esac
grep -o '/[^ ]*' <<< "$libraries" | while read -r library; do
    install -D "$library" "with-agent$library"
done

pack plain "$out/initrd"
pack with-agent "$out/initrd-agent"
install -m 0644 kernel/boot/vmlinuz-* "$out/vmlinuz"
