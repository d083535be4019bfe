/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about "cvmm template". */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>

#include <vm-agent/protocol.h>
#include <vmm-sys-util/fd.h>

#include "exec/template_command.h"
#include "exec/template_maker.h"
#include "util.h"

static char folder[] = "/tmp/test-template-XXXXXX";
static struct vsu_error err;

static const char *path_of(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static bool exists(const char *name)
{
	return access(path_of(name), F_OK) == 0;
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void after(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
}

static void make(const char *name)
{
	const struct cvmm_template_config config = {
		.size = sizeof(config), .kernel = "/boot/no-such-kernel", .root = "/", .memory = "1G", .cpus = 2, .folders = 4,
	};
	int fds[CVMM_TEMPLATE_FILES], i;
	struct cvmm_template *t;

	ck_assert_int_eq(cvmm_template_begin(folder, name, &config, fds, &t, &err), 0);
	ck_assert_int_eq(cvmm_template_publish(t, NULL), 0);
	cvmm_template_close(t);
	for (i = 0; i < CVMM_TEMPLATE_FILES; i++)
		vsu_fd_close(&fds[i]);
}

static void write_info(const char *name, const char *text)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/template", name);
	f = fopen(path_of(path), "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

/* -------------------------------------------------------------- command line */

static int parse(struct vmm_template_command *c, const char *line)
{
	static char words[160];
	char *argv[16] = { (char[]){ "template" } }, *rest = words;
	int n = 1;

	strcpy(words, line);
	while ((argv[n] = strsep(&rest, " ")))
		n++;
	return vmm_template_command_parse(c, n, argv, &err);
}

static const struct {
	const char *line;
	int rc;
	const char *why;
} refused[] = {
	{ "list base", -ENOENT, "superfluous" }, { "show", -ENOENT, "no name" },
	{ "remove", -ENOENT, "no name" }, { "make", -ENOENT, "no name" },
	{ "remove base --cpus=2", -EINVAL, "option --cpus is one of" },
	{ "list --kernel=k", -EINVAL, "option --kernel is one of" },
	{ "copy base", -ENOENT, "expected make, list, show or remove" },
	{ "ls", -ENOENT, "template: 'ls' is unknown; write 'cvmm template list'" },
	{ "rm base", -ENOENT, "write 'cvmm template remove'" }, { "rm -f base", -ENOENT, "write 'cvmm template remove'" },
	{ "create base --memory=1G", -ENOENT, "write 'cvmm template make'" },
	{ "inspect base", -ENOENT, "write 'cvmm template show'" }, { "l", -ENOENT, "expected make" },
	{ "make base --folders=17", -EINVAL, "folders" },
	{ "show a/base --folder=b", -EINVAL, "option --folder has no effect beside the path 'a/base'" },
};

START_TEST(rejects_words_that_an_action_does_not_use)
{
	struct vmm_template_command c;

	ck_assert_int_eq(parse(&c, refused[_i].line), refused[_i].rc);
	ck_assert_ptr_nonnull(strstr(err.msg, refused[_i].why));
}
END_TEST

START_TEST(options_of_make_describe_the_machine)
{
	struct vmm_template_command c;

	ck_assert_int_eq(parse(&c, "make base --root=r --memory=2G --cpus=3 --folders=2 --folder=f"), 0);
	ck_assert_int_eq(c.action, VMM_TEMPLATE_MAKE);
	ck_assert_str_eq(c.name, "base");
	ck_assert_str_eq(c.folder, "f");
	ck_assert_str_eq(c.machine.root, "r");
	ck_assert_str_eq(c.machine.memory, "2G");
	ck_assert_uint_eq(c.machine.cpus, 3);
	ck_assert_uint_eq(c.nfolders, 2);
}
END_TEST

/* The output of a command, which succeeds. */
static void run(const char *line, char *out, size_t size)
{
	struct vmm_template_command c;
	FILE *f = fmemopen(out, size, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(parse(&c, line), 0);
	c.folder = folder;
	ck_assert_int_eq(vmm_template_command_run(&c, f, NULL), 0);
	fclose(f);
}

START_TEST(absence_of_a_template_is_explained)
{
	struct vmm_template_command c;

	ck_assert_int_eq(parse(&c, "show base"), 0);
	c.folder = folder;
	ck_assert_int_eq(vmm_template_command_run(&c, stdout, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "/base': No such file or directory; 'cvmm template make base' makes it, 'cvmm template list' lists others"));
	ck_assert_int_eq(parse(&c, "remove base"), 0);
	c.folder = folder;
	ck_assert_int_eq(vmm_template_command_run(&c, stdout, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "; 'cvmm template make base' makes it"));
	ck_assert_int_eq(parse(&c, "show ./base"), 0);
	ck_assert_int_eq(vmm_template_command_run(&c, stdout, &err), -ENOENT);
	ck_assert_ptr_null(strstr(err.msg, "template make"));
}
END_TEST

START_TEST(list_has_a_line_for_each_template)
{
	char out[4096], *at;

	make("two");
	make("one");
	make("broken");
	write_info("broken", "");
	ck_assert_int_eq(mkdir(path_of("a.incomplete"), 0700), 0);
	run("list", out, sizeof(out));
	at = strstr(out, "\nbroken ");
	ck_assert_ptr_nonnull(at);
	ck_assert_ptr_nonnull(strstr(at, "its description is invalid"));
	at = strstr(at, "\none ");
	ck_assert_ptr_nonnull(at);
	ck_assert_ptr_nonnull(strstr(at, " outdated /boot/no-such-kernel"));
	ck_assert_ptr_nonnull(strstr(at, "\ntwo "));
	ck_assert_ptr_null(strstr(out, "incomplete"));
}
END_TEST

/* The description of a template with that kernel, root and version of the agent. */
static void describe(const char *kernel, const char *root, const char *version, unsigned int agent)
{
	char text[3 * PATH_MAX];

	snprintf(text, sizeof(text), "cvmm %s\nkernel %s\nroot %s\nmemory 1G\nagent %u\ncpus 1\nfolders 4\n", version, kernel, root, agent);
	write_info("base", text);
}

static const struct {
	const char *kernel, *root, *version;
	unsigned int agent;
	const char *state;
} states[] = {
	{ "builtin:agent", "/", PACKAGE_VERSION, VAGENT_VERSION, "current\n" },
	{ "builtin:agent", "/", PACKAGE_VERSION, VAGENT_VERSION - 1, "unusable: the template '" },
	{ "/", "/", PACKAGE_VERSION, VAGENT_VERSION, "current\n" },
	{ "/none", "/", PACKAGE_VERSION, VAGENT_VERSION, "outdated: the kernel '/none' no longer exists\n" },
	{ "builtin:agent", "/none", PACKAGE_VERSION, VAGENT_VERSION, "outdated: the root '/none' no longer exists\n" },
	{ "builtin:agent", "/", "0.0.1", VAGENT_VERSION, "outdated: it was made by version 0.0.1\n" },
	{ "builtin:agent", "/", "0.0.1", VAGENT_VERSION + 1, "unusable: the template '" },
};

START_TEST(state_compares_a_template_with_the_host)
{
	char out[2 * PATH_MAX], *at;

	make("base");
	describe(states[_i].kernel, states[_i].root, states[_i].version, states[_i].agent);
	run("show base", out, sizeof(out));
	at = strstr(out, "\nstate    ");
	ck_assert_ptr_nonnull(at);
	ck_assert_ptr_eq(strstr(at + 10, states[_i].state), at + 10);
}
END_TEST

START_TEST(kernel_that_was_replaced_makes_a_template_outdated)
{
	const struct timespec past[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	char out[2 * PATH_MAX];

	make("base");
	describe(path_of("base/template"), "/", PACKAGE_VERSION, VAGENT_VERSION);
	ck_assert_int_eq(utimensat(AT_FDCWD, path_of("base/template"), past, 0), 0);
	run("show base", out, sizeof(out));
	ck_assert_ptr_nonnull(strstr(out, "\nstate    outdated: the kernel '"));
	ck_assert_ptr_nonnull(strstr(out, "' has changed since\n"));
}
END_TEST

/* The description may be of somebody else. */
START_TEST(output_has_no_control_characters_of_a_template)
{
	char out[4096];

	make("base");
	write_info("base", "cvmm \0331\nkernel k\033[2J\nroot /\033\nmemory \0331G\nagent 1\ncpus 1\nfolders 4\n");
	run("show base", out, sizeof(out));
	ck_assert_ptr_null(strchr(out, '\033'));
	ck_assert_ptr_nonnull(strstr(out, "\nroot     /?\nkernel   k?[2J\n"));
	run("list", out, sizeof(out));
	ck_assert_ptr_null(strchr(out, '\033'));
	ck_assert_ptr_nonnull(strstr(out, " ?1G "));
}
END_TEST

START_TEST(show_prints_what_a_template_consists_of)
{
	char out[4096];

	make("base");
	run("show base", out, sizeof(out));
	ck_assert_ptr_nonnull(strstr(out, "\nmemory   1G\ncpus     2\nfolders  4\nnetwork  no\nroot     /\nkernel   /boot/no-such-kernel\n"));
	run("remove base", out, sizeof(out));
	ck_assert(!exists("base"));
}
END_TEST

/* A shell's command in the background ignores SIGINT, also before its event loop takes it. */
START_TEST(signal_ends_the_process_of_a_guest_that_ignores_interrupts)
{
	bool in_child = false;
	int status = -1;
	sigset_t term;

	signal(SIGINT, SIG_IGN);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	raise(SIGTERM);
	ck_assert_int_eq(vmm_template_maker_fork(&in_child, &status, &err), 0);
	if (in_child) {
		alarm(20);
		pause();
		_exit(0);
	}
	ck_assert_int_eq(status, VAGENT_STATUS_FAILED);
	ck_assert_str_eq(err.msg, "the process of the guest was ended by signal 2");
	sigprocmask(SIG_UNBLOCK, &term, NULL);
	signal(SIGINT, SIG_DFL);
}
END_TEST

/* The machine may have another reason. */
START_TEST(machine_that_ends_while_it_is_saved_is_a_failure_with_a_sentence)
{
	const struct vmm_template_maker t = { .state = VMM_MAKER_SAVES };

	vsu_error_clear(&err);
	ck_assert_int_eq(vmm_template_maker_status(&t, 3, &err), VAGENT_STATUS_FAILED);
	ck_assert_str_eq(err.msg, "the machine ended with status 3 before it was saved");
	vsu_error_set(&err, -EIO, "why");
	ck_assert_int_eq(vmm_template_maker_status(&t, 3, &err), VAGENT_STATUS_FAILED);
	ck_assert_str_eq(err.msg, "why");
}
END_TEST

/* Its files would be published. */
START_TEST(machine_that_powers_off_while_it_is_saved_is_a_failure)
{
	struct vmm_template_maker t = { .state = VMM_MAKER_SAVES };

	vsu_error_clear(&err);
	ck_assert_int_eq(vmm_template_maker_status(&t, 0, &err), VAGENT_STATUS_FAILED);
	ck_assert_str_eq(err.msg, "the machine ended with status 0 before it was saved");
	t.state = VMM_MAKER_SAVED;
	ck_assert_int_eq(vmm_template_maker_status(&t, 0, &err), 0);
}
END_TEST

START_TEST(save_that_fails_without_a_reason_has_a_sentence)
{
	struct vmm_template_maker t = { .state = VMM_MAKER_FAILED };

	vsu_error_clear(&err);
	ck_assert_int_eq(vmm_template_maker_status(&t, 1, &err), VAGENT_STATUS_FAILED);
	ck_assert_str_eq(err.msg, "the machine ended with status 1 as its save failed without a reason");
	vsu_error_set(&t.why, -EIO, "why");
	ck_assert_int_eq(vmm_template_maker_status(&t, 1, &err), VAGENT_STATUS_FAILED);
	ck_assert_str_eq(err.msg, "why");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("template");
	TCase *tc = tcase_create("template");

	tcase_add_checked_fixture(tc, setup, after);
	tcase_add_loop_test(tc, rejects_words_that_an_action_does_not_use, 0, COUNT(refused));
	tcase_add_test(tc, options_of_make_describe_the_machine);
	tcase_add_test(tc, absence_of_a_template_is_explained);
	tcase_add_test(tc, list_has_a_line_for_each_template);
	tcase_add_loop_test(tc, state_compares_a_template_with_the_host, 0, COUNT(states));
	tcase_add_test(tc, kernel_that_was_replaced_makes_a_template_outdated);
	tcase_add_test(tc, output_has_no_control_characters_of_a_template);
	tcase_add_test(tc, show_prints_what_a_template_consists_of);
	tcase_add_test(tc, signal_ends_the_process_of_a_guest_that_ignores_interrupts);
	tcase_add_test(tc, machine_that_ends_while_it_is_saved_is_a_failure_with_a_sentence);
	tcase_add_test(tc, machine_that_powers_off_while_it_is_saved_is_a_failure);
	tcase_add_test(tc, save_that_fails_without_a_reason_has_a_sentence);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
