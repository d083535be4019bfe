/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The host's end of the serial port and of the control socket: --serial, --serial-log and
 * --control.
 *
 * Threads: no state.
 */
#ifndef VMM_CONFIG_ENDS_H
#define VMM_CONFIG_ENDS_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

struct vmm_serial_end {
	enum {
		VMM_SERIAL_DEFAULT,	/* standard input and output, unless a console uses them */
		VMM_SERIAL_STDIO,
		VMM_SERIAL_NULL,
		VMM_SERIAL_FILE,
		VMM_SERIAL_PTY,		/* a new terminal */
		VMM_SERIAL_SOCKET,	/* a UNIX socket, for one client at a time */
	} how;
	const char *path;	/* of a file or of the socket to create; else NULL */
	const char *log;	/* --serial-log, or NULL */
	uint64_t log_size;	/* 0: the default */
};

/* A listening UNIX socket. All zero: none. */
struct vmm_control_end {
	const char *path;	/* the socket to create; NULL: none */
	bool inherited;		/* fd, of the program that started this one, such as systemd */
	int fd;
};

/* path is the text of the option, or NULL. */
void vmm_serial_end_read(struct vmm_serial_end *end);

/* path is the text of the option, or NULL. -EINVAL: "fd:" without the number of a descriptor. */
int vmm_control_end_read(struct vmm_control_end *end, struct vsu_error *err);

#endif
