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


"""A Glance, an engine and a Nova for the reaper, all of them in memory."""

import contextlib
import copy
import types
from unittest import mock

from snapdriver import exception
from snapdriver import model
from snapdriver.nova import handles

SERVER = '5a1cb3bd-1b1c-4e3a-9a3c-0d1c6b2d7f10'
OTHER = '6b2dc4ce-2c2d-4f4b-8b4d-1e2d7c3e8f21'
GRACE, INTERVAL = 3600, 300


class Clock:
    """Goes on when it is told to."""

    def __init__(self):
        self.now = 1e9

    def __call__(self):
        return self.now


class Glance:
    """Images of several projects, as one user of project "service"."""

    section = 'service_user'
    project = 'service'

    def __init__(self):
        self.images = {}
        self.ids = set()  # those of deleted ones are not used again
        self.members = {}
        self.time = 0
        self.identities = ['http://glance user=u project=service roles=admin']
        self.admin = True
        self.status = None  # of every answer, if it is set
        self.statuses = {}  # of the answers for one image
        self.down = False
        self.refused = 403  # whoever makes or changes an image, if it is set
        self.lost = set()  # methods that are carried out without an answer
        self.asked = []

    def add(self, image_id, owner='tenant', **changes):
        self.ids.add(image_id)
        self.time += 1
        now = f'2026-01-01T00:00:{self.time:02}Z'
        self.images[image_id] = {
            'id': image_id, 'owner': owner, 'status': 'active',
            'visibility': 'private', 'created_at': now,
            'updated_at': now} | changes

    def touch(self, image_id, **changes):
        self.time += 1
        self.images[image_id] |= changes | {
            'updated_at': f'2026-01-01T00:00:{self.time:02}Z'}

    def connect(self):
        self._answer_or_fail()
        return self

    def identity(self):
        return self.identities.pop(0) if len(
            self.identities) > 1 else self.identities[0]

    def request(self, method, path, query, body=None):
        self.asked.append((method, path))
        self._answer_or_fail()
        answer = copy.deepcopy(self._answer(method, path, query, body))
        if method in self.lost:
            raise exception.ImageServiceFailed(
                section=self.section, reason='it was reset')
        return answer

    def _answer(self, method, path, query, body):
        parts = path.split('/')[3:]
        status = self.statuses.get(parts[0] if parts else None, self.status)
        if status is not None:
            return status, None
        if method in ('POST', 'PATCH') and self.refused is not None:
            return self.refused, None
        if method == 'POST':
            if body['id'] in self.ids:
                return 409, None
            self.add(body['id'], self.project, status='queued')
            self.images[body['id']] |= body
            return 201, self.images[body['id']]
        if not parts:
            found = sorted(filter(self._lists, self.images.values()),
                           key=lambda i: i['updated_at'], reverse=True)
            return 200, {'images': found[:int(query['limit'])]}
        image = self.images.get(parts[0])
        if image is None or not self._shows(image):
            return 404, None
        if method == 'DELETE':
            del self.images[parts[0]]
            return 204, None
        if method == 'PATCH':
            for change in body:
                name = change['path'].removeprefix('/')
                if change['op'] != 'replace' or name not in image:
                    return 409, None
                self.touch(parts[0], **{name: change['value']})
            return 200, image
        if parts[1:] == ['members']:
            return 200, {'members': [
                {'member_id': m} for m in self.members.get(parts[0], ())]}
        return 200, image

    def _answer_or_fail(self):
        if self.down:
            raise exception.ImageServiceFailed(
                section=self.section, reason='no route')

    def _lists(self, image):
        return not image.get('os_hidden') and self._shows(image)

    def _shows(self, image):
        return (self.admin or image['visibility'] == 'public'
                or image['owner'] == self.project
                or self.project in self.members.get(image['id'], ()))


class Engine:
    """Servers and their snapshots; the manager's calls are recorded."""

    def __init__(self):
        self.states = {}
        self.broken = set()
        self.options = types.SimpleNamespace(
            reap_grace=GRACE, reap_interval=INTERVAL, merge_bandwidth=7,
            merge_hours='', auth_section='service_user', host='here')
        self.manager = mock.Mock()
        self.manager.delete.side_effect = self._delete
        self.manager.merge.return_value = model.Merged(('one',), {})

    def add(self, server, *ids, created_at=0.0, safety=False, host='here'):
        before = self.states.get(server)
        snapshots = dict(before.snapshots) if before is not None else {}
        for image_id in ids:
            snapshots[image_id] = model.Snapshot(
                id=image_id, name=image_id, kind='external',
                state='disk-snapshot', parent=None, created_at=created_at,
                frozen_at=created_at,
                consistency=model.Consistency.OFFLINE, disks={},
                properties={handles.IS_HANDLE: 'yes'}, safety=safety)
        self.states[server] = model.State(
            server, 'web', host, snapshots=snapshots)

    def uuids(self):
        return list(self.states)

    def state(self, server):
        if server in self.broken:
            raise exception.StateError(path=server, reason='it is cut off')
        return self.states.get(server)

    def ids(self, server=SERVER):
        return sorted(self.states[server].snapshots)

    def _delete(self, server, ids):
        state = self.states[server]
        self.states[server] = model.State(
            server, 'web', state.host, snapshots={
                key: snapshot for key, snapshot in state.snapshots.items()
                if key not in ids})


class Servers:
    """Nova: why it minds, by server."""

    def __init__(self):
        self.refusals = {}
        self.held = None

    def refusal(self, server):
        return self.refusals.get(server)

    def run(self, server, act):
        why = self.refusal(server)
        if why is None:
            with self._lock(server):
                act()
        return why

    @contextlib.contextmanager
    def _lock(self, server):
        self.held = server
        yield
        self.held = None
