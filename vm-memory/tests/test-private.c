/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about guest_memfd and private memory on a fake virtual machine: the
 * calls of KVM, and the content of both halves.
 */
#include <config.h>

#include <stdarg.h>
#include <sys/utsname.h>

#include <vm-memory/backend.h>
#include <vm-memory/kvm.h>

#include "fake-kvm.h"
#include "uapi.h"
#include "util.h"

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	return fd == FAKE_VM ? fake_kvm_ioctl(request, arg) :
			       __real_ioctl(fd, request, arg);
}

static const char *release = "6.18.0";

int __wrap_uname(struct utsname *host);
int __wrap_uname(struct utsname *host)
{
	memset(host, 0, sizeof(*host));
	if (!release)
		return -1;
	strcpy(host->release, release);
	return 0;
}

static int alloc(const char *list, struct vmem_block **out,
		 struct vsu_error *err)
{
	struct vmem_backend *b;
	int rc;

	ck_assert_int_eq(vmem_backend_new(&b), 0);
	ck_assert_int_eq(vmem_backend_parse(b, "x", list, err), 0);
	vmem_backend_set_vm_fd(b, FAKE_VM);
	rc = vmem_backend_alloc(b, out, err);
	vmem_backend_free(b);
	return rc;
}

static const char *const with_private[] = {
	"size=64k,private=on", "size=64k,share=on,private=on",
	"backend=memfd,size=64k,private=on",
};

START_TEST(private_half_is_a_guest_memfd_of_the_same_size)
{
	struct vmem_block *b;
	struct stat st;

	ck_assert_int_eq(alloc(with_private[_i], &b, NULL), 0);
	ck_assert_uint_eq(fake_kvm.made, 1);
	ck_assert_uint_eq(fake_kvm.flags, 0);
	ck_assert_int_eq(fstat(vmem_block_private_fd(b), &st), 0);
	ck_assert_int_eq(st.st_size, 64 * KIB);
	ck_assert_int_eq(fcntl(vmem_block_private_fd(b), F_GETFD), FD_CLOEXEC);
	ck_assert_int_ne(vmem_block_private_fd(b), vmem_block_fd(b));
	ck_assert(!vmem_block_is_bound(b));
	vmem_block_unref(b);
}
END_TEST

START_TEST(fully_shared_memory_asks_for_both_flags)
{
	struct vmem_block *b;

	ck_assert_int_eq(alloc("backend=guest-memfd,size=64k", &b, NULL), 0);
	ck_assert_uint_eq(fake_kvm.flags, VMEM_GMEM_FLAG_MMAP |
			  VMEM_GMEM_FLAG_INIT_SHARED);
	ck_assert_int_eq(fcntl(vmem_block_fd(b), F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(vmem_block_private_fd(b), -1);
	vmem_block_unref(b);
}
END_TEST

static const struct { const char *release; bool supports; } kernels[] = {
	{ "6.19.0-rc1", true }, { "6.20.3", true }, { "7.0.0", true },
	{ "7.2.5+deb14-amd64", true }, { "10.1", true }, { "6.18.99", false },
	{ "5.19.0", false }, { "5.40.0", false }, { "unknown", false },
	{ "7", false }, { NULL, false },
};

START_TEST(policy_of_guest_memfd_depends_on_the_kernel_release)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b = NULL;
	int rc;

	release = kernels[_i].release;
	rc = alloc("backend=guest-memfd,size=64k,policy=interleave,host-nodes=0",
		   &b, &err);
	if (!kernels[_i].supports) {
		ck_assert_int_eq(rc, -EOPNOTSUPP);
		ck_assert_ptr_nonnull(strstr(err.msg, "Linux 6.19"));
	} else {
		ck_assert_ptr_null(strstr(err.msg, "Linux 6.19"));
	}
	vmem_block_unref(b);
}
END_TEST

START_TEST(refusal_by_kvm_is_reported_and_leaves_nothing)
{
	static const char *const lists[] = {
		"size=64k,private=on", "backend=guest-memfd,size=64k",
	};
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b = NULL;
	int i, before = vsu_fd_count();

	fake_kvm.refuse = ENOSPC;
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(alloc(lists[i], &b, &err), -ENOSPC);
		ck_assert_ptr_nonnull(strstr(err.msg, "guest_memfd"));
		ck_assert_ptr_null(b);
		ck_assert_int_eq(vsu_fd_count(), before);
	}
}
END_TEST

/* A region inside its block, both halves full: 0x11 shared, 0x22 private. */
#define GPA 0x100000000ull

