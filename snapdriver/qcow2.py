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

"""qcow2 images: reading a header, and qemu-img with explicit formats.

A header is read by ourselves, from a descriptor: a guest or a stranger may
have written it, and QEMU would open what it names (CVE-2024-4467). qemu-img
runs as the owner of the instance's directory, never as root, and never
probes a format.
"""

from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import dataclasses
import errno
import json
import os
import pwd
import struct
from typing import Any

from oslo_concurrency import processutils
from oslo_config import cfg

from snapdriver import conf as options
from snapdriver import directory
from snapdriver import emptyqcow2
from snapdriver import exception

# docs/interop/qcow2.txt in QEMU's source
_MAGIC = b'QFI\xfb'
_FIXED = struct.Struct('>4sIQIIQIIQQIIQ')
_VERSION_3 = struct.Struct('>QQQII')
_EXTENSION = struct.Struct('>II')
_BACKING_FORMAT = 0xE2792ACA
_DATA_FILE_BIT = 1 << 2
_MAX_HEADER = 64 << 10


@dataclasses.dataclass(frozen=True, slots=True)
class Header:
    """What a qcow2 header says; None where it does not.

    :ivar size: virtual size in bytes.
    :ivar snapshots: number of internal snapshots.
    """

    size: int
    backing_file: str | None
    backing_format: str | None
    data_file: bool
    encrypted: bool
    snapshots: int


def read_header(where: directory.Directory, name: str) -> Header:
    """The header of an image, without opening anything that it names.

    :raises UnsafeFile: as :meth:`directory.Directory.regular`.
    :raises UnsafeImage: not qcow2, or with parts that we do not understand.
    :raises PermissionError: the file belongs to QEMU.
    """
    path = where.path_of(name)
    with where.opened(name) as fd:
        data = os.pread(fd, _MAX_HEADER, 0)
    try:
        return _parse(data)
    except (struct.error, ValueError) as error:
        raise exception.UnsafeImage(path=path, reason=str(error)) from error


def _parse(data: bytes) -> Header:
    (magic, version, name_offset, name_length, _, size, crypt, _, _, _, _,
     snapshots, _) = _FIXED.unpack_from(data)
    if magic != _MAGIC or version not in (2, 3):
        raise ValueError('it is not a qcow2 image (version 2 or 3)')
    incompatible, end = 0, _FIXED.size
    if version == 3:
        incompatible, _, _, _, end = _VERSION_3.unpack_from(data, end)
    name = None
    if name_offset:
        if name_length > 1023 or name_offset + name_length > len(data):
            raise ValueError('its backing file\'s name is out of bounds')
        name = data[name_offset:name_offset + name_length].decode()
    return Header(
        size=size, backing_file=name,
        backing_format=_extension(data, end, _BACKING_FORMAT),
        data_file=bool(incompatible & _DATA_FILE_BIT),
        encrypted=crypt != 0, snapshots=snapshots)


def _extension(data: bytes, offset: int, wanted: int) -> str | None:
    found = None
    while True:
        kind, length = _EXTENSION.unpack_from(data, offset)
        offset += _EXTENSION.size
        if kind == 0:
            return found
        if offset + length > len(data):
            raise ValueError('a header extension is out of bounds')
        if kind == wanted:  # QEMU believes the last one
            found = data[offset:offset + length].decode()
        offset += (length + 7) & ~7


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

    def _user(self) -> pwd.struct_passwd:
        if self._where.uid == 0:
            return pwd.getpwnam(self._options.image_user)
        return pwd.getpwuid(self._where.uid)

    def _run(self, *args: str, codes: list[int] | None = None,
             limited: bool = False) -> str:
        command = ['qemu-img', *args]
        if limited:
            memory = self._options.image_memory_limit << 20
            command = ['prlimit', f'--as={memory}', '--core=0', '--',
                       *command]
        if os.geteuid() == 0:
            user = self._user()
            command = ['setpriv', f'--reuid={user.pw_uid}',
                       f'--regid={user.pw_gid}', '--init-groups',
                       '--no-new-privs', '--', *command]
        try:
            output, _ = processutils.execute(
                *command, check_exit_code=codes or [0],
                env_variables=os.environ | {'LC_ALL': 'C'})
        except OSError as error:
            raise exception.ImageCommandFailed(
                command=command[0], code='none', stderr=error.strerror
            ) from error
        except processutils.ProcessExecutionError as error:
            stderr = (error.stderr or '').strip()
            if 'No space left on device' in stderr:
                raise exception.NoSpace(path=self._where.path) from error
            raise exception.ImageCommandFailed(
                command='qemu-img ' + args[0], code=error.exit_code,
                stderr=stderr) from error
        return str(output)
