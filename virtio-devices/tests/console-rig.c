/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A console with its driver, for tests. */
#include <config.h>

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "console-rig.h"

struct console_rig con;
struct virtdev_console_port console_record;

static void on_notify(void *opaque, uint32_t queue)
{
	(void)opaque;
	con.notified[queue]++;
}

static void on_config_changed(void *opaque)
{
	(void)opaque;
	con.config_changes++;
}

static void on_broken(void *opaque, uint32_t queue)
{
	(void)opaque;
	(void)queue;
	con.broken++;
}

struct virtdev_port *console_socket(int *other)
{
	struct virtdev_port *port;
	int pair[2];

	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	ck_assert_int_eq(virtdev_port_fds_new(pair[0], pair[0], &port, NULL),
			 0);
	close(pair[0]);
	*other = pair[1];
	return port;
}

static void start_queue(uint32_t i)
{
	struct console_queue *cq = &con.queues[i];
	struct vq_driver_config dc = {
		.map = con.g.map, .gpa = GUEST_RING + i * 0x1000,
		.features = con.features | VQ_F_VERSION_1,
		.size = CONSOLE_RING,
	};
	struct vq_config config = { .features = dc.features,
				    .size = dc.size, .index = i };

	ck_assert_int_eq(vq_driver_new(&dc, &cq->driver, NULL), 0);
	config.desc_gpa = vq_driver_desc_gpa(cq->driver);
	config.driver_gpa = vq_driver_driver_gpa(cq->driver);
	config.device_gpa = vq_driver_device_gpa(cq->driver);
	config.base = vq_initial_base(config.features);
	ck_assert_int_eq(vq_enable(cq->q, &config, NULL), 0);
	ck_assert_int_eq(virtdev_queue_start(con.dev, i, cq->q, NULL), 0);
	cq->next = 0;
}

static void start_queues(uint64_t features)
{
	uint32_t i;

	con.features = features;
	con.nqueues = features & F_MULTIPORT ?
		      virtdev_get_info(con.dev)->nqueues : 2;
	ck_assert_int_eq(virtdev_set_features(con.dev,
					      features | VQ_F_VERSION_1, NULL),
			 0);
	for (i = 0; i < con.nqueues; i++)
		start_queue(i);
}

static void stop_queues(void)
{
	uint32_t i;

	for (i = 0; i < con.nqueues; i++) {
		ck_assert_int_eq(virtdev_queue_drain(con.dev, i), 0);
		ck_assert_uint_eq(vq_inflight(con.queues[i].q), 0);
		virtdev_queue_stop(con.dev, i);
		vq_disable(con.queues[i].q);
		vq_driver_free(con.queues[i].driver);
	}
}

void console_restart(uint64_t features)
{
	stop_queues();
	virtdev_reset(con.dev);
	start_queues(features);
}

static void on_wake(void *opaque, uint32_t queue)
{
	(void)opaque;
	con.woken[queue] = true;
}

void console_init_on(struct virtdev_port *host, const char *name,
		 uint32_t max_ports, uint64_t features)
{
	static const struct virtdev_server_ops server = {
		.size = sizeof(server), .notify = on_notify,
		.config_changed = on_config_changed,
		.queue_broken = on_broken, .queue_wake = on_wake,
	};
	const struct virtdev_console_port port = {
		.size = sizeof(port), .host = host, .console = true,
		.name = name, .record = console_record.record,
		.free_recorder = console_record.free_recorder,
		.recorder = console_record.recorder,
	};
	const struct virtdev_console_config config = {
		.size = sizeof(config), .port = &port, .max_ports = max_ports,
	};
	uint32_t i;

	ck_assert_int_eq(virtdev_console_new(&config, &con.dev, NULL), 0);
	ck_assert_int_eq(virtdev_set_server(con.dev, &server, NULL), 0);
	guest_init_memory(&con.g);
	for (i = 0; i < CONSOLE_QUEUES; i++) {
		ck_assert_int_eq(vq_new(&con.queues[i].q), 0);
		ck_assert_int_eq(vq_set_space(con.queues[i].q, con.g.space), 0);
	}
	start_queues(features);
}

void console_init_one(uint64_t features)
{
	memset(&con, 0, sizeof(con));
	con.host[1] = con.host[2] = -1;
	console_init_on(console_socket(&con.host[0]), NULL, 0, features);
}

void console_init_many(uint64_t features)
{
	struct virtdev_console_port data = { .size = sizeof(data),
					     .name = "data" };
	uint32_t id;

	memset(&con, 0, sizeof(con));
	con.host[2] = -1;
	console_init_on(console_socket(&con.host[0]), NULL, CONSOLE_PORTS,
		    features | F_MULTIPORT);
	data.host = console_socket(&con.host[1]);
	ck_assert_int_eq(virtdev_console_add(con.dev, &data, &id, NULL), 0);
	ck_assert_uint_eq(id, 1);
}

void console_fini(void)
{
	uint32_t i;

	stop_queues();
	virtdev_free(con.dev);
	for (i = 0; i < CONSOLE_QUEUES; i++)
		vq_free(con.queues[i].q);
	for (i = 0; i < CONSOLE_PORTS; i++)
		vsu_fd_close(&con.host[i]);
	vmem_map_unref(con.g.map);
	vmem_space_reclaim(con.g.space);
	vmem_space_free(con.g.space);
}

