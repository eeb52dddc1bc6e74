# Following a document, in the system.
# shellcheck shell=bash
# shellcheck disable=SC2016 # expanded in the system
# shellcheck disable=SC2034,SC2154 # the parts share their variables

# Of what is upgraded to.
new_version=99.0.0

# What stands for a document's placeholders, NAME=VALUE.
values=()
let_be() { values+=("$@"); }

# What the reader waits for, or does, after a command: after[COMMAND]=FUNCTION
declare -A after=()
# An exit code that is none of a failure: may_exit[COMMAND]=CODE
declare -A may_exit=()

documents() { (cd "$repo" && /usr/bin/python3 -B -m tests.guides "$@"); }

# walk PAGE [SECTION [ITEM]]: every command there, in the order in which they
# stand, as they stand, by root or by the newcomer as their prompts say. A shell
# goes on from command to command in its directory, with its variables. Where a
# page offers several ways, "only" is the command to be taken.
walk() {
    local commands where prompt text reason
    commands=$(documents commands "$1" "${2-}" "${3-}" "${values[@]}") ||
        die "cannot follow $1"
    while IFS=$'\t' read -r where prompt text reason; do
        [ -z "${only-}" ] || [ "$text" = "$only" ] || continue
        if [ -n "$reason" ]; then
            printf '%s %s\n        left out: %s\n' "$prompt" "$text" "$reason"
        else
            run "$prompt" "$text" "$where"
            printf '%s\n' "$where" >> "$work/followed"
            ${after["$text"]-}
        fi
    done <<< "$commands"
}

# text PAGE SECTION ITEM LANGUAGE: a block that is to be written to a file.
text() { documents text "$@" "${values[@]}"; }

# given COMMAND: what a guide takes for granted, done by root; given_newcomer by
# the newcomer. check COMMAND: what must be so now. check_fails: what must not.
given() { run given "$1" "${2-}"; }
given_newcomer() { run '(given)' "$1" "${2-}"; }
check() { run check "$1" "${2-}"; }
check_newcomer() { run '(check)' "$1" "${2-}"; }

# put FILE TEXT [COMMAND]: what the reader writes with an editor, at its end.
put() {
    printf '%-7s %s <-\n' write "$1"
    printf '        %s\n' "${2//$'\n'/$'\n'        }"
    mkdir -p "$root$(dirname "$1")"
    printf '%s\n' "$2" >> "$root$1"
}

# run PROMPT COMMAND WHERE: what it prints is shown when it has failed. In "said"
# it stays.
run() {
    local user=root status=0 start=$SECONDS
    case $1 in '$' | '('*) user=$newcomer ;; esac
    said=$work/$guide/said
    printf '%-7s %s\n' "$1" "$2"
    # shellcheck disable=SC2016 # expanded inside
    in_system "$user" bash -c '
        state=/run/guides/$USER
        [ ! -e "$state.sh" ] || . "$state.sh"
        set -o pipefail
        eval "$1"
        status=$?
        { export -p; printf "cd %q\n" "$PWD"; } > "$state.sh"
        exit $status' bash "$2" > "$said" 2>&1 < /dev/null || status=$?
    printf '        %s, %d s\n' "$([ $status = 0 ] && echo ok || echo "exit $status")" \
        $((SECONDS - start))
    [ -z "${shown-}" ] || sed 's/^/        | /' "$said"
    [ $status != "${may_exit["$2"]-0}" ] && [ $status != 0 ] || return 0
    tail -n "${TAIL:-60}" "$said" >&2
    die "failed${3:+ at $3}: $2"
}

# says PATTERN: the last command has printed it.
says() {
    grep -q -e "$1" "$said" || { cat "$said" >&2; die "it did not say: $1"; }
    printf '        it says: %s\n' "$(grep -m 1 -e "$1" "$said")"
}

# clone [USER]: what "In a clone of the repository" asks for.
clone() {
    given 'cd; git clone -q /srv/repository snapdriver'
    given 'cd snapdriver'
}
pull() { given 'git pull -q'; }
clone_newcomer() {
    # Another's repository, which is what git protects people from.
    given_newcomer 'git config --global --add safe.directory "*"'
    given_newcomer 'cd; git clone -q /srv/repository snapdriver'
    given_newcomer 'cd snapdriver'
}

# nothing_is_left: what of snapdriver is on the system, but for the clone.
nothing_is_left() {
    local left
    left=$(cd "$root" && find . -xdev \( -path './srv/repository' -o -path './root/snapdriver' \
        -o -path "./home/$newcomer/snapdriver" -o -path './root/.cache' \
        -o -path './var/cache/apt/archives' -o -path './run' -o -path './proc' \
        -o -path './sys' -o -path './dev' \) -prune \
        -o -iname '*snapdriver*' -print)
    [ -z "$left" ] || die "of snapdriver there is left: $left"
    printf '%-7s nothing of snapdriver is left\n' check
}
