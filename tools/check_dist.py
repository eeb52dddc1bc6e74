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

"""What tools/check-dist asks about an sdist and a wheel.

``contents TREE SDIST WHEEL``: all that belongs in is in, and nothing else.
``extras WHEEL``: the names of its extras.
``load [EXTRA]``: of the snapdriver that is installed here every module and
every entry point can be imported, but for those that need something else.
"""

import configparser
from importlib import metadata
import importlib.util
import pathlib
import pkgutil
import subprocess
import sys
import tarfile
import zipfile

_NOVA = 'nova/virt/snapdriver/__init__.py'
#: What goes below the prefix of an installation: all of etc/snapdriver ...
_ETC = 'etc/snapdriver/'
#: ... but what makes the sample file.
_NOT_INSTALLED = {'etc/snapdriver/config-generator.conf'}
#: Modules that need what is not required: Nova, or an extra.
_NEED = {'snapdriver.nova': 'nova', 'snapdriver.osc': 'client'}
#: Groups of entry points that an extra is for.
_NEED_OF_GROUP = {'openstack': 'client'}


def contents(tree: str, sdist: str, wheel: str) -> list[str]:
    """What is wrong with them."""
    tracked = set(subprocess.run(
        ['git', '-C', tree, 'ls-files'], check=True, capture_output=True,
        text=True).stdout.split('\n')) - {''}
    with tarfile.open(sdist) as archive:
        packed = {name.partition('/')[2] for name in archive.getnames()}
    with zipfile.ZipFile(wheel) as archive:
        wrong = _of_wheel(tracked, archive)
    return [f'not in the sdist: {name}'
            for name in sorted(tracked - packed) if not _is_of_git(name)
            ] + wrong


def _is_of_git(name: str) -> bool:
    """pbr leaves out what only git reads."""
    return pathlib.PurePath(name).name in ('.gitignore', '.gitreview')


def _of_wheel(tracked: set[str], archive: zipfile.ZipFile) -> list[str]:
    wanted = {name for name in tracked
              if name.startswith('snapdriver/') or name == _NOVA}
    data = {name for name in tracked
            if name.startswith(_ETC)} - _NOT_INSTALLED
    found, found_data, info = set(), set(), set()
    for name in archive.namelist():
        top, _, rest = name.partition('/')
        if top.endswith('.dist-info'):
            info.add(rest)
        elif top.endswith('.data'):
            found_data.add(rest.removeprefix('data/'))
        else:
            found.add(name)
    wrong = [f'not in the wheel: {name}'
             for name in sorted((wanted - found) | (data - found_data))]
    wrong += [f'in the wheel, and should not be: {name}'
              for name in sorted((found - wanted) | (found_data - data))]
    wrong += [f'no {name} in the wheel\'s metadata' for name in
              ('licenses/LICENSE', 'entry_points.txt', 'METADATA')
              if name not in info]
    return wrong + _of_entry_points(tracked, archive)


def _of_entry_points(tracked: set[str],
                     archive: zipfile.ZipFile) -> list[str]:
    """Every module that an entry point names is there."""
    name = next(name for name in archive.namelist()
                if name.endswith('.dist-info/entry_points.txt'))
    parser = configparser.ConfigParser(delimiters='=')
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(archive.read(name).decode())
    modules = {value.partition(':')[0].strip() for group in parser.sections()
               for value in parser[group].values()}
    return [f'an entry point names {module}, which is not there'
            for module in sorted(modules)
            if not {f'{module.replace(".", "/")}{end}'
                    for end in ('.py', '/__init__.py')} & tracked]


def extras(wheel: str) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist()
                    if name.endswith('.dist-info/METADATA'))
        lines = archive.read(name).decode().splitlines()
    return [line.partition(': ')[2] for line in lines
            if line.startswith('Provides-Extra: ')]


def load(extra: str | None) -> list[str]:
    """What cannot be imported, and why."""
    have = {extra, None}
    if importlib.util.find_spec('nova.conf'):
        have.add('nova')
    wrong = []
    for name in _modules():
        if _need(name) in have and not name.endswith('.__main__'):
            wrong += _try(name, lambda name=name: importlib.import_module(
                name))
    for point in metadata.distribution('snapdriver').entry_points:
        need = _NEED_OF_GROUP.get(point.group.partition('.')[0])
        if need in have and _need(point.module) in have:
            wrong += _try(f'{point.group}: {point.name}', point.load)
    return wrong


def _modules() -> list[str]:
    import snapdriver
    where = pathlib.Path(snapdriver.__file__).parent
    return [found.name for found in pkgutil.walk_packages(
        [str(where)], 'snapdriver.', onerror=lambda name: None)]


def _need(module: str) -> str | None:
    return next((need for package, need in _NEED.items()
                 if f'{module}.'.startswith(f'{package}.')), None)


def _try(what: str, act: object) -> list[str]:
    try:
        act()  # type: ignore[operator]
    except Exception as error:
        return [f'{what}: {error!r}']
    return []


def main() -> int:
    what, *arguments = sys.argv[1:]
    if what == 'extras':
        print('\n'.join(extras(*arguments)))
        return 0
    wrong = (contents(*arguments) if what == 'contents'
             else load(*(arguments or [None])))
    print('\n'.join(wrong))
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
