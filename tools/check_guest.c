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

int check_memfd(uint64_t size)
{
	int fd = memfd_create("check", MFD_CLOEXEC);

	if (fd >= 0 && ftruncate(fd, (off_t)size) < 0)
		vsu_fd_close(&fd);
	return fd;
}

bool check_guest(struct check *c)
{
	void *map;

	if (c->guest)
		return true;
	c->memory = check_memfd(CHECK_MEMORY_SIZE);
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
	vsu_fd_close(&c->ours);
	for (i = 0; i < CHECK_RINGS; i++) {
		vsu_fd_close(&c->rings[i].kick);
		vsu_fd_close(&c->rings[i].call);
		vsu_fd_close(&c->rings[i].err);
	}
}

bool check_share(struct check *c)
{
	const struct vhost_user_mem_table table = {
		.nregions = 1, .regions = { CHECK_REGION(0, CHECK_MEMORY_SIZE) }
	};

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

/* -------------------------------------------------------------------- rings */

/* A request for the ring with a new eventfd. */
static bool new_event(struct check *c, uint32_t number, int *fd)
{
	const uint64_t index = c->ring;

	vsu_fd_close(fd);
	*fd = vsu_event_new();
	return check_acked(c, number, &index, sizeof(index), fd, 1);
}

bool check_new_kick(struct check *c)
{
	return new_event(c, VHOST_USER_SET_VRING_KICK, &c->rings[c->ring].kick);
}

bool check_new_call(struct check *c)
{
	return new_event(c, VHOST_USER_SET_VRING_CALL, &c->rings[c->ring].call);
}

bool check_new_err(struct check *c)
{
	return new_event(c, VHOST_USER_SET_VRING_ERR, &c->rings[c->ring].err);
}

bool check_no_call(struct check *c)
{
	const uint64_t none = c->ring | VHOST_USER_VRING_NOFD;

	return check_acked_plain(c, VHOST_USER_SET_VRING_CALL, &none, sizeof(none));
}

/* A request with a number about the ring. */
static bool set_state(struct check *c, uint32_t request, uint32_t num)
{
	const struct vhost_user_vring_state state = { c->ring, num };

	return check_acked_plain(c, request, &state, sizeof(state));
}

bool check_enable(struct check *c)
{
	return set_state(c, VHOST_USER_SET_VRING_ENABLE, 1);
}

bool check_disable(struct check *c)
{
	return set_state(c, VHOST_USER_SET_VRING_ENABLE, 0);
}

/* The num of SET_VRING_BASE for a number of buffers. */
static uint32_t base_of(const struct check *c, uint16_t n)
{
	const uint32_t half = n % CHECK_RING_SIZE | (n / CHECK_RING_SIZE & 1 ? 0 : 0x8000u);

	return c->extra & VHOST_USER_F_RING_PACKED ? half | half << 16 : n;
}

bool check_run(struct check *c, uint16_t base)
{
	const struct vhost_user_vring_addr addr = check_ring_addr(c);

	return set_state(c, VHOST_USER_SET_VRING_NUM, CHECK_RING_SIZE) &&
	       set_state(c, VHOST_USER_SET_VRING_BASE, base_of(c, base)) &&
	       check_acked_plain(c, VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr)) &&
	       check_new_err(c) && check_new_call(c) && check_new_kick(c) && check_enable(c);
}

/* The driver has seen every buffer used. */
bool check_restart(struct check *c)
{
	struct check_ring *r = &c->rings[c->ring];

	r->seen = r->made;
	if (!(c->extra & VHOST_USER_F_RING_PACKED)) {
		check_put16(c, CHECK_AVAIL + 2, r->made);
		check_put16(c, CHECK_USED + 2, r->made);
	}
	return check_run(c, r->made);
}

bool check_start_first(struct check *c)
{
	const unsigned int ring = c->ring;
	bool started;

	if (!ring)
		return true;
	c->ring = 0;
	started = check_restart(c);
	c->ring = ring;
	return started;
}

bool check_begin(struct check *c)
{
	const uint64_t features = c->features & (VHOST_USER_F_PROTOCOL_FEATURES |
						 VQ_F_VERSION_1 | c->extra);

	if (c->extra & ~c->features)
		return check_skip(c, "features %#" PRIx64 " are not offered",
				  c->extra & ~c->features);
	if (!check_acked_plain(c, VHOST_USER_SET_FEATURES, &features, sizeof(features)) ||
	    !check_share(c) || !check_start_first(c) || !check_restart(c))
		return false;
	/* Some devices signal a ring when it starts: that call is no reaction. */
	vsu_event_drain(c->rings[c->ring].call, NULL);
	return true;
}

bool check_start(struct check *c)
{
	return check_acked_plain(c, VHOST_USER_SET_OWNER, NULL, 0) && check_begin(c);
}

bool check_stop(struct check *c)
{
	const struct vhost_user_vring_state ring = { c->ring, 0 };
	const uint32_t base = base_of(c, c->rings[c->ring].made);
	struct vhost_user_vring_state state;

	return check_send(c, VHOST_USER_GET_VRING_BASE, VHOST_USER_HDR_VERSION, &ring,
			  sizeof(ring), NULL, 0) &&
	       check_reply(c, VHOST_USER_GET_VRING_BASE) &&
	       check_reply_bytes(c, &state, sizeof(state)) &&
	       check_that(c, state.index == c->ring && state.num == base,
			  "ring %u stopped at %#x, expected ring %u at %#x", state.index,
			  state.num, c->ring, base);
}

bool check_settle(struct check *c)
{
	const struct vhost_user_vring_state ring = { c->ring, 0 };

	(void)check_wait(c, CHECK_QUIET_MS);
	check_await(c, VHOST_USER_GET_VRING_BASE, &ring, sizeof(ring));
	return true;
}
