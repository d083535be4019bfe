/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Standard input and output as the host's end of a console. Keys are read
 * whatever the guest does, so that Ctrl-A x ends the machine, and held, up to
 * 64 KiB; behind that they are lost. Input that is from no terminal stays where
 * it is until the guest takes some.
 *
 * Threads: the main thread.
 */
#ifndef VMM_DEVICES_STDIO_H
#define VMM_DEVICES_STDIO_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/port.h>
#include <vmm-sys-util/error.h>

#include "legacy/terminal.h"

struct vmm_stdio;

/*
 * in_fd and out_fd are borrowed; of terminal the functions are taken. want is
 * called when input can go on after vmm_stdio_wants() was false.
 */
int vmm_stdio_new(int in_fd, int out_fd, const struct vmm_terminal *terminal,
		  void (*want)(void *opaque), struct vmm_stdio **out,
		  struct vsu_error *err);
/* After the device that has its port. Restores the terminal. */
void vmm_stdio_free(struct vmm_stdio *s);
void vmm_stdio_restore(const struct vmm_stdio *s);

/* A port on it, for a device that is freed first. */
int vmm_stdio_port(struct vmm_stdio *s, struct virtdev_port **out,
		   struct vsu_error *err);

/* in_fd is readable. False at its end: stop watching it. */
bool vmm_stdio_input(struct vmm_stdio *s);
/* Whether there is room for more; on a terminal there always is. */
bool vmm_stdio_wants(const struct vmm_stdio *s);

/* The size of the terminal in characters, or false. */
bool vmm_stdio_size(const struct vmm_stdio *s, uint16_t *cols, uint16_t *rows);

#endif
