/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Converts limits. */
#include <config.h>

#include "oci/cgroup_values.h"

/* Converts a weight from the range of version 1 to that of version 2. */
int64_t oci_cgroup_weight(int64_t shares)
{
	return shares < 2 ? 1 : shares > 262144 ? 10000 : 1 + (shares - 2) * 9999 / 262142;
}

/* That of the configuration includes memory. */
int64_t oci_cgroup_swap(const struct oci_resources *r)
{
	return r->memory_swap > 0 && r->memory_limit > 0 ? r->memory_swap - r->memory_limit : r->memory_swap;
}
