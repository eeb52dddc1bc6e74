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

"""The image that an instance really comes from.

nova-api writes a handle's id and properties into the instance before it asks
for a rebuild onto it (``nova.compute.api.API.rebuild``); the original ones are
found nowhere any more. They are kept in the state file, and put back.
"""

from collections.abc import Mapping
from typing import Any

from oslo_log import log as logging

from snapdriver.nova import engine as engines

LOG = logging.getLogger(__name__)
_FIELDS = ('image_ref', 'kernel_id', 'ramdisk_id', 'os_type', 'architecture',
           'vm_mode', 'auto_disk_config')
_PREFIX = 'image_'  # nova.utils.SM_IMAGE_PROP_PREFIX


def of(instance: Any) -> dict[str, Any]:
    """What nova-api overwrites of an instance, as JSON types."""
    return {
        'fields': {name: getattr(instance, name) for name in _FIELDS},
        'metadata': {key: value for key, value
                     in instance.system_metadata.items()
                     if key.startswith(_PREFIX)}}


def remember(engine: engines.Engine, instance: Any) -> None:
    """Keep it, if it is the instance's own and not one of its handles.

    :raises SnapdriverError: it could not be written.
    """
    state = engine.state(instance.uuid)
    if state is not None and not _is_handle(state.snapshots, instance):
        engine.manager.remember_image(instance.uuid, of(instance))


def restore(engine: engines.Engine, instance: Any,
            save: bool = True) -> bool:
    """Put it back, if what the instance has is one of its handles.

    :param save: False if the caller saves the instance.
    :returns: whether anything was changed.
    """
    state = None
    with engines.logged('read its own image', instance):
        state = engine.state(instance.uuid)
    if state is None or state.own_image is None or not _is_handle(
            state.snapshots, instance):
        return False
    put_back(instance, state.own_image)
    if save:
        instance.save()
    LOG.info('Put back the instance\'s own image %(image)s',
             {'image': instance.image_ref}, instance=instance)
    return True


def put_back(instance: Any, own: Mapping[str, Any]) -> None:
    """Change the instance; the caller saves it."""
    for name in _FIELDS:
        if getattr(instance, name) != own['fields'].get(name):
            setattr(instance, name, own['fields'].get(name))
    for key in [key for key in instance.system_metadata
                if key.startswith(_PREFIX) and key not in own['metadata']]:
        del instance.system_metadata[key]
    instance.system_metadata.update(own['metadata'])


def _is_handle(snapshots: Mapping[str, Any], instance: Any) -> bool:
    return (instance.image_ref in snapshots
            or instance.system_metadata.get('image_base_image_ref')
            in snapshots)
