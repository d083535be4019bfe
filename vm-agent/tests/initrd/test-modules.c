/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the modules that are selected, and about damaged files of depmod. */
#include <config.h>

#include "../suite.h"
#include "initrd/modules.h"
#include "../tree.h"

static struct vagent_priv_modules *modules;
static struct vsu_error err;

static void open_modules(const char *dep)
{
	tree_text("modules.dep", dep);
	ck_assert_int_eq(vagent_priv_modules_open(&modules, tree, NULL), 0);
}

static int select_one(const char *name)
{
	return vagent_priv_modules_select(modules, name, VAGENT_MODULE_REQUIRED, &err);
}

/* The selection as one text: paths, optional ones with a question mark. */
static const char *selection(void)
{
	static char text[1024];
	const struct vagent_priv_module *m;
	unsigned int i;

	text[0] = '\0';
	for (i = 0; (m = vagent_priv_modules_get(modules, i)); i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s%s", i ? " " : "",
			 m->optional ? "?" : "", m->path);
	return text;
}

static void after(void)
{
	vagent_priv_modules_free(modules);
	tree_remove();
}

START_TEST(dependencies_are_first_and_each_once)
{
	open_modules("kernel/b.ko: kernel/a.ko\nkernel/a.ko:\nkernel/c.ko: kernel/b.ko kernel/a.ko\n");
	ck_assert_int_eq(select_one("c"), 0);
	ck_assert_int_eq(select_one("b"), 0);
	ck_assert_str_eq(selection(), "kernel/a.ko kernel/b.ko kernel/c.ko");
}
END_TEST

START_TEST(dashes_and_compression_do_not_matter_in_names)
{
	open_modules("kernel/virtio-pci.ko.xz: kernel/virtio_ring.ko.zst\nkernel/virtio_ring.ko.zst:\n");
	ck_assert_int_eq(select_one("virtio_pci"), 0);
	ck_assert_int_eq(select_one("virtio-ring"), 0);
	ck_assert_str_eq(selection(), "kernel/virtio_ring.ko.zst kernel/virtio-pci.ko.xz");
}
END_TEST

START_TEST(soft_dependencies_are_optional_and_around_their_module)
{
	tree_text("modules.softdep", "# by depmod\nsoftdep b pre: a absent post: c\n");
	open_modules("kernel/a.ko:\nkernel/b.ko:\nkernel/c.ko: kernel/d.ko\nkernel/d.ko:\n");
	ck_assert_int_eq(select_one("b"), 0);
	ck_assert_str_eq(selection(), "?kernel/a.ko kernel/b.ko ?kernel/d.ko ?kernel/c.ko");
	ck_assert_int_eq(select_one("d"), 0);
	ck_assert_str_eq(selection(), "?kernel/a.ko kernel/b.ko kernel/d.ko ?kernel/c.ko");
}
END_TEST

START_TEST(soft_dependency_may_be_an_alias_of_several)
{
	tree_text("modules.softdep", "softdep ext4 pre: crypto-crc32c\n");
	tree_text("modules.alias", "alias pci:v00001AF4d* virtio\nalias crypto-crc32c fast\nalias crypto_crc32c plain\nalias crypto-crc32c gone\n");
	open_modules("kernel/ext4.ko:\nkernel/fast.ko:\nkernel/plain.ko:\n");
	ck_assert_int_eq(select_one("ext4"), 0);
	ck_assert_str_eq(selection(), "?kernel/fast.ko ?kernel/plain.ko kernel/ext4.ko");
}
END_TEST

START_TEST(built_in_module_is_not_included)
{
	tree_text("modules.builtin", "kernel/fs/fuse/virtiofs.ko\n");
	open_modules("kernel/overlay.ko:\n");
	ck_assert_int_eq(select_one("virtiofs"), 0);
	ck_assert_str_eq(selection(), "");
}
END_TEST

START_TEST(missing_module_is_an_error_only_if_it_is_required)
{
	open_modules("kernel/overlay.ko:\n");
	ck_assert_int_eq(vagent_priv_modules_select(modules, "nd_pmem", VAGENT_MODULE_IF_PRESENT, NULL), 0);
	ck_assert_int_eq(select_one("virtiofs"), -ENOENT);
	ck_assert_str_eq(err.msg, "the kernel has no module 'virtiofs', neither as a file nor built in");
}
END_TEST

