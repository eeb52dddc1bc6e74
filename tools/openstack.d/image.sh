# The guest's images for Glance: "ticker", and "ticker-agent".
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the parts share their variables

images=$state/image

need_images() {
    need_guest
    once "$images/stamp" \
        "$(checksum "$guest"/{vmlinuz,initrd,initrd-agent} "$parts/build-image")" make_images
}

make_images() {
    say "making the guest's images"
    "$parts/build-image" "$guest" "$images/ticker.qcow2" &&
        "$parts/build-image" "$guest" "$images/ticker-agent.qcow2" agent ||
        die "could not make the guest's images"
}
