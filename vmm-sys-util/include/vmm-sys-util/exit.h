/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Exit statuses of the programs of this family.
 *
 * Threads: constants only.
 */
#ifndef VMM_SYS_UTIL_EXIT_H
#define VMM_SYS_UTIL_EXIT_H

#include <vmm-sys-util/attributes.h>

enum vsu_exit {
	VSU_EXIT_OK = 0,	/* success */
	VSU_EXIT_FAIL = 1,	/* the guest or the check reports failure */
	VSU_EXIT_REBOOT = 2,	/* the guest requested a reboot */
	VSU_EXIT_PANIC = 3,	/* the guest's kernel panicked */
	VSU_EXIT_MIGRATED = 4,	/* another process runs the guest */
	VSU_EXIT_USAGE = 64,	/* unknown option or key */
	VSU_EXIT_DATA = 65,	/* a value or combination is refused */
	VSU_EXIT_INPUT = 66,	/* an input file is missing, unreadable or of a
				   wrong type */
	VSU_EXIT_HOST = 69,	/* the host lacks a feature, or a socket failed */
	VSU_EXIT_INTERNAL = 70,	/* KVM failed internally */
	VSU_EXIT_BUSY = 75,	/* a file or socket is in use */
	VSU_EXIT_SKIP = 77,	/* tests: could not run here */
};

#endif
