/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about images of other formats than raw, and the program that serves them. */
#define _GNU_SOURCE
#include <config.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "common/image_server.h"
#include "child/program.h"
#include "confine/privileges.h"
#include "common/tests/skipping_clock.h"
#include "util.h"

#define IMAGE "image.qcow2"
#define LANDLOCK_CREATE_RULESET 444

static struct vmm_image_server server;
static struct vsu_error err;
static char folder[] = "/tmp/test-image-XXXXXX";

static int *error_of_writing;	/* errno of the program's open() for writing */
static bool stalls;		/* instead, one byte of its first message is sent */
static bool babbles;		/* instead, its first message has no version of the protocol */

_Noreturn static void stall(const char *export)
{
	const char *listener = strstr(export, "addr.str=");
	const int fd = accept(atoi(listener + strlen("addr.str=")), NULL, NULL);

	(void)!send(fd, "\1\0\0\0\0\0\0\0\0\0\0\0", babbles ? 12 : 1, MSG_NOSIGNAL);
	for (;;)
		pause();
}

/* Used: with LTO, gcc does not see that the linker will refer to it. */
int __attribute__((used)) __wrap_execv(const char *path, char *const argv[]);
int __real_execv(const char *path, char *const argv[]);
int __attribute__((used)) __wrap_execv(const char *path, char *const argv[])
{
	unsigned int n = 0;

	while (argv[n + 1])
		n++;
	if (stalls || babbles)
		stall(argv[n]);
	*error_of_writing = open(IMAGE, O_RDWR | O_CLOEXEC) < 0 ? errno : 0;
	return __real_execv(path, argv);
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	error_of_writing = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(error_of_writing, MAP_FAILED);
	server = (struct vmm_image_server)VMM_IMAGE_SERVER_INIT;
}

static void teardown(void)
{
	vmm_image_server_end(&server);
	unlink(IMAGE);
	unlink("other");
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(rmdir(folder), 0);
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
}

/* Whether a back-end replies to VHOST_USER_GET_FEATURES. */
static bool is_served(void)
{
	static const uint32_t request[3] = { 1, 1, 0 };
	const uint64_t deadline = vsu_now_ns() + UINT64_C(10000000000);
	uint32_t reply[5] = { 0 };

	return send(server.sock, request, sizeof(request), MSG_NOSIGNAL) == sizeof(request) &&
		!prog_program_receive(server.sock, reply, sizeof(reply), deadline) && reply[0] == 1;
}

