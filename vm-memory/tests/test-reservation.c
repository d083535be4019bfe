/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about reservations of address space. */
#include <config.h>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/uio.h>

#include <vm-memory/reservation.h>
#include <vmm-sys-util/event.h>

#include "util.h"

static struct vmem_reservation *window;
static int file;

static void setup(void)
{
	file = make_memfd(8 * PAGE);
	ck_assert_int_eq(vmem_reservation_new(16 * PAGE, 0, &window, NULL), 0);
}

static void teardown(void)
{
	vmem_reservation_free(window);
	close(file);
}

static int map_at(uint64_t off, uint64_t fd_offset, uint64_t len,
		  uint32_t flags, struct vmem_block **out)
{
	struct vmem_fd_desc d = { file, flags, fd_offset, len, NULL, NULL };

	return vmem_block_new_fd_at(window, off, &d, out, NULL);
}

/* Whether a byte can be read, without dying of it. */
static bool readable(const void *at)
{
	struct iovec from = { (void *)(uintptr_t)at, 1 };
	char byte;
	struct iovec to = { &byte, 1 };
	int ends[2];
	bool yes;

	if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) == 1)
		return true;
	if (errno != ENOSYS)
		return false;
	/* Under an emulator without that call, use a pipe. */
	ck_assert_int_eq(pipe(ends), 0);
	yes = write(ends[1], at, 1) == 1;
	close(ends[0]);
	close(ends[1]);
	return yes;
}

/* No mapping over the window is possible. */
static bool no_room;

/* Mappings that failed and took with them what was there before. */
static unsigned int holes;
static unsigned int tried;
/* Mappings over a place in the window. */
static unsigned int fixed;

/* The name by which a program with large offsets calls it. The linker takes the
 * place of both, so both must be there. */
#ifdef __LP64__
#define REAL_MMAP __real_mmap
#define WRAP_MMAP __wrap_mmap
#define WRAP_OTHER __wrap_mmap64
#define OTHER_NAME "__wrap_mmap"
#else
#define REAL_MMAP __real_mmap64
#define WRAP_MMAP __wrap_mmap64
#define WRAP_OTHER __wrap_mmap
#define OTHER_NAME "__wrap_mmap64"
#endif

void *REAL_MMAP(void *at, size_t len, int prot, int flags, int fd, off_t pos);
void *WRAP_MMAP(void *at, size_t len, int prot, int flags, int fd, off_t pos);
void *WRAP_MMAP(void *at, size_t len, int prot, int flags, int fd, off_t pos)
{
	void *p = no_room && (flags & MAP_FIXED) ? MAP_FAILED :
		  REAL_MMAP(at, len, prot, flags, fd, pos);
	const int why = no_room ? ENOMEM : errno;
	unsigned char present;

	tried += !(flags & MAP_FIXED);
	fixed += !!(flags & MAP_FIXED);
	if (p == MAP_FAILED && (flags & MAP_FIXED))
		holes += mincore(at, 1, &present) < 0;
	errno = why;
	return p;
}

void *WRAP_OTHER(void *at, size_t len, int prot, int flags, int fd, off_t pos)
	__attribute__((alias(OTHER_NAME)));

START_TEST(window_is_empty_and_aligned)
{
	struct vmem_reservation *r;

	ck_assert_int_eq(vmem_reservation_new(PAGE, 2048 * KIB, &r, NULL), 0);
	ck_assert_uint_eq((uintptr_t)vmem_reservation_hva(r) % (2048 * KIB),
			  0);
	ck_assert_uint_eq(vmem_reservation_len(r), PAGE);
	ck_assert(!readable(vmem_reservation_hva(r)));
	vmem_reservation_free(r);
	vmem_reservation_free(NULL);
}
END_TEST

START_TEST(bad_sizes_are_refused)
{
	struct vmem_reservation *r = NULL;

	ck_assert_int_eq(vmem_reservation_new(0, 0, &r, NULL), -EINVAL);
	ck_assert_int_eq(vmem_reservation_new(100, 0, &r, NULL), -EINVAL);
	ck_assert_int_eq(vmem_reservation_new(PAGE, 12 * KIB, &r, NULL),
			 -EINVAL);
	ck_assert_int_eq(vmem_reservation_new(-PAGE, 0, &r, NULL), -ENOMEM);
	ck_assert_ptr_null(r);
}
END_TEST

