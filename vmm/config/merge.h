/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The options of a machine that was saved or arrives by a migration, merged with those that its
 * continuation was given. The table of options states for each whether it may be given, and
 * whose former value counts.
 *
 * Options of devices replace the saved ones in order: the second --disk replaces the
 * second disk. The value "saved" keeps the saved device. Some former options do not count, by their origin; each
 * ignored --sandbox and --daemon-path that is not given again is listed.
 *
 * Threads: no state.
 */
#ifndef VMM_CONFIG_MERGE_H
#define VMM_CONFIG_MERGE_H

#include "config/machine_config.h"
#include "config/option_row.h"

/* Number of options that may be reported as ignored; none may be repeated. */
#define VMM_MERGE_IGNORED 4

/* Former options that do not count and are not given again; the user may want them. */
struct vmm_ignored {
	struct vmm_argument list[VMM_MERGE_IGNORED];
	unsigned int n;
};

/*
 * *out is a copy, which the caller frees; ignored points into saved. -EINVAL: an option that
 * cannot change a saved machine.
 */
int vmm_arguments_merge(struct vmm_arguments *out, struct vmm_ignored *ignored,
			const struct vmm_arguments *saved, enum vmm_origin origin,
			const struct vmm_arguments *given, struct vsu_error *err);

/* Checks the given options as a merge does, before the saved ones are known. */
int vmm_arguments_check_change(const struct vmm_arguments *given, struct vsu_error *err);

/*
 * The read options of such a machine: no number in them is a descriptor of this process, and a clone
 * has memory of its own. -ENOMEM.
 */
int vmm_options_continue(struct vmm_options *options, struct vsu_error *err);

#endif
