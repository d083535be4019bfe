/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the life of mappings in shared memory regions: when they end,
 * and which references delay that.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vm-memory/block.h>
#include <vmm-sys-util/fd.h>

#include "../shmem_rig.h"
#include "../suite.h"
#include "frontend/priv.h"

/* ---------------------------------------------------------- lives of mappings */

START_TEST(c2_21_unmap_is_acknowledged_after_the_last_reference)
{
	run();
	ck_assert_int_eq(map_answer(req(0, 0, 1, 0)), 0);
	keep_refs = true;
	ck_assert_int_eq(unmap_answer(req(0, 0, 1, 0)), -1);
	ck_assert_uint_eq(notified.changes, 2);
	ck_assert_uint_eq(vmem_block_hva(kept[0].change.block)[0], 1);
	drop_ref(0);
	dispatch_both();
	ck_assert_int_eq(peer_answer(&peer), 0);
}
END_TEST

START_TEST(c2_21_requests_behind_a_delayed_unmap_wait_in_order)
{
	run();
	ck_assert_int_eq(map_answer(req(0, 0, 1, 0)), 0);
	keep_refs = true;
	ask_unmap(req(0, 0, 1, 0));
	ask_map(req(0, 0, 1, 1));
	peer_ask(&peer, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, NEED, NULL, 0, -1);
	dispatch_both();
	ck_assert_int_eq(peer_answer(&peer), -1);
	ck_assert_uint_eq(notified.changed, 0);
	ck_assert(!readable(vhost_user_frontend_fd(fe)));
	drop_ref(0);
	keep_refs = false;
	dispatch_both();
	ck_assert_int_eq(peer_answer(&peer), 0);
	ck_assert_int_eq(peer_answer(&peer), 0);
	ck_assert_int_eq(peer_answer(&peer), 0);
	ck_assert_uint_eq(notified.changed, 1);
	ck_assert_uint_eq(vhost_user_priv_shmem_count(fe), 1);
}
END_TEST

START_TEST(c2_21_main_socket_is_served_while_an_unmap_is_delayed)
{
	run();
	ck_assert_int_eq(map_answer(req(0, 0, 1, 0)), 0);
	keep_refs = true;
	ck_assert_int_eq(unmap_answer(req(0, 0, 1, 0)), -1);
	ck_assert_int_eq(vhost_user_frontend_get_config(fe, 0, 8, NULL), 0);
	dispatch_both();
	ck_assert_uint_eq(notified.config, 1);
	drop_ref(0);
	dispatch_both();
	ck_assert_int_eq(peer_answer(&peer), 0);
}
END_TEST

START_TEST(c2_21_channel_may_close_while_an_unmap_is_delayed)
{
	run();
	ck_assert_int_eq(map_answer(req(0, 0, 1, 0)), 0);
	keep_refs = true;
	ck_assert_int_eq(unmap_answer(req(0, 0, 1, 0)), -1);
	close(peer.back);
	peer.back = -1;
	dispatch_both();
	ck_assert(!readable(vhost_user_frontend_fd(fe)));
	drop_ref(0);
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

/* Whether /proc/self/maps shows these permissions for the byte at addr. */
static bool has_permissions(const void *addr, const char *permissions)
{
	char line[512], found[8] = "";
	unsigned long first, last;
	FILE *maps = fopen("/proc/self/maps", "re");

	ck_assert_ptr_nonnull(maps);
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %7s", &first, &last, found) == 3 &&
		    first <= (uintptr_t)addr && (uintptr_t)addr < last)
			break;
	fclose(maps);
	return !strcmp(found, permissions);
}

START_TEST(c2_22_failed_map_leaves_an_inaccessible_hole)
{
	unsigned char *base;

	run();
	ck_assert_int_eq(map_answer(req(0, 0, 1, 0)), 0);
	base = vmem_block_hva(kept[0].change.block);
	ck_assert_int_eq(map_answer(req(0, 1, 2, 31)), 1);
	ck_assert_int_eq(unmap_answer(req(0, 0, 1, 0)), 0);
	/* the whole window stays reserved, without access */
	ck_assert(has_permissions(base, "---p"));
	ck_assert(has_permissions(base + 2 * PAGE, "---p"));
	ck_assert(has_permissions(base + 64 * PAGE - 1, "---p"));
}
END_TEST

START_TEST(c2_23_reset_removes_every_mapping)
{
	run();
	ck_assert_int_eq(map_answer(req(0, 0, 1, 0)), 0);
	ck_assert_int_eq(map_answer(req(3, 0, 4, 0)), 0);
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	dispatch_both();
	ck_assert_uint_eq(vhost_user_priv_shmem_count(fe), 2);
	ck_assert_int_eq(vhost_user_frontend_reset(fe, NULL), 0);
	ck_assert_uint_eq(vhost_user_priv_shmem_count(fe), 0);
	ck_assert_uint_eq(notified.changes, 4);
	ck_assert(!kept[0].live && !kept[1].live);
	describe_rings(1);
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL), 0);
	dispatch_both();
	ck_assert_int_eq(map_answer(req(0, 0, 1, 0)), 0);
}
END_TEST

START_TEST(c2_24_hang_up_removes_every_mapping)
{
	unsigned int i;

	run();
	for (i = 0; i < 40; i++)
		ck_assert_int_eq(map_answer(req(0, i, 1, 0)), 0);
	peer_fini(&peer);
	dispatch_both();
	assert_dead(-ECONNRESET, "hung up");
	ck_assert_uint_eq(notified.changes, 80);
	for (i = 0; i < 40; i++)
		ck_assert(!kept[i].live);
	ck_assert_uint_eq(vhost_user_priv_shmem_count(fe), 0);
}
END_TEST

