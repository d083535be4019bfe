/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the command line of "cvmm exec". */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "exec/exec_options.h"
#include "util.h"

#define MAX_WORDS 160

static struct vmm_exec_options options;
static struct vsu_error err;

static char *word(const char *text)
{
	return (char *)(uintptr_t)text;
}

static int parse_exec(const char *const *given)
{
	static char *words[MAX_WORDS];
	int n = 0;

	words[n++] = word("exec");
	while (*given)
		words[n++] = word(*given++);
	words[n] = NULL;
	return vmm_exec_options_parse(&options, n, words, &err);
}

START_TEST(options_of_the_command_are_not_ours)
{
	static const char *const words[] = { "--cpus=2", "make", "--cpus=3", "-h", NULL };

	ck_assert_int_eq(parse_exec(words), 0);
	ck_assert_uint_eq(options.cpus, 2);
	ck_assert(!options.help);
	ck_assert_str_eq(options.command[0], "make");
	ck_assert_str_eq(options.command[2], "-h");
	ck_assert_ptr_null(options.command[3]);
}
END_TEST

START_TEST(two_dashes_precede_a_command)
{
	static const char *const words[] = { "--timeout", "9", "--", "--odd", "--", NULL };

	ck_assert_int_eq(parse_exec(words), 0);
	ck_assert_uint_eq(options.timeout_ms, 9000);
	ck_assert_str_eq(options.command[0], "--odd");
	ck_assert_str_eq(options.command[1], "--");
}
END_TEST

START_TEST(defaults_are_those_of_the_page)
{
	static const char *const words[] = { "true", NULL };

	ck_assert_int_eq(parse_exec(words), 0);
	ck_assert_str_eq(options.root, "/");
	ck_assert_str_eq(options.memory, "1G");
	ck_assert_uint_eq(options.cpus, 1);
	ck_assert(!options.writable_root && !options.timeout_ms && !options.kernel && !options.log);
	ck_assert_int_eq(options.terminal, VMM_EXEC_TERMINAL_AUTO);
}
END_TEST

START_TEST(folders_and_variables_are_repeated)
{
	static const char *const words[] = {
		"--dir=/a", "--dir=/b,rw", "--env=A=1", "--env", "B", "--terminal=on", "--rw", "true", NULL,
	};

	ck_assert_int_eq(parse_exec(words), 0);
	ck_assert_uint_eq(options.nfolders, 2);
	ck_assert_str_eq(options.folders[1], "/b,rw");
	ck_assert_uint_eq(options.nsettings, 2);
	ck_assert_str_eq(options.settings[1], "B");
	ck_assert_int_eq(options.terminal, VMM_EXEC_TERMINAL_ON);
	ck_assert(options.writable_root);
}
END_TEST

START_TEST(memory_may_have_pieces)
{
	static const char *const words[] = { "--memory=1G", "--memory", "512M,at=0x200000000", "true", NULL };

	ck_assert_int_eq(parse_exec(words), 0);
	ck_assert_str_eq(options.memory, "1G");
	ck_assert_uint_eq(options.npieces, 1);
	ck_assert_str_eq(options.pieces[0], "512M,at=0x200000000");
}
END_TEST

START_TEST(numbers_of_repeated_options_are_limited)
{
	const char *words[MAX_WORDS] = { NULL };
	int i;

	for (i = 0; i <= VMM_EXEC_MAX_FOLDERS; i++)
		words[i] = "--dir=/";
	ck_assert_int_eq(parse_exec(words), -EINVAL);
	for (i = 0; i <= VMM_EXEC_MAX_SETTINGS; i++)
		words[i] = "--env=A";
	ck_assert_int_eq(parse_exec(words), -EINVAL);
	memset(words, 0, sizeof(words));
	for (i = 0; i <= VMM_EXEC_MAX_PIECES + 1; i++)
		words[i] = "--memory=1G";
	ck_assert_int_eq(parse_exec(words), -EINVAL);
	ck_assert_str_eq(err.msg, "option --memory is given more than 16 times");
}
END_TEST

START_TEST(command_line_without_a_command_has_an_example)
{
	static const char *const words[] = { "--rw", NULL }, *const wrong[] = { "--timout=3", "x", NULL };

	ck_assert_int_eq(parse_exec(words), -ENOENT);
	ck_assert_str_eq(err.msg, "no command; example: 'cvmm exec -- uname -a'");
	ck_assert_int_eq(parse_exec(wrong), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "timeout"));
}
END_TEST

START_TEST(image_is_in_place_of_a_root)
{
	static const char *const words[] = { "--image=a", "--rw", "true", NULL };

	ck_assert_int_eq(parse_exec(words), 0);
	ck_assert_str_eq(options.image, "a");
	ck_assert_ptr_null(options.root);
}
END_TEST

