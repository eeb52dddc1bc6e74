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

"""Removing what nothing needs any more: files of ours without a record."""

from collections.abc import Iterable

from oslo_log import log as logging

from snapdriver import domainxml
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import naming
from snapdriver import privsep
from snapdriver import settle
from snapdriver import view

LOG = logging.getLogger(__name__)


def unlink(instance: instances.Instance, files: Iterable[str]) -> None:
    """Unlink layers that an operation has recorded as gone.

    A Nova name that is one of them still, since the domain was started
    before the names could be settled, becomes the active layer: it would
    be a file without a record otherwise. Nothing that runs uses that name,
    as nothing stands on the layer.

    :raises InvalidName: a file that can be none of ours (invariant I3).
    """
    for file in files:
        if not naming.is_layer_file(file):
            raise naming.not_ours(file)
        for disk in instance.state.disks.values():
            if instance.directory.same(disk.name, file):
                settle.rename(instance, disk.name,
                              instance.state.layers[disk.active])
        instance.unlink(file)
    instance.directory.sync()


def sweep_folder(instance: instances.Instance) -> None:
    """Remove what a crash has left in the state folder."""
    folder = instance.make_folder()
    kept = {name for snapshot in instance.state.snapshots
            for name in (view.xml_file(snapshot),
                         view.definition_file(snapshot))}
    for name in folder.names():
        if name.endswith('.new') or (
                name.endswith('.xml') and name not in kept):
            folder.unlink(name)


def sweep_names(instance: instances.Instance) -> None:
    """Remove the links that a settle has left behind."""
    for disk in instance.state.disks:
        instance.directory.unlink(disk + naming.SETTLE_SUFFIX)


def forget_if_bare(instance: instances.Instance) -> None:
    """Forget the layers of an instance that is as we found it.

    No snapshot, and every disk one layer that has its Nova name: the second
    link and the records go. Nova reads a running guest's disk as its own
    user, and one that it cannot read stops the resource update of its host
    (``LibvirtDriver.update_available_resource``): permissions come back.

    ::

        before:   disk = disk.layer-a   -rw-------
        after:    disk                  -rw-r--r--
    """
    state = instance.state
    if (not state.disks or state.snapshots or state.operation or state.jobs
            or len(state.layers) != len(state.disks)
            or not settle.settled(instance)):
        return
    _define_by_name(instance)
    if _is_named(instance):
        return
    try:
        for disk in state.disks.values():
            if disk.mode is not None:
                instance.directory.chmod(disk.name, disk.mode & privsep.MODES)
    except exception.PrivilegeMissing as error:
        LOG.warning('%(error)s', {'error': error})
        return  # what we know of, Nova need not read
    links = [layer.file for layer in state.layers.values()]
    instance.begin('delete', '', 'unnamed', {'unlink': links, 'names': []},
                   disks={}, layers={}, current=None)
    unlink(instance, links)
    instance.finish(None)


def _define_by_name(instance: instances.Instance) -> None:
    """Let a domain that is off be defined as it was before we came."""
    domain, state = instance.domain, instance.state
    if (domain is None or not domain.is_persistent()
            or not settle.possible(instance)):
        return
    xml = domain.defined_xml()
    names = {instance.directory.path_of(layer.file):
             instance.directory.path_of(layer.disk)
             for layer in state.layers.values()}
    if any(disk.source in names for disk in domainxml.parse_disks(xml)):
        domain.define(domainxml.with_sources(xml, names))


def _is_named(instance: instances.Instance) -> bool:
    """Whether the domain names a layer by its own name, or another file."""
    if instance.domain is None:
        return False
    state = instance.state
    targets = {disk.target for disk in state.disks.values()}
    names = {instance.directory.path_of(name) for name in state.disks}
    own = {instance.directory.path_of(layer.file)
           for layer in state.layers.values()}
    return any(disk.source in own
               or (disk.target in targets and disk.source not in names)
               for xml in (instance.domain.live_xml(),
                           instance.domain.defined_xml())
               for disk in domainxml.parse_disks(xml))
