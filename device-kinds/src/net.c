/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The kind "net": a network card over a tap interface or a socket. */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>

#include <device-kinds/kind.h>
#include <virtio-devices/net.h>

#include "limit_rows.h"
#include "warn.h"

/* "52:54:00:12:34:56" */
#define MAC_TEXT 17u
#define MAX_TAP 15u

enum { OFFLOADS_ON, OFFLOADS_OFF };

static const char *const offloads[] = { "on", "off", NULL };
static const char *const blocks[] = {
	[VIRTDEV_NET_BLOCK_NONE] = "none", [VIRTDEV_NET_BLOCK_LOOPBACK] = "loopback",
	[VIRTDEV_NET_BLOCK_LOCAL] = "local", NULL,
};

struct net {
	const char *tap, *socket, *mac;
	uint64_t fd, mtu, offloads, block, reconnect;
	struct virtdev_rate_limits rx, tx;
};
static_assert(sizeof(struct net) <= DEVKIND_MAX_CONFIG, "a kind's config");

static const struct devkind_key keys[] = {
	{ .option = { .name = "tap", .kind = VSU_OPTION_STRING, .arg = "NAME",
		      .help = "tap interface; created if it does not exist" },
	  .refers = DEVKIND_REFERS_INTERFACE,
	  .offset = offsetof(struct net, tap), .max_len = MAX_TAP },
	{ .option = { .name = "socket", .kind = VSU_OPTION_STRING,
		      .arg = "PATH",
		      .help = "UNIX stream socket with length-prefixed frames, such as passt's" },
	  .daemon_name = "stream", .refers = DEVKIND_REFERS_PEER,
	  .offset = offsetof(struct net, socket) },
	{ .option = { .name = "fd", .kind = VSU_OPTION_U64, .arg = "N",
		      .help = "inherited descriptor of a tap interface or socket",
		      .min = 3, .max = INT32_MAX },
	  .daemon_name = "net-fd", .refers = DEVKIND_REFERS_DESCRIPTOR,
	  .offset = offsetof(struct net, fd) },
	{ .option = { .name = "mac", .kind = VSU_OPTION_STRING, .arg = "MAC",
		      .help = "MAC address", .preset = "random",
		      .example = "52:54:00:12:34:56" },
	  .refers = DEVKIND_REFERS_IDENTITY,
	  .offset = offsetof(struct net, mac), .max_len = MAC_TEXT },
	{ .option = { .name = "mtu", .kind = VSU_OPTION_U64, .arg = "BYTES",
		      .help = "MTU, reported to the guest",
		      .min = 68, .max = VIRTDEV_NET_MTU_MAX },
	  .offset = offsetof(struct net, mtu) },
	{ .option = { .name = "offloads", .kind = VSU_OPTION_CHOICE,
		      .choices = offloads, .preset = "on",
		      .help = "checksum and segmentation offloads" },
	  .offset = offsetof(struct net, offloads) },
	{ .option = { .name = "block", .kind = VSU_OPTION_CHOICE, .choices = blocks, .preset = "none",
		      .help = "drop frames of loopback addresses; local: and to link-local ones" },
	  .offset = offsetof(struct net, block) },
	DEVKIND_PRIV_LIMIT_ROWS("rx-", "bytes of frames to the guest", "frames",
				offsetof(struct net, rx)),
	DEVKIND_PRIV_LIMIT_ROWS("tx-", "bytes of frames from the guest", "frames",
				offsetof(struct net, tx)),
	{ .option = { .name = "reconnect", .kind = VSU_OPTION_TIME_MS,
		      .help = "reconnect a lost stream, each time after this time",
		      .min = 1, .max = 60000 },
	  .offset = offsetof(struct net, reconnect), .common = true },
	{ .option = { .name = NULL } },
};

static int digit_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c);

	return c && at ? (int)(at - digits) : -1;
}

