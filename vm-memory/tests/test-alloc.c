/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about memory without a path: anonymous, memfd, shm. */
#include <config.h>

#include <sys/resource.h>

#include <vm-memory/backend.h>
#include <vm-memory/sigbus.h>

#include "util.h"

static int alloc(const char *list, struct vmem_block **out,
		 struct vsu_error *err)
{
	struct vmem_backend *b;
	int rc;

	ck_assert_int_eq(vmem_backend_new(&b), 0);
	rc = vmem_backend_parse(b, "--memory", list, err);
	if (!rc)
		rc = vmem_backend_alloc(b, out, err);
	vmem_backend_free(b);
	return rc;
}

START_TEST(anonymous_memory_is_private_zeros_without_an_fd)
{
	struct vmem_block *b;

	ck_assert_int_eq(alloc("size=1", &b, NULL), 0);
	ck_assert_int_eq(vmem_block_kind(b), VMEM_KIND_ANON);
	ck_assert_uint_eq(vmem_block_len(b), PAGE);	/* rounded up */
	ck_assert_uint_eq(vmem_block_flags(b), VMEM_BLOCK_WRITE);
	ck_assert_int_eq(vmem_block_fd(b), -1);
	ck_assert_uint_eq(vmem_block_hva(b)[PAGE - 1], 0);
	vmem_block_hva(b)[PAGE - 1] = 1;
	vmem_block_unref(b);
}
END_TEST

