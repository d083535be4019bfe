/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the machine that a command gets: its options, and how it ends. */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>

#include <vm-arch/advice.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>

#include "exec/exec_beside.h"
#include "exec/exec_machine.h"
#include "util.h"

static char folder[] = "/tmp/test-exec-XXXXXX";
static char init[64], dir[64];
static struct vmm_exec_machine m;
static struct vmm_exec_options options;
static struct cvmm_template *template;
static struct vsu_error err;
static char *command[] = { (char[]){ "true" }, NULL };

static void setup(void)
{
	FILE *f;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(init, sizeof(init), "%s/init", folder);
	snprintf(dir, sizeof(dir), "%s/a,b", folder);
	ck_assert_int_eq(mkdir(dir, 0755), 0);
	f = fopen(init, "w");
	ck_assert_ptr_nonnull(f);
	fclose(f);
	options = (struct vmm_exec_options){
		.kernel = "vmlinux", .modules = "none", .init = init, .root = "/", .memory = "1G",
		.cpus = 2, .terminal = VMM_EXEC_TERMINAL_OFF, .command = command,
	};
}

static void after(void)
{
	cvmm_template_close(template);
	template = NULL;
	vmm_exec_machine_free(&m);	/* it holds a lock */
	(void)!cvmm_template_remove(folder, "base", NULL);
	unlink(init);
	rmdir(dir);
	rmdir(folder);
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
}

/* "--NAME=VALUE" of option i, until the next call; NULL: there are fewer. */
static const char *word(unsigned int i)
{
	static char text[CVMM_OPTION_MAX_LIST + 64];
	struct cvmm_option o;

	if (cvmm_options_get(m.parts->options, i, &o, NULL) < 0)
		return NULL;
	snprintf(text, sizeof(text), "--%s=%s", o.name, o.value.text);
	return text;
}

/* The text behind that of an option, until the next call; NULL: none begins so. */
static const char *rest_of_word(const char *wanted)
{
	const char *text;
	unsigned int i;

	for (i = 0; (text = word(i)); i++)
		if (!strncmp(text, wanted, strlen(wanted)))
			return text + strlen(wanted);
	return NULL;
}

static bool begins_with(const char *wanted)
{
	return rest_of_word(wanted);
}

static bool has_word(const char *wanted)
{
	const char *text;
	unsigned int i;

	for (i = 0; (text = word(i)); i++)
		if (!strcmp(text, wanted))
			return true;
	return false;
}

static unsigned int count_devices(void)
{
	struct cvmm_configuration *c;
	struct cvmm_option o;
	unsigned int i, n = 0;

	ck_assert_int_eq(cvmm_configuration_new(m.parts->options, NULL, &c, &err), 0);
	for (i = 0; !cvmm_configuration_get_option(c, i, &o, NULL); i++)
		n += !strcmp(o.name, "device") || !strcmp(o.name, "fs") || !strcmp(o.name, "console") || !strcmp(o.name, "disk");
	cvmm_configuration_free(c);
	return n;
}

START_TEST(options_are_those_of_a_machine)
{
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, NULL), 0);
	ck_assert(begins_with("--fs=path=/,tag=root,readonly,hide=proc/*:"));
	ck_assert(has_word("--cmdline=console=ttyS0 quiet panic=-1 cvmm.exec"));
	ck_assert(has_word("--serial=null"));
	ck_assert(has_word("--device=rng"));
	ck_assert(has_word("--cpus=2"));
	ck_assert(has_word("--kernel=vmlinux"));
	ck_assert_uint_eq(count_devices(), 3);
}
END_TEST

START_TEST(tap_is_a_card_of_the_machine)
{
	ck_assert_int_eq(vmm_exec_network_parse(&options.network, "tap:tap7,address=192.0.2.2/24", &err), 0);
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, NULL), 0);
	ck_assert(has_word("--net=tap=tap7,block=loopback"));
	ck_assert_int_eq(m.passt.fd, -1);
}
END_TEST

START_TEST(jail_requires_another_root)
{
	options.jail = true;
	options.sandbox = "on,tls";
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, &err), -EINVAL);
	ck_assert_msg(strstr(err.msg, "a jail cannot have the root / of this host; choose another one"), "%s", err.msg);
	vmm_exec_machine_free(&m);
	options.root = folder;
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, &err), 0);
	ck_assert(m.process.confinement.tls && m.process.jail);
}
END_TEST

START_TEST(folders_have_tags_and_doubled_commas)
{
	char shared[160], given[80];

	snprintf(given, sizeof(given), "%s,rw", dir);
	options.folders[options.nfolders++] = given;
	options.folders[options.nfolders++] = folder;
	options.root = folder;
	options.writable_root = true;
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, NULL), 0);
	/* it may have set-user-ID files, and the last one may not */
	snprintf(shared, sizeof(shared), "--fs=path=%s,tag=root,hide=a,,b/*:a,,b/.", folder);
	ck_assert(has_word(shared));
	snprintf(shared, sizeof(shared), "--fs=path=%s,tag=dir0,readonly", folder);
	ck_assert(has_word(shared));
	snprintf(shared, sizeof(shared), "--fs=path=%s/a,,b,tag=dir1,nosuid,nodev", folder);	/* in the one before */
	ck_assert(has_word(shared));
}
END_TEST

