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

"""Settle: make Nova's names the active layers again (invariant I1).

::

    before:  disk = layer a (frozen)      a <- b <- c (active)
    after:   disk = layer c (active)      a <- b <- c (active)

libvirt and QEMU are not asked and no header is written: the active layer
gets a second link, which is renamed over ``disk``. Anything that opens
``disk`` by name, as Nova does whenever it writes the domain's XML, has the
newest data from then on.

A domain that is defined is first defined on the layers' own names, without
``<backingStore>``: right before the rename and after it. Its dumped chain
would name ``disk`` as a backing file of itself.
"""

from collections.abc import Mapping
import os

from oslo_log import log as logging

from snapdriver import domainxml
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import journal
from snapdriver import managedsave
from snapdriver import model
from snapdriver import naming

LOG = logging.getLogger(__name__)


def possible(instance: instances.Instance) -> bool:
    """Whether names may change: off, and no managed save image names them."""
    domain = instance.domain
    if domain is None:
        return True
    return (domain.is_off()
            and not domain.has_managed_save())


def settled(instance: instances.Instance) -> bool:
    """Whether every Nova name is its active layer."""
    return all(_same(instance, disk) for disk in instance.state.disks.values())


def settle(instance: instances.Instance) -> bool:
    """Make it so; nothing if it is so, or if the domain is not off.

    :returns: whether the names are settled now.
    :raises UnsafeFile: a Nova name is a file that we do not own: it is left
        as it is (invariant I3).
    """
    if not instance.state.disks:
        return True
    if not possible(instance):
        return settled(instance)
    switch(instance, {disk.name: instance.state.layers[disk.active]
                      for disk in instance.state.disks.values()})
    return True


def switch(instance: instances.Instance,
           active: Mapping[str, model.Layer]) -> None:
    """Put layers in the place of the active ones, of a domain that is off.

    The other disks are settled with them: what is defined from now on is
    what it starts on.

    :param active: disk name to the layer that shall be active, which need
        not be in the state yet.
    :raises UnsafeFile: as :func:`settle`; nothing was changed.
    """
    active = _others(instance) | dict(active)
    for name, layer in active.items():
        instance.directory.regular(layer.file)
        _check_owned(instance, name, layer)
    define(instance, active)
    if managedsave.is_suspended(instance):
        managedsave.put_on(instance, active)
    for name, layer in active.items():
        if not instance.directory.same(name, layer.file):
            rename(instance, name, layer)
    instance.directory.sync()
    # Nova reads them before each start. libvirt has left them with QEMU's
    # user after a power cut, and with root where it remembers no owner.
    if instance.is_off():
        for layer in active.values():
            instance.directory.take(layer.file)


def _others(instance: instances.Instance) -> dict[str, model.Layer]:
    """The active layers that are there: a disk can be detached and gone.

    None if it runs by now: then QEMU knows them by the names of before.
    """
    if not instance.is_off():
        return {}
    layers = [instance.state.layers[disk.active]
              for disk in instance.state.disks.values()]
    return {layer.disk: layer for layer in layers
            if instance.directory.stat(layer.file) is not None}


def rename(instance: instances.Instance, name: str,
           layer: model.Layer) -> None:
    """Make a Nova name a link to a layer; it is never missing."""
    temporary = name + naming.SETTLE_SUFFIX
    instance.directory.unlink(temporary)
    instance.directory.link(layer.file, temporary)
    journal.reached('settle', 'linked')
    instance.directory.rename(temporary, name)
    journal.reached('settle', 'renamed')
    LOG.info('%(disk)s of %(uuid)s is %(file)s',
             {'disk': name, 'uuid': instance.uuid, 'file': layer.file})


def _same(instance: instances.Instance, disk: model.Disk) -> bool:
    return instance.directory.same(
        disk.name, instance.state.layers[disk.active].file)


def _check_owned(instance: instances.Instance, name: str,
                 layer: model.Layer) -> None:
    """The file that the name is now must be one of ours, or none."""
    found = instance.directory.stat(name)
    if (found is None or instance.directory.same(name, layer.file)
            or instance.is_layer(name, name)):
        return
    raise exception.UnsafeFile(
        path=instance.directory.path_of(name),
        reason=f'it should be a link to {layer.file} and is another file')


def define(instance: instances.Instance,
           active: Mapping[str, model.Layer]) -> None:
    """Define the domain on those layers, unless it is already."""
    domain = instance.domain
    if domain is None or not domain.is_persistent():
        return
    layer_disks = instance.layer_disks()
    layer_disks |= {layer.file: name for name, layer in active.items()}
    xml = domain.defined_xml()
    sources: dict[str, str] = {}
    stale = False
    for element in domainxml.parse_disks(xml):
        if (element.source is None or element.device != 'disk'
                or os.path.dirname(element.source)
                != instance.directory.path):
            continue
        file = os.path.basename(element.source)
        name = domainxml.disk_name(element.source, layer_disks)
        if name not in active:
            continue
        wanted = active[name].file
        if element.has_backing or file not in (name, wanted):
            stale = True
        # By the Nova name it is right after the rename, but not before it.
        elif file == name and not instance.directory.same(name, wanted):
            stale = True
        sources[element.source] = instance.directory.path_of(wanted)
    if stale:
        domain.define(domainxml.with_sources(xml, sources))
        journal.reached('settle', 'defined')
