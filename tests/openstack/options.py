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

"""Tests that need nova-compute to have other options."""

from typing import ClassVar

from tests.openstack import base
from tests.openstack import host


class OptionsTest(base.OpenStackTest):
    """Restarts nova-compute with them before, and without them after.

    :cvar OPTIONS: ``SECTION.KEY=VALUE``, as ``tools/openstack`` takes them.
    """

    OPTIONS: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.addClassCleanup(host.compute, 'restart')
        host.compute('restart', *cls.OPTIONS)
