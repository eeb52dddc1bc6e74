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

"""Taking over external snapshots that others have made, by virsh for one.

::

    before:  base <- disk <- disk.s1 <- disk.s2     libvirt lists s1 and s2;
                                                    headers name full paths
    after:   base <- disk.layer-a <- disk.layer-b <- disk.layer-c
                     s1              s2              = disk, active

Every file gets a name of its own, headers are pointed at these names, and
the old names go. Since headers are written, the domain must be off. Each
step leaves a domain that boots; an interrupted one is always finished.
"""

import os
import time

from snapdriver import cleanup
from snapdriver import directory
from snapdriver import domain as domains
from snapdriver import domainxml
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import model
from snapdriver import naming
from snapdriver import settle
from snapdriver import state as state_file
from snapdriver import survey as surveys
from snapdriver import view


def adopt(instance: instances.Instance,
          name: str | None) -> list[model.Snapshot]:
    """Take over what libvirt lists and we do not.

    :param name: only that snapshot; by default all. The layers of the
        others are taken over without a name.
    :raises Refused: nothing to adopt, or not now.
    """
    domain = instance.domain
    if domain is None or settle.possible(instance) is False:
        raise exception.Refused('adopt snapshots of', instance.name, [
            'it must be shut off (and not suspended), since image headers '
            'are written; stop it first'])
    ours = {s.name for s in instance.state.snapshots.values()}
    elements = [element for element
                in map(domainxml.parse_snapshot, domain.snapshot_xmls())
                if element.name not in ours
                and (name is None or element.name == name)]
    if not elements:
        raise exception.Refused('adopt snapshots of', instance.name, [
            f'libvirt lists no snapshot {name or ""} that snapdriver did not '
            'make'.replace('  ', ' ')])
    internal = [e.name for e in elements if not e.overlays]
    if internal:
        raise exception.Refused('adopt snapshots of', instance.name, [
            f'{", ".join(internal)}: not external; only external ones can '
            'be adopted'])
    disks, layers, names = _chains(instance, domain)
    snapshots = _snapshots(instance, elements, disks, names)
    new = {layer.id: layer for layer in layers.values()
           if layer.id not in instance.state.layers}
    own = {instance.directory.path_of(old):
           instance.directory.path_of(layer.file)
           for old, layer in names.items()}
    # Before the intent, as libvirt will have forgotten them by the time of
    # an interrupted one's end. Without an intent they are swept.
    for element, snapshot in zip(elements, snapshots, strict=True):
        instance.make_folder().replace_file(
            view.xml_file(snapshot.id),
            domainxml.with_sources(element.domain_xml, own).encode())
    instance.begin('adopt', '', 'planned', {
        'new': {old: {'file': old, 'disk': layer.disk, 'id': layer.id}
                for old, layer in names.items() if layer.id in new},
        'frozen': [layer.file for layer in layers.values()
                   if layer.id not in {d.active for d in disks.values()}],
        'snapshots': [state_file.to_plain(s) for s in snapshots],
        'forget': [e.name for e in elements]},
        disks=dict(instance.state.disks) | disks,
        layers=dict(instance.state.layers) | layers)
    finish(instance)
    return snapshots


def finish(instance: instances.Instance) -> None:
    """All that follows the first record; can be repeated.

    :raises Refused: it was started meanwhile, on the old names.
    """
    if not settle.possible(instance):
        raise exception.Refused('adopt snapshots of', instance.name, [
            'it must be shut off (and not suspended), since image headers '
            'are written; stop it first'])
    data, state = instance.operation.data, instance.state
    new = [state.layers[entry['id']] for entry in data['new'].values()]
    for old, layer in zip(data['new'], new, strict=True):
        if instance.directory.stat(layer.file) is None:
            instance.directory.link(old, layer.file)
    instance.passed('linked')
    for layer in new:
        if layer.parent is None:
            continue
        below = state.layers[layer.parent].file
        if instance.header(layer.file).backing_file != below:
            instance.directory.take(layer.file)
            instance.images.point_at(layer.file, below)
    for file in data['frozen']:
        instance.directory.chmod(file, directory.FROZEN_MODE)
    instance.passed('frozen')
    settle.settle(instance)
    for old in data['new']:
        if old not in state.disks:
            instance.directory.unlink(old)
    snapshots = [state_file.to_snapshot(s) for s in data['snapshots']]
    view.drop(instance, data['forget'])
    instance.finish(
        'committed', current=snapshots[-1].id,
        snapshots=dict(state.snapshots) | {s.id: s for s in snapshots})
    cleanup.sweep_folder(instance)
    view.sync(instance)


