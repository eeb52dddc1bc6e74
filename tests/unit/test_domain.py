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

"""What libvirt says, and that it may fail at any time."""

from typing import Any

import libvirt
import testtools

from snapdriver import domain as domains
from snapdriver import exception


class _Entry:
    """A snapshot of a connection that breaks."""

    def getXMLDesc(self, _: int) -> str:
        raise libvirt.libvirtError('Connection reset by peer')


class _Handle:
    """As much of a ``virDomain`` as is asked for here."""

    def name(self) -> str:
        return 'vm'

    def UUIDString(self) -> str:
        return 'a6c8d1e0-0000-4000-8000-000000000000'

    def listAllSnapshots(self, _: int) -> list[Any]:
        return [_Entry()]


class DomainTest(testtools.TestCase):
    def test_connection_breaks_while_snapshots_are_read(self) -> None:
        """No error of libvirt's own gets out."""
        domain = domains.Domain(None, _Handle())
        error = self.assertRaises(
            exception.LibvirtFailed, domain.snapshot_xmls)
        self.assertIn('reset by peer', str(error))
