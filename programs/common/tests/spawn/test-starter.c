/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the daemons that the starter permits. */
#include <config.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <vmm-sys-util/sock.h>

#include "util.h"
#include "common/spawn/starter.h"

static struct vmm_starter_setup setup;
static struct vmm_spawn_words words;
static struct vsu_error err;
static unsigned int npassed;

static void add(const char *word)
{
	ck_assert_int_eq(vmm_spawn_words_add(&words, "%s", word), 0);
}

static int check_one(const struct devkind *kind, const char *word)
{
	vsu_error_clear(&err);
	words.len = 0;
	add(word);
	return vmm_starter_check(&setup, kind, &words, npassed, &err);
}

static void list_one(const struct devkind *kind, const char *word)
{
	words.len = 0;
	add(word);
	setup.commands[setup.n].kind = kind;
	setup.commands[setup.n++].words = words;
}

START_TEST(words_are_found_in_order)
{
	const char *word = NULL;

	add("--a=1");
	add("");
	add("--b");
	word = vmm_spawn_words_next(&words, word);
	ck_assert_str_eq(word, "--a=1");
	word = vmm_spawn_words_next(&words, word);
	ck_assert_str_eq(word, "");
	word = vmm_spawn_words_next(&words, word);
	ck_assert_str_eq(word, "--b");
	ck_assert_ptr_null(vmm_spawn_words_next(&words, word));
	ck_assert(vmm_spawn_words_are_valid(&words));
}
END_TEST

START_TEST(words_that_do_not_fit_are_refused)
{
	static char text[VMM_SPAWN_WORDS_MAX + 1];

	memset(text, 'x', VMM_SPAWN_WORDS_MAX);
	ck_assert_int_eq(vmm_spawn_words_add(&words, "%s", text), -E2BIG);
	text[VMM_SPAWN_WORDS_MAX - 1] = '\0';
	ck_assert_int_eq(vmm_spawn_words_add(&words, "%s", text), 0);
	ck_assert_int_eq(vmm_spawn_words_add(&words, "%s", ""), -E2BIG);
	ck_assert_uint_eq(words.len, VMM_SPAWN_WORDS_MAX);
}
END_TEST

START_TEST(words_without_an_end_are_not_valid)
{
	add("--a");
	words.text[words.len - 1] = 'x';
	ck_assert(!vmm_spawn_words_are_valid(&words));
	words.len = VMM_SPAWN_WORDS_MAX + 1;
	ck_assert(!vmm_spawn_words_are_valid(&words));
}
END_TEST

START_TEST(too_many_words_are_not_valid)
{
	unsigned int i;

	for (i = 0; i <= VMM_SPAWN_MAX_WORDS; i++) {
		ck_assert_int_eq(vmm_spawn_words_are_valid(&words), 1);
		add("-");
	}
	ck_assert(!vmm_spawn_words_are_valid(&words));
}
END_TEST

START_TEST(options_of_the_device_are_permitted)
{
	ck_assert_int_eq(check_one(devkind_blk(), "--blk-file=/a"), 0);
	ck_assert_int_eq(check_one(devkind_blk(), "--read-only"), 0);
	ck_assert_int_eq(check_one(devkind_blk(), "--num-queues=2"), 0);
	ck_assert_int_eq(check_one(devkind_net(), "--tap=t0"), 0);
}
END_TEST

/* They would weaken the daemon's own sandbox, or reach files by other means. */
START_TEST(options_of_the_daemon_are_refused)
{
	static const char *const refused[] = {
		"--seccomp=off", "--user=root", "--fd=3", "--socket-path=/x", "--metrics=/x",
		"--log-level=debug", "--sandbox=none", "--recover=/etc/passwd",
		"--socket-mode=0777", "--blk", "blk-file=/a", "-h", "", "/a", "--",
		"--num-queues", "--blk-filex=1",
	};
	size_t i;

	for_rows(i, sizeof(refused) / sizeof(*refused)) {
		ck_assert_int_eq(check_one(devkind_blk(), refused[i]), -EPERM);
		ck_assert_ptr_nonnull(strstr(err.msg, "is not an option of a device"));
	}
	ck_assert_int_eq(check_one(devkind_fs(), "--sandbox=none"), -EPERM);
}
END_TEST

