/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The daemons that a possibly compromised cvmm can start. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "common/spawn/starter.h"

static bool is_listed(const struct vmm_starter_setup *setup, const struct vmm_daemon_spec *spec)
{
	unsigned int i;

	for (i = 0; i < setup->n; i++)
		if (!memcmp(&setup->devices[i], spec, sizeof(*spec)))
			return true;
	return false;
}

int vmm_starter_check(const struct vmm_starter_setup *setup, const struct vmm_daemon_spec *spec,
		      unsigned int npassed, struct vsu_error *err)
{
	struct vmm_daemon_value v = { .next = 0 };
	char option[VMM_DAEMON_OPTION_MAX];

	if (!devkind_get(spec->kind)->has_daemon)
		return vsu_error_set(err, -EPERM, "no daemon serves this kind of device");
	if (!npassed && is_listed(setup, spec))
		return 0;
	if (vmm_daemon_count_fds(spec) != npassed)
		return vsu_error_set(err, -EPERM, "%u descriptors were sent with the request, but its options refer to %u",
				     npassed, vmm_daemon_count_fds(spec));
	while (setup->locked && vmm_daemon_next(spec, &v))
		if (v.fd < 0 && !devkind_key_is_harmless(v.key))
			return vsu_error_set(err, -EPERM, "'%s': with --sandbox=on, a daemon opens by name only what the command line names; pass a descriptor, as 'cvmm ctl' does for images, or add the device to the command line",
					     vmm_daemon_option(&v, v.fd, option));
	return 0;
}
