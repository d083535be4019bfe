/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Helpers of the tables of launch operations. */
#ifndef VMM_KVM_LAUNCH_COMMAND_H
#define VMM_KVM_LAUNCH_COMMAND_H

#include <stdint.h>

/* The number of consecutive attempts of KVM_MEMORY_ENCRYPT_OP without progress. */
#define VMM_LAUNCH_MAX_ATTEMPTS 64

/* Reads a module's parameter; -errno: the module has none or is not loaded. */
int vmm_launch_parameter(const char *path, char *value, int size);

/*
 * Runs the command of KVM_MEMORY_ENCRYPT_OP again after EAGAIN. -EAGAIN: the last
 * VMM_LAUNCH_MAX_ATTEMPTS attempts left *left as it was.
 */
int vmm_launch_repeat(int fd, void *command, const uint64_t *left);

#endif
