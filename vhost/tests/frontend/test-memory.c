/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the memory table that the front-end sends, before rings start
 * and while they run.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vm-memory/block.h>
#include <vmm-sys-util/fd.h>

#include "../front_rig.h"
#include "../suite.h"

#define USER_BASE (UINT64_C(1) << 44)

static int open_errno;	/* of files that are opened again; 0: none */

#pragma GCC visibility push(default)
int __wrap_open(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);
#pragma GCC visibility pop

/* A sandbox permits no other open of a file that is mapped. No file is created. */
int __wrap_open(const char *path, int flags, ...)
{
	if (!open_errno || strncmp(path, "/proc/self/fd/", strlen("/proc/self/fd/")))
		return __real_open(path, flags);
	errno = open_errno;
	return -1;
}

/* ------------------------------------------------------------------- memory */

START_TEST(c1_18_addresses_sent_are_no_host_pointers)
{
	struct vhost_user_mem_reg sent;

	deviate(PEER_SILENT, VHOST_USER_ADD_MEM_REG);
	begin_start();
	while (peer_step(&peer) &&
	       peer.last.hdr.request != VHOST_USER_ADD_MEM_REG)
		;
	memcpy(&sent, peer.last.payload, sizeof(sent));
	ck_assert_uint_eq(sent.region.guest_addr, 0);
	ck_assert_uint_eq(sent.region.user_addr, USER_BASE);
	ck_assert_uint_eq(sent.region.size, MIB);
	ck_assert_uint_eq(peer.last.nfds, 1);
}
END_TEST

/* _i: whether the owner requires the feature; the back-end offers it. */
START_TEST(guest_addresses_are_sent_alone_only_if_configured)
{
	const uint64_t base = _i ? 0 : USER_BASE;
	struct vhost_user_vring_addr addr;
	struct vhost_user_mem_reg sent;

	config.protocol_features = _i ? UINT64_MAX : 0;
	peer.protocol |= VHOST_USER_PROTOCOL_BIT(GPA_ADDRESSES);
	begin_start();
	while (peer_step(&peer) &&
	       peer.last.hdr.request != VHOST_USER_ADD_MEM_REG)
		;
	memcpy(&sent, peer.last.payload, sizeof(sent));
	ck_assert_uint_eq(sent.region.user_addr, base);
	while (peer_step(&peer) &&
	       peer.last.hdr.request != VHOST_USER_SET_VRING_ADDR)
		;
	memcpy(&addr, peer.last.payload, sizeof(addr));
	ck_assert_uint_eq(addr.desc, base + 0x1000);
	ck_assert_uint_eq(addr.avail, base + 0x2000);
	ck_assert_uint_eq(addr.used, base + 0x3000);
}
END_TEST

START_TEST(memory_without_slots_is_one_table)
{
	struct vhost_user_mem_table sent;

	peer.protocol &= ~VHOST_USER_PROTOCOL_BIT(CONFIGURE_MEM_SLOTS);
	grow_map(0, MIB);
	grow_map(4 * MIB, 2 * MIB);
	begin_start();
	while (peer_step(&peer) &&
	       peer.last.hdr.request != VHOST_USER_SET_MEM_TABLE)
		;
	memcpy(&sent, peer.last.payload, sizeof(sent));
	ck_assert_uint_eq(peer.last.hdr.size, 8 + 2 * 32);
	ck_assert_uint_eq(peer.last.nfds, 2);
	ck_assert_uint_eq(sent.nregions, 2);
	ck_assert_uint_eq(sent.regions[1].guest_addr, 4 * MIB);
}
END_TEST

/* Adds a region for the block's bytes from offset on, at gpa. */
static void grow_map_by_piece(struct vmem_block *block, uint64_t offset,
			      uint64_t gpa)
{
	const struct vmem_region_desc desc = { .block = block, .gpa = gpa,
					       .offset = offset, .len = MIB };
	struct vmem_region *region;
	struct vmem_map *more;

	ck_assert_int_eq(vmem_region_new(&desc, &region, NULL), 0);
	if (!map)
		ck_assert_int_eq(vmem_map_new(&map), 0);
	ck_assert_int_eq(vmem_map_add(map, region, &more, NULL), 0);
	vmem_region_unref(region);
	vmem_map_unref(map);
	map = more;
}

