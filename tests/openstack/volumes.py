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

"""Volumes, of the stand-in for Cinder (``tools/openstack.d/volumes.py``)."""

import contextlib
from typing import Any

import openstack

from tests.openstack import server as servers


class Volume:
    """A volume of tenant ``demo``, which goes at a test's end.

    :param test: a :class:`tests.openstack.base.OpenStackTest`.
    """

    def __init__(self, test: Any) -> None:
        self._test = test
        self._storage = test.demo.block_storage
        self.id = self._storage.create_volume(size=1, name='second').id
        test.addCleanup(self._delete)

    def attached_to(self) -> list[str]:
        """Whom it is attached to, as its own service has it."""
        return [one['server_id'] for one
                in self._storage.get_volume(self.id).attachments]

    def attach(self, server: servers.Server) -> str:
        """``openstack server add volume``; returns the guest's name of it."""
        server.cloud.compute.create_volume_attachment(
            server.id, volume_id=self.id)
        self._wait('in-use')
        server.wait()
        device = self._storage.get_volume(self.id).attachments[0]['device']
        return str(device.removeprefix('/dev/'))

    def detach(self, server: servers.Server) -> None:
        """``openstack server remove volume``."""
        server.cloud.compute.delete_volume_attachment(server.id, self.id)
        self._wait('available')
        server.wait()

    def _wait(self, status: str) -> None:
        self._test.poll(
            lambda: self._storage.get_volume(self.id).status == status,
            f'volume {self.id} to be {status}')

    def _delete(self) -> None:
        # A server may be deleted after it.
        for server in self.attached_to():
            with contextlib.suppress(openstack.exceptions.HttpException):
                self._test.demo.compute.delete_volume_attachment(
                    server, self.id)
        self._wait('available')
        self._storage.delete_volume(self.id)
