/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the folder of a saved machine when the host crashes or the disk fails:
 * the order of the calls, and what a failed one leaves.
 */
#include <config.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "transfer/save_files.h"
#include "transfer/save_target.h"
#include "transfer/save.h"
#include "memory/memory_options.h"
#include "../memory.h"

#define MAX_CALLS 16

static const struct varch_vm no_vm = { .kvm_fd = -1, .vm_fd = -1,
				      .phys_bits = 46 };
static struct vmm_memory memory;
static struct vmm_save_files files;
static struct vsu_error err;
static char top[] = "/tmp/cvmm-save.XXXXXX";
static char folder[64], incomplete[64];
static char calls[MAX_CALLS][128];	/* below top */
static int ncalls, failing;		/* the number of the call that fails, or -1 */
static bool remains;	/* and all later ones fail */
static int cancelling;	/* of the call during which the save is cancelled, or -1 */

static bool no_stream;	/* there is no memory for one */
static bool loses;		/* the next one loses its first bytes, of more than its buffer has room for */
static bool writes;		/* a test runs */
static int stream_fd;		/* of the last stream */

int __real_fsync(int fd);
int __real_vsu_path_rename_new(const char *from, const char *to);
FILE *__real_fdopen(int fd, const char *mode);
int __wrap_fsync(int fd);
FILE *__wrap_fdopen(int fd, const char *mode);
int __wrap_vsu_path_rename_new(const char *from, const char *to);

static int fails(void)
{
	if (ncalls == cancelling)
		__atomic_store_n(&files.progress.cancel, true, __ATOMIC_RELAXED);
	errno = EIO;
	return ncalls++ == failing || (remains && ncalls > failing);
}

int __wrap_fsync(int fd)
{
	char link[64], path[256];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	ck_assert_int_gt(n, 0);
	ck_assert_int_lt(ncalls, MAX_CALLS);
	path[n] = '\0';
	snprintf(calls[ncalls], sizeof(calls[0]), "sync %s", path + strlen(top));
	return fails() ? -1 : __real_fsync(fd);
}

static ssize_t lose_first(void *cookie, const char *bytes, size_t len)
{
	const bool lost = loses;

	(void)cookie;
	(void)bytes;
	loses = false;
	errno = EIO;
	return lost ? 0 : (ssize_t)len;
}

/* Another thread may start a program meanwhile. */
FILE *__wrap_fdopen(int fd, const char *mode)
{
	if (!writes)	/* of the library of the tests */
		return __real_fdopen(fd, mode);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	stream_fd = fd;
	errno = ENOMEM;
	if (loses)
		return fopencookie(NULL, mode, (cookie_io_functions_t){ .write = lose_first });
	return no_stream ? NULL : __real_fdopen(fd, mode);
}

int __wrap_vsu_path_rename_new(const char *from, const char *to)
{
	snprintf(calls[ncalls], sizeof(calls[0]), "rename");
	return fails() ? -EIO : __real_vsu_path_rename_new(from, to);
}

static void setup(void)
{
	static char word[] = "builtin:selftest";
	static char *words[] = { word };
	struct vmm_memory_lists options = {
		.what = "--memory", .n = 1, .list = { "size=2M" },
	};

	ck_assert_int_eq(vmm_memory_parse(&memory, &options, NULL, &err), 0);
	ck_assert_int_eq(vmm_memory_make(&memory, &no_vm, NULL, &err), 0);
	memcpy(strrchr(top, '.'), ".XXXXXX", 7);
	ck_assert_ptr_nonnull(mkdtemp(top));
	snprintf(folder, sizeof(folder), "%s/saved", top);
	snprintf(incomplete, sizeof(incomplete), "%s/saved.incomplete", top);
	ck_assert_int_eq(mkdir(incomplete, 0700), 0);
	files = (struct vmm_save_files){ .folder = folder, .incomplete = incomplete, .pagemap = -1,
					 .folder_fd = -1, .fds = { -1, -1, -1 },
					 .map = vmm_memory_map(&memory), .words = words, .nwords = 1 };
	vsu_state_begin(&files.state, vmm_state_kinds);
	ncalls = 0;
	failing = cancelling = -1;
	no_stream = loses = remains = false;
	stream_fd = -1;
}

static bool exists(const char *path)
{
	return !access(path, F_OK);
}

static void teardown(void)
{
	char path[128];
	unsigned int i;

	for (i = 0; i < VMM_SAVE_NFILES; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, vmm_save_names[i]);
		unlink(path);
	}
	rmdir(folder);
	ck_assert_int_eq(rmdir(top), 0);
	free(files.state.out.bytes);
	vmm_memory_free(&memory);
}

static int write_files(void)
{
	int rc;

	writes = true;
	rc = vmm_save_write_files(&files, &err);
	if (!rc)
		rc = vmm_save_sync_files(&files, &err);
	writes = false;
	return rc;
}