/* Two pieces of a block that begins at 16 MiB of its file. */
static void make_pieces(void)
{
	const struct vmem_fd_desc desc = { .fd = new_memfd(20 * MIB),
					   .flags = SHARED, .len = 4 * MIB,
					   .fd_offset = 16 * MIB };
	struct vmem_block *block;

	ck_assert_int_eq(vmem_block_new_fd(&desc, &block, NULL), 0);
	close(desc.fd);
	grow_map_by_piece(block, 0, 0);
	grow_map_by_piece(block, 3 * MIB, 4 * MIB);
	vmem_block_unref(block);
}

START_TEST(table_contains_the_file_offset_of_a_region)
{
	struct vhost_user_mem_table sent;

	peer.protocol &= ~VHOST_USER_PROTOCOL_BIT(CONFIGURE_MEM_SLOTS);
	make_pieces();
	begin_start();
	while (peer_step(&peer) &&
	       peer.last.hdr.request != VHOST_USER_SET_MEM_TABLE)
		;
	memcpy(&sent, peer.last.payload, sizeof(sent));
	ck_assert_uint_eq(sent.nregions, 2);
	ck_assert_uint_eq(sent.regions[0].mmap_offset, 16 * MIB);
	ck_assert_uint_eq(sent.regions[1].mmap_offset, 19 * MIB);
	ck_assert_uint_eq(peer.last.nfds, 2);
}
END_TEST

START_TEST(slot_contains_the_file_offset_of_a_region)
{
	struct vhost_user_mem_reg sent;

	make_pieces();
	begin_start();
	while (peer_step(&peer) &&
	       peer_count(&peer, VHOST_USER_ADD_MEM_REG) < 2)
		;
	memcpy(&sent, peer.last.payload, sizeof(sent));
	ck_assert_int_eq(peer.last.hdr.request, VHOST_USER_ADD_MEM_REG);
	ck_assert_uint_eq(sent.region.guest_addr, 4 * MIB);
	ck_assert_uint_eq(sent.region.mmap_offset, 19 * MIB);
}
END_TEST

START_TEST(e2_02_memory_with_too_many_regions_for_a_table_is_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;
	unsigned int i;

	peer.protocol &= ~VHOST_USER_PROTOCOL_BIT(CONFIGURE_MEM_SLOTS);
	become_ready();
	for (i = 0; i < 9; i++)
		grow_map(i * MIB, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, &err),
			 -ENOSPC);
	ck_assert(strstr(err.msg, "supports 8"));
}
END_TEST

START_TEST(memory_that_cannot_be_shared_is_refused_by_name)
{
	struct vsu_error err = VSU_ERROR_INIT;

	become_ready();
	grow_map_flags(0x40000000, MIB, VMEM_BLOCK_WRITE);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, &err),
			 -EINVAL);
	ck_assert(strstr(err.msg, "0x40000000"));
	ck_assert(strstr(err.msg, "share=on"));
}
END_TEST

START_TEST(rom_is_not_sent_by_default)
{
	grow_map(0, MIB);
	grow_map_flags(0xfff00000, MIB, VMEM_BLOCK_ROM);
	run();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_ADD_MEM_REG), 1);
}
END_TEST

#define ROM_SHARED (VMEM_BLOCK_ROM | VMEM_BLOCK_SHARED)

/* Two regions; the second is ROM that another process can map. */
static void run_with_rom(void)
{
	grow_map(0, MIB);
	grow_map_flags(0xfff00000, MIB, ROM_SHARED);
	config.read_only_regions = true;
	begin_start();
}

