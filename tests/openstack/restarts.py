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

"""Operations in which nova-compute, or the whole host, goes and comes back."""

import functools
from typing import Any

from tests.openstack import host
from tests.openstack import operations
from tests.openstack import server as servers

OPERATIONS: operations.Table = {}
_operation = functools.partial(operations.operation, OPERATIONS)


@_operation('restart of nova-compute', boots=False)
def restart(test: Any, server: servers.Server) -> None:
    host.compute('restart')
    server.wait('ACTIVE')


@_operation('nova-compute is killed, guest powers off, nova-compute starts')
def off_meanwhile(test: Any, server: servers.Server) -> None:
    """``resume_guests_state_on_host_boot`` starts the guest again."""
    host.compute('kill')
    server.say('off', 'POWER-OFF')
    host.compute('start')
    server.wait('ACTIVE')


@_operation('suspend, restart of nova-compute, resume', boots=False)
def suspend_restart_resume(test: Any, server: servers.Server) -> None:
    server.suspend()
    host.compute('restart')
    test.assert_sound(server)
    server.resume()


@_operation('suspend, power cut, resume', boots=False)
def suspend_cut_resume(test: Any, server: servers.Server) -> None:
    server.suspend()
    cut(test, server)
    test.assert_sound(server)
    server.resume()


@_operation('power cut')
def cut(test: Any, server: servers.Server) -> None:
    """libvirtd, QEMU and nova-compute are gone at once."""
    host.power('kill')
    host.power('start')
    server.wait()


@_operation('power cut while stopped, start')
def stop_cut_start(test: Any, server: servers.Server) -> None:
    server.stop()
    cut(test, server)
    test.assert_sound(server)
    server.start()


@_operation('power cut while resized, confirm', grows=True, alone=True,
            rare=True)
def resize_cut_confirm(test: Any, server: servers.Server) -> None:
    server.resize(test.bigger())
    host.power('kill')
    host.power('start')
    server.wait('VERIFY_RESIZE')
    server.cloud.compute.confirm_server_resize(server.id)
    server.wait('ACTIVE')


@_operation('power cut while layers are merged', alone=True)
def cut_merging(test: Any, server: servers.Server) -> None:
    with test.merging(server):
        cut(test, server)
