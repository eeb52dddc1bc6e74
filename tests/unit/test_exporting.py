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


"""What of an export no real QEMU can be made to do."""

import os
from unittest import mock

import testtools

from snapdriver import exception
from snapdriver import exporting
from snapdriver import jobs
from snapdriver import model
from tests.unit import samples


def _failed(text):
    return exception.ImageCommandFailed(
        command='qemu-img convert', code=1, stderr=text)


class TestCopy(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.instance = mock.Mock(state=samples.state())
        self.convert = self.instance.images.convert
        self.share = self.instance.images.share

    def copy(self):
        exporting._copy(
            self.instance, exporting.Request(
                self.instance.state.snapshots[samples.S1], '/out'),
            model.Point(layer=samples.B, size=1), mock.Mock(path='/out'),
            mock.Mock(), None)

    def test_files_that_were_given_to_qemu_again(self):
        self.convert.side_effect = [
            _failed('Could not open disk: Permission denied'), None]
        self.copy()
        names = [f'disk.layer-{layer}' for layer in (samples.B, samples.A)]
        self.assertEqual(names, self.convert.call_args[0][0])
        self.share.assert_called_once_with(names)

    def test_never_for_ever(self):
        self.convert.side_effect = _failed('Permission denied')
        self.assertRaises(exception.ImageCommandFailed, self.copy)
        self.assertEqual(3, self.convert.call_count)

    def test_other_failures_are_not_tried_again(self):
        self.convert.side_effect = _failed('Input/output error')
        self.assertRaises(exception.ImageCommandFailed, self.copy)
        self.convert.assert_called_once()

    def test_no_space_names_the_new_file(self):
        self.convert.side_effect = exception.NoSpace(path='/instances/a')
        self.assertEqual(
            '/out', self.assertRaises(exception.NoSpace, self.copy).path)


class TestIsAlive(testtools.TestCase):
    def job(self, pid):
        return model.Job(
            id=samples.JOB, type=jobs.EXPORT, disk='disk', started_at=1.0,
            data={'process': jobs.identify(pid) or [pid, 1]})

    def test_of_this_process(self):
        job = self.job(os.getpid())
        # This process has given it up, as it could not have the lock back.
        self.assertFalse(exporting.is_alive(job))
        with mock.patch.object(exporting, '_running', {job.id}):
            self.assertTrue(exporting.is_alive(job))

    def test_of_others(self):
        self.assertTrue(exporting.is_alive(self.job(os.getppid())))
        self.assertFalse(exporting.is_alive(self.job(1 << 22)))