static struct vmem_region *make_halves(void)
{
	unsigned char page[4096];
	struct vmem_region *r;
	struct vmem_block *b;
	int i;

	ck_assert_int_eq(alloc("backend=memfd,size=128k,private=on", &b, NULL),
			 0);
	memset(vmem_block_hva(b), 0x11, 128 * KIB);
	memset(page, 0x22, sizeof(page));
	for (i = 0; i < 32; i++)
		ck_assert_int_eq(pwrite(vmem_block_private_fd(b), page, 4096,
					i * 4096), 4096);
	r = region_of(b, 32 * KIB, GPA, 64 * KIB, 0);
	vmem_block_unref(b);
	return r;
}

static unsigned char private_byte(const struct vmem_region *r, uint64_t pos)
{
	unsigned char byte = 0xff;

	ck_assert_int_eq(pread(vmem_block_private_fd(vmem_region_block(r)),
			       &byte, 1, (off_t)pos), 1);
	return byte;
}

static unsigned char shared_byte(const struct vmem_region *r, uint64_t pos)
{
	return vmem_block_hva(vmem_region_block(r))[pos];
}

START_TEST(conversion_to_private_tells_kvm_and_empties_the_shared_half)
{
	struct vmem_region *r = make_halves();

	ck_assert_int_eq(vmem_kvm_convert(FAKE_VM, r, 8192, 8192, true, NULL),
			 0);
	ck_assert_uint_eq(fake_kvm.conversions, 1);
	ck_assert_uint_eq(fake_kvm.address, GPA + 8192);
	ck_assert_uint_eq(fake_kvm.size, 8192);
	ck_assert_uint_eq(fake_kvm.attributes, VMEM_ATTRIBUTE_PRIVATE);
	ck_assert_uint_eq(shared_byte(r, 40 * KIB - 1), 0x11);
	ck_assert_uint_eq(shared_byte(r, 40 * KIB), 0);
	ck_assert_uint_eq(shared_byte(r, 48 * KIB - 1), 0);
	ck_assert_uint_eq(shared_byte(r, 48 * KIB), 0x11);
	ck_assert_uint_eq(private_byte(r, 40 * KIB), 0x22);
	vmem_region_unref(r);
}
END_TEST

START_TEST(conversion_to_shared_tells_kvm_and_empties_the_private_half)
{
	struct vmem_region *r = make_halves();

	ck_assert_int_eq(vmem_kvm_convert(FAKE_VM, r, 8192, 8192, false, NULL),
			 0);
	ck_assert_uint_eq(fake_kvm.address, GPA + 8192);
	ck_assert_uint_eq(fake_kvm.attributes, 0);
	ck_assert_uint_eq(private_byte(r, 40 * KIB - 1), 0x22);
	ck_assert_uint_eq(private_byte(r, 40 * KIB), 0);
	ck_assert_uint_eq(private_byte(r, 48 * KIB - 1), 0);
	ck_assert_uint_eq(private_byte(r, 48 * KIB), 0x22);
	ck_assert_uint_eq(shared_byte(r, 40 * KIB), 0x11);
	vmem_region_unref(r);
}
END_TEST

static const char *const with_huge_pages[] = {
	"backend=memfd,size=4M,hugetlb=on,hugetlbsize=2M,private=on",
	"backend=memfd,size=4M,hugetlb=on,hugetlbsize=2M,share=off,private=on",
};

static void assert_shared(const struct vmem_region *r, uint64_t from,
			  uint64_t end, unsigned char byte)
{
	ck_assert_uint_eq(shared_byte(r, from), byte);
	ck_assert_uint_eq(shared_byte(r, (from + end) / 2), byte);
	ck_assert_uint_eq(shared_byte(r, end - 1), byte);
}

START_TEST(parts_of_huge_pages_that_become_private_are_cleared)
{
	struct vmem_region *r;
	struct vmem_block *b;
	uint64_t huge;

	ck_assert_int_eq(alloc(with_huge_pages[_i], &b, NULL), 0);
	huge = vmem_block_page_size(b);
	memset(vmem_block_hva(b), 0x11, 2 * huge);
	r = region_of(b, 0, GPA, 2 * huge, 0);
	vmem_block_unref(b);
	ck_assert_int_eq(vmem_kvm_convert(FAKE_VM, r, 4096, 8192, true, NULL),
			 0);
	assert_shared(r, 0, 4096, 0x11);
	assert_shared(r, 4096, 12288, 0);
	assert_shared(r, 12288, 2 * huge, 0x11);
	ck_assert_int_eq(vmem_kvm_convert(FAKE_VM, r, huge - 4096, huge + 4096,
					  true, NULL), 0);
	ck_assert_uint_eq(fake_kvm.size, huge + 4096);
	assert_shared(r, 12288, huge - 4096, 0x11);
	assert_shared(r, huge - 4096, 2 * huge, 0);
	vmem_region_unref(r);
}
END_TEST

