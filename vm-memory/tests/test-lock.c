/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about locks on the bytes of a file that is memory. */
#include <config.h>

#include <sys/mman.h>

#include <vm-memory/backend.h>

#include "util.h"

static char path[] = "/tmp/vmem-lock-XXXXXX";
static struct vsu_error err;

static void make_file(void)
{
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, 64 * KIB), 0);
	close(fd);
}

static void remove_file(void)
{
	unlink(path);
}

/* A piece of a file over a new open file description, as in another machine. */
static struct vmem_block *piece_of(const char *file, const char *properties)
{
	struct vmem_backend *backend;
	struct vmem_block *block;
	char list[256];

	snprintf(list, sizeof(list), "backend=file,mem-path=%s,%s", file,
		 properties);
	ck_assert_int_eq(vmem_backend_new(&backend), 0);
	ck_assert_int_eq(vmem_backend_parse(backend, "test", list, NULL), 0);
	ck_assert_int_eq(vmem_backend_alloc(backend, &block, NULL), 0);
	vmem_backend_free(backend);
	return block;
}

static struct vmem_block *piece(const char *properties)
{
	return piece_of(path, properties);
}

#define RAM(offset) "share=on,size=16k,offset=" offset
#define TEMPLATE "share=off,readonly=on,rom=off,size=16k"
#define ROM "readonly=on,size=16k"

static const struct {
	const char *first, *second;
	int rc;
} pairs[] = {
	{ RAM("0"), RAM("0"), -EBUSY },
	{ RAM("0"), RAM("12k"), -EBUSY },
	{ RAM("0"), RAM("16k"), 0 },
	{ RAM("16k"), RAM("0"), 0 },
	{ RAM("0"), TEMPLATE, -EBUSY },
	{ ROM, RAM("0"), -EBUSY },
	{ ROM, RAM("16k"), 0 },
	{ ROM, TEMPLATE, 0 },
	{ TEMPLATE, TEMPLATE, 0 },
	{ TEMPLATE, "share=off,size=16k", 0 },
};

START_TEST(stores_to_a_file_exclude_others_from_the_same_bytes)
{
	struct vmem_block *first = piece(pairs[_i].first);
	struct vmem_block *second = piece(pairs[_i].second);

	ck_assert_int_eq(vmem_block_lock(first, &err), 0);
	ck_assert_int_eq(vmem_block_lock(second, &err), pairs[_i].rc);
	vmem_block_unref(first);
	ck_assert_int_eq(vmem_block_lock(second, &err), 0);
	vmem_block_unref(second);
}
END_TEST

START_TEST(a_refusal_names_the_bytes_and_the_remedy)
{
	struct vmem_block *first = piece(RAM("16k")), *second = piece(RAM("20k"));

	ck_assert_int_eq(vmem_block_lock(first, &err), 0);
	ck_assert_int_eq(vmem_block_lock(second, &err), -EBUSY);
	ck_assert_str_eq(err.msg, "bytes 0x5000 to 0x8fff of the file are in use by another machine; choose another file or offset, or share=off");
	vmem_block_unref(second);
	second = piece("readonly=on,size=20k");
	ck_assert_int_eq(vmem_block_lock(second, &err), -EBUSY);
	ck_assert_str_eq(err.msg, "another machine stores to bytes 0 to 0x4fff of the file; choose another file or offset, or end that machine first");
	vmem_block_unref(first);
	vmem_block_unref(second);
}
END_TEST

START_TEST(a_lock_lasts_as_long_as_somebody_has_the_descriptor)
{
	struct vmem_block *first = piece(RAM("0")), *second = piece(RAM("0"));
	int peer;

	ck_assert_int_eq(vmem_block_lock(first, &err), 0);
	peer = vsu_fd_dup(vmem_block_fd(first));
	vmem_block_unref(first);
	ck_assert_int_eq(vmem_block_lock(second, &err), -EBUSY);
	vsu_fd_close(&peer);
	ck_assert_int_eq(vmem_block_lock(second, &err), 0);
	vmem_block_unref(second);
}
END_TEST

/* Around 4 EiB the positions of locks end. */
static const struct {
	const char *first, *second;
	int rc;
} far_pairs[] = {
	{ RAM("4E"), RAM("4E"), -EBUSY },
	{ RAM("4611686018427379712"), RAM("4E"), -EBUSY },	/* 8k before */
	{ RAM("4E"), RAM("4611686018427404288"), 0 },	/* 16k behind */
	{ RAM("4611686018427371520"), RAM("4E"), 0 },	/* 16k before */
	{ RAM("4E"), RAM("0"), 0 },
	{ RAM("6E"), RAM("6E"), -EBUSY },
	{ RAM("6E"), RAM("2E"), 0 },
};