START_TEST(piece_lies_where_it_was_asked_for)
{
	struct vmem_block *b;

	ck_assert_int_eq(map_at(3 * PAGE, PAGE, 2 * PAGE, RW_SHARED, &b), 0);
	ck_assert_ptr_eq(vmem_block_hva(b),
			 vmem_reservation_hva(window) + 3 * PAGE);
	ck_assert_uint_eq(vmem_block_hva(b)[1], pattern(PAGE + 1));
	ck_assert(!readable(vmem_block_hva(b) - 1));
	ck_assert(!readable(vmem_block_hva(b) + 2 * PAGE));
	vmem_block_unref(b);
}
END_TEST

START_TEST(last_page_of_a_file_is_there_as_a_whole)
{
	struct vmem_block *b;

	ck_assert_int_eq(ftruncate(file, PAGE + 100), 0);
	ck_assert_int_eq(map_at(0, 0, 3 * PAGE, RW_SHARED, &b), -EINVAL);
	ck_assert_int_eq(map_at(0, 0, 2 * PAGE, RW_SHARED, &b), 0);
	ck_assert_uint_eq(vmem_block_hva(b)[PAGE + 99], pattern(PAGE + 99));
	ck_assert_uint_eq(vmem_block_hva(b)[2 * PAGE - 1], 0);
	vmem_block_unref(b);
}
END_TEST

START_TEST(last_reference_leaves_an_empty_place_that_stays_taken)
{
	struct vmem_block *b;
	void *other;

	ck_assert_int_eq(map_at(0, 0, PAGE, RW_SHARED, &b), 0);
	ck_assert(vmem_reservation_busy(window, 0, PAGE));
	vmem_block_unref(b);
	ck_assert(!vmem_reservation_busy(window, 0, 16 * PAGE));
	ck_assert(!readable(vmem_reservation_hva(window)));
	/* the address is a hint: the kernel uses it only if the range is free */
	other = mmap(vmem_reservation_hva(window), PAGE, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(other, MAP_FAILED);
	ck_assert_ptr_ne(other, vmem_reservation_hva(window));
	munmap(other, PAGE);
}
END_TEST

static const struct place {
	unsigned int off, len;	/* pages; another piece is at page 4 and has 4 pages */
	int code;
} places[] = {
	{ 4, 4, -EEXIST }, { 3, 2, -EEXIST }, { 7, 1, -EEXIST },
	{ 0, 8, -EEXIST }, { 5, 1, -EEXIST }, { 0, 4, 0 }, { 8, 8, 0 },
	{ 15, 2, -EINVAL }, { 16, 1, -EINVAL },
};

START_TEST(piece_never_replaces_a_living_one)
{
	const struct place *p = &places[_i];
	struct vmem_block *first, *second = NULL;

	ck_assert_int_eq(map_at(4 * PAGE, 0, 4 * PAGE, RW_SHARED, &first), 0);
	ck_assert_int_eq(map_at(p->off * PAGE, 0, p->len * PAGE, RW_SHARED,
				&second), p->code);
	ck_assert_uint_eq(vmem_block_hva(first)[PAGE], pattern(PAGE));
	vmem_block_unref(first);
	vmem_block_unref(second);
}
END_TEST

START_TEST(unaligned_piece_is_refused)
{
	struct vmem_block *b;

	ck_assert_int_eq(map_at(100, 0, PAGE, RW_SHARED, &b), -EINVAL);
	ck_assert_int_eq(map_at(0, 100, PAGE, RW_SHARED, &b), -EINVAL);
	ck_assert_int_eq(map_at(0, 0, 100, RW_SHARED, &b), -EINVAL);
	ck_assert_int_eq(map_at(UINT64_MAX - PAGE + 1, 0, PAGE, RW_SHARED, &b),
			 -EINVAL);
	ck_assert_int_eq(map_at(0, 8 * PAGE, PAGE, RW_SHARED, &b), -EINVAL);
	ck_assert(!vmem_reservation_busy(window, 0, 16 * PAGE));
}
END_TEST

START_TEST(pieces_have_protections_of_their_own)
{
	struct vmem_block *ro, *rw;

	ck_assert_int_eq(map_at(0, 0, PAGE, VMEM_BLOCK_SHARED, &ro), 0);
	ck_assert_int_eq(map_at(PAGE, PAGE, PAGE, RW_SHARED, &rw), 0);
	vmem_block_hva(rw)[0] = 0x11;
	ck_assert_uint_eq(vmem_block_hva(ro)[PAGE], 0x11);	/* neighbours */
	vmem_block_unref(rw);
	ck_assert_uint_eq(vmem_block_hva(ro)[1], pattern(1));
	vmem_block_unref(ro);
}
END_TEST

START_TEST(window_outlives_its_owner_as_long_as_a_piece)
{
	struct vmem_reservation *r;
	struct vmem_fd_desc d = { file, RW_SHARED, 0, PAGE, NULL, NULL };
	struct vmem_block *b;

	ck_assert_int_eq(vmem_reservation_new(2 * PAGE, 0, &r, NULL), 0);
	ck_assert_int_eq(vmem_block_new_fd_at(r, PAGE, &d, &b, NULL), 0);
	vmem_reservation_free(r);
	ck_assert_uint_eq(vmem_block_hva(b)[7], pattern(7));
	vmem_block_unref(b);
}
END_TEST

static void *drop(void *block)
{
	vmem_block_unref(block);
	return NULL;
}

START_TEST(piece_dropped_elsewhere_wakes_the_owner)
{
	struct pollfd p = { vmem_reservation_fd(window), POLLIN, 0 };
	struct vmem_block *b;
	pthread_t thread;

	ck_assert_int_eq(map_at(0, 0, PAGE, RW_SHARED, &b), 0);
	ck_assert(vmem_reservation_busy(window, 0, PAGE));
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, drop, b), 0);
	ck_assert_int_eq(poll(&p, 1, -1), 1);
	ck_assert(!vmem_reservation_busy(window, 0, PAGE));
	ck_assert_int_eq(map_at(0, 0, PAGE, RW_SHARED, &b), 0);
	vmem_block_unref(b);
	pthread_join(thread, NULL);
}
END_TEST

