/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A network device for tests. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "net-rig.h"

struct net_rig net_rig;

/* -------------------------------------------------------------------- the link */

static int fake_fd(void *self, uint32_t lane)
{
	(void)lane;
	return ((struct fake_link *)self)->fd;
}

static ssize_t fake_receive(void *self, uint32_t lane, const struct iovec *iov,
			    int n)
{
	struct fake_link *l = self;
	const struct rig_frame *f = &l->in[l->received];
	uint32_t done = 0, part;

	(void)lane;
	if (l->receive_code)
		return l->receive_code;
	if (l->received == l->queued)
		return -EAGAIN;
	for (; n-- > 0 && done < f->len; iov++) {
		part = f->len - done < iov->iov_len ? f->len - done :
						      (uint32_t)iov->iov_len;
		memcpy(iov->iov_base, f->bytes + done, part);
		done += part;
	}
	free(f->bytes);
	l->received++;
	return done;
}

static int fake_send(void *self, uint32_t lane, const struct iovec *iov, int n)
{
	struct fake_link *l = self;
	struct rig_frame *f = &l->sent[l->nsent];

	(void)lane;
	if (l->send_code && !l->send_good)
		return l->send_code;
	l->send_good -= l->send_good > 0;
	ck_assert_uint_lt(l->nsent, RIG_FRAMES);
	ck_assert_uint_eq(iov[0].iov_len, HEADER);
	f->bytes = malloc(VIRTDEV_NET_FRAME_MAX);
	for (f->len = 0; n-- > 0; iov++) {
		memcpy(f->bytes + f->len, iov->iov_base, iov->iov_len);
		f->len += (uint32_t)iov->iov_len;
	}
	l->nsent++;
	return 0;
}

static int fake_flush(void *self, uint32_t lane)
{
	(void)lane;
	return ((struct fake_link *)self)->flush_code;
}

static void spend(uint64_t ns)
{
	const uint64_t until = vsu_now_ns() + ns;

	while (vsu_now_ns() < until)
		;
}

static int fake_set_lane(void *self, uint32_t lane, bool on)
{
	struct fake_link *l = self;

	l->on[lane] = on;
	l->lane_calls++;
	if (l->slow_lanes)
		spend(VQ_TURN_NS);
	return 0;
}

static int fake_set_offloads(void *self, uint64_t features)
{
	struct fake_link *l = self;

	if (!l->offloads_code)
		l->offloads = features;
	return l->offloads_code;
}

static void fake_free(void *self)
{
	struct fake_link *l = self;

	while (l->received < l->queued)
		free(l->in[l->received++].bytes);
	while (l->nsent > 0)
		free(l->sent[--l->nsent].bytes);
	vsu_fd_close(&l->fd);
}

static struct virtdev_net_link *link_make(uint32_t lanes)
{
	static const struct virtdev_net_link_ops ops = {
		.size = sizeof(ops), .name = "fake", .fd = fake_fd,
		.receive = fake_receive, .send = fake_send,
		.flush = fake_flush, .set_lane = fake_set_lane,
		.set_offloads = fake_set_offloads, .free = fake_free,
	};
	const struct virtdev_net_link_info info = {
		.lanes = lanes, .offloads = RIG_OFFLOADS,
	};
	struct virtdev_net_link *link;

	net_rig.link.fd = vsu_event_new();
	ck_assert_int_ge(net_rig.link.fd, 0);
	vsu_event_signal_own(net_rig.link.fd);
	ck_assert_int_eq(virtdev_net_link_new(&ops, &info, &net_rig.link, &link),
			 0);
	return link;
}

void link_queue_frame(const void *frame, uint32_t len)
{
	struct rig_frame *f = &net_rig.link.in[net_rig.link.queued++];

	ck_assert_uint_le(net_rig.link.queued, RIG_FRAMES);
	f->len = HEADER + len;
	f->bytes = calloc(1, f->len);
	memcpy(f->bytes + HEADER, frame, len);
}

void link_queue_pattern(uint32_t len, unsigned char seed)
{
	unsigned char *bytes = malloc(len);
	uint32_t i;

	for (i = 0; i < len; i++)
		bytes[i] = (unsigned char)(seed + i * 7 + i / 251);
	bytes[0] &= 0xfe;
	link_queue_frame(bytes, len);
	free(bytes);
}

/* ------------------------------------------------------------------ the device */

