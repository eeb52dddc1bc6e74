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

"""Running one command: exit codes and one-line errors."""

from collections.abc import Sequence
import contextlib
import os
import sys
import traceback
from typing import Any

from snapdriver.cli import app as application
from snapdriver.cli import errors

_INTERRUPTED = ('interrupted; what was begun is finished or undone by the '
                'next command on that domain, or "snapdriver domain recover"')


def main(argv: Sequence[str] | None = None, connection: Any = None) -> int:
    """Run a command and return its exit code.

    0 for success, 1 for an error or a refusal, 2 for a mistake in the
    command line, 130 if interrupted.

    :param argv: arguments; by default those of the process.
    :param connection: an open libvirt connection to use, instead of opening
        one; it is left open.
    """
    if argv is None:
        argv = sys.argv[1:]
        _never_fail_to_encode()
    app = application.App(connection)
    code, text = _run(app, argv)
    app.finish(text)
    if text is not None:
        print(f'snapdriver: {text}', file=app.stderr)
    return code


def _run(app: application.App,
         argv: Sequence[str]) -> tuple[int, str | None]:
    """The exit code, and the error to print."""
    try:
        code = app.run(list(argv))
        app.stdout.flush()
        return code, None
    except SystemExit as stop:  # from argparse
        return stop.code if isinstance(stop.code, int) else 0, None
    except KeyboardInterrupt:
        return 130, _INTERRUPTED
    except BrokenPipeError:
        _close_stdout()
        return 141, None
    except errors.UsageError as error:
        return 2, errors.message(error)
    except Exception as error:
        if app.options.debug:
            traceback.print_exc(file=app.stderr)
        return 1, errors.message(error)


def _never_fail_to_encode() -> None:
    """Escape what the terminal's encoding cannot show."""
    reconfigure = getattr(sys.stdout, 'reconfigure', None)
    if reconfigure is not None:
        reconfigure(errors='backslashreplace')


def _close_stdout() -> None:
    """Let nothing complain at exit that the reader has gone."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
