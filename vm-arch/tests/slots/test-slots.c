/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about memory slots, under real guests where it matters. */
#include <config.h>

#include <vm-arch/vm.h>

#include "../guest.h"
#include "slots/slots_private.h"

/* Counts in its page for ever. */
GUEST(count, "1: incq (%rdi)\n jmp 1b");

/* A store to 0x1000000, a load from it to the end port. */
GUEST(probe, "mov $0x1000000, %edx\n movb $0x33, (%rdx)\n mov (%rdx), %al\n"
      "mov $0x600, %edx\n out %al, %dx\n 1: jmp 1b");

#define PROBE_GPA UINT64_C(0x1000000)
#define PAGE UINT64_C(0x1000)

static struct vm vm;
static struct vmem_block *block;	/* of 16 pages */
static unsigned int holes;		/* accesses that hit no memory */

static void setup(void)
{
	vm_make(&vm);
	block = make_block("backend=memfd,size=64k");
}

static void teardown(void)
{
	vmem_block_unref(block);
	vm_free(&vm);
}

static void on_hole(void *opaque, struct varch_access *access)
{
	(void)opaque;
	(void)access;
	__atomic_add_fetch(&holes, 1, __ATOMIC_RELAXED);
}

/* RAM and n pieces of the block, two numbers each: offset, gpa (in pages). */
static struct vmem_map *map_of(const uint64_t *pieces, unsigned int n)
{
	struct vmem_map *map = vm.map;
	unsigned int i;

	vmem_map_ref(map);
	for (i = 0; i < n; i++)
		map = with_piece(map, block, pieces[2 * i] * PAGE,
				 pieces[2 * i + 1] * PAGE, PAGE);
	return map;
}

static int apply(struct vmem_map *map)
{
	int rc = varch_slots_apply(vm.slots, map, &vm.err);

	vmem_map_unref(map);
	return rc;
}

static const struct {
	uint64_t pieces[6];	/* offset, gpa */
	unsigned int n, slots;	/* in addition to RAM's */
} merges[] = {
	{ { 0, 0x1000, 1, 0x1001, 2, 0x1002 }, 3, 1 },
	{ { 0, 0x1000, 1, 0x1001, 3, 0x1002 }, 3, 2 },	/* file continues elsewhere */
	{ { 0, 0x1000, 1, 0x1002, 2, 0x1003 }, 3, 2 },	/* a hole in the guest */
	{ { 2, 0x1000, 1, 0x1001, 0, 0x1002 }, 3, 3 },	/* backwards */
	{ { 0, 0x1000, 0, 0x1001 }, 2, 2 },		/* the same page twice */
};

START_TEST(neighbours_share_a_slot_and_others_do_not)
{
	ck_assert_int_eq(apply(map_of(merges[_i].pieces, merges[_i].n)), 0);
	ck_assert_uint_eq(vm.slots->now.n, 1 + merges[_i].slots);
}
END_TEST

START_TEST(blocks_of_different_files_are_not_merged)
{
	struct vmem_block *other = make_block("backend=memfd,size=4k");
	struct vmem_map *map = map_of((const uint64_t[]){ 0, 0x1000 }, 1);

	map = with_piece(map, other, 0, 0x1001 * PAGE, PAGE);
	ck_assert_int_eq(apply(map), 0);
	ck_assert_uint_eq(vm.slots->now.n, 3);
	vmem_block_unref(other);
}
END_TEST

START_TEST(same_map_again_changes_nothing)
{
	const uint64_t pieces[] = { 0, 0x1000, 4, 0x1100 };

	ck_assert_int_eq(apply(map_of(pieces, 2)), 0);
	ck_assert_int_eq(apply(map_of(pieces, 2)), 0);
	ck_assert_uint_eq(vm.slots->now.n, 3);
}
END_TEST

/* The value that the guest reads after it wrote 0x33 to the probed address. */
static int probe_guest(void)
{
	vm_start(&vm, 1, probe, probe_end);
	vm_run_to_end(&vm);
	return vm.status;
}

