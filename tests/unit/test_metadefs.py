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

"""The metadata definitions for Glance say what the code reads and writes."""

import configparser
import json
import pathlib
import re
from typing import Any

import testtools

from snapdriver import model

_REPO = pathlib.Path(__file__).parents[2]
_METADEFS = _REPO / 'etc/snapdriver/metadefs'
#: Where properties are named: as a whole, or after the prefix.
_NAMED = re.compile(
    r"'snapdriver_([a-z_]+)'|\{_?PREFIX\}([a-z_]+)'")
_REQUEST = 'snapdriver_request_'


def _read(name: str) -> Any:
    with open(_METADEFS / name) as file:
        return json.load(file)


def _objects() -> dict[str, dict[str, Any]]:
    return {found['name']: found['properties']
            for found in _read('snapdriver.json')['objects']}


def _of_code(*modules: str) -> set[str]:
    text = '\n'.join((_REPO / 'snapdriver' / name).read_text()
                     for name in modules)
    return {f'snapdriver_{whole or rest}'
            for whole, rest in _NAMED.findall(text)}


class ImageTest(testtools.TestCase):
    def test_every_property_and_no_other(self) -> None:
        # Not imported: they need Nova, and the client's packages.
        code = _of_code('nova/handles.py', 'nova/image_snapshot.py',
                        'nova/requests.py', 'osc/handle.py')
        objects = _objects()
        self.assertEqual(
            sorted(name for name in code if name.startswith(_REQUEST)),
            sorted(objects['Request']))
        self.assertEqual(
            sorted(name for name in code if not name.startswith(_REQUEST)),
            sorted(objects['Snapshot']))

    def test_only_requests_are_for_people_to_set(self) -> None:
        for name, properties in _objects().items():
            for key, found in properties.items():
                self.assertEqual(name == 'Snapshot',
                                 found.get('readonly', False), key)

    def test_values(self) -> None:
        request, snapshot = _objects()['Request'], _objects()['Snapshot']
        setup = configparser.ConfigParser()
        setup.read(_REPO / 'setup.cfg')
        kinds = re.findall(r'^(\w+) =', setup['options.entry_points'][
            'snapdriver.backends'].strip(), re.MULTILINE)
        self.assertEqual([*kinds, 'none'],
                         request['snapdriver_request_kind']['enum'])
        self.assertEqual(list(model.Consistency),
                         snapshot['snapdriver_consistency']['enum'])
        self.assertEqual(request['snapdriver_request_payload']['enum'],
                         snapshot['snapdriver_payload']['enum'])
        self.assertIn(
            f"PAYLOADS = {tuple(snapshot['snapdriver_payload']['enum'])}",
            (_REPO / 'snapdriver/nova/handles.py').read_text())


class FlavorTest(testtools.TestCase):
    def test_what_the_code_reads(self) -> None:
        found = _read('snapdriver-flavor.json')['properties']
        nova = _REPO / 'snapdriver/nova'
        self.assertEqual({'snapdriver:enabled', 'trait:CUSTOM_SNAPDRIVER'},
                         set(found))
        self.assertIn("ENABLED = 'snapdriver:enabled'",
                      (nova / 'requests.py').read_text())
        self.assertIn("TRAIT = 'CUSTOM_SNAPDRIVER'",
                      (nova / 'handles.py').read_text())


class FormTest(testtools.TestCase):
    """What Glance's own files have, and its loader asks for."""

    def test_each_file(self) -> None:
        for path in sorted(_METADEFS.iterdir()):
            found = _read(path.name)
            self.assertRegex(found['namespace'], r'^OS::Compute::Snapdriver')
            for key in ('display_name', 'description',
                        'resource_type_associations'):
                self.assertTrue(found[key], (path.name, key))
            self.assertEqual(('public', True),
                             (found['visibility'], found['protected']))
            groups = [found.get('properties', {}), *(
                group['properties'] for group in found.get('objects', ()))]
            for group in groups:
                for name, one in group.items():
                    self.assertEqual('string', one['type'], name)
                    self.assertTrue(one['title'], name)
                    self.assertRegex(one['description'], r'\.$', name)

    def test_all_are_installed(self) -> None:
        setup = (_REPO / 'setup.cfg').read_text()
        for path in _METADEFS.iterdir():
            self.assertIn(f'    etc/snapdriver/metadefs/{path.name}\n', setup)
