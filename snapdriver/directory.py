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

"""Files of one directory, by descriptor: never by a path from outside.

All names are plain file names. A symbolic link, a device, or a file with a
hard link outside the directory is refused before it is opened. What is made
belongs to the directory's owner, whoever runs us (the command may be root).
"""

from collections.abc import Iterator
import contextlib
import errno
import os
import stat

from snapdriver import exception
from snapdriver import naming
from snapdriver import privsep

FROZEN_MODE = 0o440
ACTIVE_MODE = 0o600
_TRIES = 100


class Directory:
    """An open directory.

    :param path: absolute; its last component must not be a symbolic link.
    :raises UnsafeFile: it is not a directory, or a link.
    :raises FileNotFoundError: there is none.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.normpath(path)
        try:
            self._fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY
                               | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise exception.UnsafeFile(
                    path=path, reason='it is not a directory') from error
            raise
        found = os.fstat(self._fd)
        self.uid, self.gid, self.device = (
            found.st_uid, found.st_gid, found.st_dev)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def path_of(self, name: str) -> str:
        return os.path.join(self.path, naming.check_file_name(name))

    @property
    def path_of_itself(self) -> str:
        """A path that leads here wherever it is moved to, for this process."""
        return f'/proc/self/fd/{self._fd}'

    def is_there(self) -> bool:
        """Whether it is still what its path names."""
        try:
            return os.path.samestat(os.fstat(self._fd), os.lstat(self.path))
        except FileNotFoundError:
            return False

    # Looking ---------------------------------------------------------------

    def names(self) -> list[str]:
        os.fstat(self._fd)  # listdir(-1) lists the working directory
        return sorted(os.listdir(self._fd))

    def stat(self, name: str) -> os.stat_result | None:
        """The file's own status (links are not followed), or None."""
        try:
            return os.stat(naming.check_file_name(name), dir_fd=self._fd,
                           follow_symlinks=False)
        except FileNotFoundError:
            return None

    def mode(self, name: str) -> int:
        """:raises UnsafeFile: as :meth:`regular`."""
        return stat.S_IMODE(self.regular(name).st_mode)

    def same(self, one: str, other: str) -> bool:
        """Whether both names are there and are one file."""
        first, second = self.stat(one), self.stat(other)
        return (first is not None and second is not None
                and os.path.samestat(first, second))

    def regular(self, name: str) -> os.stat_result:
        """The status of a file that is safe to use.

        :raises UnsafeFile: missing, not a regular file, on another file
            system, or with a hard link outside this directory.
        """
        found = self.stat(name)
        reason = None
        if found is None:
            raise exception.FileMissing(path=self.path_of(name))
        if not stat.S_ISREG(found.st_mode):
            reason = 'it is not a regular file'
        elif found.st_dev != self.device:
            reason = 'it lies on another file system than its directory'
        elif found.st_nlink > 1 and found.st_nlink != self._links(found):
            reason = 'it has a hard link outside its directory'
        if reason is not None:
            raise exception.UnsafeFile(path=self.path_of(name), reason=reason)
        return found

    def _links(self, found: os.stat_result) -> int:
        with os.scandir(self._fd) as entries:
            return sum(1 for entry in entries
                       if entry.inode() == found.st_ino)

    def free(self) -> tuple[int, int]:
        """Free bytes for the unprivileged, and all bytes."""
        found = os.fstatvfs(self._fd)
        return (found.f_bavail * found.f_frsize,
                found.f_blocks * found.f_frsize)

    # Reading and writing ---------------------------------------------------

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[int]:
        """A descriptor to read a safe file by.

        :raises UnsafeFile: as :meth:`regular`.
        :raises PermissionError: it belongs to someone else (QEMU).
        """
        fd = self._open(name)
        try:
            yield fd
        finally:
            os.close(fd)

    def _open(self, name: str) -> int:
        for _ in range(_TRIES):
            expected = self.regular(name)
            try:
                fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW
                             | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._fd)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOENT, errno.ENXIO):
                    continue
                raise
            found = os.fstat(fd)
            # The number of a file that is gone is soon given again.
            if (os.path.samestat(expected, found)
                    and stat.S_ISREG(found.st_mode)):
                return fd
            os.close(fd)  # replaced since, as the state file may be
        raise exception.UnsafeFile(
            path=self.path_of(name), reason='it is exchanged all the time')

    def read(self, name: str, most: int) -> bytes:
        """The whole file.

        :raises FileNotFoundError: there is none.
        :raises UnsafeFile: as :meth:`regular`, or longer than ``most``.
        """
        if self.stat(name) is None:
            raise FileNotFoundError(errno.ENOENT, 'no such file',
                                    self.path_of(name))
        with self.opened(name) as fd:
            size = os.fstat(fd).st_size
            if size > most:
                raise exception.UnsafeFile(
                    path=self.path_of(name),
                    reason=f'it is longer than {most} bytes')
            data = b''
            while chunk := os.read(fd, size + 1 - len(data)):
                data += chunk
            return data

    def create(self, name: str, mode: int = ACTIVE_MODE,
               uid: int | None = None) -> int:
        """Make a new file; returns a descriptor to write it by.

        :raises FileExistsError: there is one, of whatever type.
        """
        fd = os.open(naming.check_file_name(name), os.O_CREAT | os.O_EXCL
                     | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, mode,
                     dir_fd=self._fd)
        try:
            os.fchmod(fd, mode)  # whatever the umask
            if os.geteuid() == 0:
                os.fchown(fd, self.uid if uid is None else uid, self.gid)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def reserve(self, name: str, size: int) -> None:
        """Hold room for what the next :meth:`replace_file` will write.

        :raises OSError: there is no such room.
        """
        temporary = name + '.new'
        self.unlink(temporary)
        fd = self.create(temporary)
        try:
            os.posix_fallocate(fd, 0, size)
        except BaseException:
            self.unlink(temporary)
            raise
        finally:
            os.close(fd)

    def _reserved(self, name: str) -> int:
        """Open what :meth:`reserve` has made, else a new file."""
        found = self.stat(name)
        if (found is not None and stat.S_ISREG(found.st_mode)
                and found.st_nlink == 1 and found.st_uid == self.uid
                and stat.S_IMODE(found.st_mode) == ACTIVE_MODE):
            fd = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC,
                         dir_fd=self._fd)
            if os.path.samestat(found, os.fstat(fd)):
                return fd
            os.close(fd)
        self.unlink(name)
        return self.create(name)

    def replace_file(self, name: str, data: bytes,
                     durably: bool = True) -> None:
        """Write a file so that readers see the old or the new.

        :param durably: whether it must have survived a power cut once this
            returns; else it may be lost, or be empty.
        """
        temporary = name + '.new'
        fd = self._reserved(temporary)
        try:
            _write(fd, data)
            os.ftruncate(fd, len(data))
            if durably:
                os.fsync(fd)
        except BaseException:
            self.unlink(temporary)
            raise
        finally:
            os.close(fd)
        self.rename(temporary, name)
        if durably:
            self.sync()

    def write_new(self, name: str, data: bytes) -> None:
        """Write a file that nobody looks for yet.

        A power cut may lose it, or leave it empty.
        """
        self.unlink(name)  # what a crash has left
        fd = self.create(name)
        try:
            _write(fd, data)
        except BaseException:
            self.unlink(name)
            raise
        finally:
            os.close(fd)

    def subdirectory(self, name: str) -> 'Directory':
        """The directory of that name, 0700 and its owner's; made if new."""
        with contextlib.suppress(FileExistsError):
            os.mkdir(naming.check_file_name(name), 0o700, dir_fd=self._fd)
        made = Directory(self.path_of(name))
        try:
            if os.geteuid() == 0 and made.uid != self.uid:
                os.fchown(made._fd, self.uid, self.gid)
                made.uid, made.gid = self.uid, self.gid
            self.sync()
        except BaseException:
            made.close()
            raise
        return made

    def remove_subdirectory(self, name: str) -> None:
        """Remove an empty directory; not an error if it is not empty."""
        with contextlib.suppress(OSError):
            os.rmdir(naming.check_file_name(name), dir_fd=self._fd)

    # Names -----------------------------------------------------------------

    def rename(self, old: str, new: str) -> None:
        os.rename(naming.check_file_name(old), naming.check_file_name(new),
                  src_dir_fd=self._fd, dst_dir_fd=self._fd)

    def unlink(self, name: str) -> None:
        """Remove a name; not an error if there is none."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(naming.check_file_name(name), dir_fd=self._fd)

    def unlink_kept(self, name: str) -> int | None:
        """Remove a name; the data goes when the descriptor is closed.

        :returns: that descriptor, which can read nothing; None if there was
            no such name.
        """
        try:
            fd = os.open(naming.check_file_name(name), os.O_PATH
                         | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._fd)
        except FileNotFoundError:
            return None
        try:
            self.unlink(name)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def sync(self) -> None:
        os.fsync(self._fd)

    def sync_file(self, name: str) -> None:
        with self.opened(name) as fd:
            os.fsync(fd)

    # What may need privileges: the file can be QEMU's ----------------------

    def link(self, old: str, new: str) -> None:
        """A second name for a file of this directory."""
        self.regular(old)
        privsep.link(self.path, old, naming.check_file_name(new))

    def chmod(self, name: str, mode: int, always: bool = False) -> None:
        """:param always: also if it has that mode, to see that it can."""
        if self.mode(name) != mode or always:
            privsep.chmod(self.path, name, mode)

    def take(self, name: str) -> None:
        """Give a file back to the directory's owner.

        libvirt leaves layers with the user that QEMU runs as; a running
        QEMU keeps its descriptors.
        """
        if self.regular(name).st_uid != self.uid:
            privsep.give_to_owner(self.path, name)

    def share(self, name: str) -> None:
        """Let the directory's owner read a file, by its group.

        It stays QEMU's, which may write it: for one that is in use.
        """
        found = self.regular(name)
        if found.st_uid != self.uid and not (
                found.st_gid == self.gid and found.st_mode & stat.S_IRGRP):
            privsep.share(self.path, name)

    def show(self, name: str, gid: int) -> None:
        """Let one group, instead of another, read a file of root's."""
        with self.opened(name) as fd:
            os.fchown(fd, -1, gid)
            os.fchmod(fd, stat.S_IMODE(os.fstat(fd).st_mode) | stat.S_IRGRP)

    def lend(self, name: str, uid: int) -> None:
        """Give a file of root's directory to a user, until :meth:`take`."""
        with self.opened(name) as fd:
            os.fchown(fd, uid, -1)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]
