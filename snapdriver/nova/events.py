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

"""What the user of a server reads in ``openstack server event show``."""

from collections.abc import Iterator
import contextlib
from typing import Any

from nova import conf as nova_conf
from nova import exception as nova_exception
from nova import objects
from oslo_log import log as logging
from oslo_messaging import exceptions as messaging_exceptions
from oslo_utils import excutils

LOG = logging.getLogger(__name__)
CONF = nova_conf.CONF


@contextlib.contextmanager
def failure(context: Any, instance: Any, name: str) -> Iterator[None]:
    """Make an error an event of the action that the user asked for.

    Where Nova makes an image in a thread of its own (34 and newer), it tells
    of success before it has begun, and of no error at all.

    :param name: of the event.
    """
    try:
        yield
    except Exception as error:
        with excutils.save_and_reraise_exception():
            _report(context, instance, name, error)


def _report(context: Any, instance: Any, name: str, error: Exception) -> None:
    events = objects.InstanceActionEvent
    try:
        events.event_start(context, instance.uuid, name, want_result=False,
                           host=CONF.host)
        events.event_finish_with_failure(
            context, instance.uuid, name, exc_val=error,
            exc_tb=error.__traceback__, want_result=False)
    except (nova_exception.NovaException,
            messaging_exceptions.MessagingException) as problem:
        LOG.warning('Its user was not told that %(name)s failed: %(problem)s',
                    {'name': name, 'problem': problem}, instance=instance)
