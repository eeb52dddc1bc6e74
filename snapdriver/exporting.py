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


"""Export: what a snapshot holds of a disk, as a file of its own.

::

    before    base <- a <- b <- c (active)      a guest may write c
                      s1   s2
    after     the same, and FILE                what s2 shows; it stands on
                                                nothing

The export is a job: under the lock it is recorded that it reads a layer (b),
which pins that one and all below it, and then it is copied without the lock.
If the snapshot is deleted meanwhile, its layer goes when the export ends.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import dataclasses
import errno
import os

from oslo_log import log as logging

from snapdriver import chain
from snapdriver import deletion
from snapdriver import exception
from snapdriver import instance as instances
from snapdriver import jobs
from snapdriver import model
from snapdriver import naming
from snapdriver import newfile
from snapdriver import qcow2
from snapdriver import qemuimg
from snapdriver import survey as surveys
from snapdriver.backends import internal_tags

LOG = logging.getLogger(__name__)
FORMATS = ('qcow2', 'raw')
Progress = Callable[[float], object]
_TRIES = 3

_running: set[str] = set()  # ids of the jobs that this process works on


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """What is wanted.

    :ivar file: path of the new file.
    :ivar disk: target or file name; None if the snapshot has only one.
    :ivar bandwidth: MiB per second; 0 for as fast as it goes.
    """

    snapshot: model.Snapshot
    file: str
    disk: str | None = None
    format: str = 'qcow2'
    compress: bool = False
    bandwidth: int = 0


def export(instance: instances.Instance, request: Request,
           progress: Progress, backends: deletion.Backends) -> model.Exported:
    """Copy with the lock let go; the file is complete, or not there.

    :raises Refused: nothing was done.
    :raises NoSpace: on the new file's file system, or on the instance's.
    """
    _check_format(instance, request)
    disk = _choose(instance, request)
    point = request.snapshot.disks[disk]
    names = _names(instance, point)
    with _new_file(instance, request) as output, _shared(instance, names):
        found = _check_headers(instance, point)
        # Only the tag knows that the disk was smaller then.
        size = found if point.tag is None else min(found, point.size)
        job = jobs.begin(instance, jobs.EXPORT, disk, {
            'pins': [point.layer], 'tag': point.tag, 'file': output.path})
        _running.add(job.id)
        try:
            failure = None
            with instance.unlocked():
                try:
                    _require_room(instance, request, point, output)
                    _copy(instance, request, point, output, progress,
                          None if size == found else size)
                    output.sync()
                except BaseException as error:
                    failure = error
            try:
                if failure is not None:
                    raise failure
                output.complete()
            finally:
                _end(instance, job, backends)
        finally:
            _running.discard(job.id)
        return model.Exported(
            file=output.path, format=request.format, disk=disk,
            snapshot=request.snapshot.name, virtual_size=size,
            bytes=os.fstat(output.fd).st_blocks * 512)


def is_alive(job: model.Job) -> bool:
    """Whether the process that has recorded an export still works on it."""
    return jobs.is_alive(job) and (
        job.data['process'][0] != os.getpid() or job.id in _running)


def clean(instance: instances.Instance, job: model.Job) -> str:
    """Take back the record of an export whose process has died.

    What it has written went with it, unless the file system knows no files
    without a name; a file is left then, as a path that stands in a state
    file is no reason to remove anything.

    :returns: what was done, as a sentence.
    """
    instance.images.unshare([
        instance.state.layers[layer].file
        for pin in job.data.get('pins', ())
        for layer in chain.to_base(instance.state.layers, pin)])
    file = job.data.get('file')
    LOG.warning('An export of %(name)s (%(uuid)s) was interrupted; if there '
                'is a file %(file)s, it is not complete',
                {'name': instance.name, 'uuid': instance.uuid, 'file': file})
    jobs.end(instance, job)
    return f'the interrupted export to {file} was given up'


def _check_format(instance: instances.Instance, request: Request) -> None:
    reason = None
    if request.format not in FORMATS:
        reason = (f'it cannot write format "{request.format[:80]}"; choose '
                  f'{" or ".join(FORMATS)}')
    elif request.compress and request.format != 'qcow2':
        reason = 'only qcow2 can be compressed; choose that, or do without'
    if reason is not None:
        raise _refused(instance, reason)


def _choose(instance: instances.Instance, request: Request) -> str:
    """The name of the disk that is wanted.

    :raises DiskNotFound: the snapshot has no such disk.
    """
    targets = {name: instance.state.disks[name].target
               for name in request.snapshot.disks}
    if request.disk is None:
        if len(targets) == 1:
            return next(iter(targets))
        raise _refused(
            instance, f'snapshot {request.snapshot.name} has the disks '
            f'{", ".join(sorted(targets.values()))}; choose one')
    for name, target in targets.items():
        if request.disk in (name, target):
            return name
    raise exception.DiskNotFound(
        domain=instance.name, disk=request.disk[:80],
        disks=', '.join(sorted(targets.values())) or 'none')


def _names(instance: instances.Instance, point: model.Point) -> list[str]:
    """The files that are read, the uppermost first."""
    layers = instance.state.layers
    return [layers[layer].file
            for layer in chain.to_base(layers, point.layer)]


@contextlib.contextmanager
def _new_file(instance: instances.Instance,
              request: Request) -> Iterator[newfile.NewFile]:
    """The new file, which is none of the instance's.

    :raises Refused: there is such a file, or it cannot be made.
    """
    try:
        with newfile.create(request.file) as output:
            _require_elsewhere(instance, output)
            yield output
    except FileExistsError as error:
        raise _refused(
            instance, f'{request.file} exists already, and nothing is '
            'overwritten; choose another name') from error
    except newfile.CannotMake as error:
        raise _refused(
            instance, f'{request.file} cannot be made: {error}; choose a '
            'directory that exists and that you may write to') from error


def _require_elsewhere(instance: instances.Instance,
                       output: newfile.NewFile) -> None:
    """:raises Refused: it would look like a file of the instance."""
    own = [instance.make_folder().path]
    if (instance.has_own_directory
            or naming.is_layer_file(os.path.basename(output.path))):
        own.append(instance.directory.path)
    if any(os.path.samestat(os.stat(path), os.fstat(output.directory))
           for path in own):
        raise _refused(
            instance, f'{output.path} would lie among the domain\'s own '
            'files; choose another directory')


@contextlib.contextmanager
def _shared(instance: instances.Instance,
            names: Sequence[str]) -> Iterator[None]:
    """Within, qemu-img may read these, and QEMU may use them as before."""
    instance.images.share(names)
    try:
        yield
    finally:
        instance.images.unshare(names)


def _check_headers(instance: instances.Instance, point: model.Point) -> int:
    """See that qemu-img will open nothing else; the virtual size.

    :raises UnsafeImage: a header names another file than we put there.
    """
    state, size = instance.state, 0
    for identity in chain.to_base(state.layers, point.layer):
        layer = state.layers[identity]
        header = qcow2.read_header(instance.directory, layer.file)
        surveys.check_backing(instance, state.disks[layer.disk], layer,
                              header)
        size = size or header.size
    return size


def _require_room(instance: instances.Instance, request: Request,
                  point: model.Point, output: newfile.NewFile) -> None:
    """:raises Refused: it cannot fit, as far as that can be known."""
    free = output.free()
    if request.compress or _held_bytes(instance, point) <= free:
        return
    needed = instance.images.measure(_names(instance, point), point.tag)
    if needed > free:
        raise _refused(
            instance, f'{output.path} will take about {needed} bytes, and '
            f'{free} are free there; choose another file system, or make '
            'room')


def _held_bytes(instance: instances.Instance, point: model.Point) -> int:
    """What the files that are read occupy: a copy cannot be larger."""
    layers = chain.to_base(instance.state.layers, point.layer)
    base = instance.state.disks[instance.state.layers[point.layer].disk].base
    below = 0
    if base is not None:
        with contextlib.suppress(OSError):
            below = os.stat(base).st_blocks * 512
    return below + sum(map(instance.held_bytes, layers))


def _copy(instance: instances.Instance, request: Request, point: model.Point,
          output: newfile.NewFile, progress: Progress,
          size: int | None) -> None:
    names = _names(instance, point)
    for left in reversed(range(_TRIES)):
        try:
            instance.images.convert(
                names, output.fd, request.format, tag=point.tag,
                size=size, compress=request.compress,
                bandwidth=request.bandwidth,
                watch=qemuimg.Watch(progress=progress))
            return
        except exception.NoSpace as error:
            raise exception.NoSpace(path=output.path) from error
        except exception.ImageCommandFailed as error:
            if not left or os.strerror(errno.EACCES) not in error.stderr:
                raise
        # A start of the domain has just given them all to QEMU again.
        instance.images.share(names)


def _end(instance: instances.Instance, job: model.Job,
         backends: deletion.Backends) -> None:
    """Take the record back, and what nothing needs any more.

    The copy is what it is by now: what fails here is left to recover.
    """
    try:
        if job.id in instance.state.jobs:
            jobs.end(instance, job)
        if instance.state.operation is None:
            internal_tags.retry(instance)
            deletion.sweep(instance, backends)
    except (exception.SnapdriverError, OSError) as error:
        LOG.warning('After an export of %(name)s (%(uuid)s): %(error)s',
                    {'name': instance.name, 'uuid': instance.uuid,
                     'error': error})


def _refused(instance: instances.Instance, reason: str) -> exception.Refused:
    return exception.Refused('export', instance.name, [reason])
