/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the number of present bytes. This program implements mincore()
 * and syscall(), so that it counts page queries, and can be a kernel without
 * cachestat.
 */
#include <config.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <vm-memory/backend.h>

#include "util.h"

#define MIB (1024 * KIB)

#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

static struct vmem_block *block_of(const char *properties)
{
	struct vmem_backend *backend;
	struct vmem_block *block;

	ck_assert_int_eq(vmem_backend_new(&backend), 0);
	ck_assert_int_eq(vmem_backend_parse(backend, "test", properties, NULL), 0);
	ck_assert_int_eq(vmem_backend_alloc(backend, &block, NULL), 0);
	vmem_backend_free(backend);
	return block;
}

static unsigned int questions;	/* calls of mincore() */
static bool old_kernel;

int mincore(void *addr, size_t len, unsigned char *present)
{
	(void)addr;
	(void)len;
	questions++;
	*present = 1;
	return 0;
}

/* Takes six arguments for every call. */
__attribute__((no_sanitize_address))
long syscall(long number, ...)
{
	static long (*next)(long number, ...);
	long a[6];
	va_list ap;
	int i;

	va_start(ap, number);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_cachestat && old_kernel) {
		errno = ENOSYS;
		return -1;
	}
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "syscall");
	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* NULL, or the reason why the pages of a part of a file cannot be counted here. */
static const char *no_cachestat(void)
{
	const uint64_t range[2] = { 0, 4096 };
	uint64_t stat[5];
	const int fd = memfd_create("cachestat", MFD_CLOEXEC);
	const bool has = fd >= 0 && !syscall(SYS_cachestat, fd, range, stat, 0);

	close(fd);
	return has ? NULL : "the kernel has no cachestat(), as before Linux 6.5";
}

static char path[] = "/tmp/vmem-present-XXXXXX";

/* A file of 64 KiB whose pages are all in the page cache. */
static void make_file(void)
{
	static const char data[65536] = "x";
	int fd = mkstemp(path);

	ck_assert_int_eq(write(fd, data, sizeof(data)), sizeof(data));
	close(fd);
}

static void remove_file(void)
{
	ck_assert_uint_eq(questions, 0);
	unlink(path);
}

static struct vmem_block *file_block(const char *properties)
{
	char list[256];

	snprintf(list, sizeof(list), "size=64k,backend=file,mem-path=%s,%s",
		 path, properties);
	return block_of(list);
}

static const char *const kinds[] = {
	"backend=memfd,size=9M", "backend=shm,size=9M", "size=9M",
	"backend=memfd,share=off,size=9M",
};

START_TEST(only_touched_pages_are_present)
{
	struct vmem_block *b = block_of(kinds[_i % 4]);

	old_kernel = _i >= 4;
	ck_assert_uint_eq(vmem_block_present(b), 0);
	memset(vmem_block_hva(b) + 8 * MIB, 1, 8192);
	ck_assert_uint_ge(vmem_block_present(b), 8192);
	ck_assert_uint_lt(vmem_block_present(b), 9 * MIB);
	vmem_block_unref(b);
}
END_TEST

/* A piece of the source's file, which is released. */
static struct vmem_block *take_over(struct vmem_block *source, uint64_t pos, uint64_t len)
{
	struct vmem_backend *backend;
	struct vmem_block *b;
	char list[64];

	snprintf(list, sizeof(list), "backend=memfd,size=%" PRIu64, len);
	ck_assert_int_eq(vmem_backend_new(&backend), 0);
	ck_assert_int_eq(vmem_backend_parse(backend, "test", list, NULL), 0);
	ck_assert_int_eq(vmem_backend_alloc_fd(backend, vmem_block_fd(source), pos, len, &b, NULL), 0);
	vmem_block_unref(source);
	vmem_backend_free(backend);
	return b;
}

/* The block of a machine that takes over memory, which the process before it has populated. */
START_TEST(a_file_of_another_process_counts_before_it_is_mapped)
{
	struct vmem_block *source = block_of("backend=memfd,size=9M"), *b;

	old_kernel = _i;
	memset(vmem_block_hva(source), 1, 9 * MIB);
	b = take_over(source, 0, 9 * MIB);
	ck_assert_uint_eq(vmem_block_present(b), 9 * MIB);
	vmem_block_unref(b);
}
END_TEST

/* An old kernel tells only the pages of the whole file. */
START_TEST(pages_of_other_pieces_of_a_file_do_not_count)
{
	struct vmem_block *source = block_of("backend=memfd,size=9M"), *b;

	old_kernel = _i < 2;
	memset(vmem_block_hva(source), 1, 9 * MIB);
	b = take_over(source, _i % 2 ? 8 * MIB : 0, MIB);
	ck_assert_uint_eq(vmem_block_present(b), old_kernel ? 0 : MIB);
	vmem_block_unref(b);
}
END_TEST

START_TEST(a_template_counts_its_own_pages_only)
{
	struct vmem_block *b = file_block("readonly=on,rom=off");
	volatile unsigned char *bytes = vmem_block_hva(b);

	(void)bytes[8192];
	ck_assert_uint_eq(vmem_block_present(b), 0);
	bytes[8192] = 1;
	ck_assert_uint_eq(vmem_block_present(b), 4096);
	vmem_block_unref(b);
}
END_TEST

START_TEST(shared_and_read_only_files_count_the_page_cache)
{
	struct vmem_block *ram = file_block("share=on");
	struct vmem_block *rom = file_block("readonly=on");

	ck_assert_uint_eq(vmem_block_present(ram), 65536);
	ck_assert_uint_eq(vmem_block_present(rom), 65536);
	vmem_block_unref(ram);
	vmem_block_unref(rom);
}
END_TEST

START_TEST(block_of_512_gib_is_counted_quickly)
{
	struct vmem_block *b = block_of(_i ? "size=512G,reserve=off" :
					       "backend=memfd,size=512G");

	ck_assert_uint_eq(vmem_block_present(b), 0);
	vmem_block_unref(b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("present");
	TCase *tc = tcase_create("present");

	tcase_add_checked_fixture(tc, make_file, remove_file);
	tcase_add_loop_test(tc, only_touched_pages_are_present, 0,
			    8);
	tcase_add_loop_test(tc, a_file_of_another_process_counts_before_it_is_mapped, 0, 2);
	tcase_add_loop_test(tc, pages_of_other_pieces_of_a_file_do_not_count, 0, 2);
	tcase_add_loop_test_unless(tc, no_cachestat(), pages_of_other_pieces_of_a_file_do_not_count, 2, 4);
	tcase_add_test(tc, a_template_counts_its_own_pages_only);
	tcase_add_test_unless(tc, no_cachestat(), shared_and_read_only_files_count_the_page_cache);
	tcase_add_loop_test(tc, block_of_512_gib_is_counted_quickly, 0, 2);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
