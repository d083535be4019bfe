/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about memory slots if KVM refuses any one call of a change: the change
 * is complete or reverted, and an existing slot is never assumed to be removed.
 */
#include <config.h>

#include <pthread.h>
#include <unistd.h>

#include <vm-arch/slots.h>
#include <vm-arch/vm.h>

#include "../machine/fake_kvm.h"
#include "../memory.h"
#include "host_page.h"

#define PIECE (64 * KIB)

static struct varch_vm kvm;
static struct varch_slots *slots;
static struct vmem_map *before, *after;
static struct vsu_error err;
static _Atomic int left;	/* calls of KVM that succeed before one fails */

static bool lacks(int code)
{
	(void)code;
	return left-- == 0;
}

static struct vmem_map *add(struct vmem_map *map, uint64_t gpa)
{
	struct vmem_block *block = make_block("size=64K");

	map = with_piece(map, block, 0, gpa, PIECE);
	vmem_block_unref(block);
	return map;
}

/* Adds two pieces and removes two; one replaces another. */
static void setup(void)
{
	fake_kvm_init();
	left = -1;
	fake.lacks = lacks;
	ck_assert_int_eq(varch_vm_open(&kvm, NULL, NULL), 0);
	ck_assert_int_eq(varch_slots_new(&kvm, &slots), 0);
	before = add(add(add(empty_map(), 0), MIB), 2 * MIB);
	after = add(add(add(empty_map(), MIB), 3 * MIB), 4 * MIB);
	ck_assert_int_eq(varch_slots_apply(slots, before, &err), 0);
}

static void teardown(void)
{
	varch_slots_free(slots);
	vmem_map_unref(before);
	vmem_map_unref(after);
	varch_vm_close(&kvm);
}

static bool has(const struct kvm_userspace_memory_region *slot,
		const struct vmem_map *map)
{
	struct vmem_region *region = vmem_map_find(map, slot->guest_phys_addr);

	return region && vmem_region_gpa(region) == slot->guest_phys_addr &&
	       vmem_region_len(region) == slot->memory_size &&
	       (uint64_t)(uintptr_t)vmem_region_hva(region) ==
	       slot->userspace_addr;
}

/* Asserts that KVM has exactly the map's regions. */
static void assert_kvm_has(const struct vmem_map *map)
{
	unsigned int i, n = 0;

	for (i = 0; i < FAKE_SLOTS; i++) {
		if (!fake.slot[i].memory_size)
			continue;
		ck_assert_msg(has(&fake.slot[i], map), "KVM has %#llx",
			      fake.slot[i].guest_phys_addr);
		n++;
	}
	ck_assert_uint_eq(n, vmem_map_count(map));
}

START_TEST(change_is_made_in_full_or_not_at_all)
{
	int rc;

	left = _i;
	vsu_error_clear(&err);
	rc = varch_slots_apply(slots, after, &err);
	ck_assert_int_eq(rc, -ENOMEM);
	ck_assert_ptr_nonnull(strstr(err.msg, "KVM refuses"));
	assert_kvm_has(before);
	left = -1;
	ck_assert_int_eq(varch_slots_apply(slots, after, &err), 0);
	assert_kvm_has(after);
}
END_TEST

static uint64_t logged_gpa, logged_words;

static void on_logged(void *opaque, uint64_t gpa, const uint64_t *words,
		      uint64_t npages)
{
	ck_assert_uint_eq(npages, PIECE / 4096);
	if (!words[0])
		return;
	++*(unsigned int *)opaque;
	logged_gpa = gpa;
	logged_words = words[0];
}

START_TEST(log_reports_written_pages_once)
{
	unsigned int n = 0, i;

	ck_assert_int_eq(varch_slots_log(slots, true, &err), 0);
	for (i = 0; fake.slot[i].guest_phys_addr != MIB; i++)
		;
	fake.written[i] = 0x8001;
	ck_assert_int_eq(varch_slots_harvest(slots, on_logged, &n, &err), 0);
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(logged_gpa, MIB);
	ck_assert_uint_eq(logged_words, 0x8001);
	ck_assert_int_eq(varch_slots_harvest(slots, on_logged, &n, &err), 0);
	ck_assert_uint_eq(n, 1);
}
END_TEST