START_TEST(image_is_served_to_a_socket)
{
	ck_assert_int_eq(system("qemu-img create -q -f qcow2 " IMAGE " 16M"), 0);
	ck_assert_int_eq(vmm_image_server_start(&server, IMAGE, "qcow2", true, &err), 0);
	ck_assert(is_served());
	/* not a child that the program would have to wait for */
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

/* Landlock forbids it: in the file system, this user may write the image. */
START_TEST(image_that_is_only_read_cannot_be_written)
{
	const bool writable = _i;

	ck_assert_int_eq(system("qemu-img create -q -f qcow2 " IMAGE " 16M"), 0);
	ck_assert_int_eq(vmm_image_server_start(&server, IMAGE, "qcow2", writable, &err), 0);
	ck_assert(is_served());
	ck_assert_int_eq(*error_of_writing, writable ? 0 : EACCES);
}
END_TEST

START_TEST(server_ends_with_its_owner)
{
	char byte;
	int sock;

	ck_assert_int_eq(system("qemu-img create -q -f qcow2 " IMAGE " 16M"), 0);
	ck_assert_int_eq(vmm_image_server_start(&server, IMAGE, "qcow2", true, &err), 0);
	sock = dup(server.sock);
	vmm_image_server_end(&server);
	ck_assert_int_le(recv(sock, &byte, 1, 0), 0);
	vsu_fd_close(&sock);
}
END_TEST

/* Descriptors that were passed to cvmm have no FD_CLOEXEC; the ends of the pipe are closed while the server runs. */
START_TEST(server_inherits_no_other_descriptor)
{
	struct pollfd p = { .events = POLLIN };
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(system("qemu-img create -q -f qcow2 " IMAGE " 16M"), 0);
	ck_assert_int_eq(vmm_image_server_start(&server, IMAGE, "qcow2", true, &err), 0);
	vsu_fd_close(&ends[1]);
	p.fd = ends[0];
	ck_assert_int_eq(poll(&p, 1, 10000), 1);
	ck_assert(p.revents & POLLHUP);
	ck_assert(is_served());
	vsu_fd_close(&ends[0]);
}
END_TEST

START_TEST(nothing_is_left_in_the_file_system)
{
	char word[64];

	ck_assert_int_eq(setenv("XDG_RUNTIME_DIR", folder, 1), 0);
	ck_assert_int_eq(system("qemu-img create -q -f qcow2 " IMAGE " 16M"), 0);
	ck_assert_int_eq(vmm_image_server_start(&server, IMAGE, "qcow2", true, &err), 0);
	snprintf(word, sizeof(word), "test \"$(ls)\" = %s", IMAGE);
	ck_assert_int_eq(system(word), 0);
}
END_TEST

/* Files and servers; the shell's variable PORT is that of this process. */
static const char *const named[] = {
	"-b $PWD/other -F raw",
	"-u -F raw -b 'json:{\"driver\":\"file\",\"filename\":\"/etc/shadow\"}'",
	"-u -F raw -b 'json:{\"driver\":\"raw\",\"file\":{\"driver\":\"nbd\",\"server\":{\"type\":\"inet\",\"host\":\"127.0.0.1\",\"port\":\"'$PORT'\"}}}'",
	"-u -F raw -b nbd://127.0.0.1:$PORT/x",
	"-u -F raw -b 'nbd+unix:///x?socket=socket'",
	"-o data_file=$PWD/other,data_file_raw=on",
};

static int listen_on(int family)
{
	const struct sockaddr_un un = { AF_UNIX, "socket" };
	const struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const struct sockaddr *a = family == AF_UNIX ? (const void *)&un : (const void *)&in;

	ck_assert_int_eq(bind(fd, a, family == AF_UNIX ? sizeof(un) : sizeof(in)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	return fd;
}

static unsigned int port_of(int fd)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	return ntohs(a.sin_port);
}

START_TEST(a9_20_files_and_servers_that_an_image_names_are_not_reached)
{
	int inet = listen_on(AF_INET), local = listen_on(AF_UNIX);
	char make[512];

	snprintf(make, sizeof(make), "PORT=%u; echo secret >other; qemu-img create -q -f qcow2 %s " IMAGE " 16M 2>/dev/null", port_of(inet), named[_i]);
	ck_assert_int_eq(system(make), 0);
	ck_assert_int_eq(vmm_image_server_start(&server, IMAGE, "qcow2", true, &err), -EIO);
	ck_assert_ptr_nonnull(strstr(err.msg, "only this file is opened"));
	ck_assert(accept(inet, NULL, NULL) < 0 && errno == EAGAIN);
	ck_assert(accept(local, NULL, NULL) < 0 && errno == EAGAIN);
	vsu_fd_close(&inet);
	vsu_fd_close(&local);
	unlink("socket");
}
END_TEST

START_TEST(server_that_begins_a_reply_is_not_awaited_for_ever)
{
	static const char bytes[512];
	FILE *f = fopen(IMAGE, "w");

	ck_assert_ptr_nonnull(f);
	fwrite(bytes, sizeof(bytes), 1, f);
	fclose(f);
	stalls = true;
	skipped_ns = UINT64_C(14900000000);
	ck_assert_int_eq(vmm_image_server_start(&server, IMAGE, "qcow2", true, &err), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(err.msg, "did not reply within 30 s"));
	stalls = false;
	skipped_ns = 0;
}
END_TEST

START_TEST(server_that_replies_wrongly_has_not_ended)
{
	ck_assert_int_eq(system("qemu-img create -q -f qcow2 " IMAGE " 16M"), 0);
	babbles = true;
	ck_assert_int_eq(vmm_image_server_start(&server, IMAGE, "qcow2", true, &err), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.msg, "is not served: "));
	ck_assert_ptr_null(strstr(err.msg, "ended"));
	babbles = false;
}
END_TEST

START_TEST(missing_images_and_folders_are_refused)
{
	ck_assert_int_eq(vmm_image_server_start(&server, "absent", "qcow2", true, &err), -ENOENT);
	ck_assert_int_eq(vmm_image_server_start(&server, ".", "qcow2", true, &err), -EISDIR);
	ck_assert_int_eq(vmm_image_server_start(&server, "/dev/null", "qcow2", true, &err), -ENODEV);
	ck_assert_int_eq(server.sock, -1);
}
END_TEST

static const char *not_possible(void)
{
	if (access("/usr/bin/qemu-storage-daemon", X_OK) || access("/usr/bin/qemu-img", X_OK))
		return "qemu-storage-daemon and qemu-img are not installed";
#ifdef UNDER_SANITIZER
	return "a sanitizer opens files of its own";
#endif
	return syscall(LANDLOCK_CREATE_RULESET, NULL, 0, 1) < 2 ? "the kernel lacks Landlock" : NULL;
}

int main(void)
{
	const char *reason = not_possible();
	Suite *s = suite_create("image_server");
	TCase *tc = tcase_create("image_server");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test_unless(tc, reason, image_is_served_to_a_socket);
	tcase_add_test_unless(tc, reason, server_that_replies_wrongly_has_not_ended);
	tcase_add_test_unless(tc, reason, server_ends_with_its_owner);
	tcase_add_test_unless(tc, reason, server_inherits_no_other_descriptor);
	tcase_add_test_unless(tc, reason, nothing_is_left_in_the_file_system);
	if (reason) {
		tcase_add_test_unless(tc, reason, image_that_is_only_read_cannot_be_written);
		tcase_add_test_unless(tc, reason, a9_20_files_and_servers_that_an_image_names_are_not_reached);
	} else {
		tcase_add_loop_test(tc, image_that_is_only_read_cannot_be_written, 0, 2);
		tcase_add_loop_test(tc, a9_20_files_and_servers_that_an_image_names_are_not_reached, 0,
				    sizeof(named) / sizeof(named[0]));
	}
	tcase_add_test_unless(tc, reason, server_that_begins_a_reply_is_not_awaited_for_ever);
	tcase_add_test_unless(tc, reason, missing_images_and_folders_are_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
