/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about failure: whichever allocation or system call of a constructor
 * fails, it says so, and no descriptor, mapping, heap block or file is left.
 *
 * The calls are wrapped by the linker (see Makefile.am). Each constructor is
 * run again and again, failing its first call, then its second, until it
 * succeeds.
 */
#include <config.h>

#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/vfs.h>

#include <vm-memory/backend.h>
#include <vm-memory/iotlb.h>
#include <vm-memory/reservation.h>
#include <vm-memory/sigbus.h>
#include <vm-memory/space.h>
#include <vmm-sys-util/event.h>

#include "util.h"

static int countdown = -1;	/* calls until one fails; -1: none does */
static long heap_blocks;	/* allocated and not freed */
static int64_t mapped;		/* bytes of address space taken */

static bool fails(void)
{
	return countdown >= 0 && countdown-- == 0;
}

#define WRAP(type, name, params, args, failure, code)			\
type __real_##name params;						\
type __wrap_##name params;						\
type __wrap_##name params						\
{									\
	if (fails()) {							\
		errno = (code);						\
		return failure;						\
	}								\
	return __real_##name args;					\
}

#define WRAP_ALLOC(type, name, params, args)				\
type __real_##name params;						\
type __wrap_##name params;						\
type __wrap_##name params						\
{									\
	if (fails()) {							\
		errno = ENOMEM;						\
		return NULL;						\
	}								\
	heap_blocks++;							\
	return __real_##name args;					\
}

WRAP_ALLOC(void *, malloc, (size_t size), (size))
WRAP_ALLOC(void *, calloc, (size_t n, size_t size), (n, size))
WRAP_ALLOC(void *, aligned_alloc, (size_t align, size_t size), (align, size))
WRAP_ALLOC(char *, strdup, (const char *s), (s))
WRAP_ALLOC(char *, strndup, (const char *s, size_t n), (s, n))

void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p)
{
	heap_blocks -= p != NULL;
	__real_free(p);
}

void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t pos);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t pos);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t pos)
{
	if (fails()) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	/* into what was reserved: takes nothing more */
	if (!(flags & MAP_FIXED))
		mapped += (int64_t)len;
	return __real_mmap(at, len, prot, flags, fd, pos);
}

int __real_munmap(void *at, size_t len);
int __wrap_munmap(void *at, size_t len);
int __wrap_munmap(void *at, size_t len)
{
	mapped -= (int64_t)len;
	return __real_munmap(at, len);
}

WRAP(int, memfd_create, (const char *name, unsigned int flags), (name, flags),
     -1, EMFILE)
WRAP(int, shm_open, (const char *name, int flags, mode_t mode),
     (name, flags, mode), -1, EMFILE)
WRAP(int, ftruncate, (int fd, off_t size), (fd, size), -1, EFBIG)
WRAP(int, fstatfs, (int fd, struct statfs *fs), (fd, fs), -1, EIO)
WRAP(int, vsu_fd_dup, (int fd), (fd), -EMFILE, EMFILE)
WRAP(int, vsu_fd_kind, (int fd), (fd), -EIO, EIO)
WRAP(int, vsu_fd_size, (int fd, uint64_t *size), (fd, size), -EIO, EIO)
WRAP(int, vsu_event_new, (void), (), -EMFILE, EMFILE)
WRAP(int, vmem_priv_prealloc, (const void *b, void *block, void *err),
     (b, block, err), -ENOSPC, ENOSPC)

/* What must be the same before and after a failure. */
struct state {
	int fds;
	int64_t mapped;
	long heap;
};

static struct state now(void)
{
	struct state s = { vsu_fd_count(), mapped, heap_blocks };

	return s;
}

typedef int (*make_fn)(void);

/* Runs make() with each of its calls failing; returns how many there were. */
static int fail_each(make_fn make)
{
	struct state before, after;
	int n, rc = -1;

	ck_assert_int_eq(make(), 0);
	before = now();
	for (n = 0; n < 100 && rc < 0; n++) {
		countdown = n;
		rc = make();
		countdown = -1;
		after = now();
		ck_assert_int_eq(after.fds, before.fds);
		ck_assert_int_eq(after.mapped, before.mapped);
		ck_assert_int_eq(after.heap, before.heap);
	}
	ck_assert_int_eq(rc, 0);
	return n - 1;
}

static const char *properties;

static int make_backend(void)
{
	struct vmem_backend *b;
	struct vmem_block *block = NULL;
	int rc = vmem_backend_new(&b);

	if (rc < 0)
		return rc;
	rc = vmem_backend_parse(b, "x", properties, NULL);
	if (!rc)
		rc = vmem_backend_alloc(b, &block, NULL);
	ck_assert_int_eq(rc < 0, block == NULL);
	vmem_block_unref(block);
	vmem_backend_free(b);
	return rc;
}

static const struct {
	const char *properties;
	int calls;	/* at least, or something is not wrapped */
} kinds[] = {
	{ "size=64k,prealloc=on", 5 },
	{ "size=64k,share=on", 6 },
	{ "backend=memfd,size=64k", 6 },
	{ "backend=shm,size=64k", 6 },
};

START_TEST(failing_backend_leaves_nothing)
{
	properties = kinds[_i].properties;
	ck_assert_int_ge(fail_each(make_backend), kinds[_i].calls);
}
END_TEST

static char path[64];

