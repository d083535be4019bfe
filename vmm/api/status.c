/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The state of a machine, for its owner. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "api/machine_private.h"
#include "commands/status.h"
#include "cvmm/status.h"

/* The caller has set its size. */
static int check_result(const void *out, size_t given, const char *name, struct vsu_error *err)
{
	if (!out)
		return vsu_error_set(err, -EINVAL, "struct %s is NULL; give one, with its size set to sizeof(struct %s)", name, name);
	return given >= sizeof(given) ? 0 :
	       vsu_error_set(err, -EINVAL, "struct %s: size is %zu; set it to sizeof(struct %s)", name, given, name);
}

/* Up to the size that the caller has set, which stays. */
static void copy_members(void *out, size_t given, const void *from, size_t size)
{
	memcpy((char *)out + sizeof(given), (const char *)from + sizeof(given),
	       (given < size ? given : size) - sizeof(given));
}

int cvmm_machine_get_statistics(struct cvmm_machine *m, struct cvmm_statistics *out,
				struct vsu_error *err)
{
	struct cvmm_statistics s = { .state = CVMM_STATE_WAITING };
	const int rc = check_result(out, out ? out->size : 0, "cvmm_statistics", err);

	if (rc < 0)
		return rc;
	if (m->made)
		vmm_status_read(&m->machine, &s);
	else if (m->state == ENDED)
		s.state = CVMM_STATE_ENDED;
	copy_members(out, out->size, &s, sizeof(s));
	return 0;
}

int cvmm_machine_get_device(struct cvmm_machine *m, unsigned int number,
			    struct cvmm_device *out, struct vsu_error *err)
{
	int rc = check_result(out, out ? out->size : 0, "cvmm_device", err);
	struct cvmm_device d;

	if (!rc && !m->made)
		rc = vsu_error_set(err, -ENOENT, "the guest has not arrived");
	if (!rc)
		rc = vmm_status_device(&m->machine, number, &d, err);
	if (!rc)
		copy_members(out, out->size, &d, sizeof(d));
	return rc;
}
