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

"""Every error that snapdriver raises: one sentence, and the data behind it.

``str(error)`` is a complete sentence for an operator: what is wrong, and what
to check or do. The keyword arguments stay readable as attributes.
"""

from collections.abc import Sequence
from typing import Any


class SnapdriverError(Exception):
    """Base of all errors; subclasses fill ``msg_fmt``."""

    msg_fmt = 'An unknown error occurred.'

    def __init__(self, **data: Any) -> None:
        self.data = data
        super().__init__(_one_line(self.msg_fmt % data))

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__['data'][name]
        except KeyError:
            raise AttributeError(name) from None

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.data)


def _one_line(text: str) -> str:
    """Without what a name or a program may bring: newlines, escapes."""
    return ''.join(c if c.isprintable() else ' ' for c in text)


def _rebuild(cls: type[SnapdriverError], data: dict[str, Any]) -> Any:
    return cls(**data)


# What was asked for ---------------------------------------------------------

class DomainNotFound(SnapdriverError):
    msg_fmt = ('No domain "%(domain)s": neither libvirt knows it nor is there '
               'a state file for it under %(searched)s. Check the name and '
               '--connect or --instances-path.')


class SnapshotNotFound(SnapdriverError):
    msg_fmt = ('Domain %(domain)s has no snapshot "%(name)s". '
               '"snapdriver snapshot list" shows those that it has.')


class DiskNotFound(SnapdriverError):
    msg_fmt = ('Domain %(domain)s has no disk "%(disk)s" that can be '
               'snapshotted; it has: %(disks)s.')


class InvalidName(SnapdriverError):
    msg_fmt = ('The %(what)s %(name)r is not allowed: %(reason)s.')


class BackendNotFound(SnapdriverError):
    msg_fmt = ('No snapshot backend for kind "%(kind)s" is installed; there '
               'is: %(kinds)s.')


# What forbids it ------------------------------------------------------------

class Refused(SnapdriverError):
    """A verb that was refused before anything was changed.

    :ivar reasons: every reason found, each with its way out.
    """

    msg_fmt = '%(domain)s: cannot %(verb)s: %(text)s'

    def __init__(self, verb: str, domain: str,
                 reasons: Sequence[str]) -> None:
        super().__init__(verb=verb, domain=domain, reasons=tuple(reasons),
                         text='; '.join(reasons))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.verb, self.domain, self.reasons)


class Busy(SnapdriverError):
    msg_fmt = ('Domain %(domain)s is busy: another operation has held its '
               'lock %(path)s for over %(seconds)s s. Try again when it has '
               'finished.')


class DirectoryGone(Busy):
    msg_fmt = ('The directory of domain %(domain)s has been deleted or moved '
               'from %(path)s meanwhile.')


class Unfinished(SnapdriverError):
    msg_fmt = ('Domain %(domain)s has an unfinished %(verb)s (phase '
               '%(phase)s) that could not be recovered: %(reason)s. Run '
               '"snapdriver domain recover %(domain)s".')


# What is wrong on disk ------------------------------------------------------

class StateError(SnapdriverError):
    msg_fmt = ('The state file %(path)s cannot be used: %(reason)s. Nothing '
               'was changed. Bring it back from a backup; without it, move '
               'it away, and "snapdriver domain adopt" makes another from '
               'what libvirt knows.')


class StateElsewhere(StateError):
    msg_fmt = ('The state file %(path)s belongs to host %(owner)s and this '
               'is %(host)s (option "host"): only that host may change the '
               'instance\'s snapshots.')


class StateTooNew(StateError):
    msg_fmt = ('The state file %(path)s has schema %(schema)s, written by a '
               'newer snapdriver; this one knows up to %(known)s. Upgrade '
               'snapdriver on this host.')


class UnsafeFile(SnapdriverError):
    msg_fmt = ('The file %(path)s is not safe to use: %(reason)s. It was not '
               'opened; find out who put it there.')


class FileMissing(UnsafeFile):
    msg_fmt = ('The file %(path)s is missing. Bring it back from a backup; '
               '"snapdriver domain check" tells what needs it.')


class UnsafeImage(SnapdriverError):
    msg_fmt = ('The image %(path)s is not safe to use: %(reason)s.')


class FileFailed(SnapdriverError):
    msg_fmt = ('Cannot use %(path)s: %(reason)s. Run this as the owner of the '
               'instance\'s directory (Nova\'s user) or as root.')


class ImageCommandFailed(SnapdriverError):
    msg_fmt = ('"%(command)s" failed (exit code %(code)s): %(stderr)s')


class NoSpace(SnapdriverError):
    msg_fmt = ('No space left for %(path)s. Free some space on that file '
               'system and try again; what was begun is undone by then, or '
               'finished if it was nearly done.')


# What the platform did ------------------------------------------------------

class ConnectionFailed(SnapdriverError):
    msg_fmt = ('Cannot connect to libvirt at %(uri)s: %(reason)s. Check that '
               'the daemon runs and that you may use its socket.')


class LibvirtFailed(SnapdriverError):
    msg_fmt = ('libvirt failed to %(action)s of domain %(domain)s: '
               '%(reason)s')


class PictureFailed(SnapdriverError):
    msg_fmt = ('Graphviz\' command "dot" has made no picture: %(reason)s. '
               'Install the package graphviz, or use --format dot, which '
               'needs none, and draw it elsewhere.')


class PrivilegeMissing(SnapdriverError):
    msg_fmt = ('Not allowed to %(action)s %(path)s: %(reason)s. Check '
               '"helper_command" in section [snapdriver_privsep] of the '
               'configuration.')


# What OpenStack did ---------------------------------------------------------

class ImageServiceFailed(SnapdriverError):
    msg_fmt = ('The image service could not be asked with the credentials of '
               'section [%(section)s]: %(reason)s.')


class LedgerError(SnapdriverError):
    msg_fmt = ('The ledger of handles %(path)s cannot be used: %(reason)s. '
               'Without it no snapshot is deleted: nova-compute puts it aside '
               'and begins another one.')