/* Its name is no option. */
START_TEST(current_folder_is_shared_whatever_its_name)
{
	char here[80], shared[160];

	snprintf(here, sizeof(here), "%s,rw", dir);
	ck_assert_int_eq(mkdir(here, 0755), 0);
	ck_assert_int_eq(chdir(here), 0);
	options.root = "/usr";
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, &err), 0);
	snprintf(shared, sizeof(shared), "--fs=path=%s/a,,b,,rw,tag=dir0,readonly", folder);
	ck_assert(begins_with(shared));
	ck_assert_int_eq(chdir("/"), 0);
	rmdir(here);
}
END_TEST

/* Its device is mounted in the other one, and could be unmounted. */
static const struct {
	const char *outer, *inner;
	bool seals;
} nested[] = {
	{ "rw", "", true }, { "rw", "rw", false }, { "rw,suid", "rw", true }, { "rw,dev", "rw,suid", true },
	{ "rw,suid", "rw,suid,dev", false }, { "", "rw", false }, { "", "", false },
};

static char *folder_text(char out[96], const char *path, const char *access)
{
	snprintf(out, 96, "%s%s%s", path, *access ? "," : "", access);
	return out;
}

START_TEST(folder_in_another_one_keeps_its_own_access)
{
	char outer[96], inner[96];

	options.folders[options.nfolders++] = folder_text(inner, dir, nested[_i].inner);
	options.folders[options.nfolders++] = folder_text(outer, folder, nested[_i].outer);
	options.root = "/usr";
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, &err), 0);
	ck_assert_str_eq(m.parts->shares[1].path, folder);
	if (nested[_i].seals)
		ck_assert_str_eq(m.parts->shares[1].hidden, "a,b/*:a,b/.");
	else
		ck_assert_ptr_null(m.parts->shares[1].hidden);
}
END_TEST

/* Others may not read the secrets of this host; a command's own root has others. */
START_TEST(private_files_of_the_host_are_hidden)
{
	options.root = _i == 1 ? folder : "/";
	options.writable_root = _i == 2;
	ck_assert_msg(!vmm_exec_machine_make(&m, &options, &err), "%s", err.msg);
	ck_assert_int_eq(m.parts->shares[0].hides_private, _i == 0);
}
END_TEST

static const char *const folder_words[][2] = {
	{ ",rw", ",nosuid,nodev" }, { ",rw,suid", ",nodev" }, { ",rw,dev", ",nosuid" },
	{ ",rw,suid,dev", "" }, { ",dev,suid,rw", "" }, { "", ",readonly" },
};

START_TEST(guest_makes_privileged_files_in_folders_only_on_request)
{
	char shared[160], given[80];

	snprintf(given, sizeof(given), "%s%s", dir, folder_words[_i][0]);
	options.folders[options.nfolders++] = given;
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, &err), 0);
	snprintf(shared, sizeof(shared), "--fs=path=%s/a,,b,tag=dir0%s", folder, folder_words[_i][1]);
	ck_assert(begins_with(shared));
	ck_assert_int_eq(m.parts->shares[1].nosuid, !!strstr(folder_words[_i][1], "nosuid"));
	ck_assert_int_eq(m.parts->shares[1].nodev, !!strstr(folder_words[_i][1], "nodev"));
}
END_TEST

static const struct {
	const char *kernel, *modules, *init, *folders[2], *why;
} without_effect[] = {
	{ .kernel = "builtin:agent", .modules = "none", .why = "modules has no effect on the kernel 'builtin:agent'" },
	{ .kernel = "builtin:agent", .init = "/i", .why = "init has no effect on the kernel 'builtin:agent'" },
	{ .folders = { "/usr", "/usr/../usr,rw" }, .why = "two folders are shared at '/usr'" },
	{ .folders = { "/usr", "/etc,suid" }, .why = "folder '/etc' is read-only: suid and dev have no effect; share it with rw" },
	{ .folders = { "/usr", "/etc,dev" }, .why = "folder '/etc' is read-only: suid and dev have no effect" },
	{ .folders = { "/usr", "/" }, .why = "folder '/' would hide the root of the guest" },
};

START_TEST(options_without_effect_are_refused)
{
	if (without_effect[_i].kernel) {
		options.kernel = without_effect[_i].kernel;
		options.modules = without_effect[_i].modules;
		options.init = without_effect[_i].init;
	} else {
		memcpy(options.folders, without_effect[_i].folders, sizeof(without_effect[_i].folders));
		options.nfolders = 2;
	}
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, &err), -EINVAL);
	ck_assert_msg(strstr(err.msg, without_effect[_i].why), "%s", err.msg);
}
END_TEST

/* With an image only the current folder is shared, and none if the image is written to. */
START_TEST(image_without_folders_hides_nothing)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/key", folder);
	options.root = NULL;
	options.image = "image";
	options.writable_root = true;
	options.hide[options.nhide++] = path;
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, &err), -EINVAL);
	ck_assert_msg(strstr(err.msg, "is a path of this host that is not shared"), "%s", err.msg);
	vmm_exec_machine_free(&m);
	options.folders[options.nfolders++] = folder;
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, &err), 0);
}
END_TEST

START_TEST(image_is_a_disk_in_place_of_the_root)
{
	ck_assert_int_eq(chdir("/usr"), 0);
	options.root = NULL;
	options.image = "a,b.raw";
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, NULL), 0);
	ck_assert(has_word("--disk=path=a,,b.raw,readonly"));
	ck_assert(!begins_with("--fs=path=/,"));
	ck_assert(begins_with("--fs=path=/usr,"));	/* the current folder */
	ck_assert_uint_eq(count_devices(), 4);
}
END_TEST

