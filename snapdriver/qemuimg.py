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

"""qemu-img on the images of one directory, with explicit formats.

It runs as the owner of the instance's directory, never as root, and never
probes a format: a guest wrote the header.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import dataclasses
import errno
import json
import os
import pwd
import re
import selectors
import subprocess
import tempfile
from typing import Any
from typing import IO

from oslo_concurrency import processutils
from oslo_config import cfg

from snapdriver import conf as options
from snapdriver import directory
from snapdriver import emptyqcow2
from snapdriver import exception
from snapdriver import qcow2tags

_POLL = 0.05  # seconds between looks at a process that runs long
_STACK = 2 << 20  # of each of its up to 64 threads; the limit counts them
_OF_ITSELF = '/proc/self/fd/%d'
# What a full disk looks like to rebase -u, which writes a whole cluster.
_NO_ROOM = 'No space left in the file header'


@dataclasses.dataclass(frozen=True, slots=True)
class Watch:
    """What is told about a command that takes long.

    :ivar started: called once, with its process number.
    :ivar progress: called now and then, with the percentage done.
    """

    started: Callable[[int], object] = lambda pid: None
    progress: Callable[[float], object] = lambda percent: None


class Images:
    """qemu-img on the images of one directory, as its owner."""

    def __init__(self, where: directory.Directory,
                 conf: cfg.ConfigOpts) -> None:
        self._where = where
        self._options = options.options(conf)

    def create_overlay(self, name: str, backing: str, size: int) -> None:
        """Make an empty qcow2 overlay, and have it on disk.

        ::

            before:  backing
            after:   backing <- name

        The reference is relative: the directory can be renamed. The backing
        file, which a guest has written, is not opened.

        :param name: a new file, mode 0600.
        :param backing: a qcow2 image in the same directory.
        :raises FileExistsError: there is a file of that name, of any type.
        """
        fd = self._where.create(name)
        try:
            os.ftruncate(fd, emptyqcow2.length(size))
            os.posix_fallocate(fd, 0, emptyqcow2.HEADER)
            for offset, data in emptyqcow2.parts(size, backing):
                if os.pwrite(fd, data, offset) != len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(fd)
        except BaseException:
            self._where.unlink(name)
            raise
        finally:
            os.close(fd)

    def point_at(self, name: str, backing: str) -> None:
        """Write another name of the same backing file into a header.

        ::

            before:  /path/of/backing <- name
            after:   backing <- name             relative

        Only for an image that nobody has open.
        """
        with self._lent([name]):
            self._run('rebase', '-q', '-u', '-f', 'qcow2', '-F', 'qcow2',
                      '-b', backing, self._where.path_of(name), limited=True)
        self._where.sync_file(name)

    def commit(self, names: Sequence[str], lower: str, bandwidth: int,
               watch: Watch) -> None:
        """Write an image into one that it stands on, and keep it.

        ::

            before:  lower <- names[0]
            after:   lower <- names[0]     both show the same

        :param names: the image and all below it, which are opened.
        :param bandwidth: MiB per second; 0 for as fast as it goes.
        """
        limit = ['-r', f'{bandwidth}M'] if bandwidth else []
        with self._lent(names):
            # -d: the image is not emptied, which others may stand on.
            path = self._where.path_of(names[0])
            self._run_long('commit', '-p', '-d', *_uncached(path), '-f',
                           'qcow2', '-b', lower, *limit, path, watch=watch)
        self._where.sync_file(lower)

    def rebase(self, names: Sequence[str], below: str | None,
               kind: str | None, watch: Watch) -> None:
        """Write into an image what it sees of those that it leaves.

        ::

            before:  below <- names[1] <- names[0]
            after:   below <- names[0]

        :param below: an image of that format; None for nothing.
        """
        onto = ['-b', below, '-F', kind] if below and kind else ['-b', '']
        with self._lent(names):
            path = self._where.path_of(names[0])
            self._run_long('rebase', '-p', *_uncached(path), '-f', 'qcow2',
                           *onto, path, watch=watch)
        self._where.sync_file(names[0])

    # Tags: see qcow2tags.py. The backing file is not even opened.

    def tag(self, name: str, tag: str) -> None:
        """Make an internal snapshot of an image that nobody has open.

        The tag must be new: QEMU would make another of that name.
        """
        self._on_tags('-c', name, tag)

    def untag(self, name: str, tag: str) -> None:
        """Remove the oldest internal snapshot of that name."""
        self._on_tags('-d', name, tag)

    def apply_tag(self, name: str, tag: str) -> None:
        """Make an image what it was, its virtual size too."""
        # QEMU takes it for an id first, and another can have that one.
        self._on_tags('-a', name, next(
            (found.id for found in qcow2tags.read(self._where, name)
             if found.name == tag), tag))

    def _on_tags(self, option: str, name: str, tag: str) -> None:
        # It has no option for the format but this.
        image = json.dumps({
            'driver': 'qcow2', 'backing': None, 'file': {
                'driver': 'file', 'filename': self._where.path_of(name)}})
        with self._lent([name]):
            self._run('snapshot', option, tag, f'json:{image}', limited=True)
        self._where.sync_file(name)

    def grow(self, names: Sequence[str], size: int) -> None:
        """Enlarge an image; what is new of it is zero.

        :param names: the image, and those below it, which are opened too.
        """
        with self._lent(names):
            self._run('resize', '-q', '-f', 'qcow2',
                      self._where.path_of(names[0]), str(size), limited=True)
        self._where.sync_file(names[0])

    def copy_tag(self, names: Sequence[str], tag: str, size: int,
                 backing: str | None, kind: str | None, new: str) -> None:
        """Copy what an image itself held at a tag into another.

        ::

            before:  backing <- names[0], which has the tag
            after:   backing <- names[0]
                          \\- new

        The image may be in use meanwhile: the clusters of a tag are never
        written, as long as it has the tag.

        :param names: the image, and those below it, which are opened too;
            see :meth:`share`.
        :param size: virtual size of the new one; not less than the image's.
        :param backing: what it stands on, as the header shall name it; an
            image of that kind, or None.
        :param new: made by :meth:`directory.Directory.create`, empty.
        """
        on = ['-B', backing, '-F', kind] if backing and kind else []
        with self._lent([new]):
            self._run_long(
                'convert', '-p', '-U', '-f', 'qcow2', '-l',
                f'snapshot.name={tag}', '-O', 'qcow2', *on,
                self._where.path_of(names[0]), self._where.path_of(new),
                watch=Watch())
            self._run('resize', '-q', '-f', 'qcow2', self._where.path_of(new),
                      str(size), limited=True)
        self._where.sync_file(new)

    def convert(self, names: Sequence[str], target: int, kind: str, *,
                tag: str | None = None, size: int | None = None,
                compress: bool = False, bandwidth: int = 0,
                watch: Watch) -> None:
        """Copy what an image shows into an open file.

        ::

            before:  names[1] <- names[0]
            after:   names[1] <- names[0], and a copy that stands on nothing

        A QEMU may have the images open. It is started with a descriptor of
        the file, so the file needs no path that its user can go.

        :param names: the image and all below it, which are opened; see
            :meth:`share`.
        :param target: a descriptor; the file becomes the owner's meanwhile.
        :param kind: the copy's format.
        :param tag: what the image was at this tag; a QEMU may write it now.
        :param size: virtual size of the copy, if the image has grown since.
        :param bandwidth: MiB per second; 0 for as fast as it goes.
        """
        args = ['convert', '-p', *_source(tag), '-O', kind]
        if compress:
            args += ['-c', '-W']  # written as the threads have compressed it
        if bandwidth:
            args += ['-r', f'{bandwidth}M']
        with self._handed(target):
            self._run_long(*args, *_uncached(_OF_ITSELF % target),
                           self._where.path_of(names[0]),
                           _OF_ITSELF % target, watch=watch,
                           inherited=[target])
            if size is not None:
                self._run_long('resize', '-q', '--shrink', '-f', kind,
                               _OF_ITSELF % target, str(size),
                               watch=Watch(), inherited=[target])

    def measure(self, names: Sequence[str], tag: str | None = None) -> int:
        """How many bytes a copy by :meth:`convert` takes as a qcow2 file."""
        report = json.loads(self._run(
            'measure', *_source(tag), '-O', 'qcow2', '--output=json',
            self._where.path_of(names[0]), limited=True))
        return int(report['required'])

    def share(self, names: Sequence[str]) -> None:
        """Let qemu-img read images that stay QEMU's."""
        for name in names:
            if self._where.uid != 0:
                self._where.share(name)
            elif os.geteuid() == 0:
                self._where.show(name, self._user().pw_gid)

    def unshare(self, names: Sequence[str]) -> None:
        """Take root's images back that :meth:`share` has shown."""
        if os.geteuid() == 0 and self._where.uid == 0:
            for name in names:
                with contextlib.suppress(exception.FileMissing):
                    self._where.show(name, self._where.gid)

    def check(self, names: Sequence[str]) -> dict[str, Any]:
        """What ``qemu-img check`` reports of an image nobody writes.

        :param names: the image, and those below it, which are opened too.
        :raises ImageCommandFailed: the check itself could not be made.
        """
        with self._lent(names):
            output = self._run('check', '-f', 'qcow2', '--output=json',
                               self._where.path_of(names[0]),
                               codes=[0, 2, 3], limited=True)
        report: dict[str, Any] = json.loads(output)
        return report

    @contextlib.contextmanager
    def _lent(self, names: Sequence[str]) -> Iterator[None]:
        """Within, root's images belong to the user that qemu-img runs as."""
        if os.geteuid() != 0 or self._where.uid != 0:
            yield
            return
        try:
            for name in names:
                self._where.lend(name, self._user().pw_uid)
            yield
        finally:
            for name in names:
                self._where.take(name)

    @contextlib.contextmanager
    def _handed(self, target: int) -> Iterator[None]:
        """Within, root's file belongs to the user that qemu-img runs as."""
        if os.geteuid() != 0:
            yield
            return
        before, user = os.fstat(target), self._user()
        os.fchown(target, user.pw_uid, user.pw_gid)
        try:
            yield
        finally:
            os.fchown(target, before.st_uid, before.st_gid)

    def _user(self) -> pwd.struct_passwd:
        if self._where.uid == 0:
            return pwd.getpwnam(self._options.image_user)
        return pwd.getpwuid(self._where.uid)

    def _command(self, args: Sequence[str], limited: bool,
                 *setpriv: str) -> list[str]:
        """:param limited: for what reads an image that a guest can write.
        """
        command = ['qemu-img', *args]
        if limited:
            memory = self._options.image_memory_limit << 20
            command = ['prlimit', f'--as={memory}', f'--stack={_STACK}',
                       '--core=0', '--', *command]
        if os.geteuid() == 0:
            user = self._user()
            setpriv += (f'--reuid={user.pw_uid}', f'--regid={user.pw_gid}',
                        '--init-groups', '--no-new-privs')
        return ['setpriv', *setpriv, '--', *command] if setpriv else command

    def _run(self, *args: str, codes: list[int] | None = None,
             limited: bool = False) -> str:
        command = self._command(args, limited)
        try:
            output, _ = processutils.execute(
                *command, check_exit_code=codes or [0],
                env_variables=_environment())
        except OSError as error:
            raise exception.ImageCommandFailed(
                command=command[0], code='none', stderr=error.strerror
            ) from error
        except processutils.ProcessExecutionError as error:
            raise self._failed(args, error.exit_code,
                               error.stderr or '') from error
        return str(output)

    def _run_long(self, *args: str, watch: Watch,
                  inherited: Sequence[int] = ()) -> None:
        """As :meth:`_run`, for what takes long; it dies with us.

        :param args: with ``-p``, for progress.
        :param inherited: descriptors that it gets.
        :raises ImageCommandFailed: also if it was terminated.
        """
        command = self._command(args, True, '--pdeathsig=KILL')
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                env=_environment(), pass_fds=inherited)
            try:
                watch.started(process.pid)
                with _ending(process) as ends:
                    while not ends():
                        watch.progress(_percent(out))
            except BaseException:
                process.kill()
                process.wait()
                raise
            err.seek(0)
            if process.returncode:
                raise self._failed(args, process.returncode,
                                   err.read().decode(errors='replace'))
        watch.progress(100.0)

    def _failed(self, args: Sequence[str], code: Any,
                stderr: str) -> exception.SnapdriverError:
        if any(text in stderr for text in (
                os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT),
                _NO_ROOM)):
            return exception.NoSpace(path=self._where.path)
        return exception.ImageCommandFailed(
            command='qemu-img ' + args[0], code=code, stderr=stderr.strip())


