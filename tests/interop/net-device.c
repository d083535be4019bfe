/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A network card behind a vhost-user socket whose driver sends each frame back.
 * Ends with 0 if all frames came back, in order and byte for byte, else prints
 * the fault.
 *
 *   net-device SOCKET PAIRS FRAMES ROUNDS [WORD...]
 *
 * Each of the PAIRS of a receive and a transmit ring has FRAMES per round; it
 * prints "round N" when all came back. The next round begins when rings are
 * started again, by the same driver or the next one. After the last round the
 * driver disconnects.
 *
 *   small     no merged receive buffers, and so no frame that is longer than one
 *             buffer
 *   connect   the driver listens on SOCKET
 */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/ids.h>
#include <virtio-devices/vhost_user_server.h>
#include <virtio-queue/features.h>
#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "lane.h"

#define NET_F_MAC (UINT64_C(1) << 5)
#define NET_F_MRG_RXBUF (UINT64_C(1) << 15)
#define NET_F_STATUS (UINT64_C(1) << 16)
#define NET_F_MQ (UINT64_C(1) << 22)
#define LINK_UP 1u

#define MAX_PAIRS 4u
#define RING_SIZE 1024u

/* Configuration space. */
struct space {
	unsigned char mac[6];
	struct vsu_le16 status, pairs;
};

struct net {
	struct virtdev *dev;
	unsigned int npairs, round, rounds;
	uint32_t frames;
	bool large, connects, failed, ended;
	bool rests;		/* until the rings are started again */
	struct lane lanes[MAX_PAIRS];
};

/* ------------------------------------------------------------------ the model */

static void round_check(struct net *net)
{
	unsigned int i;

	for (i = 0; i < net->npairs; i++)
		if (net->lanes[i].came != net->lanes[i].end)
			return;
	if (net->rests)
		return;
	net->rests = true;
	printf("round %u\n", ++net->round);
	fflush(stdout);
}

static int serve(void *self, uint32_t queue)
{
	struct net *net = self;
	struct lane *l = &net->lanes[queue / 2];
	int more = 0;

	if (queue % 2 && l->tx)
		more = lane_take(l);
	else
		l->given_up = l->sent;
	lane_put(l);
	net->failed |= l->failed;
	round_check(net);
	return more;
}

static int start(void *self, uint32_t queue, struct vq *q, struct vsu_error *err)
{
	struct net *net = self;
	struct lane *l = &net->lanes[queue / 2];
	unsigned int i;

	(void)err;
	*(queue % 2 ? &l->tx : &l->rx) = q;
	l->fresh = true;
	for (i = 0; net->rests && i < net->npairs; i++)
		net->lanes[i].end += net->frames;
	net->rests = false;
	return 0;
}

static void stop(void *self, uint32_t queue)
{
	struct net *net = self;
	struct lane *l = &net->lanes[queue / 2];

	*(queue % 2 ? &l->tx : &l->rx) = NULL;
}

static void config_read(void *self, uint32_t off, void *buf, uint32_t len)
{
	const struct net *net = self;
	const struct space space = {
		.mac = { 2, 0, 0, 0, 0, 0x33 },
		.status = vsu_le16_make(LINK_UP),
		.pairs = vsu_le16_make((uint16_t)net->npairs),
	};

	memcpy(buf, (const unsigned char *)&space + off, len);
}

static struct virtdev *device_new(struct net *net)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "net", .queue_start = start,
		.queue_serve = serve, .queue_stop = stop,
		.config_read = config_read,
	};
	struct virtdev_info info = {
		.id = VIRTDEV_ID_NET, .nqueues = 2 * net->npairs,
		.queue_size_max = RING_SIZE, .config_size = sizeof(struct space),
		.features = VQ_F_VERSION_1 | VQ_F_INDIRECT_DESC |
			    VQ_F_EVENT_IDX | VQ_F_RING_PACKED | VQ_F_IN_ORDER |
			    NET_F_MAC | NET_F_STATUS | NET_F_MQ,
	};
	struct virtdev *dev;

	if (net->large)
		info.features |= NET_F_MRG_RXBUF;
	return virtdev_new(&ops, &info, net, &dev, NULL) < 0 ? NULL : dev;
}

