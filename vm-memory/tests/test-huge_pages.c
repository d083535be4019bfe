/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about huge pages, on a hugetlbfs of three of them that are set aside
 * for it, and on memfds. Skipped where the host has no pool of five.
 */
#include <config.h>

#include <signal.h>
#include <sys/vfs.h>

#include <vm-memory/backend.h>
#include <vm-memory/sigbus.h>

#include "mounts.h"
#include "util.h"

#define PAGES 3		/* huge pages that the file system may use */
#define POOL 5		/* PAGES, and two for memfds */

static char dir[] = "/tmp/vmem-test-XXXXXX";
static char path[64];
static uint64_t huge;	/* bytes of a huge page */
static struct vmem_sigbus *table;

static int alloc(const char *list, struct vmem_block **out,
		 struct vsu_error *err)
{
	struct vmem_backend *b;
	int rc;

	ck_assert_int_eq(vmem_backend_new(&b), 0);
	vmem_backend_set_sigbus(b, table);
	ck_assert_int_eq(vmem_backend_parse(b, "x", list, err), 0);
	rc = vmem_backend_alloc(b, out, err);
	vmem_backend_free(b);
	return rc;
}

/* size and offset in units of a quarter of a huge page. */
static int alloc_file(unsigned int size, unsigned int offset, const char *props,
		      struct vmem_block **out, struct vsu_error *err)
{
	char list[256];

	snprintf(list, sizeof(list), "backend=file,mem-path=%s,share=on,size=%"
		 PRIu64 ",offset=%" PRIu64 "%s", path, size * (huge / 4),
		 offset * (huge / 4), props);
	return alloc(list, out, err);
}

static int alloc_memfd(uint64_t size, const char *props,
		       struct vmem_block **out, struct vsu_error *err)
{
	char list[256];

	snprintf(list, sizeof(list), "backend=memfd,hugetlb=on,size=%" PRIu64
		 "%s", size, props);
	return alloc(list, out, err);
}

static int64_t file_size(void)
{
	struct stat st;

	return stat(path, &st) < 0 ? -1 : (int64_t)st.st_size;
}

static void make_file(unsigned int pages)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)(pages * huge)), 0);
	close(fd);
}

static void teardown(void)
{
	unlink(path);
}

/* Refused, with a piece of the sentence, and no file was made. */
static void check_refused(unsigned int size, unsigned int offset,
			  const char *props, const char *reason)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b = NULL;

	ck_assert_int_eq(alloc_file(size, offset, props, &b, &err), -EINVAL);
	ck_assert_msg(strstr(err.msg, reason) != NULL, "'%s'", err.msg);
	ck_assert_ptr_null(b);
	ck_assert_int_eq(file_size(), -1);
}

START_TEST(offset_28_quarter_of_a_huge_page)
{
	check_refused(4, 1, "", "is not a multiple of the page size");
}
END_TEST

START_TEST(offset_29_align_of_the_small_page)
{
	check_refused(4, 0, ",align=4k", "is not a multiple of the page size");
}
END_TEST

START_TEST(offset_30_size_below_a_huge_page)
{
	check_refused(2, 0, "", "smaller than a page");
}
END_TEST

START_TEST(offset_31_size_between_huge_pages_makes_no_file)
{
	check_refused(6, 0, "", "not a multiple");
}
END_TEST

START_TEST(offset_32_more_than_the_pool_is_refused_and_makes_no_file)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b = NULL;
	int before = vsu_fd_count();

	ck_assert_int_eq(alloc_file(4 * (PAGES + 1), 0, "", &b, &err), -ENOMEM);
	ck_assert_uint_ne(strlen(err.msg), 0);
	ck_assert_ptr_null(b);
	ck_assert_int_eq(file_size(), -1);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

/* Without a reservation the lack is found late, but by an error. */
START_TEST(offset_32_without_reserve_populating_finds_the_end_of_the_pool)
{
	struct vmem_block *b;

	ck_assert_int_eq(alloc_file(4 * (PAGES + 1), 0, ",reserve=off", &b,
				    NULL), 0);
	ck_assert_int_eq(vmem_block_populate(b, 0, PAGES * huge, NULL), 0);
	ck_assert_int_eq(vmem_block_populate(b, PAGES * huge, huge, NULL),
			 -ENOSPC);
	vmem_block_unref(b);
}
END_TEST

static void on_sigbus(int sig, siginfo_t *si, void *context)
{
	(void)context;
	if (!vmem_sigbus_fix(table, si))
		signal(sig, SIG_DFL);
}

/* One page more than there are. */
static struct vmem_block *watched_too_large(void)
{
	struct sigaction sa = { .sa_sigaction = on_sigbus,
				.sa_flags = SA_SIGINFO };
	struct vmem_block *b;

	ck_assert_int_eq(vmem_sigbus_new(1, &table, NULL), 0);
	ck_assert_int_eq(sigaction(SIGBUS, &sa, NULL), 0);
	ck_assert_int_eq(alloc_file(4 * (PAGES + 1), 0, ",reserve=off", &b,
				    NULL), 0);
	return b;
}

