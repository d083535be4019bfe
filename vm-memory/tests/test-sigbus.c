/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about files that are truncated under a mapping, on real files. */
#include <config.h>

#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include <vm-memory/access.h>
#include <vm-memory/sigbus.h>
#include <vmm-sys-util/event.h>

#include "util.h"

static struct vmem_sigbus *table;

/* A handler as a program has it. */
static void on_sigbus(int sig, siginfo_t *si, void *context)
{
	(void)context;
	if (!vmem_sigbus_fix(table, si))
		signal(sig, SIG_DFL);
}

static void setup(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = on_sigbus;
	sa.sa_flags = SA_SIGINFO;
	ck_assert_int_eq(sigaction(SIGBUS, &sa, NULL), 0);
	ck_assert_int_eq(vmem_sigbus_new(8, &table, NULL), 0);
}

static void teardown(void)
{
	vmem_sigbus_free(table);
}

static struct vmem_block *watched(int fd, uint64_t off, uint64_t len,
				  uint32_t flags)
{
	struct vmem_fd_desc d = { fd, flags, off, len, table, NULL };
	struct vmem_block *b;

	ck_assert_int_eq(vmem_block_new_fd(&d, &b, NULL), 0);
	return b;
}

static bool fix(int code, unsigned char *addr)
{
	siginfo_t si;

	memset(&si, 0, sizeof(si));
	si.si_code = code;
	si.si_addr = addr;
	return vmem_sigbus_fix(table, &si);
}

static bool event_is_set(void)
{
	struct pollfd p = { vmem_sigbus_fd(table), POLLIN, 0 };

	return poll(&p, 1, 0) == 1;
}

START_TEST(cut_file_reads_as_zeros_and_its_block_has_failed)
{
	int fd = make_memfd(4 * PAGE);
	struct vmem_block *b = watched(fd, 0, 4 * PAGE, RW_SHARED);
	volatile unsigned char *hva = vmem_block_hva(b);

	ck_assert(!vmem_block_failed(b));
	ck_assert_int_eq(ftruncate(fd, (off_t)PAGE), 0);
	ck_assert_uint_eq(hva[2 * PAGE + 5], 0);
	ck_assert(vmem_block_failed(b));
	ck_assert(event_is_set());
	ck_assert_uint_eq(hva[5], pattern(5));	/* the first page remains mapped */
	hva[3 * PAGE] = 7;			/* not stored in the file */
	hva[PAGE] = 8;
	ck_assert_uint_eq(hva[3 * PAGE], 7);
	vmem_block_unref(b);
	close(fd);
}
END_TEST

/* A check of the file, or another thread that waited for the same page. */
START_TEST(page_that_was_replaced_keeps_what_is_stored_then)
{
	int fd = make_memfd(4 * PAGE);
	struct vmem_block *b = watched(fd, 0, 4 * PAGE, RW_SHARED);
	volatile unsigned char *hva = vmem_block_hva(b);

	ck_assert_int_eq(ftruncate(fd, (off_t)(2 * PAGE)), 0);
	hva[2 * PAGE] = 7;
	hva[3 * PAGE] = 8;
	ck_assert(fix(BUS_ADRERR, vmem_block_hva(b) + 2 * PAGE));
	ck_assert(fix(BUS_ADRERR, vmem_block_hva(b) + 3 * PAGE));
	ck_assert_uint_eq(hva[2 * PAGE], 7);
	ck_assert_uint_eq(hva[3 * PAGE], 8);
	vmem_block_unref(b);
	close(fd);
}
END_TEST

START_TEST(read_only_mapping_is_repaired_too)
{
	int fd = make_memfd(2 * PAGE);
	struct vmem_block *b = watched(fd, PAGE, PAGE, VMEM_BLOCK_SHARED);

	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_uint_eq(*(volatile unsigned char *)vmem_block_hva(b), 0);
	ck_assert(vmem_block_failed(b));
	vmem_block_unref(b);
	close(fd);
}
END_TEST

