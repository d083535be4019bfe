/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about memory over a file that another process has allocated, and about who
 * frees the file's pages.
 */
#include <config.h>

#include <vmm-sys-util/error.h>

#include <vm-memory/backend.h>

#include "util.h"

static int alloc_fd(const char *list, int fd, uint64_t offset, uint64_t len,
		    struct vmem_block **out, struct vsu_error *err)
{
	struct vmem_backend *b;
	int rc;

	ck_assert_int_eq(vmem_backend_new(&b), 0);
	ck_assert_int_eq(vmem_backend_parse(b, "--memory", list, err), 0);
	rc = vmem_backend_alloc_fd(b, fd, offset, len, out, err);
	vmem_backend_free(b);
	return rc;
}

static unsigned char byte_at(int fd, uint64_t pos)
{
	unsigned char byte = 0;

	ck_assert_int_eq(pread(fd, &byte, 1, (off_t)pos), 1);
	return byte;
}

/* The owner is the process that has made it, and one that has taken it over. */
static const struct {
	int set;	/* -1: not called */
	bool freed;
} owners[] = { { -1, false }, { 0, false }, { 1, true } };

START_TEST(e3_01_only_an_owner_frees_the_data)
{
	int fd = make_memfd(64 * KIB);
	struct vmem_block *b;

	ck_assert_int_eq(alloc_fd("backend=file,mem-path=/none,share=on,size=8K,discard-data=on",
				  fd, 16 * KIB, 8 * KIB, &b, NULL), 0);
	if (owners[_i].set >= 0)
		vmem_block_set_owner(b, owners[_i].set);
	vmem_block_unref(b);
	ck_assert_int_eq(byte_at(fd, 16 * KIB + 1) == 0, owners[_i].freed);
	ck_assert_uint_eq(byte_at(fd, 24 * KIB + 1), pattern(24 * KIB + 1));
	ck_assert_uint_eq(byte_at(fd, 16 * KIB - 1), pattern(16 * KIB - 1));
	close(fd);
}
END_TEST

START_TEST(file_that_cannot_be_written_is_refused_by_its_cause)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int fd = make_memfd(64 * KIB), reader;
	struct vmem_block *b;
	char name[32];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	reader = open(name, O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(alloc_fd("backend=file,mem-path=/none,share=on,size=8K", reader, 0, 8 * KIB, &b, &err), -EACCES);
	ck_assert_msg(strstr(err.msg, "the file is open for reading only"), "%s", err.msg);
	close(reader);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	ck_assert_int_eq(alloc_fd("backend=file,mem-path=/none,share=on,size=8K", fd, 0, 8 * KIB, &b, &err), -EPERM);
	ck_assert_msg(strstr(err.msg, "the file is sealed against writing"), "%s", err.msg);
	close(fd);
}
END_TEST

START_TEST(owner_without_discard_data_keeps_the_data)
{
	int fd = make_memfd(64 * KIB);
	struct vmem_block *b;

	ck_assert_int_eq(alloc_fd("backend=memfd,size=8K", fd, 0, 8 * KIB, &b,
				  NULL), 0);
	vmem_block_set_owner(b, true);
	vmem_block_unref(b);
	ck_assert_uint_eq(byte_at(fd, 4097), pattern(4097));
	close(fd);
}
END_TEST

START_TEST(block_has_the_piece_and_the_properties)
{
	int fd = make_memfd(64 * KIB);
	struct vmem_block *b;

	ck_assert_int_eq(alloc_fd("backend=memfd,size=16K,prealloc=on", fd,
				  8 * KIB, 16 * KIB, &b, NULL), 0);
	ck_assert_int_eq(vmem_block_kind(b), VMEM_KIND_MEMFD);
	ck_assert_uint_eq(vmem_block_flags(b), RW_SHARED);
	ck_assert_uint_eq(vmem_block_len(b), 16 * KIB);
	ck_assert_uint_eq(vmem_block_file_pos(b, 1), 8 * KIB + 1);
	ck_assert_uint_eq(vmem_block_hva(b)[5], pattern(8 * KIB + 5));
	ck_assert(vmem_block_is_prealloc(b));
	vmem_block_hva(b)[5] = 0xa5;
	ck_assert_uint_eq(byte_at(fd, 8 * KIB + 5), 0xa5);
	vmem_block_unref(b);
	close(fd);
}
END_TEST

/* Whether smaps has the flag for the mapping at hva; not everywhere readable. */
static bool has_flag(const struct vmem_block *b, const char *flag)
{
	char start[32], line[512];
	FILE *f = fopen("/proc/self/smaps", "r");
	bool inside = false, has = false;

	snprintf(start, sizeof(start), "%lx-",
		 (unsigned long)(uintptr_t)vmem_block_hva(b));
	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, start, strlen(start)))
			inside = true;
		else if (inside && !strncmp(line, "VmFlags:", 8))
			break;
	}
	has = inside && f && strstr(line, flag) != NULL;
	if (f)
		fclose(f);
	return has;
}

START_TEST(policies_of_the_host_apply)
{
	const uint64_t huge = 2048 * KIB;
	int fd = make_memfd(huge);
	struct vmem_block *b;

	ck_assert_int_eq(alloc_fd("backend=memfd,size=2M,dump=off,reserve=off",
				  fd, 0, huge, &b, NULL), 0);
	ck_assert_uint_eq((uintptr_t)vmem_block_hva(b) % huge, 0);
	if (has_flag(b, "sh")) {	/* smaps is readable */
		ck_assert(has_flag(b, " dd"));
		ck_assert(has_flag(b, " dc"));
		ck_assert(has_flag(b, " nr"));
	}
	vmem_block_unref(b);
	close(fd);
}
END_TEST

static const struct {
	const char *list;
	uint64_t offset, len;
} refused[] = {
	{ "backend=memfd,size=4K", 0, 0 },
	{ "backend=memfd,size=4K", 100, 4096 },
	{ "backend=memfd,size=4K", 0, 100 },
	{ "backend=memfd,size=4K", 64 * KIB, 4096 },
	{ "backend=memfd,size=4K", 60 * KIB, 8192 },
	{ "backend=memfd,size=4K", UINT64_MAX - 4095, 4096 },
	{ "backend=memfd,size=4K", 4096, UINT64_MAX - 4095 },
	{ "backend=file,mem-path=/none,size=4K,readonly=on", 0, 4096 },
};

START_TEST(impossible_piece_is_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b = NULL;
	int fd = make_memfd(64 * KIB);

	ck_assert_int_eq(alloc_fd(refused[_i].list, fd, refused[_i].offset,
				  refused[_i].len, &b, &err), -EINVAL);
	ck_assert_ptr_null(b);
	ck_assert_str_ne(err.msg, "");
	close(fd);
	ck_assert_int_eq(alloc_fd("size=4K", -1, 0, 4096, &b, &err), -EBADF);
}
END_TEST

#define LOOP(tc, test, table) \
	tcase_add_loop_test(tc, test, 0, sizeof(table) / sizeof((table)[0]))

int main(void)
{
	Suite *s = suite_create("alloc_fd");
	TCase *tc = tcase_create("alloc_fd");

	suite_add_tcase(s, tc);
	LOOP(tc, e3_01_only_an_owner_frees_the_data, owners);
	tcase_add_test(tc, file_that_cannot_be_written_is_refused_by_its_cause);
	tcase_add_test(tc, owner_without_discard_data_keeps_the_data);
	tcase_add_test(tc, block_has_the_piece_and_the_properties);
	tcase_add_test(tc, policies_of_the_host_apply);
	LOOP(tc, impossible_piece_is_refused, refused);
	return run_suite(s);
}
