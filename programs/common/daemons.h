/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Starts the process that starts daemons, if the options of a machine require it. */
#ifndef VMM_COMMON_DAEMONS_H
#define VMM_COMMON_DAEMONS_H

#include <vmm-sys-util/error.h>

#include "common/program_options.h"
#include "common/spawn/spawn.h"

/*
 * Forks the starter before the devices are known, which a source names (--incoming). options are
 * those of the process. vmm_daemons_prepare() ends it if it is not required.
 */
int vmm_daemons_begin(const struct vmm_program_options *options, struct vmm_spawner *spawner,
		      struct vsu_error *err);

/*
 * Checks that the daemons of devices with backend=spawn are installed, and forks the
 * starter (spawn/spawn.h). Call it before vmm_confinement_close(). Does nothing without such a
 * device and without --daemon-path.
 */
int vmm_daemons_prepare(const struct cvmm_configuration *machine,
			const struct vmm_program_options *options, struct vmm_spawner *spawner,
			struct vsu_error *err);

#endif