START_TEST(added_page_is_memory)
{
	ck_assert_int_eq(apply(map_of((const uint64_t[]){ 5, 0x1000 }, 1)), 0);
	ck_assert_int_eq(probe_guest(), 0x33);
	ck_assert_uint_eq(((unsigned char *)vmem_block_hva(block))[5 * PAGE],
			  0x33);
}
END_TEST

START_TEST(removed_page_is_a_hole)
{
	ck_assert_int_eq(apply(map_of((const uint64_t[]){ 5, 0x1000 }, 1)), 0);
	ck_assert_int_eq(apply(map_of(NULL, 0)), 0);
	ck_assert_uint_eq(vm.slots->now.n, 1);
	ck_assert_int_eq(probe_guest(), 0xff);
}
END_TEST

static void add_rom(void)
{
	const struct vmem_region_desc d = { block, 0, PROBE_GPA, PAGE,
					    VMEM_REGION_ROM, 0 };
	struct vmem_region *region;
	struct vmem_map *map;

	ck_assert_int_eq(vmem_region_new(&d, &region, NULL), 0);
	ck_assert_int_eq(vmem_map_add(vm.map, region, &map, NULL), 0);
	vmem_region_unref(region);
	ck_assert_int_eq(apply(map), 0);
}

START_TEST(stores_to_rom_are_dropped)
{
	add_rom();
	*(unsigned char *)vmem_block_hva(block) = 0x11;
	ck_assert_int_eq(probe_guest(), 0x11);
	ck_assert_uint_eq(*(unsigned char *)vmem_block_hva(block), 0x11);
}
END_TEST

/* KVM refuses the second piece after the first was added. */
START_TEST(what_kvm_refuses_leaves_the_slots_as_they_were)
{
	const uint64_t impossible = UINT64_C(1) << 41;	/* in pages */
	const uint64_t bad[] = { 1, 0x1000, 2, impossible };

	ck_assert_int_eq(apply(map_of((const uint64_t[]){ 5, 0x1000 }, 1)), 0);
	ck_assert_int_lt(apply(map_of(bad, 2)), 0);
	ck_assert_ptr_nonnull(strstr(vm.err.msg,
		"KVM refuses memory at 0x20000000000000, 4096 bytes"));
	ck_assert_uint_eq(vm.slots->now.n, 2);
	ck_assert_int_eq(probe_guest(), 0x33);
	ck_assert_uint_eq(((unsigned char *)vmem_block_hva(block))[5 * PAGE],
			  0x33);
}
END_TEST

/* A bound block belongs to this VM, and each of its pages to one address. */
static struct vmem_block *make_bound(void)
{
	struct vmem_backend *backend;
	struct vmem_block *bound;

	ck_assert_int_eq(vmem_backend_new(&backend), 0);
	vmem_backend_set_vm_fd(backend, vm.kvm.vm_fd);
	ck_assert_int_eq(vmem_backend_parse(backend, "test",
		"backend=guest-memfd,slot=bound,size=64k", NULL), 0);
	ck_assert_int_eq(vmem_backend_alloc(backend, &bound, NULL), 0);
	vmem_backend_free(backend);
	return bound;
}

START_TEST(d1_13_page_of_a_bound_block_is_not_at_two_addresses)
{
	vmem_block_unref(block);
	block = make_bound();
	ck_assert_int_eq(apply(map_of((const uint64_t[]){ 0, 0x1000, 1,
							  0x1100 }, 2)), 0);
	ck_assert_int_eq(apply(map_of((const uint64_t[]){ 0, 0x1000, 0,
							  0x1100 }, 2)),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(vm.err.msg, "KVM refuses memory at "
				     "0x1100000, 4096 bytes"));
	/* and the previous slots exist again */
	ck_assert_uint_eq(vm.slots->now.n, 3);
	ck_assert_int_eq(apply(map_of((const uint64_t[]){ 3, 0x1000 }, 1)), 0);
	ck_assert_int_eq(probe_guest(), 0x33);
	ck_assert_uint_eq(((unsigned char *)vmem_block_hva(block))[3 * PAGE],
			  0x33);
}
END_TEST

