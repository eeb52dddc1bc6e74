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

"""What Nova is told about disks that consist of layers.

Nova asks qemu-img, as its own user. It may not read what a running guest's
QEMU has, and one such failure stops the resource update of the whole host; and
it takes the name of a backing file for one of its image cache, which it fills
from Glance (``_create_images_and_backing``). The state file knows better.
"""

from collections.abc import Callable
import os
from typing import Any

from nova import exception as nova_exception

from snapdriver import exception
from snapdriver import model
from snapdriver.nova import engine as engines

#: One of ``LibvirtDriver._get_instance_disk_info_from_config``'s.
DiskInfo = dict[str, Any]


def collect(engine: engines.Engine, config: Any,
            stock: Callable[[Any], list[DiskInfo]]) -> list[DiskInfo]:
    """The information of every disk of a domain, in the domain's order.

    :param config: a ``LibvirtConfigGuest``; its devices are put back.
    :param stock: what Nova's own driver tells of a config.
    """
    devices = config.devices
    uuid = _uuid(engine, devices)
    if uuid is None:
        try:
            return stock(config)
        except nova_exception.InvalidDiskInfo:
            # Its first snapshot may have been made meanwhile.
            uuid = _uuid(engine, devices)
            if uuid is None:
                raise
    with engines.translated():
        state = engine.state(uuid)
    infos: list[DiskInfo] = []
    try:
        for device in devices:
            disk = None if state is None else _disk_of(engine, state, device)
            if state is None or disk is None:
                config.devices = [device]
                infos += stock(config)
            else:
                infos.append(_info(engine, state, disk))
    finally:
        config.devices = devices
    return infos


def bases(engine: engines.Engine, uuid: str) -> list[str]:
    """Paths of the images in ``_base`` that an instance's disks stand on."""
    try:
        state = engine.state(uuid)
    except exception.SnapdriverError:
        return []
    return [] if state is None else [
        disk.base for disk in state.disks.values() if disk.base]


def _uuid(engine: engines.Engine, devices: list[Any]) -> str | None:
    """The instance whose directory its disks lie in, if we know it.

    A config that was parsed from XML does not tell its UUID.
    """
    for device in devices:
        folder = os.path.dirname(_path(device))
        uuid = os.path.basename(folder)
        if folder and folder == engine.path(uuid) and engine.knows(uuid):
            return uuid
    return None


def _path(device: Any) -> str:
    """Of the file that a device is; empty if it is no disk, or no file."""
    if device.root_name != 'disk' or device.source_type != 'file':
        return ''
    return device.source_path or ''


def _disk_of(engine: engines.Engine, state: model.State,
             device: Any) -> model.Disk | None:
    folder, file = os.path.split(_path(device))
    if folder != engine.path(state.uuid):
        return None
    files = {layer.file: layer.disk for layer in state.layers.values()}
    return state.disks.get(files.get(file, file))


def _info(engine: engines.Engine, state: model.State,
          disk: model.Disk) -> DiskInfo:
    held = sum(engine.size(state.uuid, layer.file)
               for layer in state.layers.values() if layer.disk == disk.name)
    return {'type': 'qcow2',
            'path': os.path.join(engine.path(state.uuid), disk.name),
            'virt_disk_size': disk.size,
            'backing_file': os.path.basename(disk.base or ''),
            'disk_size': held,
            'over_committed_disk_size': max(0, disk.size - held)}