/* If a wake-up were lost, the owner would never stop waiting. */
START_TEST(piece_dropped_at_any_moment_wakes_whoever_was_told_of_it)
{
	struct pollfd p = { vmem_reservation_fd(window), POLLIN, 0 };
	unsigned int n = scaled(2000);
	struct vmem_block *b;
	pthread_t thread;

	while (n--) {
		ck_assert_int_eq(map_at(0, 0, PAGE, RW_SHARED, &b), 0);
		ck_assert_int_eq(pthread_create(&thread, NULL, drop, b), 0);
		while (vmem_reservation_busy(window, 0, PAGE)) {
			ck_assert_int_eq(poll(&p, 1, -1), 1);
			vsu_event_drain(p.fd, NULL);
		}
		pthread_join(thread, NULL);
	}
}
END_TEST

START_TEST(piece_that_nobody_asked_for_wakes_nobody)
{
	struct pollfd p = { vmem_reservation_fd(window), POLLIN, 0 };
	struct vmem_block *b;

	ck_assert_int_eq(map_at(0, 0, PAGE, RW_SHARED, &b), 0);
	ck_assert(!vmem_reservation_busy(window, PAGE, PAGE));
	vmem_block_unref(b);
	ck_assert_int_eq(poll(&p, 1, 0), 0);
}
END_TEST

/* A caller that waits until the range is unreachable must not wait forever. */
START_TEST(e1_28_piece_that_cannot_be_emptied_is_not_busy_and_is_emptied_later)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b, *other;

	ck_assert_int_eq(map_at(PAGE, 0, PAGE, RW_SHARED, &b), 0);
	no_room = true;
	vmem_block_unref(b);
	ck_assert(!vmem_reservation_busy(window, 0, 16 * PAGE));
	ck_assert_int_eq(vmem_block_new_fd_at(window, PAGE,
			&(struct vmem_fd_desc){ file, RW_SHARED, 0, PAGE, NULL, NULL },
			&b, &err), -ENOMEM);
	ck_assert_ptr_nonnull(strstr(err.msg, "vm.max_map_count"));
	no_room = false;
	ck_assert_int_eq(map_at(4 * PAGE, 0, PAGE, RW_SHARED, &other), 0);
	ck_assert(!readable(vmem_reservation_hva(window) + PAGE));
	ck_assert_int_eq(map_at(PAGE, 0, PAGE, RW_SHARED, &b), 0);
	vmem_block_unref(b);
	vmem_block_unref(other);
}
END_TEST

/* Random maps and unmaps against a table of pages. */
/* Pages 2, 1, 0 and 5 of the window. */
static void map_four(struct vmem_block **blocks)
{
	static const uint64_t at[] = { 2, 1, 0, 5 };
	unsigned int i;

	for (i = 0; i < 4; i++)
		ck_assert_int_eq(map_at(at[i] * PAGE, i * PAGE, PAGE, 0,
					&blocks[i]), 0);
}

