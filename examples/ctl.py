#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""Control of a running machine: the lines of JSON of docs/control.md, as a module or a program.

	from ctl import Machine
	with Machine('/run/guest.control') as machine:
		print(machine.ask('status')['state'])

	ctl.py SOCKET COMMAND [WORD...]		also subscribe, until the machine ends
"""
import json
import socket
import sys


class Refused(Exception):
    """The machine refused a command; the text is its sentence."""


class Machine:
    """One connection; the machine serves up to eight of them."""

    def __init__(self, path, timeout=None):
        """timeout: seconds to wait for a reply; None: without a limit, as for a migration."""
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.lines = self.socket.makefile('rb')
        self.early = []         # events that preceded a reply

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.lines.close()
        self.socket.close()

    def _read(self):
        line = self.lines.readline()
        if not line.endswith(b'\n'):
            raise ConnectionError('the machine has ended, or closed the connection')
        return json.loads(line)

    def ask(self, *words, files=()):
        """Sends a command, and returns the members of its reply; 'fd:0' names the first of files."""
        line = ' '.join(words).encode()
        if b'\n' in line:
            raise ValueError('a command is one line')
        socket.send_fds(self.socket, [line + b'\n'], [file.fileno() for file in files])
        while 'event' in (reply := self._read()):
            self.early.append(reply)
        if not reply['ok']:
            raise Refused(reply['error'])
        return reply

    def events(self):
        """Subscribes, and returns one event after the other until the machine ends."""
        self.ask('subscribe')
        while True:
            try:
                yield self.early.pop(0) if self.early else self._read()
            except ConnectionError:
                return


def main(path, *words):
    try:
        with Machine(path) as machine:
            for reply in machine.events() if words == ('subscribe',) else [machine.ask(*words)]:
                print(json.dumps(reply), flush=True)
    except (Refused, OSError) as error:
        sys.exit(f'ctl.py: {error}')


if __name__ == '__main__':
    main(*sys.argv[1:]) if len(sys.argv) > 2 else sys.exit(__doc__)
