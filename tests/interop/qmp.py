#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""
One command for a QEMU that listens on a QMP socket.

    qmp.py SOCKET COMMAND [ARGUMENTS]    ARGUMENTS is a JSON object

Prints the result of the command as JSON; if it is refused, ends with 1 and QEMU's
reason.
"""
import json
import socket
import sys


def answer(lines):
    """The next line that is not an event."""
    for line in lines:
        said = json.loads(line)
        if "event" not in said:
            return said
    sys.exit("QEMU closed the connection")


def ask(stream, lines, command, arguments):
    stream.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
    said = answer(lines)
    if "error" in said:
        sys.exit(f"{command}: {said['error']['desc']}")
    return said["return"]


def main():
    path, command = sys.argv[1:3]
    arguments = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(60)
        stream.connect(path)
        lines = stream.makefile()
        answer(lines)  # the greeting
        ask(stream, lines, "qmp_capabilities", {})
        print(json.dumps(ask(stream, lines, command, arguments)))


main()
