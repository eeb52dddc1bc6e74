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

"""Snapshots and servers by names and ids, and what is no snapshot."""

from osc_lib import exceptions

from snapdriver.osc import finding
from tests.unit.osc import base
from tests.unit.osc import fakes

ID = '11111111-1111-4111-8111-111111111111'


class FindingTestCase(base.OscTestCase):
    def find(self, name):
        server = finding.server(self.connection, 'web')
        return finding.snapshot(self.connection, server, name)

    def assert_not_found(self, name):
        return str(self.assertRaises(
            exceptions.CommandError, self.find, name))

    def test_by_name_and_by_id(self):
        self.images.add(ID, 'before')
        self.assertEqual((ID, 'before'), (
            self.find('before').id, self.find(ID).name))

    def test_an_id_goes_before_a_name(self):
        self.images.add('a', 'b')
        self.images.add('b', 'c')
        self.assertEqual('b', self.find('b').id)

    def test_the_same_name_twice(self):
        self.images.add('a', 'before')
        self.images.add('b', 'before')
        self.assertIn('a, b', self.assert_not_found('before'))

    def test_a_name_that_glance_would_take_for_an_operator(self):
        self.images.add('a', 'gt:5')
        self.assertEqual('a', self.find('gt:5').id)

    def test_those_of_other_servers(self):
        self.images.add(ID, 'theirs', fakes.OTHER)
        self.assert_not_found('theirs')
        self.assert_not_found(ID)

    def test_what_another_project_shares(self):
        self.images.hidden.add(self.images.add(ID, 'shared'))
        self.assert_not_found('shared')
        self.assertEqual('shared', self.find(ID).name)

    def test_an_image_that_is_no_snapshot(self):
        self.images.add(ID, 'flat', snapdriver_kind=None)
        self.assert_not_found('flat')
        self.assert_not_found(ID)

    def test_what_was_inherited_from_a_handle(self):
        """Nova gave an image all that its server's image says."""
        self.images.add(ID, 'copy', snapdriver_snapshot='another')
        self.assert_not_found('copy')
        self.assert_not_found(ID)

    def test_no_such_server(self):
        error = self.assertRaises(
            exceptions.CommandError, finding.server, self.connection, 'db')
        self.assertIn('db', str(error))

    def test_two_servers_of_one_name(self):
        self.compute.all[fakes.OTHER]['name'] = 'web'
        self.assertRaises(exceptions.CommandError, finding.server,
                          self.connection, 'web')