def _environment() -> dict[str, str]:
    """Messages in English, and one heap.

    glibc would reserve 64 MiB for each thread's own, and the limit of its
    memory counts them.
    """
    return os.environ | {'LC_ALL': 'C', 'MALLOC_ARENA_MAX': '1'}


def _uncached(path: str) -> list[str]:
    """The options for an image that much is written to, as Nova has them.

    It is written past the page cache, where the file system lets one. Guests
    that flush would else wait for all that the cache has taken.
    """
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_DIRECT | os.O_NONBLOCK))
    except OSError:
        return []
    return ['-t', 'none']


def _source(tag: str | None) -> list[str]:
    """The options for the image that is read.

    -U, as QEMU may write an image that has tags. What is frozen is opened
    without: a lock of qemu-img's own then keeps writers away.
    """
    # By name: a tag that looks like an id would be taken for one.
    at_tag = ['-U', '-l', f'snapshot.name={tag}'] if tag is not None else []
    return [*at_tag, '-f', 'qcow2']


@contextlib.contextmanager
def _ending(process: subprocess.Popen[bytes]) -> Iterator[Callable[[], bool]]:
    """What tells whether it ends within a moment, and right when it does.

    Popen.wait() with a time looks now and then, too late by half a moment.
    """
    process_fd = os.pidfd_open(process.pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(process_fd, selectors.EVENT_READ)

            def ends() -> bool:
                return (bool(selector.select(_POLL))
                        and process.wait() is not None)

            yield ends
    finally:
        os.close(process_fd)


def _percent(out: IO[bytes]) -> float:
    """The last ``(12.34/100%)`` that qemu-img has written."""
    end = out.seek(0, os.SEEK_END)
    out.seek(max(0, end - 64))
    found = re.findall(rb'\(\s*([0-9.]+)/100%\)', out.read())
    return float(found[-1]) if found else 0.0
