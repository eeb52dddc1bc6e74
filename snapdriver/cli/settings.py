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

"""The configuration and the log of one run of the command."""

import argparse
import logging
import sys
from typing import TextIO

from oslo_config import cfg
from oslo_log import log

from snapdriver import conf as options
from snapdriver.cli import errors


def load(conf: cfg.ConfigOpts, files: list[str]) -> None:
    """Read the given files, or those of the usual ones that exist."""
    conf.clear()  # of an earlier run in this process
    log.register_options(conf)
    options.register_opts(conf)
    conf([], project='snapdriver',
         default_config_files=files or cfg.find_config_files('snapdriver'))


class Log(logging.Handler):
    """Warnings, on stderr at the end; with -v all, and at once.

    What the command prints as its error has often been logged as well: only
    at the end it is known what would be said twice. And what the privileged
    helper prints (oslo.privsep logs it as warnings) explains an error or a
    warning of ours, or nothing.
    """

    def __init__(self, conf: cfg.ConfigOpts, wanted: argparse.Namespace,
                 stream: TextIO) -> None:
        super().__init__(_level(wanted))
        self._stream = stream
        self._at_once = bool(wanted.verbose)
        self._held: dict[str, bool] = {}  # to whether the helper said it
        conf.set_override('debug', wanted.verbose > 1)
        _set_up(conf)
        logging.getLogger().addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        text = errors.one_line(record.getMessage())
        line = f'snapdriver: {record.levelname.lower()}: {text}'
        if self._at_once:
            print(line, file=self._stream)
        else:
            self._held[line] = record.name.startswith('oslo_privsep')

    def finish(self, error: str | None) -> None:
        """Print what was held, but for what the error says."""
        logging.getLogger().removeHandler(self)
        if error is None and all(self._held.values()):
            return
        for line in self._held:
            if error is None or error not in line:
                print(line, file=self._stream)


def _level(wanted: argparse.Namespace) -> int:
    if wanted.quiet:
        return logging.ERROR
    return {0: logging.WARNING, 1: logging.INFO}.get(
        wanted.verbose, logging.DEBUG)


def _set_up(conf: cfg.ConfigOpts) -> None:
    """Log to where the configuration says, but not to the terminal."""
    conf.set_override('use_stderr', True)  # else it logs to stdout
    hook = sys.excepthook
    log.setup(conf, 'snapdriver')
    sys.excepthook = hook
    root = logging.getLogger()
    for handler in list(root.handlers):
        if getattr(handler, 'stream', None) in (sys.stderr, sys.stdout):
            root.removeHandler(handler)
