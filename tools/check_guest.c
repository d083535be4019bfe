/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Memory and a ring of a guest, for cases of "check". */
#include <config.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <virtio-queue/features.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "check_case.h"

#define REACT_MS 100

struct vhost_user_mem_region check_region(uint64_t offset, uint64_t len)
{
	const struct vhost_user_mem_region region = {
		.guest_addr = CHECK_GUEST_ADDR + offset, .size = len,
		.user_addr = CHECK_USER_ADDR + offset, .mmap_offset = offset
	};

	return region;
}

bool check_guest(struct check *c)
{
	void *map;

	if (c->guest)
		return true;
	c->memory = memfd_create("check", MFD_CLOEXEC);
	if (c->memory < 0 || ftruncate(c->memory, CHECK_MEMORY_SIZE) < 0)
		return check_skip(c, "no memory for a guest");
	map = mmap(NULL, CHECK_MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		   c->memory, 0);
	if (map == MAP_FAILED)
		return check_skip(c, "no memory for a guest");
	c->guest = map;
	return true;
}

void check_guest_free(struct check *c)
{
	unsigned int i;

	if (c->guest)
		munmap(c->guest, CHECK_MEMORY_SIZE);
	free(c->before);
	free(c->permitted);
	c->guest = c->before = c->permitted = NULL;
	vsu_fd_close(&c->memory);
	for (i = 0; i < CHECK_RINGS; i++) {
		vsu_fd_close(&c->rings[i].kick);
		vsu_fd_close(&c->rings[i].call);
		vsu_fd_close(&c->rings[i].err);
	}
}

bool check_share(struct check *c)
{
	struct vhost_user_mem_table table = { .nregions = 1 };

	table.regions[0] = check_region(0, CHECK_MEMORY_SIZE);
	return check_guest(c) &&
	       check_acked(c, VHOST_USER_SET_MEM_TABLE, &table, 40, &c->memory, 1);
}

struct vhost_user_vring_addr check_ring_addr(const struct check *c)
{
	const uint64_t desc = CHECK_USER_ADDR + c->ring * CHECK_RING_STRIDE;
	const struct vhost_user_vring_addr addr = {
		.index = c->ring, .desc = desc, .used = desc + CHECK_USED,
		.avail = desc + CHECK_AVAIL,
		.flags = c->log_addr ? VHOST_USER_VRING_F_LOG : 0,
		.log_guest_addr = c->log_addr,
	};

	return addr;
}

bool check_ring_event(struct check *c, uint32_t number, uint64_t index)
{
	struct check_ring *r = &c->rings[index];
	int *fd = number == VHOST_USER_SET_VRING_KICK ? &r->kick :
		  number == VHOST_USER_SET_VRING_CALL ? &r->call : &r->err;

	vsu_fd_close(fd);
	*fd = vsu_event_new();
	return check_acked(c, number, &index, sizeof(index), fd, 1);
}

/* The driver has seen every buffer used. */
static void set_indices(struct check *c, uint16_t base)
{
	struct check_ring *r = &c->rings[c->ring];

	r->made = r->seen = base;
	if (c->extra & VHOST_USER_F_RING_PACKED)
		return;
	check_put16(c, CHECK_AVAIL + 2, base);
	check_put16(c, CHECK_USED + 2, base);
}

/* The num of SET_VRING_BASE for a number of buffers. */
static uint32_t base_of(const struct check *c, uint16_t n)
{
	const uint32_t half = n % CHECK_RING_SIZE | (n / CHECK_RING_SIZE & 1 ? 0 : 0x8000u);

	return c->extra & VHOST_USER_F_RING_PACKED ? half | half << 16 : n;
}

bool check_run(struct check *c, uint16_t base)
{
	const struct vhost_user_vring_state num = { c->ring, CHECK_RING_SIZE };
	const struct vhost_user_vring_state from = { c->ring, base_of(c, base) };
	const struct vhost_user_vring_state enable = { c->ring, 1 };
	const struct vhost_user_vring_addr addr = check_ring_addr(c);

	return check_acked_plain(c, VHOST_USER_SET_VRING_NUM, &num, sizeof(num)) &&
	       check_acked_plain(c, VHOST_USER_SET_VRING_BASE, &from, sizeof(from)) &&
	       check_acked_plain(c, VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr)) &&
	       check_ring_event(c, VHOST_USER_SET_VRING_ERR, c->ring) &&
	       check_ring_event(c, VHOST_USER_SET_VRING_CALL, c->ring) &&
	       check_ring_event(c, VHOST_USER_SET_VRING_KICK, c->ring) &&
	       check_acked_plain(c, VHOST_USER_SET_VRING_ENABLE, &enable,
				 sizeof(enable));
}

bool check_restart(struct check *c, uint16_t base)
{
	set_indices(c, base);
	return check_run(c, base);
}

bool check_start_first(struct check *c)
{
	const unsigned int ring = c->ring;
	bool started;

	if (!ring)
		return true;
	c->ring = 0;
	started = check_restart(c, 0);
	c->ring = ring;
	return started;
}

bool check_begin(struct check *c, uint16_t base)
{
	const uint64_t features = c->features & (VHOST_USER_F_PROTOCOL_FEATURES |
						 VQ_F_VERSION_1 | c->extra);

	if (c->extra & ~c->features)
		return check_skip(c, "features %#" PRIx64 " are not offered",
				  c->extra & ~c->features);
	if (!check_acked_plain(c, VHOST_USER_SET_FEATURES, &features, sizeof(features)) ||
	    !check_share(c) || !check_start_first(c) || !check_restart(c, base))
		return false;
	/* Some devices signal a ring when it starts: that call is no reaction. */
	vsu_event_drain(c->rings[c->ring].call, NULL);
	return true;
}

bool check_start(struct check *c, uint16_t base)
{
	return check_acked_plain(c, VHOST_USER_SET_OWNER, NULL, 0) && check_begin(c, base);
}

bool check_stop(struct check *c, uint16_t base)
{
	const struct vhost_user_vring_state ring = { c->ring, 0 };
	struct vhost_user_vring_state state;
	struct check_reply reply;

	if (!check_send(c, VHOST_USER_GET_VRING_BASE, VHOST_USER_HDR_VERSION,
			&ring, sizeof(ring), NULL, 0) ||
	    !check_reply(c, VHOST_USER_GET_VRING_BASE, &reply) ||
	    !check_that(c, reply.hdr.size == sizeof(state), "%u bytes",
			reply.hdr.size))
		return false;
	memcpy(&state, reply.payload, sizeof(state));
	return check_that(c, state.index == c->ring && state.num == base_of(c, base),
			  "ring %u stopped at %#x, expected ring %u at %#x",
			  state.index, state.num, c->ring, base_of(c, base));
}

void check_settle(struct check *c)
{
	const struct vhost_user_vring_state ring = { c->ring, 0 };

	(void)check_wait(c, REACT_MS);
	check_await(c, VHOST_USER_GET_VRING_BASE, &ring, sizeof(ring));
}

void check_bad(struct check *c)
{
	const struct check_bad *bad = c->row->with;
	unsigned char bytes[RELAY_MAX_PAYLOAD] = { 0 };
	int fds[VHOST_USER_MAX_REGIONS];
	unsigned int i;

	if (bad->shared ? !check_share(c) : !check_guest(c))
		return;
	memcpy(bytes, bad->payload, bad->len);
	for (i = 0; i < bad->nfds; i++)
		fds[i] = c->memory;
	check_survives_request(c, bad->number, bytes, bad->size, fds, bad->nfds);
}
