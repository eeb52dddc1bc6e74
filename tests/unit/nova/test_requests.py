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

"""What the properties of an image ask of an instance."""

import types

from snapdriver import exception
from snapdriver.nova import requests
from tests.unit import base

KIND, PAYLOAD, SOURCE = requests.KIND, requests.PAYLOAD, requests.SOURCE


class RequestsTestCase(base.TestCase):
    def read(self, said=None, inherited=None, specs=None, **options):
        """:param inherited: what the instance has from its own image."""
        instance = types.SimpleNamespace(
            uuid='u', flavor=types.SimpleNamespace(extra_specs=specs or {}),
            system_metadata={f'image_{key}': value for key, value
                             in (inherited or {}).items()})
        image = {'id': 'i', 'properties': (inherited or {}) | (said or {})}
        return requests.read(
            instance, image, types.SimpleNamespace(**{
                'enabled': True, 'default_kind': 'external',
                'image_payload': 'disk'} | options),
            ['external', 'internal'])

    def assert_refused(self, why, *args, **options):
        error = self.assertRaises(exception.Refused, self.read, *args,
                                  **options)
        self.assertIn(why, error.text)

    def test_nothing_is_asked_for(self):
        for options in ({}, {'default_kind': 'internal',
                             'image_payload': 'manifest'}):
            read = self.read(**options)
            self.assertEqual(
                (options.get('default_kind', 'external'),
                 options.get('image_payload', 'disk'), False, None),
                (read.kind, read.payload, read.explicit, read.source))
            self.assertTrue(read.is_local)

    def test_what_is_asked_for(self):
        read = self.read({KIND: 'internal', PAYLOAD: 'manifest'})
        self.assertEqual(('internal', 'manifest', True),
                         (read.kind, read.payload, read.explicit))
        self.assertTrue(self.read({PAYLOAD: 'disk'}).explicit)
        self.assertFalse(self.read({KIND: 'none'}).is_local)

    def test_what_was_inherited_asks_for_nothing(self):
        inherited = {KIND: 'internal', PAYLOAD: 'manifest', SOURCE: 's'}
        read = self.read(inherited=inherited)
        self.assertEqual(('external', 'disk', False, None), (
            read.kind, read.payload, read.explicit, read.source))
        read = self.read({SOURCE: 't'}, inherited)
        self.assertEqual(('t', False), (read.source, read.explicit))

    def test_what_there_is_not(self):
        self.assert_refused('one of external, internal, none',
                            {KIND: 'bronze'})
        self.assert_refused('one of disk, manifest', {PAYLOAD: 'paper'})
        self.assert_refused('needs a local', {
            KIND: 'none', PAYLOAD: 'manifest'})

    def test_turned_off(self):
        for where in ({'enabled': False},
                      {'specs': {requests.ENABLED: 'False'}},
                      {'specs': {requests.ENABLED: 'off'}}):
            self.assertEqual('none', self.read(**where).kind)
            self.assert_refused('turned off', {KIND: 'external'}, **where)
            # What the operator has chosen for all is no wish of theirs.
            self.assertFalse(self.read(
                image_payload='manifest', **where).is_local)
        self.assertEqual('external', self.read(
            specs={requests.ENABLED: 'true'}).kind)

    def test_an_older_snapshot(self):
        read = self.read({SOURCE: 's'})
        self.assertEqual(('s', False), (read.source, read.explicit))
        for other in ({KIND: 'external'}, {PAYLOAD: 'manifest'}):
            self.assert_refused('without', {SOURCE: 's'} | other)

    def test_an_older_snapshot_where_there_are_no_new_ones(self):
        self.assertEqual('s', self.read({SOURCE: 's'}, enabled=False).source)