START_TEST(kernel_without_a_folder_has_everything_built_in)
{
	ck_assert_int_eq(vagent_priv_modules_open(&modules, NULL, NULL), 0);
	ck_assert_int_eq(select_one("virtiofs"), 0);
	ck_assert_str_eq(selection(), "");
}
END_TEST

START_TEST(folder_without_modules_dep_is_named)
{
	ck_assert_int_eq(vagent_priv_modules_open(&modules, tree, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "has no modules.dep; run depmod"));
}
END_TEST

/* ------------------------------------------------------------------- damage */

START_TEST(d2_14_rejects_damaged_modules_dep)
{
	static const struct {
		const char *dep, *why;
	} rows[] = {
		{ "kernel/m.ko: kernel/a.ko\nkernel/a.ko: kernel/m.ko\n", "depends on itself" },
		{ "kernel/m.ko: kernel/m.ko\n", "depends on itself" },
		{ "kernel/m.ko: kernel/a.ko\n", "has no line for" },
		{ "/etc/m.ko:\n", "not below its folder" },
		{ "../m.ko:\n", "not below its folder" },
		{ "kernel/../../m.ko:\n", "not below its folder" },
		{ "kernel//m.ko:\n", "not below its folder" },
		{ "kernel/./m.ko:\n", "not below its folder" },
	};

	open_modules(rows[_i].dep);
	ck_assert_int_eq(select_one("m"), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.msg, rows[_i].why));
}
END_TEST

START_TEST(d2_15_text_without_lines_selects_nothing)
{
	static const char *const texts[] = { "", "\n\n:\n", "kernel/a.ko", ": : :\n", " \t\n", "\r" };

	open_modules(texts[_i]);
	ck_assert_int_eq(select_one("a"), -ENOENT);
}
END_TEST

/* A chain of n modules, each of which depends on the next. */
static void open_chain(int n)
{
	char *dep = NULL;
	size_t len;
	FILE *f = open_memstream(&dep, &len);
	int i;

	for (i = 0; i < n; i++)
		fprintf(f, "kernel/m%d.ko: kernel/m%d.ko\n", i, i + 1);
	fprintf(f, "kernel/m%d.ko:\n", n);
	fclose(f);
	open_modules(dep);
	free(dep);
}

START_TEST(d2_16_depth_of_dependencies_is_limited)
{
	open_chain(VAGENT_MODULES_DEPTH - 1);
	ck_assert_int_eq(select_one("m0"), 0);
	vagent_priv_modules_free(modules);
	open_chain(100000);
	ck_assert_int_eq(select_one("m0"), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.msg, "more than 32 deep"));
}
END_TEST

START_TEST(d2_17_number_of_modules_is_limited)
{
	char name[16];
	int i, rc = 0;

	open_chain(300);
	for (i = 300; !rc && i >= 0; i--) {
		snprintf(name, sizeof(name), "m%d", i);
		rc = select_one(name);
	}
	ck_assert_int_eq(rc, -E2BIG);
	ck_assert_int_eq(i, 300 - VAGENT_MODULES_MAX - 1);
}
END_TEST

START_TEST(d2_18_soft_dependencies_may_form_circles)
{
	tree_text("modules.softdep", "softdep a pre: b post: b\nsoftdep b pre: a a a post: a\n");
	open_modules("kernel/a.ko:\nkernel/b.ko:\n");
	ck_assert_int_eq(select_one("a"), 0);
	ck_assert_str_eq(selection(), "?kernel/b.ko kernel/a.ko");
}
END_TEST

START_TEST(d2_19_number_of_soft_dependencies_is_limited)
{
	char *soft = NULL;
	size_t len;
	FILE *f = open_memstream(&soft, &len);
	int i;

	fputs("softdep a pre:", f);
	for (i = 0; i < 5000; i++)
		fputs(" x", f);
	fclose(f);
	tree_text("modules.softdep", soft);
	free(soft);
	open_modules("kernel/a.ko:\n");
	ck_assert_int_eq(select_one("a"), -E2BIG);
}
END_TEST

