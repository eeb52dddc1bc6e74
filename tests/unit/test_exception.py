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

"""Every error: its sentence, its data, and its way to another process."""

import copy
import inspect
import pickle
import re

import testtools

from snapdriver import exception

_CLASSES = [
    found for _, found in inspect.getmembers(exception, inspect.isclass)
    if issubclass(found, exception.SnapdriverError)
    and found not in (exception.SnapdriverError, exception.Refused)]


def _data(cls: type[exception.SnapdriverError]) -> dict[str, str]:
    keys = re.findall(r'%\((\w+)\)', cls.msg_fmt)
    return {key: f'<{key} 100%s>' for key in keys}


class ErrorTest(testtools.TestCase):
    def test_all_are_here(self) -> None:
        self.assertGreater(len(_CLASSES), 15)

    def test_message_has_all_data(self) -> None:
        for cls in _CLASSES:
            data = _data(cls)
            self.assertTrue(data, cls)
            message = str(cls(**data))
            for value in data.values():
                self.assertIn(value, message, cls)
            self.assertNotIn('%(', message)

    def test_message_is_a_sentence(self) -> None:
        for cls in _CLASSES:
            self.assertRegex(cls.msg_fmt, r'^("|libvirt|[A-Z])', cls)
            self.assertRegex(cls.msg_fmt, r'(\.|%\(\w+\)s)$', cls)
            self.assertNotRegex(cls.msg_fmt, r'  |\s$', cls)

    def test_attributes(self) -> None:
        for cls in _CLASSES:
            error = cls(**_data(cls), extra=5)
            self.assertEqual(5, error.extra)
            for key, value in _data(cls).items():
                self.assertEqual(value, getattr(error, key), cls)
            self.assertRaises(AttributeError, getattr, error, 'unknown')

    def test_missing_data_is_noticed(self) -> None:
        for cls in _CLASSES:
            self.assertRaises(KeyError, cls)

    def test_round_trips(self) -> None:
        for cls in _CLASSES:
            error = cls(**_data(cls), extra=[1])
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                again = pickle.loads(pickle.dumps(error, protocol))
                self.assertIs(cls, type(again))
                self.assertEqual(str(error), str(again))
                self.assertEqual(error.data, again.data)
            self.assertEqual(str(error), str(copy.deepcopy(error)))

    def test_base(self) -> None:
        self.assertEqual('An unknown error occurred.',
                         str(exception.SnapdriverError()))

    def test_half_made_errors_do_not_recurse(self) -> None:
        error = exception.Busy.__new__(exception.Busy)
        self.assertRaises(AttributeError, getattr, error, 'domain')


class RefusedTest(testtools.TestCase):
    def test_every_reason_is_there(self) -> None:
        error = exception.Refused('revert', 'web', ['a (do b)', '100%s'])
        self.assertEqual('web: cannot revert: a (do b); 100%s',
                         str(error))
        self.assertEqual(('a (do b)', '100%s'), error.reasons)
        self.assertEqual(('revert', 'web'), (error.verb, error.domain))

    def test_round_trip(self) -> None:
        error = exception.Refused('revert', 'web', ['a', 'b'])
        again = pickle.loads(pickle.dumps(error))
        self.assertIs(exception.Refused, type(again))
        self.assertEqual((str(error), error.data), (str(again), again.data))


class KindsTest(testtools.TestCase):
    def test_a_newer_state_is_a_state_error(self) -> None:
        self.assertTrue(issubclass(exception.StateTooNew,
                                   exception.StateError))
