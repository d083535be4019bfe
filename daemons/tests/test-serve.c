/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a daemon that serves: its signals, sessions, threads and ends, as a
 * front-end observes them.
 */
#define _GNU_SOURCE
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vhost/protocol.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../../tests/support/suite.h"
#include "../../tests/support/tree.h"
#include "daemon.h"

#define WORDS 8
#define MIB (UINT64_C(1) << 20)

static const struct daemon rng = { .name = "test-rng", .kind = devkind_rng };
static const struct daemon blk = { .name = "test-blk", .kind = devkind_blk, .grows = true };
static const struct daemon fs = { .name = "test-fs", .kind = devkind_fs, .shares_folder = true };

static char folder[64], path[96], option[128], image[128], shared[128], metrics[128], said[16384];
static pid_t child;
static int output = -1;		/* its standard error, a file */
static int ours = -1;		/* a connection that it does not inherit */

static void setup(void)
{
	int fd;

	strcpy(folder, "/tmp/cvmm.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/s", folder);
	snprintf(option, sizeof(option), "--socket-path=%s", path);
	snprintf(image, sizeof(image), "--blk-file=%s/image", folder);
	snprintf(shared, sizeof(shared), "--shared-dir=%s", folder);
	snprintf(metrics, sizeof(metrics), "--metrics=%s/m", folder);
	fd = open(strchr(image, '/'), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(ftruncate(fd, (off_t)MIB), 0);
	vsu_fd_close(&fd);
	output = memfd_create("output", MFD_CLOEXEC);
	child = 0;
	signal(SIGPIPE, SIG_IGN);
}

static void teardown(void)
{
	if (child)
		kill(child, SIGKILL);
	vsu_fd_close(&output);
	tree_remove(folder);
}

/* Starts the daemon; it inherits the test's descriptors. */
static void start(const struct daemon *daemon, const char *const *words)
{
	char *argv[WORDS + 2] = { (char *)(uintptr_t)daemon->name };
	int argc;

	for (argc = 1; argc <= WORDS && words[argc - 1]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
	child = fork();
	if (child)
		return;
	dup2(output, STDERR_FILENO);
	vsu_fd_close(&ours);
	exit(daemon_main(daemon, argc, argv));
}

static const char *log_text(void)
{
	const ssize_t n = pread(output, said, sizeof(said) - 1, 0);

	said[n > 0 ? n : 0] = '\0';
	return said;
}

static bool has_ended(void)
{
	siginfo_t info = { .si_pid = 0 };

	return !child || (waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
			  info.si_pid == child);
}

/* Waits until the daemon has logged it. */
static void await(const char *text)
{
	while (!strstr(log_text(), text)) {
		ck_assert_msg(!has_ended() || strstr(log_text(), text), "no '%s' in: %s", text, said);
		poll(NULL, 0, 1);
	}
}

/* A front-end, as soon as the daemon listens. */
static int connected(void)
{
	struct vsu_error err;
	int fd;

	while ((fd = vsu_sock_connect(path, &err)) < 0) {
		ck_assert_msg(!has_ended(), "it ended: %s", log_text());
		poll(NULL, 0, 1);
	}
	fcntl(fd, F_SETFL, 0);
	return fd;
}

static int end_status(void)
{
	int status;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	child = 0;
	ck_assert_msg(WIFEXITED(status), "status %#x: %s", status, log_text());
	return WEXITSTATUS(status);
}

static int end_by(int number)
{
	ck_assert_int_eq(kill(child, number), 0);
	return end_status();
}

/* ------------------------------------------------------------------ the front-end */

static void put(int fd, uint32_t request, const void *payload, uint32_t size)
{
	const struct vhost_user_header h = { .request = request, .flags = 1, .size = size };

	(void)!write(fd, &h, sizeof(h));
	(void)!write(fd, payload, size);
}

/* The reply's payload; false: the connection has ended. */
static bool ask(int fd, uint32_t request, const void *payload, uint32_t size,
		void *reply, uint32_t reply_size)
{
	struct vhost_user_header h;

	put(fd, request, payload, size);
	if (recv(fd, &h, sizeof(h), MSG_WAITALL) != sizeof(h))
		return false;
	ck_assert_uint_eq(h.request, request);
	ck_assert_uint_eq(h.size, reply_size);
	return recv(fd, reply, reply_size, MSG_WAITALL) == (ssize_t)reply_size;
}

static bool is_served(int fd)
{
	uint64_t features;

	return ask(fd, VHOST_USER_GET_FEATURES, NULL, 0, &features, sizeof(features));
}

static void select_config(int fd)
{
	const uint64_t protocol = UINT64_C(1) << VHOST_USER_PROTOCOL_F_CONFIG;
	uint64_t features;

	ck_assert(ask(fd, VHOST_USER_GET_FEATURES, NULL, 0, &features, sizeof(features)));
	put(fd, VHOST_USER_SET_FEATURES, &features, sizeof(features));
	put(fd, VHOST_USER_SET_PROTOCOL_FEATURES, &protocol, sizeof(protocol));
}

/* The capacity of the disk, in bytes. */
static uint64_t capacity(int fd)
{
	struct { uint32_t offset, size, flags; uint8_t bytes[8]; } __attribute__((packed)) c = { .size = 8 };
	uint64_t sectors;

	ck_assert(ask(fd, VHOST_USER_GET_CONFIG, &c, sizeof(c), &c, sizeof(c)));
	memcpy(&sectors, c.bytes, sizeof(sectors));
	return sectors * 512;
}

/* ----------------------------------------------------------------------- its life */

static const int ending[] = { SIGTERM, SIGINT, SIGHUP };

START_TEST(signal_ends_it_with_0_and_removes_its_sockets)
{
	const char *const words[WORDS] = { option, metrics, "--seccomp=off" };
	int fd;

	start(&rng, words);
	fd = connected();
	ck_assert(is_served(fd));
	ck_assert_int_eq(access(strchr(metrics, '/'), F_OK), 0);
	ck_assert_int_eq(end_by(ending[_i]), VSU_EXIT_OK);
	ck_assert(!is_served(fd));
	ck_assert_int_lt(access(path, F_OK), 0);
	ck_assert_int_lt(access(strchr(metrics, '/'), F_OK), 0);
	ck_assert_str_eq(log_text(), "");
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(signals_that_the_parent_has_blocked_end_it)
{
	const char *const words[WORDS] = { option, "--seccomp=off" };
	sigset_t all;
	int fd;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	start(&rng, words);
	fd = connected();
	ck_assert_int_eq(end_by(SIGTERM), VSU_EXIT_OK);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(session_after_session_is_served_and_its_end_logged)
{
	const char *const words[WORDS] = { option, "--verbose", "--seccomp=off" };
	static const uint32_t nonsense[2] = { 1, 2 };
	int fd;

	start(&rng, words);
	fd = connected();
	ck_assert(is_served(fd));
	vsu_fd_close(&fd);
	await("session ended: ");
	fd = connected();
	put(fd, VHOST_USER_SET_FEATURES, nonsense, 4);
	await("SET_FEATURES");
	vsu_fd_close(&fd);
	fd = connected();
	ck_assert(is_served(fd));
	ck_assert_int_eq(end_by(SIGTERM), VSU_EXIT_OK);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(end_of_a_session_is_no_warning)
{
	const char *const words[WORDS] = { option, "--seccomp=off" };
	int fd;

	start(&rng, words);
	fd = connected();
	ck_assert(is_served(fd));
	vsu_fd_close(&fd);
	fd = connected();
	ck_assert(is_served(fd));
	ck_assert_int_eq(end_by(SIGTERM), VSU_EXIT_OK);
	ck_assert_str_eq(log_text(), "");
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(inherited_connection_ends_it_with_0)
{
	char word[16];
	const char *const words[WORDS] = { word, "--seccomp=off" };
	int pair[2];

	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	ours = pair[0];
	snprintf(word, sizeof(word), "--fd=%d", pair[1]);
	start(&rng, words);
	vsu_fd_close(&pair[1]);
	fcntl(ours, F_SETFL, 0);
	ck_assert(is_served(ours));
	vsu_fd_close(&ours);
	ck_assert_int_eq(end_status(), VSU_EXIT_OK);
}
END_TEST

START_TEST(disk_that_grew_is_offered_at_a_signal)
{
	const char *const words[WORDS] = { option, image, "--seccomp=off" };
	int fd;

	start(&blk, words);
	fd = connected();
	select_config(fd);
	ck_assert_uint_eq(capacity(fd), MIB);
	ck_assert_int_eq(truncate(strchr(image, '/'), 3 * MIB), 0);
	ck_assert_uint_eq(capacity(fd), MIB);
	ck_assert_int_eq(kill(child, SIGUSR1), 0);
	while (capacity(fd) != 3 * MIB)
		poll(NULL, 0, 1);
	ck_assert_int_eq(truncate(strchr(image, '/'), MIB), 0);
	ck_assert_int_eq(kill(child, SIGUSR1), 0);
	await("SIGUSR1: ");
	ck_assert_uint_eq(capacity(fd), 3 * MIB);
	ck_assert_int_eq(end_by(SIGTERM), VSU_EXIT_OK);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(device_that_does_not_grow_ignores_the_signal)
{
	const char *const words[WORDS] = { option, "--seccomp=off" };
	int fd;

	start(&rng, words);
	fd = connected();
	ck_assert_int_eq(kill(child, SIGUSR1), 0);
	ck_assert(is_served(fd));
	ck_assert_int_eq(end_by(SIGTERM), VSU_EXIT_OK);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(folder_is_served_by_threads_which_end_with_it)
{
	const char *const words[WORDS] = { option, shared, "--tag=t", "--sandbox=none",
					   "--thread-pool-size=3", "--num-queues=2", "--seccomp=off" };
	int fd;

	start(&fs, words);
	fd = connected();
	ck_assert(is_served(fd));
	ck_assert_int_eq(end_by(SIGTERM), VSU_EXIT_OK);
	ck_assert_int_lt(access(path, F_OK), 0);
	ck_assert_str_eq(log_text(), "");
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(iommu_and_post_copy_are_offered_if_permitted)
{
	const char *const words[2][WORDS] = {
		{ option, "--seccomp=off" },
		{ option, "--iommu-platform", "--allow-postcopy", "--seccomp=off" },
	};
	uint64_t features, protocol;
	int fd;

	start(&rng, words[_i]);
	fd = connected();
	ck_assert(ask(fd, VHOST_USER_GET_FEATURES, NULL, 0, &features, sizeof(features)));
	ck_assert(ask(fd, VHOST_USER_GET_PROTOCOL_FEATURES, NULL, 0, &protocol, sizeof(protocol)));
	ck_assert_int_eq(features >> 33 & 1, (unsigned int)_i);
	ck_assert_int_eq(protocol >> VHOST_USER_PROTOCOL_F_PAGEFAULT & 1, (unsigned int)_i);
	ck_assert_int_eq(end_by(SIGTERM), VSU_EXIT_OK);
	vsu_fd_close(&fd);
}
END_TEST

static const struct {
	const char *words[WORDS];
	int status;
	const char *complaint;
} failing[] = {
	{ { option, "--user=nobody-of-this-name" }, VSU_EXIT_DATA, "--user: this host has no user" },
	{ { option, "--metrics=/nowhere/m" }, VSU_EXIT_HOST, "--metrics: " },
	{ { "--socket-path=/nowhere/s" }, VSU_EXIT_HOST, "--socket-path: " },
	{ { "--fd=900" }, VSU_EXIT_DATA, "--fd: descriptor 900 is not open" },
};

START_TEST(start_that_fails_names_its_option_and_leaves_no_socket)
{
	start(&rng, failing[_i].words);
	ck_assert_int_eq(end_status(), failing[_i].status);
	ck_assert_msg(strstr(log_text(), failing[_i].complaint), "%s", said);
	ck_assert_int_lt(access(path, F_OK), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("serve");
	TCase *tc = tcase_create("serve");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, signal_ends_it_with_0_and_removes_its_sockets, 0, 3);
	tcase_add_test(tc, signals_that_the_parent_has_blocked_end_it);
	tcase_add_test(tc, session_after_session_is_served_and_its_end_logged);
	tcase_add_test(tc, end_of_a_session_is_no_warning);
	tcase_add_test(tc, inherited_connection_ends_it_with_0);
	tcase_add_test(tc, disk_that_grew_is_offered_at_a_signal);
	tcase_add_test(tc, device_that_does_not_grow_ignores_the_signal);
	tcase_add_test(tc, folder_is_served_by_threads_which_end_with_it);
	tcase_add_loop_test(tc, iommu_and_post_copy_are_offered_if_permitted, 0, 2);
	tcase_add_loop_test(tc, start_that_fails_names_its_option_and_leaves_no_socket, 0,
			    (int)(sizeof(failing) / sizeof(failing[0])));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
