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

"""Images that hold a frozen moment of a root disk, flat: they boot anywhere.

A tenant asks for one of an older snapshot by a property that names it, on an
image of the server that would be one of the present moment otherwise.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import os
from typing import Any

from nova import conf as nova_conf
from nova import exception as nova_exception
from nova import utils as nova_utils
from nova.compute import task_states
from nova.compute import utils as compute_utils
from oslo_log import log as logging
from oslo_utils import fileutils

from snapdriver.nova import engine as engines
from snapdriver.nova import handles
from snapdriver.nova import requests

LOG = logging.getLogger(__name__)
CONF = nova_conf.CONF

Advance = Callable[..., None]


class ImageExport:
    """Fills one image from the snapshots of one instance.

    :param image_api: a ``nova.image.glance.API``.
    """

    def __init__(self, engine: engines.Engine, image_api: Any, context: Any,
                 instance: Any, image_id: str) -> None:
        self._engine = engine
        self._images = image_api
        self._context = context
        self._instance = instance
        self._image_id = image_id

    def run(self, image: Mapping[str, Any], source: str,
            advance: Advance) -> None:
        """Fill it from a snapshot that its tenant has named.

        :param source: what the tenant says; only the instance's own state
            file tells that it is a snapshot of it.
        :raises ImageUnacceptable: it is not; nothing was done.
        """
        with engines.translated():
            state = self._engine.state(self._instance.uuid)
        if state is None or source not in {
                handle.id for handle in handles.of(state)}:
            raise nova_exception.ImageUnacceptable(
                image_id=self._image_id, reason=f'its property '
                f'{requests.SOURCE} is "{source[:40]}", which is no snapshot '
                'of this server')
        begin_upload(advance)
        self.upload(image, {}, source)
        LOG.info('Exported snapshot %(snapshot)s to image %(image)s',
                 {'snapshot': source, 'image': self._image_id},
                 instance=self._instance)

    def upload(self, image: Mapping[str, Any], own: Mapping[str, str],
               snapshot: str) -> None:
        """The root disk as a snapshot holds it, while the server runs on.

        :param own: properties of ours that the image gets.
        :param snapshot: its id.
        """
        wanted = CONF.libvirt.snapshot_image_format or 'qcow2'
        disk_format = wanted if wanted in ('qcow2', 'raw') else 'qcow2'
        with self._scratch() as path:
            with engines.translated():
                self._engine.manager.export(
                    self._instance.uuid, snapshot, path, disk='disk',
                    format=disk_format, compress=disk_format == 'qcow2'
                    and CONF.libvirt.snapshot_compression)
            with open(path, 'rb') as data, compute_utils.disk_ops_semaphore:
                handles.fill(self._images, self._context, image, own,
                             disk_format, data)

    @contextlib.contextmanager
    def _scratch(self) -> Iterator[str]:
        folder = CONF.libvirt.snapshots_directory
        fileutils.ensure_tree(folder)
        with nova_utils.tempdir(dir=folder) as scratch:
            yield os.path.join(scratch, self._image_id)


def begin_upload(advance: Advance) -> None:
    """The task states that the compute manager expects, one after the other.

    :param advance: ``update_task_state`` of the compute manager.
    """
    advance(task_state=task_states.IMAGE_PENDING_UPLOAD)
    advance(task_state=task_states.IMAGE_UPLOADING,
            expected_state=task_states.IMAGE_PENDING_UPLOAD)
