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


"""The file of the ledger: read, locked, and replaced atomically."""

from collections.abc import Iterator
import contextlib
import os

from oslo_log import log as logging

from snapdriver import directory
from snapdriver import exception
from snapdriver import locks
from snapdriver.nova import ledger as ledgers

LOG = logging.getLogger(__name__)
FOLDER = 'snapdriver'
FILE = 'handles.json'
_BROKEN = 'handles.json.broken'
_MOST = 64 << 20
_LOCK_TIMEOUT = 60


class LedgerFile:
    """The ledger of one host.

    :param state_path: Nova's option of that name.
    """

    def __init__(self, state_path: str) -> None:
        self._state_path = state_path
        self.path = os.path.join(state_path, FOLDER, FILE)

    def read(self) -> ledgers.Ledger:
        """The ledger as it is now; an empty one if there is none.

        :raises LedgerError: it cannot be read.
        """
        try:
            with self._opened(make=False) as folder:
                return self._load(folder)
        except FileNotFoundError:
            return ledgers.Ledger()

    @contextlib.contextmanager
    def changing(self, must_be_read: bool = False
                 ) -> Iterator[ledgers.Ledger]:
        """The ledger, to be changed; it is written at the end, durably.

        :param must_be_read: raise if it cannot be, instead of beginning a
            new one.
        :raises LedgerError: it cannot be read, or written.
        """
        with self._opened(make=True) as folder, self._locked(folder):
            try:
                found = self._load(folder)
            except FileNotFoundError:
                found = ledgers.Ledger()
            except exception.LedgerError as error:
                if must_be_read:
                    raise
                LOG.error('%(error)s It is kept as %(file)s.',
                          {'error': error, 'file': _BROKEN})
                folder.rename(FILE, _BROKEN)
                found = ledgers.Ledger()
            before = ledgers.dumps(found)
            yield found
            after = ledgers.dumps(found)
            if after != before:
                folder.replace_file(FILE, after)

    @contextlib.contextmanager
    def _locked(self, folder: directory.Directory) -> Iterator[None]:
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(locks.InstanceLock(
                    folder, self.path, _LOCK_TIMEOUT).held())
            except exception.Busy as error:
                raise exception.LedgerError(
                    path=self.path, reason=f'{error.path} has been locked '
                    f'for over {_LOCK_TIMEOUT} s') from error
            yield

    def _load(self, folder: directory.Directory) -> ledgers.Ledger:
        try:
            return ledgers.loads(folder.read(FILE, _MOST))
        except (ValueError, exception.UnsafeFile) as error:
            raise exception.LedgerError(
                path=self.path, reason=str(error)) from error

    @contextlib.contextmanager
    def _opened(self, make: bool) -> Iterator[directory.Directory]:
        with contextlib.ExitStack() as opened:
            try:
                outer = directory.Directory(
                    os.path.realpath(self._state_path))
                opened.callback(outer.close)
                folder = outer.subdirectory(FOLDER) if make else (
                    directory.Directory(outer.path_of(FOLDER)))
                opened.callback(folder.close)
                yield folder
            except FileNotFoundError as error:
                if make:
                    raise self._failed(error) from error
                raise
            except OSError as error:
                raise self._failed(error) from error

    def _failed(self, error: OSError) -> exception.LedgerError:
        return exception.LedgerError(
            path=self.path, reason=error.strerror or str(error))
