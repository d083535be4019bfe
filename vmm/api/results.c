/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Structs of a caller, up to the size that the caller has set. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "api/results.h"

int cvmm_priv_check_result(const void *out, size_t given, const char *name, struct vsu_error *err)
{
	if (!out)
		return vsu_error_set(err, -EINVAL, "struct %s is NULL; give one, with its size set to sizeof(struct %s)", name, name);
	return given >= sizeof(given) ? 0 :
	       vsu_error_set(err, -EINVAL, "struct %s: size is %zu; set it to sizeof(struct %s)", name, given, name);
}

int cvmm_priv_check_made(const struct cvmm_machine *m, struct vsu_error *err)
{
	return cvmm_priv_is_made(m) ? 0 : vsu_error_set(err, -ENOENT, "the guest has not arrived");
}

void cvmm_priv_copy_result(void *out, size_t given, const void *from, size_t size)
{
	memcpy((char *)out + sizeof(given), (const char *)from + sizeof(given),
	       (given < size ? given : size) - sizeof(given));
}