static bool is_ready(uint32_t queue)
{
	struct pollfd p = { .fd = virtdev_queue_host_fd(con.dev, queue),
			    .events = POLLIN };
	const bool woken = con.woken[queue];

	con.woken[queue] = false;
	return woken || (p.fd >= 0 && poll(&p, 1, 0) == 1);
}

void console_settle(void)
{
	unsigned int turns = 0;
	bool more;
	uint32_t i;

	/* as if the driver had kicked each queue */
	for (i = 0; i < con.nqueues; i++)
		while (virtdev_queue_serve(con.dev, i) > 0)
			ck_assert_uint_lt(++turns, 10000);
	do {
		more = false;
		for (i = 0; i < con.nqueues; i++) {
			if (!is_ready(i))
				continue;
			more = true;
			while (virtdev_queue_serve(con.dev, i) > 0)
				ck_assert_uint_lt(++turns, 10000);
			ck_assert_uint_lt(++turns, 10000);
		}
	} while (more);
}

static uint64_t buffer_gpa(uint32_t queue, unsigned int n)
{
	return GUEST_DATA + (queue * CONSOLE_RING + n % CONSOLE_RING) *
	       CONSOLE_BUFFER;
}

static void add(uint32_t queue, uint32_t len, bool writable)
{
	struct console_queue *cq = &con.queues[queue];
	const struct vq_buffer b = { buffer_gpa(queue, cq->next), len,
				     writable };

	ck_assert_int_eq(vq_driver_add(cq->driver, &b, 1, cq->next++), 0);
	vq_driver_publish(cq->driver);
}

void console_offer(uint32_t queue, unsigned int n, uint32_t len)
{
	while (n--)
		add(queue, len, true);
}

void console_write(uint32_t queue, const void *bytes, uint32_t len)
{
	memcpy(guest_at(&con.g, buffer_gpa(queue, con.queues[queue].next)),
	       bytes, len);
	add(queue, len, false);
}

int64_t console_used(uint32_t queue, void *bytes, size_t len)
{
	uint64_t cookie;
	uint32_t used;

	if (vq_driver_collect(con.queues[queue].driver, &cookie, &used) != 1)
		return -1;
	ck_assert_uint_le(used, CONSOLE_BUFFER);
	if (bytes)
		memcpy(bytes, guest_at(&con.g,
				       buffer_gpa(queue, (unsigned int)cookie)),
		       used < len ? used : len);
	return used;
}

void console_send_message(uint32_t id, uint16_t event, uint16_t value)
{
	const struct {
		struct vsu_le32 id;
		struct vsu_le16 event, value;
	} m = { vsu_le32_make(id), vsu_le16_make(event),
		vsu_le16_make(value) };

	console_write(3, &m, sizeof(m));
	console_settle();
	ck_assert_int_eq(console_used(3, NULL, 0), 0);
}

/* Some messages have a payload: a name, or a size of two numbers. */
const char *console_read_message(void)
{
	static char text[160];
	unsigned char m[CONSOLE_BUFFER] = { 0 };
	int64_t len;
	int n;

	console_offer(2, 1, 256);
	console_settle();
	len = console_used(2, m, sizeof(m));
	if (len < 0)
		return "";
	ck_assert_int_ge(len, 8);
	n = snprintf(text, sizeof(text), "%u %u %u", m[4], m[0], m[6]);
	if (m[4] == RESIZE)
		snprintf(text + n, sizeof(text) - (size_t)n, " %u %u",
			 m[8] | m[9] << 8, m[10] | m[11] << 8);
	else if (len > 8)
		snprintf(text + n, sizeof(text) - (size_t)n, " %.63s",
			 (const char *)m + 8);
	return text;
}

void console_start_driver(void)
{
	console_send_message(UINT32_MAX, DEVICE_READY, 1);
	ck_assert_str_eq(console_read_message(), "1 0 1");
	ck_assert_str_eq(console_read_message(), "1 1 1");
	console_send_message(0, PORT_READY, 1);
	ck_assert_str_eq(console_read_message(), "4 0 1");
	ck_assert_str_eq(console_read_message(), "6 0 1");
	console_send_message(0, PORT_OPEN, 1);
	console_send_message(1, PORT_READY, 1);
	ck_assert_str_eq(console_read_message(), "7 1 1 data");
	ck_assert_str_eq(console_read_message(), "6 1 1");
}

void console_host_write(unsigned int port, const char *text)
{
	const ssize_t len = (ssize_t)strlen(text);

	ck_assert_int_eq(write(con.host[port], text, (size_t)len), len);
	console_settle();
}

const char *console_host_read(unsigned int port)
{
	static char text[1 << 16];
	ssize_t n;

	console_settle();
	n = recv(con.host[port], text, sizeof(text) - 1, MSG_DONTWAIT);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

struct virtdev_console_counts console_counts(uint32_t id)
{
	struct virtdev_console_counts counts = { .size = sizeof(counts) };

	ck_assert_int_eq(virtdev_console_get_counts(con.dev, id, &counts), 0);
	return counts;
}
