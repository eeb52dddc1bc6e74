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

"""Handles of what was active before a revert, so that it can be undone."""

import datetime
from typing import Any

from nova import exception as nova_exception
from nova.compute import utils as compute_utils
from oslo_log import log as logging

from snapdriver import exception
from snapdriver import model
from snapdriver.nova import disks
from snapdriver.nova import engine as engines
from snapdriver.nova import handles
from snapdriver.nova import reaper as reapers
from snapdriver.nova.watching import verbs

LOG = logging.getLogger(__name__)


class Safeties:
    """Safety snapshots' images: queued before a revert, filled after it.

    They are manifests always, so that a revert does not depend on the disk's
    size.

    :param image_api: a ``nova.image.glance.API``.
    """

    def __init__(self, engine: engines.Engine, image_api: Any,
                 reaper: reapers.Reaper) -> None:
        self._engine = engine
        self._images = image_api
        self._reaper = reaper

    def title(self, name: str) -> str:
        """What people call it: the safety snapshot's description."""
        now = datetime.datetime.now(datetime.UTC).strftime('%Y-%m-%d %H.%M.%S')
        return f'before revert to {name} at {now}'[:255]

    def queue(self, context: Any, instance: Any, name: str) -> str:
        """Make the image, still without content; returns its id.

        It names the instance as nova-api's images do
        (``initialize_instance_snapshot_metadata``).
        """
        # Without a colon, in which Glance would see an operator: "openstack
        # server rebuild --image NAME" would not find it.
        title = f'{instance.display_name} {self.title(name)}'.replace(':', '.')
        meta = compute_utils.initialize_instance_snapshot_metadata(
            context, instance, title[:255], {
                'instance_uuid': instance.uuid,
                'user_id': str(context.user_id), 'image_type': 'snapshot',
                'base_image_ref': instance.image_ref})
        meta['properties'] = handles.kept(meta['properties'])
        meta.update(disk_format='raw', container_format='bare')
        return str(self._images.create(context, meta)['id'])

    def settle(self, context: Any, instance: Any, image_id: str,
               made: model.SnapshotInfo | None) -> None:
        """Fill the image of the safety snapshot, or delete an unused one.

        A failure costs the handle and is logged: the revert is done by then.
        """
        try:
            if made is None:
                self._images.delete(context, image_id)
                return
            with verbs.watched(
                    verbs.Verb.SAFETY, instance, [made.id], context):
                image = self._images.get(context, image_id)
                state = self._engine.reader.state(instance.uuid)
                handles.fill(
                    self._images, context, image, handles.properties(
                        state, made, 'manifest', disks.unrevertible(instance)),
                    'raw', handles.manifest(instance.uuid, made))
                self._reaper.saw(instance, image_id)
        except (nova_exception.NovaException,
                exception.SnapdriverError) as error:
            LOG.warning(
                'The image %(image)s of what was active before the revert '
                'could not be completed: %(error)s. The snapshot is there: '
                '"snapdriver snapshot list" on the host shows it.',
                {'image': image_id, 'error': error}, instance=instance)
