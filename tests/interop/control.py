# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""control.py SOCKET WORD...: sends a command to cvmm's control socket, prints the reply."""
import socket
import sys

with socket.socket(socket.AF_UNIX) as peer:
    peer.connect(sys.argv[1])
    peer.sendall((" ".join(sys.argv[2:]) + "\n").encode())
    print(peer.makefile().readline(), end="")
