/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the log of written pages from KVM's dirty rings. */
#include <config.h>

#include <sys/ioctl.h>

#include "../machine/fake_kvm.h"
#include "../memory.h"
#include "kvm/dirty_ring.h"
#include "memory/slots.h"

#define PIECE (1024 * KIB)
#define PAGES (PIECE / 4096)
#define ENTRIES 64u
#define CPUS 2u

static struct vmm_kvm kvm;
static struct vmm_slots *slots;
static struct vmem_map *map, *larger;
static struct vsu_error err;
static int fds[CPUS];

/* Reports of the log, by the number of the page. */
static unsigned int reported[4 * PAGES];

static void on_logged(void *opaque, uint64_t gpa, const uint64_t *words, uint64_t npages)
{
	uint64_t i;

	(void)opaque;
	for (i = 0; i < npages; i++)
		reported[gpa / 4096 + i] += words[i / 64] >> i % 64 & 1;
}

static unsigned int harvest(void)
{
	unsigned int i, n = 0;

	memset(reported, 0, sizeof(reported));
	ck_assert_int_eq(vmm_slots_harvest(slots, on_logged, NULL, &err), 0);
	for (i = 0; i < sizeof(reported) / sizeof(reported[0]); i++)
		n += reported[i];
	return n;
}

static void add_cpus(void)
{
	unsigned int i;

	for (i = 0; i < CPUS; i++) {
		fds[i] = ioctl(kvm.vm_fd, KVM_CREATE_VCPU, (unsigned long)i);
		ck_assert_int_eq(vmm_slots_add_ring(slots, fds[i], &err), 0);
	}
}

static struct vmem_map *add(struct vmem_map *to, uint64_t gpa)
{
	struct vmem_block *block = make_block("size=1M");

	to = with_piece(to, block, 0, gpa, PIECE);
	vmem_block_unref(block);
	return to;
}

static void setup(void)
{
	fake_kvm_init();
	fake.max_entries = ENTRIES;
	ck_assert_int_eq(vmm_kvm_open(&kvm, false, NULL), 0);
	ck_assert_int_eq(vmm_dirty_rings_enable(&kvm, ENTRIES, &err), 0);
	ck_assert_int_eq(vmm_slots_new(&kvm, &slots), 0);
	map = add(add(empty_map(), 0), 2 * PIECE);
	larger = with_piece(add(empty_map(), PIECE), vmem_region_block(vmem_map_region(map, 0)),
			    0, 0, PIECE);
	ck_assert_int_eq(vmm_slots_apply(slots, map, &err), 0);
	add_cpus();
	ck_assert_int_eq(vmm_slots_log(slots, true, &err), 0);
}

static void teardown(void)
{
	unsigned int i;

	vmm_slots_free(slots);
	for (i = 0; i < CPUS; i++)
		close(fds[i]);
	vmem_map_unref(map);
	vmem_map_unref(larger);
	vmm_kvm_close(&kvm);
}

static uint32_t slot_at(uint64_t gpa)
{
	uint32_t i;

	for (i = 0; !fake.slot[i].memory_size || fake.slot[i].guest_phys_addr != gpa; i++)
		ck_assert_uint_lt(i, FAKE_SLOTS - 1);
	return i;
}

START_TEST(pages_of_all_cpus_are_reported_once)
{
	ck_assert(fake_write_page(0, slot_at(0), 3));
	ck_assert(fake_write_page(0, slot_at(2 * PIECE), PAGES - 1));
	ck_assert(fake_write_page(1, slot_at(0), 3));
	ck_assert(fake_write_page(1, slot_at(0), 64));
	ck_assert_uint_eq(harvest(), 3);
	ck_assert_uint_eq(reported[3], 1);
	ck_assert_uint_eq(reported[64], 1);
	ck_assert_uint_eq(reported[3 * PAGES - 1], 1);
	ck_assert_uint_eq(harvest(), 0);
}
END_TEST

START_TEST(full_ring_is_emptied_and_its_pages_are_kept)
{
	unsigned int i, n = 0;

	for (i = 0; i < PAGES; i++) {
		if (fake_write_page(1, slot_at(0), i))
			continue;
		ck_assert_int_eq(vmm_slots_drain_rings(slots, &err), 0);
		ck_assert(fake_write_page(1, slot_at(0), i));
		n++;
	}
	ck_assert_uint_eq(n, PAGES / ENTRIES - 1);
	ck_assert_uint_eq(harvest(), PAGES);
}
END_TEST

START_TEST(page_is_reported_again_after_another_store)
{
	ck_assert(fake_write_page(0, slot_at(0), 7));
	ck_assert_uint_eq(harvest(), 1);
	ck_assert(fake_write_page(0, slot_at(0), 7));
	ck_assert_uint_eq(harvest(), 1);
}
END_TEST