/* Unlike the end of a truncated file, an empty pool has no effect on other pages. */
START_TEST(pool_that_runs_dry_costs_no_page_that_was_there)
{
	struct vmem_block *b = watched_too_large();
	volatile unsigned char *hva = vmem_block_hva(b);
	unsigned int i;

	hva[PAGES * huge] = 0x77;
	for (i = 0; i < PAGES; i++)
		hva[i * huge] = 0x5a;
	ck_assert(vmem_block_failed(b));
	ck_assert_uint_eq(hva[0], 0x5a);
	ck_assert_uint_eq(hva[PAGES * huge], 0x77);
	vmem_block_unref(b);
	vmem_sigbus_free(table);
}
END_TEST

/* The hole is repaired with pages of the same kind of boundary. */
START_TEST(d1_08_pool_that_runs_dry_fails_the_block_and_the_process_lives)
{
	struct vmem_block *b = watched_too_large();
	unsigned int i;

	for (i = 0; i <= PAGES; i++) {
		ck_assert(!vmem_block_failed(b));
		vmem_block_hva(b)[i * huge + 12345] = 1;
	}
	ck_assert(vmem_block_failed(b));
	ck_assert_uint_eq(vmem_block_hva(b)[12345], 1);
	ck_assert_uint_eq(vmem_block_hva(b)[PAGES * huge], 0);
	vmem_block_unref(b);
	vmem_sigbus_free(table);
}
END_TEST

START_TEST(d1_08_reserved_pages_are_refused_to_the_next_at_its_start)
{
	struct vmem_block *a, *b = NULL;

	ck_assert_int_eq(alloc_file(4 * PAGES, 0, "", &a, NULL), 0);
	make_file(2 * PAGES);
	ck_assert_int_eq(alloc_file(4, 4 * PAGES, "", &b, NULL), -ENOMEM);
	ck_assert_ptr_null(b);
	memset(vmem_block_hva(a), 1, PAGES * huge);
	vmem_block_unref(a);
}
END_TEST

START_TEST(offset_33_second_page_of_two)
{
	struct vmem_block *both, *second;

	make_file(2);
	ck_assert_int_eq(alloc_file(8, 0, "", &both, NULL), 0);
	ck_assert_int_eq(alloc_file(4, 4, "", &second, NULL), 0);
	ck_assert_uint_eq(vmem_block_page_size(second), huge);
	ck_assert_uint_eq((uintptr_t)vmem_block_hva(second) % huge, 0);
	ck_assert_uint_eq(vmem_block_file_pos(second, 7), huge + 7);
	vmem_block_hva(both)[huge + 7] = 0x77;
	ck_assert_uint_eq(vmem_block_hva(second)[7], 0x77);
	vmem_block_unref(both);
	vmem_block_unref(second);
	ck_assert_int_eq(file_size(), (int64_t)(2 * huge));
}
END_TEST

START_TEST(folder_of_huge_pages_gives_a_file_without_a_name)
{
	struct vmem_block *b;
	char list[128];

	snprintf(list, sizeof(list), "backend=file,mem-path=%s,share=on,"
		 "prealloc=on,size=%" PRIu64, dir, huge);
	ck_assert_int_eq(alloc(list, &b, NULL), 0);
	ck_assert_uint_eq(vmem_block_page_size(b), huge);
	vmem_block_hva(b)[huge - 1] = 1;
	vmem_block_unref(b);
	ck_assert_int_eq(file_size(), -1);
}
END_TEST

START_TEST(discard_gives_whole_huge_pages_back)
{
	struct vmem_block *b;

	ck_assert_int_eq(alloc_file(8, 0, ",prealloc=on", &b, NULL), 0);
	memset(vmem_block_hva(b), 0x5a, 2 * huge);
	ck_assert_int_eq(vmem_block_discard(b, 4096, 4096, NULL), -EINVAL);
	ck_assert_int_eq(vmem_block_discard(b, huge, huge, NULL), 0);
	ck_assert_uint_eq(vmem_block_hva(b)[huge - 1], 0x5a);
	ck_assert_uint_eq(vmem_block_hva(b)[huge], 0);
	vmem_block_unref(b);
}
END_TEST

START_TEST(memfd_has_the_huge_pages_that_were_asked_for)
{
	struct vmem_block *b;
	char props[64];

	ck_assert_int_eq(alloc_memfd(huge, ",prealloc=on", &b, NULL), 0);
	ck_assert_uint_eq(vmem_block_page_size(b), huge);
	ck_assert_uint_eq(vmem_block_seals(b),
			  F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW);
	vmem_block_hva(b)[huge - 1] = 1;
	vmem_block_unref(b);
	snprintf(props, sizeof(props), ",hugetlbsize=%" PRIu64, huge);
	ck_assert_int_eq(alloc_memfd(huge, props, &b, NULL), 0);
	ck_assert_uint_eq(vmem_block_page_size(b), huge);
	vmem_block_unref(b);
}
END_TEST

