/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Hands an open file to another process: "example --socket-path=PATH FILE"
 * waits for one client, "example --socket-path=PATH" is that client and
 * prints the size of the file it was given.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/option.h>
#include <vmm-sys-util/sock.h>

static const struct vsu_option table[] = {
	{ .name = "socket-path", .kind = VSU_OPTION_STRING, .arg = "PATH",
	  .help = "where to meet" },
	{ .name = NULL },
};

static int take_option(void *path, unsigned int index,
		       const struct vsu_option_value *value, struct vsu_error *err)
{
	(void)index;	/* the table has one row */
	(void)err;
	*(const char **)path = value->text;
	return 0;
}

static int wait_for(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return poll(&p, 1, -1) < 0 ? -errno : 0;
}

static int serve(int listener, int file)
{
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	int client, rc = wait_for(listener);

	if (rc < 0)
		return rc;
	client = vsu_sock_accept(listener);
	if (client < 0)
		return client;
	rc = (int)vsu_sock_send(client, &iov, 1, &file, 1);
	vsu_fd_close(&client);
	return rc;
}

static int serve_file(const char *path, const char *name, struct vsu_error *err)
{
	struct vsu_sock_path where;
	int listener, rc, file = open(name, O_RDONLY | O_CLOEXEC);

	if (file < 0)
		return vsu_error_sys(err, -errno, "cannot open '%s'", name);
	listener = rc = vsu_sock_listen(path, 1, err);
	if (rc >= 0 && vsu_sock_path_of(listener, &where) == 0) {
		printf("waiting at %s\n", path);
		fflush(stdout);
		rc = serve(listener, file);
		if (rc < 0)
			vsu_error_sys(err, rc, "cannot send '%s'", name);
		vsu_sock_unlink(&where);
	}
	vsu_fd_close(&listener);
	vsu_fd_close(&file);
	return rc;
}

static int print_size(const char *path, struct vsu_error *err)
{
	int fds[VSU_SOCK_MAX_FDS], sock = vsu_sock_connect(path, err), rc;
	char byte;
	struct iovec iov = { &byte, 1 };
	unsigned int n = 0;
	uint64_t size;

	if (sock < 0)
		return sock;
	rc = wait_for(sock);
	if (rc == 0)
		rc = (int)vsu_sock_recv(sock, &iov, 1, fds, &n);
	if (rc > 0 && n)
		rc = vsu_fd_size(fds[0], &size);
	if (rc == 0 && n)
		printf("%" PRIu64 "\n", size);
	else
		rc = vsu_error_set(err, rc < 0 ? rc : -ECONNRESET,
				   "the server at '%s' sent no file", path);
	while (n)
		vsu_fd_close(&fds[--n]);
	vsu_fd_close(&sock);
	return rc;
}

int main(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	const char *path = "example.sock";
	int first, rc;

	rc = vsu_option_parse_argv(table, argc, argv, take_option, &path, &first,
				   &err);
	if (rc == 0)
		rc = first < argc ? serve_file(path, argv[first], &err) :
				    print_size(path, &err);
	if (rc >= 0)
		return VSU_EXIT_OK;
	fprintf(stderr, "example: %s\n", err.msg);
	return VSU_EXIT_FAIL;
}