START_TEST(map_with_a_truncated_block_reports_it)
{
	int fd = make_memfd(PAGE);
	struct vmem_block *b = watched(fd, 0, PAGE, RW_SHARED);
	struct vmem_map *map = make_map();
	uint32_t value = 1;

	put_region(&map, region_of(b, 0, 0x100000, PAGE, 0));
	vmem_block_unref(b);
	ck_assert(!vmem_map_failed(map));
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(vmem_read_exact(vmem_map_view(map), 0x100000, &value,
					 sizeof(value)), 0);
	ck_assert_uint_eq(value, 0);
	ck_assert(vmem_map_failed(map));
	vmem_map_unref(map);
	close(fd);
}
END_TEST

START_TEST(other_blocks_are_not_touched)
{
	int fd = make_memfd(PAGE), other = make_memfd(PAGE);
	struct vmem_block *a = watched(fd, 0, PAGE, RW_SHARED);
	struct vmem_block *b = watched(other, 0, PAGE, RW_SHARED);

	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_uint_eq(*(volatile unsigned char *)vmem_block_hva(a), 0);
	ck_assert(!vmem_block_failed(b));
	ck_assert_uint_eq(vmem_block_hva(b)[9], pattern(9));
	vmem_block_unref(a);
	vmem_block_unref(b);
	close(fd);
	close(other);
}
END_TEST

START_TEST(errno_survives_the_handler)
{
	int fd = make_memfd(PAGE);
	struct vmem_block *b = watched(fd, 0, PAGE, RW_SHARED);

	ck_assert_int_eq(ftruncate(fd, 0), 0);
	errno = 4711;
	(void)*(volatile unsigned char *)vmem_block_hva(b);
	ck_assert_int_eq(errno, 4711);
	vmem_block_unref(b);
	close(fd);
}
END_TEST

/* Not in the table: the handler must leave it to kill the process. */
START_TEST(fault_at_an_unknown_address_kills)
{
	int fd = make_memfd(PAGE);
	struct vmem_block *b = watched(fd, 0, PAGE, RW_SHARED), *stranger;

	ck_assert_int_eq(new_block_fd(fd, 0, PAGE, RW_SHARED, &stranger), 0);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	(void)*(volatile unsigned char *)vmem_block_hva(stranger);
	vmem_block_unref(b);
}
END_TEST

START_TEST(removed_block_is_unknown)
{
	int fd = make_memfd(PAGE);
	struct vmem_block *b = watched(fd, 0, PAGE, RW_SHARED);
	siginfo_t si;

	memset(&si, 0, sizeof(si));
	si.si_code = BUS_ADRERR;
	si.si_addr = vmem_block_hva(b);
	vmem_block_unref(b);
	ck_assert(!vmem_sigbus_fix(table, &si));
	close(fd);
}
END_TEST

START_TEST(signal_sent_by_a_process_is_not_handled)
{
	int fd = make_memfd(PAGE);
	struct vmem_block *b = watched(fd, 0, PAGE, RW_SHARED);
	siginfo_t si;

	memset(&si, 0, sizeof(si));
	si.si_code = SI_USER;
	si.si_addr = vmem_block_hva(b);
	ck_assert(!vmem_sigbus_fix(table, &si));
	ck_assert(!vmem_block_failed(b));
	vmem_block_unref(b);
	close(fd);
}
END_TEST

START_TEST(page_lost_by_the_hardware_is_replaced_alone)
{
	int fd = make_memfd(4 * PAGE);
	struct vmem_block *b = watched(fd, 0, 4 * PAGE, RW_SHARED);
	const unsigned char *hva = vmem_block_hva(b);
	uint64_t off = 1;

	ck_assert(!vmem_block_damaged(b, &off));
	ck_assert(fix(BUS_MCEERR_AR, vmem_block_hva(b) + PAGE + 9));
	ck_assert(vmem_block_failed(b));
	ck_assert(vmem_block_damaged(b, &off));
	ck_assert_uint_eq(off, PAGE);
	ck_assert_uint_eq(hva[PAGE + 5], 0);
	ck_assert_uint_eq(hva[PAGE - 1], pattern(PAGE - 1));
	ck_assert_uint_eq(hva[2 * PAGE + 5], pattern(2 * PAGE + 5));
	vmem_block_unref(b);
	close(fd);
}
END_TEST

/*
 * If so configured, the kernel reports a lost page early, and again when it is
 * touched.
 */
