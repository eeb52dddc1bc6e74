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


"""A file for somebody else: it has its name once it is complete, or never.

Complete means on disk, too. Where the file system can, it is made without a
name, so that whatever ends the process takes it along, and nobody else can
open it. Elsewhere (NFS) it is made under its name, and removed again unless
it is completed.
"""

from collections.abc import Iterator
import contextlib
import errno
import os

# What open() says where there are no files without a name; kernels that do
# not know them take the flag for O_DIRECTORY.
_UNABLE = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT)
_FLAGS = os.O_RDWR | os.O_CLOEXEC
_MODE = 0o600


class CannotMake(Exception):
    """The directory cannot be used, or is not there."""


class NewFile:
    """Made by :func:`create`.

    :ivar path: absolute, of the file that is to be.
    :ivar fd: a descriptor to write it by.
    :ivar directory: a descriptor of the directory that it is to lie in.
    """

    def __init__(self, path: str, directory: int) -> None:
        self.path, self.directory = path, directory
        self._name = os.path.basename(path)
        self._named = False
        try:
            self.fd = os.open('.', os.O_TMPFILE | _FLAGS, _MODE,
                              dir_fd=directory)
        except OSError as error:
            if error.errno not in _UNABLE:
                raise
            self.fd = os.open(self._name, os.O_CREAT | os.O_EXCL
                              | os.O_NOFOLLOW | _FLAGS, _MODE,
                              dir_fd=directory)
            self._named = True
        self._made = os.fstat(self.fd)

    def free(self) -> int:
        """Free bytes of its file system, for the unprivileged."""
        found = os.fstatvfs(self.fd)
        return found.f_bavail * found.f_frsize

    def sync(self) -> None:
        """Have what was written on disk; it can take as long as the writing.

        :raises OSError: there is no room for it, after all.
        """
        try:
            os.fsync(self.fd)
        except OSError as error:
            raise OSError(error.errno, error.strerror, self.path) from error

    def complete(self) -> None:
        """Give it its name; what has that name already is left alone.

        To be called after :meth:`sync`: then it has, even after a power
        cut, either all that was written or no name.

        :raises FileExistsError: somebody has made one meanwhile.
        """
        os.fchmod(self.fd, _MODE)  # whatever the umask
        if not self._named:
            try:
                os.link(f'/proc/self/fd/{self.fd}', self._name,
                        dst_dir_fd=self.directory, follow_symlinks=True)
            except OSError as error:
                raise OSError(error.errno, error.strerror,
                              self.path) from error
        self._named = False  # from now on it stays
        with contextlib.suppress(OSError):  # not every file system does that
            os.fsync(self.directory)

    def close(self) -> None:
        """Close it; it is gone if it was not completed."""
        if self._named:
            with contextlib.suppress(FileNotFoundError):
                found = os.stat(self._name, dir_fd=self.directory,
                                follow_symlinks=False)
                if os.path.samestat(found, self._made):
                    os.unlink(self._name, dir_fd=self.directory)
        os.close(self.fd)


@contextlib.contextmanager
def create(path: str) -> Iterator[NewFile]:
    """Make a file, mode 0600; it stays if :meth:`NewFile.complete` is called.

    :param path: a new name in a directory that exists. A symbolic link of
        that name is not followed.
    :raises FileExistsError: there is something of that name.
    :raises CannotMake: the directory does not let us.
    """
    path = os.path.abspath(path)
    if '\0' in path:
        raise CannotMake('there is a null character in it')
    with contextlib.ExitStack() as stack:
        try:
            directory = os.open(os.path.dirname(path), os.O_RDONLY
                                | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, directory)
            with contextlib.suppress(FileNotFoundError):
                os.lstat(path)
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST),
                                      path)
            made = NewFile(path, directory)
            stack.callback(made.close)
        except FileExistsError:
            raise
        except OSError as error:
            raise CannotMake(error.strerror) from error
        yield made
