/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The host's end of the serial port: --serial and --serial-log.
 *
 * Threads: no state.
 */
#ifndef VMM_CONFIG_ENDS_H
#define VMM_CONFIG_ENDS_H

#include <stdint.h>

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

/* path is the text of the option, or NULL. */
void vmm_serial_end_read(struct vmm_serial_end *end);

#endif
