# A Debian that is just installed.
# shellcheck shell=bash
# shellcheck disable=SC2016 # expanded in the system
# shellcheck disable=SC2034,SC2154 # the parts share their variables

release=trixie
# What a shell of these users has; the newcomer is no administrator.
newcomer=newcomer

unavailable() { say "$release: $*"; exit 75; }

# --- what debootstrap makes, kept for a week ---------------------------------

need_base() {
    local lock stores=$cache/guides
    store=$stores/$release-$(date +%G-%V)
    mkdir -p "$stores"
    # Closed to others: what is in there may be an old set-uid program.
    chmod 0700 "$stores"
    exec {lock}> "$stores/lock"
    flock "$lock"
    if [ ! -d "$store" ]; then
        rm -rf --one-file-system "$stores/$release"-*
        make_base "$store.new"
        mv "$store.new" "$store"
    fi
    # Held, shared, until we end.
    flock --shared "$lock"
}

make_base() {
    local mirror http_proxy=""
    mirror=$(find_mirror "$release") ||
        unavailable "no mirror among apt's sources has it, or none answers"
    say "making a system of $release"
    mkdir -p "$1"/{apt/partial,pip/root,pip/newcomer}
    eval "$(apt-config shell http_proxy Acquire::http::Proxy)"
    case $http_proxy in
        '' | DIRECT) ;;
        *) export http_proxy ;;
    esac
    # In namespaces, so that nothing stays mounted.
    setpriv --pdeathsig KILL \
        unshare --mount --pid --mount-proc --propagation private --fork --kill-child \
        debootstrap --variant=minbase --force-check-gpg "$release" "$1/base" "$mirror" \
        < /dev/null > "$cache/guides/debootstrap.log" 2>&1 || {
        tail -n 20 "$cache/guides/debootstrap.log" >&2
        die "debootstrap failed"
    }
    rm -f "$1"/base/var/cache/apt/archives/*.deb
}

# copy_repository DIRECTORY: the files as they are here, committed or not, with
# the history, for "In a clone of the repository".
copy_repository() {
    git clone -q --no-hardlinks "$repo" "$1"
    # Not clone's: what it has checked out may have been deleted here.
    find "$1" -mindepth 1 -maxdepth 1 -not -name .git -exec rm -rf {} +
    git -C "$repo" ls-files -co --exclude-standard -z |
        (cd "$repo" && while IFS= read -r -d '' file; do
            [ ! -f "$file" ] || printf '%s\0' "$file"
        done) | tar -c -C "$repo" --null -T - | tar -x --no-same-owner -C "$1"
    git -C "$1" add -A
    git -C "$1" -c user.name=guides -c user.email=guides@localhost \
        commit -q --allow-empty -m guides
}

# --- one system, in a namespace ----------------------------------------------

# make_system DIRECTORY: mounts it, and connects it to what this machine has.
make_system() {
    root=$1/root
    mkdir -p "$1"/{root,upper,work}
    mount -t overlay overlay \
        -o "lowerdir=$store/base,upperdir=$1/upper,workdir=$1/work" "$root"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount --rbind /sys "$root/sys"
    mount -t tmpfs -o mode=0755 run "$root/run"
    mkdir -p "$root"/run/{lock,guides} "$root"/srv/repository
    # What a shell keeps for its next command.
    chmod 1777 "$root"/run/{lock,guides}
    # To all, root and others, it looks as if there was no KVM.
    if [ -e /dev/kvm ]; then
        install -m 0600 /dev/null "$1/kvm"
        mount --bind "$1/kvm" "$root/dev/kvm"
    fi
    mount -o bind,ro "$work/repository" "$root/srv/repository"
    mount --bind "$store/apt" "$root/var/cache/apt/archives"
    configure_system
    make_newcomer
    make_quiet_network "$1/net"
}

# What the one who installed it has told it: the network, the mirrors, and that
# every question of apt is answered by "yes".
configure_system() {
    local file
    cat /etc/hosts > "$root/etc/hosts"
    echo '127.0.1.1 guides' >> "$root/etc/hosts"
    hostname guides
    echo guides > "$root/etc/hostname"
    cat /etc/resolv.conf > "$root/etc/resolv.conf"
    [ ! -f /etc/pip.conf ] || cat /etc/pip.conf > "$root/etc/pip.conf"
    # Under a name of its own: the usual one is the package's.
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/machine.crt"
    apt-config dump | grep '^Acquire::' | grep -v '^Acquire::IndexTargets' \
        > "$root/etc/apt/apt.conf.d/90machine"
    cat > "$root/etc/apt/apt.conf.d/91guides" << 'END'
APT::Get::Assume-Yes "true";
Binary::apt::APT::Keep-Downloaded-Packages "true";
END
    # There is no systemd to start daemons.
    printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
    chmod 0755 "$root/usr/sbin/policy-rc.d"
    echo force-unsafe-io > "$root/etc/dpkg/dpkg.cfg.d/90guides"
}

make_newcomer() {
    chroot "$root" useradd --create-home --shell /bin/bash "$newcomer"
    mkdir -p "$root/root/.cache/pip" "$root/home/$newcomer/.cache/pip"
    chroot "$root" chown -R "$newcomer:" "/home/$newcomer/.cache"
    # pip uses no cache that is another's.
    chown "$(stat -c %u:%g "$root/home/$newcomer")" "$store/pip/newcomer"
    mount --bind "$store/pip/root" "$root/root/.cache/pip"
    mount --bind "$store/pip/newcomer" "$root/home/$newcomer/.cache/pip"
}

# A network for the daemons, in which there is nothing but they.
make_quiet_network() {
    quiet=$1
    touch "$quiet"
    unshare --net="$quiet" true
    nsenter --net="$quiet" ip link set lo up
}

# in_system USER COMMAND...: with a login's environment.
in_system() {
    local user=$1 home
    shift
    home=$(chroot "$root" getent passwd "$user" | cut -d: -f6)
    chroot "$root" setpriv --reuid "$user" --regid "$user" --init-groups \
        /usr/bin/env -i --chdir="$home" \
        HOME="$home" USER="$user" LOGNAME="$user" LC_ALL=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        DEBIAN_FRONTEND=noninteractive SHELL=/bin/bash \
        PIP_CERT=/etc/machine.crt REQUESTS_CA_BUNDLE=/etc/machine.crt \
        "${pip_settings[@]}" "$@"
}
# Where this machine's pip looks, if it is not the usual place.
mapfile -t pip_settings < <(env | grep -i -E \
    '^(PIP_(INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|PROXY|DEFAULT_TIMEOUT)|(HTTPS?|NO)_PROXY)=')
