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

"""The base class of the tests of the engine, and what all of them ask."""

from collections.abc import Sequence
import json
import os
import pathlib
import re
import shlex
import sys

from oslo_config import cfg
from oslo_config import fixture as config_fixture

import snapdriver
from snapdriver import conf as options
from snapdriver import privsep
from tests.functional import base
from tests.functional import disks
from tests.functional import guest as guests
from tests.functional import host

#: What starts the privileged helper from the tests' own environment.
HELPER = ['sudo', '-n', sys.executable, '-c',
          'from oslo_privsep import daemon; daemon.helper_main()']


class EngineTest(base.FunctionalTest):
    """A manager on the test's connection, run by the instances' owner."""

    def setUp(self) -> None:
        super().setUp()
        self.config = self.useFixture(config_fixture.Config(cfg.CONF))
        cfg.CONF([], project='snapdriver', default_config_files=[])
        options.register_opts(cfg.CONF)
        self.set(min_free_percent=0, instances_path=str(disks.INSTANCES))
        self.config.config(group=privsep.CONTEXT.cfg_section,
                           helper_command=shlex.join(HELPER))

    def set(self, **values: object) -> None:
        """Set options of group [snapdriver]."""
        self.config.config(group=options.GROUP, **values)

    @property
    def manager(self) -> snapdriver.SnapshotManager:
        return snapdriver.SnapshotManager(self.conn)

    def names(self, guest: guests.Guest) -> list[str]:
        return [info.name for info in self.manager.list(guest.name)]

    def power(self, guest: guests.Guest) -> str:
        return {1: 'running', 3: 'paused', 5: 'shutoff'}[guest.dom.state()[0]]

    def active(self, guest: guests.Guest, disk: str) -> str:
        """File name of a disk's active layer."""
        state = self.state(guest)
        return state.layers[state.disks[disk].active].file

    def assert_clean(self, guest: guests.Guest,
                     *expected: str, deep: bool = False) -> None:
        """Nothing is wrong, and virsh and qemu-img agree with us.

        :param expected: codes of findings that are as they should be.
        """
        found = self.manager.check(guest.name, deep=deep)
        self.assertEqual(sorted(expected), sorted(f.code for f in found),
                         [f.message for f in found])
        self.assert_views_agree(guest)

    def assert_views_agree(self, guest: guests.Guest) -> None:
        """``virsh snapshot-*`` and ``domblklist`` say what we say."""
        infos = self.manager.list(guest.name)
        listed = virsh('snapshot-list', guest.name, '--name').split()
        self.assertEqual(sorted(i.name for i in infos), sorted(listed))
        for info in infos:
            dumped = virsh('snapshot-dumpxml', guest.name, info.name)
            self.assertIn(f'<state>{info.state}</state>', dumped)
            parent = re.search(r'<parent>\s*<name>(.*?)</name>', dumped)
            self.assertEqual(info.parent, parent and parent[1])
            for disk in info.disks.values():
                self.assertIn(f"<disk name='{disk['target']}' "
                              f"snapshot='{info.kind}'", dumped)
        current = [info.name for info in infos if info.current]
        if current:
            self.assertEqual(current[0], virsh(
                'snapshot-current', guest.name, '--name').strip())
        self.assert_chains(guest)

    def assert_chains(self, guest: guests.Guest) -> None:
        """libvirt's disks end in what qemu-img sees as our chains."""
        state = self.state(guest)
        sources = dict(re.findall(
            r'^\s*(\S+)\s+(/\S+)', virsh('domblklist', guest.name), re.M))
        for disk in state.disks.values():
            chain = []
            layer = state.layers[disk.active]
            while True:
                chain.append(layer.file)
                if layer.parent is None:
                    break
                layer = state.layers[layer.parent]
            source = guest.directory / sources[disk.target]
            self.assertTrue(source.samefile(guest.directory / chain[0]),
                            f'{source} is not {chain[0]}')
            info = backing_chain(guest.directory / chain[0])
            self.assertEqual(
                chain, [path.rsplit('/', 1)[-1] for path in info
                        if path.startswith(f'{guest.directory}/')
                        and path != disk.base])

    def state(self, guest: guests.Guest) -> 'snapdriver.model.State':
        """What the state file says; read as the verbs read it."""
        with self.manager._access.finder.find(guest.name) as instance:
            return instance.state


def virsh(*arguments: str) -> str:
    """What virsh answers."""
    return host.run('virsh', '-q', '-c', host.URI, *arguments).stdout


def backing_chain(image: pathlib.Path) -> list[str]:
    """``qemu-img info --backing-chain``: full paths, the top first."""
    shown = host.as_root(
        'qemu-img', 'info', '-U', '-f', 'qcow2', '--output=json',
        '--backing-chain', image).stdout
    return [os.path.normpath(entry['filename'])
            for entry in json.loads(shown)]


def layers(files: Sequence[str]) -> list[str]:
    """Of some file names, those of layers."""
    return sorted(name for name in files if '.layer-' in name)
