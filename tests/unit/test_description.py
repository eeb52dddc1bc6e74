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

"""A snapshot as people see it."""

from typing import Any
from unittest import mock

import testtools

from snapdriver import description
from snapdriver import instance
from tests.unit import samples

_HELD = {samples.A: 1000, samples.B: 200, samples.E0: 30}


def _instance(**changes: Any) -> mock.Mock:
    return mock.Mock(
        spec=instance.Instance, state=samples.state(**changes),
        held_bytes=mock.Mock(side_effect=_HELD.__getitem__))


class DescriptionTest(testtools.TestCase):
    def test_everything(self) -> None:
        found = _instance()
        info = description.describe(
            found, found.state.snapshots[samples.S2])
        self.assertEqual(
            {'disk': {'target': 'vda', 'layer': f'disk.layer-{samples.B}',
                      'tag': samples.S2, 'size': 1 << 30},
             'disk.eph0': {'target': 'vda', 'tag': None, 'size': 1 << 20,
                           'layer': f'disk.eph0.layer-{samples.E0}'}},
            info.disks)
        self.assertEqual(
            ('after.upgrade_2', samples.S2, 'internal', 'running', 'memory'),
            (info.name, info.id, info.kind, info.state, info.consistency))
        self.assertEqual((True, True), (info.current, info.safety))
        self.assertEqual(230, info.size)
        self.assertEqual(({'vdc': 'it is a volume'}, {'owner': 'tests'}),
                         (info.left_out, info.properties))
        self.assertEqual('d\u00e9j\u00e0 <vu>', info.description)

    def test_parents_are_named(self) -> None:
        first, second = description.describe_all(_instance())
        self.assertIsNone(first.parent)
        self.assertEqual(first.name, second.parent)
        self.assertEqual((False, True), (first.current, second.current))

    def test_times_are_in_utc(self) -> None:
        first, second = description.describe_all(_instance())
        self.assertEqual('2023-11-14T22:13:21.500+00:00', first.frozen_at)
        self.assertEqual('2023-11-14T22:13:22.000+00:00', second.created_at)

    def test_each_layer_is_looked_at_once(self) -> None:
        both = samples.snapshots(
            samples.snapshot(samples.S1, disk=samples.A),
            samples.snapshot(samples.S2, samples.S1, disk=samples.A))
        found = _instance(snapshots=both)
        self.assertEqual(
            [1000, 1000],
            [info.size for info in description.describe_all(found)])
        found.held_bytes.assert_called_once_with(samples.A)

    def test_none(self) -> None:
        self.assertEqual(
            [], description.describe_all(_instance(snapshots={})))
