/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about files of the host that a command must not read. */
#define _GNU_SOURCE
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"
#include "hidden.h"

static char top[] = "/tmp/test-hidden-XXXXXX";
static char home[64], project[80], other[80];
static const char *used[2];
static struct cvmm_priv_hidden_config config;
static struct vsu_error err;
static char *list;

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(top));
	snprintf(home, sizeof(home), "%s/home", top);
	snprintf(project, sizeof(project), "%s/a:b", home);
	snprintf(other, sizeof(other), "%s/other", home);
	ck_assert_int_eq(mkdir(home, 0755), 0);
	ck_assert_int_eq(mkdir(project, 0755), 0);
	ck_assert_int_eq(mkdir(other, 0755), 0);
	config = (struct cvmm_priv_hidden_config){ .used = used, .home = home };
}

static void after(void)
{
	free(list);
	rmdir(other);
	rmdir(project);
	rmdir(home);
	rmdir(top);
}

static void make_list(const char *folder)
{
	const struct cvmm_priv_hidden_share share = { .folder = folder };
	struct cvmm_priv_hidden *h;

	ck_assert_msg(!cvmm_priv_hidden_new(&h, &config, &err), "%s", err.msg);
	ck_assert_int_eq(cvmm_priv_hidden_list(h, &share, &list, NULL), 0);
	cvmm_priv_hidden_free(h);
}

/* A rule of the list, which begins and ends with a colon then. */
static bool has_rule(const char *rule)
{
	char *text, *wanted;
	bool found;

	ck_assert_int_ge(asprintf(&text, ":%s:", list ? list : ""), 0);
	ck_assert_int_ge(asprintf(&wanted, ":%s:", rule), 0);
	found = strstr(text, wanted);
	free(text);
	free(wanted);
	return found;
}

START_TEST(root_hides_system_homes_and_secrets)
{
	static const char *const rules[] = { "proc/*", "dev/*", "sys/*", "root", "home/*", "tmp/*", "etc/shadow*" };
	size_t i;

	make_list("/");
	for_rows(i, sizeof(rules) / sizeof(rules[0]))
		ck_assert_msg(has_rule(rules[i]), "%s of %s", rules[i], list);
}
END_TEST

START_TEST(folder_without_hidden_files_has_no_rules)
{
	make_list(project);
	ck_assert_ptr_null(list);
}
END_TEST

START_TEST(way_to_a_used_folder_shows_nothing_else)
{
	char rule[160];

	used[0] = project;
	config.nused = 1;
	make_list("/");
	snprintf(rule, sizeof(rule), "!%s", top + 1);
	ck_assert(has_rule(rule));
	snprintf(rule, sizeof(rule), "%s/*", top + 1);
	ck_assert(has_rule(rule));
	snprintf(rule, sizeof(rule), "!%s/a\\:b", home + 1);
	ck_assert(has_rule(rule));
	snprintf(rule, sizeof(rule), "%s/a\\:b/*", home + 1);
	ck_assert(!has_rule(rule));
}
END_TEST

START_TEST(home_that_is_used_hides_names_with_a_dot)
{
	used[0] = home;
	config.nused = 1;
	make_list(top);
	ck_assert_str_eq(list, "home/.*");
}
END_TEST

START_TEST(folder_in_a_used_one_hides_nothing_of_it)
{
	char rule[160];

	used[0] = home;
	used[1] = project;
	config.nused = 2;
	make_list("/");
	snprintf(rule, sizeof(rule), "%s/*", home + 1);
	ck_assert(!has_rule(rule));
}
END_TEST

/* Their ways share a begin. */
START_TEST(ways_to_many_folders_have_each_rule_once)
{
	char paths[16][160], rule[256], *first;
	const char *folders[16];
	int i;

	for (i = 0; i < 16; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/a-folder-with-a-rather-long-name-for-a-project-%d", project, i);
		folders[i] = paths[i];
	}
	config.used = folders;
	config.nused = 16;
	make_list("/");
	snprintf(rule, sizeof(rule), ":!%s/a\\:b:", home + 1);
	first = strstr(list, rule);
	ck_assert_ptr_nonnull(first);
	ck_assert_ptr_null(strstr(first + 1, rule));
	for (i = 0; i < 16; i++) {
		snprintf(rule, sizeof(rule), "!%s/a\\:b%s", home + 1, paths[i] + strlen(project));
		ck_assert(has_rule(rule));
	}
}
END_TEST

START_TEST(path_is_shown)
{
	const char *show[] = { home };

	config.show = show;
	config.nshow = 1;
	make_list(top);
	ck_assert_ptr_null(list);
}
END_TEST

