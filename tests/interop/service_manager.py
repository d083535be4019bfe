# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""A service manager with the protocol of sd_notify(3).

service_manager.py SOCKET SECONDS COMMAND... runs the command with a watchdog of that many
seconds, prints each assignment that it sends, and ends with its status. SIGTERM is passed
on. A command that was ready and then sends no keep-alive in time is killed, status 124.
"""
import os
import signal
import socket
import subprocess
import sys

KILLED = 124


def main():
    path, seconds, command = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
    messages = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    messages.bind(path)
    variables = dict(os.environ, NOTIFY_SOCKET=path, WATCHDOG_USEC=str(int(seconds * 1e6)))
    child = subprocess.Popen(command, env=variables)
    print("PROCESS=%d" % child.pid, flush=True)
    signal.signal(signal.SIGTERM, lambda number, frame: child.terminate())
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    ready = silent = 0
    messages.settimeout(0.1)
    while child.poll() is None:
        try:
            text = messages.recv(4096).decode()
        except socket.timeout:
            silent += 0.1
            if ready and silent > seconds:
                child.kill()
                child.wait()
                return KILLED
            continue
        silent = 0
        ready |= "READY=1" in text
        print(text, flush=True)
    messages.setblocking(False)
    try:
        while True:
            print(messages.recv(4096).decode(), flush=True)
    except BlockingIOError:
        pass
    os.unlink(path)
    return child.returncode


sys.exit(main())
