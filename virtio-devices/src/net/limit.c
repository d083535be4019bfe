/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Rate limits of a network device: a bucket for each direction. */
#include <config.h>

#include <errno.h>

#include "core/device_priv.h"
#include "core/rate_priv.h"
#include "net/priv.h"

int virtdev_priv_net_rates_make(struct net *net,
				const struct virtdev_net_config *c,
				struct vsu_error *err)
{
	int i, rc = 0;

	for (i = 0; !rc && i < 2; i++)
		rc = virtdev_rate_new(&net->rates[i]);
	if (rc < 0)
		return vsu_error_sys(err, rc, "net");
	rc = virtdev_rate_set(net->rates[NET_RECEIVES], &c->receive, err);
	if (!rc)
		rc = virtdev_rate_set(net->rates[NET_SENDS], &c->send, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "net") : 0;
}

void virtdev_priv_net_rates_free(struct net *net)
{
	virtdev_rate_free(net->rates[NET_RECEIVES]);
	virtdev_rate_free(net->rates[NET_SENDS]);
}

int virtdev_net_set_limits(struct virtdev *dev,
			   const struct virtdev_rate_limits *receive,
			   const struct virtdev_rate_limits *send,
			   struct vsu_error *err)
{
	struct net *net = virtdev_priv_self(dev, virtdev_priv_net_stats);
	int rc = 0;

	if (!net)
		return vsu_error_set(err, -EINVAL,
				     "this device is not a network card of this process");
	if (send)
		rc = virtdev_priv_rate_check(send, err);
	if (!rc && receive)
		rc = virtdev_rate_set(net->rates[NET_RECEIVES], receive, err);
	if (!rc && send)
		rc = virtdev_rate_set(net->rates[NET_SENDS], send, err);
	return rc;
}

void virtdev_priv_net_limit_begin(struct net_queue *q)
{
	struct virtdev_rate *rate = q->net->rates[q->role];

	q->rate = virtdev_rate_is_limited(rate) ? rate : NULL;
}
