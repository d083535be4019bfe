/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Descriptors that a command line names: "fd:7" as a file, "fd=7" of a device. They belong to
 * the process to which the command line was given. That of another process, which saved the
 * machine or is the source of a migration, names none of this one.
 *
 * Threads: no state.
 */
#ifndef VMM_CONFIG_DESCRIPTORS_H
#define VMM_CONFIG_DESCRIPTORS_H

#include "config/arguments.h"

/* 1: the option's value names a descriptor; 0: none; -ENOMEM. */
int vmm_descriptors_named(const struct vmm_argument *a, struct vsu_error *err);

/*
 * Called before this process opens anything: a number that is not open now would be one of its own
 * files later. -EBADF: an option names such a number.
 */
int vmm_descriptors_check(const struct vmm_arguments *a, struct vsu_error *err);

#endif
