/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The state of a machine, for its owner. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "api/machine_private.h"
#include "commands/status.h"
#include "cvmm/status.h"

/* Up to the size that the caller has set, which stays. */
static int members_copy(void *out, size_t given, const void *from, size_t size, const char *name,
			struct vsu_error *err)
{
	if (given < sizeof(given))
		return vsu_error_set(err, -EINVAL, "struct %s without its size", name);
	memcpy((char *)out + sizeof(given), (const char *)from + sizeof(given),
	       (given < size ? given : size) - sizeof(given));
	return 0;
}

int cvmm_machine_get_statistics(struct cvmm_machine *m, struct cvmm_statistics *out,
				struct vsu_error *err)
{
	struct cvmm_statistics s = { .state = CVMM_STATE_WAITING };

	if (m->made)
		vmm_status_read(&m->machine, &s);
	else if (m->state == ENDED)
		s.state = CVMM_STATE_ENDED;
	return members_copy(out, out->size, &s, sizeof(s), "cvmm_statistics", err);
}

int cvmm_machine_get_device(struct cvmm_machine *m, unsigned int number,
			    struct cvmm_device *out, struct vsu_error *err)
{
	struct cvmm_device d;
	int rc;

	if (!m->made)
		return vsu_error_set(err, -ENOENT, "the guest has not arrived");
	rc = vmm_status_device(&m->machine, number, &d, err);

	return rc ? rc : members_copy(out, out->size, &d, sizeof(d), "cvmm_device", err);
}
