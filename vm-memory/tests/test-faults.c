/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about failure: if any allocation or system call of a constructor fails, the
 * constructor reports it, and no descriptor, mapping, heap block or file remains.
 */
#include <config.h>

#include <vm-memory/backend.h>
#include <vm-memory/iotlb.h>
#include <vm-memory/reservation.h>
#include <vm-memory/sigbus.h>
#include <vm-memory/space.h>

#include "fake-kvm.h"
#include "faults.h"
#include "util.h"

static const char *properties;
static unsigned int wrong;	/* violated claims; asserted to be 0 at the end */

static int make_backend(void)
{
	struct vmem_backend *b;
	struct vmem_block *block = NULL;
	int rc = vmem_backend_new(&b);

	if (rc < 0)
		return rc;
	vmem_backend_set_vm_fd(b, FAKE_VM);
	rc = vmem_backend_parse(b, "x", properties, NULL);
	if (!rc)
		rc = vmem_backend_alloc(b, &block, NULL);
	wrong += (rc < 0) != (block == NULL);
	vmem_block_unref(block);
	vmem_backend_free(b);
	return rc;
}

/*
 * Calls whose failure changes nothing: three questions to KVM, advice to the kernel (huge
 * pages, forks, merging, dumps), facts that matter only to some, mode and seals of a file, which
 * mmap() checks again, and the short way to a mapping, which a longer one follows.
 */
static const struct {
	const char *properties;
	int calls;	/* at least, or something is not wrapped */
	int forgiven;	/* at most */
} kinds[] = {
	{ "size=64k,prealloc=on", 11, 6 },
	{ "size=64k,dump=off,policy=bind,host-nodes=0", 12, 7 },
	{ "size=64k,policy=preferred,host-nodes=0-1", 11, 6 },
	{ "size=64k,share=on", 13, 7 },
	{ "backend=memfd,size=64k,prealloc=on", 14, 9 },
	{ "backend=memfd,size=64k,reserve=off", 14, 9 },
	{ "backend=shm,size=64k", 12, 7 },
	{ "backend=guest-memfd,size=64k", 14, 5 },
	{ "backend=memfd,size=64k,private=on", 17, 5 },
	{ "backend=file,mem-path=/dev/zero,size=64k", 15, 11 },
};

START_TEST(failing_backend_leaves_nothing)
{
	properties = kinds[_i].properties;
	ck_assert_int_ge(faults_each(make_backend, kinds[_i].forgiven),
			 kinds[_i].calls);
	faults_old_kernel = true;
	ck_assert_int_ge(faults_each(make_backend, kinds[_i].forgiven),
			 kinds[_i].calls - 1);
	ck_assert_uint_eq(wrong, 0);
}
END_TEST

static char path[64];

static int make_file(void)
{
	int rc = make_backend();
	struct stat st;

	/* made by the call: gone again after a failure */
	wrong += (stat(path, &st) == 0) != (rc == 0);
	unlink(path);
	return rc;
}

static int make_from_empty(void)
{
	struct stat st;
	int rc;

	close(creat(path, 0600));
	rc = make_backend();
	/* grown by the call: empty again after a failure */
	wrong += stat(path, &st) < 0 || (st.st_size == 0) != (rc < 0);
	unlink(path);
	return rc;
}

static const char *const file_props[] = {
	"prealloc=on", "pmem=on", "discard-data=on,prealloc=on", "rom=off",
};

/* The list is "backend=file,mem-path=DIR/file,..." or "...mem-path=DIR,...". */
static void check_files(const char *dir, const char *props)
{
	char list[256];

	snprintf(path, sizeof(path), "%s/file", dir);
	snprintf(list, sizeof(list), "backend=file,mem-path=%s,size=64k,"
		 "share=on,%s", path, props);
	properties = list;
	ck_assert_int_ge(faults_each(make_file, 12), 16);
	ck_assert_int_ge(faults_each(make_from_empty, 12), 16);
	snprintf(list, sizeof(list), "backend=file,mem-path=%s,size=64k,"
		 "share=on,%s", dir, props);
	ck_assert_int_ge(faults_each(make_backend, 12), 16);
}

START_TEST(failing_file_backend_leaves_the_file_system_as_it_was)
{
	char dir[] = "/tmp/vmem-test-XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(dir));
	check_files(dir, file_props[_i]);
	faults_old_kernel = true;
	check_files(dir, file_props[_i]);
	ck_assert_uint_eq(wrong, 0);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

static struct vmem_sigbus *table;
static struct vmem_reservation *window;
static int file;

static int make_fd_block(void)
{
	struct vmem_fd_desc d = { file, RW_SHARED, 0, 4096, table, NULL };
	struct vmem_block *b = NULL;
	int rc = vmem_block_new_fd(&d, &b, NULL);

	vmem_block_unref(b);
	return rc;
}

static int make_in_window(void)
{
	struct vmem_fd_desc d = { file, RW_SHARED, 0, PAGE, table, NULL };
	struct vmem_block *b = NULL;
	int rc = vmem_block_new_fd_at(window, PAGE, &d, &b, NULL);

	vmem_block_unref(b);
	return rc;
}

START_TEST(failing_block_over_an_fd_leaves_nothing)
{
	file = make_memfd(64 * KIB);
	ck_assert_int_eq(vmem_sigbus_new(1, &table, NULL), 0);
	ck_assert_int_ge(faults_each(make_fd_block, 2), 4);
	vmem_sigbus_free(table);
	close(file);
}
END_TEST

/* The last call gives the pages back; the next claim does it without it. */
START_TEST(failing_block_in_a_window_leaves_an_empty_place)
{
	int n;

	file = make_memfd(64 * KIB);
	ck_assert_int_eq(vmem_sigbus_new(1, &table, NULL), 0);
	ck_assert_int_eq(vmem_reservation_new(4 * PAGE, 0, &window, NULL), 0);
	for (n = 0; faults_one(make_in_window, n) < 0; n++)
		ck_assert(!vmem_reservation_busy(window, 0, 4 * PAGE));
	/* more where the calls of a sibling library are counted, too */
	ck_assert_int_ge(n, 5);
	ck_assert(!vmem_reservation_busy(window, 0, 4 * PAGE));
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
	ck_assert_int_ge(faults_each(make_maps, 0), 4);
	ck_assert_int_ge(faults_each(make_region_with_bitmap, 0), 2);
	/* the spare pages of a table are a favour: six calls */
	ck_assert_int_ge(faults_each(make_the_rest, 6), 9);
	vmem_region_unref(one);
	vmem_region_unref(two);
}
END_TEST

int main(void)
{
	Suite *s;
	TCase *tc;

	/* Their names are others where a file's offset is wider than long. */
	if (sizeof(long) < sizeof(off_t)) {
		puts("1..0 # SKIP system calls can be refused in a 64-bit build only");
		return 0;
	}
	s = suite_create("faults");
	tc = tcase_create("faults");
	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, failing_backend_leaves_nothing, 0,
			    sizeof(kinds) / sizeof(kinds[0]));
	tcase_add_loop_test(tc,
		failing_file_backend_leaves_the_file_system_as_it_was, 0,
		sizeof(file_props) / sizeof(file_props[0]));
	tcase_add_test(tc, failing_block_over_an_fd_leaves_nothing);
	tcase_add_test(tc, failing_block_in_a_window_leaves_an_empty_place);
	tcase_add_test(tc, failing_regions_maps_and_others_leave_nothing);
	return run_suite(s);
}