START_TEST(d1_09_memfd_of_one_huge_page_and_a_half_is_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b = NULL;

	ck_assert_int_eq(alloc_memfd(huge + huge / 2, "", &b, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "not a multiple"));
	ck_assert_ptr_null(b);
}
END_TEST

/* The number behind that word in a file of /proc or /sys; 0 if absent. */
static uint64_t host_number(const char *file, const char *word)
{
	FILE *f = fopen(file, "r");
	uint64_t number = 0;
	char line[128];

	while (f && !number && fgets(line, sizeof(line), f))
		if (!strncmp(line, word, strlen(word)))
			number = strtoull(line + strlen(word), NULL, 10);
	if (f)
		fclose(f);
	return number;
}

START_TEST(d1_08_memfd_larger_than_the_pool_is_refused_unless_not_reserved)
{
	uint64_t pages = host_number("/proc/meminfo", "HugePages_Total:") +
			 host_number("/proc/sys/vm/nr_overcommit_hugepages",
				     "");
	struct vmem_block *b = NULL;

	pages++;
	ck_assert_int_eq(alloc_memfd(pages * huge, "", &b, NULL), -ENOMEM);
	ck_assert_ptr_null(b);
	ck_assert_int_eq(alloc_memfd(pages * huge, ",reserve=off", &b, NULL),
			 0);
	vmem_block_unref(b);
}
END_TEST

START_TEST(piece_of_a_received_fd_is_rounded_to_huge_pages)
{
	struct vmem_block *whole, *piece = NULL;

	ck_assert_int_eq(alloc_memfd(2 * huge, "", &whole, NULL), 0);
	ck_assert_int_eq(new_block_fd(vmem_block_fd(whole), huge + 4096, 4096,
				      RW_SHARED, &piece), 0);
	ck_assert_uint_eq(vmem_block_page_size(piece), huge);
	ck_assert_uint_eq((uintptr_t)vmem_block_hva(piece) % huge, 4096);
	ck_assert_uint_eq(vmem_block_file_pos(piece, 0), huge + 4096);
	vmem_block_hva(whole)[huge + 4096] = 0x42;
	ck_assert_uint_eq(vmem_block_hva(piece)[0], 0x42);
	vmem_block_unref(piece);
	vmem_block_unref(whole);
}
END_TEST

/* Sets pages aside; without them nothing here can be relied on. */
static const char *make_pool(void)
{
	int fd = memfd_create("pool", MFD_CLOEXEC | MFD_HUGETLB);
	struct statfs fs;
	char options[64];
	const char *why;
	void *pool;

	if (fd < 0 || fstatfs(fd, &fs) < 0 ||
	    ftruncate(fd, POOL * (off_t)fs.f_bsize) < 0)
		return "this host has no huge pages";
	huge = (uint64_t)fs.f_bsize;
	pool = mmap(NULL, POOL * huge, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (pool == MAP_FAILED)
		return "five huge pages are not free on this host";
	munmap(pool, POOL * huge);
	snprintf(options, sizeof(options), "size=%" PRIu64 ",min_size=%" PRIu64,
		 PAGES * huge, PAGES * huge);
	why = mount_own(dir, "hugetlbfs", options);
	snprintf(path, sizeof(path), "%s/file", dir);
	return why;
}

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, offset_28_quarter_of_a_huge_page);
	tcase_add_test(tc, offset_29_align_of_the_small_page);
	tcase_add_test(tc, offset_30_size_below_a_huge_page);
	tcase_add_test(tc, offset_31_size_between_huge_pages_makes_no_file);
	tcase_add_test(tc,
		offset_32_more_than_the_pool_is_refused_and_makes_no_file);
	tcase_add_test(tc,
		offset_32_without_reserve_populating_finds_the_end_of_the_pool);
	tcase_add_test(tc, offset_33_second_page_of_two);
	tcase_add_test(tc,
		d1_08_pool_that_runs_dry_fails_the_block_and_the_process_lives);
	tcase_add_test(tc,
		d1_08_reserved_pages_are_refused_to_the_next_at_its_start);
	tcase_add_test(tc, folder_of_huge_pages_gives_a_file_without_a_name);
	tcase_add_test(tc, discard_gives_whole_huge_pages_back);
	tcase_add_test(tc, memfd_has_the_huge_pages_that_were_asked_for);
	tcase_add_test(tc,
		d1_09_memfd_of_one_huge_page_and_a_half_is_refused);
	tcase_add_test(tc,
		d1_08_memfd_larger_than_the_pool_is_refused_unless_not_reserved);
	tcase_add_test(tc, piece_of_a_received_fd_is_rounded_to_huge_pages);
	tcase_add_test(tc, pool_that_runs_dry_costs_no_page_that_was_there);
}

int main(void)
{
	const char *why = make_pool();
	Suite *s;
	TCase *tc;
	int rc;

	if (why) {
		rmdir(dir);
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	s = suite_create("huge_pages");
	tc = tcase_create("huge_pages");
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, NULL, teardown);
	add_tests(tc);
	rc = run_suite_apart(s);
	umount(dir);
	rmdir(dir);
	return rc;
}