START_TEST(log_of_a_host_with_larger_pages_has_all_written_bytes)
{
	static const struct {
		long page;
		uint64_t kvm, words;
	} rows[] = {
		{ 16384, 0x9, 0xf00f }, { 16384, 0x6, 0x0ff0 }, { 65536, 0x1, 0xffff },
	};
	unsigned int n = 0, i;

	ck_assert_int_eq(varch_slots_log(slots, true, &err), 0);
	for (i = 0; fake.slot[i].guest_phys_addr != MIB; i++)
		;
	host_page = rows[_i].page;
	fake.written[i] = rows[_i].kvm;
	ck_assert_int_eq(varch_slots_harvest(slots, on_logged, &n, &err), 0);
	host_page = 0;
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(logged_words, rows[_i].words);
}
END_TEST

static bool ended;

static void count_slots(void *opaque, uint64_t gpa, const uint64_t *words,
			uint64_t npages)
{
	(void)gpa;
	(void)words;
	ck_assert_uint_eq(npages, PIECE / 4096);
	++*(unsigned int *)opaque;
}

static void *harvest_repeatedly(void *arg)
{
	unsigned int n = 0;

	(void)arg;
	while (!__atomic_load_n(&ended, __ATOMIC_RELAXED))
		ck_assert_int_eq(varch_slots_harvest(slots, count_slots, &n, NULL), 0);
	return NULL;
}

/* As a device maps files while a migration reads the log in its thread. */
START_TEST(log_is_read_while_slots_change)
{
	pthread_t thread;
	unsigned int i;

	ck_assert_int_eq(varch_slots_log(slots, true, &err), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, harvest_repeatedly, NULL), 0);
	left = -1;
	for (i = 0; i < 200; i++)
		ck_assert_int_eq(varch_slots_apply(slots, i % 2 ? before : after, &err), 0);
	__atomic_store_n(&ended, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_kvm_has(before);
}
END_TEST

START_TEST(log_that_kvm_refuses_is_off_everywhere)
{
	unsigned int i;

	left = 1;
	ck_assert_int_eq(varch_slots_log(slots, true, &err), -ENOMEM);
	for (i = 0; i < FAKE_SLOTS; i++)
		ck_assert_uint_eq(fake.slot[i].flags, 0);
	assert_kvm_has(before);
}
END_TEST

START_TEST(change_of_the_map_keeps_the_log)
{
	unsigned int i, n = 0;

	ck_assert_int_eq(varch_slots_log(slots, true, &err), 0);
	ck_assert_int_eq(varch_slots_apply(slots, after, &err), 0);
	for (i = 0; i < FAKE_SLOTS; i++)
		n += fake.slot[i].memory_size &&
		     fake.slot[i].flags == KVM_MEM_LOG_DIRTY_PAGES;
	ck_assert_uint_eq(n, 3);
	ck_assert_int_eq(varch_slots_log(slots, false, &err), 0);
	for (i = 0; i < FAKE_SLOTS; i++)
		ck_assert(!fake.slot[i].memory_size || !fake.slot[i].flags);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("refused_slots");
	TCase *tc = tcase_create("refused_slots");

	tcase_add_checked_fixture(tc, setup, teardown);
	/* three removals, three additions */
	tcase_add_loop_test(tc, change_is_made_in_full_or_not_at_all, 0, 6);
	tcase_add_test(tc, log_reports_written_pages_once);
	tcase_add_loop_test(tc, log_of_a_host_with_larger_pages_has_all_written_bytes, 0, 3);
	tcase_add_test(tc, log_is_read_while_slots_change);
	tcase_add_test(tc, log_that_kvm_refuses_is_off_everywhere);
	tcase_add_test(tc, change_of_the_map_keeps_the_log);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
