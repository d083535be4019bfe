/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about guest_memfd, on a virtual machine made by KVM. Skipped where
 * there is no KVM or where it is too old.
 */
#include <config.h>

#include <sys/ioctl.h>

#include <vm-memory/backend.h>
#include <vm-memory/kvm.h>

#include "uapi.h"
#include "util.h"

#define KVM_CREATE_VM_ 0xae01

static int vm = -1;

static int make_vm(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), fd;

	if (kvm < 0)
		return -1;
	fd = ioctl(kvm, KVM_CREATE_VM_, 0);
	close(kvm);
	return fd;
}

static int cap(int which)
{
	return ioctl(vm, VMEM_KVM_CHECK_EXTENSION, which);
}

static void setup(void)
{
	vm = make_vm();
	ck_assert_int_ge(vm, 0);
}

static void teardown(void)
{
	close(vm);
}

static int alloc(int vm_fd, const char *list, struct vmem_block **out,
		 struct vsu_error *err)
{
	struct vmem_backend *b;
	int rc;

	ck_assert_int_eq(vmem_backend_new(&b), 0);
	ck_assert_int_eq(vmem_backend_parse(b, "x", list, NULL), 0);
	vmem_backend_set_vm_fd(b, vm_fd);
	rc = vmem_backend_alloc(b, out, err);
	vmem_backend_free(b);
	return rc;
}

START_TEST(fully_shared_memory_is_mapped_and_shared_by_its_fd)
{
	struct vmem_block *b, *peer;

	ck_assert_int_eq(alloc(vm, "backend=guest-memfd,size=64k", &b, NULL),
			 0);
	ck_assert_int_eq(vmem_block_kind(b), VMEM_KIND_GUEST_MEMFD);
	ck_assert_uint_eq(vmem_block_flags(b), RW_SHARED);
	ck_assert(!vmem_block_is_bound(b));
	ck_assert_int_eq(vmem_block_private_fd(b), -1);
	ck_assert_int_eq(fcntl(vmem_block_fd(b), F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(new_block_fd(vmem_block_fd(b), 4096, 4096, RW_SHARED,
				      &peer), 0);
	vmem_block_hva(b)[4096] = 0x42;
	ck_assert_uint_eq(vmem_block_hva(peer)[0], 0x42);
	vmem_block_unref(peer);
	vmem_block_unref(b);
}
END_TEST

START_TEST(qemu_spelling_means_the_same)
{
	struct vmem_block *b;

	ck_assert_int_eq(alloc(vm, "backend=memfd,guest-memfd=on,size=64k,"
			       "slot=bound", &b, NULL), 0);
	ck_assert_int_eq(vmem_block_kind(b), VMEM_KIND_GUEST_MEMFD);
	ck_assert(vmem_block_is_bound(b));
	vmem_block_unref(b);
}
END_TEST

START_TEST(discarded_pages_read_as_zeros)
{
	struct vmem_block *b;

	ck_assert_int_eq(alloc(vm, "backend=guest-memfd,size=64k", &b, NULL),
			 0);
	memset(vmem_block_hva(b), 0x5a, 64 * KIB);
	ck_assert_int_eq(vmem_block_discard(b, 4096, 8192, NULL), 0);
	ck_assert_uint_eq(vmem_block_hva(b)[4095], 0x5a);
	ck_assert_uint_eq(vmem_block_hva(b)[4096], 0);
	ck_assert_uint_eq(vmem_block_hva(b)[12288], 0x5a);
	vmem_block_unref(b);
}
END_TEST

START_TEST(piece_of_it_is_held_to_its_size_and_to_sharing)
{
	struct vmem_block *b, *piece = NULL;

	ck_assert_int_eq(alloc(vm, "backend=guest-memfd,size=64k", &b, NULL),
			 0);
	ck_assert_uint_eq(vmem_block_seals(b), 0);
	ck_assert_int_eq(new_block_fd(vmem_block_fd(b), 60 * KIB, 4097,
				      RW_SHARED, &piece), -EINVAL);
	ck_assert_int_eq(new_block_fd(vmem_block_fd(b), 64 * KIB, 4096,
				      RW_SHARED, &piece), -EINVAL);
	ck_assert_int_eq(new_block_fd(vmem_block_fd(b), 0, 4096,
				      VMEM_BLOCK_WRITE, &piece), -EINVAL);
	ck_assert_ptr_null(piece);
	vmem_block_hva(b)[4096] = 0x42;
	ck_assert_int_eq(new_block_fd(vmem_block_fd(b), 4096, 4096,
				      VMEM_BLOCK_SHARED, &piece), 0);
	ck_assert_uint_eq(vmem_block_hva(piece)[0], 0x42);
	vmem_block_unref(piece);
	vmem_block_unref(b);
}
END_TEST

START_TEST(remap_shows_the_same_pages_again)
{
	struct vmem_block *b;

	ck_assert_int_eq(alloc(vm, "backend=guest-memfd,size=64k", &b, NULL),
			 0);
	vmem_block_hva(b)[4096] = 0x42;
	ck_assert_int_eq(vmem_block_remap(b, 4096, 4096, NULL), 0);
	ck_assert_uint_eq(vmem_block_hva(b)[4096], 0x42);
	ck_assert_int_eq(vmem_block_discard(b, 512, 4096, NULL), -EINVAL);
	ck_assert_int_eq(vmem_block_discard(b, 0, 512, NULL), -EINVAL);
	vmem_block_unref(b);
}
END_TEST

/* Without our flags KVM's guest_memfd cannot be mapped. */
START_TEST(pool_without_the_flag_cannot_be_mapped)
{
	struct vmem_kvm_create_guest_memfd args = { .size = 64 * KIB };
	struct vmem_block *b = NULL;
	int fd = ioctl(vm, VMEM_KVM_CREATE_GUEST_MEMFD, &args);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(new_block_fd(fd, 0, 4096, RW_SHARED, &b), -ENODEV);
	ck_assert_int_eq(new_block_fd(fd, 0, 4096, VMEM_BLOCK_SHARED, &b),
			 -ENODEV);
	ck_assert_ptr_null(b);
	close(fd);
}
END_TEST

START_TEST(prealloc_populates_it)
{
	struct vmem_block *b;

	ck_assert_int_eq(alloc(vm, "backend=guest-memfd,size=64k,prealloc=on",
			       &b, NULL), 0);
	vmem_block_unref(b);
}
END_TEST

START_TEST(memory_outlives_the_virtual_machine_fd)
{
	struct vmem_block *b;
	int own = make_vm();

	ck_assert_int_eq(alloc(own, "backend=guest-memfd,size=64k", &b, NULL),
			 0);
	close(own);
	vmem_block_hva(b)[9] = 9;
	ck_assert_uint_eq(vmem_block_hva(b)[9], 9);
	vmem_block_unref(b);
}
END_TEST

START_TEST(missing_virtual_machine_is_named)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b;

	ck_assert_int_eq(alloc(-1, "backend=guest-memfd,size=64k", &b, &err),
			 -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "needs KVM"));
}
END_TEST

