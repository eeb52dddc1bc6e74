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

"""``openstack server image create``: a local snapshot, and its handle.

The order makes that no local snapshot without a handle stays: it is made, the
image is filled, looked at again, and whatever fails on the way drops it.
"""

from typing import Any

from nova import exception as nova_exception
from nova.compute import task_states
from oslo_log import log as logging
from oslo_utils import excutils

from snapdriver import exception
from snapdriver import model
from snapdriver.nova import disks
from snapdriver.nova import engine as engines
from snapdriver.nova import handles
from snapdriver.nova import image_export
from snapdriver.nova import own_image
from snapdriver.nova import reaper as reapers
from snapdriver.nova import requests
from snapdriver.nova.watching import verbs

LOG = logging.getLogger(__name__)
#: Of a handle whose deletion the compute service would not see.
_REAPABLE = 'snapdriver_reapable'
_ASKED_FOR = (task_states.IMAGE_SNAPSHOT, task_states.IMAGE_BACKUP)


class ImageSnapshot:
    """Fills one image of one instance.

    :param image_api: a ``nova.image.glance.API``.
    """

    def __init__(self, engine: engines.Engine, image_api: Any,
                 reaper: reapers.Reaper, context: Any, instance: Any,
                 image_id: str) -> None:
        self._engine = engine
        self._images = image_api
        self._reaper = reaper
        self._context = context
        self._instance = instance
        self._image_id = image_id
        self._export = image_export.ImageExport(
            engine, image_api, context, instance, image_id)

    def take(self, guest: Any, advance: image_export.Advance) -> bool:
        """Fill the image.

        :param guest: a ``nova.virt.libvirt.guest.Guest``.
        :param advance: ``update_task_state`` of the compute manager.
        :returns: False if it is for Nova's own driver to do.
        :raises NovaException: it was not filled; there is no local snapshot
            of it.
        """
        instance = self._instance
        image = self._images.get(self._context, self._image_id)
        asked = instance.task_state in _ASKED_FOR
        request = self._read(image)
        if asked and request.source is not None:
            self._export.run(image, request.source, advance)
            return True
        unfit = disks.unfit(self._engine, instance, guest)
        if unfit is None and asked and request.is_local:
            with verbs.watched(
                    verbs.Verb.CREATE, instance, [self._image_id],
                    self._context, kind=request.kind,
                    payload=request.payload):
                self._make(image, request, advance)
            return True
        if unfit is not None and request.explicit and request.is_local:
            raise nova_exception.ImageUnacceptable(
                image_id=self._image_id, reason=f'a local snapshot was asked '
                f'for, and {unfit}')
        if unfit is not None or not self._engine.has_layers(instance.uuid):
            return False
        self._flat(image, advance)
        return True

    def _read(self, image: dict[str, Any]) -> requests.Request:
        try:
            return requests.read(self._instance, image, self._engine.options,
                                 list(self._engine.manager.kinds))
        except exception.Refused as error:
            raise nova_exception.ImageUnacceptable(
                image_id=self._image_id, reason=error.text) from error

    # A local snapshot ------------------------------------------------------

    def _make(self, image: dict[str, Any], request: requests.Request,
              advance: image_export.Advance) -> None:
        own_image.restore(self._engine, self._instance)
        info = self._create(request.kind, image['name'], request.payload)
        try:
            with engines.translated():
                self._engine.manager.remember_image(
                    self._instance.uuid, own_image.of(self._instance))
            image_export.begin_upload(advance)
            properties = self._properties(info, request.payload)
            if request.payload == 'manifest':
                handles.fill(
                    self._images, self._context, image, properties, 'raw',
                    handles.manifest(self._instance.uuid, info))
            else:
                self._export.upload(image, properties, info.id)
            self._look_again(info, request.payload)
        except BaseException:
            with excutils.save_and_reraise_exception():
                self._drop(info)
        LOG.info('Made %(kind)s snapshot %(image)s (%(payload)s)',
                 {'kind': info.kind, 'image': info.id,
                  'payload': request.payload}, instance=self._instance)

    def _create(self, kind: str, name: str,
                payload: str | None = None) -> model.SnapshotInfo:
        try:
            return self._engine.manager.create(
                self._instance.uuid, self._image_id, kind=kind,
                description=''.join(c if c.isprintable() else ' '
                                    for c in name or ''),
                properties={} if payload is None else {
                    handles.IS_HANDLE: payload},
                quiesce=self._quiesce(), snapshot_id=self._image_id)
        except exception.SnapdriverError as error:
            raise nova_exception.InstanceUnacceptable(
                instance_id=self._instance.uuid,
                reason=str(error)) from error

    def _quiesce(self) -> model.Quiesce:
        """As Nova's own driver does (``_live_snapshot``)."""
        image = self._instance.image_meta.properties
        if image.get('os_require_quiesce', False):
            return model.Quiesce.REQUIRE
        if image.get('hw_qemu_guest_agent', False):
            return model.Quiesce.TRY
        return model.Quiesce.NEVER

    def _properties(self, info: model.SnapshotInfo,
                    payload: str) -> dict[str, str]:
        with engines.translated():
            state = self._engine.reader.state(self._instance.uuid)
        return handles.properties(
            state, info, payload, disks.unrevertible(self._instance))

    def _look_again(self, info: model.SnapshotInfo, payload: str) -> None:
        """:raises ImageNotFound: it went away while it was filled."""
        self._require_active(info)
        if self._reaper.saw(self._instance, info.id):
            return
        # Was it deleted this very moment, or is it not shown to the service?
        self._require_active(info)
        if payload == 'manifest':
            raise nova_exception.ImageUnacceptable(
                image_id=info.id, reason='the compute service cannot see it '
                'with its own credentials ([snapdriver] auth_section), and '
                'would never learn that it was deleted')
        self._images.update(self._context, info.id, {
            'properties': {_REAPABLE: 'no'}})

    def _require_active(self, info: model.SnapshotInfo) -> None:
        if self._images.get(self._context, info.id)['status'] != 'active':
            raise nova_exception.ImageNotFound(image_id=info.id)

    def _drop(self, info: model.SnapshotInfo) -> None:
        """With its layer: memory is gone on with from the active one only."""
        uuid = self._instance.uuid
        with engines.logged(f'drop snapshot {info.id}', self._instance):
            self._engine.manager.delete(uuid, [info.id])
            self._engine.manager.merge(
                uuid, bandwidth=self._engine.options.merge_bandwidth)

    # No local snapshot -----------------------------------------------------

    def _flat(self, image: dict[str, Any],
              advance: image_export.Advance) -> None:
        """An image of a chain of layers, which Nova's own driver cannot read.

        The moment is frozen for as long as it is copied.
        """
        info = self._create('external', image['name'])
        try:
            image_export.begin_upload(advance)
            self._export.upload(image, {}, info.id)
        finally:
            self._drop(info)
