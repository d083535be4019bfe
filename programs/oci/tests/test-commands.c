/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about commands, without a machine: their reports, and that a failure leaves nothing behind. */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "oci/commands.h"
#include "oci/container.h"
#include "oci/wire.h"
#include "util.h"

#define MAX_WORDS 12

static char folder[64], report[128];
static struct oci_context context;

static void init(void)
{
	struct vsu_error err = VSU_ERROR_INIT;

	strcpy(folder, "/tmp/oci-commands.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(report, sizeof(report), "%s/report", folder);
	context = (struct oci_context){ .report = OCI_REPORT_INIT };
	snprintf(context.root, sizeof(context.root), "%s/state", folder);
	ck_assert_int_eq(oci_report_open(&context.report, report, &err), 0);
}

static void fini(void)
{
	char command[128];

	oci_report_close(&context.report);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

/* Runs a command of words with blanks between them. */
static int run(const char *words)
{
	static char text[512];
	char *argv[MAX_WORDS];
	const struct oci_command *c;
	int argc = 0;

	snprintf(text, sizeof(text), "%s", words);
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	for (c = oci_commands; strcmp(c->name, argv[0]) != 0; c++)
		ck_assert_ptr_nonnull(c->name);
	return c->run(&context, argc, argv);
}

static void expect_report(const char *wanted)
{
	char text[4096];
	FILE *f = fopen(report, "r");

	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	ck_assert_msg(strstr(text, wanted), "%s", text);
}

static void write_config(const char *member)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/config.json", folder);
	f = fopen(path, "w");
	fprintf(f, "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/\"},\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]},"
		"\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"},{\"type\":\"mount\"},{\"type\":\"ipc\"},{\"type\":\"uts\"}]}%s%s}",
		*member ? "," : "", member);
	fclose(f);
}

static int create(const char *options)
{
	char words[256];

	snprintf(words, sizeof(words), "create --bundle %s %s a", folder, options);
	return run(words);
}

/* A container whose monitor has ended. */
static void make_stopped(const char *id)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct oci_state s = { .pid = getpid(), .begun = 1, .bundle = "/b" };
	int fd = oci_state_create(context.root, id, &err);

	ck_assert_int_ge(fd, 0);
	strcpy(s.id, id);
	ck_assert_int_eq(oci_state_write(context.root, fd, &s, &err), 0);
	close(fd);
}

static const struct {
	const char *words, *sentence;
} refusals[] = {
	{ "state", "state: the id of a container is missing" },
	{ "state nope", "container 'nope' does not exist" },
	{ "start nope", "container 'nope' does not exist" },
	{ "kill nope", "container 'nope' does not exist" },
	{ "kill nope SIGODD", "kill: 'SIGODD' is not a signal" },
	{ "kill nope 65", "kill: '65' is not a signal" },
	{ "delete nope", "container 'nope' does not exist" },
	{ "pause nope", "container 'nope' does not exist" },
	{ "resume nope", "container 'nope' does not exist" },
	{ "ps nope", "container 'nope' does not exist" },
	{ "events", "events: the id of a container is missing" },
	{ "events --stats nope", "container 'nope' does not exist" },
	{ "exec nope", "exec: the option --process is missing" },
	{ "exec", "exec: the id of a container is missing" },
	{ "exec --process=/nonexistent nope", "container 'nope' does not exist" },
	{ "exec --preserve-fds=1 --process=/nonexistent nope", "option --preserve-fds: descriptors of the host do not reach a guest" },
	{ "create", "create: the id of a container is missing" },
	{ "create --preserve-fds=2 a", "option --preserve-fds: descriptors of the host do not reach a guest" },
	{ "create --bundle=/nonexistent a", "option --bundle: '/nonexistent': No such file or directory" },
	{ "features x", "features: 'x' is no word of this command" },
};

START_TEST(refused_words_are_reported)
{
	ck_assert_int_eq(run(refusals[_i].words), EXIT_FAILURE);
	expect_report(refusals[_i].sentence);
}
END_TEST

static const struct {
	const char *member, *sentence;
} configs[] = {
	{ "\"linux\":{\"devices\":[{\"path\":\"/dev/fuse\"}]}", "member 'linux.devices.0.path' is not supported" },
	{ "\"linux\":{\"sysctl\":{\"kernel.hostname\":\"a\"}}", "member 'linux.sysctl': 'kernel.hostname' is that of the member 'hostname'" },
	{ "\"linux\":{\"sysctl\":{\"kernel/hostname\":\"a\"}}", "member 'linux.sysctl': 'kernel/hostname' is that of the member 'hostname'" },
	{ "\"domainname\":\"a\",\"linux\":{\"sysctl\":{\"kernel.domainname\":\"b\"}}", "member 'linux.sysctl': 'kernel.domainname' contradicts the member 'domainname'" },
	{ "\"linux\":{\"rootfsPropagation\":\"rshared\"}", "member 'linux.rootfsPropagation': 'rshared' is not supported" },
	{ "\"process\":{\"terminal\":true}", "member 'process.terminal' requires the option --console-socket" },
	{ "\"mounts\":[{\"destination\":\"/a\",\"type\":\"nfs\"}]", "mount of '/a': type 'nfs' is not supported" },
};

