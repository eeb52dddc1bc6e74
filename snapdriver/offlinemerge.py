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

"""Merging layers that no QEMU has open, by qemu-img.

::

    down: commit    base <- a <- b <- c    c is written into b
    up: rebase      base <- a <- b <- c    what c sees of b is written into
                                           c, whose header names a then
"""

from collections.abc import Sequence
import contextlib
import os
import signal
import time

from snapdriver import chain
from snapdriver import directory
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import jobs
from snapdriver import merges
from snapdriver import model
from snapdriver import qcow2
from snapdriver import qemuimg

_IMAGE_COMMANDS = ('setpriv', 'prlimit', 'qemu-img')
_ENDS_WITHIN = 10  # seconds, once it is killed
Stamp = tuple[int, int]  # what changes with a file: bytes, time


def run(instance: instances.Instance, merge: merges.Merge, bandwidth: int,
        watch: qemuimg.Watch) -> Stamp:
    """Copy the bytes; nothing stands on the result yet, unless up.

    :param bandwidth: MiB per second; 0 for as fast as it goes.
    :returns: for :func:`is_unchanged`.
    """
    layers = instance.state.layers
    names = [layers[layer].file
             for layer in chain.to_base(layers, merge.upper)]
    lower, upper = layers[merge.lower], layers[merge.upper]
    if merge.direction is merges.Direction.DOWN:
        instance.images.commit(names, lower.file, bandwidth, watch)
    else:
        disk = instance.state.disks[merge.disk]
        below, kind = ((disk.base, disk.base_format) if lower.parent is None
                       else (layers[lower.parent].file, 'qcow2'))
        instance.images.rebase(names, below, kind, watch)
    return _stamp(instance, upper)


def own(instance: instances.Instance, merge: merges.Merge) -> None:
    """Have the directory's owner read and write what is merged.

    Layers further down can be in use by a QEMU on another branch.
    """
    layers = instance.state.layers
    for layer in (merge.lower, merge.upper):
        instance.directory.take(layers[layer].file)
    for layer in chain.to_base(layers, merge.lower)[1:]:
        instance.directory.share(layers[layer].file)


def is_unchanged(instance: instances.Instance, merge: merges.Merge,
                 stamp: Sequence[int]) -> bool:
    """Whether the upper layer is still what was copied.

    :param stamp: what :func:`run` has returned.
    """
    layer = instance.state.layers[merge.upper]
    return tuple(stamp) == _stamp(instance, layer)


def halt(job: model.Job, owner: int) -> None:
    """End the qemu-img of a job, whoever has started it.

    :param owner: the user that it runs as: no other process is killed,
        whatever the state file says.
    :raises ImageCommandFailed: it does not end.
    """
    process = job.data.get('image_process') or []
    end = time.monotonic() + _ENDS_WITHIN
    while process and jobs.identify(process[0]) == process:
        if _is_image_command(process[0], owner):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process[0], signal.SIGKILL)
        if time.monotonic() > end:
            raise exception.ImageCommandFailed(
                command='qemu-img', code='none',
                stderr=f'process {process[0]} still merges layers')
        time.sleep(0.01)


def _is_image_command(pid: int, owner: int) -> bool:
    """Whether it is qemu-img, or will be: it is started through others."""
    try:
        with open(f'/proc/{pid}/comm') as file:
            return (file.read().strip() in _IMAGE_COMMANDS
                    and os.stat(f'/proc/{pid}').st_uid == owner)
    except (FileNotFoundError, ProcessLookupError):
        return False


def stands_on(instance: instances.Instance, layer: model.Layer,
              below: model.Layer | None) -> bool:
    """Whether a header names that layer; None for the base."""
    header = _header(instance, layer)
    if below is not None:
        return header.backing_file == below.file
    base = instance.state.disks[layer.disk].base
    return base == (header.backing_file and os.path.normpath(os.path.join(
        instance.directory.path, header.backing_file)))


def point_at(instance: instances.Instance, layer: model.Layer,
             below: model.Layer) -> None:
    """Let a header name a layer by its own name, if it does not.

    Only for an image that nobody has open.
    """
    if _header(instance, layer).backing_file == below.file:
        return
    instance.directory.take(layer.file)
    instance.directory.chmod(layer.file, directory.ACTIVE_MODE)
    instance.images.point_at(layer.file, below.file)


def _header(instance: instances.Instance,
            layer: model.Layer) -> qcow2.Header:
    """As it is now, also if QEMU has the image open."""
    instance.directory.share(layer.file)
    return qcow2.read_header(instance.directory, layer.file)


def _stamp(instance: instances.Instance, layer: model.Layer) -> Stamp:
    found = instance.directory.regular(layer.file)
    return found.st_size, found.st_mtime_ns
