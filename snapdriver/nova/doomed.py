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


"""Handles of servers that are gone: they are deleted from Glance.

Only manifests: nobody can use them any more.
"""

from collections.abc import Iterable

from oslo_log import log as logging

from snapdriver import exception
from snapdriver.nova import glance
from snapdriver.nova import ledger as ledgers
from snapdriver.nova import ledger_file

LOG = logging.getLogger(__name__)


def add(file: ledger_file.LedgerFile, server: str, image_ids: Iterable[str],
        now: float, identity: str | None = None) -> None:
    """Let them be deleted, now or later; durable once this returns.

    :param identity: who has just seen them; None for what the ledger knows.
    :raises LedgerError: it could not be written.
    """
    with file.changing() as ledger:
        for image_id in image_ids:
            known = ledger.handles.get(image_id)
            ledger.doomed.setdefault(image_id, ledgers.Doomed(
                server, now, identity if known is None else known.identity))
            ledger.forget(image_id)


def delete_all(file: ledger_file.LedgerFile, client: glance.Client,
               identity: str) -> None:
    """Try it with each; what fails is tried again in the next pass.

    A 404 is believed only to somebody who has seen it.
    """
    with file.changing() as ledger:
        waiting = dict(ledger.doomed)
    for image_id, doom in waiting.items():
        why = _delete(client, image_id, doom, identity)
        with file.changing() as ledger:
            if why is None:
                ledger.doomed.pop(image_id, None)
                ledger.passes.undoomed += 1
                LOG.info('Deleted handle %(image)s of server %(server)s, '
                         'which is gone',
                         {'image': image_id, 'server': doom.instance})
            elif image_id in ledger.doomed and doom.error != why:
                ledger.doomed[image_id].error = why
                LOG.warning('Could not delete handle %(image)s of server '
                            '%(server)s, which is gone; it is tried again. '
                            '%(why)s',
                            {'image': image_id, 'server': doom.instance,
                             'why': why})


def _delete(client: glance.Client, image_id: str, doom: ledgers.Doomed,
            identity: str) -> str | None:
    """:returns: why it is not deleted, or may not be; None if it is."""
    try:
        status = client.delete(image_id)
    except exception.ImageServiceFailed as error:
        return str(error)
    if status == 204 or (status == 404 and doom.identity == identity):
        return None
    return f'Glance has answered with status {status}.'
