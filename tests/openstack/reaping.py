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

"""Tests with a reaper that is quick, and has every reason to believe."""

import itertools
from typing import Any
from typing import ClassVar

from tests.openstack import host
from tests.openstack import options


class ReaperTest(options.OptionsTest):

    OPTIONS: ClassVar = ('snapdriver.reap_interval=1',
                         'snapdriver.reap_grace=2')

    def setUp(self) -> None:
        super().setUp()
        self.other = self.connect('other')
        self._count = itertools.count()
        # The reaper believes Glance while it shows it another's image, ...
        self.witness()

    def witness(self) -> None:
        """A private image of another project."""
        made = self.other.image.create_image(
            f'witness-{next(self._count)}', data=b'-', disk_format='raw',
            container_format='bare', visibility='private', wait=True)
        self.addCleanup(self.other.image.delete_image, made.id)

    def younger_image(self) -> None:
        """... and its own beacon, or one that is younger than the handle."""
        self.witness()
        self.pass_by()

    def pass_by(self) -> None:
        """The reaper has looked at all that is there now."""
        for _ in range(2):  # one may have begun before
            last = self._last_pass()
            self.poll(lambda last=last: self._last_pass() != last,
                      'a pass of the reaper')

    def status(self) -> dict[str, Any]:
        """What the reaper knows."""
        found: dict[str, Any] = host.snapdriver(
            'reaper', 'status', '--state-path', str(host.STATE / 'nova'))
        return found

    def _last_pass(self) -> str:
        return str(self.status()['last_pass'])
