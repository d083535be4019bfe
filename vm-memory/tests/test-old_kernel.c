/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about kernels that lack something: MADV_POPULATE_* before 5.14, and
 * files without a name where the file system has none. The linker puts the
 * refusals between (see Makefile.am).
 */
#include <config.h>

#include <stdarg.h>

#include <linux/falloc.h>
#include <vm-memory/backend.h>

#include "util.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

static unsigned int populates, fallocates;	/* calls that were made */
static off_t taken_at, taken_len;		/* by the last fallocate() */
static int fallocate_refusal;			/* an errno, or 0: works */

int __real_madvise(void *at, size_t len, int advice);
int __wrap_madvise(void *at, size_t len, int advice);
int __wrap_madvise(void *at, size_t len, int advice)
{
	if (advice != MADV_POPULATE_READ && advice != MADV_POPULATE_WRITE)
		return __real_madvise(at, len, advice);
	populates++;
	errno = EINVAL;
	return -1;
}

int __real_fallocate(int fd, int mode, off_t at, off_t len);
int __wrap_fallocate(int fd, int mode, off_t at, off_t len);
int __wrap_fallocate(int fd, int mode, off_t at, off_t len)
{
	if (mode & FALLOC_FL_PUNCH_HOLE)
		return __real_fallocate(fd, mode, at, len);
	fallocates++;
	taken_at = at;
	taken_len = len;
	if (!fallocate_refusal)
		return __real_fallocate(fd, mode, at, len);
	errno = fallocate_refusal;
	return -1;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if ((flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	if (flags & O_CREAT) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return __real_open(path, flags, mode);
}

static struct vmem_block *alloc(const char *list)
{
	struct vmem_backend *b;
	struct vmem_block *block = NULL;

	ck_assert_int_eq(vmem_backend_new(&b), 0);
	ck_assert_int_eq(vmem_backend_parse(b, "x", list, NULL), 0);
	ck_assert_int_eq(vmem_backend_alloc(b, &block, NULL), 0);
	vmem_backend_free(b);
	return block;
}

static void check_present(const struct vmem_block *b)
{
	unsigned char vec[64];
	uint64_t i;

	ck_assert_int_eq(mincore(vmem_block_hva(b), vmem_block_len(b), vec), 0);
	for (i = 0; i < vmem_block_len(b) / PAGE; i++)
		ck_assert_uint_eq(vec[i] & 1, 1);
}

START_TEST(anonymous_pages_are_touched_and_keep_what_they_hold)
{
	struct vmem_block *b = alloc("size=64k");

	vmem_block_hva(b)[12345] = 0x42;
	ck_assert_int_eq(vmem_block_populate(b, 0, 64 * KIB, NULL), 0);
	ck_assert_uint_eq(populates, 1);
	ck_assert_uint_eq(fallocates, 0);
	ck_assert_uint_eq(vmem_block_hva(b)[12345], 0x42);
	check_present(b);
	vmem_block_unref(b);
}
END_TEST

START_TEST(pages_of_a_memfd_are_taken_before_they_are_touched)
{
	struct vmem_block *b = alloc("backend=memfd,size=64k,prealloc=on");

	ck_assert_uint_eq(fallocates, 1);
	ck_assert_int_eq(taken_at, 0);
	ck_assert_int_eq(taken_len, 64 * KIB);
	check_present(b);
	vmem_block_unref(b);
}
END_TEST

START_TEST(pages_are_taken_where_the_piece_lies_in_the_file)
{
	int fd = make_memfd(16 * PAGE);
	struct vmem_block *b;

	ck_assert_int_eq(new_block_fd(fd, 4 * PAGE, 8 * PAGE, RW_SHARED, &b),
			 0);
	ck_assert_int_eq(vmem_block_populate(b, PAGE + 5, 1, NULL), 0);
	ck_assert_int_eq(taken_at, (off_t)(5 * PAGE));
	ck_assert_int_eq(taken_len, (off_t)PAGE);
	ck_assert_uint_eq(vmem_block_hva(b)[PAGE + 5], pattern(5 * PAGE + 5));
	vmem_block_unref(b);
	close(fd);
}
END_TEST

START_TEST(full_disk_is_reported_without_touching_pages)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b = alloc("backend=memfd,size=64k");
	unsigned char vec;

	fallocate_refusal = ENOSPC;
	ck_assert_int_eq(vmem_block_populate(b, 0, 64 * KIB, &err), -ENOSPC);
	ck_assert_uint_ne(strlen(err.msg), 0);
	ck_assert_int_eq(mincore(vmem_block_hva(b), PAGE, &vec), 0);
	ck_assert_uint_eq(vec & 1, 0);
	vmem_block_unref(b);
}
END_TEST

START_TEST(file_system_that_cannot_take_pages_has_them_touched)
{
	struct vmem_block *b = alloc("backend=memfd,size=64k");

	fallocate_refusal = EOPNOTSUPP;
	ck_assert_int_eq(vmem_block_populate(b, 0, 64 * KIB, NULL), 0);
	check_present(b);
	vmem_block_unref(b);
}
END_TEST

/* ROM, and private memory over a file: neither takes pages of the file. */
static const uint32_t untaken[] = { VMEM_BLOCK_SHARED, 0, VMEM_BLOCK_WRITE };

START_TEST(private_memory_allocates_no_pages_of_its_file)
{
	int fd = make_memfd(64 * KIB);
	struct vmem_block *b;

	ck_assert_int_eq(new_block_fd(fd, 0, 64 * KIB, untaken[_i], &b), 0);
	ck_assert_int_eq(vmem_block_populate(b, 0, 64 * KIB, NULL), 0);
	ck_assert_uint_eq(fallocates, 0);
	ck_assert_uint_eq(vmem_block_hva(b)[777], pattern(777));
	check_present(b);
	vmem_block_unref(b);
	close(fd);
}
END_TEST

/* A touch behind the end of the file would end the process. */
static const uint32_t all[] = { RW_SHARED, VMEM_BLOCK_SHARED, 0,
				VMEM_BLOCK_WRITE };

START_TEST(cut_file_is_an_error_and_no_signal)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int fd = make_memfd(64 * KIB);
	struct vmem_block *b;

	ck_assert_int_eq(new_block_fd(fd, 0, 64 * KIB, all[_i], &b), 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)PAGE + 1), 0);
	ck_assert_int_eq(vmem_block_populate(b, 0, 2 * PAGE, NULL), 0);
	ck_assert_int_eq(vmem_block_populate(b, 0, 64 * KIB, &err), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(err.msg, "no room"));
	vmem_block_unref(b);
	close(fd);
}
END_TEST