START_TEST(page_lost_but_not_touched_yet_costs_no_other_page)
{
	int fd = make_memfd(4 * PAGE);
	struct vmem_block *b = watched(fd, 0, 4 * PAGE, RW_SHARED);
	const unsigned char *hva = vmem_block_hva(b);

	ck_assert(fix(BUS_MCEERR_AO, vmem_block_hva(b) + PAGE));
	ck_assert(!vmem_block_failed(b));
	ck_assert(!event_is_set());
	ck_assert_uint_eq(hva[2 * PAGE + 5], pattern(2 * PAGE + 5));
	ck_assert_uint_eq(hva[3 * PAGE + 5], pattern(3 * PAGE + 5));
	vmem_block_unref(b);
	ck_assert(!fix(BUS_MCEERR_AO, (unsigned char *)&fd));
	close(fd);
}
END_TEST

/* A new page would not make the address aligned: the fault would repeat without end. */
START_TEST(misaligned_access_kills)
{
	int fd = make_memfd(4 * PAGE);
	struct vmem_block *b = watched(fd, 0, 4 * PAGE, RW_SHARED);
	const unsigned char *hva = vmem_block_hva(b);

	ck_assert(!fix(BUS_ADRALN, vmem_block_hva(b) + PAGE + 1));
	ck_assert(!vmem_block_failed(b));
	ck_assert_uint_eq(hva[PAGE + 5], pattern(PAGE + 5));
	vmem_block_unref(b);
	close(fd);
}
END_TEST

/* A peer decides how many, but not over how many mappings we have. */
START_TEST(pages_that_a_whole_file_lacks_are_replaced_alone_64_times)
{
	const uint64_t last = 129 * PAGE + 5;
	int fd = make_memfd(130 * PAGE), i;
	const volatile unsigned char *hva;
	struct vmem_block *b;

	vmem_sigbus_free(table);	/* has fewer entries than that */
	ck_assert_int_eq(vmem_sigbus_new(128, &table, NULL), 0);
	b = watched(fd, 0, 130 * PAGE, RW_SHARED);
	hva = vmem_block_hva(b);
	for (i = 0; i < 64; i++)
		ck_assert(fix(BUS_ADRERR, vmem_block_hva(b) + 2 * i * PAGE));
	ck_assert(vmem_block_failed(b));
	ck_assert_uint_eq(hva[5], 0);
	ck_assert_uint_eq(hva[PAGE + 5], pattern(PAGE + 5));
	ck_assert_uint_eq(hva[last], pattern(last));
	ck_assert(fix(BUS_ADRERR, vmem_block_hva(b) + 128 * PAGE));
	ck_assert_uint_eq(hva[last], 0);
	ck_assert_uint_eq(hva[PAGE + 5], pattern(PAGE + 5));
	vmem_block_unref(b);
	close(fd);
}
END_TEST

START_TEST(cut_file_is_not_damage)
{
	int fd = make_memfd(2 * PAGE);
	struct vmem_block *b = watched(fd, 0, 2 * PAGE, RW_SHARED);
	uint64_t off;

	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert(fix(BUS_ADRERR, vmem_block_hva(b)));
	ck_assert(vmem_block_failed(b));
	ck_assert(!vmem_block_damaged(b, &off));
	vmem_block_unref(b);
	close(fd);
}
END_TEST

#define LONE_BLOCKS 5	/* of two pages each that are replaced alone */

/*
 * The table has eight entries, which limit the pages that are replaced singly.
 */
START_TEST(e1_27_pages_replaced_alone_are_bounded_over_all_mappings)
{
	struct vmem_block *b[LONE_BLOCKS];
	int fd = make_memfd(4 * PAGE), i;

	for (i = 0; i < LONE_BLOCKS; i++) {
		b[i] = watched(fd, 0, 4 * PAGE, RW_SHARED);
		ck_assert(fix(BUS_ADRERR, vmem_block_hva(b[i])));
		ck_assert(fix(BUS_ADRERR, vmem_block_hva(b[i]) + 2 * PAGE));
	}
	for (i = 0; i < LONE_BLOCKS - 1; i++)
		ck_assert_uint_eq(vmem_block_hva(b[i])[3 * PAGE + 5],
				  pattern(3 * PAGE + 5));
	ck_assert_uint_eq(vmem_block_hva(b[i])[3 * PAGE + 5], 0);
	for (i = 0; i < LONE_BLOCKS; i++)
		vmem_block_unref(b[i]);
	b[0] = watched(fd, 0, 4 * PAGE, RW_SHARED);
	ck_assert(fix(BUS_ADRERR, vmem_block_hva(b[0])));
	ck_assert_uint_eq(vmem_block_hva(b[0])[PAGE + 5], pattern(PAGE + 5));
	vmem_block_unref(b[0]);
	close(fd);
}
END_TEST

