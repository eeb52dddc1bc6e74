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

"""Taking over snapshots that others have made, by virsh for one.

::

    before:  base <- disk <- disk.s1 <- disk.s2     libvirt lists s1 and s2;
                                                    headers name full paths
    after:   base <- disk.layer-a <- disk.layer-b <- disk.layer-c
                     s1              s2              = disk, active

Every file gets a name of its own, headers are pointed at these names, and
the old names go; tags stay where they are. Since headers are written, the
domain must be off. Each step leaves a domain that boots; an interrupted one
is always finished.
"""

import dataclasses
import os

from oslo_log import log as logging

from snapdriver import chain
from snapdriver import cleanup
from snapdriver import directory
from snapdriver import domainxml
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import model
from snapdriver import naming
from snapdriver import qcow2tags
from snapdriver import settle
from snapdriver import state as state_file
from snapdriver import strangers
from snapdriver import view

LOG = logging.getLogger(__name__)


def adopt(instance: instances.Instance,
          name: str | None) -> list[model.Snapshot]:
    """Take over what libvirt lists and we do not.

    :param name: only that snapshot; by default all. The layers of the
        others are taken over without a name.
    :raises Refused: nothing to adopt, or not now.
    """
    domain = instance.domain
    if domain is None:
        raise _refused(instance, 'libvirt does not know it; define it first')
    _require_off(instance)
    listed = [domainxml.parse_snapshot(xml)
              for xml in domain.snapshot_xmls()]
    ours = {s.name for s in instance.state.snapshots.values()}
    wanted = [element for element in listed if element.name not in ours
              and name in (None, element.name)]
    if not wanted:
        raise _refused(instance, (
            'libvirt lists no snapshot that snapdriver did not make'
            if name is None else f'libvirt lists no such snapshot {name}, or '
            'it is ours already'))
    found = strangers.Search(instance, listed).domain(domain.defined_xml())
    snapshots = _snapshots(instance, wanted, found)
    if not snapshots:
        raise _refused(instance, 'none of the files, or of the tags inside '
                       'them, that they need is there')
    own = {instance.directory.path_of(old):
           instance.directory.path_of(layer.file)
           for old, layer in found.layers.items()}
    # Before the intent, as libvirt will have forgotten them, and which one is
    # current, by the time of an interrupted one's end. Without an intent the
    # files are swept.
    for element in wanted:
        if element.name in snapshots:
            _record(instance, element, snapshots[element.name].id, own)
    current = domain.current_snapshot() or ''
    known = snapshots.get(current) or instance.state.snapshot_named(current)
    active = {disk.active for disk in found.disks.values()}
    instance.begin('adopt', '', 'planned', {
        'new': {old: {'file': old, 'disk': layer.disk, 'id': layer.id}
                for old, layer in found.layers.items()},
        'frozen': [layer.file for layer in found.layers.values()
                   if layer.id not in active],
        'snapshots': [state_file.to_plain(s) for s in snapshots.values()],
        'forget': [e.name for e in wanted],
        'current': known and known.id},
        disks=dict(instance.state.disks) | found.disks,
        layers=dict(instance.state.layers) | found.by_id())
    finish(instance)
    return list(snapshots.values())


def _record(instance: instances.Instance, element: domainxml.SnapshotElement,
            identity: str, own: dict[str, str]) -> None:
    """Keep the domain as it was, with its files by their new names."""
    folder = instance.make_folder()
    folder.replace_file(view.xml_file(identity), domainxml.with_sources(
        element.domain_xml, own).encode())
    if element.internal and element.definition:
        folder.replace_file(
            view.definition_file(identity),
            domainxml.with_sources(element.definition, own).encode())


def finish(instance: instances.Instance) -> None:
    """All that follows the first record; can be repeated.

    :raises Refused: it was started meanwhile, on the old names.
    """
    _require_off(instance)
    data, state = instance.operation.data, instance.state
    layers = [state.layers[entry['id']] for entry in data['new'].values()]
    for old, layer in zip(data['new'], layers, strict=True):
        if instance.directory.stat(layer.file) is None:
            instance.directory.link(old, layer.file)
    instance.passed('linked')
    for layer in layers:
        if layer.parent is not None:
            _point_at(instance, layer, state.layers[layer.parent])
    for file in data['frozen']:
        instance.directory.chmod(file, directory.FROZEN_MODE)
    instance.passed('frozen')
    settle.settle(instance)
    kept = {*state.disks, *(layer.file for layer in state.layers.values())}
    for old in data['new']:
        if old not in kept:
            instance.directory.unlink(old)
    snapshots = dict(state.snapshots) | {
        item['id']: state_file.to_snapshot(item)
        for item in data['snapshots']}
    view.drop(instance, data['forget'])
    instance.finish(
        'committed', snapshots=snapshots,
        current=_current(dataclasses.replace(state, snapshots=snapshots),
                         data.get('current')))
    cleanup.sweep_folder(instance)
    view.sync(instance)


