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

"""Resize on one host, and moves to another one."""

import os
import shutil
from typing import Any

from nova import exception as nova_exception
from oslo_concurrency import processutils
from oslo_log import log as logging

from snapdriver import directory
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import model
from snapdriver import state as state_file
from snapdriver.nova import engine as engines
from snapdriver.nova import handles
from snapdriver.nova import reaper as reapers
from snapdriver.nova.watching import verbs

LOG = logging.getLogger(__name__)


def refuse_live(engine: engines.Engine, instance: Any) -> None:
    """Before a live migration has begun.

    libvirt refuses a domain that has snapshots, too late for Nova: the server
    would be in ERROR; without metadata it would lose data in silence.

    :raises MigrationPreCheckError: nothing has changed.
    """
    if _has_snapshots(engine, instance):
        raise nova_exception.MigrationPreCheckError(reason=_REASON)


def before_cold(engine: engines.Engine, reaper: reapers.Reaper,
                instance: Any) -> None:
    """Before the disks are copied to another host.

    :raises InstanceFaultRollback: nothing has changed.
    """
    if not _has_snapshots(engine, instance):
        return
    if engine.options.on_move == 'refuse':
        raise nova_exception.InstanceFaultRollback(
            nova_exception.MigrationPreCheckError(reason=_REASON))
    try:
        flatten(engine, reaper, instance)
    except exception.SnapdriverError as error:
        raise nova_exception.InstanceFaultRollback(
            nova_exception.MigrationPreCheckError(
                reason=str(error))) from error


def _has_snapshots(engine: engines.Engine, instance: Any) -> bool:
    with engines.translated():
        return engine.has_snapshots(instance.uuid)


_REASON = ('the server has local snapshots, which cannot move to another host '
           'with it yet; delete their images first, or let the operator set '
           'on_move=flatten in section [snapdriver] of nova.conf')


def flatten(engine: engines.Engine, reaper: reapers.Reaper,
            instance: Any) -> None:
    """Delete every local snapshot, and merge what they leave behind.

    Their manifests go, too; other handles stay, as images of their disks.

    :raises SnapdriverError: it could not be done, or not wholly.
    """
    manager, state = engine.manager, engine.manager.state(instance.uuid)
    LOG.warning('Deleting the local snapshots of an instance that moves to '
                'another host', instance=instance)
    with verbs.watched(verbs.Verb.DELETE, instance,
                       list(state.snapshots)):
        manager.delete(instance.uuid, [], everything=True)
    reaper.doom(instance.uuid, handles.manifests(state))
    merged = manager.merge(instance.uuid)
    if merged.pending:
        raise exception.Refused('move', instance.uuid, [
            f'{file} cannot be merged: {why}'
            for file, why in merged.pending.items()])


def copy_layers(engine: engines.Engine, instance: Any) -> None:
    """Complete what Nova has copied for a resize on this host.

    ::

        UUID_resize/  disk = disk.layer-c -> disk.layer-b -> ...  snapdriver/
        UUID/         disk (Nova's copy)
        after:        disk = disk.layer-c -> disk.layer-b -> ...  snapdriver/

    Bytes are copied, not linked: the resized server may be told to go on
    from the old directory.

    :raises SnapdriverError, OSError: the caller cleans up.
    """
    uuid = instance.uuid
    target = engine.path(uuid)
    source = f'{target}_resize'
    if not os.path.isdir(os.path.join(source, instances.FOLDER)):
        return
    state = _state(source)
    if state is None:
        return
    shutil.copytree(os.path.join(source, instances.FOLDER),
                    os.path.join(target, instances.FOLDER),
                    dirs_exist_ok=True)
    os.chmod(os.path.join(target, instances.FOLDER), 0o700)
    old = directory.Directory(source)
    try:
        for layer in state.layers.values():
            file = os.path.join(target, layer.file)
            copied = os.path.join(target, layer.disk)
            if (layer.id == state.disks[layer.disk].active
                    and os.path.exists(copied)):
                if not old.same(layer.disk, layer.file):
                    raise exception.UnsafeFile(
                        path=old.path_of(layer.disk),
                        reason='it is not the newest data of its disk')
                os.link(copied, file)
            else:
                old.take(layer.file)
                _copy(os.path.join(source, layer.file), file)
                os.chmod(file, directory.FROZEN_MODE)
    finally:
        old.close()


def put_back(engine: engines.Engine, instance: Any) -> None:
    """The old directory again, as Nova does when its own copying fails
    (``_cleanup_remote_migration``).
    """
    target = engine.path(instance.uuid)
    source = f'{target}_resize'
    if os.path.isdir(source):
        shutil.rmtree(target, ignore_errors=True)
        os.rename(source, target)


def _state(path: str) -> model.State | None:
    return state_file.read(os.path.join(path, instances.FOLDER))


def _copy(source: str, target: str) -> None:
    """Holes stay holes, and a file system that can share the bytes does."""
    processutils.execute('cp', '--sparse=always', '--reflink=auto',
                         source, target)