#define MANY_MAPPINGS 200000u

/*
 * Creates mappings up to the limit of the kernel; false if the limit is too
 * high.
 */
static bool use_up_mappings(void)
{
	unsigned char *area = mmap(NULL, MANY_MAPPINGS * PAGE, PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
				   -1, 0);
	unsigned int i;

	ck_assert_ptr_ne(area, MAP_FAILED);
	for (i = 1; i < MANY_MAPPINGS; i += 2)
		if (mprotect(area + i * PAGE, PAGE, PROT_READ) < 0)
			break;
	while (i < MANY_MAPPINGS &&
	       mmap(NULL, PAGE, i++ % 2 ? PROT_READ : PROT_WRITE, MAP_PRIVATE |
		    MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED)
		;
	return i < MANY_MAPPINGS;
}

START_TEST(e1_28_repair_without_mappings_left_takes_the_whole_mapping)
{
	int fd = make_memfd(8 * PAGE), other = make_memfd(8 * PAGE);
	struct vmem_block *b = watched(fd, 0, 8 * PAGE, RW_SHARED);
	struct vmem_block *c = watched(other, 0, 8 * PAGE, RW_SHARED);

	if (use_up_mappings()) {
		ck_assert_int_eq(ftruncate(fd, (off_t)(4 * PAGE)), 0);
		ck_assert_uint_eq(*(volatile unsigned char *)
				  (vmem_block_hva(b) + 6 * PAGE), 0);
		ck_assert(vmem_block_failed(b));
		ck_assert_uint_eq(vmem_block_hva(b)[5], 0);
		ck_assert(fix(BUS_ADRERR, vmem_block_hva(c) + 3 * PAGE));
		ck_assert_uint_eq(vmem_block_hva(c)[3 * PAGE + 5], 0);
		ck_assert(vmem_block_failed(c));
	}
	vmem_block_unref(b);
	vmem_block_unref(c);
	close(other);
	close(fd);
}
END_TEST

START_TEST(discarded_piece_of_a_repaired_block_reads_as_zeros)
{
	int fd = make_memfd(4 * PAGE);
	struct vmem_block *b = watched(fd, 0, 4 * PAGE, RW_SHARED);
	volatile unsigned char *hva = vmem_block_hva(b);

	ck_assert_int_eq(ftruncate(fd, (off_t)PAGE), 0);
	hva[2 * PAGE] = 7;
	hva[3 * PAGE] = 8;
	ck_assert_int_eq(vmem_block_discard(b, 2 * PAGE, PAGE, NULL), 0);
	ck_assert_uint_eq(hva[2 * PAGE], 0);
	ck_assert_uint_eq(hva[3 * PAGE], 8);
	vmem_block_unref(b);
	close(fd);
}
END_TEST

START_TEST(full_table_refuses_the_mapping)
{
	struct vmem_block *b[8], *more = NULL;
	int fd = make_memfd(PAGE), i, before;
	struct vmem_fd_desc d = { fd, RW_SHARED, 0, PAGE, table, NULL };
	struct vsu_error err = VSU_ERROR_INIT;

	for (i = 0; i < 8; i++)
		b[i] = watched(fd, 0, PAGE, RW_SHARED);
	before = vsu_fd_count();
	ck_assert_int_eq(vmem_block_new_fd(&d, &more, &err), -ENOSPC);
	ck_assert_ptr_null(more);
	ck_assert_int_eq(vsu_fd_count(), before);
	vmem_block_unref(b[3]);
	b[3] = watched(fd, 0, PAGE, RW_SHARED);
	for (i = 0; i < 8; i++)
		vmem_block_unref(b[i]);
	close(fd);
}
END_TEST

/* A thousand times: one thread writes all of it, another cuts the file. */
struct cutter {
	int fd;
	uint64_t size;
};

static void *cut(void *opaque)
{
	struct cutter *c = opaque;

	ck_assert_int_eq(ftruncate(c->fd, 0), 0);
	return NULL;
}

static void shrink_race(int fd)
{
	struct cutter c = { fd, 16 * PAGE };
	struct vmem_block *b;
	pthread_t thread;
	unsigned int i;

	ck_assert_int_eq(ftruncate(fd, (off_t)c.size), 0);
	b = watched(fd, 0, c.size, RW_SHARED);
	ck_assert_int_eq(pthread_create(&thread, NULL, cut, &c), 0);
	for (i = 0; i < 16; i++)
		memset(vmem_block_hva(b) + i * PAGE, 1, PAGE);
	pthread_join(thread, NULL);
	for (i = 0; i < 16; i++)
		vmem_block_hva(b)[i * PAGE] = 1;
	ck_assert(vmem_block_failed(b));
	vmem_block_unref(b);
}

START_TEST(process_survives_a_thousand_shrink_races_on_a_memfd)
{
	unsigned int i, n = scaled(1000);
	int fd = make_memfd(0);

	for (i = 0; i < n; i++)
		shrink_race(fd);
	close(fd);
}
END_TEST

START_TEST(process_survives_a_thousand_shrink_races_on_a_file)
{
	unsigned int i, n = scaled(1000);
	FILE *f = tmpfile();

	ck_assert_ptr_nonnull(f);
	for (i = 0; i < n; i++)
		shrink_race(fileno(f));
	fclose(f);
}
END_TEST

/* One thread creates and frees blocks while another has its faults repaired. */
static void *come_and_go(void *opaque)
{
	struct cutter *c = opaque;
	unsigned int i, n = scaled(3000);

	for (i = 0; i < n; i++)
		vmem_block_unref(watched(c->fd, 0, (1 + i % 16) * PAGE,
					 RW_SHARED));
	return NULL;
}

START_TEST(table_changes_while_the_handler_runs)
{
	struct cutter c = { make_memfd(16 * PAGE), 16 * PAGE };
	unsigned int i, n = scaled(1000);
	int fd = make_memfd(0);
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, come_and_go, &c), 0);
	for (i = 0; i < n; i++)
		shrink_race(fd);
	pthread_join(thread, NULL);
	close(c.fd);
	close(fd);
}
END_TEST

