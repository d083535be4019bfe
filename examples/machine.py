#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""A virtual machine in this process, by ctypes: the options of cvmm(1) are its arguments.

	machine.py /usr/libexec/c-vmm/selftest.elf --memory=size=64M
"""
import ctypes as c
import select
import sys

lib = c.CDLL('libcvmm.so.0')
lib.cvmm_machine_dispatch.restype = c.c_bool
lib.cvmm_event_name.restype = c.c_char_p


class Error(c.Structure):
    """struct vsu_error of <vmm-sys-util/error.h>"""
    _fields_ = [('code', c.c_int32), ('arg', c.c_uint32), ('got', c.c_uint64), ('limit', c.c_uint64), ('msg', c.c_char * 488)]


class Event(c.Structure):
    """struct cvmm_event of <cvmm/events.h>, up to the member that is used"""
    _fields_ = [('size', c.c_size_t), ('kind', c.c_int), ('cause', c.c_char_p), ('status', c.c_int)]


EVENT = c.CFUNCTYPE(None, c.c_void_p, c.POINTER(Event))


class Host(c.Structure):
    """struct cvmm_host, up to the member that is used: size tells the library"""
    _fields_ = [('size', c.c_size_t), ('opaque', c.c_void_p), ('event', EVENT)]


def check(rc, error):
    if rc < 0:
        sys.exit(f'machine.py: {error.msg.decode()}')


def main(words):
    error, options, machine = Error(), c.c_void_p(), c.c_void_p()
    event = EVENT(lambda _, e: print(lib.cvmm_event_name(e[0].kind).decode(), 'status', e[0].status))
    host = Host(c.sizeof(Host), None, event)
    check(lib.cvmm_options_new(c.byref(options), c.byref(error)), error)
    array = (c.c_char_p * len(words))(*[word.encode() for word in words])
    check(lib.cvmm_options_add_words(options, c.c_size_t(len(words)), array, c.byref(error)), error)
    check(lib.cvmm_machine_new(options, c.byref(host), c.byref(machine), c.byref(error)), error)
    lib.cvmm_options_free(options)
    check(lib.cvmm_machine_start(machine, c.byref(error)), error)
    ready = select.poll()
    ready.register(lib.cvmm_machine_fd(machine), select.POLLIN)
    while lib.cvmm_machine_dispatch(machine):
        ready.poll()
    status = lib.cvmm_machine_status(machine, c.byref(error))
    lib.cvmm_machine_free(machine)
    return status


sys.exit(main(sys.argv[1:]))