START_TEST(writable_image_is_a_writable_disk)
{
	options.root = NULL;
	options.image = "image";
	options.writable_root = true;
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, NULL), 0);
	ck_assert(has_word("--disk=path=image"));
	ck_assert(!begins_with("--fs="));
}
END_TEST

/* Options of the user change what a folder hides. */
START_TEST(folder_hides_names_with_doubled_commas)
{
	char hidden[80], shared[160];

	snprintf(hidden, sizeof(hidden), "%s/key,*", folder);
	options.hide[options.nhide++] = hidden;
	options.root = folder;
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, NULL), 0);
	snprintf(shared, sizeof(shared), "--fs=path=%s,tag=root,readonly,hide=key,,*", folder);
	ck_assert(has_word(shared));
	ck_assert_str_eq(m.parts->shares[0].hidden, "key,*");
}
END_TEST

/* The option of the device has a maximum length, but the user has not given that option. */
START_TEST(too_many_hidden_names_are_refused)
{
	static char paths[VMM_EXEC_MAX_PATHS][160];
	int i;

	options.root = folder;
	for (i = 0; i < VMM_EXEC_MAX_PATHS; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/%0100d", folder, i);
		options.hide[options.nhide++] = paths[i];
	}
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, &err), -E2BIG);
	ck_assert_msg(strstr(err.msg, "the rules for its hidden files have") && strstr(err.msg, "show fewer or shorter paths"), "%s", err.msg);
	vmm_exec_machine_free(&m);
	options.hide[40] = NULL;
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, &err), 0);
}
END_TEST

/* Whether the guest's agent receives a record. */
static bool is_requested(const char *record)
{
	const struct __attribute__((packed)) {
		struct vagent_header h;
		uint32_t version;
	} ready = { { VAGENT_READY, sizeof(uint32_t) }, VAGENT_VERSION };
	const int port = vagent_session_port(m.session, VAGENT_CONTROL);
	char text[8192];
	ssize_t n;

	ck_assert_int_eq(send(port, &ready, sizeof(ready), 0), sizeof(ready));
	ck_assert(vagent_session_dispatch(m.session));
	n = recv(port, text, sizeof(text), 0);
	return n > 0 && memmem(text, (size_t)n, record, strlen(record) + 1);
}

static const struct {
	const char *given, *root, *shared, *record, *why;
} working_folders[] = {
	{ "b", "/", NULL, "C%s/b", NULL }, { "..", "/", NULL, "C/tmp", NULL },
	{ "b", "/usr", "%s", "C%s/b", NULL }, { "./b/..", "/usr", NULL, "C%s", NULL },
	{ "/x", "/usr", NULL, "C/x", NULL }, { NULL, "/", NULL, "C%s", NULL },
	{ "b", "/usr", "/etc", NULL, "option --chdir: 'b' is relative to the current folder, and '%s/b' is not shared" },
	{ "..", "/usr", "%s", NULL, "option --chdir: '..' is relative to the current folder, and '/tmp' is not shared" },
	{ "bb", "/usr", "%s/b", NULL, "option --chdir: 'bb' is relative to the current folder, and '%s/bb' is not shared" },
	{ "none", "/", NULL, NULL, "option --chdir: 'none': No such file or directory" },
};

static const char *in_folder(const char *text, char out[160])
{
	const char *at = text ? strstr(text, "%s") : NULL;

	if (!at)
		return text;
	snprintf(out, 160, "%.*s%s%s", (int)(at - text), text, folder, at + 2);
	return out;
}

/* The current folder has the folders "b" and "bb". */
START_TEST(relative_working_folder_begins_at_the_current_one)
{
	char shared[160], expected[160];
	const char *const given = in_folder(working_folders[_i].shared, shared);

	ck_assert(!chdir(folder) && !mkdir("b", 0755) && !mkdir("bb", 0755));
	options.folder = working_folders[_i].given;
	options.root = working_folders[_i].root;
	if (given)
		options.folders[options.nfolders++] = given;
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, &err) < 0, !!working_folders[_i].why);
	if (working_folders[_i].why)
		ck_assert_msg(strstr(err.msg, in_folder(working_folders[_i].why, expected)), "%s", err.msg);
	else
		ck_assert(is_requested(in_folder(working_folders[_i].record, expected)));
	ck_assert(!rmdir("b") && !rmdir("bb") && !chdir("/"));
}
END_TEST

START_TEST(variable_without_a_value_is_that_of_this_process)
{
	setenv("TEST_EXEC", "given", 1);
	options.settings[options.nsettings++] = "TEST_EXEC";
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, NULL), 0);
	ck_assert(is_requested("ETEST_EXEC=given"));
	vmm_exec_machine_free(&m);
	unsetenv("TEST_EXEC");
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "option --env: this process has no variable 'TEST_EXEC'; write TEST_EXEC=VALUE, or leave it out");
}
END_TEST

START_TEST(log_is_a_file_whatever_its_name)
{
	static const struct {
		const char *log, *word;
	} rows[] = {
		{ "stdio", "--serial=./stdio" }, { "fd:3", "--serial=./fd:3" },
		{ "/tmp/log", "--serial=/tmp/log" },
	};

	options.log = rows[_i].log;
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, NULL), 0);
	ck_assert(has_word(rows[_i].word));
}
END_TEST