int main(void)
{
	const char *preload;
	Suite *s = suite_create("sigbus");
	TCase *tc = tcase_create("sigbus");

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 240);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, cut_file_reads_as_zeros_and_its_block_has_failed);
	tcase_add_test(tc, page_that_was_replaced_keeps_what_is_stored_then);
	tcase_add_test(tc, read_only_mapping_is_repaired_too);
	tcase_add_test(tc, map_with_a_truncated_block_reports_it);
	tcase_add_test(tc, other_blocks_are_not_touched);
	tcase_add_test(tc, errno_survives_the_handler);
	tcase_add_test_raise_signal(tc, fault_at_an_unknown_address_kills,
				    SIGBUS);
	tcase_add_test(tc, removed_block_is_unknown);
	tcase_add_test(tc, signal_sent_by_a_process_is_not_handled);
	tcase_add_test(tc, page_lost_by_the_hardware_is_replaced_alone);
	tcase_add_test(tc, page_lost_but_not_touched_yet_costs_no_other_page);
	tcase_add_test(tc, misaligned_access_kills);
	tcase_add_test(tc,
		       pages_that_a_whole_file_lacks_are_replaced_alone_64_times);
	tcase_add_test(tc, cut_file_is_not_damage);
	tcase_add_test(tc,
		e1_27_pages_replaced_alone_are_bounded_over_all_mappings);
	preload = getenv("LD_PRELOAD");
	if (!preload || !strstr(preload, "valgrind"))	/* it has mappings of its own */
		tcase_add_test(tc,
			e1_28_repair_without_mappings_left_takes_the_whole_mapping);
	tcase_add_test(tc, discarded_piece_of_a_repaired_block_reads_as_zeros);
	tcase_add_test(tc, full_table_refuses_the_mapping);
	tcase_add_test(tc, process_survives_a_thousand_shrink_races_on_a_memfd);
	tcase_add_test(tc, process_survives_a_thousand_shrink_races_on_a_file);
	tcase_add_test(tc, table_changes_while_the_handler_runs);
	return run_suite_apart(s);
}