START_TEST(c1_21_rom_is_sent_read_only_if_configured)
{
	unsigned int seen = 0;

	run_with_rom();
	while (peer_step(&peer) && seen < 2) {
		if (peer.last.hdr.request != VHOST_USER_ADD_MEM_REG)
			continue;
		ck_assert_uint_eq(peer.last.nfds, 1);
		ck_assert_int_eq(peer.last.access,
				 seen ? O_RDONLY : O_RDWR);
		seen++;
	}
	ck_assert_uint_eq(seen, 2);
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(notified.refused, 0);
}
END_TEST

/* At the start, and for ROM that is added later. */
START_TEST(c1_21_refused_rom_is_reported_once_and_left_out)
{
	run_with_rom();
	while (peer_step(&peer) &&
	       peer_count(&peer, VHOST_USER_ADD_MEM_REG) < 1)
		;
	deviate(PEER_REFUSE, VHOST_USER_ADD_MEM_REG);	/* the second region */
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(notified.refused, 1);
	ck_assert(strstr(notified.refusal.msg, "refused ADD_MEM_REG"));
	peer.deviation = PEER_CORRECT;
	grow_map(4 * MIB, MIB);
	grow_map_flags(0xffe00000, MIB, ROM_SHARED);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	dispatch_both();
	ck_assert_int_eq(notified.memory_code, 0);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_ADD_MEM_REG), 3);
	ck_assert_uint_eq(notified.refused, 1);
}
END_TEST

START_TEST(rom_that_cannot_be_opened_is_reported_once_and_left_out)
{
	open_errno = EACCES;
	run_with_rom();
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_ADD_MEM_REG), 1);
	ck_assert_uint_eq(notified.refused, 1);
	ck_assert_msg(strstr(notified.refusal.msg, "cannot open its file for reading: Permission denied"), "%s",
		      notified.refusal.msg);
	grow_map_flags(0xffe00000, MIB, ROM_SHARED);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	dispatch_both();
	ck_assert_uint_eq(notified.refused, 1);
	open_errno = 0;
}
END_TEST

static void shrink_map(unsigned int at)
{
	struct vmem_map *less;

	ck_assert_int_eq(vmem_map_remove(map, vmem_map_region(map, at), &less,
					 NULL), 0);
	vmem_map_unref(map);
	map = less;
}

START_TEST(removed_rom_is_removed_from_the_back_end_that_has_it)
{
	run_with_rom();
	dispatch_both();
	shrink_map(1);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	dispatch_both();
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_REM_MEM_REG), 1);
	ck_assert_int_eq(notified.memory_code, 0);
}
END_TEST

START_TEST(rom_takes_no_slot_from_memory)
{
	peer.max_slots = 1;
	run_with_rom();
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_ADD_MEM_REG), 1);
}
END_TEST

/*
 * A table is refused as a whole, and without REPLY_ACK a refusal is not
 * reported.
 */
START_TEST(c1_21_rom_is_not_sent_if_it_cannot_be_refused_alone)
{
	if (_i)
		peer.protocol &= ~VHOST_USER_PROTOCOL_BIT(CONFIGURE_MEM_SLOTS);
	else
		peer.protocol &= ~VHOST_USER_PROTOCOL_BIT(REPLY_ACK);
	run_with_rom();
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_ADD_MEM_REG), !_i);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_MEM_TABLE), _i);
}
END_TEST

START_TEST(memory_change_while_running_sends_the_difference)
{
	run();
	grow_map(4 * MIB, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), -EBUSY);
	dispatch_both();
	ck_assert_uint_eq(notified.memory, 1);
	ck_assert_int_eq(notified.memory_code, 0);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_ADD_MEM_REG), 2);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_REM_MEM_REG), 0);
}
END_TEST

START_TEST(memory_removal_while_running_sends_no_fd)
{
	grow_map(0, MIB);
	grow_map(4 * MIB, MIB);
	run();
	shrink_map(1);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	while (peer_step(&peer) &&
	       peer.last.hdr.request != VHOST_USER_REM_MEM_REG)
		;
	ck_assert_uint_eq(peer.last.hdr.request, VHOST_USER_REM_MEM_REG);
	ck_assert_uint_eq(peer.last.nfds, 0);
	dispatch_both();
	ck_assert_uint_eq(notified.memory, 1);
}
END_TEST