/* Made by a KVM that has the attribute; any other's lack of it is named. */
START_TEST(private_half_is_created_or_its_absence_is_named)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b;
	int rc = alloc(vm, "size=64k,private=on", &b, &err);

	if (cap(VMEM_KVM_CAP_MEMORY_ATTRIBUTES) > 0) {
		ck_assert_int_eq(rc, 0);
		ck_assert_int_ge(vmem_block_private_fd(b), 0);
		vmem_block_unref(b);
		return;
	}
	ck_assert_int_eq(rc, -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "attribute"));
}
END_TEST

START_TEST(conversion_needs_a_private_half)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_region *r = make_region(0, 64 * KIB, 0);

	ck_assert_int_eq(vmem_kvm_convert(vm, r, 0, 4096, true, &err),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "private half"));
	ck_assert_int_eq(vmem_kvm_convert(vm, r, 1, 4096, true, &err),
			 -EINVAL);
	ck_assert_int_eq(vmem_kvm_convert(vm, r, 0, 128 * KIB, true, &err),
			 -EINVAL);
	ck_assert_int_eq(vmem_kvm_convert(vm, r, 0, 0, true, &err), -EINVAL);
	vmem_region_unref(r);
}
END_TEST

static const char *why_not(void)
{
	const char *why = NULL;

	vm = make_vm();
	if (vm < 0)
		return "/dev/kvm cannot be used";
	if (cap(VMEM_KVM_CAP_GUEST_MEMFD) <= 0)
		why = "this KVM has no guest_memfd";
	else if ((cap(VMEM_KVM_CAP_GUEST_MEMFD_FLAGS) & 3) != 3)
		why = "this KVM's guest_memfd cannot be mapped";
	close(vm);
	return why;
}

int main(void)
{
	Suite *s;
	TCase *tc;
	const char *why = why_not();

	if (why) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	s = suite_create("guest_memfd");
	tc = tcase_create("guest_memfd");
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, fully_shared_memory_is_mapped_and_shared_by_its_fd);
	tcase_add_test(tc, qemu_spelling_means_the_same);
	tcase_add_test(tc, discarded_pages_read_as_zeros);
	tcase_add_test(tc, piece_of_it_is_held_to_its_size_and_to_sharing);
	tcase_add_test(tc, remap_shows_the_same_pages_again);
	tcase_add_test(tc, pool_without_the_flag_cannot_be_mapped);
	tcase_add_test(tc, prealloc_populates_it);
	tcase_add_test(tc, memory_outlives_the_virtual_machine_fd);
	tcase_add_test(tc, missing_virtual_machine_is_named);
	tcase_add_test(tc, private_half_is_created_or_its_absence_is_named);
	tcase_add_test(tc, conversion_needs_a_private_half);
	return run_suite(s);
}