START_TEST(kinds_without_a_daemon_are_refused)
{
	words.len = 0;
	ck_assert_int_eq(vmm_starter_check(&setup, devkind_balloon(), &words, 0,
					   &err), -EPERM);
	ck_assert_int_eq(vmm_starter_check(&setup, devkind_rng(), &words, 0, &err), 0);
}
END_TEST

START_TEST(a_locked_starter_opens_no_other_files)
{
	list_one(devkind_blk(), "--blk-file=/a");
	setup.locked = true;
	ck_assert_int_eq(check_one(devkind_blk(), "--blk-file=/a"), 0);
	ck_assert_int_eq(check_one(devkind_blk(), "--blk-file=/b"), -EPERM);
	ck_assert_ptr_nonnull(strstr(err.msg, "--sandbox=on"));
	ck_assert_int_eq(check_one(devkind_blk(), "--blk-file=/a/../b"), -EPERM);
	ck_assert_int_eq(check_one(devkind_fs(), "--shared-dir=/a"), -EPERM);
	ck_assert_int_eq(check_one(devkind_net(), "--tap=t0"), -EPERM);
	ck_assert_int_eq(check_one(devkind_console(), "--pty"), -EPERM);
	ck_assert_int_eq(check_one(devkind_rng(), "--rate=5"), 0);
	ck_assert_int_eq(check_one(devkind_vsock(), "--uds-path=/a"), -EPERM);
}
END_TEST

START_TEST(replacement_of_a_listed_daemon_has_one_more_option)
{
	list_one(devkind_blk(), "--blk-file=disk");
	setup.locked = true;
	add("--format=raw");
	ck_assert_int_eq(vmm_starter_check(&setup, devkind_blk(), &words, 0, &err), 0);
	add("--format=raw");
	ck_assert_int_eq(vmm_starter_check(&setup, devkind_blk(), &words, 0, &err), -EPERM);
}
END_TEST

START_TEST(a_listed_command_with_more_words_is_another)
{
	list_one(devkind_blk(), "--blk-file=/a");
	setup.locked = true;
	words.len = 0;
	add("--blk-file=/a");
	ck_assert_int_eq(vmm_starter_check(&setup, devkind_blk(), &words, 0, &err), 0);
	ck_assert_int_eq(vmm_starter_check(&setup, devkind_fs(), &words, 0, &err), -EPERM);
	add("--overlay=/c");
	ck_assert_int_eq(vmm_starter_check(&setup, devkind_blk(), &words, 0, &err), -EPERM);
}
END_TEST

START_TEST(inherited_descriptors_are_for_listed_commands)
{
	ck_assert_int_eq(check_one(devkind_net(), "--net-fd=5"), -EPERM);
	ck_assert_ptr_nonnull(strstr(err.msg, "its options refer to 1"));
	ck_assert_int_eq(check_one(devkind_console(), "--console-fd=5"), -EPERM);
	ck_assert_int_eq(check_one(devkind_console(), "--port=a:fd:5"), -EPERM);
	ck_assert_int_eq(check_one(devkind_blk(), "--blk-file=fd:5"), -EPERM);
	list_one(devkind_net(), "--net-fd=5");
	ck_assert_int_eq(check_one(devkind_net(), "--net-fd=5"), 0);
}
END_TEST