START_TEST(shared_anonymous_memory_has_an_fd_to_pass_on)
{
	struct vmem_block *b, *peer = NULL;

	ck_assert_int_eq(alloc("size=64k,share=on", &b, NULL), 0);
	ck_assert_int_eq(vmem_block_kind(b), VMEM_KIND_ANON);
	ck_assert_uint_eq(vmem_block_flags(b), RW_SHARED);
	ck_assert_int_eq(fcntl(vmem_block_fd(b), F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(new_block_fd(vmem_block_fd(b), 0, 64 * KIB, RW_SHARED,
				      &peer), 0);
	vmem_block_hva(b)[777] = 0x77;
	ck_assert_uint_eq(vmem_block_hva(peer)[777], 0x77);
	vmem_block_unref(b);
	ck_assert_uint_eq(vmem_block_hva(peer)[777], 0x77);
	vmem_block_unref(peer);
}
END_TEST

/* Huge pages need an aligned address; small memory would waste address space. */
START_TEST(only_memory_of_2_mib_and_more_is_aligned_to_2_mib)
{
	static const char *const small[] = { "size=64k", "size=64k,share=on",
					     "backend=memfd,size=2044k" };
	static const char *const large[] = { "size=2m", "size=2m,share=on",
					     "backend=memfd,size=2m", "size=3m" };
	struct vmem_block *b[12];
	uintptr_t seen = 0;
	unsigned int i;

	for (i = 0; i < 12; i++) {
		ck_assert_int_eq(alloc(small[i % 3], &b[i], NULL), 0);
		seen |= (uintptr_t)vmem_block_hva(b[i]);
	}
	ck_assert_uint_ne(seen % (2048 * KIB), 0);
	while (i--)
		vmem_block_unref(b[i]);
	for (i = 0; i < 12; i++) {
		ck_assert_int_eq(alloc(large[i % 4], &b[i], NULL), 0);
		ck_assert_uint_eq((uintptr_t)vmem_block_hva(b[i]) % (2048 * KIB), 0);
	}
	while (i--)
		vmem_block_unref(b[i]);
}
END_TEST

START_TEST(memfd_is_sealed_unless_told_not_to)
{
	struct vmem_block *b;
	int fd;

	ck_assert_int_eq(alloc("backend=memfd,size=64k", &b, NULL), 0);
	fd = vmem_block_fd(b);
	ck_assert_uint_eq(vmem_block_seals(b),
			  F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(ftruncate(fd, 0), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(ftruncate(fd, 128 * KIB), -1);
	ck_assert_int_eq(ftruncate(fd, 64 * KIB), 0);	/* the same */
	ck_assert_int_eq(fallocate(fd, 0, 64 * KIB, 4096), -1);
	ck_assert_int_eq(pwrite(fd, "", 1, 64 * KIB), -1);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	ck_assert_int_eq(vmem_block_discard(b, 0, PAGE, NULL), 0);
	vmem_block_unref(b);
	ck_assert_int_eq(alloc("backend=memfd,size=64k,seal=off", &b, NULL), 0);
	ck_assert_uint_eq(vmem_block_seals(b), 0);
	ck_assert_int_eq(ftruncate(vmem_block_fd(b), 128 * KIB), 0);
	vmem_block_unref(b);
}
END_TEST

START_TEST(private_memfd_keeps_stores_to_itself)
{
	struct vmem_block *b;
	unsigned char byte = 9;

	ck_assert_int_eq(alloc("backend=memfd,size=64k,share=off", &b, NULL),
			 0);
	ck_assert_uint_eq(vmem_block_flags(b), VMEM_BLOCK_WRITE);
	vmem_block_hva(b)[0] = 1;
	ck_assert_int_eq(pread(vmem_block_fd(b), &byte, 1, 0), 1);
	ck_assert_uint_eq(byte, 0);
	vmem_block_unref(b);
}
END_TEST

START_TEST(shm_leaves_no_name_behind)
{
	struct vmem_block *b;
	struct stat st;

	ck_assert_int_eq(alloc("backend=shm,size=64k", &b, NULL), 0);
	ck_assert_int_eq(vmem_block_kind(b), VMEM_KIND_SHM);
	ck_assert_uint_eq(vmem_block_flags(b), RW_SHARED);
	ck_assert_int_eq(fstat(vmem_block_fd(b), &st), 0);
	ck_assert_uint_eq(st.st_nlink, 0);
	ck_assert_int_eq(st.st_size, 64 * KIB);
	ck_assert_int_eq(fcntl(vmem_block_fd(b), F_GETFD), FD_CLOEXEC);
	vmem_block_hva(b)[64 * KIB - 1] = 1;
	vmem_block_unref(b);
}
END_TEST

START_TEST(large_memory_is_aligned_for_huge_pages)
{
	struct vmem_block *b;

	ck_assert_int_eq(alloc("size=4M", &b, NULL), 0);
	ck_assert_uint_eq((uintptr_t)vmem_block_hva(b) % (2 << 20), 0);
	vmem_block_unref(b);
}
END_TEST

static const struct {
	const char *list;
	uint64_t gpa, expected;		/* modulo 2 MiB */
} congruent[] = {
	{ "size=4M", 0x10001000, 0x1000 },
	{ "size=4M,backend=memfd", 0x101ff000, 0x1ff000 },
	{ "size=2M,backend=shm", 0x10000800, 0 },
};

START_TEST(d1_26_host_and_guest_address_are_congruent_for_huge_pages)
{
	struct vmem_backend *backend;
	struct vmem_block *b;

	ck_assert_int_eq(vmem_backend_new(&backend), 0);
	ck_assert_int_eq(vmem_backend_parse(backend, "test", congruent[_i].list, NULL), 0);
	vmem_backend_set_gpa(backend, congruent[_i].gpa);
	ck_assert_int_eq(vmem_backend_alloc(backend, &b, NULL), 0);
	ck_assert_uint_eq((uintptr_t)vmem_block_hva(b) % (2 << 20), congruent[_i].expected);
	memset(vmem_block_hva(b), 1, (size_t)vmem_block_len(b));
	vmem_block_unref(b);
	vmem_backend_free(backend);
}
END_TEST

static unsigned int present_pages(const struct vmem_block *b)
{
	uint64_t n = vmem_block_len(b) / PAGE, i;
	unsigned char *vec = malloc(n);
	unsigned int present = 0;

	ck_assert_int_eq(mincore(vmem_block_hva(b), vmem_block_len(b), vec), 0);
	for (i = 0; i < n; i++)
		present += vec[i] & 1;
	free(vec);
	return present;
}

START_TEST(prealloc_makes_all_pages_present)
{
	struct vmem_backend *b;
	struct vmem_block *block;

	ck_assert_int_eq(vmem_backend_new(&b), 0);
	ck_assert_int_eq(vmem_backend_parse(b, "x", "size=1M,prealloc=on",
					    NULL), 0);
	ck_assert_int_eq(vmem_backend_alloc(b, &block, NULL), 0);
	ck_assert_uint_eq(present_pages(block), 1024 * KIB / PAGE);
	vmem_block_unref(block);
	vmem_backend_free(b);
}
END_TEST

START_TEST(prealloc_can_be_left_to_the_caller_in_slices)
{
	struct vmem_backend *b;
	struct vmem_block *block;

	ck_assert_int_eq(vmem_backend_new(&b), 0);
	ck_assert_int_eq(vmem_backend_parse(b, "x", "backend=memfd,size=64k,"
					    "prealloc=on,prealloc-threads=4",
					    NULL), 0);
	ck_assert_uint_eq(vmem_backend_value(b, "prealloc-threads"), 4);
	vmem_backend_leave_prealloc(b);
	ck_assert_int_eq(vmem_backend_alloc(b, &block, NULL), 0);
	ck_assert_uint_eq(present_pages(block), 0);
	ck_assert_int_eq(vmem_block_populate(block, 16 * KIB, 16 * KIB, NULL),
			 0);
	ck_assert_uint_eq(present_pages(block), 16 * KIB / PAGE);
	vmem_block_unref(block);
	vmem_backend_free(b);
}
END_TEST

START_TEST(impossible_sizes_are_errors_and_leave_nothing)
{
	static const char *const lists[] = {
		"size=7E", "backend=memfd,size=0x7ffffffffffff000",
		"backend=shm,size=0x7ffffffffffff000",
	};
	int before = vsu_fd_count();
	struct vmem_block *b = NULL;
	unsigned int i;

	for (i = 0; i < 3; i++)
		ck_assert_int_lt(alloc(lists[i], &b, NULL), 0);
	ck_assert_ptr_null(b);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

/* Pages of a memfd count when they are touched. */
START_TEST(memfd_larger_than_the_memory_is_created)
{
	struct vmem_block *b;
	struct stat st;

	ck_assert_int_eq(alloc("backend=memfd,size=16G", &b, NULL), 0);
	vmem_block_hva(b)[vmem_block_len(b) - 1] = 1;
	ck_assert_int_eq(fstat(vmem_block_fd(b), &st), 0);
	ck_assert_int_eq(st.st_size, (int64_t)16 << 30);
	ck_assert_int_lt(st.st_blocks * 512, (int64_t)8 << 20);
	vmem_block_unref(b);
}
END_TEST

START_TEST(huge_page_size_that_no_host_has_is_named)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b = NULL;

	ck_assert_int_eq(alloc("backend=memfd,size=64M,hugetlb=on,"
			       "hugetlbsize=64M", &b, &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "hugetlbsize 64M is"));
	ck_assert_ptr_null(b);
}
END_TEST

START_TEST(d1_08_huge_pages_without_a_pool_are_refused_at_once)
{
	struct vmem_block *b = NULL;
	int before = vsu_fd_count();

	/* no host of this test has 1 TiB of them */
	ck_assert_int_lt(alloc("backend=memfd,size=1T,hugetlb=on", &b, NULL),
			 0);
	ck_assert_ptr_null(b);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

START_TEST(node_that_is_not_there_is_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b = NULL;
	int rc = alloc("size=4k,policy=bind,host-nodes=127", &b, &err);

	ck_assert_int_lt(rc, 0);	/* -ENOSYS on kernels without NUMA */
	ck_assert_uint_ne(strlen(err.msg), 0);
	ck_assert_ptr_null(b);
}
END_TEST

START_TEST(full_sigbus_table_refuses_every_kind)
{
	static const char *const lists[] = {
		"size=4k", "backend=memfd,size=4k", "backend=shm,size=4k",
	};
	int i, before;
	struct vmem_sigbus *table = NULL;
	struct vmem_backend *b;
	struct vmem_block *one, *two = NULL;

	ck_assert_int_eq(vmem_sigbus_new(1, &table, NULL), 0);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(vmem_backend_new(&b), 0);
		ck_assert_int_eq(vmem_backend_parse(b, "x", lists[i], NULL), 0);
		vmem_backend_set_sigbus(b, table);
		ck_assert_int_eq(vmem_backend_alloc(b, &one, NULL), 0);
		before = vsu_fd_count();
		ck_assert_int_eq(vmem_backend_alloc(b, &two, NULL), -ENOSPC);
		ck_assert_int_eq(vsu_fd_count(), before);
		ck_assert_ptr_null(two);
		vmem_block_unref(one);
		vmem_backend_free(b);
	}
	vmem_sigbus_free(table);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("alloc");
	TCase *tc = tcase_create("alloc");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, anonymous_memory_is_private_zeros_without_an_fd);
	tcase_add_test(tc, shared_anonymous_memory_has_an_fd_to_pass_on);
	tcase_add_test(tc, only_memory_of_2_mib_and_more_is_aligned_to_2_mib);
	tcase_add_test(tc, memfd_is_sealed_unless_told_not_to);
	tcase_add_test(tc, private_memfd_keeps_stores_to_itself);
	tcase_add_test(tc, shm_leaves_no_name_behind);
	tcase_add_test(tc, large_memory_is_aligned_for_huge_pages);
	tcase_add_loop_test(tc, d1_26_host_and_guest_address_are_congruent_for_huge_pages, 0,
			    (int)(sizeof(congruent) / sizeof(congruent[0])));
	tcase_add_test(tc, prealloc_makes_all_pages_present);
	tcase_add_test(tc, prealloc_can_be_left_to_the_caller_in_slices);
	tcase_add_test(tc, impossible_sizes_are_errors_and_leave_nothing);
	if (sizeof(void *) >= 8)	/* room to map it */
		tcase_add_test(tc, memfd_larger_than_the_memory_is_created);
	tcase_add_test(tc, huge_page_size_that_no_host_has_is_named);
	tcase_add_test(tc, d1_08_huge_pages_without_a_pool_are_refused_at_once);
	tcase_add_test(tc, node_that_is_not_there_is_refused);
	tcase_add_test(tc, full_sigbus_table_refuses_every_kind);
	return run_suite(s);
}
