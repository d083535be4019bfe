/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about windows if the machine has no room, KVM refuses a change, or a
 * page of a mapping is lost. KVM is simulated in this process.
 */
#include <config.h>

#include <signal.h>
#include <sys/mman.h>

#include <vm-arch/vm.h>
#include <vm-memory/map_edit.h>

#include "../machine/fake_kvm.h"
#include "../memory.h"
#include "memory/windows.h"

#define PAGE UINT64_C(0x1000)
#define WINDOW (16 * PAGE)
#define ONE_WINDOW(id, bytes) &(const struct vmm_window_size){ .len = (bytes), .shmid = (id) }

static struct varch_vm kvm;
static struct varch_slots *slots;
static struct vmm_memory memory;
static struct vmm_windows shmem;
static struct vmem_sigbus *table;
static struct vsu_error err;
static const int me = 1;	/* the owner */
static unsigned int dropped;
static int left;	/* calls of KVM that succeed before some fail */

static bool lacks(int code)
{
	(void)code;
	return left >= 0 && left-- == 0;
}

static void on_changed(void *opaque)
{
	(void)opaque;
}

static void on_dropped(void *opaque, const struct vmm_window *window,
		       uint64_t gpa, const char *why)
{
	(void)opaque;
	(void)window;
	(void)gpa;
	ck_assert_str_ne(why, "");
	dropped++;
}

static void setup(void)
{
	struct vmem_map *map = make_memory(MIB);

	fake_kvm_init();
	left = -1;
	fake.lacks = lacks;
	ck_assert_int_eq(varch_vm_open(&kvm, NULL, NULL), 0);
	ck_assert_int_eq(varch_slots_new(&kvm, &slots), 0);
	ck_assert_int_eq(varch_slots_apply(slots, map, NULL), 0);
	ck_assert_int_eq(vmem_space_new(&memory.space), 0);
	ck_assert_int_eq(vmem_space_publish(memory.space, map), 0);
	ck_assert_int_eq(vmem_sigbus_new(16, &table, NULL), 0);
	vmem_map_unref(map);
	memory.layout.end = VARCH_HOLE_END;
	shmem = (struct vmm_windows){
		.memory = &memory, .slots = slots, .phys_bits = 40,
		.changed = on_changed, .dropped = on_dropped,
	};
	ck_assert_int_eq(vmm_window_add_range(&shmem, &me, "me", ONE_WINDOW(3, WINDOW), 1, NULL),
			 0);
}

static void teardown(void)
{
	left = -1;
	varch_slots_free(slots);
	vmem_space_free(memory.space);
	vmem_sigbus_free(table);
	varch_vm_close(&kvm);
}

static struct vmem_block *piece(void)
{
	struct vmem_fd_desc desc = {
		.fd = memfd_create("window", MFD_CLOEXEC), .len = PAGE,
		.flags = VMEM_BLOCK_SHARED | VMEM_BLOCK_WRITE,
		.sigbus = table,
	};
	struct vmem_block *block;

	ck_assert_int_eq(ftruncate(desc.fd, PAGE), 0);
	ck_assert_int_eq(vmem_block_new_fd(&desc, &block, NULL), 0);
	close(desc.fd);
	return block;
}

static bool mapped(uint64_t page)
{
	return vmem_map_find(vmm_memory_map(&memory),
			     VARCH_HOLE_END + page * PAGE);
}

static unsigned int slots_of_kvm(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < FAKE_SLOTS; i++)
		n += fake.slot[i].memory_size != 0;
	return n;
}

/* Pages 1 and 3, of two files. */
static struct vmem_block *blocks[2];
static struct vhost_user_shmem_change changes[2];

static void change_both(bool map)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		if (map)
			blocks[i] = piece();
		changes[i] = (struct vhost_user_shmem_change){
			.offset = (2 * i + 1) * PAGE, .len = PAGE,
			.block = blocks[i], .shmid = 3, .map = map,
			.result = 1,
		};
	}
	vmm_window_change(&shmem, &me, changes, 2);
}

static void let_go(void)
{
	vmem_block_unref(blocks[0]);
	vmem_block_unref(blocks[1]);
}

START_TEST(batch_that_kvm_refuses_is_tried_one_by_one)
{
	left = 0;
	change_both(true);
	ck_assert(!changes[0].result && !changes[1].result);
	ck_assert(mapped(1) && mapped(3));
	ck_assert_uint_eq(slots_of_kvm(), 3);
	let_go();
}
END_TEST

static unsigned int refusals;

/* All calls fail for a while, including those that revert a change. */
static bool lacks_all(int code)
{
	(void)code;
	refusals++;
	return true;
}

static bool lacks_map;
static unsigned int begun;

int __real_vmem_map_edit_init(struct vmem_map_edit *e, const struct vmem_map *map);
int __wrap_vmem_map_edit_init(struct vmem_map_edit *e, const struct vmem_map *map);

/* Only the first map cannot be allocated. */
int __wrap_vmem_map_edit_init(struct vmem_map_edit *e, const struct vmem_map *map)
{
	return lacks_map && !begun++ ? -ENOMEM : __real_vmem_map_edit_init(e, map);
}

