/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about windows: mappings of back-ends become memory of the guest. */
#include <config.h>

#include <fcntl.h>
#include <sys/mman.h>

#include "memory/windows.h"
#include "../guest.h"

/* Counts in its page for ever. */
GUEST(count, "1: incq (%rdi)\n jmp 1b");

#define PAGE UINT64_C(0x1000)
#define WINDOW (16 * PAGE)
#define ONE_WINDOW(id, bytes) &(const struct vmm_window_size){ .len = (bytes), .shmid = (id) }

static struct vm vm;
static struct vmm_memory memory;
static struct vmm_windows shmem;
static unsigned int told;	/* number of map changes */
static unsigned int dropped;	/* mappings that were reported as removed */
static int file;		/* of 16 pages */
static const int me = 1, other = 2;	/* owners */

static const struct vmem_map *applied;	/* that KVM has, not accessed */

int __real_varch_slots_apply(struct varch_slots *slots, struct vmem_map *map, struct vsu_error *err);
int __wrap_varch_slots_apply(struct varch_slots *slots, struct vmem_map *map, struct vsu_error *err);

int __wrap_varch_slots_apply(struct varch_slots *slots, struct vmem_map *map, struct vsu_error *err)
{
	const int rc = __real_varch_slots_apply(slots, map, err);

	if (!rc)
		applied = map;
	return rc;
}

/* KVM's slots are those of the memory. */
static void assert_applied(void)
{
	ck_assert_ptr_eq(applied, vmm_memory_map(&memory));
}

static void on_changed(void *opaque)
{
	(void)opaque;
	told++;
}

static void on_dropped(void *opaque, const struct vmm_window *window,
		       uint64_t gpa, const char *why)
{
	(void)opaque;
	ck_assert_uint_eq(window->shmid, 3);
	ck_assert_uint_ge(gpa, window->gpa);
	ck_assert_ptr_nonnull(why);
	dropped++;
}

