/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the caches that the host's kernel describes. */
#include <config.h>

#include "../../tree.h"
#include "../../suite.h"
#include "arch/arm64/caches.h"

static struct varch_arm64_caches caches;

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(tree));
}

static void add_file(unsigned int index, const char *name, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "%.32s/index%u", tree, index);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "index%u/%.32s", index, name);
	tree_text(path, text);
}

static void add_cache(unsigned int index, const char *level, const char *type, const char *size, const char *cpus)
{
	add_file(index, "level", level);
	add_file(index, "type", type);
	add_file(index, "size", size);
	add_file(index, "number_of_sets", "256\n");
	add_file(index, "coherency_line_size", "64\n");
	add_file(index, "ways_of_associativity", "4\n");
	add_file(index, "shared_cpu_list", cpus);
}

START_TEST(caches_are_read_by_level)
{
	add_cache(0, "3\n", "Unified\n", "32768K\n", "0-79\n");
	add_cache(1, "1\n", "Instruction\n", "64K\n", "0,1\n");
	add_cache(2, "1\n", "Data\n", "64K\n", "0\n");
	add_cache(3, "2\n", "Unified\n", "1024K\n", "0\n");
	varch_arm64_caches_read(tree, &caches);
	ck_assert_uint_eq(caches.n, 4);
	ck_assert_int_eq(caches.rows[0].type, VARCH_ARM64_DATA);
	ck_assert_uint_eq(caches.rows[0].size, 65536);
	ck_assert_uint_eq(caches.rows[0].sets, 256);
	ck_assert_uint_eq(caches.rows[0].line, 64);
	ck_assert_uint_eq(caches.rows[0].ways, 4);
	ck_assert_int_eq(caches.rows[1].type, VARCH_ARM64_INSTRUCTION);
	ck_assert(!caches.rows[1].shared);
	ck_assert(!caches.rows[2].shared);
	ck_assert(caches.rows[3].shared);
	ck_assert_ptr_eq(varch_arm64_cache_of(&caches, 3), &caches.rows[3]);
	ck_assert_ptr_null(varch_arm64_cache_of(&caches, 4));
}
END_TEST

static const struct { const char *level, *type, *size; } wrong[] = {
	{ "8\n", "Data\n", "64K\n" }, { "0\n", "Data\n", "64K\n" }, { "", "Data\n", "64K\n" },
	{ "1\n", "Other\n", "64K\n" }, { "1\n", "Data\n", "" }, { "1\n", "Data\n", "99999999999K\n" },
};

START_TEST(cache_with_wrong_files_is_left_out)
{
	add_cache(0, wrong[_i].level, wrong[_i].type, wrong[_i].size, "0\n");
	varch_arm64_caches_read(tree, &caches);
	ck_assert_uint_eq(caches.n, 0);
}
END_TEST

START_TEST(host_without_a_description_has_no_caches)
{
	varch_arm64_caches_read("/nonexistent", &caches);
	ck_assert_uint_eq(caches.n, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("caches");
	TCase *tc = tcase_create("caches");

	tcase_add_checked_fixture(tc, setup, tree_remove);
	tcase_add_test(tc, caches_are_read_by_level);
	tcase_add_loop_test(tc, cache_with_wrong_files_is_left_out, 0, sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(tc, host_without_a_description_has_no_caches);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