START_TEST(missing_files_are_named)
{
	static const struct {
		size_t member;
		const char *why;
	} rows[] = {
		{ offsetof(struct vmm_exec_options, root), "option --root: '/nonexistent'" },
		{ offsetof(struct vmm_exec_options, init), "'/nonexistent'" },
		{ offsetof(struct vmm_exec_options, modules), "'/nonexistent'" },
		{ offsetof(struct vmm_exec_options, folders), "option --dir: '/nonexistent'" },
	};
	static const char *const path = "/nonexistent";

	memcpy((char *)&options + rows[_i].member, &path, sizeof(path));
	options.nfolders = 1;
	options.folders[0] = options.folders[0] ? options.folders[0] : "/usr";
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, rows[_i].why));
}
END_TEST

START_TEST(folder_with_a_target_is_refused_with_the_folder)
{
	options.root = "/usr";
	options.folders[0] = "/tmp:/data,rw";
	options.nfolders = 1;
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, &err), -ENOENT);
	ck_assert_str_eq(err.msg, "option --dir: '/tmp:/data': the command finds a folder at its own path; write --dir=/tmp");
}
END_TEST

START_TEST(file_in_place_of_a_folder_is_refused)
{
	options.root = "/etc/passwd";
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, &err), -ENOTDIR);
	ck_assert_str_eq(err.msg, "option --root: '/etc/passwd' is not a folder; --image=FILE is for the root in a disk image");
	vmm_exec_machine_free(&m);
	options.root = "/usr";
	options.folders[0] = "/etc/passwd,rw";
	options.nfolders = 1;
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, &err), -ENOTDIR);
	ck_assert_str_eq(err.msg, "option --dir: '/etc/passwd' is not a folder; share the one that it is in");
}
END_TEST

START_TEST(machine_that_ends_before_its_command_is_a_failure_of_ours)
{
	static const struct {
		int status;
		const char *said, *why;
	} rows[] = {
		{ VSU_EXIT_PANIC, "", "the guest's kernel panicked; --log=FILE keeps its messages" },
		{ VSU_EXIT_REBOOT, "", "the guest ended before its command did" },
		{ VSU_EXIT_HOST, "no KVM", "no KVM" },
	};

	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, NULL), 0);
	vsu_error_clear(&err);
	if (*rows[_i].said)
		vsu_error_set(&err, -ENODEV, "%s", rows[_i].said);
	ck_assert_int_eq(vmm_exec_machine_status(&m, rows[_i].status, &err), 125);
	ck_assert_ptr_nonnull(strstr(err.msg, rows[_i].why));
}
END_TEST

static void agent_sends(uint32_t type, const void *payload, uint32_t len)
{
	const struct vagent_header h = { type, len };
	const int port = vagent_session_port(m.session, VAGENT_CONTROL);

	ck_assert_int_eq(send(port, &h, sizeof(h), 0), sizeof(h));
	ck_assert_int_eq(send(port, payload, len, 0), (ssize_t)len);
}

static void agent_starts(const struct vmm_beside *beside)
{
	static const uint32_t version = VAGENT_VERSION, number = 1;
	static const struct vagent_prepared prepared = { 1, 77 };

	agent_sends(VAGENT_READY, &version, sizeof(version));
	ck_assert(beside->turn(beside->opaque));
	agent_sends(VAGENT_SERVES, NULL, 0);
	agent_sends(VAGENT_PREPARED, &prepared, sizeof(prepared));
	ck_assert(beside->turn(beside->opaque));
	agent_sends(VAGENT_RUNNING, &number, sizeof(number));
	ck_assert(beside->turn(beside->opaque));
}

/* A terminal has no stream of errors. */
static void agent_ends_by(enum vagent_how how, uint32_t status, enum vagent_cause cause)
{
	static const struct vagent_frame outputs[] = { { 1, VAGENT_STDOUT, 0 }, { 1, VAGENT_STDERR, 0 } };
	const size_t len = m.on_terminal ? sizeof(outputs[0]) : sizeof(outputs);
	const struct vagent_process_ended e = { .process = 1, .how = how, .status = status, .cause = cause };

	ck_assert_int_eq(send(vagent_session_port(m.session, VAGENT_OUT), outputs, len, 0), (ssize_t)len);
	agent_sends(VAGENT_PROCESS_ENDED, &e, sizeof(e));
}

static void agent_ends(uint32_t status)
{
	agent_ends_by(VAGENT_EXITED, status, VAGENT_CAUSE_UNKNOWN);
}

/* The machine was ended with status 0, and perhaps a sentence that this is so. */
START_TEST(status_of_the_command_replaces_that_of_the_machine)
{
	struct vmm_beside beside;

	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, NULL), 0);
	beside = vmm_exec_machine_beside(&m);
	ck_assert(!beside.signal(beside.opaque, SIGTERM));
	agent_starts(&beside);
	agent_ends(5);
	ck_assert(!beside.turn(beside.opaque));
	vsu_error_set(&err, -EIO, "ended");
	ck_assert_int_eq(vmm_exec_machine_status(&m, 0, &err), 5);
	ck_assert_str_eq(err.msg, "");
}
END_TEST

