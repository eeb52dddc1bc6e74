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

"""Looking at a domain's layers and snapshots: the tree and the picture."""

import re
import shlex
import shutil
import xml.etree.ElementTree as ET

from tests.functional import disks
from tests.functional import engine
from tests.functional import guest as guests
from tests.functional import host


class GraphTest(engine.EngineTest):
    """What the tests of pictures have in common."""

    def graph(self, *arguments: str) -> str:
        return host.run_cli('--instances-path', str(disks.INSTANCES),
                            'domain', 'graph', *arguments).stdout


class TestGraph(GraphTest):
    """::

        base <- a <- b         a is s1's, b the safety snapshot's
                 \\- c <- d*    c has lost its name, d has the tag of s3
    """

    timeout = 300

    def prepare(self) -> guests.Guest:
        guest = guests.Guest(self).define().start()
        self.manager.create(guest.name, 's1', description='a "b" \\N <c>')
        guest.mark('one')
        self.manager.revert(guest.name, 's1')
        self.manager.create(guest.name, 's2')
        self.manager.create(guest.name, 's3', kind='internal')
        self.manager.delete(guest.name, ['s2'])
        return guest

    def drawn(self, text: str, what: str) -> list[list[str]]:
        """What Graphviz has read: the words of its nodes, or edges."""
        file = host.ROOT / 'home' / f'{self.id()}.dot'
        self.addCleanup(file.unlink, missing_ok=True)
        file.write_text(text)
        plain = host.run('dot', '-Tplain', file).stdout.replace('\\\n', '')
        return [shlex.split(line)[1:] for line in plain.splitlines()
                if line.startswith(f'{what} ')]

    def assert_is_picture_of(self, guest: guests.Guest, text: str) -> None:
        """The files stand on each other as their headers say."""
        state = self.state(guest)
        named = {f'layer {key}': layer.file
                 for key, layer in state.layers.items()}
        edges = {(edge[0], edge[1]) for edge in self.drawn(text, 'edge')}
        for disk in state.disks.values():
            self.assertIn(('domain', f'layer {disk.active}'), edges)
        for upper, file in named.items():
            lower = engine.backing_chain(guest.directory / file)[1]
            expected = next(
                (key for key, one in named.items()
                 if lower == str(guest.directory / one)), 'base 0')
            self.assertIn((upper, expected), edges)
        for snapshot in state.snapshots.values():
            for point in snapshot.disks.values():
                self.assertIn((f'snapshot {snapshot.id}',
                               f'layer {point.layer}'), edges)
        self.assertEqual(
            {'domain', 'base 0', *named,
             *(f'snapshot {key}' for key in state.snapshots)},
            {node[0] for node in self.drawn(text, 'node')})

    def assert_is_svg(self, guest: guests.Guest) -> None:
        file = host.ROOT / 'home' / f'{guest.uuid}.svg'
        self.graph(guest.uuid, '--format', 'svg', '--output', str(file))
        self.addCleanup(file.unlink)
        shown = ' '.join(ET.fromstring(file.read_bytes()).itertext())
        for layer in self.state(guest).layers.values():
            self.assertIn(layer.file, shown)

    def test_all_that_there_is(self) -> None:
        guest = self.prepare()
        state = self.state(guest)
        self.assertEqual(4, len(state.layers))
        text = self.graph(guest.name)
        for part in ('running', 'hidden: no name', 'tag s3',
                     'merge waits: a tag is above', 's1</B><BR/>external',
                     'a &quot;b&quot; \u2216N &lt;c&gt;',
                     ', safety<BR/>', 's3</B>, current<BR/>internal, memory',
                     guest.uuid):
            self.assertIn(part, text)
        if shutil.which('dot') is not None:
            self.assert_is_picture_of(guest, text)
            self.assert_is_svg(guest)
        self.manager.delete(guest.name, ['s3'])
        self.assertIn('merge pending', self.graph(guest.name))
        self.manager.merge(guest.name)
        self.assertNotIn('hidden', self.graph(guest.name))
        guest.destroy()
        self.assertIn('shut off', self.graph(guest.name))

    def test_trees(self) -> None:
        guest = guests.Guest(self).define()
        self.manager.create(guest.name, 's1')
        self.manager.create(guest.name, 's2', kind='internal')
        shown = host.run_cli('snapshot', 'list', guest.name, '--tree').stdout
        self.assertRegex(shown, re.compile(
            rf'^{guest.name}\n'
            r'(└──|`--) s1        external  \S+ KiB  \d+ s  offline\n'
            r'    (└──|`--) s2 \*  internal  \S+ KiB  \d+ s  offline\n$'))


class TestWithoutLibvirtd(GraphTest):

    exclusive = True

    def test_state_files_are_enough(self) -> None:
        guest = guests.Guest(self).define()
        self.manager.create(guest.name, 's1')
        before = self.graph(guest.name)
        self.assertIn('shut off', before)
        self.addCleanup(host.start_libvirtd)
        host.stop_libvirtd()
        for name in (guest.uuid, guest.name):
            self.assertEqual(
                before.replace('shut off', 'not known to run')
                      .replace('would write', 'writes')
                      .replace('style="solid"];', 'style="bold"];'),
                self.graph(name))
