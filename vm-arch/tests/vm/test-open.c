/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about hosts whose KVM lacks something: this program answers open()
 * and ioctl() itself, so that it runs anywhere.
 */
#include <config.h>

#include <dirent.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <vm-arch/vm.h>

#include "arch/x86/kvm_x86.h"
#include "kvm/ioctl.h"
#include "../util.h"

/* Faults of this host. */
static long lacks_capability = -1;
static unsigned long fails_request;
static int fails_with, version = KVM_API_VERSION, map_size = 3 * 4096;
static int open_errno;
static int quirks = 1;		/* that this KVM can do without */
static uint64_t disabled;	/* quirks that were disabled */

int open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (strcmp(path, "/dev/kvm"))
		return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	if (!open_errno)
		return (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", flags);
	errno = open_errno;
	return -1;
}

static int answer(unsigned long request, unsigned long arg)
{
	switch (request) {
	case KVM_GET_API_VERSION:
		return version;
	case KVM_CREATE_VM:
		return (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR);
	case KVM_CHECK_EXTENSION:
		if (arg == KVM_CAP_DISABLE_QUIRKS2)
			return quirks;
		return (long)arg != lacks_capability;
	case KVM_ENABLE_CAP:
		disabled = ((const struct kvm_enable_cap *)arg)->args[0];
		return 0;
	case KVM_GET_SUPPORTED_CPUID:
		((struct kvm_cpuid2 *)arg)->nent = 7;
		return 0;
	case KVM_GET_VCPU_MMAP_SIZE:
		return map_size;
	default:
		return 0;
	}
}

int ioctl(int fd, unsigned long request, ...)
{
	unsigned long arg;
	va_list ap;

	(void)fd;
	va_start(ap, request);
	arg = va_arg(ap, unsigned long);
	va_end(ap);
	if (request != fails_request)
		return answer(request, arg);
	errno = fails_with;
	return -1;
}

static struct varch_vm kvm;
static struct vsu_error err;

static unsigned int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Refused with that code and sentence, and every descriptor closed. */
static void assert_host(int code, const char *says)
{
	unsigned int before = open_fds();

	vsu_error_clear(&err);
	ck_assert_int_eq(varch_vm_open(&kvm, NULL, &err), code);
	ck_assert_msg(strstr(err.msg, says), "it says: %s", err.msg);
	ck_assert_int_eq(kvm.kvm_fd, -1);
	ck_assert_int_eq(kvm.vm_fd, -1);
	ck_assert_uint_eq(open_fds(), before);
}

START_TEST(complete_host_is_accepted)
{
	ck_assert_int_eq(varch_vm_open(&kvm, NULL, &err), 0);
	ck_assert_int_eq(kvm.vcpu_map_size, 3 * 4096);
	ck_assert(kvm.region2);
	ck_assert(!kvm.guest_memfd);	/* bit 0 of its flags alone */
	varch_vm_close(&kvm);
}
END_TEST

START_TEST(other_slots_are_kept_where_kvm_can)
{
	ck_assert_int_eq(varch_vm_open(&kvm, NULL, &err), 0);
	varch_vm_close(&kvm);
	ck_assert_uint_eq(disabled, 0);
	quirks |= KVM_X86_QUIRK_SLOT_ZAP_ALL;
	ck_assert_int_eq(varch_vm_open(&kvm, NULL, &err), 0);
	varch_vm_close(&kvm);
	ck_assert_uint_eq(disabled, KVM_X86_QUIRK_SLOT_ZAP_ALL);
}
END_TEST

