/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the control socket of a host that lacks memory, descriptors or a system call. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "control/control.h"
#include "turns.h"
#include "util.h"

#define SOCKET "control-socket"
#define CALLS 16	/* more than a socket takes */

static int calls_left = -1;	/* before one fails; negative: none fails */
static bool has_failed;

static bool lacks(int code)
{
	if (calls_left < 0 || calls_left--)
		return false;
	has_failed = true;
	errno = code;
	return true;
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __real_bind(int fd, const struct sockaddr *addr, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *addr, socklen_t len);
int __real_listen(int fd, int backlog);
int __wrap_listen(int fd, int backlog);
int __real_fcntl(int fd, int command, long arg);
int __wrap_fcntl(int fd, int command, long arg);
int __real_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode);

void *__wrap_calloc(size_t n, size_t size)
{
	return lacks(ENOMEM) ? NULL : __real_calloc(n, size);
}

int __wrap_socket(int domain, int type, int protocol)
{
	return lacks(EMFILE) ? -1 : __real_socket(domain, type, protocol);
}

int __wrap_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return lacks(EACCES) ? -1 : __real_bind(fd, addr, len);
}

int __wrap_listen(int fd, int backlog)
{
	return lacks(ENOBUFS) ? -1 : __real_listen(fd, backlog);
}

int __wrap_fcntl(int fd, int command, long arg)
{
	return lacks(EMFILE) ? -1 : __real_fcntl(fd, command, arg);
}

int __wrap_fchmod(int fd, mode_t mode)
{
	return lacks(EPERM) ? -1 : __real_fchmod(fd, mode);
}

static void setup(void)
{
	char folder[] = "/tmp/test-listener.XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	has_failed = false;
}

static void teardown(void)
{
	char folder[64];

	ck_assert_ptr_nonnull(getcwd(folder, sizeof(folder)));
	ck_assert_int_eq(rmdir(folder), 0);
}

static int control_make(struct vsu_loop *loop, const char *path, int fd, int calls,
			struct vmm_control **out, struct vsu_error *err)
{
	static const struct vmm_control_command none[] = { { .name = NULL } };
	const struct vmm_control_config config = {
		.loop = loop, .path = path, .fd = fd, .commands = { none, NULL, NULL },
	};
	int rc;

	calls_left = calls;
	rc = vmm_control_new(&config, out, err);
	calls_left = -1;
	return rc;
}

/* Every call fails once; returns how many there are. */
static int refusals_count(const char *path, int inherited)
{
	struct vsu_loop *loop = loop_begin();
	const int fds = vsu_fd_count();
	struct vmm_control *control;
	int n;

	for (n = 0; n < CALLS; n++) {
		struct vsu_error err = VSU_ERROR_INIT;
		int rc = control_make(loop, path, inherited, n, &control, &err);

		if (!has_failed)
			break;
		ck_assert_msg(rc < 0 && err.code == rc && err.msg[0], "call %d failed unnoticed", n);
		ck_assert_msg(vsu_fd_count() == fds, "call %d: %s: descriptors remain", n, err.msg);
		ck_assert_msg(access(SOCKET, F_OK) < 0, "call %d: %s: the socket remains", n, err.msg);
		has_failed = false;
	}
	ck_assert_int_lt(n, CALLS);
	vmm_control_free(control);
	vsu_loop_free(loop);
	return n;
}

START_TEST(call_that_fails_leaves_no_socket_of_a_path)
{
	/* calloc(), socket(), bind() and listen() at least */
	ck_assert_int_ge(refusals_count(SOCKET, -1), 4);
}
END_TEST

START_TEST(call_that_fails_leaves_no_copy_of_an_inherited_socket)
{
	int fd = vsu_sock_listen("inherited", 1, NULL);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(unlink("inherited"), 0);
	ck_assert_int_ge(refusals_count(NULL, fd), 2);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("listener");
	TCase *tc = tcase_create("listener");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, call_that_fails_leaves_no_socket_of_a_path);
	tcase_add_test(tc, call_that_fails_leaves_no_copy_of_an_inherited_socket);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