def _chains(instance: instances.Instance, domain: domains.Domain
            ) -> tuple[dict[str, model.Disk], dict[str, model.Layer],
                       dict[str, model.Layer]]:
    """Disks, layers by id, and layers by the file name they have now."""
    disks: dict[str, model.Disk] = {}
    layers: dict[str, model.Layer] = {}
    names: dict[str, model.Layer] = {}
    for element in domainxml.parse_disks(domain.defined_xml()):
        if element.unfit(instance.directory.path) or element.source is None:
            continue
        files, base, base_format = _files(
            instance, os.path.basename(element.source))
        name = _disk_name(instance, files)
        below: str | None = None
        for file in reversed(files):
            layer = _known(instance, file)
            if layer is None:
                identity = naming.new_layer_id()
                layer = model.Layer(
                    id=identity, disk=name, format='qcow2', parent=below,
                    file=naming.layer_file(name, identity),
                    created_at=time.time())
            layers[layer.id] = names[file] = layer
            below = layer.id
        disks[name] = model.Disk(
            name=name, target=element.target, base=base,
            base_format=base_format, active=names[files[0]].id,
            size=max(instance.header(file).size for file in files))
    return disks, layers, names


def _files(instance: instances.Instance, top: str
           ) -> tuple[list[str], str | None, str | None]:
    """File names from the top down, and the base below them."""
    files = [top]
    while True:
        header = instance.header(files[-1])
        path = instance.directory.path_of(files[-1])
        if header.data_file:
            raise exception.UnsafeImage(
                path=path, reason='it names an external data file')
        if header.backing_file is None:
            return files, None, None
        backing = os.path.normpath(os.path.join(
            instance.directory.path, header.backing_file))
        if (os.path.dirname(backing) != instance.directory.path
                or header.backing_format != 'qcow2'):
            surveys.check_base(instance, files[-1], backing,
                               header.backing_format)
            return files, backing, header.backing_format
        file = os.path.basename(backing)
        if file in files:
            raise exception.UnsafeImage(
                path=path, reason='it is its own backing file')
        files.append(file)


def _known(instance: instances.Instance, file: str) -> model.Layer | None:
    return next((layer for layer in instance.state.layers.values()
                 if instance.directory.same(file, layer.file)), None)


def _disk_name(instance: instances.Instance, files: list[str]) -> str:
    for file in files:
        layer = _known(instance, file)
        if layer is not None:
            return layer.disk
    return files[-1]


def _snapshots(instance: instances.Instance,
               elements: list[domainxml.SnapshotElement],
               disks: dict[str, model.Disk],
               names: dict[str, model.Layer]) -> list[model.Snapshot]:
    made: dict[str, model.Snapshot] = {}
    for element in elements:
        points = {}
        for target, path in element.frozen.items():
            layer = names.get(os.path.basename(path)) or _known(
                instance, os.path.basename(path))
            if layer is None:
                raise exception.Refused('adopt snapshots of', instance.name, [
                    f'{element.name}: its file {path} is not below the '
                    'active layer; delete it with virsh'])
            over = names.get(os.path.basename(element.overlays[target]))
            points[layer.disk] = model.Point(
                layer=layer.id, size=disks[layer.disk].size,
                overlay=None if over is None else over.file)
        parent = made.get(element.parent or '')
        known = instance.state.snapshot_named(element.parent or '')
        off = element.state == 'shutoff'
        made[element.name] = model.Snapshot(
            id=naming.new_snapshot_id(),
            name=_name(element), kind='external',
            state='shutoff' if off else 'disk-snapshot',
            parent=parent.id if parent is not None
            else None if known is None else known.id,
            created_at=element.created, frozen_at=element.created,
            consistency=model.Consistency.OFFLINE if off
            else model.Consistency.CRASH_CONSISTENT,
            disks=points, description=element.description)
    return list(made.values())


def _name(element: domainxml.SnapshotElement) -> str:
    """Its name, or a generated one if our rule forbids it."""
    try:
        return naming.check_snapshot_name(element.name)
    except exception.InvalidName:
        return f'adopted-{int(element.created)}-{naming.new_layer_id()}'