/* One port of the agent remains, neither the others nor the first console nor the initrd. */
START_TEST(machine_that_runs_keeps_one_descriptor_that_it_was_given)
{
	struct vmm_beside beside;
	int before;

	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, NULL), 0);
	before = vsu_fd_count();
	beside = vmm_exec_machine_beside(&m);
	beside.begin(beside.opaque, NULL);
	ck_assert_int_eq(vsu_fd_count(), before - VAGENT_PORTS - 1);
	ck_assert_int_eq(vagent_session_port(m.session, VAGENT_CONTROL), -1);
}
END_TEST

START_TEST(command_that_lacked_memory_ends_with_a_remedy)
{
	const enum vagent_cause cause = _i ? VAGENT_CAUSE_MEMORY : VAGENT_CAUSE_UNKNOWN;
	struct vmm_beside beside;

	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, NULL), 0);
	beside = vmm_exec_machine_beside(&m);
	agent_starts(&beside);
	agent_ends_by(VAGENT_SIGNALLED, SIGKILL, cause);
	ck_assert(!beside.turn(beside.opaque));
	ck_assert_int_eq(vmm_exec_machine_status(&m, 0, &err), 128 + SIGKILL);
	ck_assert_uint_eq(err.arg, _i ? VARCH_ADVICE_MEMORY : 0);
}
END_TEST

/* As a shell reports a program that the signal ended; others than the first ones are passed to the command. */
START_TEST(machine_that_a_signal_ends_has_its_status)
{
	struct vmm_beside beside;
	int i;

	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, NULL), 0);
	beside = vmm_exec_machine_beside(&m);
	if (_i) {
		agent_starts(&beside);
		for (i = 0; i < VMM_EXEC_MAX_SIGNALS; i++)
			ck_assert(beside.signal(beside.opaque, SIGINT));
	}
	ck_assert(!beside.signal(beside.opaque, SIGTERM));
	vsu_error_set(&err, -EIO, "the machine's sentence");
	ck_assert_int_eq(vmm_exec_machine_status(&m, VSU_EXIT_FAIL, &err), 128 + SIGTERM);
	ck_assert_str_eq(err.msg, "ended by signal 15");
}
END_TEST

#define PIPE 4096

/* Makes the machine with a full pipe as its output, whose reader is returned. */
static int make_with_full_output(void)
{
	static const char bytes[PIPE];
	const int before = dup(STDOUT_FILENO);
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(fcntl(ends[1], F_SETPIPE_SZ, PIPE), PIPE);
	ck_assert_int_eq(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, NULL), 0);
	ck_assert_int_eq(dup2(before, STDOUT_FILENO), STDOUT_FILENO);
	ck_assert_int_eq(write(ends[1], bytes, sizeof(bytes)), PIPE);
	close(ends[1]);
	close(before);
	return ends[0];
}

/* Its end remains that of the machine. */
START_TEST(last_output_awaits_its_reader_after_the_end_of_the_machine)
{
	static const struct {
		struct vagent_frame f;
		char bytes[4];
	} frame = { { 1, VAGENT_STDOUT, 4 }, { 'l', 'a', 's', 't' } };
	const int reader = make_with_full_output();
	struct vmm_beside beside = vmm_exec_machine_beside(&m);
	char had[PIPE];

	agent_starts(&beside);
	ck_assert_int_eq(send(vagent_session_port(m.session, VAGENT_OUT), &frame, sizeof(frame), 0), sizeof(frame));
	beside.begin(beside.opaque, NULL);
	ck_assert(beside.outlive(beside.opaque));
	ck_assert(beside.turn(beside.opaque));
	ck_assert(beside.turn(beside.opaque));
	ck_assert_int_eq(read(reader, had, sizeof(had)), PIPE);
	while (beside.turn(beside.opaque))
		;
	ck_assert_int_eq(read(reader, had, sizeof(had)), 4);
	ck_assert_mem_eq(had, "last", 4);
	close(reader);
	vsu_error_set(&err, -EIO, "the machine's sentence");
	ck_assert_int_eq(vmm_exec_machine_status(&m, VSU_EXIT_FAIL, &err), VAGENT_STATUS_FAILED);
	ck_assert_str_eq(err.msg, "the machine's sentence");
}
END_TEST

START_TEST(command_that_has_ended_does_not_outlive_its_machine)
{
	struct vmm_beside beside;

	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, NULL), 0);
	beside = vmm_exec_machine_beside(&m);
	agent_starts(&beside);
	agent_ends(5);
	ck_assert(!beside.turn(beside.opaque));
	ck_assert(!beside.outlive(beside.opaque));
}
END_TEST

/* The machine reads them in their order. */
START_TEST(pieces_of_memory_are_options_in_their_order)
{
	unsigned int i;

	options.pieces[0] = "1G,at=0x200000000";
	options.pieces[1] = "2G,at=0x400000000";
	options.npieces = 2;
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, NULL), 0);
	for (i = 0; strcmp(word(i), "--memory=1G"); i++)
		ck_assert_ptr_nonnull(word(i + 1));
	for (; strcmp(word(i), "--memory=1G,at=0x200000000"); i++)
		ck_assert_ptr_nonnull(word(i + 1));
	ck_assert_str_eq(word(i + 1), "--memory=2G,at=0x400000000");
}
END_TEST