static const struct {
	const char *words[4];
	int code;
	const char *why;
} without_effect[] = {
	{ { "--image=a", "--root=/", "true" }, -EINVAL, "option --image has no effect beside --root: the image has the root" },
	{ { "--image=a", "--from=b", "true" }, -EINVAL, "option --image has no effect beside --from: a template has no disk" },
	{ { "--image=a", "--emulate", "true" }, -EINVAL, "option --image has no effect beside --emulate: an emulated guest has no disk" },
	{ { "--from=b", "--emulate", "true" }, -EINVAL, "option --emulate has no effect beside --from: a template is a machine of KVM" },
	{ { "--sandbox=on", "--emulate", "true" }, -EINVAL, "option --sandbox has no effect beside --emulate: QEMU and the daemons of an emulated guest have their own" },
	{ { "--daemon-path=/", "true" }, -EINVAL, "option --daemon-path needs --emulate: other guests have no daemons" },
	{ { "--oci=a", "--root=/", "true" }, -EINVAL, "option --oci has no effect beside --root: the image has the root" },
	{ { "--oci=a", "--image=b", "true" }, -EINVAL, "option --oci has no effect beside --image: both have the root" },
	{ { "--oci=a", "--rw", "true" }, -EINVAL, "option --oci has no effect beside --rw: the unpacked image is temporary" },
	{ { "--in=a", "--root=/", "true" }, -EINVAL, "option --root has no effect beside --in: the machine runs; leave one of them out" },
	{ { "--in=a", "--name=b", "true" }, -EINVAL, "option --name has no effect beside --in: the machine runs; leave one of them out" },
	{ { "--in=a" }, -ENOENT, "no command; example: 'cvmm exec -- uname -a'" },
	{ { "--env=", "true" }, -EINVAL, "option --env '' has no name; write NAME=VALUE" },
	{ { "--env==a", "true" }, -EINVAL, "option --env '=a' has no name; write NAME=VALUE" },
	{ { "--image=a" }, -ENOENT, "no command; 'cvmm boot a' boots the image's own system" },
};

START_TEST(options_without_effect_are_refused)
{
	ck_assert_int_eq(parse_exec(without_effect[_i].words), without_effect[_i].code);
	ck_assert_str_eq(err.msg, without_effect[_i].why);
}
END_TEST

START_TEST(daemons_are_those_of_an_emulated_guest)
{
	static const char *const words[] = { "--daemon-path=/d", "--emulate", "true", NULL };

	ck_assert_int_eq(parse_exec(words), 0);
	ck_assert_str_eq(options.daemons, "/d");
}
END_TEST

/* Members that it does not determine have no default. */
START_TEST(template_determines_what_the_guest_has_booted_with)
{
	static const char *const fixed[] = {
		"--kernel=k", "--modules=none", "--init=i", "--memory=2G", "--cpus=1", "--append=quiet",
	};
	const char *words[] = { "--from=base", fixed[_i], "true", NULL };
	char option[64];

	snprintf(option, sizeof(option), "option --%.*s has no effect beside --from: ", (int)strcspn(fixed[_i] + 2, "="), fixed[_i] + 2);
	ck_assert_int_eq(parse_exec(words), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, option));
	words[0] = "--rw";
	ck_assert_int_eq(parse_exec(words), 0);
	words[1] = "--from=base";
	ck_assert_int_eq(parse_exec(words), 0);
	ck_assert_ptr_null(options.root);
	ck_assert_str_eq(options.from, "base");
}
END_TEST

static const struct { const char *word, *why; } other_networks[] = {
	{ "--net=user", "option --net: 'user' is a value of other programs; cvmm exec has --net=passt" },
	{ "--net=user,hostfwd=tcp::22-:22",
	  "option --net: 'user' is a value of other programs; cvmm exec has --net=passt" },
	{ "--net=slirp", "option --net: 'slirp' is a value of other programs; cvmm exec has --net=passt" },
	{ "--net=host", "option --net: 'host' is a value of other programs; cvmm exec has --net=passt, which connects as this user does" },
	{ "--net=pasta", "option --net: 'pasta' is a value of other programs; cvmm exec has --net=passt" },
	{ "--net=none", "option --net: 'none' is a value of other programs; cvmm exec has no network unless --net is given" },
	{ "--net=tap", "option --net: 'tap' is a value of other programs; cvmm exec has --net=tap:NAME" },
	{ "--net=users", "option --net 'users' is not passt or tap:NAME" },
};

START_TEST(networks_of_other_programs_have_a_name_here)
{
	const char *words[] = { other_networks[_i].word, "true", NULL };

	ck_assert_int_eq(parse_exec(words), -EINVAL);
	ck_assert_str_eq(err.msg, other_networks[_i].why);
}
END_TEST

START_TEST(further_command_needs_no_kernel)
{
	static const char *const words[] = { "--in=a", "--env=A=1", "--chdir=/", "--user=ann:users", "--terminal=off", "true", NULL };

	ck_assert_int_eq(parse_exec(words), 0);
	ck_assert_str_eq(options.in, "a");
	ck_assert_ptr_null(options.kernel);
}
END_TEST

START_TEST(ports_require_passt)
{
	const char *ports[] = { "--publish=80:80", "--net=tap:tap0", "true", NULL };

	ck_assert_int_eq(parse_exec(ports), -EINVAL);
	ck_assert_str_eq(err.msg, "option --publish needs --net=passt");
	ports[1] = "--net=passt";
	ck_assert_int_eq(parse_exec(ports), 0);
	ck_assert_uint_eq(options.network.nports, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("exec_options");
	TCase *tc = tcase_create("exec_options");

	tcase_add_test(tc, options_of_the_command_are_not_ours);
	tcase_add_test(tc, two_dashes_precede_a_command);
	tcase_add_test(tc, defaults_are_those_of_the_page);
	tcase_add_test(tc, folders_and_variables_are_repeated);
	tcase_add_test(tc, memory_may_have_pieces);
	tcase_add_test(tc, numbers_of_repeated_options_are_limited);
	tcase_add_test(tc, command_line_without_a_command_has_an_example);
	tcase_add_test(tc, image_is_in_place_of_a_root);
	tcase_add_loop_test(tc, options_without_effect_are_refused, 0, sizeof(without_effect) / sizeof(without_effect[0]));
	tcase_add_test(tc, daemons_are_those_of_an_emulated_guest);
	tcase_add_loop_test(tc, template_determines_what_the_guest_has_booted_with, 0, 6);
	tcase_add_loop_test(tc, networks_of_other_programs_have_a_name_here, 0,
			    sizeof(other_networks) / sizeof(other_networks[0]));
	tcase_add_test(tc, further_command_needs_no_kernel);
	tcase_add_test(tc, ports_require_passt);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