/* -------------------------------------------------------------------- service */

static void on_refused(void *opaque, uint32_t request, uint32_t ring,
		       const struct vsu_error *why)
{
	struct net *net = opaque;

	(void)request;
	(void)ring;
	printf("refused: %s\n", why->msg);
	net->failed = true;
}

static void on_ended(void *opaque, const struct vsu_error *why)
{
	struct net *net = opaque;

	net->ended = !net->rests || net->round >= net->rounds;
	if (why->code == -ECONNRESET)
		return;
	printf("%s\n", why->msg);
	net->failed = true;
}

static int server_make(struct net *net, const char *path,
		       struct virtdev_vhost_user_server **out,
		       struct vsu_error *err)
{
	const struct virtdev_vhost_user_server_config config = {
		.size = sizeof(config), .dev = net->dev,
		.refused = on_refused, .session_ended = on_ended,
		.opaque = net,
	};
	int rc, sock = net->connects ? vsu_sock_connect(path, err) :
				       vsu_sock_listen(path, 1, err);

	if (sock < 0)
		return sock;
	rc = virtdev_vhost_user_server_new(&config, sock, out, err);
	vsu_fd_close(&sock);
	return rc;
}

/*
 * Serves until the driver disconnects or a fault is found; the test limits the
 * time.
 */
static void server_run(struct net *net, struct virtdev_vhost_user_server *s)
{
	struct pollfd p = { virtdev_vhost_user_server_fd(s), POLLIN, 0 };

	while (!net->failed && !net->ended) {
		poll(&p, 1, -1);
		virtdev_vhost_user_server_dispatch(s);
	}
	while (virtdev_vhost_user_server_stop(s) == -EAGAIN) {
		poll(&p, 1, -1);
		virtdev_vhost_user_server_dispatch(s);
	}
	virtdev_vhost_user_server_free(s);
	if (net->failed || net->round >= net->rounds)
		return;
	printf("the driver hung up in round %u\n", net->round + 1);
	net->failed = true;
}

static void lanes_init(struct net *net)
{
	unsigned int i;

	for (i = 0; i < net->npairs; i++) {
		net->lanes[i].dev = net->dev;
		net->lanes[i].large = net->large;
		net->lanes[i].index = i;
		/* numbers of frames are unique across pairs */
		net->lanes[i].sent = net->lanes[i].came = i << 16;
		net->lanes[i].end = (i << 16) + net->frames;
	}
}

static bool args_take(struct net *net, int argc, char **argv)
{
	int i;

	if (argc < 5)
		return false;
	net->npairs = (unsigned int)strtoul(argv[2], NULL, 10);
	net->frames = (uint32_t)strtoul(argv[3], NULL, 10);
	net->rounds = (unsigned int)strtoul(argv[4], NULL, 10);
	net->large = true;
	for (i = 5; i < argc; i++)
		if (!strcmp(argv[i], "small"))
			net->large = false;
		else if (!strcmp(argv[i], "connect"))
			net->connects = true;
		else
			return false;
	return net->npairs >= 1 && net->npairs <= MAX_PAIRS;
}

int main(int argc, char **argv)
{
	struct virtdev_vhost_user_server *server;
	struct vsu_error err = VSU_ERROR_INIT;
	struct net net = { .dev = NULL };

	if (!args_take(&net, argc, argv)) {
		fprintf(stderr, "use: net-device SOCKET PAIRS FRAMES ROUNDS [small] [connect]\n");
		return VSU_EXIT_USAGE;
	}
	net.dev = device_new(&net);
	lanes_init(&net);
	if (!net.dev || server_make(&net, argv[1], &server, &err) < 0) {
		printf("%s\n", err.msg);
		return VSU_EXIT_HOST;
	}
	server_run(&net, server);
	virtdev_free(net.dev);
	return net.failed ? VSU_EXIT_FAIL : VSU_EXIT_OK;
}