START_TEST(path_is_hidden)
{
	char path[96];
	const char *hide[] = { path };

	snprintf(path, sizeof(path), "%s/*.pem", other);
	config.hide = hide;
	config.nhide = 1;
	make_list(other);
	ck_assert_str_eq(list, "*.pem");
}
END_TEST

/* As the device reads them: '!' begins an exception, and a colon ends a rule. */
static const struct {
	const char *hide, *rule;
} patterns[] = {
	{ "!x", "\\!x" }, { "y\\", "y\\\\" }, { "a\\:b", "a\\:b" }, { "a:b", "a\\:b" },
	{ "x!", "x!" }, { "\\*", "\\*" }, { "[!a]", "[!a]" },
};

START_TEST(pattern_is_one_rule_of_the_device)
{
	char path[96];
	const char *hide[] = { path };

	snprintf(path, sizeof(path), "%s/%s", other, patterns[_i].hide);
	config.hide = hide;
	config.nhide = 1;
	make_list(other);
	ck_assert_str_eq(list, patterns[_i].rule);
}
END_TEST

/* The longest name, each byte of which would be a pattern. */
START_TEST(pattern_of_the_longest_name_is_whole)
{
	char path[700], name[2 * 255 + 1] = "";
	const char *hide[] = { path };
	int i;

	for (i = 0; i < 255; i++)
		strcat(name, i == 254 ? "z" : "\\[");
	snprintf(path, sizeof(path), "%s/%s", other, name);
	config.hide = hide;
	config.nhide = 1;
	make_list(other);
	ck_assert_str_eq(list, name);
}
END_TEST

START_TEST(rejects_a_pattern_that_no_name_has)
{
	char path[700], name[512];
	const char *hide[] = { path };
	struct cvmm_priv_hidden *h;

	memset(name, 'a', 511);
	name[511] = '\0';
	snprintf(path, sizeof(path), "%s/%s", other, name);
	config.hide = hide;
	config.nhide = 1;
	ck_assert_int_eq(cvmm_priv_hidden_new(&h, &config, &err), -ENAMETOOLONG);
	ck_assert_ptr_nonnull(strstr(err.msg, "pattern of 511 characters"));
}
END_TEST

START_TEST(folder_on_the_way_to_another_changes_no_rule)
{
	char *one;

	used[0] = home;
	config.nused = 1;
	make_list("/");
	one = list;
	used[1] = project;
	config.nused = 2;
	make_list("/");
	ck_assert_str_eq(list, one);
	free(one);
}
END_TEST

START_TEST(rejects_paths)
{
	static const struct {
		const char *path;
		bool show;
		int code;
		const char *why;
	} rows[] = {
		{ "/proc/self", true, -EINVAL, "'/proc/self' belongs to this host's kernel or services" },
		{ "/nonexistent", true, -ENOENT, "show: '/nonexistent'" },
		{ "/nonexistent/a", false, -ENOENT, "hide: '/nonexistent/a'" },
		{ "/tmp/", false, -EINVAL, "does not end in a name" },
		{ "/tmp/..", false, -EINVAL, "does not end in a name" },
	};
	struct cvmm_priv_hidden *h;

	config.show = config.hide = &rows[_i].path;
	config.nshow = rows[_i].show;
	config.nhide = !rows[_i].show;
	ck_assert_int_eq(cvmm_priv_hidden_new(&h, &config, &err), rows[_i].code);
	ck_assert_ptr_nonnull(strstr(err.msg, rows[_i].why));
}
END_TEST

/* Paths below a temporary folder, which is shared; "a:b" is the command's. */
static const struct {
	const char *hide, *show, *shared, *why;
} checks[] = {
	{ .hide = "home/other", .shared = "", .why = "" },
	{ .hide = "home/other", .shared = "home", .why = "" },
	{ .hide = "home/other", .shared = "home/other", .why = "is a path of this host that is not shared" },
	{ .hide = "home/other", .shared = NULL, .why = "is a path of this host that is not shared" },
	{ .hide = "home/a:b", .shared = "", .why = "hide: 'a:b' in '" },
	{ .hide = "home/*", .shared = "", .why = "" },
	{ .hide = "home/a:b/new", .shared = "home/a:b", .why = "" },
	{ .show = "home/other", .shared = "", .why = "" },
	{ .show = "home", .shared = "home/other", .why = "" },
	{ .show = "home/a:b", .shared = "home/other", .why = "is not shared; share its folder" },
	{ .show = "home", .shared = NULL, .why = "is not shared; share its folder" },
};

static const char *join_path(char out[96], const char *below)
{
	snprintf(out, 96, "%s%s%s", top, *below ? "/" : "", below);
	return out;
}

