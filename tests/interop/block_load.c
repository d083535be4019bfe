/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A driver that knows what each block of its disk has to hold. */
#include <config.h>

#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/blk_layout.h>
#include <vm-memory/backend.h>
#include <vm-memory/block.h>
#include <vm-memory/region.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "block_load.h"

#define RING_SIZE 64u
#define BASE UINT64_C(0x100000)
#define HEADERS UINT64_C(0x110000)
#define HEADER_SIZE 128u
#define STATUS_AT 64u
#define DATA UINT64_C(0x120000)
#define MEMORY UINT64_C(0x40000)
#define WORDS (LOAD_BLOCK / 8)
/* Nothing that is served takes so long, whatever else the machine does. */
#define PATIENCE_MS 60000
#define RECONNECT_NS UINT64_C(5000000)

static struct vsu_error why;

#define MUST(call) \
	do { \
		if ((call) < 0) \
			load_fail("%s: %s", #call, why.msg); \
	} while (0)

static void VSU_PRINTF(1, 2) load_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	_Exit(EXIT_FAILURE);
}

uint32_t load_random(struct load *l, uint32_t below)
{
	l->seed ^= l->seed << 13;
	l->seed ^= l->seed >> 7;
	l->seed ^= l->seed << 17;
	return (uint32_t)(l->seed >> 32) % below;
}

/* ------------------------------------------------------------------ session */

static void on_failed(void *opaque, const struct vsu_error *err)
{
	(void)opaque;
	load_fail("the session ended: %s", err->msg);
}

static int on_connect(void *opaque, struct vsu_error *err)
{
	const struct load *l = opaque;

	return vsu_sock_connect(l->socket, err);
}

static void on_lost(void *opaque, const struct vsu_error *err)
{
	struct load *l = opaque;

	(void)err;
	l->lost++;
}

static void on_back(void *opaque, bool rings_lost)
{
	struct load *l = opaque;

	if (rings_lost)
		load_fail("nobody knows what the lost back-end had finished");
	l->back++;
	l->back_ns = vsu_now_ns();
	l->since_back = 0;
}

static void open_session(struct load *l)
{
	const struct vhost_user_frontend_config config = {
		.size = sizeof(config), .peer = l->socket,
		.reconnect_ns = RECONNECT_NS,
	};
	struct vhost_user_frontend_ops ops = {
		.size = sizeof(ops), .failed = on_failed,
		.connect = on_connect, .lost = on_lost, .back = on_back,
	};
	int sock;

	if (!l->reconnect)
		ops.connect = NULL;
	MUST(sock = vsu_sock_connect(l->socket, &why));
	MUST(vhost_user_frontend_new_take_fd(sock, &config, &ops, l, &l->fe,
					     &why));
	MUST(vhost_user_frontend_wait(l->fe, 0, &why));
}

static void make_memory(struct load *l)
{
	struct vmem_region_desc desc = { .gpa = BASE, .len = MEMORY };
	struct vmem_region *region;
	struct vmem_backend *backend;

	MUST(vmem_backend_new(&backend));
	vmem_backend_set_kind(backend, VMEM_KIND_MEMFD);
	vmem_backend_set_size(backend, MEMORY);
	MUST(vmem_backend_alloc(backend, &desc.block, &why));
	vmem_backend_free(backend);
	MUST(vmem_region_new(&desc, &region, &why));
	vmem_block_unref(desc.block);
	MUST(vmem_map_from_regions(&region, 1, &l->map, &why));
	vmem_region_unref(region);
}

