/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the boot menus of distributions. Each file of the folder "menus" has the files of a disk
 * and what is booted from it, in the formats that the distributions document.
 */
#define _GNU_SOURCE
#include <config.h>

#include <dirent.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "../../../../vm-agent/tests/tree.h"
#include "../../../../tests/support/suite.h"
#include "image.h"

static const char *const menus[] = {
	"arch-grub-btrfs", "arch-systemd-boot", "debian-12", "debian-13-btrfs", "fedora-32", "fedora-40",
	"fedora-40-second", "kernel-install-sort-key", "opensuse-leap-15.6", "opensuse-tumbleweed",
	"ubuntu-22.04-btrfs", "ubuntu-24.04-cloud",
};
#define MENUS_COUNT (int)(sizeof(menus) / sizeof(menus[0]))

static char booted[8192];	/* the first entry that is started, in the words of the files */
static char reports[8192];

static void setup(void)
{
	strcpy(tree, "/tmp/test-initrd-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(tree));
	booted[0] = reports[0] = '\0';
}

static void add(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void add(const char *fmt, ...)
{
	const size_t used = strlen(booted);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(booted + used, sizeof(booted) - used, fmt, ap);
	va_end(ap);
}

static void start(int root, const char *folder, const struct entry *e, const char *device)
{
	unsigned int i;

	(void)root;
	(void)folder;
	ck_assert_str_eq(device, "/dev/vda1");
	if (booted[0])
		return;
	add("kernel %s\n", e->linux_path);
	for (i = 0; i < e->ninitrds; i++)
		add("initrd %s\n", e->initrds[i]);
	if (e->options[0])
		add("options %s\n", e->options);
	if (e->unset[0])
		add("unset%s\n", e->unset);
	if (e->has_device_tree)
		add("device tree\n");
}

/* ----------------------------------------------------------------- files of a disk */

static void add_file(const char *name, const char *text, size_t len)
{
	char full[512], *slash;

	snprintf(full, sizeof(full), "%s/%s", tree, name);
	for (slash = full + strlen(tree); (slash = strchr(slash + 1, '/')); *slash = '/') {
		*slash = '\0';
		mkdir(full, 0755);
	}
	tree_write(name, text, len);
}

static void add_text(const char *name, const char *text)
{
	add_file(name, text, strlen(text));
}

/* Writes the files of a menu, and returns what is expected of it. */
static char *unpack(char *text)
{
	char *at = strstr(text, "\n@"), *name, *body, *next;

	for (; at; at = next) {
		name = at + strlen("\n@");
		body = strchr(name, '\n');
		ck_assert_ptr_nonnull(body);
		*body++ = '\0';
		if (!strcmp(name, "expect"))
			return body;
		ck_assert_int_eq(strncmp(name, "file ", 5), 0);
		next = strstr(body, "\n@");
		ck_assert_ptr_nonnull(next);
		add_file(name + 5, body, (size_t)(next + 1 - body));
	}
	ck_abort_msg("the menu has no line @expect");
	return NULL;
}

static char *read_menu(const char *name)
{
	static char text[16384];
	char path[512];
	FILE *f;
	size_t len;

	snprintf(path, sizeof(path), MENUS "/%s", name);
	f = fopen(path, "re");
	ck_assert_msg(f, "%s", path);
	len = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[len] = '\0';
	return text;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The console's lines in order, as "report TEXT" */
static void keep_reports(int console)
{
	static char text[4096];
	char *lines[64], *at = text, *line;
	size_t n = 0, i;
	const ssize_t len = pread(console, text, sizeof(text) - 1, 0);

	text[len > 0 ? len : 0] = '\0';
	while ((line = strsep(&at, "\n")) && n < 64)
		if (*line)
			lines[n++] = line;
	qsort(lines, n, sizeof(lines[0]), compare_lines);
	for (i = 0; i < n; i++)
		if (!strncmp(lines[i], "cvmm-init: ", 11))
			snprintf(reports + strlen(reports), sizeof(reports) - strlen(reports), "report %s\n", lines[i] + 11);
}

static void search_disk(void)
{
	const int root = open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC), before = dup(STDERR_FILENO);
	const int console = memfd_create("console", MFD_CLOEXEC);

	dup2(console, STDERR_FILENO);
	image_try_root(root, "/dev/vda1", "given", IMAGE_ENTRIES, start);
	dup2(before, STDERR_FILENO);
	keep_reports(console);
	close(console);
	close(before);
	close(root);
}

/* -------------------------------------------------------------------------- claims */

START_TEST(menu_of_a_distribution_boots_its_default)
{
	char *expected = unpack(read_menu(menus[_i])), all[sizeof(booted) + sizeof(reports)];

	search_disk();
	snprintf(all, sizeof(all), "%s%s", booted, reports);
	ck_assert_msg(!strcmp(all, expected), "%s:\n%s", menus[_i], all);
}
END_TEST

START_TEST(each_menu_of_the_folder_is_tested)
{
	DIR *d = opendir(MENUS);
	struct dirent *e;
	int n = 0;

	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	ck_assert_int_eq(n, MENUS_COUNT);
}
END_TEST

START_TEST(entry_whose_limit_is_exceeded_is_reported)
{
	char line[512] = "linux /k\ninitrd";
	int i;

	for (i = 0; i < ENTRY_INITRDS + 1; i++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line), " /%d", i);
	add_text("loader/entries/a.conf", line);
	search_disk();
	ck_assert_str_eq(booted, "");
	ck_assert_str_eq(reports, "report /dev/vda1: the boot entry a.conf is ignored: it has more than 16 initrds\n");
}
END_TEST

START_TEST(missing_default_of_grub_is_reported)
{
	add_text("boot/grub/grub.cfg", "set default=other\nmenuentry One {\n linux /k\n}\n");
	search_disk();
	ck_assert_str_eq(booted, "kernel /k\n");
	ck_assert_str_eq(reports, "report /dev/vda1 /boot/grub/grub.cfg: grub.cfg has no entry 'other', which is its default\n");
}
END_TEST

START_TEST(file_that_a_menu_reads_has_entries)
{
	add_text("boot/grub/grub.cfg", "set default=mine\nif [ -f ${config_directory}/custom.cfg ]; then\n"
		 " source ${config_directory}/custom.cfg\nfi\n");
	add_text("boot/grub/custom.cfg", "menuentry Mine --id mine {\n linux /mine\n}\nsource $prefix/custom.cfg\n");
	search_disk();
	ck_assert_str_eq(booted, "kernel /mine\n");
	ck_assert_ptr_nonnull(strstr(reports, "reads more than 8 files"));
}
END_TEST

/* NULL, or why files cannot be opened below a folder. */
static const char *no_openat2(void)
{
	return syscall(SYS_openat2, -1, NULL, NULL, 0) < 0 && (errno == ENOSYS || errno == EPERM) ?
	       "the kernel has no openat2()" : NULL;
}

int main(void)
{
	Suite *s = suite_create("menu");
	TCase *tc = tcase_create("menu");
	const char *why = no_openat2();

	tcase_add_checked_fixture(tc, setup, tree_remove);
	tcase_add_loop_test_unless(tc, why, menu_of_a_distribution_boots_its_default, 0, MENUS_COUNT);
	tcase_add_test_unless(tc, why, each_menu_of_the_folder_is_tested);
	tcase_add_test_unless(tc, why, entry_whose_limit_is_exceeded_is_reported);
	tcase_add_test_unless(tc, why, missing_default_of_grub_is_reported);
	tcase_add_test_unless(tc, why, file_that_a_menu_reads_has_entries);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