START_TEST(more_slots_than_kvm_has_are_refused)
{
	const uint64_t pieces[] = { 0, 0x1000, 2, 0x1100, 4, 0x1200 };

	vm.kvm.max_slots = 3;
	ck_assert_int_eq(apply(map_of(pieces, 3)), -ENOSPC);
	ck_assert_str_eq(vm.err.msg, "this memory needs 4 slots; KVM has 3");
	ck_assert_int_eq(apply(map_of(pieces, 2)), 0);
}
END_TEST

/* Every id is reused, or KVM would run out of them. */
START_TEST(ids_do_not_run_out)
{
	uint64_t pieces[2];
	unsigned int i;

	vm.kvm.max_slots = 4;
	for (i = 0; i < 1000; i++) {
		pieces[0] = i % 16;
		pieces[1] = 0x1000 + i % 7;
		ck_assert_int_eq(apply(map_of(pieces, 1)), 0);
	}
	ck_assert_uint_eq(vm.slots->now.n, 2);
}
END_TEST

/* The guest counts in a page whose slot grows and shrinks around it. */
START_TEST(running_guest_never_falls_into_the_gap_of_a_change)
{
	const uint64_t one[] = { 1, COUNTER_GPA / PAGE + 0x1000 };
	const uint64_t two[] = { 0, COUNTER_GPA / PAGE + 0xfff,
				 1, COUNTER_GPA / PAGE + 0x1000 };
	const unsigned char *page = (unsigned char *)vmem_block_hva(block) +
				    PAGE;
	struct varch_x86_start start = { .entry = CODE_GPA };
	unsigned int i;

	vm_add(&vm, &vm.mmio, COUNTER_GPA + 0xfff * PAGE, 2 * PAGE, on_hole);
	ck_assert_int_eq(apply(map_of(one, 1)), 0);
	vm_add_cpus(&vm, 1, count, count_end, NULL, NULL);
	start.rdi = COUNTER_GPA + 0x1000 * PAGE;
	start.stack_top = VARCH_BOOT_STACKS_GPA + 4096;
	ck_assert_int_eq(varch_x86_start_cpu(&vm.kvm, vm.cpus->cpu[0].fd, 0,
					   &start, NULL), 0);
	ck_assert_int_eq(varch_cpus_start(vm.cpus, NULL), 0);
	for (i = 0; i < 100; i++) {
		wait_above(page, counter_at(page));
		ck_assert_int_eq(apply(i % 2 ? map_of(one, 1) : map_of(two, 2)),
				 0);
		ck_assert_uint_eq(vm.slots->now.n, 2);
	}
	vm_stop(&vm);
	ck_assert_uint_eq(holes, 0);
}
END_TEST

static bool has_guest_memfd(void)
{
	struct varch_vm kvm;
	bool has;

	if (varch_vm_open(&kvm, NULL, NULL))
		return false;
	has = kvm.guest_memfd && kvm.region2;
	varch_vm_close(&kvm);
	return has;
}

int main(void)
{
	const char *why = no_kvm();
	Suite *s;
	TCase *tc;

	if (why)
		return skip_all(why);
	s = suite_create("slots");
	tc = tcase_create("slots");
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, neighbours_share_a_slot_and_others_do_not, 0,
			    COUNT(merges));
	tcase_add_test(tc, blocks_of_different_files_are_not_merged);
	tcase_add_test(tc, same_map_again_changes_nothing);
	tcase_add_test(tc, added_page_is_memory);
	tcase_add_test(tc, removed_page_is_a_hole);
	tcase_add_test(tc, stores_to_rom_are_dropped);
	tcase_add_test(tc, what_kvm_refuses_leaves_the_slots_as_they_were);
	if (has_guest_memfd())
		tcase_add_test(tc,
			d1_13_page_of_a_bound_block_is_not_at_two_addresses);
	else
		puts("# left out: bound slots, as KVM has no guest_memfd");
	tcase_add_test(tc, more_slots_than_kvm_has_are_refused);
	tcase_add_test(tc, ids_do_not_run_out);
	tcase_add_test(tc,
		       running_guest_never_falls_into_the_gap_of_a_change);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