static bool page_readable(unsigned int page)
{
	return readable(vmem_reservation_hva(window) + page * PAGE);
}

START_TEST(neighbours_that_go_together_are_emptied_by_one_call)
{
	struct vmem_block *blocks[4];
	unsigned int i;

	map_four(blocks);
	fixed = 0;
	vmem_blocks_unref(blocks, 4);
	ck_assert_uint_eq(fixed, 2);
	for (i = 0; i < 6; i++)
		ck_assert(!page_readable(i));
	ck_assert(!vmem_reservation_busy(window, 0, 16 * PAGE));
	map_four(blocks);
	ck_assert(page_readable(1));
	vmem_blocks_unref(blocks, 4);
	vmem_blocks_unref(blocks, 0);
}
END_TEST

START_TEST(neighbour_that_somebody_holds_stays)
{
	struct vmem_block *blocks[4];

	map_four(blocks);
	vmem_block_ref(blocks[1]);
	vmem_blocks_unref(blocks, 4);
	ck_assert(!page_readable(0));
	ck_assert(page_readable(1));
	ck_assert(!page_readable(2));
	ck_assert(vmem_reservation_busy(window, PAGE, PAGE));
	vmem_block_unref(blocks[1]);
	ck_assert(!page_readable(1));
}
END_TEST

START_TEST(neighbours_that_cannot_be_emptied_are_emptied_later)
{
	struct vmem_block *blocks[4];

	map_four(blocks);
	no_room = true;
	vmem_blocks_unref(blocks, 4);
	no_room = false;
	ck_assert(!vmem_reservation_busy(window, 0, 16 * PAGE));
	map_four(blocks);
	ck_assert(page_readable(0) && page_readable(2) && page_readable(5));
	vmem_blocks_unref(blocks, 4);
}
END_TEST

START_TEST(random_maps_agree_with_a_model)
{
	struct vmem_block *at[16] = { NULL }, *owner[16] = { NULL }, *b;
	uint64_t seed = 0x9e3779b97f4a7c15, off, len, i;
	unsigned int n = scaled(20000);
	bool busy;

	while (n--) {
		off = xorshift(&seed) % 16;
		len = 1 + xorshift(&seed) % (16 - off < 8 ? 16 - off : 8);
		if (at[off]) {
			for (i = 0; i < 16; i++)
				owner[i] = owner[i] == at[off] ? NULL : owner[i];
			at[off] = vmem_block_unref(at[off]);
			continue;
		}
		for (i = off, busy = false; i < off + len; i++)
			busy |= owner[i] != NULL;
		ck_assert_int_eq(map_at(off * PAGE, 0, len * PAGE, RW_SHARED,
					&b), busy ? -EEXIST : 0);
		for (i = off; !busy && i < off + len; i++)
			owner[i] = b;
		if (!busy)
			at[off] = b;
	}
	for (i = 0; i < 16; i++)
		ck_assert_int_eq(readable(vmem_reservation_hva(window) +
					  i * PAGE), !!owner[i]);
	for (i = 0; i < 16; i++)
		vmem_block_unref(at[i]);
}
END_TEST

/*
 * Another thread's mapping could be placed in a hole, and be unmapped when the block or the
 * window is freed.
 */
START_TEST(refused_mapping_leaves_no_hole_in_the_window)
{
	const uint64_t len = UINT64_C(1) << 34;	/* more huge pages than any pool has */
	struct vmem_fd_desc d = { -1, VMEM_BLOCK_WRITE, 0, len, NULL, NULL };
	struct vmem_reservation *r;
	struct vmem_block *b = NULL;

	d.fd = memfd_create("test", MFD_CLOEXEC | MFD_HUGETLB);
	ck_assert_int_ge(d.fd, 0);
	ck_assert_int_eq(ftruncate(d.fd, (off_t)len), 0);
	ck_assert_int_eq(vmem_reservation_new(len, 1 << 30, &r, NULL), 0);
	ck_assert_int_eq(vmem_block_new_fd_at(r, 0, &d, &b, NULL), -ENOMEM);
	ck_assert_uint_eq(holes, 0);
	ck_assert_int_eq(vmem_block_new_fd(&d, &b, NULL), -ENOMEM);
	ck_assert_uint_eq(holes, 0);
	ck_assert_ptr_null(b);
	vmem_reservation_free(r);
	close(d.fd);
}
END_TEST

/*
 * Whether the seals of the file are read first; one file does not allow that.
 */
