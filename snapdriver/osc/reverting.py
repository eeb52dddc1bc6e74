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

"""Putting a server back by Nova's rebuild."""

from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any
from typing import TextIO

from openstack import exceptions as sdk_exceptions
from osc_lib import exceptions

from snapdriver.cli import columns
from snapdriver.osc import progress
from snapdriver.osc import reason
from snapdriver.osc import snapshot as snapshots

#: From these Nova does not rebuild; what to do before.
_REMEDIES = {
    'PAUSED': 'unpause',
    'SUSPENDED': 'resume',
    'RESCUE': 'unrescue',
    'SHELVED': 'unshelve',
    'SHELVED_OFFLOADED': 'unshelve',
    'VERIFY_RESIZE': 'confirm or revert the resize of',
}


def require_possible(server: Any, found: snapshots.Snapshot) -> None:
    """:raises CommandError: Nova would refuse it, or do something else."""
    remedy = _REMEDIES.get(server.status)
    if remedy is not None:
        raise exceptions.CommandError(
            f'Server {server.name} is {server.status}, and cannot be put '
            f'back from that: {remedy} it first.')
    if found.status != 'active':
        raise exceptions.CommandError(
            f'Snapshot {found.name} is {found.status}, and not active.')
    if found.revertible.startswith('no'):
        raise exceptions.CommandError(
            f'Server {server.name} cannot be put back to a snapshot '
            f'({found.revertible}). Its snapshots can be exported.')


def warning(server: Any, found: snapshots.Snapshot,
            safeties: Sequence[snapshots.Snapshot],
            no_memory: bool) -> Iterator[str]:
    """What will be lost, and where it stays."""
    frozen = columns.Moment(found.frozen_at).human_readable()
    yield (f'Server {server.name} goes back to snapshot {found.name}, frozen '
           f'at {frozen}.')
    if (found.consistency == 'memory' and server.status != 'SHUTOFF'
            and not no_memory and not found.without_memory):
        yield 'What ran at that moment goes on; what runs now ends.'
    elif server.status != 'SHUTOFF':
        yield 'It boots; what runs now ends.'
    yield ('What was written to its disks since is not on them afterwards. If '
           f'it is in no snapshot yet, it stays in a new one, "{server.name} '
           f'before revert to {found.name} at ...".')
    others = [one.name for one in safeties if one.id != found.id]
    if others:
        yield ('As only the newest of such snapshots is kept, unless your '
               f'operator keeps more, this one goes: {", ".join(others)}.')
    if found.left_out:
        yield f'Not in the snapshot, and left as is: {found.left_out}.'
    if server.attached_volumes:
        yield 'The contents of its volumes stay as they are.'


def request(connection: Any, server: Any, found: snapshots.Snapshot) -> None:
    """Ask Nova; it answers before the work is done.

    :raises CommandError: it was refused at once.
    """
    try:
        connection.compute.rebuild_server(server.id, image=found.id)
    except (sdk_exceptions.BadRequestException,
            sdk_exceptions.ConflictException) as error:
        raise exceptions.CommandError(
            f'Nova refused to put server {server.name} back: '
            f'{error.details or error}') from error


def finish(connection: Any, server: Any, found: snapshots.Snapshot,
           stream: TextIO) -> None:
    """Wait until the server is what it was, with other disks.

    :raises CommandError: it was refused, or failed.
    """
    ends = {'ERROR', 'SHUTOFF' if server.status == 'SHUTOFF' else 'ACTIVE'}

    def look() -> str | None:
        now = connection.compute.get_server(server.id)
        if now.task_state is not None or now.status not in ends:
            return str(now.task_state or now.status)
        # The server is told of a refusal before its event is.
        if now.status != 'ERROR' and reason.is_running(_action()):
            return 'rebuilding'
        return None

    def _action() -> Any:
        return reason.last(connection, server, 'rebuild')

    progress.wait(look, server.name, stream)
    action, now = _action(), connection.compute.get_server(server.id)
    if now.status == 'ERROR' or (action is not None and action.message):
        raise exceptions.CommandError(
            f'Server {server.name} was not put back to {found.name}, and is '
            f'{now.status}: {reason.tell(action, server)}')
