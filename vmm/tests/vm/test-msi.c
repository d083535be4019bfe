/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about messages as interrupts: this program answers ioctl() itself, so
 * that it sees the table that KVM would get.
 */
#include <config.h>

#include <linux/kvm.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include "../util.h"
#include "arch/arch.h"
#include "target/layout.h"
#include "vm/msi.h"

#define REFUSED UINT64_C(0x1fee00000)
#define PINS VMM_FIRST_MSI
#define FIXED VMM_FIXED_ROUTES	/* entries of the pins */

static int capability = 4096, irqfd_fails;
static unsigned int on, off, tables;
static unsigned int routing_fails;	/* calls that KVM refuses */
static uint32_t count;
static struct kvm_irq_routing_entry last;

static int answer(unsigned long request, void *arg)
{
	const struct kvm_irq_routing *table = arg;
	const struct kvm_irqfd *irqfd = arg;

	if (request == KVM_CHECK_EXTENSION)
		return capability;
	if (request == KVM_SET_GSI_ROUTING) {
		tables++;
		if (routing_fails && routing_fails--)
			return -1;
		count = table->nr;
		last = table->entries[table->nr - 1];
	} else if (request == KVM_IRQFD) {
		if (irqfd_fails)
			return -1;
		if (irqfd->flags & KVM_IRQFD_FLAG_DEASSIGN)
			off++;
		else
			on++;
	}
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	(void)fd;
	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	errno = EINVAL;
	return answer(request, arg);
}

static struct vmm_kvm kvm = { .kvm_fd = -1, .vm_fd = -1, .nchips = 2 };	/* arm64: with an ITS */
static struct vmm_msi *msi;
static struct vsu_error err;

static void setup(void)
{
	ck_assert_int_eq(vmm_msi_new(&kvm, &msi, NULL), 0);
}

static void teardown(void)
{
	vmm_msi_free(msi);
}

static uint32_t add_vector(int fd)
{
	uint32_t gsi = 0;

	ck_assert_int_eq(vmm_msi_add(msi, fd, 8, &gsi, NULL), 0);
	return gsi;
}

START_TEST(a_route_is_a_message_behind_all_pins)
{
	const uint32_t a = add_vector(7), b = add_vector(8);

	ck_assert_uint_eq(on, 2);
	ck_assert_uint_ne(a, b);
	ck_assert_uint_ge(a, PINS);
	vmm_msi_route(msi, b, UINT64_C(0x1fee01000), 0x41);
	ck_assert_int_eq(vmm_msi_commit(msi, NULL), 0);
	ck_assert_uint_eq(count, FIXED + 1);
	ck_assert_uint_eq(last.gsi, b);
	ck_assert_uint_eq(last.type, KVM_IRQ_ROUTING_MSI);
	ck_assert_uint_eq(last.u.msi.address_lo, 0xfee01000);
	ck_assert_uint_eq(last.u.msi.address_hi, 1);
	ck_assert_uint_eq(last.u.msi.data, 0x41);
	vmm_msi_remove(msi, 8, b);
	ck_assert_int_eq(vmm_msi_commit(msi, NULL), 0);
	ck_assert_uint_eq(count, FIXED);
	ck_assert_uint_eq(off, 1);
}
END_TEST

START_TEST(a3_26_all_changes_go_by_one_call_and_none_without_changes)
{
	uint32_t gsi[20], i;

	tables = 0;
	for (i = 0; i < 20; i++)
		gsi[i] = add_vector((int)i);
	ck_assert_int_eq(vmm_msi_commit(msi, NULL), 0);
	ck_assert_uint_eq(tables, 0);
	for (i = 0; i < 20; i++)
		vmm_msi_route(msi, gsi[i], 0xfee00000, i);
	ck_assert_int_eq(vmm_msi_commit(msi, NULL), 0);
	ck_assert_uint_eq(tables, 1);
	ck_assert_uint_eq(count, FIXED + 20);
	for (i = 0; i < 20; i++)
		vmm_msi_route(msi, gsi[i], 0xfee00000, i);
	ck_assert_int_eq(vmm_msi_commit(msi, NULL), 0);
	ck_assert_uint_eq(tables, 1);
	for (i = 0; i < 20; i++)
		vmm_msi_remove(msi, (int)i, gsi[i]);
	ck_assert_int_eq(vmm_msi_commit(msi, NULL), 0);
	ck_assert_uint_eq(tables, 2);
	ck_assert_uint_eq(count, FIXED);
}
END_TEST

/* Else one guest's bad address would take all other messages with it. */
START_TEST(a_route_that_kvm_refuses_leaves_the_others)
{
	const uint32_t a = add_vector(7), b = add_vector(8), c = add_vector(9);

	tables = 0;
	vmm_msi_route(msi, a, 0xfee00000, 1);
	ck_assert_int_eq(vmm_msi_commit(msi, NULL), 0);
	routing_fails = 1;
	vmm_msi_route(msi, b, REFUSED, 1);
	vmm_msi_route(msi, c, 0xfee00000, 2);
	ck_assert_int_eq(vmm_msi_commit(msi, &err), -EINVAL);
	ck_assert(strstr(err.msg, "0x1fee00000"));
	ck_assert_uint_eq(count, FIXED + 2);
	ck_assert_uint_eq(last.gsi, c);
	ck_assert_uint_eq(tables, 3);
}
END_TEST

/* A guest can store as many bad addresses as there are vectors. */
START_TEST(routes_that_kvm_refuses_for_another_reason_go_together)
{
	const uint32_t a = add_vector(7), b = add_vector(8), c = add_vector(9);

	tables = 0;
	vmm_msi_route(msi, a, 0xfee00000, 1);
	ck_assert_int_eq(vmm_msi_commit(msi, NULL), 0);
	routing_fails = 2;
	vmm_msi_route(msi, b, 0xfee00000, 2);
	vmm_msi_route(msi, c, 0xfee00000, 3);
	ck_assert_int_eq(vmm_msi_commit(msi, NULL), -EINVAL);
	ck_assert_uint_eq(count, FIXED + 1);
	ck_assert_uint_eq(last.gsi, a);
	ck_assert_uint_eq(tables, 4);
}
END_TEST

START_TEST(vectors_that_kvm_does_not_have_are_refused)
{
	uint32_t gsi = 0;

	teardown();
	capability = PINS + 1;
	setup();
	irqfd_fails = 1;
	ck_assert_int_eq(vmm_msi_add(msi, 7, 8, &gsi, NULL), -EINVAL);
	irqfd_fails = 0;
	ck_assert_int_eq(vmm_msi_add(msi, 7, 8, &gsi, NULL), 0);
	ck_assert_int_eq(vmm_msi_add(msi, 8, 8, &gsi, &err), -ENOSPC);
	ck_assert(strstr(err.msg, "1 device interrupts"));
	teardown();
	capability = 0;
	ck_assert_int_eq(vmm_msi_new(&kvm, &msi, &err), -EOPNOTSUPP);
	ck_assert(strstr(err.msg, "--transport=mmio"));
	capability = 4096;
	setup();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("msi");
	TCase *tc = tcase_create("msi");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_route_is_a_message_behind_all_pins);
	tcase_add_test(tc, a3_26_all_changes_go_by_one_call_and_none_without_changes);
	tcase_add_test_unless(tc, vmm_arch_msi_is_refused(REFUSED) ? NULL : "KVM refuses no address of a message here",
			      a_route_that_kvm_refuses_leaves_the_others);
	tcase_add_test(tc, routes_that_kvm_refuses_for_another_reason_go_together);
	tcase_add_test(tc, vectors_that_kvm_does_not_have_are_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