static const struct {
	unsigned int memfd;
	int seals, rc;
	uint32_t flags;
	bool asked;
} sealed[] = {
	{ 0, 0, 0, RW_SHARED, false },
	{ MFD_ALLOW_SEALING, 0, 0, RW_SHARED, true },
	{ MFD_ALLOW_SEALING, F_SEAL_SEAL | F_SEAL_SHRINK, 0, RW_SHARED, false },
	{ MFD_ALLOW_SEALING, F_SEAL_WRITE, -EPERM, RW_SHARED, true },
	{ MFD_ALLOW_SEALING, F_SEAL_SEAL | F_SEAL_WRITE, -EPERM, RW_SHARED,
	  true },
	{ 0, 0, 0, VMEM_BLOCK_WRITE, true },
	/* from Linux 5.1 on */
	{ MFD_ALLOW_SEALING, F_SEAL_SEAL | F_SEAL_FUTURE_WRITE, -EPERM,
	  RW_SHARED, true },
};

START_TEST(only_memory_that_cannot_refuse_is_mapped_without_a_question)
{
	struct vmem_fd_desc d = { memfd_create("sealed", MFD_CLOEXEC |
					       sealed[_i].memfd),
				  sealed[_i].flags, 0, PAGE, NULL, NULL };
	struct vmem_block *b = NULL;

	ck_assert_int_eq(ftruncate(d.fd, PAGE), 0);
	if (sealed[_i].seals)
		ck_assert_int_eq(fcntl(d.fd, F_ADD_SEALS, sealed[_i].seals), 0);
	tried = 0;
	ck_assert_int_eq(vmem_block_new_fd_at(window, PAGE, &d, &b, NULL),
			 sealed[_i].rc);
	ck_assert_uint_eq(tried, sealed[_i].asked);
	ck_assert_uint_eq(holes, 0);
	vmem_block_unref(b);
	close(d.fd);
}
END_TEST

static bool can_make(unsigned int flags)
{
	int fd = memfd_create("probe", MFD_CLOEXEC | flags);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool can_seal(int seal)
{
	int fd = memfd_create("probe", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	const bool can = fcntl(fd, F_ADD_SEALS, seal) == 0;

	close(fd);
	return can;
}

int main(void)
{
	const int nsealed = sizeof(sealed) / sizeof(sealed[0]);
	Suite *s = suite_create("reservation");
	TCase *tc = tcase_create("reservation");

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, window_is_empty_and_aligned);
	tcase_add_test(tc, bad_sizes_are_refused);
	tcase_add_test(tc, piece_lies_where_it_was_asked_for);
	tcase_add_test(tc, last_page_of_a_file_is_there_as_a_whole);
	tcase_add_test(tc,
		       last_reference_leaves_an_empty_place_that_stays_taken);
	tcase_add_loop_test(tc, piece_never_replaces_a_living_one, 0,
			    sizeof(places) / sizeof(places[0]));
	tcase_add_test(tc, unaligned_piece_is_refused);
	tcase_add_loop_test(tc, only_memory_that_cannot_refuse_is_mapped_without_a_question, 0, nsealed - 1);
	tcase_add_loop_test_unless(tc, can_seal(F_SEAL_FUTURE_WRITE) ? NULL : "Linux is older than 5.1",
				   only_memory_that_cannot_refuse_is_mapped_without_a_question,
				   nsealed - 1, nsealed);
	tcase_add_test(tc, pieces_have_protections_of_their_own);
	tcase_add_test(tc, window_outlives_its_owner_as_long_as_a_piece);
	tcase_add_test(tc, piece_dropped_elsewhere_wakes_the_owner);
	tcase_add_test(tc, piece_dropped_at_any_moment_wakes_whoever_was_told_of_it);
	tcase_add_test(tc, piece_that_nobody_asked_for_wakes_nobody);
	tcase_add_test(tc,
		       e1_28_piece_that_cannot_be_emptied_is_not_busy_and_is_emptied_later);
	tcase_add_test(tc, neighbours_that_go_together_are_emptied_by_one_call);
	tcase_add_test(tc, neighbour_that_somebody_holds_stays);
	tcase_add_test(tc, neighbours_that_cannot_be_emptied_are_emptied_later);
	tcase_add_test(tc, random_maps_agree_with_a_model);
	if (sizeof(void *) >= 8)	/* room for the window */
		tcase_add_test_unless(tc, can_make(MFD_HUGETLB) ? NULL : "the kernel has no huge pages",
				      refused_mapping_leaves_no_hole_in_the_window);
	return run_suite(s);
}
