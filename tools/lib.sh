# Functions for the scripts in tools/: what they need is fetched or built when
# it is missing or out of date, and otherwise costs next to nothing.
# shellcheck shell=bash

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=$repo/.cache
guest=$cache/guest
venv=${SNAPDRIVER_VENV:-$repo/.venv}

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 1; }

# checksum FILE...: of the files' contents, missing ones left out.
checksum() {
    local file
    for file; do
        [ ! -f "$file" ] || sha256sum < "$file"
    done | sha256sum | cut -d' ' -f1
}

# once STAMP SUM COMMAND...: runs COMMAND unless its last success had this SUM.
# Another process that wants the same waits for the first to finish.
once() {
    local stamp=$1 sum=$2 lock
    shift 2
    [ "$(cat "$stamp" 2>/dev/null)" != "$sum" ] || return 0
    mkdir -p "$(dirname "$stamp")"
    exec {lock}> "$stamp.lock"
    flock "$lock"
    if [ "$(cat "$stamp" 2>/dev/null)" != "$sum" ]; then
        "$@" {lock}>&- || return
        echo "$sum" > "$stamp"
    fi
    exec {lock}>&-
}

# wanted_packages [openstack]: everything in bindep.txt that is for Debian; what
# only tools/openstack needs is left out unless it is asked for.
wanted_packages() {
    local without=${1:+nothing}
    sed -n "/ ${without:-openstack}]/d; s/ *\[platform:dpkg.*//p" "$repo/bindep.txt"
}

need_packages() {
    local -a wanted missing
    mapfile -t wanted < <(wanted_packages "$@")
    mapfile -t missing < <(
        dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null |
            sed -n 's/^installed //p' | sort -u |
            comm -13 - <(printf '%s\n' "${wanted[@]}" | sort -u)
    )
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] || die "please install: ${missing[*]}"
    say "installing ${missing[*]}"
    apt_update
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        "${missing[@]}" > /dev/null < /dev/null || die "apt-get could not install them"
}

apt_update() {
    apt-get update -qq || say "apt-get update failed; going on with the lists as they are"
}

archives() {
    # shellcheck disable=SC2016 # apt's variables
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sort -u
}

# find_mirror RELEASE: of the archives that this machine's apt knows, the one that
# has that release of Debian.
find_mirror() {
    local uri index
    # apt names them only when it has their lists.
    [ -n "$(archives)" ] || apt_update
    index=$(mktemp)
    for uri in $(archives); do
        if /usr/lib/apt/apt-helper download-file \
            "${uri%/}/dists/$1/InRelease" "$index" > /dev/null 2>&1 &&
            grep -qx 'Origin: Debian' "$index"
        then
            rm -f "$index"
            echo "$uri"
            return
        fi
    done
    rm -f "$index"
    return 1
}

# need_venv [EXTRA...]: the virtual environment; EXTRA is lint or docs.
need_venv() {
    local extra file
    local -a files=("$repo"/{requirements,test-requirements}.txt)
    for extra; do
        case $extra in
            lint) file=$repo/lint-requirements.txt ;;
            docs) file=$repo/doc/requirements.txt ;;
            *) die "no such extra: $extra" ;;
        esac
        [ ! -f "$file" ] || files+=("$file")
    done
    # Each set has its own stamp: asking for less does not undo more.
    once "$venv/stamp${*:+-${*// /-}}" \
        "$(checksum /usr/bin/python3 "$repo"/{setup.cfg,setup.py,pyproject.toml} "${files[@]}")" \
        make_venv "${files[@]}"
}

make_venv() {
    local file
    local -a arguments=(-e "$repo")
    for file; do
        arguments+=(-r "$file")
    done
    say "making $venv"
    # The distribution's own Python, whatever comes first in PATH; readable for
    # the tests' unprivileged user, whatever the umask.
    (
        umask 022
        [ -x "$venv/bin/python" ] || /usr/bin/python3 -m venv "$venv"
        "$venv/bin/python" -m pip install -qq --disable-pip-version-check "${arguments[@]}"
    ) || die "pip could not install what is needed"
}

# need_guest: kernel and initrds of the functional tests' guest.
need_guest() {
    once "$guest/stamp" "$(checksum "$repo"/tests/guest/*)" make_guest
}

make_guest() {
    say "building the guest"
    apt-cache show linux-image-cloud-amd64 > /dev/null 2>&1 || apt_update
    "$repo/tests/guest/build.sh" "$guest" || die "could not build the guest"
}
