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

"""Runs nova-compute of another host, on which there is nothing but a name.

Nova's fake driver says yes to whatever is to come there; so all that Nova
asks of the host where a server is now is asked of the real one. No server
ever arrives: nobody answers at the address.
"""

import sys
from typing import Any

from nova.cmd import compute
from nova.virt import fake


class Driver(fake.MediumFakeDriver):
    """The same hypervisor, or Nova would ask no further."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.host_status_base.update(
            hypervisor_type='QEMU', hypervisor_version=1 << 30)

    def get_host_ip_addr(self) -> str:
        """Of this machine, but nobody listens: ssh to it fails at once."""
        return '127.0.0.9'


# Nova looks for drivers in its own package, and for their names only there.
fake.Elsewhere = Driver

sys.exit(compute.main())
