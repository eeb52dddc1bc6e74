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

"""What nova-compute tells of snapshots: the bus, the metrics, the report."""

import os
import signal
from typing import Any
from typing import ClassVar

from prometheus_client import parser

from tests.openstack import bus
from tests.openstack import host
from tests.openstack import images
from tests.openstack import reaping
from tests.openstack import server as servers

_METRICS = host.STATE / 'nova' / 'snapdriver.prom'
_TYPE = 'instance.local_snapshot_'


class WatchingTest(reaping.ReaperTest):

    OPTIONS: ClassVar = (
        *reaping.ReaperTest.OPTIONS, *bus.OPTIONS,
        'snapdriver.max_snapshots_per_instance=2',
        'snapdriver.metrics_interval=1',
        f'snapdriver.metrics_textfile={_METRICS}')


class TestNotifications(WatchingTest):

    def setUp(self) -> None:
        super().setUp()
        self.bus = bus.Bus()
        self.addCleanup(self.bus.close)

    def told(self, server: servers.Server, verb: str, end: str = 'end'
             ) -> Any:
        """What the end of a verb tells, once its start was told, too."""
        def found() -> bool:
            known = self.bus.of(server.id)
            return {f'{_TYPE}{verb}.start',
                    f'{_TYPE}{verb}.{end}'} <= known.keys()

        self.poll(found, f'the {end} of {verb}')
        return self.bus.of(server.id)[f'{_TYPE}{verb}.{end}']

    def test_a_life(self) -> None:
        server = self.boot()
        handle = server.snapshot('first', kind='internal')
        created = self.told(server, 'create')
        shown = server.show()
        self.assertEqual(
            {'uuid': server.id, 'tenant_id': shown.project_id,
             'user_id': shown.user_id, 'display_name': shown.name,
             'snapshot_id': handle, 'kind': 'internal',
             'consistency': 'memory', 'payload': 'manifest',
             'safety_id': None, 'exception': None, 'reason': None},
            {key: value for key, value in created.data.items() if key not in (
                'host', 'request_id', 'frozen_at', 'seconds')})
        self.assertTrue(created.data['request_id'].startswith('req-'))
        self.assertEqual('info', created.priority)

        server.rebuild(handle)
        reverted = self.told(server, 'revert')
        safety = self.told(server, 'safety').data['snapshot_id']
        self.assertEqual(safety, reverted.data['safety_id'])
        self.assertEqual(handle, reverted.data['snapshot_id'])
        self.assertEqual('yes', images.properties(
            self.demo, safety)['snapdriver_safety'])

        self.younger_image()
        self.demo.image.delete_image(handle)
        reaped = self.told(server, 'reap')
        self.assertEqual(handle, reaped.data['snapshot_id'])
        self.assertEqual(shown.project_id, reaped.data['tenant_id'])

        server.cloud.compute.delete_server(server.id)
        self.assertEqual(
            safety, self.told(server, 'delete').data['snapshot_id'])

    def test_beside_novas_own(self) -> None:
        """Who reads those can read ours."""
        server = self.boot()
        server.snapshot('one')
        ours = self.told(server, 'create')
        stock = self.poll(
            lambda: self.bus.of(server.id, 'instance.snapshot.end'),
            'the one of Nova')['instance.snapshot.end']
        self.assertEqual(stock.payload.keys(), ours.payload.keys())
        self.assertEqual(stock.publisher_id, ours.publisher_id)
        for key in ('uuid', 'tenant_id', 'user_id', 'display_name', 'host',
                    'request_id'):
            self.assertEqual(stock.data[key], ours.data[key], key)

    def test_an_error(self) -> None:
        server = self.boot()
        for name in ('one', 'two'):
            server.snapshot(name)
        image = server.snapshot('three', wait=False)
        failed = self.told(server, 'create', 'error')
        self.assertEqual('error', failed.priority)
        self.assertEqual(image, failed.data['snapshot_id'])
        self.assertIn('max_snapshots_per_instance', failed.data['reason'])
        self.assertTrue(failed.data['exception'])


class TestMetrics(WatchingTest):

    def metrics(self) -> dict[tuple[str, ...], float]:
        """Name and labels to the value; the server comes first."""
        return {(sample.name, *(sample.labels[label] for label in sorted(
                    sample.labels, key=lambda label: label != 'server'))):
                sample.value
                for family in parser.text_string_to_metric_families(
                    _METRICS.read_text() if _METRICS.exists() else '')
                for sample in family.samples}

    def wait_for(self, value: float, *key: str) -> None:
        """Until a metric, without our prefix, has that value."""
        name, *labels = key
        self.poll(lambda: self.metrics().get(
            (f'snapdriver_{name}', *labels)) == value, f'{key} = {value}')

    def test_a_life(self) -> None:
        server = self.boot()
        server.snapshot('one')
        server.go_on()
        gone = server.snapshot('two')
        self.wait_for(2, 'snapshots', server.id, 'external')
        self.wait_for(3, 'chain_depth', server.id, 'disk')
        self.wait_for(self._held(server), 'snapshot_bytes', server.id,
                      'external')
        self.wait_for(0, 'hidden_layers', server.id)
        self.wait_for(0, 'unreadable_states')
        # A create ends a moment after its image is active.
        self.wait_for(2, 'operation_seconds_count', 'create')
        found = self.metrics()

        image = server.snapshot('three', wait=False)
        self.poll(lambda: not images.exists(self.demo, image),
                  'the image to go')
        self.wait_for(
            found['snapdriver_operation_failures_total', 'create'] + 1,
            'operation_failures_total', 'create')

        self.younger_image()
        self.demo.image.delete_image(gone)
        self.wait_for(1, 'snapshots', server.id, 'external')
        self.poll(lambda: self.metrics().get((
            'snapdriver_reaper_last_success_timestamp_seconds',), 0)
            > found['snapdriver_reaper_last_success_timestamp_seconds',],
            'a later success of the reaper')
        self.assertEqual(0o644, _METRICS.stat().st_mode & 0o777)

        server.cloud.compute.delete_server(server.id)
        self.poll(lambda: not any(server.id in key
                                  for key in self.metrics()),
                  'it to be gone from the metrics')

    def _held(self, server: servers.Server) -> int:
        state = host.state(server.id)
        active = {disk['active'] for disk in state['disks'].values()}
        return sum((host.INSTANCES / server.id / layer['file']
                    ).stat().st_blocks * 512
                   for layer in state['layers'].values()
                   if layer['id'] not in active)


class TestReport(WatchingTest):

    def test_the_section(self) -> None:
        server = self.boot()
        server.snapshot('one', kind='internal')
        begin = host.LOG.stat().st_size
        pid = (host.STATE / 'run' / 'nova-compute.pid').read_text().split()
        os.kill(int(pid[0]), signal.SIGUSR2)
        self.poll(lambda: 'Reaper: ' in host.log(begin), 'the report')
        section = host.log(begin).partition('Local snapshots')[2]
        of_server = section.partition(server.id)[2]
        self.assertIn('snapshots: internal 1', of_server)
        self.assertIn('layers: disk ', of_server)
        self.assertIn('In progress in this process: nothing', section)
        self.assertNotIn('unreadable', section)
