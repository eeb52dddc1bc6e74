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

"""``revert``: what it says before, and how it ends."""

import json

from snapdriver.osc import snapshot_revert
from tests.unit.osc import base
from tests.unit.osc import fakes

COMMAND = snapshot_revert.RevertServerSnapshot
MEMORY = 'snapdriver_request_memory'


class RevertTestCase(base.OscTestCase):
    def setUp(self):
        super().setUp()
        self.images.add('a', 'before')

    def revert(self, *words):
        return json.loads(self.run_command(
            COMMAND, 'web', 'before', *words, '-f', 'json'))

    def assert_asked(self, times=1):
        self.assertEqual(times, len(self.compute.asked))

    def test_without_a_terminal(self):
        said = self.revert()
        self.assert_asked()
        self.assertEqual((fakes.WEB, 'a'), self.compute.asked[0][:2])
        self.assertEqual(('web', 'before', 'a', None), tuple(
            said[key] for key in (
                'server', 'reverted_to', 'reverted_to_id', 'safety')))

    def test_what_is_lost_and_where_it_stays(self):
        self.images.add('s', 'older', snapdriver_safety='yes')
        self.images.all['a'] |= {
            'snapdriver_left_out': 'disk.swap (swap)'}
        self.compute.change(**{
            'os-extended-volumes:volumes_attached': [{'id': 'v'}]})
        self.revert()
        said = self.stderr.getvalue()
        for words in ('back to snapshot before', '2026-01-02', 'It boots',
                      '"web before revert to before at ..."',
                      'this one goes: older', 'disk.swap (swap)',
                      'contents of its volumes'):
            self.assertIn(words, said)

    def test_a_terminal_is_asked(self):
        for answer, asked in (('', 0), ('n\n', 0), ('yes please\n', 0),
                              ('y\n', 1), ('YES\n', 2)):
            self.stdin = base.Terminal(answer)
            if asked == len(self.compute.asked):
                self.assert_fails('Nothing was changed', COMMAND,
                                  'web', 'before')
            else:
                self.revert()
            self.assert_asked(asked)

    def test_yes(self):
        self.stdin = base.Terminal('n\n')
        self.revert('--yes')
        self.assert_asked()

    def test_memory(self):
        self.images.all['a']['snapdriver_consistency'] = 'memory'
        self.revert()
        self.assertIn('goes on', self.stderr.getvalue())
        self.assertNotIn(MEMORY, self.compute.asked[-1][2])
        self.assertEqual([], self.images.patches)

    def test_no_memory_is_for_this_once(self):
        self.images.all['a']['snapdriver_consistency'] = 'memory'
        self.revert('--no-memory')
        self.assertIn('It boots', self.stderr.getvalue())
        self.assertEqual('no', self.compute.asked[-1][2][MEMORY])
        self.assertNotIn(MEMORY, self.images.all['a'])

    def test_no_memory_that_was_set_by_hand_stays(self):
        self.images.all['a'] |= {
            'snapdriver_consistency': 'memory', MEMORY: 'no'}
        for words in ((), ('--no-memory',)):
            self.revert(*words)
            self.assertIn('It boots', self.stderr.getvalue())
        self.assertEqual('no', self.images.all['a'][MEMORY])

    def test_what_nova_would_refuse(self):
        for status, why in (('PAUSED', 'unpause it'),
                            ('SUSPENDED', 'resume it')):
            self.compute.change(status=status)
            self.assert_fails(why, COMMAND, 'web', 'before')
        self.compute.change(status='ACTIVE')
        self.images.all['a']['snapdriver_revertible'] = 'no: a vTPM'
        self.assert_fails('a vTPM', COMMAND, 'web', 'before')
        self.assert_asked(0)

    def test_an_image_that_is_no_snapshot(self):
        """Nova would make the server anew."""
        self.images.add('x', 'image', snapdriver_kind=None)
        self.assert_fails('no snapshot', COMMAND, 'web', 'image')
        self.assert_asked(0)

    def test_waiting(self):
        self.compute.change(task_state='rebuilding')
        self.compute.actions = [fakes.action('rebuild', {
            'result': 'Success', 'finish_time': 'now'})]
        self.compute.pending = [
            lambda: None,
            lambda: self.images.add('s', 'what was', snapdriver_safety='yes'),
            lambda: self.compute.change(task_state=None)]
        said = self.revert('--wait')
        self.assertEqual(('what was', 's', 'ACTIVE'), tuple(
            said[key] for key in ('safety', 'safety_id', 'status')))

    def test_a_refusal_that_is_told_after_all_is_as_before(self):
        running = fakes.action('rebuild', {
            'result': None, 'finish_time': None})
        self.compute.actions = [running]

        def tell():
            running.message = 'Error'
            running.events = [fakes.event(
                'Error', 'its devices differ', finish_time='now')]
        self.compute.pending = [lambda: None, lambda: None, tell]
        self.assert_fails('is ACTIVE: its devices differ', COMMAND,
                          'web', 'before', '--wait')

    def test_a_failure(self):
        self.compute.change(status='ERROR')
        self.assert_fails('is ERROR', COMMAND, 'web', 'before', '--wait')

    def test_a_server_that_is_off(self):
        self.images.all['a']['snapdriver_consistency'] = 'memory'
        self.compute.change(status='SHUTOFF')
        self.compute.pending = [
            lambda: self.compute.change(status='ACTIVE'),
            lambda: self.compute.change(task_state='powering-off'),
            lambda: self.compute.change(task_state=None, status='SHUTOFF')]
        self.assertEqual('SHUTOFF', self.revert('--wait')['status'])
        self.assertNotIn('ends', self.stderr.getvalue())
