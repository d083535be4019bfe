/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Exit statuses of failures, for a program that ends as cvmm(1) does. A status follows from the error code
 * and the step that failed, because a code has different causes in different steps.
 *
 *	rc = cvmm_options_add_words(options, n, words, &err);
 *	if (rc < 0)
 *		return cvmm_exit_status(CVMM_STEP_OPTIONS, rc);
 *
 * Functions that make a machine have several steps. They return the status by the member status of
 * struct cvmm_host or struct cvmm_reader.
 *
 * Threads: no state.
 */
#ifndef CVMM_EXIT_STATUS_H
#define CVMM_EXIT_STATUS_H

#include <cvmm/attributes.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/exit.h>

VSU_BEGIN_DECLS

/* More may be added. */
enum cvmm_step {
	CVMM_STEP_OPTIONS,	/* words of a command line are read, or values checked */
	CVMM_STEP_CONFIGURATION, /* a file or folder with a machine is read */
	CVMM_STEP_KERNEL,	/* a kernel is opened and loaded */
	CVMM_STEP_KVM,
	CVMM_STEP_MEMORY,	/* guest memory is allocated, or its file is opened */
	CVMM_STEP_DISK,		/* devices of this process are opened */
	CVMM_STEP_SOCKET,	/* a socket is created or connected, or a process started */
	CVMM_STEP_VHOST,	/* devices that the host's kernel serves are opened */
	CVMM_STEP_CONSOLE,	/* the host's end of a serial port or console is opened */
	CVMM_STEP_STREAM,	/* a migration */
	CVMM_STEP_RUN,
};

/* Returns the value of enum vsu_exit for a negative errno in that step. */
CVMM_API int cvmm_exit_status(enum cvmm_step step, int code) VSU_NODISCARD;

VSU_END_DECLS

#endif
