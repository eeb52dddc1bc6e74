# Somebody who wants to change it.
# shellcheck shell=bash
# shellcheck disable=SC2154 # the parts share their variables

guide_contributor() {
    given 'apt update'
    given 'apt install git'
    clone
    clone_newcomer
    walk ../../CONTRIBUTING.rst
}
