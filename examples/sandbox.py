#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""Untrusted snippets, each in a machine of its own, 8 at a time in one loop of poll(), while 4 machines
wait for further ones: each line of standard input is the last word of a command. Prints their
statuses and outputs in that order.

	sandbox.py host python3 -c <snippets
	sandbox.py from:base python3 -c <snippets	in clones of "cvmm template make base"
	sandbox.py /usr/libexec/c-vmm/agent.elf echo <lines	without Linux
"""
import ctypes as c
import os
import resource
import select
import sys

AT_ONCE, WAITING, SECONDS, MAX_OUTPUT = 8, 4, 10, 65536
lib = c.CDLL('libcvmm-exec.so.0')
lib.cvmm_exec_dispatch.restype = lib.cvmm_exec_waits.restype = c.c_bool


class Error(c.Structure):
    """struct vsu_error of <vmm-sys-util/error.h>"""
    _fields_ = [('code', c.c_int32), ('arg', c.c_uint32), ('got', c.c_uint64), ('limit', c.c_uint64), ('msg', c.c_char * 488)]


class Config(c.Structure):
    """struct cvmm_exec_config of <cvmm/exec.h>"""
    _fields_ = [('size', c.c_size_t), ('command', c.POINTER(c.c_char_p)), ('environment', c.POINTER(c.c_char_p)),
                ('folder', c.c_char_p), ('hostname', c.c_char_p), ('root', c.c_char_p), ('writable_root', c.c_bool), ('terminal', c.c_bool),
                ('rows', c.c_uint), ('columns', c.c_uint), ('folders', c.c_void_p), ('nfolders', c.c_uint),
                ('streams', c.POINTER(c.c_int)), ('from', c.c_char_p), ('kernel', c.c_char_p), ('modules', c.c_char_p), ('init', c.c_char_p),
                ('append', c.c_char_p), ('log', c.c_char_p), ('memory', c.c_char_p), ('cpus', c.c_uint),
                ('options', c.POINTER(c.c_char_p)), ('timeout_ms', c.c_uint64), ('hide', c.POINTER(c.c_char_p)), ('show', c.POINTER(c.c_char_p)), ('home', c.c_char_p),
                ('network', c.c_void_p), ('image', c.c_char_p)]


def check(rc, error):
    if rc < 0:
        sys.exit(f'sandbox.py: {error.msg.decode()}')


class Pool:
    """Machines that wait for snippets."""

    def __init__(self, kernel, machines):
        self.error, self.size, self.machines = Error(), machines, []
        self.config = Config(size=c.sizeof(Config), home=os.environ.get('HOME', '/').encode())
        if kernel.startswith('from:'):
            setattr(self.config, 'from', kernel[5:].encode())    # a keyword of Python
        else:
            self.config.memory = b'256M'
            self.config.kernel = None if kernel == 'host' else kernel.encode()

    def waiting(self):
        return next((machine for machine in self.machines if lib.cvmm_exec_waits(machine)), None)

    def turn(self):
        """Makes at most one machine, which takes milliseconds."""
        for machine in self.machines:
            if not lib.cvmm_exec_dispatch(machine):
                lib.cvmm_exec_status(machine, c.byref(self.error))
                sys.exit(f'sandbox.py: a machine ended while it waited: {self.error.msg.decode()}')
        if len(self.machines) < self.size:
            machine = c.c_void_p()
            check(lib.cvmm_exec_new_waiting(c.byref(self.config), None, c.byref(machine), c.byref(self.error)), self.error)
            self.machines.append(machine)
            check(lib.cvmm_exec_start(machine, c.byref(self.error)), self.error)


class Snippet:
    """A command, and the pipe of its output, which is read while it runs."""

    def __init__(self, pool, words):
        self.output, self.error, self.handle = b'', Error(), pool.waiting()
        self.reader, self.writer = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.reader, False)
        command = (c.c_char_p * (len(words) + 1))(*[word.encode() for word in words])
        config = Config(size=c.sizeof(Config), command=command, streams=(c.c_int * 3)(-1, self.writer, self.writer),
                        timeout_ms=1000 * SECONDS)
        check(lib.cvmm_exec_request(self.handle, c.byref(config), c.byref(self.error)), self.error)
        pool.machines.remove(self.handle)

    def turn(self):
        """False: it has ended. More output than the maximum is discarded."""
        lives = lib.cvmm_exec_dispatch(self.handle)
        try:
            while data := os.read(self.reader, MAX_OUTPUT):
                self.output = (self.output + data)[:MAX_OUTPUT]
        except BlockingIOError:
            return lives

    def end(self):
        """The status, a failure's sentence and the output; frees everything."""
        status = lib.cvmm_exec_status(self.handle, c.byref(self.error))
        lib.cvmm_exec_free(self.handle)
        os.close(self.reader)
        os.close(self.writer)
        return f'{status} {self.error.msg.decode()} {self.output.decode(errors="replace")}'.rstrip()


def main(kernel, *words):
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))    # a machine has a hundred descriptors
    lines = sys.stdin.read().splitlines()
    results, running, first = [''] * len(lines), {}, 0
    pool = Pool(kernel, WAITING)
    while first < len(lines) or running:
        while first < len(lines) and len(running) < AT_ONCE and pool.waiting():
            running[first] = Snippet(pool, [*words, lines[first]])
            first += 1
        for number in [number for number, snippet in running.items() if not snippet.turn()]:
            results[number] = running.pop(number).end()
        ready = select.poll()
        for snippet in running.values():
            ready.register(lib.cvmm_exec_fd(snippet.handle), select.POLLIN)
            ready.register(snippet.reader, select.POLLIN)
        for machine in pool.machines:
            ready.register(lib.cvmm_exec_fd(machine), select.POLLIN)
        if running or first < len(lines):
            ready.poll(0 if first < len(lines) and len(pool.machines) < WAITING else None)
        if first < len(lines):
            pool.turn()    # after the commands, because a new machine takes milliseconds
    for machine in pool.machines:
        lib.cvmm_exec_free(machine)
    print('\n'.join(results))


main(*sys.argv[1:])