START_TEST(passed_descriptors_are_counted)
{
	setup.locked = true;
	npassed = 1;
	ck_assert_int_eq(check_one(devkind_net(), "--net-fd=5"), 0);
	ck_assert_int_eq(check_one(devkind_blk(), "--blk-file=fd:5:/etc/shadow"), 0);
	ck_assert_int_eq(check_one(devkind_blk(), "--read-only"), -EPERM);
	npassed = 2;
	ck_assert_int_eq(check_one(devkind_net(), "--net-fd=5"), -EPERM);
}
END_TEST

/* Each of these is a name for the daemon. */
START_TEST(names_that_look_like_descriptors_stay_names)
{
	static const struct {
		const struct devkind *(*kind)(void);
		const char *word;
	} names[] = {
		{ devkind_console, "--port=a:socket:/x:fd:5" },
		{ devkind_console, "--console-socket=fd:5" },
		{ devkind_vsock, "--uds-path=/a:fd:5" },
		{ devkind_vsock, "--uds-path=fd:5" },
		{ devkind_fs, "--shared-dir=fd:5" },
		{ devkind_blk, "--blk-file=./fd:5" },
		{ devkind_blk, "--overlay=/fd:5" },
		{ devkind_blk, "--blk-file=fd:x" },
		{ devkind_blk, "--blk-file=fd:" },
		{ devkind_blk, "--blk-file=fd:99999999999999" },
	};
	size_t i;

	setup.locked = true;
	for_rows(i, COUNT(names)) {
		ck_assert_int_eq(vmm_spawn_fd_of(names[i].kind(), names[i].word, NULL), -1);
		ck_assert_int_eq(check_one(names[i].kind(), names[i].word), -EPERM);
	}
}
END_TEST

START_TEST(descriptors_are_recognised)
{
	const char *digits;

	ck_assert_int_eq(vmm_spawn_fd_of(devkind_net(), "--net-fd=5", &digits), 5);
	ck_assert_str_eq(digits, "5");
	ck_assert_int_eq(vmm_spawn_fd_of(devkind_console(), "--console-fd=6", NULL), 6);
	ck_assert_int_eq(vmm_spawn_fd_of(devkind_console(), "--port=a:fd:7", NULL), 7);
	ck_assert_int_eq(vmm_spawn_fd_of(devkind_blk(), "--blk-file=fd:8:a:b", &digits), 8);
	ck_assert_str_eq(digits, "8:a:b");
	ck_assert_int_eq(vmm_spawn_fd_of(devkind_net(), "--mtu=1500", NULL), -1);
	ck_assert_int_eq(vmm_spawn_fd_of(devkind_net(), "--num-queues=3", NULL), -1);
}
END_TEST

/* ------------------------------------------------------------- a compromised cvmm */

/* A request without words of a kind that does not exist. */
static void send_malformed(int sock, int connection, int log)
{
	static struct vmm_starter_request request = { .kind = 1000 };
	const struct iovec iov = { &request, offsetof(struct vmm_starter_request, words.text) };
	const int fds[VMM_STARTER_FDS] = { connection, log };

	ck_assert_int_eq(vsu_sock_send(sock, &iov, 1, fds, VMM_STARTER_FDS), (ssize_t)iov.iov_len);
}

static void fill(int fd)
{
	static const char bytes[4096];

	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

/* Its log is a socket of another process, which does not read. */
START_TEST(e0_05_starter_does_not_wait_for_a_foreign_log)
{
	int requests[2], socket[2], log[2], status;
	struct pollfd answer = { .events = POLLIN };
	pid_t starter;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, requests), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, socket), 0);
	ck_assert_int_eq(pipe(log), 0);
	fill(socket[0]);
	starter = fork();
	if (!starter)
		vmm_starter_run(&setup, requests[1]);
	send_malformed(requests[0], STDIN_FILENO, socket[0]);
	send_malformed(requests[0], STDIN_FILENO, log[1]);
	answer.fd = log[0];
	ck_assert_int_eq(poll(&answer, 1, 30000), 1);
	close(requests[0]);
	close(requests[1]);
	ck_assert_int_eq(waitpid(starter, &status, 0), starter);
	ck_assert(WIFEXITED(status));
}
END_TEST

