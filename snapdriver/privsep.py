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

"""The few privileged acts: chown, chmod and link inside one directory.

nova-compute is not root, and libvirt gives image files to the user that QEMU
runs as. Each act is tried as we are; only if the kernel refuses it, it is
done in a privileged process that oslo.privsep starts (``helper_command`` in
section ``[snapdriver_privsep]``, by default ``sudo privsep-helper``).

A privileged act believes no path: it opens the directory and the file by
descriptor without following links, wants a directory of the user who started
the helper and a regular file whose every hard link is in that directory, and
can give a file to nobody but the directory's owner.

With the owner goes what libvirt remembers about the file, in extended
attributes that only root sees: whose it was, and how many domains write it.
A libvirtd that was killed never counts down, and from then on refuses to
start the domain ("Setting different DAC user or group on ... which is already
in use", virSecurityDACSetOwnership); tools/libvirt_recover_xattrs.sh of
libvirt does the same by hand. We take a file only when nothing writes it.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import errno
import os
import stat
from typing import Any
import warnings

with warnings.catch_warnings():
    # It imports Eventlet where that is installed, whether it is used or not,
    # and then Eventlet tells everybody that it is deprecated.
    warnings.filterwarnings('ignore', r'\s*Eventlet is deprecated')
    from oslo_privsep import capabilities
    from oslo_privsep import daemon
    from oslo_privsep import priv_context

from snapdriver import exception

CONTEXT = priv_context.PrivContext(
    __name__,
    cfg_section='snapdriver_privsep',
    pypath=f'{__name__}.CONTEXT',
    capabilities=[capabilities.CAP_CHOWN, capabilities.CAP_FOWNER,
                  capabilities.CAP_DAC_OVERRIDE,
                  # To see and remove trusted extended attributes.
                  capabilities.CAP_SYS_ADMIN])

#: The permissions that a file can be given.
MODES = 0o664
_OF_ITSELF = '/proc/self/fd/%d'
#: Where libvirt remembers the owner and the label of files that domains use
#: (virSecurityGetRememberedLabel).
_REMEMBERED = 'trusted.libvirt.security.'


def link(directory: str, old: str, new: str) -> None:
    """Give the file ``old`` the second name ``new``.

    Privileged, since fs.protected_hardlinks lets only a file's owner do it.

    :raises PrivilegeMissing: not allowed, and no helper to do it.
    """
    _do('link', directory, old, new)


def chmod(directory: str, name: str, mode: int) -> None:
    """:raises PrivilegeMissing: not allowed, and no helper to do it."""
    _do('chmod', directory, name, mode)


def give_to_owner(directory: str, name: str) -> None:
    """:raises PrivilegeMissing: not allowed, and no helper to do it."""
    _do('chown', directory, name)


def share(directory: str, name: str) -> None:
    """Let the directory's owner read a file that stays QEMU's.

    :raises PrivilegeMissing: not allowed, and no helper to do it.
    """
    _do('share', directory, name)


_ready = False


def ready() -> None:
    """Make sure that privileged acts will work, before anything changes.

    The helper is asked once; it lives as long as this process.

    :raises PrivilegeMissing: they will not.
    """
    global _ready
    if os.geteuid() != 0 and not _ready:
        _through_helper('use the privileged helper for', '/', _privileged,
                        'nothing', '/')
        _ready = True


def _do(act: str, directory: str, *args: Any) -> None:
    try:
        if _is_anothers(os.path.join(directory, args[0])):
            raise PermissionError(errno.EPERM, 'it belongs to another user')
        _ACTS[act](directory, *args)
    except PermissionError as error:
        if os.geteuid() == 0:
            raise exception.PrivilegeMissing(
                action=act, path=os.path.join(directory, args[0]),
                reason=error.strerror) from error
        _through_helper(act, os.path.join(directory, args[0]), _privileged,
                        act, directory, *args)


def _is_anothers(path: str) -> bool:
    """Whether the kernel will refuse us, so that trying costs only time."""
    me = os.geteuid()
    with contextlib.suppress(OSError):
        return me != 0 and os.lstat(path).st_uid != me
    return False


def _through_helper(action: str, path: str, call: Callable[..., Any],
                    *args: Any) -> None:
    try:
        call(*args)
    except (OSError, daemon.FailedToDropPrivileges) as error:
        raise exception.PrivilegeMissing(
            action=action, path=path, reason=str(error)) from error


@CONTEXT.entrypoint
def _privileged(act: str, directory: str, *args: Any) -> None:
    _ACTS[act](directory, *args, privileged=True)


def _nothing(directory: str, privileged: bool = False) -> None:
    pass


def _check_name(name: str) -> None:
    if '/' in name or name in ('', '.', '..'):
        raise ValueError(f'{name!r} is not a file name')


def _link(directory: str, old: str, new: str,
          privileged: bool = False) -> None:
    _check_name(new)
    with _file(directory, old, privileged) as (parent, fd):
        os.link(_OF_ITSELF % fd, new, dst_dir_fd=parent, follow_symlinks=True)


def _chmod(directory: str, name: str, mode: int,
           privileged: bool = False) -> None:
    if mode & ~MODES:
        raise ValueError(f'mode {mode:o} is not one of ours')
    with _file(directory, name, privileged) as (_, fd):
        os.chmod(_OF_ITSELF % fd, mode)


def _chown(directory: str, name: str, privileged: bool = False) -> None:
    with _file(directory, name, privileged) as (parent, fd):
        owner = os.fstat(parent)
        _forget(_OF_ITSELF % fd)
        os.chown(_OF_ITSELF % fd, owner.st_uid, owner.st_gid)


def _forget(path: str) -> None:
    """Remove what libvirt remembers; nothing is seen without privileges."""
    with contextlib.suppress(OSError):  # a file system without attributes
        for name in os.listxattr(path):
            if name.startswith(_REMEMBERED):
                os.removexattr(path, name)


def _share(directory: str, name: str, privileged: bool = False) -> None:
    with _file(directory, name, privileged) as (parent, fd):
        os.chown(_OF_ITSELF % fd, -1, os.fstat(parent).st_gid)
        mode = stat.S_IMODE(os.fstat(fd).st_mode)
        os.chmod(_OF_ITSELF % fd, mode | stat.S_IRGRP)


_ACTS: dict[str, Callable[..., None]] = {
    'nothing': _nothing, 'link': _link, 'chmod': _chmod, 'chown': _chown,
    'share': _share}


@contextlib.contextmanager
def _file(directory: str, name: str,
          privileged: bool) -> Iterator[tuple[int, int]]:
    """Descriptors of the directory and of the file (O_PATH)."""
    _check_name(name)
    parent = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
                     | os.O_CLOEXEC)
    try:
        fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC,
                     dir_fd=parent)
        try:
            found, owner = os.fstat(fd), os.fstat(parent)
            with os.scandir(parent) as entries:
                links = sum(1 for e in entries if e.inode() == found.st_ino)
            if (not stat.S_ISREG(found.st_mode)
                    or found.st_dev != owner.st_dev
                    or found.st_nlink != links
                    or (privileged and not _is_asker(owner.st_uid))):
                raise PermissionError(
                    errno.EPERM, 'it is not a regular file, has a hard link '
                    'elsewhere, or its directory is not the asker\'s', name)
            yield parent, fd
        finally:
            os.close(fd)
    finally:
        os.close(parent)


def _is_asker(uid: int) -> bool:
    """Whether that user started the helper (sudo tells in SUDO_UID)."""
    return uid != 0 and os.environ.get('SUDO_UID', str(uid)) == str(uid)
