/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Opens the files that the properties of a new device name, for a machine whose sandbox may permit
 * none of them.
 *
 * Threads: no state.
 */
#ifndef VMM_CTL_DEVICE_FILES_H
#define VMM_CTL_DEVICE_FILES_H

#include <device-kinds/facts.h>
#include <vmm-sys-util/error.h>

/* The caller closes n descriptors and frees list, also after a failure. */
struct vmm_device_files {
	unsigned int n;
	int fds[DEVKIND_MAX_OPENS];
	char *list;	/* the properties with fd:I:NAME in place of the name of each fds[I]; NULL: n is 0 */
};

/*
 * properties: as those of the option "device". If a machine would refuse the list, or another program or the
 * kernel serves the device, no file is opened. -ENOMEM.
 */
int vmm_device_files_open(struct vmm_device_files *files, const char *properties, struct vsu_error *err);

#endif