static const struct { int status, code; bool expected; } quiet[] = {
	{ 128 + SIGPIPE, -ECANCELED, true }, { 128 + SIGINT, -ECANCELED, true },
	{ 128 + SIGSEGV, -ECANCELED, false }, { 128 + SIGKILL, -ENOMEM, false },
	{ 128 + SIGINT, -EINTR, false }, { 125, -ECANCELED, false },
};

START_TEST(signals_of_a_pipe_and_of_its_user_have_no_line)
{
	vsu_error_set(&err, quiet[_i].code, "why");
	ck_assert(vmm_exec_end_is_expected(quiet[_i].status, &err) == quiet[_i].expected);
}
END_TEST

/* ------------------------------------------------------------------ a terminal */

static int terminal = -1;	/* the other side of standard input and output */

static void on_terminal(void)
{
	const struct winsize size = { .ws_row = 24, .ws_col = 80 };
	int side;

	ck_assert_int_eq(openpty(&terminal, &side, NULL, NULL, &size), 0);
	ck_assert_int_eq(dup2(side, STDIN_FILENO), STDIN_FILENO);
	ck_assert_int_eq(dup2(side, STDOUT_FILENO), STDOUT_FILENO);
	vsu_fd_close(&side);
	options.terminal = VMM_EXEC_TERMINAL_AUTO;
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, NULL), 0);
	ck_assert(m.on_terminal);
}

static bool is_raw(void)
{
	struct termios t;

	ck_assert_int_eq(tcgetattr(terminal, &t), 0);
	return !(t.c_lflag & ICANON);
}

/* The request has the size of when the machine was made. */
START_TEST(terminal_has_its_size_when_the_command_starts)
{
	static const struct {
		struct vagent_header h;
		struct vagent_resize m;
	} expected = { { VAGENT_RESIZE, sizeof(struct vagent_resize) }, { 1, 50, 100 } };
	const struct winsize size = { .ws_row = 50, .ws_col = 100 };
	struct vmm_beside beside;
	char had[8192];
	ssize_t n;

	on_terminal();
	ck_assert_int_eq(ioctl(terminal, TIOCSWINSZ, &size), 0);
	beside = vmm_exec_machine_beside(&m);
	agent_starts(&beside);
	n = recv(vagent_session_port(m.session, VAGENT_CONTROL), had, sizeof(had), 0);
	ck_assert_int_gt(n, (ssize_t)sizeof(expected));
	ck_assert_mem_eq(had + n - sizeof(expected), &expected, sizeof(expected));
}
END_TEST

/* By the guest, whose accounts the host does not know. A name is not required for that. */
START_TEST(user_of_the_command_is_found_in_the_guest)
{
	struct vmm_beside beside;
	char had[8192];
	ssize_t n;

	options.user = "ann:users";
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, NULL), 0);
	beside = vmm_exec_machine_beside(&m);
	agent_starts(&beside);
	n = recv(vagent_session_port(m.session, VAGENT_CONTROL), had, sizeof(had), 0);
	ck_assert_int_gt(n, 0);
	ck_assert_ptr_nonnull(memmem(had, (size_t)n, "U@ann:users", sizeof("U@ann:users")));
}
END_TEST

/* Terminals answer queries of a guest by input, which is not for the shell. */
START_TEST(input_that_the_command_has_not_read_is_discarded)
{
	struct vmm_beside beside;
	int left = -1;

	on_terminal();
	beside = vmm_exec_machine_beside(&m);
	agent_starts(&beside);
	agent_ends(5);
	ck_assert_int_eq(write(terminal, "typed\n", 6), 6);
	ck_assert(!beside.turn(beside.opaque));
	ck_assert(!is_raw());
	ck_assert_int_eq(ioctl(STDIN_FILENO, FIONREAD, &left), 0);
	ck_assert_int_eq(left, 0);
}
END_TEST

START_TEST(terminal_is_that_of_the_shell_while_this_process_is_stopped)
{
	struct vmm_beside beside;

	on_terminal();
	beside = vmm_exec_machine_beside(&m);
	vmm_beside_resume(&beside);	/* the command has not been started */
	ck_assert(!is_raw());
	agent_starts(&beside);
	vsu_terminal_suspend(beside.terminal);
	ck_assert(!is_raw());
	vmm_beside_resume(&beside);
	ck_assert(is_raw());
	agent_ends(5);
	ck_assert(!beside.turn(beside.opaque));
	vmm_beside_resume(&beside);
	ck_assert(!is_raw());
}
END_TEST

/* The machine may take long to end. */
START_TEST(terminal_is_restored_at_the_end_of_the_command)
{
	struct vmm_beside beside;

	on_terminal();
	beside = vmm_exec_machine_beside(&m);
	ck_assert(!is_raw());
	agent_starts(&beside);
	ck_assert(is_raw());
	agent_ends(5);
	ck_assert(!beside.turn(beside.opaque));
	ck_assert(!is_raw());
}
END_TEST

/* Before the command has ended, and after it. */
START_TEST(process_without_its_machine_has_the_status_of_the_command)
{
	struct vmm_beside beside;

	on_terminal();
	beside = vmm_exec_machine_beside(&m);
	agent_starts(&beside);
	if (_i) {
		agent_ends(5);
		ck_assert(!beside.turn(beside.opaque));
	}
	vsu_error_set(&err, -EIO, "a thread waits");
	ck_assert_int_eq(beside.abandon(beside.opaque, VSU_EXIT_INTERNAL, &err), _i ? 5 : 125);
	ck_assert_str_eq(err.msg, _i ? "" : "a thread waits");
	ck_assert(!is_raw());
}
END_TEST

