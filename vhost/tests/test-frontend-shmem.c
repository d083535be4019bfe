/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about shared memory regions, made against a scripted back-end: what
 * the owner is given, what is answered and when.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vm-memory/block.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "session.h"

#define PAGE UINT64_C(4096)
#define NEED VHOST_USER_HDR_NEED_REPLY
#define MAX_KEPT 64u

static int file_fd;

/* What the owner keeps: a reference on each mapping, until it is unmapped. */
static struct {
	struct vhost_user_shmem_change change;
	bool live;
} kept[MAX_KEPT];
static unsigned int nkept;
static int32_t answer_with;	/* result of every map */
static bool hold_on;		/* an unmap drops no reference */

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

static void let_go(unsigned int i)
{
	if (kept[i].live)
		vmem_block_unref(kept[i].change.block);
	kept[i].live = false;
}

static void let_all_go(void)
{
	while (nkept)
		let_go(--nkept);
}

static void owner(struct vhost_user_shmem_change *changes, unsigned int n)
{
	unsigned int i, k;

	for (i = 0; i < n; i++) {
		if (changes[i].map) {
			keep(&changes[i]);
			continue;
		}
		for (k = 0; k < nkept && !hold_on; k++)
			if (kept[k].change.block == changes[i].block)
				let_go(k);
	}
}