static int make_file(void)
{
	int rc = make_backend();
	struct stat st;

	/* made by the call: gone again after a failure */
	ck_assert_int_eq(stat(path, &st) == 0, rc == 0);
	unlink(path);
	return rc;
}

static int make_from_empty(void)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), rc;

	close(fd);
	rc = make_backend();
	ck_assert_int_eq(stat(path, &st), 0);
	if (rc < 0 && countdown < 0)	/* grown by the call: empty again */
		ck_assert_int_eq(st.st_size, 0);
	unlink(path);
	return rc;
}

START_TEST(failing_file_backend_leaves_the_file_system_as_it_was)
{
	char dir[] = "/tmp/vmem-test-XXXXXX", list[160];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
	snprintf(list, sizeof(list), "backend=file,mem-path=%s,size=64k,"
		 "share=on,prealloc=on", path);
	properties = list;
	ck_assert_int_ge(fail_each(make_file), 7);
	ck_assert_int_ge(fail_each(make_from_empty), 7);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

static struct vmem_sigbus *table;
static struct vmem_reservation *window;
static int file;

static int make_fd_block(void)
{
	struct vmem_fd_desc d = { file, RW_SHARED, 0, 4096, table };
	struct vmem_block *b = NULL;
	int rc = vmem_block_new_fd(&d, &b, NULL);

	vmem_block_unref(b);
	return rc;
}

static int make_in_window(void)
{
	struct vmem_fd_desc d = { file, RW_SHARED, 0, PAGE, table };
	struct vmem_block *b = NULL;
	int rc = vmem_block_new_fd_at(window, PAGE, &d, &b, NULL);

	vmem_block_unref(b);
	ck_assert(!vmem_reservation_busy(window, 0, 4 * PAGE));
	return rc;
}

START_TEST(failing_block_over_an_fd_leaves_nothing)
{
	file = make_memfd(64 * KIB);
	ck_assert_int_eq(vmem_sigbus_new(1, &table, NULL), 0);
	ck_assert_int_ge(fail_each(make_fd_block), 6);
	vmem_sigbus_free(table);
	close(file);
}
END_TEST

/* All but the last call: an end without the kernel's help keeps its place. */
START_TEST(failing_block_in_a_window_leaves_an_empty_place)
{
	int n;

	file = make_memfd(64 * KIB);
	ck_assert_int_eq(vmem_sigbus_new(1, &table, NULL), 0);
	ck_assert_int_eq(vmem_reservation_new(4 * PAGE, 0, &window, NULL), 0);
	for (n = 0; n < 6; n++) {
		countdown = n;
		ck_assert_int_lt(make_in_window(), 0);
		countdown = -1;
	}
	ck_assert_int_eq(make_in_window(), 0);
	vmem_reservation_free(window);
	vmem_sigbus_free(table);
	close(file);
}
END_TEST

static struct vmem_region *one, *two;

static int make_maps(void)
{
	struct vmem_map *empty = NULL, *map = NULL, *more = NULL, *less = NULL;
	struct vmem_region *both[2] = { one, two };
	int rc = vmem_map_new(&empty);

	if (!rc)
		rc = vmem_map_add(empty, one, &map, NULL);
	if (!rc)
		rc = vmem_map_remove(map, one, &less, NULL);
	if (!rc)
		rc = vmem_map_from_regions(both, 2, &more, NULL);
	vmem_map_unref(empty);
	vmem_map_unref(map);
	vmem_map_unref(more);
	vmem_map_unref(less);
	return rc;
}

static int make_region_with_bitmap(void)
{
	struct vmem_region_desc d = { vmem_region_block(one), 0, 0, 4096, 0,
				      12 };
	struct vmem_region *r = NULL;
	int rc = vmem_region_new(&d, &r, NULL);

	vmem_region_unref(r);
	return rc;
}

static int make_the_rest(void)
{
	struct vmem_iotlb *tlb = NULL;
	struct vmem_sigbus *t = NULL;
	struct vmem_space *space = NULL;
	struct vmem_reservation *r = NULL;
	int rc = vmem_space_new(&space);

	if (!rc)
		rc = vmem_sigbus_new(4, &t, NULL);
	if (!rc)
		rc = vmem_iotlb_new(4, &tlb);
	if (!rc)
		rc = vmem_reservation_new(PAGE, 0, &r, NULL);
	vmem_space_free(space);
	vmem_sigbus_free(t);
	vmem_iotlb_free(tlb);
	vmem_reservation_free(r);
	return rc;
}

START_TEST(failing_regions_maps_and_others_leave_nothing)
{
	one = make_region(0, 4096, 0);
	two = make_region(4096, 4096, 0);
	ck_assert_int_ge(fail_each(make_maps), 4);
	ck_assert_int_ge(fail_each(make_region_with_bitmap), 2);
	ck_assert_int_ge(fail_each(make_the_rest), 9);
	vmem_region_unref(one);
	vmem_region_unref(two);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("faults");
	TCase *tc = tcase_create("faults");

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, failing_backend_leaves_nothing, 0,
			    sizeof(kinds) / sizeof(kinds[0]));
	tcase_add_test(tc,
		       failing_file_backend_leaves_the_file_system_as_it_was);
	tcase_add_test(tc, failing_block_over_an_fd_leaves_nothing);
	tcase_add_test(tc, failing_block_in_a_window_leaves_an_empty_place);
	tcase_add_test(tc, failing_regions_maps_and_others_leave_nothing);
	return run_suite(s);
}