START_TEST(all_is_on_the_disk_before_the_folder_gets_its_name)
{
	static const char *const order[] = {
		"sync /saved.incomplete/memory", "sync /saved.incomplete/state",
		"sync /saved.incomplete/machine.json", "sync /saved.incomplete",
		"rename", "sync ",
	};
	size_t i;

	ck_assert_int_eq(write_files(), 0);
	ck_assert_int_eq(ncalls, COUNT(order));
	for_rows(i, COUNT(order))
		ck_assert_str_eq(calls[i], order[i]);
	ck_assert(exists(folder) && !exists(incomplete));
}
END_TEST

/* The last call is the one of the parent: the folder has its name by then, and loses it again. */
START_TEST(failed_call_leaves_no_folder_of_that_name)
{
	failing = _i;
	ck_assert_int_eq(write_files(), -EIO);
	ck_assert_int_eq(ncalls, _i < 5 ? _i + 1 : _i + 2);
	ck_assert(!exists(folder));
	vmm_save_remove_files(&files);
	ck_assert(!exists(incomplete));
}
END_TEST

/* As of a file system that becomes read-only. */
START_TEST(folder_that_keeps_its_name_is_named)
{
	failing = 5;
	remains = true;
	ck_assert_int_eq(write_files(), -EIO);
	ck_assert(exists(folder));
	ck_assert_msg(strstr(err.msg, "remove folder '/tmp/cvmm-save.") == err.msg, "%s", err.msg);
	ck_assert_int_eq(rename(folder, incomplete), 0);
	vmm_save_remove_files(&files);
}
END_TEST

/* Up to the synchronization of the folder. */
START_TEST(cancelled_save_leaves_no_folder_of_that_name)
{
	cancelling = _i;
	ck_assert_int_eq(write_files(), -ECANCELED);
	ck_assert(!exists(folder));
	vmm_save_remove_files(&files);
	ck_assert(!exists(incomplete));
}
END_TEST

/* A client has it on its stack. */
START_TEST(new_target_is_not_cancelled)
{
	struct vmm_save_files target;

	memset(&target, 0xa5, sizeof(target));
	vmm_save_target_init(&target);
	ck_assert(!target.progress.cancel && !target.words && !target.map);
	ck_assert_int_eq(target.fds[0], -1);
}
END_TEST

START_TEST(folder_may_be_named_with_slashes)
{
	static const char *const endings[] = { "", "/", "//" };
	struct vmm_save_files target;
	char name[sizeof(folder) + 2];

	ck_assert_int_eq(rmdir(incomplete), 0);
	snprintf(name, sizeof(name), "%s%s", folder, endings[_i]);
	vmm_save_target_init(&target);
	ck_assert_int_eq(vmm_save_target_open(&target, &(struct cvmm_save){ .folder = name }, NULL), 0);
	ck_assert_str_eq(target.folder, folder);
	ck_assert(exists(incomplete));
	vmm_save_remove_files(&target);
	vmm_save_target_close(&target);
	ck_assert(!exists(incomplete));
}
END_TEST

START_TEST(save_that_is_cancelled_too_late_is_complete)
{
	cancelling = 4;
	ck_assert_int_eq(write_files(), 0);
	ck_assert(exists(folder) && !exists(incomplete));
}
END_TEST

START_TEST(lack_of_memory_for_the_command_line_leaves_no_descriptor)
{
	no_stream = true;
	ck_assert_int_eq(write_files(), -ENOMEM);
	ck_assert_int_lt(fcntl(stream_fd, F_GETFD), 0);
	ck_assert(!exists(folder));
	vmm_save_remove_files(&files);
	ck_assert(!exists(incomplete));
}
END_TEST

START_TEST(command_line_without_its_begin_is_no_saved_machine)
{
	static char word[100000];
	static char *words[] = { word };

	memset(word, 'a', sizeof(word) - 1);
	files.words = words;
	loses = true;
	ck_assert_int_eq(write_files(), -EIO);
	ck_assert(!loses && !exists(folder));
	close(stream_fd);
	vmm_save_remove_files(&files);
	ck_assert(!exists(incomplete));
}
END_TEST

START_TEST(folder_that_another_program_makes_meanwhile_is_kept)
{
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	ck_assert_int_eq(write_files(), -EEXIST);
	ck_assert(exists(incomplete));
	vmm_save_remove_files(&files);
	ck_assert(exists(folder) && !exists(incomplete));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("save_files");
	TCase *target = tcase_create("target");
	TCase *tc = tcase_create("save_files");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, all_is_on_the_disk_before_the_folder_gets_its_name);
	tcase_add_loop_test(tc, failed_call_leaves_no_folder_of_that_name, 0, 6);
	tcase_add_test(tc, folder_that_keeps_its_name_is_named);
	tcase_add_loop_test(tc, cancelled_save_leaves_no_folder_of_that_name, 0, 4);
	tcase_add_test(tc, save_that_is_cancelled_too_late_is_complete);
	tcase_add_test(tc, lack_of_memory_for_the_command_line_leaves_no_descriptor);
	tcase_add_test(tc, command_line_without_its_begin_is_no_saved_machine);
	tcase_add_test(tc, folder_that_another_program_makes_meanwhile_is_kept);
	tcase_add_loop_test(tc, folder_may_be_named_with_slashes, 0, 3);
	tcase_add_test(target, new_target_is_not_cancelled);
	suite_add_tcase(s, target);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