START_TEST(batch_without_memory_for_a_map_is_refused_as_a_whole)
{
	lacks_map = true;
	change_both(true);
	ck_assert_int_eq(changes[0].result, -ENOMEM);
	ck_assert_int_eq(changes[1].result, -ENOMEM);
	ck_assert(!mapped(1) && !mapped(3));
	lacks_map = false;
	let_go();
}
END_TEST

START_TEST(mapping_refused_by_kvm_exists_for_no_device)
{
	fake.lacks = lacks_all;
	change_both(true);
	ck_assert_int_eq(changes[0].result, -ENOMEM);
	ck_assert_int_eq(changes[1].result, -ENOMEM);
	ck_assert(!mapped(1) && !mapped(3));
	ck_assert_uint_eq(slots_of_kvm(), 1);
	ck_assert_uint_gt(refusals, 2);
	let_go();
}
END_TEST

START_TEST(mapping_kept_by_kvm_exists_for_all_devices)
{
	change_both(true);
	fake.lacks = lacks_all;
	change_both(false);
	ck_assert_int_eq(changes[0].result, -ENOMEM);
	ck_assert(mapped(1) && mapped(3));
	ck_assert_uint_eq(slots_of_kvm(), 3);
	fake.lacks = lacks;
	change_both(false);
	ck_assert(!changes[0].result && !mapped(1) && !mapped(3));
	ck_assert_uint_eq(slots_of_kvm(), 1);
	let_go();
}
END_TEST

/* The handler replaced a page of the first file by zeros. */
static void lose_a_page(void)
{
	siginfo_t si;

	memset(&si, 0, sizeof(si));
	si.si_signo = SIGBUS;
	si.si_code = BUS_ADRERR;
	si.si_addr = vmem_block_hva(blocks[0]);
	ck_assert(vmem_sigbus_fix(table, &si));
}

START_TEST(mapping_that_lost_a_page_is_removed_alone)
{
	change_both(true);
	lose_a_page();
	vmm_window_drop(&shmem, VMM_WINDOW_FAILED);
	ck_assert(!mapped(1) && mapped(3));
	ck_assert_uint_eq(slots_of_kvm(), 2);
	ck_assert_uint_eq(dropped, 1);
	let_go();
}
END_TEST

START_TEST(mapping_that_could_not_be_removed_is_not_reported)
{
	change_both(true);
	lose_a_page();
	fake.lacks = lacks_all;
	vmm_window_drop(&shmem, VMM_WINDOW_FAILED);
	ck_assert(mapped(1));
	ck_assert_uint_eq(dropped, 0);
	fake.lacks = lacks;
	vmm_window_drop(&shmem, VMM_WINDOW_FAILED);
	ck_assert(!mapped(1));
	ck_assert_uint_eq(dropped, 1);
	let_go();
}
END_TEST

START_TEST(more_windows_than_there_is_room_for_are_refused)
{
	unsigned int i;

	for (i = 1; i < VMM_MAX_WINDOWS; i++)
		ck_assert_int_eq(vmm_window_add_range(&shmem, &me, "me", ONE_WINDOW((uint8_t)(i + 3), WINDOW),
						      1, NULL), 0);
	ck_assert_int_eq(vmm_window_add_range(&shmem, &me, "me", ONE_WINDOW(0, WINDOW), 1, &err),
			 -ENOSPC);
	ck_assert_ptr_nonnull(strstr(err.msg, "shared memory regions in one"));
	ck_assert_uint_eq(shmem.n, VMM_MAX_WINDOWS);
}
END_TEST

START_TEST(window_beyond_the_addresses_of_the_guest_is_refused)
{
	static const uint64_t sizes[] = { 0, UINT64_C(1) << 40, UINT64_C(1) << 52, UINT64_MAX };
	const unsigned int n = shmem.n;

	ck_assert_int_eq(vmm_window_add_range(&shmem, &me, "me", ONE_WINDOW(5, sizes[_i]), 1, &err),
			 -ENOSPC);
	ck_assert_ptr_nonnull(strstr(err.msg, "no room for a shared memory region"));
	ck_assert_uint_eq(shmem.n, n);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("refused_windows");
	TCase *tc = tcase_create("refused_windows");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, batch_that_kvm_refuses_is_tried_one_by_one);
	tcase_add_test(tc, batch_without_memory_for_a_map_is_refused_as_a_whole);
	tcase_add_test(tc, mapping_refused_by_kvm_exists_for_no_device);
	tcase_add_test(tc, mapping_kept_by_kvm_exists_for_all_devices);
	tcase_add_test(tc, mapping_that_lost_a_page_is_removed_alone);
	tcase_add_test(tc, mapping_that_could_not_be_removed_is_not_reported);
	tcase_add_test(tc, more_windows_than_there_is_room_for_are_refused);
	tcase_add_loop_test(tc, window_beyond_the_addresses_of_the_guest_is_refused, 0, 4);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
