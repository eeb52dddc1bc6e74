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

"""``openstack server snapshot``, as a member and as an administrator."""

from tests.openstack import base
from tests.openstack import client
from tests.openstack import images
from tests.openstack import server as servers

_VERBS = ('create', 'delete', 'export', 'list', 'revert', 'set', 'show',
          'unset')
_SOURCE = 'snapdriver_request_source'
_MEMORY = 'snapdriver_request_memory'


class ClientTest(base.OpenStackTest):

    def create(self, server: servers.Server, name: str, *options: str,
               cloud: str = 'demo') -> str:
        """Returns its id."""
        return str(client.answer(
            cloud, 'create', '--payload', 'manifest', '--wait', *options,
            server.id, name)['id'])

    def refused(self, *words: str, cloud: str = 'demo', **options: str) -> str:
        """Returns the reason."""
        done = client.snapshot(cloud, *words, check=False, **options)
        self.assertEqual((1, ''), (done.returncode, done.stdout))
        return done.stderr


class TestManual(ClientTest):
    """Each line that the manual has."""

    def test_as_a_member(self) -> None:
        server = self.boot()
        name = str(server.show().name)
        names = {'web': name, 'web-2.0': f'{name}-2.0'}
        lines = list(client.manual('Five minutes'))
        self.assertEqual(set(_VERBS), {line[0] for line in lines})
        for line in lines:
            client.snapshot('demo', *(names.get(word, word) for word in line))
        left = client.answer('demo', 'list', '--long', name)
        self.assertEqual([True], list({one['Safety'] for one in left}))
        self.assertIsNotNone(self.demo.image.find_image(names['web-2.0']))

    def test_as_an_administrator(self) -> None:
        self.create(self.boot(), 'seen-by-admin')
        lines = list(client.manual('For administrators'))
        self.assertEqual({'list'}, {line[0] for line in lines})
        for line in lines:
            told = client.snapshot('admin', *line).stdout
            self.assertIn('seen-by-admin', told)

    def test_help(self) -> None:
        for verb in _VERBS:
            told = client.snapshot('demo', verb, '--help').stdout
            self.assertIn(f'usage: openstack server snapshot {verb}', told)


