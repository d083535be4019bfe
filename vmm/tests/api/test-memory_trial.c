/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about guest memory without a machine. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>

#include "cvmm/memory.h"
#include "../util.h"

static struct vsu_error err;
static struct cvmm_memory *memory;
static int status;


static void setup(void)
{
	vsu_error_clear(&err);
	status = 0;
	memory = NULL;
}

static int make(const char *properties)
{
	const struct cvmm_memory_trial trial = {
		.size = sizeof(trial), .properties = properties, .status = &status,
	};

	return cvmm_memory_new(&trial, &memory, &err);
}

START_TEST(memory_is_as_its_properties_say)
{
	const struct vmem_block *block;

	ck_assert_msg(!make("size=2M,backend=memfd"), "%s", err.msg);
	block = cvmm_memory_block(memory);
	ck_assert_uint_eq(vmem_block_len(block), 2 * MIB);
	ck_assert_int_eq(vmem_block_kind(block), VMEM_KIND_MEMFD);
	ck_assert_int_ge(vmem_block_fd(block), 0);
	cvmm_memory_free(memory);
}
END_TEST

START_TEST(created_file_is_removed)
{
	char folder[] = "/tmp/test-memory_trial-XXXXXX", list[128], path[64];

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/file", folder);
	snprintf(list, sizeof(list), "size=64K,backend=file,share=on,mem-path=%s", path);
	ck_assert_msg(!make(list), "%s", err.msg);
	ck_assert_int_eq(access(path, F_OK), 0);
	cvmm_memory_free(memory);
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(wrong_property_is_one_of_the_options)
{
	ck_assert_int_eq(make("size=2M,backend=none"), -EINVAL);
	ck_assert_int_eq(status, VSU_EXIT_DATA);
	ck_assert_msg(!strncmp(err.msg, "memory", 6), "%s", err.msg);
	ck_assert_ptr_null(memory);
}
END_TEST

START_TEST(missing_file_is_one_of_the_memory)
{
	const int before = vsu_fd_count();

	ck_assert_int_eq(make("size=2M,backend=file,readonly=on,mem-path=/nowhere/file"), -ENOENT);
	ck_assert_int_eq(status, VSU_EXIT_INPUT);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

START_TEST(sentence_has_the_name_of_the_caller)
{
	const struct cvmm_memory_trial trial = { .size = sizeof(trial), .properties = "siz=1G", .name = "memory 7" };

	ck_assert_int_eq(cvmm_memory_new(&trial, &memory, &err), -ENOENT);
	ck_assert_msg(!strncmp(err.msg, "memory 7", 8), "%s", err.msg);
}
END_TEST

START_TEST(free_accepts_null)
{
	cvmm_memory_free(NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("memory trial");
	TCase *tc = tcase_create("memory trial");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, memory_is_as_its_properties_say);
	tcase_add_test(tc, created_file_is_removed);
	tcase_add_test(tc, wrong_property_is_one_of_the_options);
	tcase_add_test(tc, missing_file_is_one_of_the_memory);
	tcase_add_test(tc, sentence_has_the_name_of_the_caller);
	tcase_add_test(tc, free_accepts_null);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