START_TEST(d2_20_rejects_a_module_that_is_no_file)
{
	uint64_t size;

	open_modules("kernel/a.ko:\nkernel:\n");
	tree_text("kernel/a.ko", "");
	ck_assert_int_eq(select_one("a"), 0);
	ck_assert_int_eq(vagent_priv_module_open(modules, vagent_priv_modules_get(modules, 0), &size, NULL), -EBADMSG);
	ck_assert_int_eq(select_one("kernel"), 0);
	ck_assert_int_eq(vagent_priv_module_open(modules, vagent_priv_modules_get(modules, 1), &size, NULL), -EBADMSG);
}
END_TEST

START_TEST(d2_31_rejects_a_module_behind_a_link_out_of_the_folder)
{
	char path[256];
	uint64_t size;

	snprintf(path, sizeof(path), "%s/kernel/a.ko", tree);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	open_modules("kernel/a.ko:\n");
	ck_assert_int_eq(select_one("a"), 0);
	ck_assert_int_lt(vagent_priv_module_open(modules, vagent_priv_modules_get(modules, 0), &size, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "the module 'kernel/a.ko' is reached by a symbolic link"));
}
END_TEST

/* Sentences quote lines of these files. */
START_TEST(d2_31_rejects_a_list_behind_a_link_out_of_the_folder)
{
	static const char *const names[] = { "modules.dep", "modules.softdep", "modules.builtin", "modules.alias" };
	char path[256];

	if (_i)
		tree_text("modules.dep", "kernel/a.ko:\n");
	snprintf(path, sizeof(path), "%s/%s", tree, names[_i]);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	ck_assert_int_lt(vagent_priv_modules_open(&modules, tree, &err), 0);
	snprintf(path, sizeof(path), "the list '%s' is reached by a symbolic link", names[_i]);
	ck_assert_ptr_nonnull(strstr(err.msg, path));
}
END_TEST

START_TEST(d2_21_rejects_a_list_that_is_too_large)
{
	char path[256];

	tree_text("modules.dep", "");
	snprintf(path, sizeof(path), "%s/modules.dep", tree);
	ck_assert_int_eq(truncate(path, (32 << 20) + 1), 0);
	ck_assert_int_eq(vagent_priv_modules_open(&modules, tree, &err), -EFBIG);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("modules");
	TCase *tc = tcase_create("modules");

	tcase_add_checked_fixture(tc, tree_make, after);
	tcase_add_test(tc, dependencies_are_first_and_each_once);
	tcase_add_test(tc, dashes_and_compression_do_not_matter_in_names);
	tcase_add_test(tc, soft_dependencies_are_optional_and_around_their_module);
	tcase_add_test(tc, soft_dependency_may_be_an_alias_of_several);
	tcase_add_test(tc, built_in_module_is_not_included);
	tcase_add_test(tc, missing_module_is_an_error_only_if_it_is_required);
	tcase_add_test(tc, kernel_without_a_folder_has_everything_built_in);
	tcase_add_test(tc, folder_without_modules_dep_is_named);
	tcase_add_loop_test(tc, d2_14_rejects_damaged_modules_dep, 0, 8);
	tcase_add_loop_test(tc, d2_15_text_without_lines_selects_nothing, 0, 6);
	tcase_add_test(tc, d2_16_depth_of_dependencies_is_limited);
	tcase_add_test(tc, d2_17_number_of_modules_is_limited);
	tcase_add_test(tc, d2_18_soft_dependencies_may_form_circles);
	tcase_add_test(tc, d2_19_number_of_soft_dependencies_is_limited);
	tcase_add_test(tc, d2_20_rejects_a_module_that_is_no_file);
	tcase_add_test(tc, d2_31_rejects_a_module_behind_a_link_out_of_the_folder);
	tcase_add_loop_test(tc, d2_31_rejects_a_list_behind_a_link_out_of_the_folder, 0, 4);
	tcase_add_test(tc, d2_21_rejects_a_list_that_is_too_large);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