START_TEST(paths_without_effect_are_refused)
{
	char given[96], shared[96];
	const char *path = join_path(given, checks[_i].hide ? checks[_i].hide : checks[_i].show);
	const char *folder = checks[_i].shared ? join_path(shared, checks[_i].shared) : NULL;
	struct cvmm_priv_hidden *h;

	used[0] = project;
	config.nused = 1;
	config.show = config.hide = &path;
	config.nshow = !checks[_i].hide;
	config.nhide = !checks[_i].show;
	vsu_error_clear(&err);
	ck_assert_msg(!cvmm_priv_hidden_new(&h, &config, &err), "%s", err.msg);
	ck_assert_int_eq(cvmm_priv_hidden_check(h, &folder, folder != NULL, &err), *checks[_i].why ? -EINVAL : 0);
	ck_assert_msg(strstr(err.msg, checks[_i].why), "%s", err.msg);
	cvmm_priv_hidden_free(h);
}
END_TEST

/* A path of the temporary folder as a rule of a device that shares "/". */
static const char *rule_of(const char *begin, const char *below)
{
	static char rule[256];

	snprintf(rule, sizeof(rule), "%s%s/%s", begin, top + 1, below);
	return rule;
}

static void put_link(const char *name, const char *target)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	ck_assert_int_eq(symlink(target, path), 0);
}

static void remove_links(void)
{
	static const char *const names[] = { "home/link", "home/other/second", "home/.dot", "third" };
	char path[128];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", top, names[i]);
		unlink(path);
	}
}

/* Relative and absolute, up to the file at its end. */
START_TEST(each_step_of_a_hidden_link_is_hidden)
{
	char path[96], third[96];
	const char *hide[] = { path };

	snprintf(path, sizeof(path), "%s/link", home);
	snprintf(third, sizeof(third), "%s/third", top);
	put_link("home/link", "other/second");
	put_link("home/other/second", third);
	put_link("third", "ab*cd");
	config.home = NULL;
	config.hide = hide;
	config.nhide = 1;
	make_list("/");
	remove_links();
	ck_assert(has_rule(rule_of("", "home/link")));
	ck_assert(has_rule(rule_of("", "home/other/second")));
	ck_assert(has_rule(rule_of("", "third")));
	ck_assert(has_rule(rule_of("", "ab\\*cd")));
}
END_TEST

/* Programs are no secret, and a command needs them. */
START_TEST(hidden_link_to_a_folder_of_programs_hides_the_link_only)
{
	put_link("home/.dot", "/usr/bin");
	used[0] = home;
	config.nused = 1;
	make_list("/");
	remove_links();
	ck_assert(!has_rule("usr/bin"));
}
END_TEST

START_TEST(target_in_a_folder_of_the_command_is_not_hidden)
{
	put_link("home/.dot", "other/second");
	used[0] = other;
	config.nused = 1;
	make_list("/");
	remove_links();
	ck_assert(!has_rule(rule_of("", "home/other/second")));
}
END_TEST

START_TEST(setting_of_a_home_that_is_used_hides_its_target)
{
	put_link("home/.dot", "other/second");
	used[0] = home;
	config.nused = 1;
	make_list("/");
	remove_links();
	ck_assert(has_rule(rule_of("", "home/other/second")));
}
END_TEST

/* Not in a root that the command changes, whose services have these files. */
START_TEST(data_of_services_is_hidden_except_that_of_programs)
{
	config.is_writable = _i;
	make_list("/");
	ck_assert_int_eq(has_rule("var/*"), !_i);
	ck_assert_int_eq(has_rule("var/lib/*"), !_i);
	ck_assert_int_eq(has_rule("!var/lib/dpkg/"), !_i);
	ck_assert_int_eq(has_rule("!var/cache/apt/"), !_i);
	ck_assert(has_rule("var/lib/systemd/coredump"));
	ck_assert(has_rule("var/log/auth.log*"));
	ck_assert(!has_rule("run"));
}
END_TEST

/* Lists with a sealed folder, "home/a:b" */
static void make_sealed_list(const char *folder)
{
	const char *sealed[] = { project };
	const struct cvmm_priv_hidden_share share = { .folder = folder, .sealed = sealed, .nsealed = 1 };
	struct cvmm_priv_hidden *h;

	ck_assert_msg(!cvmm_priv_hidden_new(&h, &config, &err), "%s", err.msg);
	ck_assert_int_eq(cvmm_priv_hidden_list(h, &share, &list, NULL), 0);
	cvmm_priv_hidden_free(h);
}

START_TEST(folder_that_another_device_shares_is_sealed)
{
	config.home = NULL;
	make_sealed_list(home);
	ck_assert_str_eq(list, "a\\:b/*:a\\:b/.");
}
END_TEST