class TestClient(ClientTest):

    def test_there_and_back(self) -> None:
        server = self.boot()
        first = server.go_on()
        self.create(server, 'before', '--description', 'a word')
        last = server.tick()
        server.wait_tick(last + 3)
        self.assertIn('Nothing was changed', self.refused(
            'revert', server.id, 'before', terminal='n\n'))
        server.go_on()
        self.assertEqual(1, server.console().count('FOUND'))
        reached = server.tick()

        back = client.answer('demo', 'revert', '--wait', '--yes', server.id,
                             'before')
        self.assertEqual('ACTIVE', back['status'])
        self.assertIn(server.found(), range(first, last + 2))
        safety = client.answer('demo', 'show', server.id, back['safety_id'])
        self.assertEqual((back['safety'], True),
                         (safety['name'], safety['safety']))
        server.go_on()
        client.answer('demo', 'revert', '--wait', server.id,
                      back['safety_id'])
        self.assertGreaterEqual(server.found(), reached)
        self.assert_sound(server)

    def test_with_memory_and_without(self) -> None:
        server = self.boot()
        handle = self.create(server, 'running', '--kind', 'internal')
        server.go_on()
        before = server.console()
        client.answer('demo', 'revert', '--wait', server.id, 'running')
        server.go_on()
        self.assertNotIn('FOUND', server.since(before))
        before = server.console()
        back = client.snapshot('demo', 'revert', '--wait', '--no-memory',
                               server.id, 'running')
        self.assertIn('It boots', back.stderr)
        server.wait_tick()
        self.assertIn('FOUND', server.since(before))
        self.assertNotIn(_MEMORY, images.properties(self.demo, handle))

    def test_delete(self) -> None:
        server = self.boot()
        kept, gone = (self.create(server, name) for name in ('a', 'b'))
        done = client.snapshot('demo', 'delete', server.id, 'b', 'nosuch',
                               check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn('1 of 2', done.stderr)
        self.assertEqual([kept], [
            one['ID'] for one in client.answer('demo', 'list', server.id)])
        self.assertFalse(images.exists(self.demo, gone))

    def test_what_is_refused(self) -> None:
        server = self.boot()
        request = ('create', '--wait', '--kind', 'bronze', server.id, 'bad')
        self.assertIn(f'server event show {server.id} req-',
                      self.refused(*request))
        self.assertIn('one of external, internal',
                      self.refused(*request, cloud='admin'))
        self.assertIn('no snapshot "ticker"', self.refused(
            'revert', '--yes', server.id, 'ticker'))

    def test_whose_snapshots(self) -> None:
        server = self.boot()
        handle = self.create(server, 'mine')
        mine = client.answer('demo', 'list', '--all-servers')
        self.assertIn(handle, [one['ID'] for one in mine])
        theirs = client.answer('other', 'list', '--all-servers')
        self.assertNotIn(handle, [one['ID'] for one in theirs])
        found = {one['ID']: one for one in client.answer(
            'admin', 'list', '--all-projects', '--long')}
        project = self.demo.current_project_id
        self.assertEqual((server.id, project, True), (
            found[handle]['Server ID'], found[handle]['Project ID'],
            found[handle]['Reapable']))
        self.assertLess(0, found[handle]['Size'])
        self.assertIn('403', self.refused('list', '--all-projects'))

        # The administrator's own is the member's, too.
        shared = self.create(server, 'shared', cloud='admin')
        told = client.answer('demo', 'show', server.id, shared)
        self.assertEqual('shared', told['name'])

    def test_what_merely_looks_like_one(self) -> None:
        """An image that has all properties of a handle, from its server."""
        handle = images.take(self.boot(), 'disk', payload='disk').image
        server = self.boot(image=handle)
        image = images.take(server, 'flat', kind='none', payload=None).image
        self.assertIn('snapdriver_kind', images.properties(self.demo, image))
        self.assertEqual([], client.answer('demo', 'list', server.id))
        self.assertIn('no snapshot', self.refused(
            'revert', '--yes', server.id, image))


class TestExport(ClientTest):

    def test_of_each_kind(self) -> None:
        server = self.boot()
        taken = {kind: images.take(server, kind, kind=kind)
                 for kind in ('external', 'internal')}
        server.go_on(3)
        before = server.console().count('FOUND')
        names = server.names()
        for kind, moment in taken.items():
            made = client.answer('demo', 'export', '--wait', server.id, kind)
            self.assertEqual(f'{server.show().name}-{kind}', made['name'])
            self.assertIn(images.tick(self.demo, made['id']), moment.ticks)
            self.assertEqual({}, images.properties(self.demo, made['id']))
        server.go_on()
        self.assertEqual(before, server.console().count('FOUND'))
        self.assert_sound(server, list(names))

        other = self.boot(image=made['id'])
        self.assertIn(other.found(), moment.ticks)
        self.assertEqual([], client.answer('demo', 'list', other.id))

    def test_of_a_server_that_is_off(self) -> None:
        server = self.boot()
        moment = images.take(server, 'before')
        server.go_on(3)
        server.stop()
        made = client.answer('demo', 'export', '--wait', server.id, 'before')
        self.assertIn(images.tick(self.demo, made['id']), moment.ticks)
        self.assertEqual('SHUTOFF', server.show().status)

    def test_what_is_no_snapshot_of_it(self) -> None:
        server, other = self.boot(), self.boot()
        theirs = other.snapshot('theirs')
        mine = server.snapshot('mine')
        self.demo.image.update_image(theirs, instance_uuid=server.id)
        for said, why in (
                ({_SOURCE: theirs}, 'no snapshot of this server'),
                ({_SOURCE: '../../etc/passwd'}, 'no snapshot of this server'),
                ({_SOURCE: mine, 'snapdriver_request_kind': 'external'},
                 'goes without')):
            self._is_refused(server, said, why)
        self.assert_sound(server, [mine])
        self.assert_sound(other, [theirs])

    def _is_refused(self, server: servers.Server, said: dict[str, str],
                    why: str) -> None:
        image = self.demo.compute.create_server_image(
            server.id, 'refused', metadata=said, wait=False).id
        self.poll(lambda: not images.exists(self.demo, image),
                  'the image to go')
        self.assertEqual('ACTIVE', server.wait().status)
        self.assertIn(why, self.reason(server))
