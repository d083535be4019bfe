/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about memory in files that are not ordinary, and about what is asked
 * of an ordinary file that it does not have: character devices, pmem=on.
 */
#include <config.h>

#include <vm-memory/backend.h>

#include "util.h"

static char dir[64], path[128];
static unsigned int warnings;

static void setup(void)
{
	strcpy(dir, "/tmp/vmem-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
}

static void teardown(void)
{
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

static void on_warning(void *opaque, const char *sentence)
{
	(void)opaque;
	ck_assert_ptr_nonnull(strstr(sentence, "pmem"));
	warnings++;
}

static int alloc(const char *file, const char *props, struct vmem_block **out,
		 struct vsu_error *err)
{
	struct vmem_backend *b;
	int rc;

	ck_assert_int_eq(vmem_backend_new(&b), 0);
	vmem_backend_set_kind(b, VMEM_KIND_FILE);
	ck_assert_int_eq(vmem_backend_set(b, "mem-path", file, NULL), 0);
	vmem_backend_set_warn(b, on_warning, NULL);
	ck_assert_int_eq(vmem_backend_parse(b, "x", props, NULL), 0);
	rc = vmem_backend_alloc(b, out, err);
	vmem_backend_free(b);
	return rc;
}

/* A device has no size to be held to, and is not given one. */
static const char *const zero_props[] = {
	"size=64k", "size=64k,share=on", "size=64k,offset=1G",
	"size=64k,prealloc=on", "size=64k,share=on,prealloc=on",
};

START_TEST(d1_06_device_that_can_be_mapped_is_memory)
{
	struct vmem_block *b;

	ck_assert_int_eq(alloc("/dev/zero", zero_props[_i], &b, NULL), 0);
	ck_assert_uint_eq(vmem_block_hva(b)[64 * KIB - 1], 0);
	vmem_block_hva(b)[64 * KIB - 1] = 0x42;
	ck_assert_uint_eq(vmem_block_hva(b)[64 * KIB - 1], 0x42);
	vmem_block_unref(b);
}
END_TEST

START_TEST(d1_06_device_that_cannot_be_mapped_is_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *b = NULL;
	int before = vsu_fd_count();

	ck_assert_int_eq(alloc("/dev/null", "size=64k", &b, &err), -ENODEV);
	ck_assert_uint_ne(strlen(err.msg), 0);
	ck_assert_ptr_null(b);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

/* A file on real persistent memory gives no warning. */
START_TEST(pmem_on_an_ordinary_file_warns_and_maps_it)
{
	struct vmem_block *b;

	ck_assert_int_eq(alloc(path, "size=64k,share=on,pmem=on", &b, NULL),
			 0);
	ck_assert_uint_le(warnings, 1);
	vmem_block_hva(b)[5] = 0x55;
	vmem_block_unref(b);
}
END_TEST

static const char *no_memory_folder(void)
{
	const int fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? "/dev/shm is missing or not writable" : NULL;
}

START_TEST(pmem_on_a_file_in_memory_warns)
{
	struct vmem_block *b;

	warnings = 0;
	ck_assert_int_eq(alloc("/dev/shm", "size=64k,share=on,pmem=on", &b,
			       NULL), 0);
	ck_assert_uint_eq(warnings, 1);
	vmem_block_unref(b);
}
END_TEST

START_TEST(pmem_of_private_memory_is_not_tried)
{
	struct vmem_block *b;

	ck_assert_int_eq(alloc(path, "size=64k,pmem=on", &b, NULL), 0);
	ck_assert_uint_eq(warnings, 0);
	vmem_block_unref(b);
}
END_TEST

static unsigned char first_byte(void)
{
	unsigned char byte = 0xff;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(pread(fd, &byte, 1, 0), 1);
	close(fd);
	return byte;
}

/* Its pages are the file's, which is not this memory's to empty. */
static const char *const keeping[] = {
	"size=64k,discard-data=on", "size=64k,discard-data=on,readonly=on",
	"size=64k,discard-data=on,readonly=on,share=on",
};

START_TEST(discard_data_does_not_change_an_unwritable_file)
{
	struct vmem_block *b;

	ck_assert_int_eq(alloc(path, "size=64k,share=on", &b, NULL), 0);
	vmem_block_hva(b)[0] = 0x42;
	vmem_block_unref(b);
	ck_assert_int_eq(alloc(path, keeping[_i], &b, NULL), 0);
	vmem_block_unref(b);
	ck_assert_uint_eq(first_byte(), 0x42);
}
END_TEST

START_TEST(new_file_is_readable_by_all_and_writable_by_its_owner)
{
	struct vmem_block *b;
	struct stat st;

	umask(0);
	ck_assert_int_eq(alloc(path, "size=64k", &b, NULL), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0644);
	vmem_block_unref(b);
}
END_TEST

/* A clone of a template, before and after it stored to a page. */
START_TEST(untouched_private_pages_follow_the_file_and_touched_ones_do_not)
{
	struct vmem_block *file, *clone;

	ck_assert_int_eq(alloc(path, "size=64k,share=on", &file, NULL), 0);
	ck_assert_int_eq(alloc(path, "size=64k,readonly=on,rom=off", &clone,
			       NULL), 0);
	vmem_block_hva(clone)[PAGE] = 0x11;
	vmem_block_hva(file)[0] = 0x22;
	vmem_block_hva(file)[PAGE] = 0x22;
	ck_assert_uint_eq(vmem_block_hva(clone)[0], 0x22);
	ck_assert_uint_eq(vmem_block_hva(clone)[PAGE], 0x11);
	/* dropped pages would show the file again: not offered as zeros */
	ck_assert_int_eq(vmem_block_discard(clone, PAGE, PAGE, NULL),
			 -EOPNOTSUPP);
	ck_assert_uint_eq(vmem_block_hva(clone)[PAGE], 0x11);
	vmem_block_unref(clone);
	vmem_block_unref(file);
}
END_TEST

#define LOOP(tc, test, table) \
	tcase_add_loop_test(tc, test, 0, sizeof(table) / sizeof((table)[0]))

int main(void)
{
	Suite *s = suite_create("special_file");
	TCase *tc = tcase_create("special_file");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	LOOP(tc, d1_06_device_that_can_be_mapped_is_memory, zero_props);
	tcase_add_test(tc, d1_06_device_that_cannot_be_mapped_is_refused);
	tcase_add_test(tc, pmem_on_an_ordinary_file_warns_and_maps_it);
	tcase_add_test_unless(tc, no_memory_folder(), pmem_on_a_file_in_memory_warns);
	tcase_add_test(tc, pmem_of_private_memory_is_not_tried);
	LOOP(tc, discard_data_does_not_change_an_unwritable_file,
	     keeping);
	tcase_add_test(tc,
		       new_file_is_readable_by_all_and_writable_by_its_owner);
	tcase_add_test(tc,
		untouched_private_pages_follow_the_file_and_touched_ones_do_not);
	return run_suite_apart(s);
}