/* ------------------------------------------------------------------ templates */

static void begin_template(unsigned int nfolders, unsigned int cards, int fds[CVMM_TEMPLATE_FILES])
{
	const struct cvmm_template_config config = {
		.size = sizeof(config), .kernel = "vmlinux", .root = folder, .memory = "1G", .cpus = 2,
		.folders = nfolders, .cards = cards,
	};

	ck_assert_int_eq(cvmm_template_begin(folder, "base", &config, fds, &template, NULL), 0);
}

static void close_files(int fds[CVMM_TEMPLATE_FILES])
{
	int i;

	for (i = 0; i < CVMM_TEMPLATE_FILES; i++)
		vsu_fd_close(&fds[i]);
}

/* With the agent's version of another cvmm, if that is not 0, and network cards. */
static void make_network_template(unsigned int nfolders, uint32_t agent, unsigned int cards)
{
	static char path[128];
	int fds[CVMM_TEMPLATE_FILES];
	FILE *f;

	begin_template(nfolders, cards, fds);
	ck_assert_int_eq(dprintf(fds[CVMM_TEMPLATE_FILES - 1], "{ \"arguments\": [] }"), 19);
	ck_assert_int_eq(cvmm_template_publish(template, NULL), 0);
	cvmm_template_close(template);
	template = NULL;
	close_files(fds);
	snprintf(path, sizeof(path), "%s/base/template", folder);
	f = agent ? fopen(path, "a") : NULL;
	if (f) {
		fprintf(f, "agent %u\n", agent);
		fclose(f);
	}
	snprintf(path, sizeof(path), "%s/base", folder);
	options.from = path;
	options.root = NULL;
}

static void make_template(unsigned int nfolders, uint32_t agent)
{
	make_network_template(nfolders, agent, 0);
}

START_TEST(machine_of_a_template_has_spare_devices)
{
	int fds[CVMM_TEMPLATE_FILES];
	char word[128];

	begin_template(2, 1, fds);
	close_files(fds);
	vmm_exec_machine_init(&m);
	ck_assert_int_eq(vmm_exec_machine_make_template(&m, &options, template, NULL), 0);
	ck_assert_str_eq(m.parts->kernel, "vmlinux");
	ck_assert(begins_with("--net=fd="));
	snprintf(word, sizeof(word), "--fs=path=%s/base.incomplete/empty,tag=root,readonly,thread-pool-size=1", folder);
	ck_assert(has_word(word));
	snprintf(word, sizeof(word), "--fs=path=%s/base.incomplete/empty,tag=dir1,readonly,thread-pool-size=1", folder);
	ck_assert(has_word(word));
	ck_assert(has_word("--cmdline=console=ttyS0 quiet panic=-1 cvmm.exec"));
}
END_TEST

START_TEST(clone_has_the_folders_of_its_command)
{
	static const struct {
		const char *before, *after;	/* the folder */
	} rows[] = {
		{ "--from=", "/base/machine" }, { "--fs=path=", ",tag=root,readonly" },
		{ "--fs=path=", "/a,,b,tag=dir0,nosuid,nodev" }, { "--fs=path=", "/base/empty,tag=dir1,readonly,thread-pool-size=1" },
	};
	char given[80], word[128];
	unsigned int i;

	make_template(2, 0);
	snprintf(given, sizeof(given), "%s,rw", dir);
	options.folders[options.nfolders++] = given;
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, NULL), 0);
	for (i = 0; i < 4; i++) {
		snprintf(word, sizeof(word), "%s%s%s", rows[i].before, folder, rows[i].after);
		ck_assert(has_word(word));
	}
	ck_assert(has_word("--clone=on"));
	ck_assert(has_word("--serial=null"));
	ck_assert(!has_word("--cpus=2") && !has_word("--device=rng"));	/* those of the template */
	ck_assert(!has_word("vmlinux"));
}
END_TEST

START_TEST(clone_keeps_its_template)
{
	make_template(1, 0);
	options.root = "/";
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, NULL), 0);
	ck_assert(begins_with("--fs=path=/,tag=root,readonly,hide="));
	ck_assert_int_eq(cvmm_template_remove(folder, "base", NULL), -EBUSY);
}
END_TEST

START_TEST(network_of_a_clone_requires_a_card_of_its_template)
{
	make_template(1, 0);
	ck_assert_int_eq(vmm_exec_network_parse(&options.network, "passt", NULL), 0);
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, &err), -EOPNOTSUPP);
	ck_assert_msg(strstr(err.msg, "option --net: the template '") && strstr(err.msg, "make it again with 'cvmm template make NAME --net'"), "%s", err.msg);
	ck_assert_int_eq(m.passt.leash.pid, 0);	/* nothing was started */
}
END_TEST

/* With the address and the MTU that its driver has not read. */
START_TEST(tap_of_a_clone_has_an_address_of_its_own)
{
	char record[96];
	const char *mac;

	make_network_template(1, 0, 1);
	ck_assert_int_eq(vmm_exec_network_parse(&options.network, "tap:tap7,address=192.0.2.2/24", NULL), 0);
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, NULL), 0);
	mac = rest_of_word("--net=tap=tap7,block=loopback,mac=");
	ck_assert_ptr_nonnull(mac);
	ck_assert_uint_eq(strlen(mac), 17);
	snprintf(record, sizeof(record), "N192.0.2.2/24 - - %s 0", mac);
	ck_assert(is_requested(record));
}
END_TEST

