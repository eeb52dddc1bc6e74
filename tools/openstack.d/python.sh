# The Python packages: OpenStack's, and snapdriver's wheel.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the parts share their variables

# need_stack_venv [PACKAGE...]: with OpenStack, or with these instead.
need_stack_venv() {
    [ $# -gt 0 ] || set -- -r "$parts/requirements.txt"
    once "$stack_venv.stamp" \
        "$(checksum /usr/bin/python3 "$parts/requirements.txt") $*" make_stack_venv "$@"
}

make_stack_venv() {
    say "making $stack_venv"
    [ -x "$stack_venv/bin/python" ] || /usr/bin/python3 -m venv "$stack_venv" ||
        die "could not make a virtual environment"
    pip install -U pip || say "pip stays as it is"
    pip install "$@" || die "pip could not install OpenStack; see $log/pip.log"
    # It may have brought a snapdriver of other times.
    rm -f "$stack_venv.wheel"
}

# need_nova_tests: what Nova's own unit tests need; nothing that OpenStack runs
# with changes for it.
need_nova_tests() {
    once "$stack_venv.tests" "$(checksum "$stack_venv.stamp" "$parts/test-requirements.txt")" \
        make_nova_tests
}

make_nova_tests() {
    pip install -c <("$stack_venv/bin/pip" freeze --exclude snapdriver) \
        -r "$parts/test-requirements.txt" || die "no test packages; see $log/pip.log"
}

pip() {
    "$stack_venv/bin/python" -m pip --disable-pip-version-check "$@" \
        >> "$log/pip.log" 2>&1
}

# sources: all that gets into the wheel, committed or not; deleted ones not.
sources() {
    git -C "$repo" ls-files -co --exclude-standard -- \
        snapdriver nova etc LICENSE README.rst pyproject.toml requirements.txt setup.cfg setup.py |
        sort | while read -r file; do [ ! -f "$repo/$file" ] || echo "$file"; done
}

# need_wheel: snapdriver as its users get it. Installed again when a source has
# changed; then $stack_venv.new is there, for the daemon that has the old one.
need_wheel() {
    local -a files
    local sum
    mapfile -t files < <(sources)
    # The names, too: a file that was moved has its old contents.
    sum=$(cd "$repo" && { printf '%s\n' "${files[@]}"; cat "${files[@]}"; } | sha256sum)
    once "$stack_venv.wheel" "${sum%% *}" install_wheel "${files[@]}"
}

install_wheel() {
    local tree failed=""
    say "building snapdriver's wheel"
    # In a copy: no build directory of another time gets into it, and none
    # is left in the repository.
    tree=$(mktemp -d "$state/wheel.XXXXXX")
    tar -c -C "$repo" "$@" | tar -x -C "$tree" &&
        PBR_VERSION=$(version) pip wheel --no-deps --no-build-isolation \
            -w "$tree/dist" "$tree" &&
        # Those that OpenStack has not brought; what it has brought stays.
        pip install -r "$tree/requirements.txt" &&
        pip install --no-deps --force-reinstall "$tree"/dist/*.whl || failed=1
    rm -rf "$tree"
    [ -z "$failed" ] || die "snapdriver could not be installed; see $log/pip.log"
    touch "$stack_venv.new"
}

version() {
    cd "$repo" && "$stack_venv/bin/python" -c '
import pbr.packaging
print(pbr.packaging.get_version("snapdriver"))' 2> /dev/null || echo 0.0.0
}
