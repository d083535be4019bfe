/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about entries of boot menus: the Boot Loader Specification, and grub.cfg. */
#include <config.h>

#include <string.h>
#include <sys/mman.h>

#include "../suite.h"
#include "agent/entry.h"

static struct entry e;
static struct entry_variables v;

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
	found = entry_read_grub(&e, map + ROOM - len, len, &v);
	ck_assert_int_eq(munmap(map, ROOM + GUARD), 0);
	return found;
}

/* ------------------------------------------------------------------- entries */

START_TEST(entry_has_the_values_of_its_lines)
{
	read_bls("# comment\ntitle  Linux 6\r\nversion\t6.1\nlinux /vmlinuz\ninitrd /a.img  /b.img\n"
		 "initrd /c.img\noptions root=/dev/vda1 ro \noptions quiet\nmachine-id 1\n");
	ck_assert_str_eq(e.title, "Linux 6");
	ck_assert_str_eq(e.version, "6.1");
	ck_assert_str_eq(e.linux_path, "/vmlinuz");
	ck_assert_uint_eq(e.ninitrds, 3);
	ck_assert_str_eq(e.initrds[1], "/b.img");
	ck_assert_str_eq(e.options, "root=/dev/vda1 ro quiet");
	ck_assert(!e.invalid);
}
END_TEST

START_TEST(entry_without_title_and_version_has_its_name)
{
	read_bls("linux /k");
	ck_assert_str_eq(e.title, "name");
	ck_assert_str_eq(e.version, "name");
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
	ck_assert(e.invalid);
	read_long("options ", ENTRY_OPTIONS - 1);
	ck_assert(!e.invalid);
	read_long("options ", ENTRY_OPTIONS);
	ck_assert(e.invalid);
	read_long("options ", 2 * ENTRY_OPTIONS);
	ck_assert(e.invalid);
	read_bls("initrd a b c d\n");
	ck_assert(!e.invalid);
	read_bls("initrd a b c d e\n");
	ck_assert(e.invalid);
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
	{ "if [ \"${next_entry}\" ] ; then\n set default=\"${next_entry}\"\nelse set default=2\nfi\n", "/third" },
	{ "if [ x = y ]; then set default=2; fi # set default=1\n", "/third" },
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
	ck_assert(read_grub("menuentry a\\ b {\n linux \"/k\"'er'nel \"a\\\"b\" c\\\n d;initrd /i\n}"));
	ck_assert_str_eq(e.title, "a b");
	ck_assert_str_eq(e.linux_path, "/kernel");
	ck_assert_str_eq(e.options, "a\"b c d");
	ck_assert_str_eq(e.initrds[0], "/i");
}
END_TEST

/* As the entries of Ubuntu's cloud images. */
START_TEST(first_kernel_of_an_entry_counts)
{
	ck_assert(read_grub("menuentry a {\n if [ \"${initrdfail}\" = 1 ]; then\n  linux /k root=1 ro\n  initrd /i\n"
			    " else\n  linux /k root=1 ro panic=-1\n  initrd /microcode\n fi\n}\n"));
	ck_assert_str_eq(e.linux_path, "/k");
	ck_assert_str_eq(e.options, "root=1 ro");
	ck_assert_uint_eq(e.ninitrds, 2);
}
END_TEST

START_TEST(devices_of_paths_are_skipped)
{
	ck_assert(read_grub("search --set=drive1 --label x\nmenuentry a {\n linux ($drive1)//k init=(x)\n initrd (hd0,gpt2)/i (i\n}\n"));
	ck_assert_str_eq(e.linux_path, "//k");
	ck_assert_str_eq(e.options, "init=(x)");
	ck_assert_str_eq(e.initrds[0], "/i");
	ck_assert_str_eq(e.initrds[1], "(i");
}
END_TEST

START_TEST(entry_without_a_kernel_is_not_chosen)
{
	ck_assert(read_grub("menuentry 'UEFI Firmware Settings' {\n fwsetup\n}\n" THIRD));
	ck_assert_str_eq(e.linux_path, "/third");
	ck_assert(!read_grub("blscfg\n"));
	ck_assert(!read_grub(""));
}
END_TEST

static const char *const hostile[] = {
	"}}}}menuentry {", "menuentry a {", "menuentry a {{{{{{{{{{{{{{ linux /k", "'", "\"\\", "\\", "$", "${",
	"linux /k\ninitrd /i\n", "set", "set =\n", "=a\n", "submenu {submenu {submenu {submenu {submenu {submenu {submenu {submenu {submenu {",
	"menuentry a { linux }", "menuentry a { initrd }", "#", "menuentry --id", "menuentry a --id { menuentry b { linux }",
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
	tcase_add_test(tc, default_of_a_loader_is_a_pattern);
	tcase_add_test(tc, a9_15_rejects_a_text_that_does_not_fit);
	tcase_add_test(tc, a9_16_variables_beyond_the_limits_are_unset);
	tcase_add_loop_test(tc, default_is_a_place_title_or_identifier, 0, N(defaults));
	tcase_add_test(tc, entry_of_grub_has_options_and_initrds);
	tcase_add_test(tc, words_are_quoted_as_in_grub);
	tcase_add_test(tc, first_kernel_of_an_entry_counts);
	tcase_add_test(tc, devices_of_paths_are_skipped);
	tcase_add_test(tc, entry_without_a_kernel_is_not_chosen);
	tcase_add_loop_test(tc, a9_17_menu_with_broken_syntax_has_no_entry, 0, N(hostile));
	tcase_add_test(tc, a9_18_entry_with_too_many_words_is_not_chosen);
	tcase_add_test(tc, a9_19_entries_beyond_the_limit_are_ignored);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