static void setup(void)
{
	vm_make(&vm);
	told = dropped = 0;
	memset(&memory, 0, sizeof(memory));
	memset(&shmem, 0, sizeof(shmem));
	ck_assert_int_eq(vmem_space_new(&memory.space), 0);
	ck_assert_int_eq(vmem_space_publish(memory.space, vm.map), 0);
	memory.layout.end = VARCH_HOLE_END;
	shmem.memory = &memory;
	shmem.slots = vm.slots;
	shmem.phys_bits = vm.kvm.phys_bits;
	shmem.changed = on_changed;
	shmem.dropped = on_dropped;
	file = memfd_create("window", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_eq(ftruncate(file, WINDOW), 0);
	ck_assert_int_eq(vmm_window_add_range(&shmem, &me, "me", ONE_WINDOW(3, WINDOW), 1, NULL),
			 0);
}

static void teardown(void)
{
	varch_cpus_free(vm.cpus);
	vm.cpus = NULL;
	varch_slots_free(vm.slots);
	vm.slots = NULL;
	vmem_space_free(memory.space);
	close(file);
	vm_free(&vm);
}

static struct vmem_block *piece(uint64_t offset, uint64_t len, bool writable)
{
	const struct vmem_fd_desc desc = {
		.fd = file, .fd_offset = offset, .len = len,
		.flags = VMEM_BLOCK_SHARED | (writable ? VMEM_BLOCK_WRITE : 0),
	};
	struct vmem_block *block;

	ck_assert_int_eq(vmem_block_new_fd(&desc, &block, NULL), 0);
	return block;
}

/* Changes page at of the window; returns the result. */
static int change(bool map, uint64_t at, struct vmem_block *block)
{
	struct vhost_user_shmem_change c = {
		.offset = at * PAGE, .len = PAGE, .block = block, .shmid = 3,
		.map = map,
	};

	vmm_window_change(&shmem, &me, &c, 1);
	return c.result;
}

static const struct vmem_region *found(uint64_t at)
{
	return vmem_map_find(vmm_memory_map(&memory),
			     VARCH_HOLE_END + at * PAGE);
}

START_TEST(a_mapping_is_memory_of_the_guest_until_it_is_unmapped)
{
	struct vmem_block *block = piece(2 * PAGE, PAGE, true);

	ck_assert_int_eq(change(true, 1, block), 0);
	ck_assert_ptr_eq(vmem_region_block(found(1)), block);
	ck_assert(!vmem_region_is_rom(found(1)));
	assert_applied();
	ck_assert_int_eq(change(false, 1, block), 0);
	ck_assert_ptr_null(found(1));
	assert_applied();
	ck_assert_uint_eq(told, 2);
	vmem_block_unref(block);
}
END_TEST

START_TEST(windows_of_one_device_lie_in_one_range_that_can_be_a_bar)
{
	static const struct vmm_window_size sizes[] = {
		{ .len = PAGE, .shmid = 7 }, { .len = 5 * PAGE, .shmid = 0 },
		{ .len = 2 * PAGE, .shmid = 9 },
	};
	const struct vmm_window *w[3], *after;
	unsigned int i;

	ck_assert_int_eq(vmm_window_add_range(&shmem, &other, "other", sizes,
					      3, NULL), 0);
	ck_assert_int_eq(vmm_window_add_range(&shmem, &me, "me", ONE_WINDOW(4, PAGE), 1, NULL),
			 0);
	after = vmm_window_find(&shmem, &me, 4);
	for (i = 0; i < 3; i++)
		w[i] = vmm_window_find(&shmem, &other, sizes[i].shmid);
	ck_assert_uint_eq(w[0]->room, 32 * PAGE);
	ck_assert_uint_eq(w[0]->gpa % w[0]->room, 0);
	ck_assert_uint_eq(w[1]->gpa, w[0]->gpa + 8 * PAGE);
	ck_assert_uint_eq(w[2]->gpa, w[0]->gpa + 16 * PAGE);
	ck_assert_uint_eq(w[1]->room, 0);
	ck_assert_uint_eq(after->gpa, w[0]->gpa + w[0]->room);
	ck_assert_int_eq(vmm_window_add_range(&shmem, &other, "other", NULL, 0,
					       NULL), 0);
}
END_TEST

START_TEST(clearing_a_range_removes_its_mappings)
{
	struct vmem_block *first = piece(0, PAGE, true);
	struct vmem_block *second = piece(2 * PAGE, PAGE, true);

	ck_assert_int_eq(change(true, 1, first), 0);
	ck_assert_int_eq(change(true, 3, second), 0);
	ck_assert_int_eq(vmm_window_set(&shmem, &me, 3, 0, 3 * PAGE,
				       NULL), 0);
	ck_assert_ptr_null(found(1));
	ck_assert_ptr_nonnull(found(3));
	ck_assert_int_eq(vmm_window_set(&shmem, &me, 3, 0, WINDOW, NULL),
			 0);
	assert_applied();
	ck_assert_uint_eq(told, 4);
	ck_assert_int_eq(vmm_window_set(&shmem, &me, 3, 0, WINDOW, NULL),
			 0);
	ck_assert_uint_eq(told, 4);
	vmem_block_unref(first);
	vmem_block_unref(second);
}
END_TEST

START_TEST(clearing_a_range_shortens_its_mappings)
{
	struct vmem_block *block = piece(0, 3 * PAGE, true);

	ck_assert_int_eq(vmm_window_set(&shmem, &other, 3, 0, PAGE, NULL),
			 -ENOENT);
	ck_assert_int_eq(vmm_window_set(&shmem, &me, 3, PAGE, 3 * PAGE, block),
			 0);
	ck_assert_int_eq(vmm_window_set(&shmem, &me, 3, 2 * PAGE, PAGE, NULL),
			 0);
	ck_assert_ptr_null(found(2));
	ck_assert_uint_eq(vmem_region_len(found(1)), PAGE);
	ck_assert_uint_eq(vmem_region_len(found(3)), PAGE);
	ck_assert_ptr_eq(vmem_region_hva(found(3)),
			 vmem_block_hva(block) + 2 * PAGE);
	assert_applied();
	vmem_block_unref(block);
}
END_TEST

START_TEST(a_range_shows_another_file_in_one_change)
{
	struct vmem_block *old = piece(0, 3 * PAGE, true);
	struct vmem_block *new = piece(3 * PAGE, PAGE, true);

	ck_assert_int_eq(vmm_window_set(&shmem, &me, 3, 0, 3 * PAGE, old), 0);
	ck_assert_int_eq(vmm_window_set(&shmem, &me, 3, PAGE, PAGE, new), 0);
	ck_assert_ptr_eq(vmem_region_block(found(0)), old);
	ck_assert_ptr_eq(vmem_region_block(found(1)), new);
	ck_assert_ptr_eq(vmem_region_block(found(2)), old);
	ck_assert_uint_eq(told, 2);
	vmem_block_unref(old);
	vmem_block_unref(new);
}
END_TEST

START_TEST(a_read_only_mapping_is_rom)
{
	struct vmem_block *block = piece(0, PAGE, false);

	ck_assert_int_eq(change(true, 0, block), 0);
	ck_assert(vmem_region_is_rom(found(0)));
	vmem_block_unref(block);
}
END_TEST

START_TEST(only_impossible_mappings_of_a_batch_are_refused)
{
	struct vmem_block *block = piece(0, PAGE, true);
	struct vhost_user_shmem_change c[] = {
		{ 0, PAGE, block, 3, true, 1 },
		{ 0, PAGE, block, 3, true, 1 },		/* exists already */
		{ 0, PAGE, block, 4, true, 1 },		/* no such window */
		{ 2 * PAGE, PAGE, block, 3, true, 1 },
	};

	vmm_window_change(&shmem, &me, c, 4);
	ck_assert_int_eq(c[0].result, 0);
	ck_assert_int_lt(c[1].result, 0);
	ck_assert_int_lt(c[2].result, 0);
	ck_assert_int_eq(c[3].result, 0);
	ck_assert_uint_eq(told, 1);
	vmem_block_unref(block);
}
END_TEST

START_TEST(window_can_be_changed_only_by_its_owner)
{
	ck_assert_ptr_nonnull(vmm_window_find(&shmem, &me, 3));
	ck_assert_ptr_null(vmm_window_find(&shmem, &other, 3));
	ck_assert_ptr_null(vmm_window_find(&shmem, &me, 0));
}
END_TEST

START_TEST(mappings_are_reported_to_other_devices_only)
{
	struct vmem_block *block = piece(0, PAGE, true);
	struct vmem_map *map;

	ck_assert_int_eq(change(true, 0, block), 0);
	ck_assert_int_eq(vmm_window_map_for(&shmem, &me, true, &map), 0);
	ck_assert_uint_eq(vmem_map_count(map), 1);
	vmem_map_unref(map);
	ck_assert_int_eq(vmm_window_map_for(&shmem, &other, true, &map), 0);
	ck_assert_uint_eq(vmem_map_count(map), 2);
	vmem_map_unref(map);
	ck_assert_int_eq(vmm_window_map_for(&shmem, &other, false, &map), 0);
	ck_assert_uint_eq(vmem_map_count(map), 1);
	vmem_map_unref(map);
	vmem_block_unref(block);
}
END_TEST

START_TEST(c2_13_mapping_of_a_truncated_file_becomes_a_hole)
{
	struct vmem_block *early = piece(0, PAGE, true);
	struct vmem_block *late = piece(8 * PAGE, PAGE, true);

	ck_assert_int_eq(change(true, 0, early), 0);
	ck_assert_int_eq(change(true, 1, late), 0);
	vmm_window_drop(&shmem, VMM_WINDOW_SHORT);
	ck_assert_uint_eq(shmem.changes, 2);
	ck_assert_int_eq(ftruncate(file, 4 * PAGE), 0);
	vmm_window_drop(&shmem, VMM_WINDOW_SHORT);
	ck_assert_uint_eq(shmem.changes, 3);
	ck_assert_uint_eq(dropped, 1);
	ck_assert_ptr_nonnull(found(0));
	ck_assert_ptr_null(found(1));
	vmem_block_unref(early);
	vmem_block_unref(late);
}
END_TEST

/*
 * The first piece is valid; the file system of the second has no page and no
 * space.
 */
START_TEST(c2_34_mapping_without_available_pages_becomes_a_hole)
{
	struct vmem_block *good = piece(0, PAGE, true);
	struct vmem_block *bad = piece(8 * PAGE, PAGE, true);

	ck_assert_int_eq(change(true, 0, good), 0);
	ck_assert_int_eq(change(true, 1, bad), 0);
	vmm_window_drop(&shmem, VMM_WINDOW_MISSING);
	ck_assert_uint_eq(dropped, 0);
	ck_assert_int_eq(fcntl(file, F_ADD_SEALS, F_SEAL_GROW), 0);
	ck_assert_int_eq(ftruncate(file, 8 * PAGE), 0);	/* without the VMM's knowledge */
	vmm_window_drop(&shmem, VMM_WINDOW_MISSING);
	ck_assert_uint_eq(dropped, 1);
	ck_assert_ptr_nonnull(found(0));
	ck_assert_ptr_null(found(1));
	vmem_block_unref(good);
	vmem_block_unref(bad);
}
END_TEST

START_TEST(c2_35_pieces_whose_file_may_change_go_last_and_sealed_ones_stay)
{
	struct vmem_block *block = piece(0, PAGE, true);

	ck_assert_int_eq(change(true, 0, block), 0);
	ck_assert_int_eq(fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	vmm_window_drop(&shmem, VMM_WINDOW_UNSEALED);
	ck_assert_ptr_nonnull(found(0));
	vmem_block_unref(block);
	close(file);
	file = memfd_create("window", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(file, WINDOW), 0);
	block = piece(0, PAGE, true);
	ck_assert_int_eq(change(true, 1, block), 0);
	vmm_window_drop(&shmem, VMM_WINDOW_UNSEALED);
	ck_assert_ptr_null(found(1));
	ck_assert_ptr_nonnull(found(0));
	ck_assert_uint_eq(dropped, 1);
	ck_assert_int_eq(change(true, 2, block), 0);
	vmm_window_drop(&shmem, VMM_WINDOW_UNSEALED);
	ck_assert_ptr_null(found(2));
	ck_assert_uint_eq(dropped, 1);	/* reported once */
	vmem_block_unref(block);
}
END_TEST

START_TEST(c2_26_changes_while_the_cpus_are_paused_are_served)
{
	struct vmem_block *block = piece(0, PAGE, true);
	uint64_t at_pause;

	vm_start(&vm, 1, count, count_end);
	vm_wait_above(&vm, 0, 1000);
	varch_cpus_pause(vm.cpus);
	at_pause = vm_counter(&vm, 0);
	ck_assert_int_eq(change(true, 5, block), 0);
	assert_applied();
	ck_assert_int_eq(change(false, 5, block), 0);
	ck_assert_uint_eq(vm_counter(&vm, 0), at_pause);
	varch_cpus_resume(vm.cpus);
	vm_wait_above(&vm, 0, at_pause);
	vm_stop(&vm);
	vmem_block_unref(block);
}
END_TEST

int main(void)
{
	const char *why = no_kvm();
	Suite *s;
	TCase *tc;

	if (why)
		return skip_all(why);
	s = suite_create("shmem");
	tc = tcase_create("shmem");
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_mapping_is_memory_of_the_guest_until_it_is_unmapped);
	tcase_add_test(tc,
		windows_of_one_device_lie_in_one_range_that_can_be_a_bar);
	tcase_add_test(tc, clearing_a_range_removes_its_mappings);
	tcase_add_test(tc, clearing_a_range_shortens_its_mappings);
	tcase_add_test(tc, a_range_shows_another_file_in_one_change);
	tcase_add_test(tc, a_read_only_mapping_is_rom);
	tcase_add_test(tc, only_impossible_mappings_of_a_batch_are_refused);
	tcase_add_test(tc, window_can_be_changed_only_by_its_owner);
	tcase_add_test(tc, mappings_are_reported_to_other_devices_only);
	tcase_add_test(tc, c2_13_mapping_of_a_truncated_file_becomes_a_hole);
	tcase_add_test(tc, c2_34_mapping_without_available_pages_becomes_a_hole);
	tcase_add_test(tc,
		c2_35_pieces_whose_file_may_change_go_last_and_sealed_ones_stay);
	tcase_add_test(tc, c2_26_changes_while_the_cpus_are_paused_are_served);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
