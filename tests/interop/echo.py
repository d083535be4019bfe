# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""
The peer of a card on a packet socket: sends each frame back.

    echo.py dgram|seqpacket COMMAND ARG...   runs COMMAND with one end of a pair,
                                             whose number replaces @

Some of the datagrams sent back are followed by two that are not frames: an empty
one and one that is too long. SIGTERM is passed on to COMMAND, whose exit status is
that of this program.
"""
import signal
import socket
import subprocess
import sys

NOTHING, TOO_LONG = b"", bytes(80000)
OFTEN = 7

kind = getattr(socket, "SOCK_" + sys.argv[1].upper())
ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
command = [arg.replace("@", str(theirs.fileno())) for arg in sys.argv[2:]]
child = subprocess.Popen(command, pass_fds=[theirs.fileno()])
signal.signal(signal.SIGTERM, lambda *_: child.terminate())
theirs.close()
ours.settimeout(0.1)
frames = 0
while child.poll() is None:
    try:
        frame = ours.recv(65536)
        if not frame:
            break
        ours.send(frame)
        frames += 1
        if kind == socket.SOCK_DGRAM and frames % OFTEN == 0:
            ours.send(NOTHING)
            ours.send(TOO_LONG)
    except (TimeoutError, ConnectionError):
        pass
sys.exit(child.wait())