/* The daemon has the connection when the starter closes its descriptor. */
START_TEST(connection_outlives_the_descriptor_of_the_starter)
{
	int requests[2], connection[2], log[2];
	char text[8];
	pid_t starter;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, requests), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, connection), 0);
	ck_assert_int_eq(pipe(log), 0);
	starter = fork();
	if (!starter)
		vmm_starter_run(&setup, requests[1]);
	ck_assert_int_eq(send(connection[0], "x", 1, MSG_NOSIGNAL), 1);	/* cvmm's first message */
	send_malformed(requests[0], connection[1], log[1]);
	close(requests[0]);
	close(requests[1]);
	ck_assert_int_eq(waitpid(starter, NULL, 0), starter);
	ck_assert_int_eq(recv(connection[1], text, sizeof(text), MSG_DONTWAIT), 1);
	ck_assert_int_eq(send(connection[0], "x", 1, MSG_NOSIGNAL), 1);
}
END_TEST

/* As if the limit of processes were reached. */
static void forbid_processes(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fork, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAGAIN),
	};
	const struct sock_fprog filter = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
		_exit(98);
}

static void send_request(int sock, const struct devkind *kind, int connection, int log)
{
	static struct vmm_starter_request request;
	const struct iovec iov = { &request, offsetof(struct vmm_starter_request, words.text) + words.len };
	const int fds[VMM_STARTER_FDS] = { connection, log };

	while (devkind_get(request.kind) != kind)
		request.kind++;
	request.words = words;
	ck_assert_int_eq(vsu_sock_send(sock, &iov, 1, fds, VMM_STARTER_FDS), (ssize_t)iov.iov_len);
}

START_TEST(process_that_cannot_be_started_is_reported)
{
	int requests[2], connection[2], log[2];
	char text[256] = "";
	pid_t starter;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, requests), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, connection), 0);
	ck_assert_int_eq(pipe(log), 0);
	starter = fork();
	if (!starter) {
		forbid_processes();
		vmm_starter_run(&setup, requests[1]);
	}
	add("--rate=5");
	send_request(requests[0], devkind_rng(), connection[1], log[1]);
	close(requests[0]);
	close(requests[1]);
	close(log[1]);
	ck_assert_int_eq(waitpid(starter, NULL, 0), starter);
	ck_assert_int_gt(read(log[0], text, sizeof(text) - 1), 0);
	ck_assert_msg(strstr(text, "cannot start a process: Resource temporarily unavailable"), "%s", text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("starter");
	TCase *tcase = tcase_create("starter");

	tcase_add_test(tcase, words_are_found_in_order);
	tcase_add_test(tcase, words_that_do_not_fit_are_refused);
	tcase_add_test(tcase, words_without_an_end_are_not_valid);
	tcase_add_test(tcase, too_many_words_are_not_valid);
	tcase_add_test(tcase, options_of_the_device_are_permitted);
	tcase_add_test(tcase, options_of_the_daemon_are_refused);
	tcase_add_test(tcase, kinds_without_a_daemon_are_refused);
	tcase_add_test(tcase, a_locked_starter_opens_no_other_files);
	tcase_add_test(tcase, replacement_of_a_listed_daemon_has_one_more_option);
	tcase_add_test(tcase, a_listed_command_with_more_words_is_another);
	tcase_add_test(tcase, inherited_descriptors_are_for_listed_commands);
	tcase_add_test(tcase, passed_descriptors_are_counted);
	tcase_add_test(tcase, names_that_look_like_descriptors_stay_names);
	tcase_add_test(tcase, descriptors_are_recognised);
	tcase_add_test(tcase, connection_outlives_the_descriptor_of_the_starter);
	tcase_add_test(tcase, e0_05_starter_does_not_wait_for_a_foreign_log);
	tcase_add_test(tcase, process_that_cannot_be_started_is_reported);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
