/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a VM of this host's KVM. */
#include <config.h>

#include <fcntl.h>

#include <vm-arch/cpus.h>
#include <vmm-sys-util/fd.h>

#include "../guest.h"

static struct vsu_error err;

#define OK(call) ck_assert_msg(!(call), "%s", err.msg)

START_TEST(vm_with_a_cpu_leaves_no_descriptor)
{
	const int before = vsu_fd_count();
	struct varch_vm kvm;
	const struct varch_cpus_config config = { .kvm = &kvm, .n = 1 };
	struct varch_cpus *cpus;

	OK(varch_vm_open(&kvm, NULL, &err));
	OK(varch_cpus_new(&config, &cpus, &err));
	varch_cpus_free(cpus);
	varch_vm_close(&kvm);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

START_TEST(device_may_be_a_descriptor)
{
	const int before = vsu_fd_count();
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	const struct varch_vm_config config = { .device = &fd };
	struct varch_vm kvm;

	OK(varch_vm_open(&kvm, &config, &err));
	varch_vm_close(&kvm);
	ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
	vsu_fd_close(&fd);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	ck_assert_int_lt(varch_vm_open(&kvm, &config, &err), 0);
	vsu_fd_close(&fd);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vm");
	TCase *tc = tcase_create("vm");
	const char *why = no_kvm();

	tcase_add_test_unless(tc, why, vm_with_a_cpu_leaves_no_descriptor);
	tcase_add_test_unless(tc, why, device_may_be_a_descriptor);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