static int mac_parse(const char *mac_text, uint8_t mac[6], struct vsu_error *err)
{
	const char *text = mac_text;
	int i, high, low;

	if (!text)
		return 0;
	for (i = 0; i < 6; i++, text += 3) {
		high = digit_of(text[0]);
		low = high < 0 ? -1 : digit_of(text[1]);
		if (low < 0 || text[2] != (i < 5 ? ':' : '\0'))
			return vsu_error_set(err, -EINVAL,
					     "mac '%s' is not six bytes such as 52:54:00:12:34:56", mac_text);
		mac[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

static int check_one(const struct net *n, struct vsu_error *err)
{
	const int given = !!n->tap + !!n->socket + !!n->fd;

	if (given == 1 && n->reconnect && !n->socket)
		return vsu_error_set(err, -EINVAL,
				     "'reconnect' requires a stream; specify its socket, or leave out 'reconnect'");
	if (given == 1)
		return 0;
	return vsu_error_set(err, -EINVAL,
			     given ? "a network card uses only one of a tap interface, a socket and a descriptor; leave out the others" :
				     "a network card requires a tap interface, a socket or a descriptor");
}

/* A mistyped name makes a new interface, which has no address and no bridge. */
static int open_tap(const struct devkind_host *to, const struct virtdev_net_tap *tap,
		    struct virtdev_net_link **out, struct vsu_error *err)
{
	const bool exists = if_nametoindex(tap->name) != 0;
	int rc = virtdev_net_tap_open(tap, out, err);

	if (rc >= 0 && !exists)
		devkind_priv_warn(to, NULL, "tap interface '%s' did not exist and was created; it is down until it is configured, and ends with this program",
				  tap->name);
	return rc;
}

static int link_open(const struct net *n, const struct devkind_common *common,
		     struct virtdev_net_link **out, struct vsu_error *err)
{
	const uint32_t queues = common->queues;
	const struct virtdev_net_tap tap = {
		.size = sizeof(tap), .name = n->tap, .lanes = queues,
	};
	const struct virtdev_net_stream stream = {
		.size = sizeof(stream), .path = n->socket,
		.reconnect_ms = (uint32_t)n->reconnect,
	};

	if (n->tap)
		return open_tap(common->host, &tap, out, err);
	if (queues > 1)
		return vsu_error_set(err, -EINVAL,
				     "a network card of %u queues needs a tap interface; a socket or descriptor has one",
				     queues);
	return n->socket ? virtdev_net_stream_open(&stream, out, err) :
			   virtdev_net_link_from_fd((int)n->fd, out, err);
}

/* The config with its link, which the caller owns. */
static int read_config(const struct net *n,
		       const struct devkind_common *common,
		       struct virtdev_net_config *net, struct vsu_error *err)
{
	int rc = check_one(n, err);

	*net = (struct virtdev_net_config){
		.size = sizeof(*net), .mtu = (uint16_t)n->mtu,
		.queue_size_max = common->queue_size,
		.no_offloads = n->offloads == OFFLOADS_OFF,
		.receive = n->rx, .send = n->tx,
		.block = (enum virtdev_net_block)n->block,
	};
	if (rc == 0)
		rc = mac_parse(n->mac, net->mac, err);
	return rc ? rc : link_open(n, common, &net->link, err);
}

static int net_open(const void *config, const struct devkind_common *common,
		    struct virtdev **out, struct vsu_error *err)
{
	struct virtdev_net_config net;
	int rc = read_config(config, common, &net, err);

	if (rc < 0)
		return rc;
	rc = virtdev_net_new(&net, out, err);
	if (rc < 0)
		virtdev_net_link_free(net.link);
	return rc;
}

static int net_limit(struct virtdev *dev, const void *config,
		     struct vsu_error *err)
{
	const struct net *n = config;

	return virtdev_net_set_limits(dev, &n->rx, &n->tx, err);
}

static void net_describe(const void *config, struct devkind_facts *facts)
{
	const struct net *n = config;

	facts->connects = n->reconnect;
	facts->workers = n->tap ? 1 : 0;
}

static bool is_limited(const struct virtdev_rate_limits *l)
{
	return l->bytes || l->bytes_burst || l->ops || l->ops_burst;
}

static int kernel_check(const void *config, struct vsu_error *err)
{
	const struct net *n = config;

	if (n->socket || (!n->tap && !n->fd))
		return vsu_error_set(err, -EINVAL,
				     "the kernel serves a tap interface: give 'tap=NAME' or 'fd=N'%s",
				     n->socket ? ", leave out 'socket'" : "");
	if (is_limited(&n->rx) || is_limited(&n->tx))
		return vsu_error_set(err, -EINVAL,
				     "the kernel does not support rate limits; leave out 'rx-' and 'tx-'");
	if (n->block != VIRTDEV_NET_BLOCK_NONE)
		return vsu_error_set(err, -EINVAL, "the kernel does not block addresses; leave out 'block'");
	return 0;
}

static int kernel_open(const void *config,
		       const struct devkind_common *common,
		       struct virtdev_vhost_kern **out, struct vsu_error *err)
{
	struct virtdev_net_config net;
	int rc = read_config(config, common, &net, err);

	if (rc < 0)
		return rc;
	rc = virtdev_vhost_kern_net(&net, NULL, out, err);
	if (rc < 0)
		virtdev_net_link_free(net.link);
	return rc;
}

/* A pair has two queues, and the control queue is one. */
static bool has_lanes(const struct virtdev *dev)
{
	return virtdev_get_info(dev)->nqueues > 3;
}

/* Queues of a tap interface are detached beside the main loop. */
static const struct devkind_work net_work = {
	.work = virtdev_net_work, .work_end = virtdev_net_work_end,
	.is_needed = has_lanes,
};

static const struct devkind_kernel kernel = { kernel_check, kernel_open };

static const struct devkind kind = {
	.name = "net", .summary = "a network card", .id = VIRTDEV_ID_NET,
	.has_daemon = true, .max_queues = VIRTDEV_NET_PAIRS_MAX, .min_queue_size = 2,
	.queue_size = "1024", .keys = keys,
	.value = { .key = "tap" },
	.open = net_open, .limit = net_limit,
	.kernel = &kernel, .describe = net_describe, .work = &net_work,
};

const struct devkind *devkind_net(void)
{
	return &kind;
}