static void on_notify(void *opaque, uint32_t queue)
{
	(void)opaque;
	(void)queue;
	net_rig.notified++;
}

static void on_changed(void *opaque)
{
	(void)opaque;
	net_rig.changed++;
}

static void on_broken(void *opaque, uint32_t queue)
{
	(void)opaque;
	(void)queue;
	net_rig.broken++;
}

static int on_wait(void *opaque, uint32_t queue, uint64_t ns)
{
	(void)opaque;
	(void)queue;
	net_rig.waits++;
	net_rig.wait_ns = ns;
	return 0;
}

void net_rig_start(uint32_t i)
{
	struct vq_driver_config dc = {
		.map = net_rig.g.map, .gpa = RIG_RING(i),
		.features = net_rig.features, .size = RIG_SIZE,
		.indirect_max = net_rig.indirect, .indirect_gpa = RIG_TABLES,
	};
	struct vq_config config = {
		.features = net_rig.features, .size = RIG_SIZE, .index = i,
		.base = vq_initial_base(net_rig.features),
	};

	ck_assert_int_eq(vq_driver_new(&dc, &net_rig.driver[i], NULL), 0);
	config.desc_gpa = vq_driver_desc_gpa(net_rig.driver[i]);
	config.driver_gpa = vq_driver_driver_gpa(net_rig.driver[i]);
	config.device_gpa = vq_driver_device_gpa(net_rig.driver[i]);
	ck_assert_int_eq(vq_new(&net_rig.q[i]), 0);
	ck_assert_int_eq(vq_set_space(net_rig.q[i], net_rig.g.space), 0);
	ck_assert_int_eq(vq_enable(net_rig.q[i], &config, NULL), 0);
	ck_assert_int_eq(virtdev_queue_start(net_rig.dev, i, net_rig.q[i], NULL), 0);
}

void net_rig_stop(uint32_t i)
{
	if (!net_rig.q[i])
		return;
	ck_assert_int_eq(virtdev_queue_drain(net_rig.dev, i), 0);
	virtdev_queue_stop(net_rig.dev, i);
	ck_assert_uint_eq(vq_inflight(net_rig.q[i]), 0);
	vq_free(net_rig.q[i]);
	vq_driver_free(net_rig.driver[i]);
	net_rig.q[i] = NULL;
	net_rig.driver[i] = NULL;
}

void net_rig_start_all(void)
{
	uint32_t i;

	for (i = 0; i < virtdev_get_info(net_rig.dev)->nqueues; i++)
		net_rig_start(i);
}

void net_rig_stop_all(void)
{
	uint32_t i;

	for (i = 0; i < RIG_QUEUES; i++)
		net_rig_stop(i);
}

static void device_make(struct virtdev_net_link *link, uint64_t features, enum virtdev_net_block block)
{
	static const struct virtdev_server_ops server = {
		.size = sizeof(server), .notify = on_notify,
		.config_changed = on_changed, .queue_broken = on_broken,
		.queue_wait = on_wait,
	};
	struct virtdev_net_config config = {
		.size = sizeof(config), .mac = { 0x52, 0x54, 0, 1, 2, 3 },
		.mtu = 9000, .block = block,
	};

	config.link = link;
	guest_init_memory(&net_rig.g);
	ck_assert_int_eq(virtdev_net_new(&config, &net_rig.dev, NULL), 0);
	ck_assert_int_eq(virtdev_set_server(net_rig.dev, &server, NULL), 0);
	net_rig.features = features | VQ_F_VERSION_1;
	ck_assert_int_eq(virtdev_set_features(net_rig.dev, net_rig.features, NULL), 0);
	net_rig_start_all();
}

void net_rig_init(uint32_t lanes, uint64_t features)
{
	memset(&net_rig, 0, sizeof(net_rig));
	net_rig.link.lanes = lanes;
	device_make(link_make(lanes), features, VIRTDEV_NET_BLOCK_NONE);
}

void net_rig_init_blocking(enum virtdev_net_block block)
{
	memset(&net_rig, 0, sizeof(net_rig));
	net_rig.link.lanes = 1;
	device_make(link_make(1), RIG_OFFLOADS, block);
}

void net_rig_init_over(struct virtdev_net_link *link, uint64_t features)
{
	memset(&net_rig, 0, sizeof(net_rig));
	net_rig.link.lanes = 1;
	device_make(link, features, VIRTDEV_NET_BLOCK_NONE);
}