START_TEST(memory_of_a_running_ring_cannot_be_removed)
{
	grow_map(0, MIB);
	grow_map(4 * MIB, MIB);
	run();
	shrink_map(0);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL),
			 -EFAULT);
}
END_TEST

/* As at the begin of a migration: the same memory, with or without bitmaps. */
static void copy_map(uint32_t dirty_page_shift)
{
	const struct vmem_region *r = vmem_map_region(map, 0);
	const struct vmem_region_desc desc = {
		.block = vmem_region_block(r), .gpa = vmem_region_gpa(r),
		.offset = vmem_region_offset(r), .len = vmem_region_len(r),
		.dirty_page_shift = dirty_page_shift,
	};
	struct vmem_region *copy;

	ck_assert_int_eq(vmem_region_new(&desc, &copy, NULL), 0);
	vmem_map_unref(map);
	ck_assert_int_eq(vmem_map_from_regions(&copy, 1, &map, NULL), 0);
	vmem_region_unref(copy);
}

START_TEST(copied_regions_are_not_sent_again)
{
	if (_i)
		peer.protocol &= ~VHOST_USER_PROTOCOL_BIT(CONFIGURE_MEM_SLOTS);
	run();
	copy_map(12);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	dispatch_both();
	ck_assert_uint_eq(notified.memory, 1);
	ck_assert_int_eq(notified.memory_code, 0);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_REM_MEM_REG), 0);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_ADD_MEM_REG) +
			  peer_count(&peer, VHOST_USER_SET_MEM_TABLE), 1);
	copy_map(0);
	grow_map(4 * MIB, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	dispatch_both();
	ck_assert_int_eq(notified.memory_code, 0);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_REM_MEM_REG), 0);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_ADD_MEM_REG) +
			  peer_count(&peer, VHOST_USER_SET_MEM_TABLE), 2);
}
END_TEST

START_TEST(c1_06_refused_memory_change_is_reverted)
{
	run();
	deviate(PEER_REFUSE, VHOST_USER_ADD_MEM_REG);
	grow_map(4 * MIB, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(notified.memory, 1);
	ck_assert_int_eq(notified.memory_code, -EPROTO);
	peer.deviation = PEER_CORRECT;
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	dispatch_both();
	ck_assert_uint_eq(notified.memory, 2);
	ck_assert_int_eq(notified.memory_code, 0);
}
END_TEST

START_TEST(c1_06_partly_refused_memory_change_is_reverted_entirely)
{
	run();
	grow_map(4 * MIB, MIB);
	grow_map(8 * MIB, MIB);
	peer.deviation = PEER_REFUSE;	/* the second of the two is refused */
	peer.deviation_at = 0;
	peer.deviation_count = peer.n + 2;
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	dispatch_both();
	ck_assert_int_eq(notified.memory_code, -EPROTO);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_ADD_MEM_REG), 3);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_REM_MEM_REG), 1);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

/* As many regions as slots; a change replaces all but the one of the rings. */
#define FULL 512u

static void make_full_map(struct vmem_block *block, uint64_t gpa)
{
	unsigned int i;

	map = NULL;
	grow_map_by_piece(block, 0, 0);
	for (i = 1; i < FULL; i++)
		grow_map_by_piece(block, 0, gpa + i * MIB);
}

START_TEST(c1_06_back_end_that_only_adds_memory_writes_nowhere)
{
	const struct vmem_fd_desc desc = { .fd = new_memfd(MIB),
					   .flags = SHARED, .len = MIB };
	struct vmem_block *block;
	struct vmem_map *before;

	ck_assert_int_eq(vmem_block_new_fd(&desc, &block, NULL), 0);
	close(desc.fd);
	peer.max_slots = FULL;
	make_full_map(block, 0);
	run();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	before = map;
	make_full_map(block, FULL * MIB);
	vmem_block_unref(block);
	deviate(PEER_REFUSE, VHOST_USER_REM_MEM_REG);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	dispatch_both();
	vmem_map_unref(before);
	/* the regions that were added are refused to be removed, too */
	assert_dead(-EPROTO, "refused REM_MEM_REG");
}
END_TEST