static void start_ring(struct load *l)
{
	const struct vq_driver_config config = {
		.map = l->map, .gpa = BASE, .features = l->features,
		.size = RING_SIZE,
	};
	struct vhost_user_ring ring = {
		.size = RING_SIZE, .base = vq_initial_base(l->features),
		.err_fd = -1,
	};

	MUST(vq_driver_new(&config, &l->driver, &why));
	MUST(ring.kick_fd = l->kick_fd = vsu_event_new());
	MUST(ring.call_fd = l->call_fd = vsu_event_new());
	ring.desc_gpa = vq_driver_desc_gpa(l->driver);
	ring.driver_gpa = vq_driver_driver_gpa(l->driver);
	ring.device_gpa = vq_driver_device_gpa(l->driver);
	MUST(vhost_user_frontend_set_memory(l->fe, l->map, &why));
	MUST(vhost_user_frontend_set_ring(l->fe, 0, &ring, &why));
	MUST(vhost_user_frontend_start(l->fe, l->features, &why));
	MUST(vhost_user_frontend_wait(l->fe, 0, &why));
}

void load_open(struct load *l, struct load_ledger *ledger, const char *socket,
	       uint64_t features, uint64_t seed, bool reconnect)
{
	memset(l, 0, sizeof(*l));
	l->ledger = ledger;
	l->socket = socket;
	l->features = features | VQ_F_VERSION_1 | VIRTDEV_BLK_F_FLUSH;
	l->seed = seed;
	l->reconnect = reconnect;
	open_session(l);
	make_memory(l);
	start_ring(l);
}

void load_close(struct load *l, bool in_order)
{
	if (in_order) {
		MUST(vhost_user_frontend_stop(l->fe, &why));
		MUST(vhost_user_frontend_wait(l->fe, 0, &why));
	}
	vhost_user_frontend_free(l->fe);
	vq_driver_free(l->driver);
	vmem_map_unref(l->map);
	vsu_fd_close(&l->kick_fd);
	vsu_fd_close(&l->call_fd);
}

/* ----------------------------------------------------------------- contents */

static unsigned char *load_at(const struct load *l, uint64_t gpa, uint64_t len)
{
	uint32_t hint = 0;

	return vmem_view_translate(vmem_map_view(l->map), &hint, gpa, len,
				   VMEM_READ | VMEM_WRITE);
}

/* Version 0 is the image as it was made: zeros. */
static void fill_block(uint64_t *words, uint32_t block, uint64_t version)
{
	uint64_t w = (version << 20 | block) * UINT64_C(0x9e3779b97f4a7c15);
	unsigned int i;

	memset(words, 0, LOAD_BLOCK);
	for (i = 0; version && i < WORDS; i++)
		words[i] = i == 0 ? block : i == 1 ? version : (w += i);
}

static void check_read(struct load *l, const struct load_slot *s,
		       const uint64_t *found)
{
	const uint64_t version = found[1];
	struct load_ledger *ledger = l->ledger;
	uint64_t right[WORDS];

	if (version < ledger->held[s->block] ||
	    version > ledger->begun[s->block])
		load_fail("block %" PRIu32 " holds version %" PRIu64 ", not one of %" PRIu64 " to %" PRIu64,
			  s->block, version, ledger->held[s->block],
			  ledger->begun[s->block]);
	fill_block(right, s->block, version);
	if (memcmp(right, found, LOAD_BLOCK))
		load_fail("block %" PRIu32 " holds pieces of version %" PRIu64,
			  s->block, version);
	ledger->held[s->block] = ledger->begun[s->block] = version;
}

/* ----------------------------------------------------------------- requests */