/* The way to a folder below it would be an exception. */
START_TEST(sealed_folder_has_no_exceptions)
{
	char inner[128], rule[256];

	snprintf(inner, sizeof(inner), "%s/inner", project);
	used[0] = inner;
	config.nused = 1;
	make_sealed_list("/");
	snprintf(rule, sizeof(rule), "!%s/a\\:b/inner", home + 1);
	ck_assert(!has_rule(rule));
	ck_assert(has_rule(rule_of("!", "home/a\\:b")));
}
END_TEST

/* Rules name them where the device hides files by their mode. */
START_TEST(folders_of_the_command_are_exceptions_of_private_files)
{
	const struct cvmm_priv_hidden_share share = { .folder = top, .hides_private = true };
	struct cvmm_priv_hidden *h;

	used[0] = _i ? project : other;	/* the working folder, in the other one or alone */
	used[1] = home;
	config.nused = 1 + (unsigned int)_i;
	config.home = NULL;
	ck_assert_int_eq(cvmm_priv_hidden_new(&h, &config, &err), 0);
	ck_assert_int_eq(cvmm_priv_hidden_list(h, &share, &list, NULL), 0);
	cvmm_priv_hidden_free(h);
	ck_assert_str_eq(list, _i ? "!home" : "!home/other");
}
END_TEST

/* "/" shows everything except the host's kernel and services. */
START_TEST(root_that_is_shown_hides_the_system)
{
	const char *show[] = { "/" };

	config.show = show;
	config.nshow = 1;
	make_list("/");
	ck_assert(has_rule("proc/*"));
	ck_assert(!has_rule("home/*"));
	ck_assert(!has_rule("etc/shadow*"));
}
END_TEST

static const struct { const char *path; bool is_secret; } folders[] = {
	{ "/", false }, { "/run", false }, { "/run/lock", true }, { "/proc/self/root", true },
	{ "HOME", false }, { "HOME/a:b", false }, { "HOME/.ssh", true }, { "HOME/.ssh/keys/old", true },
};

START_TEST(folder_of_settings_or_of_the_system_is_a_secret)
{
	const char *below = folders[_i].path + (*folders[_i].path == '/' ? 0 : strlen("HOME"));
	struct cvmm_priv_hidden *h;
	char path[128];

	snprintf(path, sizeof(path), "%s%s", *folders[_i].path == '/' ? "" : home, below);
	ck_assert_msg(!cvmm_priv_hidden_new(&h, &config, &err), "%s", err.msg);
	ck_assert_int_eq(cvmm_priv_hidden_is_secret(h, path), folders[_i].is_secret);
	cvmm_priv_hidden_free(h);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hidden");
	TCase *tc = tcase_create("hidden");

	tcase_add_checked_fixture(tc, setup, after);
	tcase_add_test(tc, root_hides_system_homes_and_secrets);
	tcase_add_test(tc, folder_without_hidden_files_has_no_rules);
	tcase_add_test(tc, way_to_a_used_folder_shows_nothing_else);
	tcase_add_test(tc, home_that_is_used_hides_names_with_a_dot);
	tcase_add_test(tc, folder_in_a_used_one_hides_nothing_of_it);
	tcase_add_test(tc, ways_to_many_folders_have_each_rule_once);
	tcase_add_loop_test(tc, folder_of_settings_or_of_the_system_is_a_secret, 0, sizeof(folders) / sizeof(folders[0]));
	tcase_add_test(tc, path_is_shown);
	tcase_add_test(tc, path_is_hidden);
	tcase_add_loop_test(tc, pattern_is_one_rule_of_the_device, 0, sizeof(patterns) / sizeof(patterns[0]));
	tcase_add_test(tc, pattern_of_the_longest_name_is_whole);
	tcase_add_test(tc, rejects_a_pattern_that_no_name_has);
	tcase_add_test(tc, folder_on_the_way_to_another_changes_no_rule);
	tcase_add_loop_test(tc, rejects_paths, 0, 5);
	tcase_add_loop_test(tc, paths_without_effect_are_refused, 0, sizeof(checks) / sizeof(checks[0]));
	tcase_add_test(tc, each_step_of_a_hidden_link_is_hidden);
	tcase_add_test(tc, hidden_link_to_a_folder_of_programs_hides_the_link_only);
	tcase_add_test(tc, target_in_a_folder_of_the_command_is_not_hidden);
	tcase_add_test(tc, setting_of_a_home_that_is_used_hides_its_target);
	tcase_add_loop_test(tc, data_of_services_is_hidden_except_that_of_programs, 0, 2);
	tcase_add_test(tc, folder_that_another_device_shares_is_sealed);
	tcase_add_test(tc, sealed_folder_has_no_exceptions);
	tcase_add_loop_test(tc, folders_of_the_command_are_exceptions_of_private_files, 0, 2);
	tcase_add_test(tc, root_that_is_shown_hides_the_system);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