static void setup_shmem(void)
{
	unsigned char buf[PAGE];
	unsigned int i;

	setup();
	nkept = 0;
	answer_with = 0;
	hold_on = false;
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

static void teardown_shmem(void)
{
	close(file_fd);
	let_all_go();
	teardown();
}

static struct vhost_user_shmem_mmap req(uint8_t shmid, uint64_t off,
					uint64_t len, uint64_t fd_off)
{
	const struct vhost_user_shmem_mmap r = {
		.shmid = shmid, .shm_offset = off * PAGE, .len = len * PAGE,
		.fd_offset = fd_off * PAGE, .flags = VHOST_USER_SHMEM_RW,
	};

	return r;
}

static void ask_map(struct vhost_user_shmem_mmap r)
{
	peer_ask(&peer, VHOST_USER_BACKEND_SHMEM_MAP, NEED, &r, sizeof(r),
		 file_fd);
}

static void ask_unmap(struct vhost_user_shmem_mmap r)
{
	peer_ask(&peer, VHOST_USER_BACKEND_SHMEM_UNMAP, NEED, &r, sizeof(r), -1);
}

static int64_t map_answer(struct vhost_user_shmem_mmap r)
{
	ask_map(r);
	settle();
	return peer_answer(&peer);
}

static int64_t unmap_answer(struct vhost_user_shmem_mmap r)
{
	ask_unmap(r);
	settle();
	return peer_answer(&peer);
}

/* ------------------------------------------------------------ what is served */

START_TEST(regions_have_the_sizes_that_were_announced)
{
	become_ready();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
	ck_assert_uint_eq(vhost_user_frontend_shmem_size(fe, 0), 64 * PAGE);
	ck_assert_uint_eq(vhost_user_frontend_shmem_size(fe, 1), 0);
	ck_assert_uint_eq(vhost_user_frontend_shmem_size(fe, 3), 16 * PAGE);
	ck_assert_uint_eq(vhost_user_frontend_shmem_count(fe), 0);
}
END_TEST

START_TEST(mapping_shows_the_file_at_its_offset)
{
	const struct vhost_user_shmem_change *c = &kept[0].change;

	run();
	ck_assert_int_eq(map_answer(req(3, 2, 4, 7)), 0);
	ck_assert_uint_eq(told.shmem, 1);
	ck_assert_uint_eq(c->shmid, 3);
	ck_assert_uint_eq(c->offset, 2 * PAGE);
	ck_assert_uint_eq(c->len, 4 * PAGE);
	ck_assert_uint_eq(vmem_block_hva(c->block)[0], 8);
	ck_assert_uint_eq(vmem_block_hva(c->block)[4 * PAGE - 1], 11);
	ck_assert_uint_eq(vhost_user_frontend_shmem_count(fe), 1);
}
END_TEST

START_TEST(mapping_without_the_flag_is_read_only)
{
	struct vhost_user_shmem_mmap r = req(0, 0, 1, 0);

	run();
	r.flags = 0;
	ck_assert_int_eq(map_answer(r), 0);
	ck_assert(!(vmem_block_flags(kept[0].change.block) & VMEM_BLOCK_WRITE));
	ck_assert_int_eq(map_answer(req(0, 1, 1, 0)), 0);
	ck_assert(vmem_block_flags(kept[1].change.block) & VMEM_BLOCK_WRITE);
}
END_TEST

START_TEST(neighbours_in_a_region_are_neighbours_here)
{
	run();
	ck_assert_int_eq(map_answer(req(0, 1, 1, 5)), 0);
	ck_assert_int_eq(map_answer(req(0, 2, 1, 6)), 0);
	ck_assert_ptr_eq(vmem_block_hva(kept[0].change.block) + PAGE,
			 vmem_block_hva(kept[1].change.block));
}
END_TEST

START_TEST(maps_that_come_together_are_one_batch)
{
	unsigned int i;

	run();
	for (i = 0; i < 20; i++)
		ask_map(req(0, i, 1, i));
	settle();
	ck_assert_uint_eq(told.shmem, 1);
	ck_assert_uint_eq(told.changes, 20);
	for (i = 0; i < 20; i++)
		ck_assert_int_eq(peer_answer(&peer), 0);
}
END_TEST

START_TEST(kinds_that_alternate_stay_in_order)
{
	run();
	ask_map(req(0, 0, 1, 0));
	ask_unmap(req(0, 0, 1, 0));
	ask_map(req(0, 0, 2, 0));
	ask_unmap(req(0, 0, 2, 0));
	ask_unmap(req(0, 0, 2, 0));
	settle();
	ck_assert_uint_eq(told.shmem, 4);
	ck_assert_int_eq(peer_answer(&peer), 0);
	ck_assert_int_eq(peer_answer(&peer), 0);
	ck_assert_int_eq(peer_answer(&peer), 0);
	ck_assert_int_eq(peer_answer(&peer), 0);
	ck_assert_int_eq(peer_answer(&peer), 1);
	ck_assert_uint_eq(vhost_user_frontend_shmem_count(fe), 0);
}
END_TEST

START_TEST(map_that_the_owner_refuses_is_taken_back)
{
	run();
	answer_with = -ENOSPC;
	ck_assert_int_eq(map_answer(req(0, 0, 4, 0)), 1);
	ck_assert_uint_eq(vhost_user_frontend_shmem_count(fe), 0);
	answer_with = 0;
	ck_assert_int_eq(map_answer(req(0, 0, 4, 0)), 0);
}
END_TEST

START_TEST(request_without_need_reply_is_done_in_silence)
{
	struct vhost_user_shmem_mmap r = req(0, 0, 1, 0);

	run();
	peer_ask(&peer, VHOST_USER_BACKEND_SHMEM_MAP, 0, &r, sizeof(r), file_fd);
	settle();
	ck_assert_int_eq(peer_answer(&peer), -1);
	ck_assert_uint_eq(vhost_user_frontend_shmem_count(fe), 1);
}
END_TEST

static TCase *add_case(Suite *s, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup_shmem, teardown_shmem);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	return tc;
}

int main(void)
{
	Suite *s = suite_create("frontend-shmem");
	SRunner *sr = srunner_create(s);
	TCase *tc = add_case(s, "served");
	int failed;

	tcase_add_test(tc, regions_have_the_sizes_that_were_announced);
	tcase_add_test(tc, mapping_shows_the_file_at_its_offset);
	tcase_add_test(tc, mapping_without_the_flag_is_read_only);
	tcase_add_test(tc, neighbours_in_a_region_are_neighbours_here);
	tcase_add_test(tc, maps_that_come_together_are_one_batch);
	tcase_add_test(tc, kinds_that_alternate_stay_in_order);
	tcase_add_test(tc, map_that_the_owner_refuses_is_taken_back);
	tcase_add_test(tc, request_without_need_reply_is_done_in_silence);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
