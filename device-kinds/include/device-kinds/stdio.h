/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Standard input and output as the host side of a console, for the open_stdio of struct
 * devkind_common. Keys are always read, so that Ctrl-A x reaches the program, and buffered up to
 * 64 KiB; further keys are dropped. Input that is not from a terminal is read only when the guest
 * accepts it.
 *
 *   new       puts a terminal into raw mode
 *   port      creates the port of the device
 *   input     reads what the program's loop has found readable
 *   free      restores the terminal, after the device of the port was freed
 *
 * Threads: one at a time, which is also that of the device.
 */
#ifndef DEVICE_KINDS_STDIO_H
#define DEVICE_KINDS_STDIO_H

#include <stdbool.h>
#include <stdint.h>

#include <device-kinds/attributes.h>
#include <virtio-devices/port.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/terminal.h>

VSU_BEGIN_DECLS

struct devkind_stdio;

/*
 * in_fd and out_fd are borrowed; terminal's functions are copied. want, with their opaque, is called
 * when devkind_stdio_wants() becomes true again. -ENOMEM, -EMFILE.
 */
DEVKIND_API int devkind_stdio_new(int in_fd, int out_fd, const struct vsu_terminal *terminal,
				  void (*want)(void *opaque), struct devkind_stdio **out,
				  struct vsu_error *err) VSU_NODISCARD;
/* NULL is ignored, here and by the next three functions. */
DEVKIND_API void devkind_stdio_free(struct devkind_stdio *s);

/* Restores the modes of the terminal, for an end that cannot wait. */
DEVKIND_API void devkind_stdio_restore(struct devkind_stdio *s);
/* Call them before the process stops itself, and after it was continued. */
DEVKIND_API void devkind_stdio_suspend(struct devkind_stdio *s);
DEVKIND_API void devkind_stdio_resume(struct devkind_stdio *s);

/* Creates the port, which the device owns. -ENOMEM. */
DEVKIND_API int devkind_stdio_port(struct devkind_stdio *s, struct virtdev_port **out,
				   struct vsu_error *err) VSU_NODISCARD;

/* Call it when in_fd is readable. False: end of input, stop watching it. */
DEVKIND_API bool devkind_stdio_input(struct devkind_stdio *s);
/* Whether more input is accepted: of a terminal, in its foreground; devkind_stdio_resume() looks again. */
DEVKIND_API bool devkind_stdio_wants(const struct devkind_stdio *s);

/* The size of the terminal in characters; false: out_fd is no terminal. */
DEVKIND_API bool devkind_stdio_size(const struct devkind_stdio *s, uint16_t *cols, uint16_t *rows);

VSU_END_DECLS

#endif