START_TEST(c2_24_hang_up_while_an_unmap_is_delayed)
{
	run();
	ck_assert_int_eq(map_answer(req(0, 0, 1, 0)), 0);
	keep_refs = true;
	ck_assert_int_eq(unmap_answer(req(0, 0, 1, 0)), -1);
	peer_fini(&peer);
	dispatch_both();
	assert_dead(-ECONNRESET, "hung up");
	/* a mapping with a reference stays mapped */
	ck_assert_uint_eq(vmem_block_hva(kept[0].change.block)[0], 1);
}
END_TEST

START_TEST(c2_24_free_removes_every_mapping)
{
	run();
	ck_assert_int_eq(map_answer(req(0, 0, 1, 0)), 0);
	vhost_user_frontend_free(fe);
	fe = NULL;
	ck_assert_uint_eq(notified.changes, 2);
	ck_assert(!kept[0].live);
}
END_TEST

START_TEST(c2_24_requests_before_a_hang_up_are_all_reported)
{
	run();
	ck_assert_int_eq(map_answer(req(0, 0, 1, 0)), 0);
	ask_unmap(req(0, 0, 1, 0));
	close(peer.back);
	peer.back = -1;
	dispatch_both();
	ck_assert_uint_eq(notified.changes, 2);
	ck_assert(!kept[0].live);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

/*
 * Only the channel closes; the device and its mapping stay until the session
 * ends.
 */
START_TEST(c2_24_map_before_a_broken_message_is_kept)
{
	const struct vhost_user_shmem_mmap r = req(0, 0, 1, 0);
	const unsigned char half[6] = { 9 };

	run();
	peer_ask(&peer, VHOST_USER_BACKEND_SHMEM_MAP, 0, &r, sizeof(r), file_fd);
	ck_assert_int_eq(write(peer.back, half, sizeof(half)), sizeof(half));
	close(peer.back);
	peer.back = -1;
	dispatch_both();
	assert_channel_closed(-EBADMSG, "hung up inside a header");
	ck_assert_uint_eq(notified.changes, 1);
	ck_assert(kept[0].live);
	vhost_user_frontend_free(fe);
	fe = NULL;
	ck_assert_uint_eq(notified.changes, 2);
	ck_assert(!kept[0].live);
}
END_TEST

START_TEST(c2_25_file_of_guest_memory_can_be_mapped)
{
	run();
	close(file_fd);
	file_fd = vsu_fd_dup(vmem_block_fd(
			vmem_region_block(vmem_map_region(map, 0))));
	ck_assert_int_eq(map_answer(req(0, 0, 1, 0)), 0);
	ck_assert_int_eq(unmap_answer(req(0, 0, 1, 0)), 0);
}
END_TEST

START_TEST(c2_27_nothing_is_ever_executable)
{
	struct vhost_user_shmem_mmap r = req(0, 1, 1, 0);

	run();
	ck_assert_int_eq(map_answer(req(0, 0, 1, 0)), 0);
	r.flags = 0;
	ck_assert_int_eq(map_answer(r), 0);
	ck_assert(has_permissions(vmem_block_hva(kept[0].change.block), "rw-s"));
	ck_assert(has_permissions(vmem_block_hva(kept[1].change.block), "r--s"));
	ck_assert(has_permissions(vmem_block_hva(kept[1].change.block) + PAGE,
				  "---p"));
}
END_TEST

START_TEST(c2_28_each_mapping_is_a_block_of_its_own)
{
	run();
	ck_assert_int_eq(map_answer(req(0, 0, 1, 0)), 0);
	ck_assert_int_eq(map_answer(req(0, 1, 1, 1)), 0);
	ck_assert_ptr_ne(kept[0].change.block, kept[1].change.block);
	ck_assert_int_eq(unmap_answer(req(0, 0, 1, 0)), 0);
	ck_assert_uint_eq(vmem_block_hva(kept[1].change.block)[0], 2);
	ck_assert_uint_eq(vmem_block_len(kept[1].change.block), PAGE);
}
END_TEST

/* -------------------------------------------------------------------- suite */

static void add_lives(Suite *s)
{
	TCase *tc = front_case(s, "lives", setup_shmem, teardown_shmem);

	tcase_add_test(tc, c2_21_unmap_is_acknowledged_after_the_last_reference);
	tcase_add_test(tc, c2_21_requests_behind_a_delayed_unmap_wait_in_order);
	tcase_add_test(tc, c2_21_main_socket_is_served_while_an_unmap_is_delayed);
	tcase_add_test(tc, c2_21_channel_may_close_while_an_unmap_is_delayed);
	tcase_add_test(tc, c2_22_failed_map_leaves_an_inaccessible_hole);
	tcase_add_test(tc, c2_23_reset_removes_every_mapping);
	tcase_add_test(tc, c2_24_hang_up_removes_every_mapping);
	tcase_add_test(tc, c2_24_hang_up_while_an_unmap_is_delayed);
	tcase_add_test(tc, c2_24_free_removes_every_mapping);
	tcase_add_test(tc, c2_24_requests_before_a_hang_up_are_all_reported);
	tcase_add_test(tc, c2_24_map_before_a_broken_message_is_kept);
	tcase_add_test(tc, c2_25_file_of_guest_memory_can_be_mapped);
	tcase_add_test(tc, c2_27_nothing_is_ever_executable);
	tcase_add_test(tc, c2_28_each_mapping_is_a_block_of_its_own);
}

int main(void)
{
	Suite *s = suite_create("frontend-shmem-life");

	add_lives(s);
	return run_suite(s);
}