def _point_at(instance: instances.Instance, layer: model.Layer,
              below: model.Layer) -> None:
    """Let a header name a layer by its own name, if it does not."""
    if instance.header(layer.file).backing_file == below.file:
        return
    instance.directory.take(layer.file)
    instance.directory.chmod(layer.file, directory.ACTIVE_MODE)
    instance.images.point_at(layer.file, below.file)


def _current(state: model.State, listed: str | None) -> str | None:
    """The youngest snapshot that the active layers stand on.

    :param listed: the one that libvirt calls current. It says best which of
        several at the same layers that is, as it tells their age in whole
        seconds.
    """
    below = {layer for disk in state.disks.values()
             for layer in chain.to_base(state.layers, disk.active)}
    standing = [s for s in state.snapshots.values()
                if all(p.layer in below for p in s.disks.values())]
    depths = {s.id: max(chain.depth(state.layers, p.layer)
                        for p in s.disks.values()) for s in standing}
    return max(depths, default=None, key=lambda i: (
        depths[i], i == listed, state.snapshots[i].frozen_at))


def _snapshots(instance: instances.Instance,
               elements: list[domainxml.SnapshotElement],
               found: strangers.Found) -> dict[str, model.Snapshot]:
    """libvirt's name to ours; without those whose files are gone."""
    made: dict[str, model.Snapshot] = {}
    files = {layer.file: layer for layer in found.layers.values()}
    files |= found.layers
    for element in elements:
        points = (_tags(instance, element, files) if element.internal
                  else _points(instance, element, files))
        if points is None:
            LOG.warning('Snapshot %(name)s of %(domain)s is left alone: a '
                        'file that it froze, or a tag in it, is gone',
                        {'name': element.name, 'domain': instance.name})
            continue
        made[element.name] = _snapshot(instance, element, points, made)
    return made


def _points(instance: instances.Instance,
            element: domainxml.SnapshotElement,
            files: dict[str, model.Layer]) -> dict[str, model.Point] | None:
    """Where an external one keeps each disk; None if one is gone."""
    points = {}
    for target, path in element.frozen.items():
        layer = files.get(os.path.basename(path))
        over = files.get(os.path.basename(element.overlays[target]))
        if layer is None:
            return None
        points[layer.disk] = model.Point(
            layer=layer.id,
            size=instance.header(os.path.basename(path)).size,
            overlay=None if over is None else over.file)
    return points or None


def _tags(instance: instances.Instance, element: domainxml.SnapshotElement,
          files: dict[str, model.Layer]) -> dict[str, model.Point] | None:
    """The same of an internal one, whose tags have libvirt's name."""
    points = {}
    for path in element.tagged.values():
        file = os.path.basename(path)
        layer = files.get(file)
        tags = [] if layer is None else [
            tag for tag in qcow2tags.read(instance.directory, file)
            if tag.name == element.name]
        if layer is None or len(tags) != 1:
            return None
        points[layer.disk] = model.Point(
            layer=layer.id, tag=element.name,
            size=tags[0].size or instance.header(file).size)
    return points or None


def _snapshot(instance: instances.Instance,
              element: domainxml.SnapshotElement,
              points: dict[str, model.Point],
              made: dict[str, model.Snapshot]) -> model.Snapshot:
    parent = made.get(element.parent or '') or instance.state.snapshot_named(
        element.parent or '')
    consistency = model.Consistency.CRASH_CONSISTENT
    if element.state == 'shutoff':
        consistency = model.Consistency.OFFLINE
    elif element.internal:
        consistency = model.Consistency.MEMORY
    return model.Snapshot(
        id=naming.new_snapshot_id(), name=_name(element),
        kind='internal' if element.internal else 'external',
        state=element.state if element.internal
        or consistency is model.Consistency.OFFLINE else 'disk-snapshot',
        parent=None if parent is None else parent.id,
        created_at=element.created, frozen_at=element.created,
        consistency=consistency, disks=points,
        description=element.description)


def _name(element: domainxml.SnapshotElement) -> str:
    """Its name, or a generated one if our rule forbids it."""
    try:
        return naming.check_snapshot_name(element.name)
    except exception.InvalidName:
        return f'adopted-{int(element.created)}-{naming.new_layer_id()}'


def _require_off(instance: instances.Instance) -> None:
    if not settle.possible(instance):
        raise _refused(instance, 'it must be shut off (and not suspended), '
                       'since image headers are written; stop it first')


def _refused(instance: instances.Instance,
             reason: str) -> exception.Refused:
    return exception.Refused('adopt', instance.name, [reason])
