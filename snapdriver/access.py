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

"""How a verb gets at an instance, and what becomes of its failures."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import errno
import os
from typing import Any
from typing import TypeVar

from oslo_config import cfg
from oslo_log import log as logging
from stevedore import extension

from snapdriver import exception
from snapdriver import finder
from snapdriver import instance as instances
from snapdriver import locks
from snapdriver import recovery
from snapdriver import settle
from snapdriver.backends import base

LOG = logging.getLogger(__name__)
_T = TypeVar('_T')


class Access:
    """The instances of one host, found, locked, recovered and settled.

    Whatever the system says inside of one of its contexts comes out as a
    :class:`snapdriver.exception.SnapdriverError`.

    :ivar finder: where instances are found.
    """

    def __init__(self, connection: Any, conf: cfg.ConfigOpts,
                 instances_path: str, lock_timeout: int) -> None:
        self.finder = finder.Finder(connection, conf, instances_path)
        self._lock_timeout = lock_timeout
        self._backends: dict[str, base.Backend] | None = None

    def backends(self) -> Mapping[str, base.Backend]:
        """Kind to backend, of those that are installed."""
        if self._backends is None:
            found: Any = extension.ExtensionManager(
                'snapdriver.backends', invoke_on_load=True)
            self._backends = {entry.name: entry.obj for entry in found}
        return self._backends

    @contextlib.contextmanager
    def found(self, domain: Any) -> Iterator[instances.Instance]:
        """The instance and its state, just to look at it."""
        with _translated(), self.finder.find(domain) as instance:
            yield instance

    @contextlib.contextmanager
    def looking(self, domain: Any) -> Iterator[instances.Instance]:
        """The same for a plan.

        :raises Unfinished: something is, and a plan may not change that.
        """
        with self.found(domain) as instance:
            operation = instance.state.operation
            if operation is not None:
                raise exception.Unfinished(
                    domain=instance.name, verb=operation.verb,
                    phase=operation.phase, reason='this is a dry run')
            yield instance

    @contextlib.contextmanager
    def locked(self, domain: Any) -> Iterator[instances.Instance]:
        """The instance under its lock, its state just read."""
        with _translated(), self.finder.find(
                domain, load=False) as instance:
            if os.geteuid() not in (0, instance.directory.uid):
                raise exception.FileFailed(
                    path=instance.directory.path,
                    reason='it belongs to another user')
            lock = locks.InstanceLock(instance.make_folder(), instance.name,
                                      self._lock_timeout)
            with lock.held():
                instance.lock = lock
                instance.load()
                instance.require_ours()
                yield instance

    @contextlib.contextmanager
    def working(self, domain: Any) -> Iterator[instances.Instance]:
        """The same with nothing unfinished, and settled if it is off."""
        with self.locked(domain) as instance:
            self.recover(instance)
            settle.settle(instance)
            yield instance

    def recover(self, instance: instances.Instance) -> Sequence[str]:
        """Finish or undo what was interrupted; a sentence for each."""
        with _translated():
            return recovery.recover(instance, self.backends)

    def attempt(self, instance: instances.Instance, act: Callable[[], _T],
                result: Callable[[], _T | None] = lambda: None) -> _T:
        """Act; what fails half-way is finished or undone at once.

        :param result: what act would have returned, if it was finished.
        """
        try:
            return act()
        except Exception as error:
            instance.load()
            operation = instance.state.operation
            if operation is None:
                raise
            LOG.warning('%(verb)s of %(domain)s failed in phase %(phase)s: '
                        '%(error)s',
                        {'verb': operation.verb, 'domain': instance.name,
                         'phase': operation.phase, 'error': error})
            with contextlib.suppress(exception.Unfinished,
                                     exception.NoSpace,
                                     exception.FileFailed):
                self.recover(instance)
                finished = result()
                if finished is not None:
                    return finished
            raise


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Errors of the system as ours."""
    try:
        yield
    except OSError as error:
        path = error.filename or 'a file of the instance'
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise exception.NoSpace(path=path) from error
        raise exception.FileFailed(
            path=path, reason=error.strerror) from error
    except exception.LibvirtFailed as error:
        if os.strerror(errno.ENOSPC) not in error.reason:
            raise
        raise exception.NoSpace(path=f'libvirt ({error.reason})') from error
