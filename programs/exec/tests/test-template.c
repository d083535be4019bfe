/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the folder of templates, and "cvmm template". */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <vm-agent/protocol.h>
#include <vmm-sys-util/fd.h>

#include "template.h"
#include "exec/template_command.h"
#include "exec/template_maker.h"
#include "util.h"

static int lock_failure;	/* errno of flock(); 0: as usual */

#pragma GCC visibility push(default)
int __wrap_flock(int fd, int operation);
int __real_flock(int fd, int operation);
#pragma GCC visibility pop

/* As on NFS: a file is open for writing if it is locked exclusively. */
int __wrap_flock(int fd, int operation)
{
	const bool writable = (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;

	errno = lock_failure ? lock_failure : EBADF;
	return lock_failure || (operation & LOCK_EX && !writable) ? -1 : __real_flock(fd, operation);
}

static char folder[] = "/tmp/test-template-XXXXXX";
static struct vmm_template t;
static int fds[VMM_TEMPLATE_FILES] = { -1, -1, -1 };
static struct vsu_error err;

static const char *path_of(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	ck_assert_int_eq(lstat(path_of(name), &st), 0);
	return st.st_mode & 07777;
}

static bool exists(const char *name)
{
	return access(path_of(name), F_OK) == 0;
}

static void close_files(void)
{
	int i;

	for (i = 0; i < VMM_TEMPLATE_FILES; i++)
		vsu_fd_close(&fds[i]);
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void after(void)
{
	char command[64];

	vmm_template_close(&t);
	close_files();
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

static int begin(const char *name)
{
	int rc = vmm_template_begin(&t, folder, name, fds, &err);

	if (!rc) {
		strcpy(t.info.kernel, "/boot/no-such-kernel");
		strcpy(t.info.root, "/");
		strcpy(t.info.memory, "1G");
		t.info.cpus = 2;
		t.info.folders = 4;
	}
	return rc;
}

static void make(const char *name)
{
	ck_assert_int_eq(begin(name), 0);
	ck_assert_int_eq(vmm_template_publish(&t, NULL), 0);
	vmm_template_discard(&t);
	close_files();
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

START_TEST(template_exists_when_it_is_complete)
{
	ck_assert_int_eq(begin("base"), 0);
	ck_assert_int_eq(write(fds[0], "memory", 6), 6);
	ck_assert(exists("base.incomplete/machine/memory"));
	ck_assert_int_eq(vmm_template_publish(&t, NULL), 0);
	vmm_template_discard(&t);
	ck_assert(!exists("base.incomplete"));
	ck_assert_uint_eq(mode_of("base"), 0700);
	ck_assert_uint_eq(mode_of("base/machine/memory"), 0600);
	ck_assert_int_eq(vmm_template_open(&t, folder, "base", NULL), 0);
	ck_assert_str_eq(t.info.cvmm, PACKAGE_VERSION);
	ck_assert_str_eq(t.info.kernel, "/boot/no-such-kernel");
	ck_assert_uint_eq(t.info.cpus, 2);
	ck_assert_uint_ge(t.bytes, 4096);
}
END_TEST

START_TEST(template_is_found_by_its_path)
{
	make("base");
	ck_assert_int_eq(vmm_template_open(&t, NULL, path_of("base"), NULL), 0);
	ck_assert_uint_eq(t.info.folders, 4);
}
END_TEST

START_TEST(failure_leaves_nothing)
{
	ck_assert_int_eq(begin("base"), 0);
	vmm_template_discard(&t);
	ck_assert_int_eq(rmdir(folder), 0);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
}
END_TEST

START_TEST(name_in_use_is_refused)
{
	make("base");
	ck_assert_int_eq(begin("base"), -EEXIST);
	ck_assert_ptr_nonnull(strstr(err.msg, "remove it first"));
}
END_TEST

START_TEST(one_process_makes_a_template)
{
	struct vmm_template other;
	int others[VMM_TEMPLATE_FILES];

	ck_assert_int_eq(begin("base"), 0);
	ck_assert_int_eq(vmm_template_begin(&other, folder, "base", others, &err), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "another process is making"));
	vmm_template_discard(&other);
	ck_assert(exists("base.incomplete/template"));
	vmm_template_discard(&t);
}
END_TEST

/* The process that has locked the new file first. */
START_TEST(template_of_a_faster_process_remains)
{
	lock_failure = _i ? ENOLCK : EWOULDBLOCK;
	ck_assert_int_eq(begin("base"), -lock_failure);
	lock_failure = 0;
	vmm_template_discard(&t);
	ck_assert_int_eq(exists("base.incomplete/template"), _i == 0);
}
END_TEST

START_TEST(incomplete_template_of_a_killed_process_is_replaced)
{
	ck_assert_int_eq(begin("base"), 0);
	vmm_template_close(&t);
	close_files();
	ck_assert_int_eq(begin("base"), 0);
	vmm_template_discard(&t);
	ck_assert_int_eq(mkdir(path_of("base.incomplete"), 0700), 0);
	close_files();
	vsu_error_clear(&err);
	ck_assert_int_eq(begin("base"), 0);
	ck_assert_str_eq(err.msg, "");
}
END_TEST

START_TEST(template_of_a_running_clone_is_not_removed)
{
	make("base");
	ck_assert_int_eq(vmm_template_open(&t, folder, "base", NULL), 0);
	ck_assert_int_eq(vmm_template_remove(folder, "base", &err), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "in use: a command runs in a clone, or a pool keeps clones; end it first"));
	ck_assert(exists("base/machine/memory"));
	vmm_template_close(&t);
	ck_assert_int_eq(vmm_template_remove(folder, "base", NULL), 0);
	ck_assert_int_eq(rmdir(folder), 0);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
}
END_TEST

START_TEST(file_system_without_locks_is_named)
{
	make("base");
	lock_failure = ENOLCK;
	ck_assert_int_eq(_i ? vmm_template_remove(folder, "base", &err) : vmm_template_open(&t, folder, "base", &err), -ENOLCK);
	lock_failure = 0;
	ck_assert_msg(strstr(err.msg, "cannot lock template '") && strstr(err.msg, "No locks available"), "%s", err.msg);
}
END_TEST

START_TEST(removal_by_a_killed_process_is_completed)
{
	make("base");
	ck_assert_int_eq(rename(path_of("base"), strcat(strcpy((char[64]){ "" }, folder), "/base.removed")), 0);
	make("base");
	ck_assert_int_eq(vmm_template_remove(folder, "base", NULL), 0);
	ck_assert(!exists("base.removed"));
}
END_TEST

START_TEST(removal_keeps_files_of_others)
{
	make("base");
	ck_assert_int_eq(mkdir(path_of("base/mine"), 0700), 0);
	ck_assert_int_eq(vmm_template_remove(folder, "base", &err), -ENOTEMPTY);
	ck_assert(exists("base.removed/mine"));
	ck_assert_int_eq(vmm_template_open(&t, folder, "base", NULL), -ENOENT);
}
END_TEST

START_TEST(rejects_invalid_names)
{
	static const char *const names[] = {
		"", ".", "..", "-x", ".hidden", "a\nb", "a.incomplete", "a.removed",
		"a2345678901234567890123456789012345678901234567890123456789012345",
	};

	ck_assert_int_eq(begin(names[_i]), -EINVAL);
	ck_assert_int_eq(vmm_template_open(&t, folder, names[_i], &err), -EINVAL);
	ck_assert_int_eq(vmm_template_remove(folder, names[_i], &err), -EINVAL);
}
END_TEST

START_TEST(rejects_paths_for_new_and_removed_templates)
{
	ck_assert_int_eq(begin("a/b"), -EINVAL);
	ck_assert_int_eq(vmm_template_remove(folder, "../base", &err), -EINVAL);
}
END_TEST

/* Writers of its files determine what a clone executes. */
START_TEST(template_that_others_may_change_is_refused)
{
	static const char *const names[] = { "base", "base/template", "base/machine", "base/machine/state", "base/machine/machine.json" };
	const char *path;
	mode_t mode;

	make("base");
	path = path_of(names[_i]);
	mode = mode_of(names[_i]);
	ck_assert_int_eq(chmod(path, mode | S_IWOTH), 0);
	ck_assert_int_eq(vmm_template_open(&t, folder, "base", &err), -EPERM);
	ck_assert_ptr_nonnull(strstr(err.msg, path));
	ck_assert_ptr_nonnull(strstr(err.msg, "other users may change"));
	ck_assert_int_eq(chmod(path, mode | S_IWGRP), 0);
	ck_assert_int_eq(vmm_template_open(&t, NULL, path_of("base"), &err), -EPERM);
	ck_assert_int_eq(chmod(path_of(names[_i]), mode | S_IROTH), 0);
	vmm_template_close(&t);
	ck_assert_int_eq(vmm_template_open(&t, folder, "base", NULL), 0);
}
END_TEST

/* Before the time that making it takes. */
START_TEST(template_that_would_be_refused_is_not_made)
{
	ck_assert_int_eq(chmod(folder, 0777), 0);
	ck_assert_int_eq(begin("base"), -EPERM);
	ck_assert_ptr_nonnull(strstr(err.msg, "other users may write to the folder"));
	ck_assert(!exists("base.incomplete"));
	ck_assert_int_eq(chmod(folder, 0700), 0);
	ck_assert_int_eq(begin("base"), 0);
	vmm_template_discard(&t);
}
END_TEST

START_TEST(template_of_another_user_is_refused)
{
	static const char *const names[] = { "base", "base/template", "base/machine/memory" };

	make("base");
	ck_assert_int_eq(chown(path_of(names[_i]), 65534, (gid_t)-1), 0);
	ck_assert_int_eq(vmm_template_open(&t, folder, "base", &err), -EPERM);
	ck_assert_ptr_nonnull(strstr(err.msg, "belongs to another user"));
}
END_TEST

START_TEST(rejects_invalid_descriptions)
{
	static const char *const texts[] = {
		"", "cvmm 1\n", "cvmm\nkernel\nroot\nmemory\nagent\ncpus\nfolders\n",
		"cvmm 1\nkernel k\nroot /\nmemory 1G\nagent 1\ncpus x\nfolders 4\n",
		"cvmm 1\nkernel k\nroot /\nmemory 1G\nagent 1\ncpus 4294967296\nfolders 4\n",
		"cvmm 1234567890123456789012345678901234567890\nkernel k\nroot /\nmemory 1G\nagent 1\ncpus 1\nfolders 4\n",
	};

	make("base");
	write_info("base", texts[_i]);
	ck_assert_int_eq(vmm_template_open(&t, folder, "base", &err), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.msg, "its description is invalid"));
}
END_TEST

START_TEST(keys_of_later_versions_are_ignored)
{
	make("base");
	write_info("base", "new key\ncvmm 1\nkernel a b\nroot /\nmemory 1G\nagent 7\ncpus 1\nfolders 4\nnet 1\n");
	ck_assert_int_eq(vmm_template_open(&t, folder, "base", NULL), 0);
	ck_assert_uint_eq(t.info.net, 1);
	ck_assert_str_eq(t.info.kernel, "a b");
	ck_assert_uint_eq(t.info.agent, 7);
}
END_TEST

START_TEST(templates_of_earlier_versions_have_no_network)
{
	make("base");
	write_info("base", "cvmm 1\nkernel k\nroot /\nmemory 1G\nagent 1\ncpus 1\nfolders 4\n");
	ck_assert_int_eq(vmm_template_open(&t, folder, "base", NULL), 0);
	ck_assert_uint_eq(t.info.net, 0);
}
END_TEST

START_TEST(line_break_in_a_path_is_refused)
{
	ck_assert_int_eq(begin("base"), 0);
	strcpy(t.info.root, "/a\ncpus 9");
	ck_assert_int_eq(vmm_template_publish(&t, &err), -EINVAL);
	vmm_template_discard(&t);
	ck_assert(!exists("base"));
}
END_TEST

START_TEST(folder_is_that_of_the_user)
{
	static const struct {
		const char *given, *data, *home, *path;
	} rows[] = {
		{ "x", "/data", "/home/u", "x" },
		{ NULL, "/data", "/home/u", "/data/cvmm/templates" },
		{ NULL, "relative", "/home/u", "/home/u/.local/share/cvmm/templates" },
		{ NULL, "", "/home/u", "/home/u/.local/share/cvmm/templates" },
		{ NULL, "", "", NULL },
	};
	char path[PATH_MAX];
	int rc;

	setenv("XDG_DATA_HOME", rows[_i].data, 1);
	setenv("HOME", rows[_i].home, 1);
	rc = vmm_template_folder(rows[_i].given, path, &err);
	ck_assert_int_eq(rc, rows[_i].path ? 0 : -ENOENT);
	if (!rc)
		ck_assert_str_eq(path, rows[_i].path);
}
END_TEST

START_TEST(folder_of_the_user_is_made_for_its_owner)
{
	umask(_i ? 022 : 0);
	setenv("XDG_DATA_HOME", path_of("a/b"), 1);
	ck_assert_int_eq(vmm_template_begin(&t, NULL, "base", fds, NULL), 0);
	ck_assert_uint_eq(mode_of("a/b/cvmm"), 0755);
	ck_assert_uint_eq(mode_of("a/b/cvmm/templates"), 0700);
	vmm_template_discard(&t);
}
END_TEST

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
	ck_assert_int_eq(begin("incomplete"), 0);
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
	{ "/", "/", PACKAGE_VERSION, VAGENT_VERSION, "current\n" },
	{ "/none", "/", PACKAGE_VERSION, VAGENT_VERSION, "outdated: the kernel '/none' no longer exists\n" },
	{ "builtin:agent", "/none", PACKAGE_VERSION, VAGENT_VERSION, "outdated: the root '/none' no longer exists\n" },
	{ "builtin:agent", "/", "0.0.1", VAGENT_VERSION, "outdated: it was made by cvmm 0.0.1\n" },
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

int main(void)
{
	Suite *s = suite_create("template");
	TCase *tc = tcase_create("template");

	tcase_add_checked_fixture(tc, setup, after);
	tcase_add_test(tc, template_exists_when_it_is_complete);
	tcase_add_test(tc, template_is_found_by_its_path);
	tcase_add_test(tc, failure_leaves_nothing);
	tcase_add_test(tc, name_in_use_is_refused);
	tcase_add_test(tc, one_process_makes_a_template);
	tcase_add_loop_test(tc, template_of_a_faster_process_remains, 0, 2);
	tcase_add_test(tc, incomplete_template_of_a_killed_process_is_replaced);
	tcase_add_test(tc, template_of_a_running_clone_is_not_removed);
	tcase_add_loop_test(tc, file_system_without_locks_is_named, 0, 2);
	tcase_add_test(tc, removal_by_a_killed_process_is_completed);
	tcase_add_test(tc, removal_keeps_files_of_others);
	tcase_add_loop_test(tc, rejects_invalid_names, 0, 9);
	tcase_add_test(tc, rejects_paths_for_new_and_removed_templates);
	tcase_add_loop_test(tc, template_that_others_may_change_is_refused, 0, 5);
	tcase_add_test(tc, template_that_would_be_refused_is_not_made);
	tcase_add_loop_test_unless(tc, geteuid() ? "needs root, who makes another user's files" : NULL,
				   template_of_another_user_is_refused, 0, 3);
	tcase_add_loop_test(tc, rejects_invalid_descriptions, 0, 6);
	tcase_add_test(tc, keys_of_later_versions_are_ignored);
	tcase_add_test(tc, templates_of_earlier_versions_have_no_network);
	tcase_add_test(tc, line_break_in_a_path_is_refused);
	tcase_add_loop_test(tc, folder_is_that_of_the_user, 0, 5);
	tcase_add_loop_test(tc, folder_of_the_user_is_made_for_its_owner, 0, 2);
	tcase_add_loop_test(tc, rejects_words_that_an_action_does_not_use, 0, COUNT(refused));
	tcase_add_test(tc, options_of_make_describe_the_machine);
	tcase_add_test(tc, absence_of_a_template_is_explained);
	tcase_add_test(tc, list_has_a_line_for_each_template);
	tcase_add_loop_test(tc, state_compares_a_template_with_the_host, 0, COUNT(states));
	tcase_add_test(tc, kernel_that_was_replaced_makes_a_template_outdated);
	tcase_add_test(tc, output_has_no_control_characters_of_a_template);
	tcase_add_test(tc, show_prints_what_a_template_consists_of);
	tcase_add_test(tc, signal_ends_the_process_of_a_guest_that_ignores_interrupts);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
