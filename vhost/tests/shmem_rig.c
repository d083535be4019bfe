/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A front-end session whose back-end maps shared memory, for tests of these
 * mappings.
 */
#include <config.h>

#include <string.h>
#include <unistd.h>

#include <vm-memory/block.h>

#include "shmem_rig.h"
#include "suite.h"

int file_fd;
struct kept kept[MAX_KEPT];
int32_t answer_with;
bool keep_refs;
static unsigned int nkept;

static void keep(struct vhost_user_shmem_change *c)
{
	c->result = answer_with;
	if (answer_with < 0)
		return;
	ck_assert_uint_lt(nkept, MAX_KEPT);
	kept[nkept].change = *c;
	kept[nkept].live = true;
	vmem_block_ref(kept[nkept++].change.block);
}

void drop_ref(unsigned int i)
{
	if (kept[i].live)
		vmem_block_unref(kept[i].change.block);
	kept[i].live = false;
}

static void drop_all_refs(void)
{
	while (nkept)
		drop_ref(--nkept);
}

static void owner(struct vhost_user_shmem_change *changes, unsigned int n)
{
	unsigned int i, k;

	for (i = 0; i < n; i++) {
		if (changes[i].map) {
			keep(&changes[i]);
			continue;
		}
		for (k = 0; k < nkept && !keep_refs; k++)
			if (kept[k].change.block == changes[i].block)
				drop_ref(k);
	}
}

void setup_shmem(void)
{
	unsigned char buf[PAGE];
	unsigned int i;

	setup();
	nkept = 0;
	answer_with = 0;
	keep_refs = false;
	on_changes = owner;
	peer.protocol |= VHOST_USER_PROTOCOL_BIT(BACKEND_SEND_FD) |
			 VHOST_USER_PROTOCOL_BIT(SHMEM);
	peer.shmem.nregions = 2;
	peer.shmem.sizes[0] = 64 * PAGE;
	peer.shmem.sizes[3] = 16 * PAGE;
	file_fd = new_memfd(32 * PAGE);
	for (i = 0; i < 32; i++) {
		memset(buf, (int)i + 1, sizeof(buf));
		ck_assert_int_eq(pwrite(file_fd, buf, PAGE, (off_t)(i * PAGE)),
				 PAGE);
	}
}

void teardown_shmem(void)
{
	close(file_fd);
	drop_all_refs();
	teardown();
}

struct vhost_user_shmem_mmap req(uint8_t shmid, uint64_t off,
					uint64_t len, uint64_t fd_off)
{
	const struct vhost_user_shmem_mmap r = {
		.shmid = shmid, .shm_offset = off * PAGE, .len = len * PAGE,
		.fd_offset = fd_off * PAGE, .flags = VHOST_USER_SHMEM_RW,
	};

	return r;
}

void ask_map(struct vhost_user_shmem_mmap r)
{
	peer_ask(&peer, VHOST_USER_BACKEND_SHMEM_MAP, NEED, &r, sizeof(r),
		 file_fd);
}

void ask_unmap(struct vhost_user_shmem_mmap r)
{
	peer_ask(&peer, VHOST_USER_BACKEND_SHMEM_UNMAP, NEED, &r, sizeof(r), -1);
}

int64_t map_answer(struct vhost_user_shmem_mmap r)
{
	ask_map(r);
	dispatch_both();
	return peer_answer(&peer);
}

int64_t unmap_answer(struct vhost_user_shmem_mmap r)
{
	ask_unmap(r);
	dispatch_both();
	return peer_answer(&peer);
}