START_TEST(folder_without_nameless_files_gives_one_whose_name_is_gone)
{
	char dir[] = "/tmp/vmem-test-XXXXXX", list[128];
	struct vmem_block *b;
	struct stat st;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(list, sizeof(list), "backend=file,size=64k,share=on,"
		 "mem-path=%s", dir);
	b = alloc(list);
	ck_assert_int_eq(fstat(vmem_block_fd(b), &st), 0);
	ck_assert_uint_eq(st.st_nlink, 0);
	ck_assert_int_eq(st.st_size, 64 * KIB);
	ck_assert_int_eq(fcntl(vmem_block_fd(b), F_GETFD), FD_CLOEXEC);
	vmem_block_unref(b);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

#define LOOP(tc, test, table) \
	tcase_add_loop_test(tc, test, 0, sizeof(table) / sizeof((table)[0]))

int main(void)
{
	Suite *s;
	TCase *tc;

	/* Their names are others where a file's offset is wider than long. */
	if (sizeof(long) < sizeof(off_t)) {
		puts("1..0 # SKIP system calls can be refused in a 64-bit build only");
		return 0;
	}
	s = suite_create("old_kernel");
	tc = tcase_create("old_kernel");
	suite_add_tcase(s, tc);
	tcase_add_test(tc, anonymous_pages_are_touched_and_keep_what_they_hold);
	tcase_add_test(tc, pages_of_a_memfd_are_taken_before_they_are_touched);
	tcase_add_test(tc, pages_are_taken_where_the_piece_lies_in_the_file);
	tcase_add_test(tc, full_disk_is_reported_without_touching_pages);
	tcase_add_test(tc, file_system_that_cannot_take_pages_has_them_touched);
	LOOP(tc, private_memory_allocates_no_pages_of_its_file,
	     untaken);
	LOOP(tc, cut_file_is_an_error_and_no_signal, all);
	tcase_add_test(tc,
		       folder_without_nameless_files_gives_one_whose_name_is_gone);
	return run_suite_apart(s);
}