static uint64_t present_pages(const struct vmem_block *b)
{
	struct stat st;

	ck_assert_int_eq(fstat(vmem_block_fd(b), &st), 0);
	return (uint64_t)st.st_blocks * 512 / vmem_block_page_size(b);
}

START_TEST(parts_of_a_hole_are_not_allocated)
{
	struct vmem_region *r;
	struct vmem_block *b;

	ck_assert_int_eq(alloc(with_huge_pages[_i], &b, NULL), 0);
	r = region_of(b, 0, GPA, 4 * (1024 * KIB), 0);
	ck_assert_int_eq(vmem_kvm_convert(FAKE_VM, r, 4096, 3 * (1024 * KIB), true, NULL),
			 0);
	ck_assert_uint_eq(present_pages(b), 0);
	vmem_block_unref(b);
	vmem_region_unref(r);
}
END_TEST

START_TEST(conversion_that_kvm_refuses_keeps_both_halves)
{
	static const int codes[][2] = {
		{ EINVAL, -EINVAL }, { ENOTTY, -EOPNOTSUPP },
	};
	struct vmem_region *r = make_halves();
	struct vsu_error err = VSU_ERROR_INIT;

	fake_kvm.refuse = codes[_i][0];
	ck_assert_int_eq(vmem_kvm_convert(FAKE_VM, r, 0, 4096, true, &err),
			 codes[_i][1]);
	ck_assert_uint_ne(strlen(err.msg), 0);
	ck_assert_int_eq(vmem_kvm_convert(FAKE_VM, r, 0, 4096, false, &err),
			 codes[_i][1]);
	ck_assert_uint_eq(shared_byte(r, 32 * KIB), 0x11);
	ck_assert_uint_eq(private_byte(r, 32 * KIB), 0x22);
	vmem_region_unref(r);
}
END_TEST

START_TEST(d1_13_unaligned_piece_is_not_converted)
{
	struct vmem_region *r = make_halves();

	ck_assert_int_eq(vmem_kvm_convert(FAKE_VM, r, 512, 4096, true, NULL),
			 -EINVAL);
	ck_assert_int_eq(vmem_kvm_convert(FAKE_VM, r, 0, 512, true, NULL),
			 -EINVAL);
	ck_assert_uint_eq(fake_kvm.conversions, 0);
	vmem_region_unref(r);
}
END_TEST

#define LOOP(tc, test, table) \
	tcase_add_loop_test(tc, test, 0, sizeof(table) / sizeof((table)[0]))

static const char *no_huge_pages(void)
{
	int fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB | 21u << MAP_HUGE_SHIFT);
	const bool has = fd >= 0 && !ftruncate(fd, 4 * 1024 * KIB) &&
			 !fallocate(fd, 0, 0, 4 * 1024 * KIB);

	if (fd >= 0)
		close(fd);
	return has ? NULL : "the pool has no two huge pages of 2 MiB (vm.nr_hugepages)";
}

int main(void)
{
	Suite *s = suite_create("private");
	TCase *tc = tcase_create("private");

	suite_add_tcase(s, tc);
	LOOP(tc, private_half_is_a_guest_memfd_of_the_same_size, with_private);
	tcase_add_test(tc, fully_shared_memory_asks_for_both_flags);
	tcase_add_loop_test(tc, policy_of_guest_memfd_depends_on_the_kernel_release,
			    0, (int)(sizeof(kernels) / sizeof(kernels[0])));
	tcase_add_test(tc, refusal_by_kvm_is_reported_and_leaves_nothing);
	tcase_add_test(tc,
		conversion_to_private_tells_kvm_and_empties_the_shared_half);
	tcase_add_test(tc,
		conversion_to_shared_tells_kvm_and_empties_the_private_half);
	tcase_add_loop_test_unless(tc, no_huge_pages(),
				   parts_of_huge_pages_that_become_private_are_cleared, 0, 2);
	tcase_add_loop_test_unless(tc, no_huge_pages(), parts_of_a_hole_are_not_allocated, 0, 2);
	tcase_add_loop_test(tc, conversion_that_kvm_refuses_keeps_both_halves,
			    0, 2);
	tcase_add_test(tc, d1_13_unaligned_piece_is_not_converted);
	return run_suite_apart(s);
}
