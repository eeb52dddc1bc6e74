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

"""The overlays that an external create or revert makes."""

from collections.abc import Iterable
from collections.abc import Mapping
import os
import time
from typing import Any

from snapdriver import directory
from snapdriver import domain as domains
from snapdriver import domainxml
from snapdriver import emptyqcow2
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import model
from snapdriver import naming
from snapdriver import settle
from snapdriver import state as state_file

Layers = Mapping[str, model.Layer]

# An overlay on its way out; see withdraw().
_WITHDRAWN = '.undo'
_JOB_ENDS_WITHIN = 60


def planned(instance: instances.Instance, disk: str, parent: str | None,
            size: int) -> model.Layer:
    """A new layer of that disk, on that one; its name is free.

    :param size: virtual size in bytes.
    """
    layer_id = naming.new_layer_id()
    while instance.directory.stat(naming.layer_file(disk, layer_id)):
        layer_id = naming.new_layer_id()
    return model.Layer(
        id=layer_id, disk=disk, file=naming.layer_file(disk, layer_id),
        format='qcow2', parent=parent, created_at=time.time(),
        fresh_bytes=emptyqcow2.length(size))


def make(instance: instances.Instance, new: Layers,
         sizes: Mapping[str, int]) -> None:
    """Make the files, and have them on disk.

    :param new: disk name to layer.
    :param sizes: disk name to virtual size in bytes.
    """
    for name, layer in new.items():
        backing = instance.state.layers[layer.parent or '']
        instance.images.create_overlay(layer.file, backing.file, sizes[name])
    instance.directory.sync()


def to_data(new: Layers) -> dict[str, Any]:
    return {name: state_file.to_plain(layer) for name, layer in new.items()}


def from_data(data: Mapping[str, Any]) -> dict[str, model.Layer]:
    return {name: model.Layer(**layer) for name, layer in data.items()}


def in_use(instance: instances.Instance, new: Layers) -> bool:
    """Whether a running QEMU writes one of those layers."""
    domain = instance.domain
    if domain is None or instance.is_off():
        return False
    files = {layer.file for layer in new.values()}
    return any(os.path.basename(path) in files
               for path, _ in domain.qemu_disks().values())


def defined_on(instance: instances.Instance, new: Layers) -> bool:
    """Whether the domain would start on one of those layers."""
    if instance.domain is None:
        return False
    files = {layer.file for layer in new.values()}
    return any(os.path.basename(disk.source or '') in files for disk
               in domainxml.parse_disks(instance.domain.defined_xml()))


def written(instance: instances.Instance, new: Layers) -> bool:
    """Whether one of those layers has been written to.

    Then the domain stood on them, whatever libvirt, which can have been
    killed at that moment, makes of it; what was written must be kept.
    """
    then = instance.operation.data.get('times', {})
    now = times(instance, new)
    return any(layer.fresh_bytes is not None
               and layer.file in now and not instance.is_pristine(layer)
               or then.get(layer.file) != now.get(layer.file)
               and layer.file in then
               for layer in new.values())


def times(instance: instances.Instance, new: Layers) -> dict[str, int]:
    """When each file was last written, in nanoseconds.

    A copy does not grow by each write, as an empty overlay does.
    """
    found = {layer.file: instance.directory.stat(layer.file)
             for layer in new.values()}
    return {file: status.st_mtime_ns for file, status in found.items()
            if status is not None}


def require_unused(instance: instances.Instance, verb: str,
                   new: Layers) -> None:
    """:raises Refused: somebody has started the domain meanwhile, on the
    layers below the new ones.
    """
    if not instance.is_off() and not in_use(instance, new):
        raise exception.Refused(verb, instance.name, [
            'somebody started it meanwhile; nothing was changed, try again'])


def restore(instance: instances.Instance, new: Layers) -> None:
    """Make the active layers writable, and the domain stand on them again.

    Also if it runs: it was started on them while we changed its names.
    """
    state = instance.state
    active = {name: state.layers[state.disks[name].active] for name in new}
    for layer in active.values():
        if instance.directory.stat(layer.file) is None:
            return  # planned, and not even linked
        if instance.directory.mode(layer.file) == directory.FROZEN_MODE:
            instance.directory.chmod(layer.file, directory.ACTIVE_MODE)
    moved = any(instance.directory.same(name, layer.file)
                or instance.directory.same(name, layer.file + _WITHDRAWN)
                for name, layer in new.items())
    if moved or defined_on(instance, new):
        settle.switch(instance, active)


def without_unlinked(instance: instances.Instance
                     ) -> tuple[dict[str, model.Disk],
                                dict[str, model.Layer]]:
    """The state's disks and layers, but those that were only planned.

    A disk that was new has one layer, whose own name may not be there yet.
    """
    state = instance.state
    disks = {name: disk for name, disk in state.disks.items()
             if name not in instance.operation.data['added']
             or instance.directory.stat(state.layers[disk.active].file)}
    return disks, {key: layer for key, layer in state.layers.items()
                   if layer.disk in disks}


def put_back(instance: instances.Instance, new: Layers) -> None:
    """Bring back what :func:`withdraw` was killed over."""
    _rename(instance, [(layer.file + _WITHDRAWN, layer.file)
                       for layer in new.values()])


def withdraw(instance: instances.Instance, new: Layers) -> bool:
    """Remove overlays, unless QEMU turns out to write one of them.

    A client can be killed while libvirtd still works on its request, so the
    files are first renamed, which nothing can open from then on; who had one
    open before that is seen afterwards.

    :returns: False if one is in use; all are back in their place then.
    """
    files = [layer.file for layer in new.values()]
    _rename(instance, [(file, file + _WITHDRAWN) for file in files])
    wait_for_jobs(instance.domain)
    if in_use(instance, new):
        _rename(instance, [(file + _WITHDRAWN, file) for file in files])
        return False
    if instance.domain is not None and not instance.is_off():
        instance.domain.let_go([instance.directory.path_of(file)
                                for file in files])
    for file in files:
        instance.directory.unlink(file + _WITHDRAWN)
    return True


def _rename(instance: instances.Instance,
            pairs: Iterable[tuple[str, str]]) -> None:
    for old, new in pairs:
        if instance.directory.stat(old) is not None:
            instance.directory.rename(old, new)


def wait_for_jobs(domain: domains.Domain | None) -> None:
    """Wait until libvirt has ended what a killed client began.

    :raises LibvirtFailed: it has not for a minute.
    """
    end = time.monotonic() + _JOB_ENDS_WITHIN
    while domain is not None and domain.is_migrating_or_saving():
        if time.monotonic() > end:
            raise exception.LibvirtFailed(
                action='end a job', domain=domain.name,
                reason='it has been working for a minute; see "virsh '
                       'domjobinfo"')
        time.sleep(0.02)