START_TEST(card_of_a_template_is_connected_to_nothing_without_a_network)
{
	make_network_template(1, 0, 1);
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, NULL), 0);
	ck_assert(begins_with("--net=fd="));
	ck_assert(!is_requested("N-/0 - - - 0"));
}
END_TEST

START_TEST(template_has_a_maximum_number_of_folders)
{
	make_template(1, 0);
	options.folders[options.nfolders++] = folder;
	options.folders[options.nfolders++] = dir;
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, &err), -E2BIG);
	ck_assert_ptr_nonnull(strstr(err.msg, "2 folders are to be shared"));
	ck_assert_uint_eq(err.arg, CVMM_EXEC_ADVICE_FOLDERS);
}
END_TEST

START_TEST(template_of_another_cvmm_is_refused)
{
	make_template(1, VAGENT_VERSION + 1);
	ck_assert_int_eq(vmm_exec_machine_make(&m, &options, &err), -EPROTO);
	ck_assert_ptr_nonnull(strstr(err.msg, "make it again"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("exec_machine");
	TCase *tc = tcase_create("exec_machine");

	tcase_add_checked_fixture(tc, setup, after);
	tcase_add_test(tc, options_are_those_of_a_machine);
	tcase_add_test(tc, tap_is_a_card_of_the_machine);
	tcase_add_loop_test(tc, relative_working_folder_begins_at_the_current_one, 0, sizeof(working_folders) / sizeof(working_folders[0]));
	tcase_add_test(tc, variable_without_a_value_is_that_of_this_process);
	tcase_add_test(tc, jail_requires_another_root);
	tcase_add_test(tc, folders_have_tags_and_doubled_commas);
	tcase_add_test(tc, current_folder_is_shared_whatever_its_name);
	tcase_add_loop_test(tc, guest_makes_privileged_files_in_folders_only_on_request, 0, sizeof(folder_words) / sizeof(folder_words[0]));
	tcase_add_loop_test(tc, options_without_effect_are_refused, 0, sizeof(without_effect) / sizeof(without_effect[0]));
	tcase_add_test(tc, image_without_folders_hides_nothing);
	tcase_add_test(tc, image_is_a_disk_in_place_of_the_root);
	tcase_add_test(tc, writable_image_is_a_writable_disk);
	tcase_add_test(tc, folder_hides_names_with_doubled_commas);
	tcase_add_test(tc, too_many_hidden_names_are_refused);
	tcase_add_loop_test(tc, folder_in_another_one_keeps_its_own_access, 0, sizeof(nested) / sizeof(nested[0]));
	tcase_add_loop_test(tc, private_files_of_the_host_are_hidden, 0, 3);
	tcase_add_loop_test(tc, log_is_a_file_whatever_its_name, 0, 3);
	tcase_add_test(tc, folder_with_a_target_is_refused_with_the_folder);
	tcase_add_test(tc, file_in_place_of_a_folder_is_refused);
	tcase_add_loop_test(tc, missing_files_are_named, 0, 4);
	tcase_add_loop_test(tc, machine_that_ends_before_its_command_is_a_failure_of_ours, 0, 3);
	tcase_add_test(tc, status_of_the_command_replaces_that_of_the_machine);
	tcase_add_test(tc, machine_that_runs_keeps_one_descriptor_that_it_was_given);
	tcase_add_loop_test(tc, command_that_lacked_memory_ends_with_a_remedy, 0, 2);
	tcase_add_loop_test(tc, machine_that_a_signal_ends_has_its_status, 0, 2);
	tcase_add_test(tc, pieces_of_memory_are_options_in_their_order);
	tcase_add_test(tc, last_output_awaits_its_reader_after_the_end_of_the_machine);
	tcase_add_test(tc, command_that_has_ended_does_not_outlive_its_machine);
	tcase_add_loop_test(tc, signals_of_a_pipe_and_of_its_user_have_no_line, 0, sizeof(quiet) / sizeof(quiet[0]));
	tcase_add_test(tc, user_of_the_command_is_found_in_the_guest);
	tcase_add_test(tc, terminal_has_its_size_when_the_command_starts);
	tcase_add_test(tc, input_that_the_command_has_not_read_is_discarded);
	tcase_add_test(tc, terminal_is_that_of_the_shell_while_this_process_is_stopped);
	tcase_add_test(tc, terminal_is_restored_at_the_end_of_the_command);
	tcase_add_loop_test(tc, process_without_its_machine_has_the_status_of_the_command, 0, 2);
	tcase_add_test(tc, machine_of_a_template_has_spare_devices);
	tcase_add_test(tc, clone_has_the_folders_of_its_command);
	tcase_add_test(tc, clone_keeps_its_template);
	tcase_add_test(tc, network_of_a_clone_requires_a_card_of_its_template);
	tcase_add_test(tc, tap_of_a_clone_has_an_address_of_its_own);
	tcase_add_test(tc, card_of_a_template_is_connected_to_nothing_without_a_network);
	tcase_add_test(tc, template_has_a_maximum_number_of_folders);
	tcase_add_test(tc, template_of_another_cvmm_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
