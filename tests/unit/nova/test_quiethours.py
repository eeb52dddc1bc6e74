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


"""Hours of the day, over midnight too."""

import time

import testtools

from snapdriver import conf
from snapdriver.nova import quiethours


def _within(hours: str, moment: str) -> bool:
    return quiethours.within(hours, time.strptime(moment, '%H:%M'))


class QuietHoursTest(testtools.TestCase):
    def test_the_whole_day(self) -> None:
        self.assertTrue(_within('', '03:00'))

    def test_of_one_day(self) -> None:
        self.assertEqual([False, True, True, False], [
            _within('01:30-05:00', moment)
            for moment in ('01:29', '01:30', '04:59', '05:00')])

    def test_over_midnight(self) -> None:
        self.assertEqual([False, True, True, True, False], [
            _within('22:00-06:00', moment)
            for moment in ('21:59', '22:00', '00:00', '05:59', '06:00')])

    def test_what_the_option_takes(self) -> None:
        option = next(opt for _, opts in conf.list_opts() for opt in opts
                      if opt.name == 'merge_hours')
        for good in ('', '00:00-23:59', '22:00-06:00'):
            self.assertEqual(good, option.type(good))
        for bad in ('22-6', '24:00-06:00', '22:00-06:60', 'night'):
            self.assertRaises(ValueError, option.type, bad)
