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

"""A Nova and a Glance in memory, behind what looks like openstacksdk."""

import types

from openstack import exceptions
from openstack.compute.v2 import server
from openstack.image.v2 import image

WEB = '5a1cb3bd-1b1c-4e3a-9a3c-0d1c6b2d7f10'
OTHER = '6b2dc4ce-2c2d-4f4b-8b4d-1e2d7c3e8f21'


def handle(image_id, name, server_id=WEB, **changes):
    """An image as Glance tells of it; a property that is None is left out."""
    said = {
        'id': image_id, 'name': name, 'owner': 'project', 'status': 'active',
        'size': 512, 'disk_format': 'raw', 'instance_uuid': server_id,
        'snapdriver_snapshot': image_id, 'snapdriver_kind': 'external',
        'snapdriver_payload': 'manifest', 'snapdriver_state': 'running',
        'snapdriver_consistency': 'crash-consistent',
        'snapdriver_frozen_at': '2026-01-02T03:04:05.678+00:00',
        'snapdriver_revertible': 'yes', 'base_image_ref': 'base',
        'hw_cdrom_bus': 'ide', 'trait:CUSTOM_SNAPDRIVER': 'required'}
    said |= changes
    return {key: value for key, value in said.items() if value is not None}


class Images:
    """``Connection.image``; what is done to it is in ``patches``."""

    def __init__(self):
        self.all = {}
        self.hidden = set()  # from lists, as what another project shares
        self.protected = set()
        self.patches = []

    def add(self, *args, **changes):
        made = handle(*args, **changes)
        self.all[made['id']] = made
        return made['id']

    def list(self, **query):
        """Stands in for ``Handle.list``."""
        return [image.Image.existing(**said) for said in self.all.values()
                if said['id'] not in self.hidden and all(
                    said.get(key) == value for key, value in query.items())]

    def get_image(self, image_id):
        if image_id not in self.all:
            raise exceptions.NotFoundException('gone')
        return image.Image.existing(**self.all[image_id])

    def delete_image(self, image_id, ignore_missing):
        if image_id in self.protected:
            raise exceptions.ForbiddenException('protected')
        del self.all[image_id]

    def patch(self, path, json, headers):
        self.patches.append((path, json))
        said = self.all[path.rpartition('/')[2]]
        for operation in json:
            key = operation['path'][1:].replace('~1', '/').replace('~0', '~')
            if operation['op'] == 'add':
                said[key] = operation['value']
            else:
                del said[key]
        return types.SimpleNamespace(status_code=200)


class Compute:
    """``Connection.compute``: two servers, and what was asked of them.

    :ivar pending: what is done, step by step, while somebody waits.
    """

    def __init__(self, images):
        self._images = images
        self.all = {WEB: self._server(WEB, 'web'),
                    OTHER: self._server(OTHER, 'other')}
        self.asked = []
        self.actions = []
        self.pending = []
        self.listed = []

    def _server(self, server_id, name):
        return {'id': server_id, 'name': name, 'status': 'ACTIVE',
                'OS-EXT-STS:task_state': None,
                'os-extended-volumes:volumes_attached': []}

    def change(self, **said):
        if 'task_state' in said:
            said['OS-EXT-STS:task_state'] = said.pop('task_state')
        self.all[WEB] |= said

    def find_server(self, name_or_id, ignore_missing):
        found = [said for said in self.all.values()
                 if name_or_id in (said['id'], said['name'])]
        if len(found) != 1:
            raise (exceptions.DuplicateResource if found else
                   exceptions.NotFoundException)(f'No Server: {name_or_id}')
        return server.Server.existing(**found[0])

    def servers(self, details, all_projects):
        self.listed.append(all_projects)
        return [server.Server.existing(**said) for said in self.all.values()]

    def get_server(self, server_id):
        if self.pending:
            self.pending.pop(0)()
        return server.Server.existing(**self.all[server_id])

    def create_server_image(self, server_id, name, properties):
        self.asked.append((server_id, name, properties))
        made = {'id': 'new', 'name': name, 'owner': 'project',
                'status': 'queued', 'instance_uuid': server_id} | properties
        self._images.all['new'] = made
        return image.Image.existing(**made)

    def rebuild_server(self, server_id, image):
        self.asked.append((server_id, image, dict(self._images.all[image])))

    def server_actions(self, _):
        return list(self.actions)

    def get_server_action(self, request_id, _):
        return next(action for action in self.actions
                    if action.request_id == request_id)


def action(name, *events, message=None, request_id='req-1'):
    return types.SimpleNamespace(
        action=name, request_id=request_id, message=message,
        events=[event(**said) for said in events])


def event(result=None, details=None, finish_time=None):
    return types.SimpleNamespace(
        result=result, details=details, finish_time=finish_time)


class Connection:
    """What the commands get from OpenStackClient."""

    def __init__(self):
        self.image = Images()
        self.compute = Compute(self.image)