START_TEST(entries_outside_the_slots_are_ignored)
{
	ck_assert(fake_write_page(0, slot_at(0), PAGES));
	ck_assert(fake_write_page(0, slot_at(0), UINT64_MAX));
	ck_assert(fake_write_page(0, FAKE_SLOTS - 1, 0));
	ck_assert(fake_write_page(0, UINT32_MAX, 0));
	ck_assert(fake_write_page(0, slot_at(0), 1));
	ck_assert_uint_eq(harvest(), 1);
	ck_assert_uint_eq(reported[1], 1);
}
END_TEST

START_TEST(change_of_the_map_keeps_pages_and_logs_new_memory)
{
	ck_assert(fake_write_page(0, slot_at(0), 5));
	ck_assert_int_eq(vmm_slots_drain_rings(slots, &err), 0);
	ck_assert_int_eq(vmm_slots_apply(slots, larger, &err), 0);
	ck_assert(fake_write_page(1, slot_at(PIECE), 6));
	ck_assert_uint_eq(harvest(), 2);
	ck_assert_uint_eq(reported[5], 1);
	ck_assert_uint_eq(reported[PAGES + 6], 1);
}
END_TEST

START_TEST(next_log_does_not_have_the_pages_of_the_previous_one)
{
	ck_assert(fake_write_page(0, slot_at(0), 5));
	ck_assert_int_eq(vmm_slots_drain_rings(slots, &err), 0);
	ck_assert(fake_write_page(0, slot_at(0), 6));
	ck_assert_int_eq(vmm_slots_log(slots, false, &err), 0);
	ck_assert(fake_write_page(0, slot_at(0), 7));
	ck_assert_int_eq(vmm_slots_drain_rings(slots, &err), 0);
	ck_assert_int_eq(vmm_slots_log(slots, true, &err), 0);
	ck_assert_uint_eq(harvest(), 0);
}
END_TEST

START_TEST(reset_that_ends_early_is_repeated)
{
	uint64_t page;

	fake.resets = 3;
	for (page = 0; page < 10; page++)
		ck_assert(fake_write_page((unsigned int)page % CPUS, slot_at(0), page));
	ck_assert_uint_eq(harvest(), 10);
	fake.resets = 0;
	ck_assert_int_eq(ioctl(kvm.vm_fd, KVM_RESET_DIRTY_RINGS, NULL), 0);
}
END_TEST

START_TEST(failure_to_reset_rings_is_reported)
{
	ck_assert(fake_write_page(0, slot_at(0), 5));
	fake.fails_request = KVM_RESET_DIRTY_RINGS;
	fake.fails_with = EINVAL;
	ck_assert_int_eq(vmm_slots_drain_rings(slots, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "dirty rings"));
}
END_TEST

static void assert_rings_refused(unsigned int entries, int code, const char *why)
{
	struct vsu_error e = VSU_ERROR_INIT;

	kvm.ring_entries = 0;
	ck_assert_int_eq(vmm_dirty_rings_enable(&kvm, entries, &e), code);
	ck_assert_msg(strstr(e.msg, why), "it says: %s", e.msg);
	ck_assert_uint_eq(kvm.ring_entries, 0);
	kvm.ring_entries = ENTRIES;
}

START_TEST(host_without_such_rings_is_refused_by_name)
{
	assert_rings_refused(2 * ENTRIES, -EOPNOTSUPP, "--dirty-ring=128: this host's KVM has dirty rings of up to 64 entries");
	fake.max_entries = 0;
	assert_rings_refused(ENTRIES, -EOPNOTSUPP, "lacks dirty rings (KVM_CAP_DIRTY_LOG_RING); --dirty-ring=off");
	fake.max_entries = ENTRIES;
	fake.fails_request = KVM_ENABLE_CAP;
	fake.fails_with = EINVAL;
	assert_rings_refused(ENTRIES, -EINVAL, "KVM refuses rings of that size");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("slots_ring");
	TCase *tc = tcase_create("slots_ring");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, pages_of_all_cpus_are_reported_once);
	tcase_add_test(tc, full_ring_is_emptied_and_its_pages_are_kept);
	tcase_add_test(tc, page_is_reported_again_after_another_store);
	tcase_add_test(tc, entries_outside_the_slots_are_ignored);
	tcase_add_test(tc, change_of_the_map_keeps_pages_and_logs_new_memory);
	tcase_add_test(tc, next_log_does_not_have_the_pages_of_the_previous_one);
	tcase_add_test(tc, reset_that_ends_early_is_repeated);
	tcase_add_test(tc, failure_to_reset_rings_is_reported);
	tcase_add_test(tc, host_without_such_rings_is_refused_by_name);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
