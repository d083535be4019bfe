/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about entries of boot menus: the Boot Loader Specification, and grub.cfg. */
#include <config.h>

#include <string.h>
#include <sys/mman.h>

#include "../../../../tests/support/suite.h"
#include "entry.h"

static struct entry e;
static struct entry_variables v;
static struct entry_menu menu;

static void setup(void)
{
	memset(&v, 0, sizeof(v));
}

static void read_bls(const char *text)
{
	entry_read_bls(&e, "name", text, strlen(text), &v);
}

#define ROOM 65536u		/* more than a text has */
#define GUARD 65536u		/* at least a page */

/* No byte beyond the text can be read. */
static bool read_grub(const char *text)
{
	const size_t len = strlen(text);
	char *map = mmap(NULL, ROOM + GUARD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool found;

	ck_assert_uint_lt(len, ROOM);
	ck_assert_ptr_ne(map, MAP_FAILED);
	ck_assert_int_eq(mprotect(map + ROOM, GUARD, PROT_NONE), 0);
	memcpy(map + ROOM - len, text, len);
	found = entry_read_grub(&e, map + ROOM - len, len, &v, &menu);
	ck_assert_int_eq(munmap(map, ROOM + GUARD), 0);
	return found;
}

/* ------------------------------------------------------------------- entries */

START_TEST(entry_has_the_values_of_its_lines)
{
	read_bls("# comment\ntitle  Linux 6\r\nversion\t6.1\nlinux /vmlinuz\ninitrd /a.img  /b.img\n"
		 "initrd /c.img\noptions root=/dev/vda1 ro \noptions quiet\nmachine-id 1\nsort-key os\ndevicetree /d\n");
	ck_assert_str_eq(e.title, "Linux 6");
	ck_assert_str_eq(e.version, "6.1");
	ck_assert_str_eq(e.linux_path, "/vmlinuz");
	ck_assert_uint_eq(e.ninitrds, 3);
	ck_assert_str_eq(e.initrds[1], "/b.img");
	ck_assert_str_eq(e.options, "root=/dev/vda1 ro quiet");
	ck_assert_str_eq(e.machine_id, "1");
	ck_assert_str_eq(e.sort_key, "os");
	ck_assert(e.has_device_tree);
	ck_assert(!e.invalid);
}
END_TEST

START_TEST(entry_without_title_and_version_has_its_name)
{
	read_bls("linux /k");
	ck_assert_str_eq(e.title, "name");
	ck_assert_str_eq(e.version, "");
	ck_assert_str_eq(e.linux_path, "/k");
}
END_TEST

START_TEST(options_have_variables_of_grubenv)
{
	static const char text[] = "# GRUB Environment Block\nkernelopts=root=UUID=1 ro\nempty=\n####";

	entry_read_environment(&v, text, strlen(text));
	read_bls("linux /k\noptions $kernelopts ${unknown}x $\ninitrd /i $tuned_initrd\n");
	ck_assert_str_eq(e.options, "root=UUID=1 ro x $");
	ck_assert_uint_eq(e.ninitrds, 1);
	ck_assert_str_eq(e.unset, " $unknown $tuned_initrd");
}
END_TEST

static const struct {
	const char *text, *why;
} rejected[] = {
	{ "title a\n", "it has no kernel" },
	{ "efi /shell.efi\n", "it is an EFI program, which is not supported" },
	{ "uki /linux.efi\n", "it is a unified kernel image, which is not supported" },
	{ "linux /k\narchitecture ia64\n", "it is for the architecture ia64" },
};

START_TEST(entry_that_cannot_be_booted_has_a_reason)
{
	read_bls(rejected[_i].text);
	ck_assert(e.invalid);
	ck_assert_str_eq(e.why, rejected[_i].why);
}
END_TEST

START_TEST(architecture_of_the_machine_is_written_in_any_case)
{
	read_bls("linux /k\narchitecture X64\n");
	ck_assert(!e.invalid);
	entry_set(&v, "grub_cpu", 8, "arm64");
	read_bls("linux /k\narchitecture Aa64\n");
	ck_assert(!e.invalid);
}
END_TEST

/* -------------------------------------------------------------------- order */

/* Versions that are below, equal to, or above others. */
static const struct {
	const char *a;
	char order;
	const char *b;
} versions[] = {
	{ "11", '=', "11" }, { "6.10", '>', "6.9" }, { "bar-123", '<', "foo-123" }, { "123a", '>', "123" },
	{ "123.a", '>', "123" }, { "123.a", '<', "123.b" }, { "123a", '>', "123.a" }, { "11\xce\xb1", '=', "11\xce\xb2" },
	{ "A", '<', "a" }, { "", '<', "0" }, { "0.", '>', "0" }, { "0.0", '>', "0" }, { "1_", '=', "1" },
	{ "_1", '=', "1" }, { "1_", '<', "1.2" }, { "1_2_3", '>', "1.3.3" }, { "1+", '=', "1" },
	{ "6.10~rc1", '<', "6.10" }, { "6.10~rc1", '>', "6.9.9" }, { "6.10~rc1", '<', "6.10~rc2" },
	{ "6.10^post", '>', "6.10" }, { "6.10-1", '<', "6.10.1" }, { "007", '=', "7" }, { "a1", '<', "a1b" },
	{ "99999999999999999999999998", '<', "99999999999999999999999999" }, { "1", '>', "a" },
};

START_TEST(versions_are_in_the_order_of_their_specification)
{
	const int order = entry_compare_versions(versions[_i].a, versions[_i].b);

	ck_assert_int_eq(order < 0 ? '<' : order > 0 ? '>' : '=', versions[_i].order);
	ck_assert_int_eq(order > 0, entry_compare_versions(versions[_i].b, versions[_i].a) < 0);
}
END_TEST

static const struct {
	const char *name;
	size_t len;
	bool failed;
} counts[] = {
	{ "a", 1, false }, { "a+3", 1, false }, { "a+0", 1, true }, { "a+00-12", 1, true }, { "a+2-1", 1, false },
	{ "a+", 2, false }, { "a+0-", 4, false }, { "a+0x", 4, false }, { "6.12+deb13-amd64", 16, false },
};

START_TEST(count_of_boots_ends_a_name)
{
	bool failed;

	ck_assert_uint_eq(entry_uncounted(counts[_i].name, &failed), counts[_i].len);
	ck_assert_int_eq(failed, counts[_i].failed);
}
END_TEST

START_TEST(default_of_a_loader_is_a_pattern)
{
	static const char text[] = "timeout 3\ndefault  fedora-*\ndefault second\n";
	char pattern[16] = "unchanged";

	ck_assert(entry_read_default(text, strlen(text), pattern, sizeof(pattern)));
	ck_assert_str_eq(pattern, "fedora-*");
	ck_assert(!entry_read_default(text, strlen(text), pattern, 4));
	ck_assert_str_eq(pattern, "fedora-*");
}
END_TEST

/* "KEY aaa…" of n characters */
static void read_long(const char *key, size_t n)
{
	static char text[8192];
	size_t len = strlen(key);

	memcpy(text, key, len);
	memset(text + len, 'a', n);
	entry_read_bls(&e, "name", text, len + n, &v);
}

START_TEST(a9_15_rejects_a_text_that_does_not_fit)
{
	read_long("linux ", ENTRY_PATH - 1);
	ck_assert(!e.invalid);
	read_long("linux ", ENTRY_PATH);
	ck_assert_str_eq(e.why, "its linux exceeds 511 bytes");
	read_long("linux k\noptions ", ENTRY_OPTIONS - 1);
	ck_assert(!e.invalid);
	read_long("linux k\noptions ", ENTRY_OPTIONS);
	ck_assert_str_eq(e.why, "one of its lines exceeds 2047 bytes");
	read_long("linux k\noptions a\noptions ", ENTRY_OPTIONS - 1);
	ck_assert_str_eq(e.why, "its command line exceeds 2047 bytes");
	read_long("linux k\noptions ", 2 * ENTRY_OPTIONS);
	ck_assert(e.invalid);
	read_bls("linux k\ninitrd 1 2 3 4 5 6 7 8\ninitrd 9 10 11 12 13 14 15 16\n");
	ck_assert(!e.invalid);
	read_bls("linux k\ninitrd 1 2 3 4 5 6 7 8\ninitrd 9 10 11 12 13 14 15 16 17\n");
	ck_assert_str_eq(e.why, "it has more than 16 initrds");
}
END_TEST

START_TEST(a9_16_variables_beyond_the_limits_are_unset)
{
	static char text[8192];
	size_t len = 0;
	int i;

	for (i = 0; i < ENTRY_VARIABLES + 8; i++)
		len += (size_t)sprintf(text + len, "name%d=%d\n", i, i);
	entry_read_environment(&v, text, len);
	ck_assert_uint_eq(v.n, ENTRY_VARIABLES);
	ck_assert_str_eq(entry_get(&v, "name63", 6), "63");
	ck_assert_str_eq(entry_get(&v, "name64", 6), "");
	memset(text, 'a', 4096);
	text[60] = '=';
	entry_read_environment(&v, text, 4096);
	ck_assert_str_eq(entry_get(&v, text, 60), "");
	ck_assert_uint_eq(v.dropped, 9);
}
END_TEST

/* ---------------------------------------------------------------------- GRUB */

#define FIRST "menuentry 'First' --class os $menuentry_id_option 'id-1' {\n\tlinux /first a=1\n}\n"
#define MENU "submenu 'More >' --id more {\n menuentry \"Second\" --id id-2 {\n  insmod gzio\n" \
	"  linux\t/second  root=UUID=1 ro $extra quiet\n  initrd /i1 /i2\n }\n}\n"
#define THIRD "menuentry Third {\n linuxefi /third\n initrdefi /i3\n}\n"

static const struct {
	const char *before;
	const char *chosen;	/* path of the kernel */
} defaults[] = {
	{ "", "/first" },
	{ "set default=0\n", "/first" },
	{ "set default=\"2\"\n", "/third" },
	{ "set default=\"1>0\"\n", "/second" },
	{ "set default=1\n", "/second" },
	{ "default=id-2\n", "/second" },
	{ "set default='more>id-2'\n", "/second" },
	{ "set default=\"More >>Second\"\n", "/second" },
	{ "set default=Third\n", "/third" },
	{ "set default=9\n", "/first" },
	{ "saved=2; set default=\"${saved}\"\n", "/third" },
	{ "set default=more\n", "/second" },
	{ "set default=\"More >\"\n", "/second" },
	{ "if [ x = x -a ! -f /no ]; then set default=2; else set default=id-2; fi\n", "/third" },
	{ "if [ x = y ]; then set default=0\nelif test 2 -gt 1; then set default=2\nelse set default=id-2\nfi\n", "/third" },
	{ "if false; then if true; then set default=2; fi; fi\n", "/first" },
	{ "if ! false; then set default=2; fi\n", "/third" },
	{ "for i in 1 2; do set default=2; done\n", "/first" },
	{ "set saved=2\nset saved=\nset default=\"${saved}\"\n", "/first" },
	{ "set name='default=2'\nset $name\n", "/third" },
	{ "set name='$saved'\nset saved=2\nset default=$name\n", "/first" },
	{ "if [ \"${next_entry}\" ] ; then\n set default=\"${next_entry}\"\nelse set default=2\nfi\n", "/third" },
	{ "if [ x = y ]; then set default=2; fi # set default=1\n", "/first" },
	{ "function f {\n if true; then\n  linux /not\n fi\n}\nset default=2\n", "/third" },
};

START_TEST(default_is_a_place_title_or_identifier)
{
	char text[2048];

	snprintf(text, sizeof(text), "%s" FIRST MENU THIRD, defaults[_i].before);
	ck_assert(read_grub(text));
	ck_assert_str_eq(e.linux_path, defaults[_i].chosen);
}
END_TEST

START_TEST(entry_of_grub_has_options_and_initrds)
{
	ck_assert(read_grub("extra='x y'\nset default=1\n" FIRST MENU));
	ck_assert_str_eq(e.title, "Second");
	ck_assert_str_eq(e.options, "root=UUID=1 ro x y quiet");
	ck_assert_uint_eq(e.ninitrds, 2);
	ck_assert_str_eq(e.initrds[0], "/i1");
	ck_assert_str_eq(e.initrds[1], "/i2");
}
END_TEST

START_TEST(words_are_quoted_as_in_grub)
{
	ck_assert(read_grub("x=1\nmenuentry a\\ b {\n linux \"/k\"'er'nel \"a\\\"b\" c\\\n d '$x\\' \"\\$x\\y\" \"$x\" \"\";initrd /i\n}"));
	ck_assert_str_eq(e.title, "a b");
	ck_assert_str_eq(e.linux_path, "/kernel");
	ck_assert_str_eq(e.options, "a\"b c d $x\\ $x\\y 1");
	ck_assert_str_eq(e.initrds[0], "/i");
}
END_TEST

/* Linux removes the quotes; it has no escapes. */
START_TEST(words_with_blanks_are_quoted_for_linux)
{
	ck_assert(read_grub("x='c d'\nmenuentry a {\n linux /k \"a=1 2\" 'b=\"3 4\"' $x \"e=$x\"\n}"));
	ck_assert_str_eq(e.options, "\"a=1 2\" b=\"3 4\" c d \"e=c d\"");
}
END_TEST

START_TEST(entry_has_the_values_at_its_start)
{
	ck_assert(read_grub("menuentry a {\n linux /k root=$where $other ro$more\n}\nwhere=/dev/vda1\nmore=x\n"));
	ck_assert_str_eq(e.options, "root=/dev/vda1 rox");
	ck_assert_str_eq(e.unset, " $other");
}
END_TEST

/* As the entries of Ubuntu's cloud images. */
START_TEST(entry_executes_one_branch)
{
	ck_assert(read_grub("menuentry a {\n if [ \"${initrdfail}\" = 1 ]; then\n  linux /k root=1 ro\n  initrd /i\n"
			    " else\n  linux /k root=1 ro panic=-1\n  initrd /microcode\n fi\n}\n"));
	ck_assert_str_eq(e.linux_path, "/k");
	ck_assert_str_eq(e.options, "root=1 ro");
	ck_assert_uint_eq(e.ninitrds, 1);
}
END_TEST

START_TEST(condition_that_is_not_understood_is_reported)
{
	ck_assert(read_grub("if [ a -newer b ]; then set default=1; fi\n" FIRST THIRD));
	ck_assert_str_eq(e.linux_path, "/first");
	ck_assert_str_eq(menu.report, "a condition of grub.cfg is not understood and counts as false: a -newer\n");
}
END_TEST

START_TEST(entry_that_is_ignored_is_reported)
{
	ck_assert(read_grub("menuentry Old {\n linux\n}\n" THIRD));
	ck_assert_str_eq(menu.report, "the menu entry 'Old' is ignored: it has no kernel\n");
}
END_TEST

START_TEST(devices_of_paths_are_skipped)
{
	ck_assert(read_grub("search --set=drive1 --label x\nmenuentry a {\n linux ($drive1)//k init=(x)\n initrd (hd0,gpt2)/i (i\n}\n"));
	ck_assert_str_eq(e.linux_path, "//k");
	ck_assert_str_eq(e.options, "init=(x)");
	ck_assert_str_eq(e.initrds[0], "/i");
	ck_assert_str_eq(e.initrds[1], "(i");
	ck_assert_str_eq(e.unset, "");
}
END_TEST

START_TEST(entry_without_a_kernel_is_not_chosen)
{
	ck_assert(read_grub("menuentry 'UEFI Firmware Settings' {\n fwsetup\n}\n" THIRD));
	ck_assert_str_eq(e.linux_path, "/third");
	ck_assert(!read_grub("blscfg\n"));
	ck_assert(menu.has_bls);
	ck_assert(!read_grub(""));
}
END_TEST

static const char *const hostile[] = {
	"}}}}menuentry {", "menuentry a {", "menuentry a {{{{{{{{{{{{{{ linux /k", "'", "\"\\", "\\", "$", "${",
	"linux /k\ninitrd /i\n", "set", "set =\n", "=a\n", "submenu {submenu {submenu {submenu {submenu {submenu {submenu {submenu {submenu {",
	"menuentry a { linux }", "menuentry a { initrd }", "#", "fi", "else", "if", "if [", "if [ ( ]; then", "done", "if true; then }", "submenu a { if true; then } menuentry b { linux",
	"[", "]", "[ ! ]", "[ -f ]", "test", "!", "! !", "source", "set default=${", "if if if if if if if if if if if if if if if if if if if if if if if if if if if if if if if if if if if",
	"menuentry --id", "menuentry a --id { menuentry b { linux }",
};

START_TEST(a9_17_menu_with_broken_syntax_has_no_entry)
{
	ck_assert(!read_grub(hostile[_i]));
}
END_TEST

START_TEST(a9_18_entry_with_too_many_words_is_not_chosen)
{
	static char text[16384];
	size_t len = (size_t)sprintf(text, "menuentry a { linux /k");
	int i;

	for (i = 0; i < 300; i++)
		len += (size_t)sprintf(text + len, " a");
	sprintf(text + len, "\n}\n");
	ck_assert(!read_grub(text));
	strcat(text, THIRD);
	ck_assert(read_grub(text));
	ck_assert_str_eq(e.linux_path, "/third");
}
END_TEST

START_TEST(a9_19_entries_beyond_the_limit_are_ignored)
{
	static char text[16384];
	size_t len = (size_t)sprintf(text, "set default=199\n");
	int i;

	for (i = 0; i < 200; i++)
		len += (size_t)sprintf(text + len, "menuentry %d { linux /%d\n}\n", i, i);
	ck_assert(read_grub(text));
	ck_assert_str_eq(e.linux_path, "/0");
}
END_TEST

#define N(array) (int)(sizeof(array) / sizeof((array)[0]))

int main(void)
{
	Suite *s = suite_create("entry");
	TCase *tc = tcase_create("entry");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, entry_has_the_values_of_its_lines);
	tcase_add_test(tc, entry_without_title_and_version_has_its_name);
	tcase_add_test(tc, options_have_variables_of_grubenv);
	tcase_add_loop_test(tc, entry_that_cannot_be_booted_has_a_reason, 0, N(rejected));
	tcase_add_test(tc, architecture_of_the_machine_is_written_in_any_case);
	tcase_add_loop_test(tc, versions_are_in_the_order_of_their_specification, 0, N(versions));
	tcase_add_loop_test(tc, count_of_boots_ends_a_name, 0, N(counts));
	tcase_add_test(tc, default_of_a_loader_is_a_pattern);
	tcase_add_test(tc, a9_15_rejects_a_text_that_does_not_fit);
	tcase_add_test(tc, a9_16_variables_beyond_the_limits_are_unset);
	tcase_add_loop_test(tc, default_is_a_place_title_or_identifier, 0, N(defaults));
	tcase_add_test(tc, entry_of_grub_has_options_and_initrds);
	tcase_add_test(tc, words_are_quoted_as_in_grub);
	tcase_add_test(tc, words_with_blanks_are_quoted_for_linux);
	tcase_add_test(tc, entry_has_the_values_at_its_start);
	tcase_add_test(tc, entry_executes_one_branch);
	tcase_add_test(tc, condition_that_is_not_understood_is_reported);
	tcase_add_test(tc, entry_that_is_ignored_is_reported);
	tcase_add_test(tc, devices_of_paths_are_skipped);
	tcase_add_test(tc, entry_without_a_kernel_is_not_chosen);
	tcase_add_loop_test(tc, a9_17_menu_with_broken_syntax_has_no_entry, 0, N(hostile));
	tcase_add_test(tc, a9_18_entry_with_too_many_words_is_not_chosen);
	tcase_add_test(tc, a9_19_entries_beyond_the_limit_are_ignored);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
