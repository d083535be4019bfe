# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""A binding: layouts, names and callbacks as another language sees them."""
import sys
from ctypes import (CDLL, CFUNCTYPE, RTLD_GLOBAL, Structure, byref, c_char, c_char_p, c_int,
                    c_int32, c_size_t, c_uint16, c_uint32, c_uint64, c_void_p,
                    create_string_buffer, sizeof)

vsu, vmem, vq = (CDLL(path, RTLD_GLOBAL) for path in sys.argv[1:4])
for library, names in ((vmem, ["map_view"]), (vq, ["driver_%s_gpa" % a for a in ("desc", "driver", "device")])):
    for name in names:
        getattr(library, ("vmem_" if library is vmem else "vq_") + name).restype = \
            c_void_p if library is vmem else c_uint64


def struct(fields):
    kinds = {"i": c_int32, "I": c_uint32, "Q": c_uint64, "P": c_void_p, "z": c_size_t}
    return type("Struct", (Structure,), {"_fields_": [
        (f.split(":")[0], kinds.get(f.split(":")[1]) or c_char * int(f.split(":")[1])) for f in fields.split()]})


Error = struct("code:i arg:I got:Q limit:Q msg:488")
Region = struct("block:P offset:Q gpa:Q len:Q flags:I shift:I")
Driver = struct("map:P gpa:Q features:Q size:I indirect_max:I indirect_gpa:Q")
Buffer = struct("gpa:Q len:I writable:I")
Config = struct("features:Q size:I max_chain:I desc:Q driver:Q device:Q base:I index:I")
Turn = struct("size:z serve:P notify:P opaque:P iov:P iov_max:I max_chains:I max_bytes:Q")
Cursor = struct("q:P chain:P iov:P niov:I off:I done:I left:I")
VERSION_1, GUEST, error = 1 << 32, 16 << 20, Error()
count = 0


def claim(text, held):
    global count
    count += 1
    print("%s %d - %s" % ("ok" if held else "not ok", count, text))


def made(function, *arguments):
    out = c_void_p()
    rc = function(*(byref(out) if a is made else a for a in arguments))
    assert rc == 0, (function.__name__, rc, error.msg)
    return out


claim("an error is 512 bytes", sizeof(Error) == 512)
backend = made(vmem.vmem_backend_new, made)
rc = vmem.vmem_backend_parse(backend, b"memory", b"backend=memfd,siez=16M", byref(error))
claim("a refusal has its code, and a sentence with the remedy",
      rc == error.code < 0 and b"'size'" in error.msg)
assert vmem.vmem_backend_parse(backend, b"memory", b"backend=memfd,size=16M", byref(error)) == 0
block = made(vmem.vmem_backend_alloc, backend, made, byref(error))
region = made(vmem.vmem_region_new, byref(Region(block=block, len=GUEST)), made, byref(error))
guest = made(vmem.vmem_map_from_regions, byref(region), 1, made, byref(error))
view, text = vmem.vmem_map_view(guest), create_string_buffer(5)
vmem.vmem_write_exact(c_void_p(view), c_uint64(0x8000), b"hello", c_size_t(5))
vmem.vmem_read_exact(c_void_p(view), c_uint64(0x8000), text, c_size_t(5))
claim("bytes are written and read", text.raw == b"hello")
claim("an address without memory is -EFAULT",
      vmem.vmem_read_exact(c_void_p(view), c_uint64(GUEST - 1), text, c_size_t(5)) == -14)

driver = made(vq.vq_driver_new, byref(Driver(guest, 0, VERSION_1, 8)), made, byref(error))
space = made(vmem.vmem_space_new, made)
vmem.vmem_space_publish(space, guest)
queue = made(vq.vq_new, made)
vq.vq_set_space(queue, space)
config = Config(VERSION_1, 8, 0, vq.vq_driver_desc_gpa(driver), vq.vq_driver_driver_gpa(driver),
                vq.vq_driver_device_gpa(driver))
claim("a queue is set up", vq.vq_enable(queue, byref(config), byref(error)) == 0)


@CFUNCTYPE(c_uint32, c_void_p, c_void_p, c_void_p)
def shout(_, q, chain):
    """Serves a request: its text in capitals."""
    reader, writer, said = Cursor(), Cursor(), create_string_buffer(5)
    vq.vq_reader_init(byref(reader), c_void_p(q), c_void_p(chain))
    vq.vq_writer_init(byref(writer), c_void_p(q), c_void_p(chain))
    vq.vq_cursor_read(byref(reader), said, 5)
    return vq.vq_cursor_write(byref(writer), said.raw.upper(), 5)


buffers = (Buffer * 2)(Buffer(0x8000, 5, 0), Buffer(0x9000, 5, 1))
vq.vq_driver_add(driver, buffers, 2, c_uint64(77))
vq.vq_driver_publish(driver)
turn = Turn(size=sizeof(Turn))
turn.serve = c_void_p.from_buffer(shout).value
claim("a turn serves by a callback", vq.vq_serve_turn(queue, byref(turn)) == 0)
cookie, written = c_uint64(), c_uint32()
claim("the driver has its request back",
      vq.vq_driver_collect(driver, byref(cookie), byref(written)) == 1 and
      (cookie.value, written.value) == (77, 5))
vmem.vmem_read_exact(c_void_p(view), c_uint64(0x9000), text, c_size_t(5))
claim("and what was stored in it", text.raw == b"HELLO")
vq.vq_driver_free(driver)
vq.vq_free(queue)
print("1..%d" % count)
