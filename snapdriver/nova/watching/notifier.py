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

"""Sends notifications the way nova-compute sends its own.

Nova's options decide whether, and to which topics: ``notification_format``
and ``versioned_notifications_topics`` in ``[notifications]``, and ``driver``
in ``[oslo_messaging_notifications]``.
"""

from nova import conf as nova_conf
from nova import context as nova_context
from nova import exception as nova_exception
from nova import objects
from nova import rpc
from oslo_log import log as logging
from oslo_messaging import exceptions as messaging_exceptions

from snapdriver.nova.watching import messages
from snapdriver.nova.watching import verbs

LOG = logging.getLogger(__name__)
CONF = nova_conf.CONF


def tell(work: verbs.Work, phase: verbs.Phase) -> None:
    """See :data:`snapdriver.nova.watching.verbs.Watcher`."""
    rpc.if_notifications_enabled(_send)(work, phase)


def _send(work: verbs.Work, phase: verbs.Phase) -> None:
    if work.instance is None:
        _find(work)
    context = work.context or nova_context.get_admin_context()
    for message in messages.of(work, phase, CONF.host):
        notifier = rpc.get_versioned_notifier(message.publisher_id)
        getattr(notifier, message.priority)(
            context, event_type=message.event_type, payload=message.payload)


def _find(work: verbs.Work) -> None:
    """Whose server it is; the reaper knows its UUID only."""
    try:
        work.instance = objects.Instance.get_by_uuid(
            nova_context.get_admin_context(read_deleted='yes'), work.server,
            expected_attrs=[])
    except (nova_exception.NovaException,
            messaging_exceptions.MessagingException) as error:
        LOG.warning('A notification does not tell whose server %(server)s '
                    'is: %(error)s',
                    {'server': work.server, 'error': error})
