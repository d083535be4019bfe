/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Creates or checks the device of a daemon. Both return an exit status of the
 * program, with *err naming the option at fault.
 *
 * Threads: the main thread.
 */
#ifndef DAEMONS_OPEN_H
#define DAEMONS_OPEN_H

#include "kinds/kind.h"
#include "kinds/latency.h"

/* The name of a kind's key as an option of its daemon. */
const char *daemon_option_name(const struct vmm_device_key *key);

/* The exit status if a resource of the device is unavailable: a negative errno. */
int daemon_open_status(int rc);

/* measured: as of vmm_latency_measure(), or NULL to measure nothing. */
int daemon_open_device(const struct vmm_device_kind *kind, const void *config,
		       const struct vmm_device_common *common,
		       struct virtdev_measured **measured,
		       struct virtdev **out, struct vsu_error *err);

/*
 * Checks the configuration without opening anything: call it before entering a
 * sandbox, whose failure would hide a mistake in the options.
 */
int daemon_judge_device(const struct vmm_device_kind *kind, const void *config,
			const struct vmm_device_common *common,
			struct vsu_error *err);

#endif
