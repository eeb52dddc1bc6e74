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

"""The options: documented, within their own bounds, safe to hand out."""

import pathlib
import re

from oslo_config import cfg
import testtools

import snapdriver
from snapdriver import conf


def _all() -> list[cfg.Opt]:
    return [opt for _, opts in conf.list_opts() for opt in opts]


class ListTest(testtools.TestCase):
    def test_one_group(self) -> None:
        self.assertEqual(['snapdriver'],
                         [group for group, _ in conf.list_opts()])
        names = [opt.name for opt in _all()]
        self.assertEqual(len(names), len(set(names)))

    def test_a_caller_may_change_what_it_gets(self) -> None:
        # As oslo-config-generator and other projects' list_opts do.
        for opt in _all():
            opt.default = 'changed'
            opt.help = 'changed'
        conf.list_opts()[0][1].clear()
        self.assertTrue(_all())
        for opt in _all():
            self.assertNotEqual('changed', opt.default)
            self.assertNotEqual('changed', opt.help)
        _all()[0].default = 'changed'
        self.assertEqual(
            'qemu:///system',
            conf.options(cfg.ConfigOpts()).connection_uri)

    def test_lists_are_copied_too(self) -> None:
        for opt in _all():
            if isinstance(opt.default, list):
                opt.default.append('changed')
        self.assertNotIn('changed', [
            item for opt in _all() if isinstance(opt.default, list)
            for item in opt.default])

    def test_help_is_full_sentences(self) -> None:
        for opt in _all():
            self.assertRegex(opt.help or '', r'^[A-Z].{20,}\.$', opt.name)
            self.assertNotRegex(opt.help, r'  |\s$|\n', opt.name)
            for sentence in re.split(r'\. ', opt.help):
                self.assertRegex(sentence, r'^["A-Z0-9]|^libvirt|^nova-',
                                 opt.name)

    def test_every_option_is_read_somewhere(self) -> None:
        package = pathlib.Path(snapdriver.__file__).parent
        code = '\n'.join(path.read_text() for path in package.rglob('*.py')
                         if path.name != 'conf.py')
        unread = [opt.name for opt in _all()
                  if not re.search(rf'\b{opt.dest}\b', code)]
        self.assertEqual([], unread)

    def test_no_host_name_in_the_sample(self) -> None:
        host = next(opt for opt in _all() if opt.name == 'host')
        self.assertEqual('<current hostname>', host.sample_default)


class ValuesTest(testtools.TestCase):
    def test_defaults_are_within_bounds(self) -> None:
        for opt in _all():
            self.assertIsNotNone(opt.default, opt.name)
            self.assertEqual(opt.default, opt.type(opt.default)
                             if not isinstance(opt.default, list)
                             else opt.default, opt.name)
        values = conf.options(cfg.ConfigOpts())
        for opt in _all():
            self.assertEqual(opt.default, getattr(values, opt.dest))

    def test_every_number_has_a_lower_bound(self) -> None:
        for opt in _all():
            if isinstance(opt, cfg.IntOpt | cfg.FloatOpt):
                self.assertIsNotNone(opt.type.min, opt.name)
                self.assertRaises(ValueError, opt.type, opt.type.min - 1)
                if opt.type.max is not None:
                    self.assertRaises(ValueError, opt.type, opt.type.max + 1)

    def test_registered_twice(self) -> None:
        found = cfg.ConfigOpts()
        conf.register_opts(found)
        conf.register_opts(found)
        self.assertEqual(16, conf.options(found).max_chain_depth)

    def test_each_configuration_has_its_own_values(self) -> None:
        one, other = cfg.ConfigOpts(), cfg.ConfigOpts()
        conf.register_opts(one)
        one.set_override('lock_timeout', 5, group=conf.GROUP)
        self.assertEqual(5, conf.options(one).lock_timeout)
        self.assertEqual(60, conf.options(other).lock_timeout)
