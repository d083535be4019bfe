/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Work of the link for threads of the program. */
#include <config.h>

#include <errno.h>

#include "core/device_priv.h"
#include "net/priv.h"

static const struct virtdev_net_link *link_of(const struct virtdev *dev)
{
	const struct net *net = virtdev_priv_self(dev, virtdev_priv_net_stats);

	if (!net)
		net = virtdev_priv_self(dev, virtdev_priv_net_no_stats);
	return net ? net->link : NULL;
}

int virtdev_net_work(struct virtdev *dev)
{
	const struct virtdev_net_link *link = link_of(dev);

	if (!link)
		return -EINVAL;
	if (!link->ops.work)
		return -EOPNOTSUPP;
	link->ops.work(link->self);
	return 0;
}

void virtdev_net_work_end(struct virtdev *dev)
{
	const struct virtdev_net_link *link = link_of(dev);

	if (link && link->ops.work_end)
		link->ops.work_end(link->self);
}
