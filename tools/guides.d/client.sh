# A tenant, who has OpenStackClient and nothing else.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the parts share their variables

guide_client() {
    given 'apt update'
    given 'apt install python3-venv git'
    given_newcomer 'python3 -m venv ~/client && . ~/client/bin/activate'
    given_newcomer 'pip install python-openstackclient'
    clone_newcomer
    walk user/quickstart.rst
    check_client
    given_newcomer 'pip uninstall -y snapdriver'
    with_debian
    with_libvirt
}

# Each command of the page is for another way to have it.
with_debian() {
    given 'apt install python3-openstackclient python3-pip'
    given_newcomer "export PATH=/usr/local/bin:/usr/bin:/bin"
    only='pip install --break-system-packages --no-deps .' walk cli/openstack.rst
    check_client
    given_newcomer 'pip uninstall --break-system-packages -y snapdriver'
}

with_libvirt() {
    walk install/packages.rst Packages
    given_newcomer 'rm -rf ~/client && python3 -m venv ~/client && . ~/client/bin/activate'
    only="pip install '.[client]'" walk cli/openstack.rst
    check_newcomer 'openstack server snapshot create --help && snapdriver --version'
    given_newcomer 'pip uninstall -y snapdriver'
    only='pip install --no-deps .' walk cli/openstack.rst
    check_newcomer 'openstack server snapshot create --help'
}

# The commands are there, and neither libvirt's binding nor Nova is.
check_client() {
    local word
    check_newcomer 'openstack server snapshot --help'
    for word in create list show revert delete export set unset; do
        check_newcomer "openstack server snapshot $word --help"
        says 'usage: openstack server snapshot'
    done
    for word in libvirt nova.conf; do
        check_newcomer "! python3 -P -c 'import $word' 2> /dev/null"
    done
}