static const struct { long capability; const char *name; } needed[] = {
	{ KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY" },
	{ KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP" },
	{ KVM_CAP_IOEVENTFD, "KVM_CAP_IOEVENTFD" },
	{ KVM_CAP_IRQFD, "KVM_CAP_IRQFD" },
	{ KVM_CAP_READONLY_MEM, "KVM_CAP_READONLY_MEM" },
	{ KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT" },
	{ KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID" },
};

START_TEST(missing_capability_is_named)
{
	lacks_capability = needed[_i].capability;
	assert_host(-EOPNOTSUPP, "this host's KVM lacks ");
	ck_assert_msg(strstr(err.msg, needed[_i].name), "%s", err.msg);
}
END_TEST

START_TEST(vm_without_messages_of_devices_says_so)
{
	ck_assert_int_eq(varch_vm_open(&kvm, NULL, &err), 0);
	ck_assert(kvm.msi);
	varch_vm_close(&kvm);
	lacks_capability = KVM_CAP_SIGNAL_MSI;
	ck_assert_int_eq(varch_vm_open(&kvm, NULL, &err), 0);
	ck_assert(!kvm.msi);
	varch_vm_close(&kvm);
}
END_TEST

START_TEST(optional_capability_may_be_missing)
{
	lacks_capability = KVM_CAP_USER_MEMORY2;
	ck_assert_int_eq(varch_vm_open(&kvm, NULL, &err), 0);
	ck_assert(!kvm.region2);
	varch_vm_close(&kvm);
}
END_TEST

START_TEST(e2_01_missing_device_and_permission_name_path_and_remedy)
{
	open_errno = ENOENT;
	assert_host(-ENOENT, "cannot open '/dev/kvm' (is the kvm module loaded?");
	open_errno = EACCES;
	assert_host(-EACCES, "cannot open '/dev/kvm' (is this user in group kvm?");
}
END_TEST

/* A compiler that took the argument for unchanged would still see 100. */
START_TEST(e2_04_argument_that_kvm_writes_is_read_after_the_call)
{
	struct kvm_cpuid2 table = { .nent = 100 };

	ck_assert_int_eq(varch_ioctl(3, KVM_GET_SUPPORTED_CPUID, &table), 0);
	ck_assert_uint_eq(table.nent, 7);
}
END_TEST

START_TEST(other_interface_is_refused)
{
	version = 11;
	assert_host(-EOPNOTSUPP, "version 11; 12 is required");
	fails_request = KVM_GET_API_VERSION;
	fails_with = ENOTTY;
	assert_host(-ENOTTY, "'/dev/kvm' is not KVM");
}
END_TEST

static const struct { unsigned long request; int code; const char *says; }
failures[] = {
	{ KVM_CREATE_VM, EBUSY, "KVM cannot make a VM" },
	{ KVM_SET_TSS_ADDR, EINVAL, "KVM_SET_TSS_ADDR" },
	{ KVM_CREATE_IRQCHIP, ENOMEM, "KVM_CREATE_IRQCHIP" },
	{ KVM_GET_VCPU_MMAP_SIZE, EINVAL, "KVM_GET_VCPU_MMAP_SIZE" },
};

START_TEST(failed_call_is_named)
{
	fails_request = failures[_i].request;
	fails_with = failures[_i].code;
	assert_host(-failures[_i].code, failures[_i].says);
}
END_TEST

START_TEST(impossible_size_of_a_cpu_map_is_refused)
{
	map_size = 100;
	assert_host(-EOPNOTSUPP, "shares 100 bytes for a CPU");
	map_size = 0;
	assert_host(-EOPNOTSUPP, "shares 0 bytes");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kvm");
	TCase *tc = tcase_create("open");

	tcase_add_test(tc, complete_host_is_accepted);
	tcase_add_loop_test(tc, missing_capability_is_named, 0, COUNT(needed));
	tcase_add_test(tc, optional_capability_may_be_missing);
	tcase_add_test(tc, vm_without_messages_of_devices_says_so);
	tcase_add_test(tc, e2_01_missing_device_and_permission_name_path_and_remedy);
	tcase_add_test(tc, e2_04_argument_that_kvm_writes_is_read_after_the_call);
	tcase_add_test(tc, other_interface_is_refused);
	tcase_add_test(tc, other_slots_are_kept_where_kvm_can);
	tcase_add_loop_test(tc, failed_call_is_named, 0, COUNT(failures));
	tcase_add_test(tc, impossible_size_of_a_cpu_map_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
