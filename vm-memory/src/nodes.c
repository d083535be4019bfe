/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* NUMA nodes as text: "3" or "0-2". */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vmm-sys-util/parse.h>

#include "backend.h"

int vmem_priv_nodes_add(uint64_t *nodes, const char *text, struct vsu_error *err)
{
	uint64_t first, last, i;
	char copy[32], *dash;
	int rc = strlen(text) < sizeof(copy) ? 0 : -EINVAL;

	if (!rc) {
		strcpy(copy, text);
		dash = strchr(copy, '-');
		if (dash)
			*dash++ = '\0';
		rc = vsu_parse_u64(copy, &first);
		last = first;
		if (!rc && dash)
			rc = vsu_parse_u64(dash, &last);
	}
	if (rc < 0 || last < first || last >= MAX_NODES)
		return vsu_error_set(err, -EINVAL, "host-nodes: '%s' is not a NUMA node or a range of nodes; give N or N-M below %d",
			      text, MAX_NODES);
	for (i = first; i <= last; i++)
		nodes[i / 64] |= UINT64_C(1) << i % 64;
	return 0;
}