START_TEST(d1_24_offsets_of_4_eib_and_more_are_locked_as_others)
{
	struct vmem_block *first, *second;
	char name[64];
	int fd = memfd_create("sparse", MFD_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, INT64_C(7) << 60), 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	first = piece_of(name, far_pairs[_i].first);
	second = piece_of(name, far_pairs[_i].second);
	ck_assert_int_eq(vmem_block_lock(first, &err), 0);
	ck_assert_int_eq(vmem_block_lock(second, &err), far_pairs[_i].rc);
	vmem_block_unref(first);
	ck_assert_int_eq(vmem_block_lock(second, &err), 0);
	vmem_block_unref(second);
	vsu_fd_close(&fd);
}
END_TEST

/* Locks as a disk of another program has them, by a description of its own. */
static int disk_locks(bool writes)
{
	const int bytes[] = { 100, 201, 101 };
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1 };
	int i, fd = open(path, O_RDWR | O_CLOEXEC);

	for (i = 0; i < 2 + writes; i++) {
		lock.l_start = bytes[i];
		ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
	}
	return fd;
}

START_TEST(d1_23_a_file_in_use_as_a_disk_is_no_memory_to_store_to)
{
	struct vmem_block *ram = piece(RAM("32k")), *rom = piece(ROM);
	int fd = disk_locks(false);

	ck_assert_int_eq(vmem_block_lock(ram, &err), -EBUSY);
	ck_assert_str_eq(err.msg, "the file is in use as a disk by another program; choose another file");
	ck_assert_int_eq(vmem_block_lock(rom, &err), 0);
	vsu_fd_close(&fd);
	ck_assert_int_eq(vmem_block_lock(ram, &err), 0);
	vmem_block_unref(ram);
	vmem_block_unref(rom);
}
END_TEST

START_TEST(d1_23_a_file_that_a_disk_writes_is_no_template)
{
	struct vmem_block *block = piece(_i ? ROM : TEMPLATE);
	int fd = disk_locks(true);

	ck_assert_int_eq(vmem_block_lock(block, &err), -EBUSY);
	ck_assert_str_eq(err.msg, "another program writes to the file as a disk; choose another file, or end that program first");
	vsu_fd_close(&fd);
	ck_assert_int_eq(vmem_block_lock(block, &err), 0);
	vmem_block_unref(block);
}
END_TEST

/* A writable disk checks byte 201, which memory from a template locks. */
START_TEST(a_writable_disk_sees_a_template)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
			      .l_start = 201, .l_len = 1 };
	struct vmem_block *block = piece(TEMPLATE);
	int fd = open(path, O_RDWR | O_CLOEXEC);

	ck_assert_int_eq(vmem_block_lock(block, &err), 0);
	ck_assert_int_eq(fcntl(fd, F_OFD_GETLK, &lock), 0);
	ck_assert_int_eq(lock.l_type, F_RDLCK);
	vmem_block_unref(block);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(memory_that_is_stored_to_can_be_seen_by_a_disk)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
			      .l_start = 101, .l_len = 1 };
	struct vmem_block *ram = piece(RAM("0"));
	int fd = open(path, O_RDWR | O_CLOEXEC);

	ck_assert_int_eq(vmem_block_lock(ram, &err), 0);
	ck_assert_int_eq(fcntl(fd, F_OFD_GETLK, &lock), 0);
	ck_assert_int_eq(lock.l_type, F_RDLCK);
	vmem_block_unref(ram);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(memory_without_a_file_needs_no_lock)
{
	struct vmem_backend *backend;
	struct vmem_block *block;

	ck_assert_int_eq(vmem_backend_new(&backend), 0);
	vmem_backend_set_size(backend, PAGE);
	ck_assert_int_eq(vmem_backend_alloc(backend, &block, NULL), 0);
	ck_assert_int_eq(vmem_block_lock(block, &err), 0);
	vmem_block_unref(block);
	vmem_backend_free(backend);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lock");
	TCase *tc = tcase_create("lock");

	tcase_add_checked_fixture(tc, make_file, remove_file);
	tcase_add_loop_test(tc,
		stores_to_a_file_exclude_others_from_the_same_bytes, 0,
		(int)(sizeof(pairs) / sizeof(pairs[0])));
	tcase_add_test(tc, a_refusal_names_the_bytes_and_the_remedy);
	tcase_add_test(tc, a_lock_lasts_as_long_as_somebody_has_the_descriptor);
	tcase_add_test(tc, d1_23_a_file_in_use_as_a_disk_is_no_memory_to_store_to);
	tcase_add_loop_test(tc, d1_23_a_file_that_a_disk_writes_is_no_template, 0, 2);
	tcase_add_test(tc, a_writable_disk_sees_a_template);
	tcase_add_loop_test(tc, d1_24_offsets_of_4_eib_and_more_are_locked_as_others, 0,
			    (int)(sizeof(far_pairs) / sizeof(far_pairs[0])));
	tcase_add_test(tc, memory_that_is_stored_to_can_be_seen_by_a_disk);
	tcase_add_test(tc, memory_without_a_file_needs_no_lock);
	suite_add_tcase(s, tc);
	return run_suite_apart(s);
}
