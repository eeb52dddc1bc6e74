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

"""The metrics: their values, and that the documentation has them all."""

import pathlib
import re
import types

from prometheus_client import parser

from snapdriver.nova import ledger as ledgers
from snapdriver.nova.watching import figures
from snapdriver.nova.watching import metrics
from snapdriver.nova.watching import verbs
from tests.unit import base

PAGE = pathlib.Path(__file__).parents[3] / 'doc/source/admin/watching.rst'
A, B = 'server-a', 'server-b'


def _server_first(labels):
    """Of the text format, which sorts them."""
    return sorted(labels, key=lambda label: label != 'server')


def server(uuid, **changes):
    return figures.Server(**{
        'uuid': uuid, 'snapshots': {'external': 2, 'internal': 1},
        'bytes': {'external': 4096, 'hidden': 512},
        'depth': {'disk': 4, 'disk.eph0': 2}, 'hidden': 1,
        'unfinished': [figures.Unfinished('merge', 20.0),
                       figures.Unfinished('merge', 10.0),
                       figures.Unfinished('create', 30.0)]} | changes)


class MetricsTestCase(base.TestCase):
    def setUp(self):
        super().setUp()
        self.metrics = metrics.Metrics()
        self.ledger = ledgers.Ledger()

    def samples(self, *servers, **changes):
        """Name, server and other label of each sample to its value."""
        text = self.metrics.text(figures.Figures(
            **{'servers': servers, 'unreadable': {}, 'ledger': self.ledger}
            | changes)).decode()
        return {(sample.name, *(
                    sample.labels[label] for label
                    in _server_first(sample.labels))): sample.value
                for family in parser.text_string_to_metric_families(text)
                for sample in family.samples}

    def work(self, verb, phase, seconds=None):
        self.metrics.tell(types.SimpleNamespace(verb=verb, seconds=seconds),
                          phase)


class TestServers(MetricsTestCase):
    def test_values(self):
        found = self.samples(server(A), server(B, snapshots={}))
        for key, value in {
                ('snapshots', A, 'external'): 2,
                ('snapshots', A, 'internal'): 1,
                ('snapshot_bytes', A, 'external'): 4096,
                ('snapshot_bytes', B, 'hidden'): 512,
                ('hidden_layers', A): 1,
                ('chain_depth', A, 'disk'): 4,
                ('chain_depth', A, 'disk.eph0'): 2,
                ('unfinished_operations', A, 'merge'): 2,
                ('unfinished_since_timestamp_seconds', A, 'merge'): 10,
                ('unfinished_since_timestamp_seconds', A, 'create'): 30,
                ('unreadable_states',): 0}.items():
            self.assertEqual(value, found['snapdriver_' + key[0], *key[1:]],
                             key)
        self.assertNotIn(('snapdriver_snapshots', B, 'external'), found)

    def test_what_is_gone_is_not_told_any_more(self):
        self.samples(server(A))
        self.assertEqual([], [key for key in self.samples() if A in key])

    def test_unreadable(self):
        self.assertEqual(1, self.samples(unreadable={A: 'cut off'})[
            'snapdriver_unreadable_states',])


class TestReaper(MetricsTestCase):
    def test_values(self):
        passes = self.ledger.passes
        passes.last_at, passes.last_success_at, passes.handles = 9.0, 8.0, 7
        passes.unreapable, passes.waiting = ['a'], {'b': '', 'c': ''}
        passes.unconfirmed, self.ledger.confirmed = {'b': '', 'c': ''}, ['b']
        passes.reaped, passes.merged, passes.undoomed = 4, 5, 6
        self.ledger.paused = True
        self.ledger.doomed = {'d': ledgers.Doomed(A, 1.0)}
        found = self.samples()
        for name, value in {
                'ledger_readable': 1, 'last_pass_timestamp_seconds': 9,
                'last_success_timestamp_seconds': 8, 'paused': 1,
                'handles': 7, 'unreapable_handles': 1, 'waiting_handles': 2,
                'unconfirmed_handles': 1, 'doomed_handles': 1,
                'reaped_snapshots_total': 4, 'merged_layers_total': 5,
                'deleted_handles_total': 6}.items():
            self.assertEqual(value, found[f'snapdriver_reaper_{name}',], name)

    def test_never(self):
        self.assertEqual(0, self.samples()[
            'snapdriver_reaper_last_success_timestamp_seconds',])

    def test_without_a_ledger(self):
        found = self.samples(ledger=None)
        self.assertEqual(0, found['snapdriver_reaper_ledger_readable',])
        self.assertEqual(
            ['snapdriver_reaper_ledger_readable'],
            [name for name, *_ in found if 'reaper' in name])


class TestVerbs(MetricsTestCase):
    def test_they_are_there_before_anything_happens(self):
        found = self.samples()
        for verb in verbs.Verb:
            self.assertEqual(
                0, found['snapdriver_operation_failures_total', verb])
            self.assertEqual(
                0, found['snapdriver_operation_seconds_count', verb])

    def test_seconds(self):
        self.work(verbs.Verb.REVERT, verbs.Phase.START)
        self.work(verbs.Verb.REVERT, verbs.Phase.END, 1.5)
        found = self.samples()
        self.assertEqual(
            1, found['snapdriver_operation_seconds_count', 'revert'])
        self.assertEqual(
            1.5, found['snapdriver_operation_seconds_sum', 'revert'])
        self.assertEqual(
            0, found['snapdriver_operation_failures_total', 'revert'])

    def test_failures(self):
        self.work(verbs.Verb.REAP, verbs.Phase.START)
        self.work(verbs.Verb.REAP, verbs.Phase.ERROR, 1.5)
        found = self.samples()
        self.assertEqual(
            1, found['snapdriver_operation_failures_total', 'reap'])
        self.assertEqual(
            0, found['snapdriver_operation_seconds_count', 'reap'])

    def test_two_of_them_do_not_meet(self):
        metrics.Metrics().tell(types.SimpleNamespace(
            verb=verbs.Verb.REAP, seconds=1), verbs.Phase.ERROR)
        self.assertEqual(0, self.samples()[
            'snapdriver_operation_failures_total', 'reap'])


class TestDocumentation(MetricsTestCase):
    def test_the_table_has_each_metric_and_its_labels(self):
        documented = {
            found['name']: (found['type'], found['labels'] or '-')
            for found in re.finditer(
                r'^   \* - ``(?P<name>snapdriver_\w+)``\n'
                r'     - (?P<type>\w+)\n'
                r'     - (?P<labels>.*)\n', PAGE.read_text(), re.MULTILINE)}
        self.work(verbs.Verb.REVERT, verbs.Phase.END, 1)
        text = self.metrics.text(figures.Figures(
            [server(A)], {}, self.ledger)).decode()
        registered = {}
        for family in parser.text_string_to_metric_families(text):
            if family.name.endswith('_created'):
                continue
            name = family.name + (
                '_total' if family.type == 'counter' else '')
            registered[name] = (family.type, ', '.join(
                f'``{label}``' for label in _server_first(
                    family.samples[0].labels) if label != 'le') or '-')
        self.assertEqual(registered, documented)
