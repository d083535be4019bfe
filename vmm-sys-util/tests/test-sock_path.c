/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about sockets as files: nothing stolen, every refusal explained. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <vmm-sys-util/sock.h>

#include "util.h"

#define LONGEST 107	/* bytes of a path in a socket address */

static struct vsu_error err;

static int must_listen(const char *path)
{
	int fd = vsu_sock_listen(path, 1, &err);

	ck_assert_msg(fd >= 0, "%s", err.msg);
	return fd;
}

/* A socket file without an open socket. */
static void leave_stale(const char *path)
{
	int fd = must_listen(path);

	vsu_fd_close(&fd);
	ck_assert_int_eq(access(path, F_OK), 0);
}

static void make_file(const char *path)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	vsu_fd_close(&fd);
}

static ino_t inode_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(lstat(path, &st), 0);
	return st.st_ino;
}

static bool has_word(const char *word)
{
	return strstr(err.msg, word);
}

START_TEST(clients_connect_and_are_accepted)
{
	int listener = must_listen("s");
	int client = vsu_sock_connect("s", &err);
	int server = vsu_sock_accept(listener);

	ck_assert_int_ge(client, 0);
	ck_assert_int_ge(server, 0);
	ck_assert_int_eq(vsu_sock_accept(listener), -EAGAIN);
	ck_assert_int_eq(write(client, "x", 1), 1);
	ck_assert_int_eq(fcntl(server, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_assert_int_eq(fcntl(client, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_assert_int_eq(fcntl(server, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(client, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(listener, F_GETFD), FD_CLOEXEC);
	vsu_fd_close(&server);
	vsu_fd_close(&client);
	vsu_fd_close(&listener);
}
END_TEST

START_TEST(stale_socket_is_replaced)
{
	int listener, client;

	leave_stale("s");
	listener = must_listen("s");
	client = vsu_sock_connect("s", &err);
	ck_assert_int_ge(client, 0);
	vsu_fd_close(&client);
	vsu_fd_close(&listener);
}
END_TEST

START_TEST(live_server_is_refused_and_notices_nothing)
{
	int listener = must_listen("s");

	ck_assert_int_eq(vsu_sock_listen("s", 1, &err), -EADDRINUSE);
	ck_assert_str_eq(err.msg, "'s' is in use by a server that listens there; stop it or choose another path");
	ck_assert_int_eq(vsu_sock_accept(listener), -EAGAIN);
	ck_assert_int_eq(access("s", F_OK), 0);
	vsu_fd_close(&listener);
}
END_TEST

static const int other_types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

START_TEST(socket_that_is_bound_but_does_not_listen_is_live)
{
	struct sockaddr_un addr = { AF_UNIX, "s" };
	int fd = socket(AF_UNIX, other_types[_i] | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(vsu_sock_listen("s", 1, &err), -EADDRINUSE);
	ck_assert_int_eq(access("s", F_OK), 0);
	vsu_fd_close(&fd);
}
END_TEST

static const int kinds[] = { SOCK_STREAM, SOCK_SEQPACKET };

START_TEST(socket_of_another_type_is_refused_by_name)
{
	const int type = kinds[_i], other = kinds[!_i];
	int listener = vsu_sock_listen_type("s", type, 1, &err), got = -1, fd;
	socklen_t len = sizeof(got);

	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(vsu_sock_listen_type("s", other, 1, &err),
			 -EADDRINUSE);
	ck_assert_int_eq(vsu_sock_connect_type("s", other, &err), -EPROTOTYPE);
	ck_assert(strstr(err.msg, "'s' is of another type"));
	fd = vsu_sock_connect_type("s", type, &err);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_TYPE, &got, &len), 0);
	ck_assert_int_eq(got, type);
	vsu_fd_close(&fd);
	vsu_fd_close(&listener);
}
END_TEST

static void make_directory(const char *path)
{
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void make_fifo(const char *path)
{
	ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static void make_link_to_nothing(const char *path)
{
	ck_assert_int_eq(symlink("nowhere", path), 0);
}

static void make_link_to_stale_socket(const char *path)
{
	leave_stale("target");
	ck_assert_int_eq(symlink("target", path), 0);
}

static const struct {
	void (*make)(const char *path);
	const char *word;
} obstacles[] = {
	{ make_file, "not a socket" },
	{ make_directory, "not a socket" },
	{ make_fifo, "not a socket" },
	{ make_link_to_nothing, "symbolic link" },
	{ make_link_to_stale_socket, "symbolic link" },
};

START_TEST(file_that_is_not_a_socket_is_never_removed)
{
	ino_t before;

	obstacles[_i].make("s");
	before = inode_of("s");
	ck_assert_int_eq(vsu_sock_listen("s", 1, &err), -ENOTSOCK);
	ck_assert_msg(has_word(obstacles[_i].word), "%s", err.msg);
	ck_assert_msg(has_word("choose another path"), "%s", err.msg);
	ck_assert_uint_eq(inode_of("s"), before);
}
END_TEST

START_TEST(d1_17_path_may_have_107_bytes_and_no_more)
{
	char path[LONGEST + 2];
	int fd;

	memset(path, 'p', sizeof(path));
	path[LONGEST + 1] = '\0';
	ck_assert_int_eq(vsu_sock_listen(path, 1, &err), -ENAMETOOLONG);
	ck_assert_uint_eq(err.got, LONGEST + 1);
	ck_assert_uint_eq(err.limit, LONGEST);
	ck_assert(has_word("has 108 bytes, at most 107 fit; use a shorter one"));
	ck_assert_int_eq(vsu_sock_connect(path, &err), -ENAMETOOLONG);
	path[LONGEST] = '\0';
	fd = must_listen(path);
	ck_assert_int_eq(access(path, F_OK), 0);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(empty_path_is_refused)
{
	ck_assert_int_eq(vsu_sock_listen("", 1, &err), -EINVAL);
	ck_assert_int_eq(vsu_sock_connect("", &err), -EINVAL);
	ck_assert_str_eq(err.msg, "the socket path is empty");
}
END_TEST

START_TEST(missing_directory_is_named)
{
	ck_assert_int_eq(vsu_sock_listen("none/s", 1, &err), -ENOENT);
	ck_assert_str_eq(err.msg, "cannot open directory 'none' for the socket 'none/s': No such file or directory");
	make_file("file");
	ck_assert_int_eq(vsu_sock_listen("file/s", 1, &err), -ENOTDIR);
}
END_TEST

START_TEST(directory_of_every_form_of_path_is_found)
{
	char path[LONGEST + 1];
	int fd;

	make_directory("d");
	fd = must_listen("d/s");
	vsu_fd_close(&fd);
	fd = must_listen("./d//t");
	vsu_fd_close(&fd);
	ck_assert_int_lt(snprintf(path, sizeof(path), "%s/u", util_dir),
			 LONGEST);
	fd = must_listen(path);
	vsu_fd_close(&fd);
	ck_assert_int_eq(vsu_sock_listen("/", 1, &err), -ENOTSOCK);
	unlink("d/s");
	unlink("d/t");
}
END_TEST

static mode_t mode_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(lstat(path, &st), 0);
	return st.st_mode & 0777;
}

START_TEST(only_the_owner_may_connect_under_any_umask)
{
	static const mode_t masks[] = { 0, 002, 0117 };
	int fd;

	umask(masks[_i]);
	fd = must_listen("s");
	ck_assert_uint_eq(mode_of("s"), 0600);
	ck_assert_uint_eq(umask(022), masks[_i]);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(socket_is_shared_by_mode_and_group)
{
	struct vsu_sock_access access = { 0660, getegid() };
	int fd = must_listen("s");

	umask(077);
	ck_assert_msg(vsu_sock_share("s", &access, &err) == 0, "%s", err.msg);
	ck_assert_uint_eq(mode_of("s"), 0660);
	access = (struct vsu_sock_access){ 0606, UINT32_MAX };
	ck_assert_int_eq(vsu_sock_share("s", &access, &err), 0);
	ck_assert_uint_eq(mode_of("s"), 0606);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(only_sockets_get_mode_and_group)
{
	const struct vsu_sock_access all = { 0777, UINT32_MAX };
	const struct vsu_sock_access more = { 01777, UINT32_MAX };
	int fd = must_listen("s");

	make_file("file");
	ck_assert_int_eq(symlink("s", "link"), 0);
	ck_assert_int_eq(vsu_sock_share("file", &all, &err), -ENOTSOCK);
	ck_assert_int_eq(vsu_sock_share("link", &all, &err), -ENOTSOCK);
	ck_assert_int_eq(vsu_sock_share("none", &all, &err), -ENOENT);
	ck_assert_int_eq(vsu_sock_share("s", &more, &err), -EINVAL);
	ck_assert_uint_eq(mode_of("s"), 0600);
	ck_assert_uint_eq(mode_of("file"), 0600);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(d1_21_lock_held_by_another_program_does_not_block)
{
	int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;

	ck_assert_int_eq(flock(dir, LOCK_EX), 0);
	fd = must_listen("s");
	vsu_fd_close(&fd);
	vsu_fd_close(&dir);
}
END_TEST

#define RACERS 8

/*
 * Starts together with the other processes, reports its result, and remains until all have
 * one.
 */
static int race(int start, int report, int hold)
{
	char byte, result;
	int fd;

	ck_assert_int_eq(read(start, &byte, 1), 0);
	fd = vsu_sock_listen("s", 1, NULL);
	result = fd >= 0 ? 'w' : fd == -EADDRINUSE ? 'l' : '?';
	ck_assert_int_eq(write(report, &result, 1), 1);
	ck_assert_int_eq(read(hold, &byte, 1), 0);
	return 0;
}

START_TEST(one_of_many_listeners_wins_a_stale_path)
{
	int start[2], report[2], hold[2], i;
	char results[RACERS + 1] = "";

	leave_stale("s");
	ck_assert_int_eq(pipe2(start, O_CLOEXEC) | pipe2(report, O_CLOEXEC) |
			 pipe2(hold, O_CLOEXEC), 0);
	for (i = 0; i < RACERS; i++) {
		if (!fork()) {
			close(start[1]);
			close(hold[1]);
			_exit(race(start[0], report[1], hold[0]));
		}
	}
	vsu_fd_close(&start[1]);
	ck_assert_int_eq(vsu_fd_read_full(report[0], results, RACERS), RACERS);
	vsu_fd_close(&hold[1]);
	while (wait(NULL) > 0)
		;
	ck_assert_int_eq(strspn(results, "wl"), RACERS);
	ck_assert_ptr_nonnull(strchr(results, 'w'));
	ck_assert_ptr_eq(strchr(results, 'w'), strrchr(results, 'w'));
	vsu_fd_close(&start[0]);
	vsu_fd_close(&report[0]);
	vsu_fd_close(&report[1]);
	vsu_fd_close(&hold[0]);
}
END_TEST

START_TEST(listener_removes_its_own_file)
{
	struct vsu_sock_path where;
	int fd = must_listen("s");

	ck_assert_int_eq(vsu_sock_path_of(fd, &where), 0);
	ck_assert_str_eq(where.path, "s");
	vsu_fd_close(&fd);
	vsu_sock_unlink(&where);
	ck_assert_int_eq(access("s", F_OK), -1);
	vsu_sock_unlink(&where);
}
END_TEST

START_TEST(successor_of_a_socket_file_is_not_removed)
{
	struct vsu_sock_path where;
	int first = must_listen("s"), second;

	ck_assert_int_eq(vsu_sock_path_of(first, &where), 0);
	/* the first one's inode stays in use, so the second has its own */
	ck_assert_int_eq(rename("s", "kept"), 0);
	second = must_listen("s");
	vsu_sock_unlink(&where);
	ck_assert_int_eq(access("s", F_OK), 0);
	unlink("s");
	make_file("s");
	vsu_sock_unlink(&where);
	ck_assert_int_eq(access("s", F_OK), 0);
	vsu_fd_close(&second);
	vsu_fd_close(&first);
}
END_TEST

START_TEST(path_of_maximum_length_is_returned)
{
	char path[LONGEST + 1];
	struct vsu_sock_path where;
	int fd;

	memset(path, 'p', LONGEST);
	path[LONGEST] = '\0';
	fd = must_listen(path);
	ck_assert_int_eq(vsu_sock_path_of(fd, &where), 0);
	ck_assert_str_eq(where.path, path);
	vsu_fd_close(&fd);
	vsu_sock_unlink(&where);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(descriptor_without_a_file_has_no_path)
{
	struct vsu_sock_path where = { "kept", 1, 2 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(vsu_sock_path_of(fd, &where), -EINVAL);
	ck_assert_int_eq(vsu_sock_path_of(tcp, &where), -EINVAL);
	ck_assert_int_eq(vsu_sock_path_of(-1, &where), -EBADF);
	vsu_fd_close(&fd);
	vsu_fd_close(&tcp);
	fd = must_listen("s");
	unlink("s");
	ck_assert_int_eq(vsu_sock_path_of(fd, &where), -ENOENT);
	make_file("s");
	ck_assert_int_eq(vsu_sock_path_of(fd, &where), -ENOTSOCK);
	ck_assert_str_eq(where.path, "kept");
	vsu_fd_close(&fd);
}
END_TEST

static void make_nothing(const char *path)
{
	(void)path;
}

static const struct {
	void (*make)(const char *path);
	int rc;
	const char *msg;
} dead_ends[] = {
	{ make_nothing, -ENOENT,
	  "there is no socket at 's'; start the server first, or correct the path" },
	{ leave_stale, -ECONNREFUSED,
	  "no server listens at 's'; start it again" },
	{ make_file, -ENOTSOCK,
	  "'s' is not a socket; give the path that the server listens at" },
	{ make_directory, -ENOTSOCK,
	  "'s' is not a socket; give the path that the server listens at" },
	{ make_link_to_stale_socket, -ECONNREFUSED,
	  "no server listens at 's'; start it again" },
};

START_TEST(connect_explains_a_path_without_a_listener)
{
	dead_ends[_i].make("s");
	ck_assert_int_eq(vsu_sock_connect("s", &err), dead_ends[_i].rc);
	ck_assert_str_eq(err.msg, dead_ends[_i].msg);
}
END_TEST

START_TEST(connect_follows_a_symbolic_link)
{
	int listener = must_listen("target"), client;

	ck_assert_int_eq(symlink("target", "s"), 0);
	client = vsu_sock_connect("s", &err);
	ck_assert_int_ge(client, 0);
	vsu_fd_close(&client);
	vsu_fd_close(&listener);
}
END_TEST

START_TEST(connect_to_a_busy_server_does_not_wait)
{
	int listener = vsu_sock_listen("s", 0, &err);
	int client = vsu_sock_connect("s", &err);

	ck_assert_int_ge(client, 0);
	ck_assert_int_eq(vsu_sock_connect("s", &err), -EAGAIN);
	ck_assert_msg(has_word("try again"), "%s", err.msg);
	ck_assert_int_eq(vsu_sock_listen("s", 0, &err), -EADDRINUSE);
	vsu_fd_close(&client);
	vsu_fd_close(&listener);
}
END_TEST

START_TEST(missing_permission_is_reported)
{
	int fd = must_listen("s");

	ck_assert_int_eq(chmod("s", 0), 0);
	ck_assert_int_eq(chmod(".", 0755), 0);
	if (!geteuid())
		ck_assert_int_eq(seteuid(65534), 0);
	ck_assert_int_eq(vsu_sock_connect("s", &err), -EACCES);
	ck_assert_str_eq(err.msg, "cannot connect to 's': Permission denied");
	ck_assert_int_eq(vsu_sock_listen("s", 1, &err), -EACCES);
	ck_assert_msg(has_word("cannot determine whether a server listens"), "%s",
		      err.msg);
	if (!getuid())
		ck_assert_int_eq(seteuid(0), 0);
	vsu_fd_close(&fd);
}
END_TEST

/* The lock, the socket and the question whether a server lives. */
#define LISTEN_NEEDS 3

START_TEST(listen_without_descriptors_leaves_everything_as_it_was)
{
	struct rlimit old;
	ino_t before;
	int fd;

	leave_stale("s");
	before = inode_of("s");
	old = util_leave_fds((unsigned int)_i);
	fd = vsu_sock_listen("s", 1, &err);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	if (_i < LISTEN_NEEDS) {
		ck_assert_int_eq(fd, -EMFILE);
		ck_assert_uint_eq(inode_of("s"), before);
		ck_assert_msg(has_word(strerror(EMFILE)), "%s", err.msg);
	}
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(connect_without_descriptors_is_reported)
{
	struct rlimit old = util_leave_fds(0);
	int rc = vsu_sock_connect("s", &err);

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	ck_assert_int_eq(rc, -EMFILE);
	ck_assert_msg(has_word("cannot make a socket: "), "%s", err.msg);
	ck_assert_msg(has_word(strerror(EMFILE)), "%s", err.msg);
}
END_TEST

START_TEST(directory_that_may_not_be_written_is_reported)
{
	int fd;

	ck_assert_int_eq(chmod(".", 0555), 0);
	if (!geteuid())
		ck_assert_int_eq(seteuid(65534), 0);
	fd = vsu_sock_listen("s", 1, &err);
	if (!getuid())
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(chmod(".", 0755), 0);
	ck_assert_int_eq(fd, -EACCES);
	ck_assert_str_eq(err.msg, "cannot make the socket 's': Permission denied");
}
END_TEST

START_TEST(directory_that_may_not_be_read_is_no_obstacle)
{
	int fd;

	ck_assert_int_eq(chmod(".", 0333), 0);
	if (!geteuid())
		ck_assert_int_eq(seteuid(65534), 0);
	fd = vsu_sock_listen("s", 1, &err);
	if (!getuid())
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(chmod(".", 0755), 0);
	ck_assert_msg(fd >= 0, "%s", err.msg);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(stale_socket_that_may_not_be_removed_is_reported)
{
	int fd;

	leave_stale("s");
	ck_assert_int_eq(chmod("s", 0777) | chmod(".", 0555), 0);
	if (!geteuid())
		ck_assert_int_eq(seteuid(65534), 0);
	fd = vsu_sock_listen("s", 1, &err);
	if (!getuid())
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(chmod(".", 0755), 0);
	ck_assert_int_eq(fd, -EACCES);
	ck_assert_str_eq(err.msg, "cannot remove the stale socket 's': Permission denied");
}
END_TEST

START_TEST(errors_may_be_ignored)
{
	ck_assert_int_eq(vsu_sock_connect("s", NULL), -ENOENT);
	make_file("s");
	ck_assert_int_eq(vsu_sock_listen("s", 1, NULL), -ENOTSOCK);
	ck_assert_int_eq(vsu_sock_accept(-1), -EBADF);
}
END_TEST

static void add_listening(TCase *tc)
{
	tcase_add_test(tc, stale_socket_is_replaced);
	tcase_add_test(tc, live_server_is_refused_and_notices_nothing);
	util_add_rows(tc, socket_that_is_bound_but_does_not_listen_is_live,
		      other_types);
	tcase_add_loop_test(tc,
			    socket_of_another_type_is_refused_by_name,
			    0, 2);
	util_add_rows(tc, file_that_is_not_a_socket_is_never_removed, obstacles);
	tcase_add_test(tc, d1_17_path_may_have_107_bytes_and_no_more);
	tcase_add_test(tc, empty_path_is_refused);
	tcase_add_test(tc, missing_directory_is_named);
	tcase_add_test(tc, directory_of_every_form_of_path_is_found);
	tcase_add_loop_test(tc, only_the_owner_may_connect_under_any_umask, 0, 3);
	tcase_add_test(tc, socket_is_shared_by_mode_and_group);
	tcase_add_test(tc, only_sockets_get_mode_and_group);
	tcase_add_test(tc, d1_21_lock_held_by_another_program_does_not_block);
	tcase_add_test(tc, one_of_many_listeners_wins_a_stale_path);
}

int main(void)
{
	TCase *tc;
	Suite *s = util_suite("sock_path", &tc);

	tcase_add_test(tc, clients_connect_and_are_accepted);
	add_listening(tc);
	tcase_add_test(tc, listener_removes_its_own_file);
	tcase_add_test(tc, successor_of_a_socket_file_is_not_removed);
	tcase_add_test(tc, path_of_maximum_length_is_returned);
	tcase_add_test(tc, descriptor_without_a_file_has_no_path);
	util_add_rows(tc, connect_explains_a_path_without_a_listener, dead_ends);
	tcase_add_test(tc, connect_follows_a_symbolic_link);
	tcase_add_test(tc, connect_to_a_busy_server_does_not_wait);
	tcase_add_test(tc, missing_permission_is_reported);
	tcase_add_loop_test(tc, listen_without_descriptors_leaves_everything_as_it_was,
			    0, LISTEN_NEEDS + 1);
	tcase_add_test(tc, connect_without_descriptors_is_reported);
	tcase_add_test(tc, directory_that_may_not_be_written_is_reported);
	tcase_add_test(tc, directory_that_may_not_be_read_is_no_obstacle);
	tcase_add_test(tc, stale_socket_that_may_not_be_removed_is_reported);
	tcase_add_test(tc, errors_may_be_ignored);
	return run_suite(s);
}
