/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about messages as interrupts: this program answers ioctl() itself, so
 * that it sees the message that KVM would get.
 */
#include <config.h>

#include <linux/kvm.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include <vm-arch/vm.h>

#include "../util.h"

static int failure;
static unsigned int sent;
static struct kvm_msi last;

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	(void)fd;
	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	ck_assert_uint_eq(request, KVM_SIGNAL_MSI);
	sent++;
	last = *(const struct kvm_msi *)arg;
	errno = failure;
	return failure ? -1 : 1;
}

static struct varch_vm kvm = { .kvm_fd = -1, .vm_fd = -1, .nchips = 2 };	/* arm64: with an ITS */

START_TEST(message_is_sent_by_one_call)
{
	ck_assert_int_eq(varch_vm_send_msi(&kvm, 8, UINT64_C(0x1fee01000), 0x41), 0);
	ck_assert_uint_eq(sent, 1);
	ck_assert_uint_eq(last.address_lo, 0xfee01000);
	ck_assert_uint_eq(last.address_hi, 1);
	ck_assert_uint_eq(last.data, 0x41);
}
END_TEST

START_TEST(only_a_refused_address_is_an_error)
{
	failure = EPERM;
	ck_assert_int_eq(varch_vm_send_msi(&kvm, 8, 0xfee00000, 1), 0);
	failure = EBUSY;
	ck_assert_int_eq(varch_vm_send_msi(&kvm, 8, 0xfee00000, 1), 0);
	failure = EINVAL;
	ck_assert_int_eq(varch_vm_send_msi(&kvm, 8, 0xfee00000, 1), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("msi");
	TCase *tc = tcase_create("msi");

	tcase_add_test(tc, message_is_sent_by_one_call);
	tcase_add_test(tc, only_a_refused_address_is_an_error);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
