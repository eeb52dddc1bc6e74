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

"""State files, what is unfinished in them, and the names of files."""

import json
import os
from typing import Any

from oslo_upgradecheck import upgradecheck

from snapdriver import jobs
from snapdriver import model
from snapdriver import state as state_file
from snapdriver.status import names
from snapdriver.status import state_files
from snapdriver.status import unfinished
from tests.unit import base as unit
from tests.unit import samples
from tests.unit.status import base

_OTHER = '99999999-2222-3333-4444-555555555555'


class StateFilesTest(base.StatusTest):
    def rewrite(self, path: str, **changes: Any) -> None:
        file = os.path.join(path, 'snapdriver', 'state.json')
        with open(file) as found:
            document = json.load(found)
        with open(file, 'w') as found:
            json.dump(document | changes, found)

    def test_all_can_be_read(self) -> None:
        self.make_instance()
        self.make_instance(samples.state(uuid=_OTHER))
        self.assert_success(state_files.check(self.host()), 'State files: 2,')

    def test_none(self) -> None:
        self.assert_success(state_files.check(self.host()), 'State files: 0,')
        self.assert_success(state_files.check(self.host(
            instances_path='/no/such/path')), 'State files: 0,')

    def test_newer(self) -> None:
        self.rewrite(self.make_instance(), schema=state_file.SCHEMA + 1)
        self.assert_failure(
            state_files.check(self.host()), samples.UUID,
            'newer snapdriver', f'schema {state_file.SCHEMA}.')

    def test_broken(self) -> None:
        self.rewrite(self.make_instance(), current='nobody')
        self.make_instance(samples.state(uuid=_OTHER))
        found = state_files.check(self.host())
        self.assert_failure(found, samples.UUID, 'cannot be used')
        self.assertNotIn(_OTHER, found.details or '')
        self.assertNotIn('newer', found.details or '')

    def test_not_ours_to_read(self) -> None:
        if unit.AS_ROOT:
            self.skipTest('root may read all')
        path = self.make_instance()
        folder = os.path.join(path, 'snapdriver')
        os.chmod(folder, 0)
        self.addCleanup(os.chmod, folder, 0o700)
        self.assert_warning(state_files.check(self.host()), samples.UUID,
                            'as root')

    def test_both_paths_are_looked_at(self) -> None:
        novas = os.path.join(self.root, 'nova')
        os.mkdir(novas)
        self.make_instance()
        self.make_instance(samples.state(uuid=_OTHER), root=novas)
        self.assert_success(state_files.check(self.host(
            nova=self.nova(instances_path=novas))), 'State files: 2,')

    def test_no_more_names_than_are_read(self) -> None:
        for number in range(8):
            self.rewrite(self.make_instance(samples.state(
                uuid=f'{number}{_OTHER[1:]}')), schema=99)
        found = state_files.check(self.host())
        self.assert_failure(found, 'and 3 more')
        self.assertEqual(5, (found.details or '').count(_OTHER[1:]))


class UnfinishedTest(base.StatusTest):
    def check(self, **changes: Any) -> upgradecheck.Result:
        self.make_instance(samples.state(**(
            {'operation': None, 'jobs': {}} | changes)))
        return unfinished.check(self.host())

    def job(self, kind: str, process: list[int]) -> dict[str, model.Job]:
        return {samples.JOB: model.Job(
            id=samples.JOB, type=kind, disk='disk', started_at=1.0,
            data={'process': process})}

    def test_nothing(self) -> None:
        self.assert_success(self.check(), 'Nothing')

    def test_operation(self) -> None:
        self.assert_warning(self.check(operation=samples.state().operation),
                            f'{samples.UUID} (create, planned)',
                            'before you upgrade')

    def test_dead_job(self) -> None:
        for kind in (jobs.MERGE, jobs.EXPORT, jobs.COPY):
            with self.subTest(kind):
                found = self.check(uuid=f'{len(kind)}{_OTHER[1:]}',
                                   jobs=self.job(kind, [1, 0]))
                self.assert_warning(found, f'({kind})', 'in the middle')

    def test_job_at_work(self) -> None:
        alive = jobs.identify(os.getpid())
        found = self.check(jobs=self.job(jobs.MERGE, alive))
        self.assert_warning(found, 'At work', '(merge)')
        self.assertNotIn('middle', found.details or '')

    def test_owed_thaw(self) -> None:
        self.assert_warning(self.check(jobs={'thaw': model.Job(
            id='thaw', type=jobs.THAW, disk='', started_at=1.0)}),
            'thaw', samples.UUID)


class NamesTest(base.StatusTest):
    def check(self) -> upgradecheck.Result:
        return names.check(self.host())

    def test_good(self) -> None:
        path = self.make_instance()
        for name in ('disk', 'disk.layer-12345678', 'disk.eph0', 'disk.swap',
                     'disk.info', 'disk.config', 'console.log', 'kernel',
                     'disk.s1', 'unrescue.xml'):
            self.touch(path, name)
        self.touch('_base', 'da39a3ee5e6b4b0d3255bfef95601890afd80709')
        self.touch('_base', 'ephemeral_1_0706d66')
        self.touch('_base', 'swap_512')
        self.touch('locks', 'nova-lock_1')
        self.assert_success(self.check())

    def test_misread(self) -> None:
        for name in ('disk.s_1', 'disk_20', 'ephemeral0', 'swap.layer-x'):
            self.assertTrue(names.is_misread(name))
            path = self.touch(_OTHER, name)
            self.assert_failure(self.check(), path, 'adopt')
            os.unlink(path)
        self.assert_success(self.check())

    def test_only_in_directories_of_instances(self) -> None:
        self.touch('images', 'web_1')
        os.makedirs(os.path.join(self.root, _OTHER, 'swap_1'))
        self.assert_success(self.check())

    def test_copies_in_the_image_cache(self) -> None:
        for name in ('disk', 'disk.layer-0a1b2c3d', 'disk.s1'):
            path = self.touch('_base', name)
            self.assert_warning(self.check(), path, 'delete it if none')
            os.unlink(path)
        self.assert_success(self.check())
