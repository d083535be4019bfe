/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Links: the part common to all kinds. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include <vmm-sys-util/sized.h>

#include "link/priv.h"

int virtdev_net_link_new(const struct virtdev_net_link_ops *ops,
			 const struct virtdev_net_link_info *info, void *self,
			 struct virtdev_net_link **out)
{
	struct virtdev_net_link *link = calloc(1, sizeof(*link));
	int rc;

	if (!link)
		return -ENOMEM;
	rc = vsu_copy_sized(&link->ops, sizeof(link->ops), ops,
			    "struct virtdev_net_link_ops", NULL);
	if (rc < 0) {
		free(link);
		return rc;
	}
	link->info = *info;
	link->self = self;
	*out = link;
	return 0;
}

void virtdev_net_link_free(struct virtdev_net_link *link)
{
	if (!link)
		return;
	if (link->ops.free)
		link->ops.free(link->self);
	free(link);
}

const char *virtdev_priv_link_name(const struct virtdev_net_link *link)
{
	return link->ops.name;
}
