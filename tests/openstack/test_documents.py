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

"""What the documents tell people to do, done as they tell it.

``tests/unit/test_documents.py`` looks at every command that they show; here
the guides are followed line by line.
"""

from collections.abc import Mapping

from tests import documents
from tests.openstack import base
from tests.openstack import client
from tests.openstack import host
from tests.openstack import server as servers

_NAME = 'before-upgrade'


class DocumentsTest(base.OpenStackTest):

    def follow(self, server: servers.Server, command: documents.Command,
               **instead: str) -> str:
        """Run it as a member, with other names; returns what it prints."""
        name = str(server.show().name)
        words: Mapping[str, str] = {
            'web': name, _NAME: f'{name}-{_NAME}', 'web-2.0': f'{name}-2.0',
            'SERVER-ID': server.id} | {
                word.replace('_', '-'): value
                for word, value in instead.items()}
        done = client.run('demo', *(
            self._replace(words, word) for word in command.words[1:]))
        server.wait()
        return done.stdout

    def _replace(self, words: Mapping[str, str], word: str) -> str:
        key, equals, value = word.partition('=')
        if equals and value in words:
            return f'{key}={words[value]}'
        return words.get(word, word)

    def newest(self, server: servers.Server, safety: bool) -> str:
        """The id of the newest snapshot of a server."""
        return str([one['ID'] for one in client.answer(
            'demo', 'list', '--long', server.id)
            if one['Safety'] is safety][-1])


class TestQuickStart(DocumentsTest):

    def test_with_the_addition(self) -> None:
        self._follow_all('With the addition', {'pip'})

    def test_without_it(self) -> None:
        self._follow_all('Without the addition', set())

    def _follow_all(self, section: str, others: set[str]) -> None:
        server, safety = self.boot(), ''
        commands = list(documents.of_page(
            documents.SOURCE / 'user' / 'quickstart.rst', section))
        self.assertEqual({'openstack', *others},
                         {command.program for command in commands})
        first = last = reached = -1
        for command in commands:
            if command.program != 'openstack':
                continue
            if 'create' in command.words:
                first = server.tick()
            if 'revert' in command.words or 'rebuild' in command.words:
                reached = max(reached, server.tick())
            self.follow(server, command, SNAPSHOT_ID=safety)
            if 'create' in command.words:
                last = server.tick()
                server.go_on(3)
            elif 'SNAPSHOT-ID' in command.words:
                self.assertGreaterEqual(server.found(), reached)
            elif 'revert' in command.words or 'rebuild' in command.words:
                self.assertIn(server.found(), range(first, last + 2))
                safety = self.newest(server, safety=True)
        self.assertLess(-1, reached)
        self.assert_sound(server)


class TestTenants(DocumentsTest):

    def test_by_stock_commands(self) -> None:
        """A name stands for the image that was made last."""
        server, image = self.boot(), ''
        name = f'{server.show().name}-{_NAME}'
        requests = None
        for command in documents.of_page(
                documents.SOURCE / 'user' / 'openstack.rst'):
            taken = 'create' in command.words and _NAME in command.words
            if taken and image:
                self.demo.image.update_image(image, name=f'{name}-older')
            if 'event' in command.words and 'list' in command.words:
                requests = list(self.demo.compute.server_actions(server.id))
            self.follow(
                server, command, SNAPSHOT_ID=image,
                REQUEST_ID=requests[0].request_id if requests else '')
            if taken:
                found = self.demo.image.find_image(name, ignore_missing=False)
                self.assertEqual('active', found.status)
                image = found.id
                server.go_on()
        self.assertIsNotNone(requests)
        self.assertIsNone(self.demo.image.find_image(name))
        self.assert_sound(server)


class TestOperator(DocumentsTest):

    def test_what_is_looked_at(self) -> None:
        server = self.boot()
        server.snapshot('one')
        followed = set()
        for page in ('index', 'operation', 'upgrade'):
            for command in documents.of_page(
                    documents.SOURCE / 'admin' / f'{page}.rst'):
                if command.program in ('snapdriver', 'snapdriver-status'):
                    done = host.run(*(
                        server.id if word == 'DOMAIN' else word
                        for word in command.words), check=False)
                    # Other servers may have something to tell.
                    self.assertIn(done.returncode, (0, 1), command)
                    followed.add(command.words[1])
        self.assertEqual({'domain', 'reaper', 'snapshot', 'upgrade'}, followed)

    def test_revert_on_the_host(self) -> None:
        server = self.boot()
        domain = host.virsh('domname', server.id).strip()
        host.run('snapdriver', 'snapshot', 'create', domain, 's1')
        last = server.tick() + 1
        server.go_on(3)
        for command in documents.of_page(
                documents.SOURCE / 'user' / 'nova.rst'):
            if command.program == 'openstack':
                self.follow(server, command)
            else:
                host.run(*(domain if word.startswith('instance-') else word
                           for word in command.words))
        self.assertIn(server.found(), range(last + 1))
        self.assert_sound(server)


class TestUninstall(DocumentsTest):

    def test_no_layer_is_left_and_no_data_is_lost(self) -> None:
        for off in (False, True):
            server = self.boot()
            domain = host.virsh('domname', server.id).strip()
            for number in range(2):
                server.snapshot(f's{number}')
                server.go_on()
            if off:
                server.stop()
            reached = server.tick()
            self._follow_all(server, domain, off)
            self.assertEqual([], [name for name in host.files(server.id)
                                  if 'layer' in name])
            if off:
                server.start()
            self.assertGreaterEqual(server.found(), reached)
            self.assertEqual(1, host.disk_images(server.id))

    def _follow_all(self, server: servers.Server, domain: str,
                    off: bool) -> None:
        """What the page says of one server that runs, or is off."""
        followed = set()
        for command in documents.of_page(
                documents.SOURCE / 'admin' / 'uninstall.rst', 'Take it out'):
            kind = ' '.join(command.words[:3])
            if kind in ('openstack server stop', 'openstack server start'):
                if off:
                    continue
                self.follow(server, command)
            elif command.program == 'snapdriver':
                if kind == 'snapdriver domain settle' and not off:
                    continue
                host.run(*({'DOMAIN': domain, 'WORD': domain}.get(word, word)
                           for word in command.words))
            else:
                continue
            followed.add(kind)
        self.assertLessEqual({'snapdriver snapshot delete',
                              'snapdriver domain merge'}, followed)