void net_rig_fini(void)
{
	net_rig_stop_all();
	virtdev_reset(net_rig.dev);
	virtdev_free(net_rig.dev);
	vmem_map_unref(net_rig.g.map);
	vmem_space_reclaim(net_rig.g.space);
	vmem_space_free(net_rig.g.space);
}

/* ------------------------------------------------------------------ the driver */

void add_buffer(uint32_t queue, uint64_t gpa, uint32_t len, bool writable)
{
	const struct vq_buffer buf = { gpa, len, writable };

	ck_assert_int_eq(vq_driver_add(net_rig.driver[queue], &buf, 1, gpa), 0);
	vq_driver_publish(net_rig.driver[queue]);
}

void send_frame(const struct virtdev_net_header *h, uint32_t len, bool apart)
{
	const struct vq_buffer bufs[] = {
		{ GUEST_DATA, HEADER, 0 }, { GUEST_DATA + HEADER, len, 0 },
	};
	const struct vq_buffer one = { GUEST_DATA, HEADER + len, 0 };

	memcpy(guest_at(&net_rig.g, GUEST_DATA), h, HEADER);
	ck_assert_int_eq(vq_driver_add(net_rig.driver[1], apart ? bufs : &one,
				       apart ? 2 : 1, GUEST_DATA), 0);
	vq_driver_publish(net_rig.driver[1]);
}

void serve(uint32_t queue)
{
	unsigned int turns = 0;

	while (virtdev_queue_serve(net_rig.dev, queue) > 0)
		ck_assert_uint_lt(++turns, 1000);
}

int64_t used_length(uint32_t queue, uint64_t *gpa)
{
	uint64_t cookie;
	uint32_t len;

	if (vq_driver_collect(net_rig.driver[queue], &cookie, &len) != 1)
		return -1;
	if (gpa)
		*gpa = cookie;
	return len;
}

bool passes_filter(const uint8_t *to, int vlan)
{
	uint8_t frame[60] = { 0 };

	memcpy(frame, to, 6);
	frame[12] = vlan < 0 ? 0x08 : 0x81;
	frame[14] = (uint8_t)(vlan >> 8);
	frame[15] = (uint8_t)vlan;
	net_rig.link.queued = net_rig.link.received = 0;
	link_queue_frame(frame, sizeof(frame));
	if (!vq_driver_inflight(net_rig.driver[0]))
		add_buffer(0, GUEST_DATA, 2048, true);
	serve(0);
	return used_length(0, NULL) == HEADER + 60;
}

bool is_ready(uint32_t queue, int timeout)
{
	struct pollfd p = { virtdev_queue_host_fd(net_rig.dev, queue), POLLIN,
			    0 };

	return poll(&p, 1, timeout) == 1;
}

unsigned int card_status(void)
{
	struct virtdev_net_space space;

	virtdev_config_read(net_rig.dev, 0, &space, sizeof(space));
	return vsu_le16_load(space.status);
}

static uint32_t control_queue(void)
{
	return net_rig.features & VIRTDEV_NET_F_MQ ? 2 * net_rig.link.lanes : 2;
}

void command_send(uint8_t command_class, uint8_t number, const void *data,
		  uint32_t len)
{
	const uint32_t q = control_queue();
	const struct vq_buffer bufs[] = {
		{ RIG_COMMAND, 2, 0 }, { RIG_COMMAND + 2, len, 0 },
		{ RIG_COMMAND + 0x2000, 1, 1 },
	};
	unsigned char *at = guest_at(&net_rig.g, RIG_COMMAND);

	at[0] = command_class;
	at[1] = number;
	memcpy(at + 2, data, len);
	at[0x2000] = 0xee;
	ck_assert_int_eq(vq_driver_add(net_rig.driver[q], len ? bufs : &bufs[0],
				       len ? 3 : 1, 0), 0);
	vq_driver_publish(net_rig.driver[q]);
}

int command_answer(void)
{
	if (used_length(control_queue(), NULL) != 1)
		return -1;
	return *guest_at(&net_rig.g, RIG_COMMAND + 0x2000);
}

int command(uint8_t command_class, uint8_t number, const void *data,
	    uint32_t len)
{
	command_send(command_class, number, data, len);
	serve(control_queue());
	return command_answer();
}
