/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about messages as interrupts: this program answers ioctl() itself, so
 * that it sees the table that KVM would get.
 */
#include <config.h>

#include <linux/kvm.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include "kvm/msi.h"
#include "../util.h"

#define PINS 24u
#define FIXED 40u	/* entries of the pins */

static int capability = 4096, routing_fails, irqfd_fails;
static unsigned int on, off;
static uint32_t count;
static struct kvm_irq_routing_entry last;

static int answer(unsigned long request, void *arg)
{
	const struct kvm_irq_routing *table = arg;
	const struct kvm_irqfd *irqfd = arg;

	if (request == KVM_CHECK_EXTENSION)
		return capability;
	if (request == KVM_SET_GSI_ROUTING) {
		if (routing_fails)
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

static struct vmm_kvm kvm = { .kvm_fd = -1, .vm_fd = -1 };
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

START_TEST(a_route_is_a_message_behind_all_pins)
{
	uint32_t a = 0, b = 0;

	ck_assert_int_eq(vmm_msi_add(msi, 7, &a, NULL), 0);
	ck_assert_int_eq(vmm_msi_add(msi, 8, &b, NULL), 0);
	ck_assert_uint_eq(on, 2);
	ck_assert_uint_ne(a, b);
	ck_assert_uint_ge(a, PINS);
	ck_assert_int_eq(vmm_msi_route(msi, b, UINT64_C(0x1fee01000), 0x41), 0);
	ck_assert_uint_eq(count, FIXED + 1);
	ck_assert_uint_eq(last.gsi, b);
	ck_assert_uint_eq(last.type, KVM_IRQ_ROUTING_MSI);
	ck_assert_uint_eq(last.u.msi.address_lo, 0xfee01000);
	ck_assert_uint_eq(last.u.msi.address_hi, 1);
	ck_assert_uint_eq(last.u.msi.data, 0x41);
	vmm_msi_remove(msi, 8, b);
	ck_assert_uint_eq(count, FIXED);
	ck_assert_uint_eq(off, 1);
}
END_TEST

/* Else one guest's bad address would take all other messages with it. */
START_TEST(a_route_that_kvm_refuses_leaves_the_others)
{
	uint32_t a = 0, b = 0;

	ck_assert_int_eq(vmm_msi_add(msi, 7, &a, NULL), 0);
	ck_assert_int_eq(vmm_msi_add(msi, 8, &b, NULL), 0);
	routing_fails = 1;
	ck_assert_int_eq(vmm_msi_route(msi, a, UINT64_MAX, 1), -EINVAL);
	routing_fails = 0;
	ck_assert_int_eq(vmm_msi_route(msi, b, 0xfee00000, 2), 0);
	ck_assert_uint_eq(count, FIXED + 1);
	ck_assert_uint_eq(last.gsi, b);
}
END_TEST

START_TEST(vectors_that_kvm_does_not_have_are_refused)
{
	uint32_t gsi = 0;

	teardown();
	capability = PINS + 1;
	setup();
	irqfd_fails = 1;
	ck_assert_int_eq(vmm_msi_add(msi, 7, &gsi, NULL), -EINVAL);
	irqfd_fails = 0;
	ck_assert_int_eq(vmm_msi_add(msi, 7, &gsi, NULL), 0);
	ck_assert_int_eq(vmm_msi_add(msi, 8, &gsi, &err), -ENOSPC);
	ck_assert(strstr(err.msg, "1 messages"));
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
	tcase_add_test(tc, a_route_that_kvm_refuses_leaves_the_others);
	tcase_add_test(tc, vectors_that_kvm_does_not_have_are_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