START_TEST(refused_configuration_makes_nothing)
{
	write_config(configs[_i].member);
	ck_assert_int_eq(create(""), EXIT_FAILURE);
	expect_report(configs[_i].sentence);
	ck_assert_int_lt(access(context.root, F_OK), 0);
}
END_TEST

static const struct {
	const char *number, *pid;
	int rc;
} descriptors[] = {
	{ NULL, NULL, 0 }, { "0", NULL, 0 }, { "2", "1", 0 }, { "2", NULL, -EOPNOTSUPP }, { "x", NULL, -EOPNOTSUPP },
	{ "1", "own", -EOPNOTSUPP },
};

/* As of a service that systemd started for a connection */
START_TEST(descriptors_of_a_service_are_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;
	const char *pid = descriptors[_i].pid;
	char own[32];

	snprintf(own, sizeof(own), "%d", (int)getpid());
	if (descriptors[_i].number)
		setenv("LISTEN_FDS", descriptors[_i].number, 1);
	if (pid)
		setenv("LISTEN_PID", strcmp(pid, "own") ? pid : own, 1);
	ck_assert_int_eq(oci_container_check_descriptors(0, &err), descriptors[_i].rc);
	if (descriptors[_i].rc < 0)
		ck_assert_str_eq(err.msg, "variable LISTEN_FDS: descriptors of the host do not reach a guest");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
}
END_TEST

START_TEST(network_of_the_host_is_refused)
{
	char path[128];
	FILE *f;

	write_config("");
	snprintf(path, sizeof(path), "%s/config.json", folder);
	f = fopen(path, "w");
	fputs("{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/\"},\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]},"
	      "\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"}]}}", f);
	fclose(f);
	ck_assert_int_eq(create(""), EXIT_FAILURE);
	expect_report("member 'linux.namespaces' has no 'network', which would be that of the host: a machine has a kernel of its own");
}
END_TEST

START_TEST(console_without_a_terminal_is_refused)
{
	write_config("");
	ck_assert_int_eq(create("--console-socket /nonexistent"), EXIT_FAILURE);
	expect_report("option --console-socket requires the member 'process.terminal'");
}
END_TEST

START_TEST(failed_monitor_leaves_nothing)
{
	char path[160];

	write_config("\"process\":{\"terminal\":true}");
	ck_assert_int_eq(create("--console-socket /nonexistent"), EXIT_FAILURE);
	expect_report("option --console-socket");
	snprintf(path, sizeof(path), "%s/state/a", folder);
	ck_assert_int_lt(access(path, F_OK), 0);
}
END_TEST

START_TEST(stopped_container_is_removed)
{
	make_stopped("a");
	ck_assert_int_eq(run("delete a"), 0);
	ck_assert_int_eq(run("delete a"), EXIT_FAILURE);
	ck_assert_int_eq(run("delete --force a"), 0);
}
END_TEST

START_TEST(stopped_container_accepts_no_signal)
{
	make_stopped("a");
	ck_assert_int_eq(run("kill a KILL"), EXIT_FAILURE);
	expect_report("container not running: 'a'");
	ck_assert_int_eq(run("start a"), EXIT_FAILURE);
}
END_TEST