START_TEST(c1_06_refused_table_keeps_the_previous_table)
{
	peer.protocol &= ~VHOST_USER_PROTOCOL_BIT(CONFIGURE_MEM_SLOTS);
	run();
	deviate(PEER_REFUSE, VHOST_USER_SET_MEM_TABLE);
	grow_map(4 * MIB, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	dispatch_both();
	ck_assert_int_eq(notified.memory_code, -EPROTO);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_MEM_TABLE), 2);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

START_TEST(stop_waits_for_a_memory_change)
{
	run();
	grow_map(4 * MIB, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	dispatch_both();
	ck_assert_uint_eq(notified.memory, 1);
	ck_assert_uint_eq(notified.stopped, 1);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
}
END_TEST

START_TEST(c2_21_dead_session_holds_no_memory)
{
	int before;

	run();
	deviate(PEER_HANG_UP, VHOST_USER_GET_CONFIG);
	ck_assert_int_eq(vhost_user_frontend_get_config(fe, 0, 8, NULL), 0);
	dispatch_both();
	assert_dead(-ECONNRESET, "hung up");
	before = vsu_fd_count();
	map = vmem_map_unref(map);
	ck_assert_int_eq(vsu_fd_count(), before - 1);
}
END_TEST

/* -------------------------------------------------------------------- suite */

static void add_memory(Suite *s)
{
	TCase *tc = front_case(s, "memory", setup, teardown);

	tcase_add_test(tc, c1_18_addresses_sent_are_no_host_pointers);
	tcase_add_test(tc, memory_without_slots_is_one_table);
	tcase_add_test(tc, table_contains_the_file_offset_of_a_region);
	tcase_add_test(tc,
		slot_contains_the_file_offset_of_a_region);
	tcase_add_test(tc, e2_02_memory_with_too_many_regions_for_a_table_is_refused);
	tcase_add_test(tc, memory_that_cannot_be_shared_is_refused_by_name);
	tcase_add_test(tc, rom_is_not_sent_by_default);
	tcase_add_test(tc,
		c1_21_rom_is_sent_read_only_if_configured);
	tcase_add_test(tc,
		c1_21_refused_rom_is_reported_once_and_left_out);
	tcase_add_test(tc, rom_that_cannot_be_opened_is_reported_once_and_left_out);
	tcase_add_test(tc, removed_rom_is_removed_from_the_back_end_that_has_it);
	tcase_add_test(tc, rom_takes_no_slot_from_memory);
	tcase_add_loop_test(tc,
		c1_21_rom_is_not_sent_if_it_cannot_be_refused_alone, 0, 2);
	tcase_add_test(tc, memory_change_while_running_sends_the_difference);
	tcase_add_test(tc, memory_removal_while_running_sends_no_fd);
	tcase_add_test(tc, memory_of_a_running_ring_cannot_be_removed);
	tcase_add_test(tc, c1_06_refused_memory_change_is_reverted);
	tcase_add_loop_test(tc, copied_regions_are_not_sent_again, 0, 2);
	tcase_add_test(tc, c1_06_partly_refused_memory_change_is_reverted_entirely);
	tcase_add_test(tc, c1_06_back_end_that_only_adds_memory_writes_nowhere);
	tcase_add_test(tc, c1_06_refused_table_keeps_the_previous_table);
	tcase_add_loop_test(tc, guest_addresses_are_sent_alone_only_if_configured,
			    0, 2);
	tcase_add_test(tc, stop_waits_for_a_memory_change);
	tcase_add_test(tc, c2_21_dead_session_holds_no_memory);
}

int main(void)
{
	Suite *s = suite_create("frontend-memory");

	add_memory(s);
	return run_suite(s);
}
