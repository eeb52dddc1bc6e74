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

"""Runs Nova's unit tests of its libvirt driver with another class instead.

nova_conformance.py MODULE:CLASS [TEST...]

Those in nova_conformance_exceptions.txt have to fail. What it prints is in
the form that stestr has, for tools/test.
"""

import builtins
import importlib
import importlib.metadata
import pathlib
import sys
from typing import Any
import unittest

# Before anything else of Nova: it decides whether eventlet patches or not.
import nova.tests.unit  # noqa: F401, I001
import nova.virt.libvirt
from nova.virt.libvirt import driver
import testtools

TESTS = 'nova.tests.unit.virt.libvirt.test_driver'
EXCEPTIONS = pathlib.Path(__file__).with_name(
    'nova_conformance_exceptions.txt')
_OUTCOMES = ('Passed', 'Skipped', 'Expected Fail', 'Unexpected Success',
             'Failed')


class Outcomes:
    """What came of each test.

    :param exceptions: names of tests that have to fail, without the module.
    """

    def __init__(self, exceptions: set[str]) -> None:
        self._exceptions = exceptions
        self.counts = dict.fromkeys(_OUTCOMES, 0)
        self.failures: list[tuple[str, str]] = []

    def add(self, test: Any, status: str, start_time: Any, stop_time: Any,
            tags: Any, details: Any) -> None:
        name = test.id()
        listed = name.removeprefix(f'{TESTS}.') in self._exceptions
        if status == 'skip':
            outcome = 'Skipped'
        elif status in ('success', 'xfail'):
            outcome = 'Unexpected Success' if listed else 'Passed'
        else:
            outcome = 'Expected Fail' if listed else 'Failed'
        self.counts[outcome] += 1
        if outcome == 'Failed':
            self.failures.append((name, '\n'.join(
                content.as_text() for key, content in (details or {}).items()
                if 'traceback' in key)))
        elif outcome == 'Unexpected Success':
            self.failures.append((
                name, f'It passes, so it has no place in {EXCEPTIONS.name}.'))

    def tell(self) -> bool:
        """Print all; returns whether all is well."""
        if self.failures:
            print(f'Failed {len(self.failures)} tests - output below:')
        for name, text in self.failures:
            print(f'\n{name}\n{"-" * len(name)}\n\n{text}')
        print('\nTotals\n======')
        for outcome, count in self.counts.items():
            print(f' - {outcome}: {count}')
        return not self.failures


def main(name: str, *tests: str) -> int:
    replace(name)
    outcomes = Outcomes(exceptions())
    suite = unittest.defaultTestLoader.loadTestsFromNames(
        list(tests or (TESTS,)))
    print(f'nova {importlib.metadata.version("nova")}, {name}: '
          f'{suite.countTestCases()} tests', flush=True)
    suite.run(testtools.TestByTestResult(outcomes.add))
    return 0 if outcomes.tell() else 1


def replace(name: str) -> None:
    """Put a class in LibvirtDriver's place."""
    module, class_name = name.split(':')
    ours = getattr(importlib.import_module(module), class_name)
    if not issubclass(ours, driver.LibvirtDriver):
        sys.exit(f'{name} is not a LibvirtDriver')
    # When a test ends its patch of a static method that is inherited, mock
    # puts a plain function in its place: the class gets them as its own.
    stock = driver.LibvirtDriver
    own = {key: value for key, value in vars(stock).items()
           if isinstance(value, staticmethod) and key not in vars(ours)}
    patched = type(class_name, (ours,), own)

    def find(*of: Any) -> Any:
        # Nova before 33 says super(LibvirtDriver, self), which would find our
        # class again.
        if not of:
            frame = sys._getframe(1)
            of = (frame.f_locals['__class__'],
                  frame.f_locals[frame.f_code.co_varnames[0]])
        return builtins.super(stock if of[0] is patched else of[0], *of[1:])

    setattr(driver, 'super', find)  # noqa: B010
    setattr(driver, 'LibvirtDriver', patched)  # noqa: B010
    setattr(nova.virt.libvirt, 'LibvirtDriver', patched)  # noqa: B010


def exceptions() -> set[str]:
    """Names of the tests that have to fail with this version of Nova.

    A line is ``TEST [VERSION...]``, with the first numbers of the versions
    that it is for; its reason stands above it.
    """
    major = importlib.metadata.version('nova').partition('.')[0]
    lines = [line.split() for line in EXCEPTIONS.read_text().splitlines()
             if line.strip() and not line.startswith('#')]
    return {test for test, *versions in lines
            if not versions or major in versions}


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
