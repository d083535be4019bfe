/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Standard input and output as the host side of a console. Keys are always read,
 * so that Ctrl-A x ends the machine, and buffered up to 64 KiB; further keys are
 * dropped. Input that is not from a terminal is read only when the guest accepts
 * it.
 *
 * Threads: the main thread.
 */
#ifndef VMM_MACHINE_STDIO_H
#define VMM_MACHINE_STDIO_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/port.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/terminal.h>

struct vmm_stdio;

/*
 * in_fd and out_fd are borrowed; terminal's functions are copied. want is called
 * when vmm_stdio_wants() becomes true again.
 */
int vmm_stdio_new(int in_fd, int out_fd, const struct vsu_terminal *terminal,
		  void (*want)(void *opaque), struct vmm_stdio **out,
		  struct vsu_error *err);
/* Free the device of its port first. Restores the terminal. */
void vmm_stdio_free(struct vmm_stdio *s);
void vmm_stdio_restore(struct vmm_stdio *s);
/* Before this process stops, and after it is continued; NULL is ignored. */
void vmm_stdio_suspend(struct vmm_stdio *s);
void vmm_stdio_resume(struct vmm_stdio *s);

/* Creates its port; free the port's device before the stdio. */
int vmm_stdio_port(struct vmm_stdio *s, struct virtdev_port **out,
		   struct vsu_error *err);

/* Call when in_fd is readable. False: end of input, stop watching it. */
bool vmm_stdio_input(struct vmm_stdio *s);
/* Whether more input is accepted; always true for a terminal. */
bool vmm_stdio_wants(const struct vmm_stdio *s);

/* The size of the terminal in characters; false: not a terminal. */
bool vmm_stdio_size(const struct vmm_stdio *s, uint16_t *cols, uint16_t *rows);

#endif