/* A process in place of the monitor, which the command kills. */
START_TEST(running_container_is_removed_by_force)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct oci_state s = { .id = "a", .pid = fork(), .bundle = "/b" };
	struct oci_status_page *page = NULL;
	int fd, status;

	if (!s.pid)
		for (;;)
			pause();
	s.begun = oci_state_begun(s.pid);
	fd = oci_state_create(context.root, "a", &err);
	ck_assert_int_eq(oci_state_write(context.root, fd, &s, &err), 0);
	ck_assert_int_eq(oci_status_open(fd, &page, &err), 0);
	oci_status_write(page, OCI_RUNNING);
	oci_status_fail(page, "no \033memory");
	oci_status_close(page);
	close(fd);
	ck_assert_int_eq(run("delete a"), EXIT_FAILURE);
	expect_report("container 'a' is running; end it, or use the option --force");
	ck_assert_int_eq(run("delete --force a"), 0);
	ck_assert_int_eq(waitpid(s.pid, &status, 0), s.pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
END_TEST

/* A guest may control it. */
static void answer_and_live(int listener)
{
	const struct oci_message answer = { .op = OCI_OP_SIGNAL };
	struct pollfd p = { .fd = listener, .events = POLLIN };
	struct oci_message m;
	int fd = poll(&p, 1, -1) == 1 ? accept(listener, NULL, NULL) : -1;

	if (oci_wire_await(fd, &m, -1) < 0 || oci_wire_send(fd, &answer, NULL, 0) < 0)
		_exit(EXIT_FAILURE);
	for (;;)
		pause();
}

START_TEST(monitor_that_survives_its_answer_is_killed)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct oci_state s = { .id = "a", .bundle = "/b" };
	int fd = oci_state_create(context.root, "a", &err), listener = oci_wire_listen(fd, &err), status;

	ck_assert_int_ge(listener, 0);
	s.pid = fork();
	if (!s.pid)
		answer_and_live(listener);
	s.begun = oci_state_begun(s.pid);
	ck_assert_int_eq(oci_state_write(context.root, fd, &s, &err), 0);
	close(listener);
	close(fd);
	ck_assert_int_eq(run("kill a KILL"), 0);
	ck_assert_int_eq(waitpid(s.pid, &status, 0), s.pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
END_TEST

static int update(const char *limits)
{
	char path[128], words[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/resources", folder);
	f = fopen(path, "w");
	fputs(limits, f);
	fclose(f);
	snprintf(words, sizeof(words), "update --resources %s a", path);
	return run(words);
}

/* The machine of a container without a control group has this memory, and as many processes. */
static void make_limited(void)
{
	struct oci_state s = { .id = "a", .pid = getpid(), .begun = oci_state_begun(getpid()), .bundle = "/b" };
	struct vsu_error err = VSU_ERROR_INIT;
	char path[160];
	int fd = oci_state_create(context.root, "a", &err);

	write_config("\"linux\":{\"resources\":{\"memory\":{\"limit\":268435456},\"pids\":{\"limit\":100}}}");
	snprintf(path, sizeof(path), "%s/config.json", folder);
	ck_assert_int_eq(oci_state_keep_config(context.root, "a", path, &err), 0);
	ck_assert_int_eq(oci_state_write(context.root, fd, &s, &err), 0);
	close(fd);
}

static const struct {
	const char *limits, *refusal;
} updates[] = {
	{ "{}", NULL },
	{ "{\"memory\":{\"limit\":268435456},\"pids\":{\"limit\":100}}", NULL },
	{ "{\"memory\":{\"limit\":268435457}}", "member 'memory.limit' cannot be changed: the machine runs" },
	{ "{\"memory\":{\"limit\":-1}}", "member 'memory.limit' cannot be changed: the machine runs" },
	{ "{\"pids\":{\"limit\":101}}", "member 'pids.limit' cannot be changed: the machine runs" },
	{ "{\"cpu\":{\"quota\":1000}}", "container 'a' has no control group, whose limits could be changed" },
};

START_TEST(update_repeats_limits_that_cannot_change)
{
	make_limited();
	ck_assert_int_eq(update(updates[_i].limits), updates[_i].refusal ? EXIT_FAILURE : 0);
	if (updates[_i].refusal)
		expect_report(updates[_i].refusal);
}
END_TEST

/* A pipe is that of containerd's shim. A socket cannot be opened by a path. */
START_TEST(update_reads_limits_from_a_stream)
{
	const char limits[] = "{\"pids\":{\"limit\":101}}";
	const int input = dup(STDIN_FILENO);
	int ends[2];

	make_limited();
	ck_assert_int_eq(_i ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends), 0);
	ck_assert_int_eq(write(ends[1], limits, strlen(limits)), (ssize_t)strlen(limits));
	close(ends[1]);
	ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	close(ends[0]);
	ck_assert_int_eq(run("update --resources - a"), EXIT_FAILURE);
	expect_report("member 'pids.limit' cannot be changed: the machine runs");
	dup2(input, STDIN_FILENO);
	close(input);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("commands");
	TCase *t = tcase_create("commands");

	tcase_add_checked_fixture(t, init, fini);
	tcase_add_loop_test(t, refused_words_are_reported, 0, COUNT(refusals));
	tcase_add_loop_test(t, refused_configuration_makes_nothing, 0, COUNT(configs));
	tcase_add_loop_test(t, descriptors_of_a_service_are_refused, 0, COUNT(descriptors));
	tcase_add_test(t, network_of_the_host_is_refused);
	tcase_add_test(t, console_without_a_terminal_is_refused);
	tcase_add_test(t, failed_monitor_leaves_nothing);
	tcase_add_test(t, stopped_container_is_removed);
	tcase_add_test(t, stopped_container_accepts_no_signal);
	tcase_add_test(t, running_container_is_removed_by_force);
	tcase_add_test(t, monitor_that_survives_its_answer_is_killed);
	tcase_add_loop_test(t, update_repeats_limits_that_cannot_change, 0, COUNT(updates));
	tcase_add_loop_test(t, update_reads_limits_from_a_stream, 0, 2);
	suite_add_tcase(s, t);
	return run_suite(s);
}
