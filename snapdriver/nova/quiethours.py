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


"""The hours in which merges may be begun. Pure."""

import time


def within(hours: str, now: time.struct_time) -> bool:
    """Whether a time of the day lies in them.

    :param hours: ``22:00-06:00``, of which the end is not part; empty for
        the whole day. ``conf.py`` makes sure of the form.
    :param now: local time.
    """
    if not hours:
        return True
    begin, end = map(_minutes, hours.split('-'))
    minute = now.tm_hour * 60 + now.tm_min
    if begin <= end:
        return begin <= minute < end
    return minute >= begin or minute < end  # over midnight


def _minutes(text: str) -> int:
    hour, minute = text.split(':')
    return int(hour) * 60 + int(minute)
