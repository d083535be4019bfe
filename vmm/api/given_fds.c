/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Finds the descriptors that the list of a device names. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "api/given_fds.h"

static int find_index(void *opaque, const char *word, const char **at, struct vsu_error *err)
{
	struct cvmm_given_fds *g = opaque;
	const char *digits = *at;
	char *end;
	unsigned long i = strtoul(digits, &end, 10);

	if (*digits < '0' || *digits > '9' || (*end && *end != ':'))
		return vsu_error_set(err, -EINVAL, "'%s' is not a descriptor of the message, such as fd:0", word);
	if (i >= g->n)
		return vsu_error_set(err, -EBADF, "'%s': %u descriptors were sent with the command; attach this one to it, or name a file",
				     word, g->n);
	g->used |= 1u << i;
	*at = end;
	return g->fds[i];
}

static int check_used(void *opaque, struct vsu_error *err)
{
	const struct cvmm_given_fds *g = opaque;
	unsigned int i;

	for (i = 0; i < g->n; i++)
		if (!(g->used >> i & 1))
			return vsu_error_set(err, -EINVAL, "descriptor %u of the message is not used; name it as fd:%u, or do not send it",
					     i, i);
	return 0;
}

struct vmm_device_fds cvmm_priv_given_fds(struct cvmm_given_fds *given)
{
	return (struct vmm_device_fds){ .opaque = given, .find = find_index, .end = check_used };
}