static void slot_submit(struct load *l, unsigned int i, uint32_t block,
			bool write)
{
	const uint64_t head = HEADERS + i * HEADER_SIZE;
	const uint64_t data = DATA + i * LOAD_BLOCK;
	const struct vq_buffer buffers[] = {
		{ head, sizeof(struct virtdev_blk_header), 0 },
		{ data, LOAD_BLOCK, !write },
		{ head + STATUS_AT, 1, 1 },
	};
	const struct virtdev_blk_header header = {
		.type = vsu_le32_make(write ? VIRTDEV_BLK_T_OUT :
					      VIRTDEV_BLK_T_IN),
		.sector = vsu_le64_make(block * (LOAD_BLOCK / 512)),
	};
	unsigned char *p = load_at(l, head, HEADER_SIZE);
	struct load_slot *s = &l->slots[i];
	uint64_t *bytes = (uint64_t *)(void *)load_at(l, data, LOAD_BLOCK);

	*s = (struct load_slot){ true, write, block, 0 };
	memset(bytes, 0xa5, LOAD_BLOCK);
	if (write) {
		s->version = ++l->ledger->begun[block];
		fill_block(bytes, block, s->version);
	}
	memcpy(p, &header, sizeof(header));
	p[STATUS_AT] = 0xff;
	MUST(vq_driver_add(l->driver, buffers, 3, i));
	l->taken[block] = true;
	l->nbusy++;
}

static void slot_finish(struct load *l, uint64_t cookie)
{
	struct load_slot *s = &l->slots[cookie];
	const uint64_t head = HEADERS + cookie * HEADER_SIZE;
	const unsigned char status = load_at(l, head, HEADER_SIZE)[STATUS_AT];

	if (!s->busy)
		load_fail("request %" PRIu64 " was finished twice", cookie);
	if (status)
		load_fail("block %" PRIu32 ": status %u", s->block, status);
	if (s->write)
		l->ledger->held[s->block] = s->version;
	else
		check_read(l, s, (uint64_t *)(void *)
			   load_at(l, DATA + cookie * LOAD_BLOCK, LOAD_BLOCK));
	s->busy = l->taken[s->block] = false;
	l->nbusy--;
	l->since_back++;
	__atomic_add_fetch(&l->ledger->finished, 1, __ATOMIC_RELAXED);
}

static bool slots_finish(struct load *l)
{
	uint64_t cookie;
	uint32_t written;
	bool any = false;
	int rc;

	while ((rc = vq_driver_collect(l->driver, &cookie, &written)) > 0) {
		slot_finish(l, cookie);
		any = true;
	}
	if (rc < 0)
		load_fail("the ring is broken");
	return any;
}

static void slots_publish(struct load *l)
{
	if (vq_driver_publish(l->driver))
		vsu_event_signal(l->kick_fd);
}

/* Takes all that is there, or waits for something. */
static void load_wait(struct load *l, int ms)
{
	struct pollfd fds[] = {
		{ l->call_fd, POLLIN, 0 },
		{ vhost_user_frontend_fd(l->fe), POLLIN, 0 },
	};
	int n;

	if (slots_finish(l))
		ms = 0;
	else if (vq_driver_enable_call(l->driver))
		ms = 0;
	n = poll(fds, 2, ms);
	if (n == 0 && ms == PATIENCE_MS)
		load_fail("%u requests are not finished", l->nbusy);
	if (fds[0].revents)
		vsu_event_drain(l->call_fd, NULL);
	if (fds[1].revents)
		vhost_user_frontend_dispatch(l->fe);
	slots_finish(l);
}

void load_turn(struct load *l, int ms)
{
	unsigned int i;
	uint32_t block;

	for (i = 0; i < LOAD_SLOTS; i++) {
		block = load_random(l, LOAD_BLOCKS);
		if (!l->slots[i].busy && !l->taken[block])
			slot_submit(l, i, block, load_random(l, 3) > 0);
	}
	slots_publish(l);
	load_wait(l, ms < 0 ? PATIENCE_MS : ms);
}

void load_settle(struct load *l)
{
	while (l->nbusy)
		load_wait(l, PATIENCE_MS);
}

void load_check(struct load *l)
{
	uint32_t block;

	load_settle(l);
	for (block = 0; block < LOAD_BLOCKS; block++) {
		slot_submit(l, block % LOAD_SLOTS, block, false);
		slots_publish(l);
		if (l->nbusy == LOAD_SLOTS)
			load_settle(l);
	}
	load_settle(l);
}
