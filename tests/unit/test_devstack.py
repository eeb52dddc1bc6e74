# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""The DevStack plugin, phase by phase, with DevStack's functions played.

What they are told is written down; files are made below a temporary
directory.
"""

import os
import pathlib
import shutil
import subprocess

import fixtures
import testtools

from snapdriver.status import novaconf

_REPO = pathlib.Path(__file__).parents[2]
_PLUGIN = _REPO / 'devstack'
_STAGE = r"""
set -o errexit
say() { printf '%s\n' "$*" >> "$root/said"; }
define_plugin() { say define_plugin "$@"; }
echo_summary() { :; }
is_service_enabled() { [[ " $services " == *" $1 "* ]]; }
async_wait() { say async_wait "$@"; }
setup_develop() { say setup_develop "$@"; }
configure_keystoneauth() { say configure_keystoneauth "$@"; }
iniset() { say iniset "$@"; }
iniget() { echo "$auth_type"; }
warn() { local code=$?; say warn "${@:2}"; return $code; }
sudo() {
    case $1 in
        install) command install $(sed 's/-[og] [a-z]*//g' <<< "${*:2}") ;;
        virsh) virsh "${@:2}" ;;
        *) "$@" ;;
    esac
}
virsh() {
    case $1 in
        list) printf 'instance-00000001\nother\n' ;;
        snapshot-list) printf 's1\ns2\n' ;;
        *) say virsh "$@" ;;
    esac
}
DEST=$root/dest
STACK_USER=stack
INSTANCE_NAME_PREFIX=instance-
NOVA_DIR=$DEST/nova
NOVA_BIN_DIR=$root/bin
NOVA_CONF_DIR=$root/etc/nova
NOVA_CONF=$NOVA_CONF_DIR/nova.conf
NOVA_INSTANCES_PATH=/opt/stack/data/nova/instances
GLANCE_METADEF_DIR=$root/etc/glance/metadefs
NOVA_CPU_CONF=$NOVA_CONF_DIR/nova-cpu.conf
SNAPDRIVER_CONF_DIR=$root/etc/snapdriver
SNAPDRIVER_LINKS_DIR=$root/links
source "$plugin/settings"
source "$plugin/plugin.sh" "$@"
"""


class PluginTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        if shutil.which('bash') is None:
            self.skipTest('bash is not here')
        self.root = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        for path in ('dest/nova/nova/virt', 'etc/nova/rootwrap.d',
                     'etc/glance/metadefs', 'bin', 'links'):
            (self.root / path).mkdir(parents=True)
        (self.root / 'dest/snapdriver').symlink_to(_REPO)
        self.shim = self.root / 'dest/nova/nova/virt/snapdriver'
        self.filters = self.root / 'etc/nova/rootwrap.d/snapdriver.filters'

    def run_phase(self, *phase: str, services: str = 'n-cpu g-api',
                  auth_type: str = 'password', **values: str) -> list[str]:
        """What DevStack was told, the paths without our directory."""
        done = subprocess.run(
            ['bash', '-c', _STAGE, 'stack.sh', *phase],
            env={'PATH': os.environ['PATH'], 'root': str(self.root),
                 'plugin': str(_PLUGIN), 'services': services,
                 'auth_type': auth_type} | values,
            capture_output=True, text=True, check=False)
        self.assertEqual((0, ''), (done.returncode, done.stderr))
        said = self.root / 'said'
        lines = said.read_text().replace(f'{self.root}/', '').splitlines()
        said.unlink()
        self.assertEqual('define_plugin snapdriver', lines[0])
        return lines[1:]

    def test_install(self) -> None:
        self.assertEqual(['setup_develop dest/snapdriver'],
                         self.run_phase('stack', 'install'))
        self.assertTrue((self.shim / '__init__.py').is_file())
        self.assertEqual(
            ['snapdriver-flavor.json', 'snapdriver.json'],
            sorted(os.listdir(self.root / 'etc/glance/metadefs')))
        self.run_phase('stack', 'install')  # stack.sh can be run again
        self.assertFalse(os.path.lexists(self.shim / 'snapdriver'))

    def test_each_host_gets_what_it_needs(self) -> None:
        self.assertEqual(['setup_develop dest/snapdriver'],
                         self.run_phase('stack', 'install',
                                        services='g-api key'))
        self.assertFalse(self.shim.exists())
        self.assertEqual([], os.listdir(self.root / 'links'))
        shutil.rmtree(self.root / 'etc/glance')
        self.run_phase('stack', 'install', services='n-cpu')
        self.assertTrue(self.shim.exists())
        self.assertEqual(['snapdriver', 'snapdriver-status'],
                         sorted(os.listdir(self.root / 'links')))

    def test_post_config(self) -> None:
        said = self.run_phase('stack', 'post-config')
        self.assertEqual([
            'async_wait configure_neutron_nova',
            'iniset etc/nova/nova.conf DEFAULT compute_driver '
            + novaconf.DRIVER,
            'iniset etc/nova/nova.conf libvirt images_type qcow2',
            'iniset etc/snapdriver/snapdriver.conf snapdriver '
            'instances_path /opt/stack/data/nova/instances',
            'iniset etc/snapdriver/snapdriver.conf snapdriver_privsep '
            'helper_command sudo nova-rootwrap etc/nova/rootwrap.conf '
            'privsep-helper'], said)
        self.assertIn('[Filters]', self.filters.read_text())
        self.assertTrue((self.root / 'etc/snapdriver').is_dir())

    def test_what_local_conf_can_set(self) -> None:
        said = self.run_phase(
            'stack', 'post-config', SNAPDRIVER_DEFAULT_KIND='internal',
            SNAPDRIVER_IMAGE_PAYLOAD='manifest')
        for line in ('default_kind internal', 'image_payload manifest'):
            self.assertIn(
                f'iniset etc/nova/nova.conf snapdriver {line}', said)

    def test_credentials_if_nova_has_none(self) -> None:
        self.assertIn(
            'configure_keystoneauth etc/nova/nova.conf nova service_user',
            self.run_phase('stack', 'post-config', auth_type=''))

    def test_extra(self) -> None:
        status = self.root / 'bin/snapdriver-status'
        for code, told in ((0, 0), (1, 1), (2, 1)):
            status.write_text(f'#!/bin/sh\necho "$*" > "$0.args"\n'
                              f'exit {code}\n')
            status.chmod(0o755)
            said = self.run_phase('stack', 'extra')  # and does not end it
            self.assertEqual(told, len(said), said)
        etc = self.root / 'etc'
        self.assertEqual(
            f'--config-file {etc}/snapdriver/snapdriver.conf '
            f'--config-file {etc}/nova/nova-cpu.conf upgrade check\n',
            (self.root / 'bin/snapdriver-status.args').read_text())

    def test_phases_in_which_nothing_is_done(self) -> None:
        for phase in (('stack', 'pre-install'), ('stack', 'test-config')):
            self.assertEqual([], self.run_phase(*phase))

    def test_a_controller_is_left_alone(self) -> None:
        for phase in (('stack', 'post-config'), ('stack', 'extra'),
                      ('unstack',), ('clean',)):
            self.assertEqual([], self.run_phase(*phase, services='n-api'))

    def test_unstack(self) -> None:
        self.run_phase('stack', 'install')
        self.assertEqual(
            [f'virsh snapshot-delete instance-00000001 {name} --metadata'
             for name in ('s1', 's2')], self.run_phase('unstack'))
        self.assertTrue(self.shim.exists())

    def test_clean(self) -> None:
        self.run_phase('stack', 'install')
        self.run_phase('stack', 'post-config')
        self.assertEqual([], self.run_phase('clean'))
        self.assertEqual([], os.listdir(self.root / 'links'))
        for path in (self.shim, self.filters,
                     self.root / 'etc/snapdriver'):
            self.assertFalse(path.is_symlink() or path.exists(), path)
        self.assertTrue((_REPO / 'nova/virt/snapdriver').is_dir())
        self.run_phase('clean')  # clean.sh, too
