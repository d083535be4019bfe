/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Memory and a ring of a guest, for cases of "check". */
#include <config.h>

#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <virtio-queue/features.h>
#include <vmm-sys-util/fd.h>

#include "check_case.h"

#define AVAIL 1024u	/* offsets in the memory */
#define USED 2048u

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
	if (c->guest)
		munmap(c->guest, CHECK_MEMORY_SIZE);
	c->guest = NULL;
	vsu_fd_close(&c->memory);
}

bool check_share(struct check *c)
{
	struct vhost_user_mem_table table = { .nregions = 1 };

	table.regions[0] = check_region(0, CHECK_MEMORY_SIZE);
	return check_guest(c) &&
	       check_acked(c, VHOST_USER_SET_MEM_TABLE, &table, 40, &c->memory, 1);
}

struct vhost_user_vring_addr check_ring_addr(void)
{
	const struct vhost_user_vring_addr addr = {
		.desc = CHECK_USER_ADDR, .used = CHECK_USER_ADDR + USED,
		.avail = CHECK_USER_ADDR + AVAIL,
	};

	return addr;
}

bool check_ring_event(struct check *c, uint32_t number, uint64_t index)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	bool acked = check_acked(c, number, &index, sizeof(index), &fd, 1);

	vsu_fd_close(&fd);
	return acked;
}

/* The indices of both rings: the driver has seen every buffer used. */
static void set_indices(struct check *c, uint16_t base)
{
	memcpy(c->guest + AVAIL + 2, &base, sizeof(base));
	memcpy(c->guest + USED + 2, &base, sizeof(base));
}

bool check_restart(struct check *c, uint16_t base)
{
	const struct vhost_user_vring_state num = { 0, CHECK_RING_SIZE };
	const struct vhost_user_vring_state from = { 0, base }, enable = { 0, 1 };
	const struct vhost_user_vring_addr addr = check_ring_addr();

	set_indices(c, base);
	return check_acked_plain(c, VHOST_USER_SET_VRING_NUM, &num, sizeof(num)) &&
	       check_acked_plain(c, VHOST_USER_SET_VRING_BASE, &from, sizeof(from)) &&
	       check_acked_plain(c, VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr)) &&
	       check_ring_event(c, VHOST_USER_SET_VRING_CALL, 0) &&
	       check_ring_event(c, VHOST_USER_SET_VRING_KICK, 0) &&
	       check_acked_plain(c, VHOST_USER_SET_VRING_ENABLE, &enable,
				 sizeof(enable));
}

bool check_start(struct check *c, uint16_t base)
{
	const uint64_t features = c->features & (VHOST_USER_F_PROTOCOL_FEATURES |
						 VQ_F_VERSION_1);

	return check_acked_plain(c, VHOST_USER_SET_OWNER, NULL, 0) &&
	       check_acked_plain(c, VHOST_USER_SET_FEATURES, &features,
				 sizeof(features)) &&
	       check_share(c) && check_restart(c, base);
}

bool check_stop(struct check *c, uint16_t base)
{
	const struct vhost_user_vring_state ring = { 0, 0 };
	struct vhost_user_vring_state state;
	struct check_reply reply;

	if (!check_send(c, VHOST_USER_GET_VRING_BASE, VHOST_USER_HDR_VERSION,
			&ring, sizeof(ring), NULL, 0) ||
	    !check_reply(c, VHOST_USER_GET_VRING_BASE, &reply) ||
	    !check_that(c, reply.hdr.size == sizeof(state), "%u bytes",
			reply.hdr.size))
		return false;
	memcpy(&state, reply.payload, sizeof(state));
	return check_that(c, state.index == 0 && state.num == base,
			  "ring %u stopped at %u, expected ring 0 at %u",
			  state.index, state.num, base);
}
