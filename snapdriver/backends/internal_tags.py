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


"""The tags inside layers: which there are, and removing those in the way.

::

    before:  a <- b (active)      tag s1 in a, tags s2 and s3 in b
    s2 goes  a <- b               at once: QEMU, or qemu-img, removes it
    s1 goes  a <- b               off: at once; else QEMU has a open as a
                                  backing file, and it stays, as a job, until
                                  the domain is off
"""

from collections.abc import Iterable
from collections.abc import Mapping
import os
import time

from oslo_log import log as logging

from snapdriver import chain
from snapdriver import directory
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import jobs
from snapdriver import memory
from snapdriver import model
from snapdriver import qcow2tags
from snapdriver import settle

LOG = logging.getLogger(__name__)


def of_active(instance: instances.Instance,
              files: Mapping[str, str]) -> dict[str, list[str]]:
    """The names of the tags in what the domain writes, or would write.

    :param files: disk name to the active layer's file.
    """
    written = _written(instance)
    return {name: _written_tags(instance, written, file)
            for name, file in files.items()}


def of_layer(instance: instances.Instance, layer: str) -> list[str]:
    """The names of the tags in any layer."""
    return _written_tags(instance, _written(instance),
                         instance.state.layers[layer].file)


def remove(instance: instances.Instance, files: Iterable[str],
           name: str) -> None:
    """Remove all tags of that name from what the domain writes."""
    for file in files:
        writer = _writer(instance, _written(instance), file)
        if writer is None or instance.domain is None:
            instance.directory.take(file)
            while name in of_file(instance, file):
                instance.images.untag(file, name)
            continue
        while writer is not None and name in writer.names:
            memory.untag(instance.domain, writer.node, name)
            writer = _writer(instance, _written(instance), file)


def of_file(instance: instances.Instance, file: str) -> list[str]:
    """The names of the tags in an image that no QEMU writes."""
    try:
        found = qcow2tags.read(instance.directory, file)
    except PermissionError:
        if _is_open(instance, file):
            instance.directory.share(file)
        else:
            instance.directory.take(file)
        found = qcow2tags.read(instance.directory, file)
    return [tag.name for tag in found]


def to_jobs(state: model.State, snapshots: Iterable[model.Snapshot]
            ) -> dict[str, model.Job]:
    """The jobs of removing what those snapshots keep in layers that stay."""
    found = {}
    for snapshot in snapshots:
        for name, point in snapshot.disks.items():
            if point.tag is not None and point.layer in state.layers:
                identity = f'{jobs.UNTAG}-{point.layer}-{point.tag}'
                found[identity] = model.Job(
                    id=identity, type=jobs.UNTAG, disk=name,
                    started_at=time.time(),
                    data={'layer': point.layer, 'tag': point.tag})
    return found


def retry(instance: instances.Instance) -> None:
    """Remove what can be removed now; the rest stays a job."""
    for job in jobs.of_type(instance.state, jobs.UNTAG):
        layer = instance.state.layers.get(job.data['layer'])
        tag: str = job.data['tag']
        if (layer is None or tag in _recorded(instance.state, layer)
                or _untag(instance, layer, tag)):
            jobs.end(instance, job)


def _untag(instance: instances.Instance, layer: model.Layer,
           tag: str) -> bool:
    """Remove a tag, unless somebody reads that layer."""
    state = instance.state
    off = instance.is_off()
    active = state.disks[layer.disk].active == layer.id
    if (layer.id in chain.pinned(state)
            or (not off and not active and _is_open(instance, layer.file))
            or (off and not settle.possible(instance))):
        return False
    try:
        if not active:
            instance.directory.take(layer.file)
            instance.directory.chmod(layer.file, directory.ACTIVE_MODE)
        try:
            remove(instance, [layer.file], tag)
        finally:
            if not active:
                instance.directory.chmod(layer.file, directory.FROZEN_MODE)
    except exception.SnapdriverError as error:
        LOG.warning('The tag %(tag)s stays in %(file)s for now: %(error)s',
                    {'tag': tag, 'file': layer.file, 'error': error})
        return False
    return True


def findings(instance: instances.Instance) -> list[model.Finding]:
    """What ``check`` has to tell of tags; of the layers it can read."""
    state, found = instance.state, []
    owed = {(job.data['layer'], job.data['tag'])
            for job in jobs.of_type(state, jobs.UNTAG)}
    written = _written(instance)
    # What libvirt lists is told of as a snapshot of others.
    listed = (set() if instance.domain is None
              else instance.domain.snapshot_names())
    for layer in state.layers.values():
        try:
            there = set(_written_tags(instance, written, layer.file,
                                      look=True))
        except (PermissionError, exception.UnsafeFile,
                exception.UnsafeImage):
            continue  # it is QEMU's, or others have told what is wrong
        recorded = _recorded(state, layer)
        found += [model.Finding(
            model.Severity.ERROR, 'tag-missing', layer.file,
            f'the snapshot {tag} is recorded in it and is not there; bring '
            'the file back from a backup, or delete the snapshot')
            for tag in sorted(recorded - there)]
        found += [model.Finding(
            model.Severity.WARNING, 'tag-unknown', layer.file,
            f'it holds a snapshot {tag} that neither snapdriver nor libvirt '
            'lists; delete it by qemu-img while the domain is off, if nobody '
            'needs it')
            for tag in sorted(there - recorded - listed)
            if (layer.id, tag) not in owed]
    return found + [model.Finding(
        model.Severity.PENDING, 'tag-pending', state.layers[layer].file,
        f'the deleted snapshot {tag} is removed from it when nobody reads '
        'it any more: when the domain is off, at the latest')
        for layer, tag in sorted(owed) if layer in state.layers]


def _recorded(state: model.State, layer: model.Layer) -> set[str]:
    return {point.tag for snapshot in state.snapshots.values()
            for point in snapshot.disks.values()
            if point.layer == layer.id and point.tag is not None}


def _written(instance: instances.Instance) -> list[memory.DiskTags]:
    """What QEMU writes; nothing if the domain is off."""
    domain = instance.domain
    if domain is None or domain.is_off():
        return []
    return list(memory.tags(domain).values())


def _writer(instance: instances.Instance, written: list[memory.DiskTags],
            file: str) -> memory.DiskTags | None:
    """Who writes that file; the same image can have two names."""
    return next((disk for disk in written
                 if os.path.dirname(disk.file) == instance.directory.path
                 and instance.directory.same(
                     os.path.basename(disk.file), file)), None)


def _written_tags(instance: instances.Instance,
                  written: list[memory.DiskTags], file: str,
                  look: bool = False) -> list[str]:
    """:param look: whether the file must be left as it is."""
    writer = _writer(instance, written, file)
    if writer is not None:
        return writer.names
    if look:
        return [tag.name for tag
                in qcow2tags.read(instance.directory, file)]
    return of_file(instance, file)


def _is_open(instance: instances.Instance, file: str) -> bool:
    """Whether a running domain may have it open."""
    state = instance.state
    if instance.is_off():
        return False
    return any(state.layers[layer].file == file
               for disk in state.disks.values()
               for layer in chain.to_base(state.layers, disk.active))
