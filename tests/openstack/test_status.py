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

"""``snapdriver-status upgrade check`` on the compute host."""

import json
from typing import Any

from tests.openstack import base
from tests.openstack import host


def _status(user: str) -> dict[str, tuple[int, str]]:
    done = host.run('snapdriver-status', 'upgrade', 'check', '--json',
                    check=False, user=user)
    found: list[dict[str, Any]] = json.loads(done.stdout)['checks']
    result = {check['check']: (check['result'], check['details'])
              for check in found}
    if done.returncode != max(code for code, _ in result.values()):
        raise AssertionError(f'exit code {done.returncode}: {found}')
    return result


class TestStatus(base.OpenStackTest):

    def test_all_is_well(self) -> None:
        server = self.boot()
        server.snapshot('one')
        for user in ('nova', 'root'):
            found = _status(user)
            # Another test's export may be at work.
            found.pop('Unfinished operations')
            self.assertEqual({0}, {code for code, _ in found.values()},
                             (user, found))
            self.assertIn('nova/virt/snapdriver can be imported',
                          found['Nova driver'][1])
            self.assertIn(str(host.INSTANCES), found['Instances path'][1])
            self.assertRegex(found['State files'][1], 'State files: [1-9]')

    def test_what_novas_own_driver_would_leave(self) -> None:
        """An image that was fetched under a layer's name."""
        copy = host.INSTANCES / '_base' / 'disk.layer-0123abcd'
        host.run('touch', str(copy), user='nova')
        self.addCleanup(host.run, 'rm', str(copy))
        code, text = _status('nova')['File names']
        self.assertEqual(1, code)
        self.assertIn(str(copy), text)
