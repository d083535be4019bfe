/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Finds the sockets of machines with names, and sends commands. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "exec/named_place.h"
#include "exec/pool_wire.h"

#define PATH_BYTES sizeof(((struct vsu_sock_path *)NULL)->path)
#define BACKLOG 16

static int check_name(const char *name, struct vsu_error *err)
{
	const size_t len = strlen(name);

	return len && len <= VMM_NAMED_MAX && strspn(name, VMM_NAMED_CHARACTERS) == len && *name != '-' && *name != '.' ? 0 :
	       vsu_error_set(err, -EINVAL, "the name '%s' of a machine is empty, longer than %d bytes, begins with '-' or '.', or has other characters than letters, digits, '-', '_' and '.'", name, VMM_NAMED_MAX);
}

static int write_path(char path[PATH_BYTES], const char *part, struct vsu_error *err)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (!runtime || *runtime != '/')
		runtime = geteuid() ? NULL : "/run";
	if (!runtime)
		return vsu_error_set(err, -ENOENT, "XDG_RUNTIME_DIR is not set; machines with names have their sockets there, such as /run/user/%u", (unsigned int)geteuid());
	return snprintf(path, PATH_BYTES, "%s/cvmm%s", runtime, part) < (int)PATH_BYTES ? 0 :
	       vsu_error_set(err, -ENAMETOOLONG, "the path '%s/cvmm%s' is too long for a socket; choose a shorter name", runtime, part);
}

static int make_folder(const char *part, struct vsu_error *err)
{
	char path[PATH_BYTES];
	const int rc = write_path(path, part, err);

	return !rc && mkdir(path, 0700) < 0 && errno != EEXIST ? vsu_error_sys(err, -errno, "folder '%s'", path) : rc;
}

/* Who can enter the folder can run commands in the machines. */
static int check_folder(struct vsu_error *err)
{
	char path[PATH_BYTES];
	struct stat st;
	int rc = write_path(path, "/exec", err);

	if (rc < 0)
		return rc;
	if (lstat(path, &st) < 0)
		return vsu_error_sys(err, -errno, "folder '%s'", path);
	return S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 077) ? 0 :
	       vsu_error_set(err, -EPERM, "'%s' is not a folder of this user that others cannot enter; remove it", path);
}

static int write_socket(char path[PATH_BYTES], const char *name, struct vsu_error *err)
{
	char part[sizeof("/exec/") + VMM_NAMED_MAX];
	int rc = check_name(name, err);

	snprintf(part, sizeof(part), "/exec/%s", rc < 0 ? "" : name);
	return rc < 0 ? rc : write_path(path, part, err);
}

int vmm_named_listen(const char *name, struct vsu_error *err)
{
	char path[PATH_BYTES];
	int rc = write_socket(path, name, err);

	rc = rc < 0 ? rc : make_folder("", err);
	rc = rc < 0 ? rc : make_folder("/exec", err);
	rc = rc < 0 ? rc : check_folder(err);
	if (rc < 0)
		return rc;
	rc = vsu_sock_listen_type(path, SOCK_SEQPACKET, BACKLOG, err);
	return rc == -EADDRINUSE ? vsu_error_set(err, rc, "a machine with the name '%s' runs; choose another name", name) : rc;
}

int vmm_named_connect(const char *name, struct vsu_error *err)
{
	char path[PATH_BYTES];
	int sock, rc = write_socket(path, name, err);

	if (rc < 0)
		return rc;
	sock = vsu_sock_connect_type(path, SOCK_SEQPACKET, err);
	if (sock == -ENOENT || sock == -ECONNREFUSED)
		return vsu_error_set(err, -ENOENT, "no machine with the name '%s' runs; 'cvmm exec --name=%s -- COMMAND' starts one", name, name);
	if (sock >= 0 && !vmm_pool_is_of(sock, geteuid())) {
		vsu_fd_close(&sock);
		return vsu_error_set(err, -EPERM, "the machine with the name '%s' is another user's", name);
	}
	return sock;
}

/* The machine reads at once, unless it is stopped. */
static int send_message(int sock, enum vmm_pool_message type, const void *payload, size_t len, const int *fds,
			unsigned int nfds)
{
	struct pollfd p = { .fd = sock, .events = POLLOUT };
	int rc;

	do
		rc = vmm_pool_send(sock, type, payload, len, fds, nfds);
	while (rc == -EAGAIN && poll(&p, 1, -1) > 0);
	return rc;
}

int vmm_named_execute(int sock, const struct vagent_request *r, const int *streams, struct vsu_error *err)
{
	const uint32_t version = VMM_POOL_VERSION;
	uint32_t at = 0, len;
	int rc = 0;

	for (; !rc && at < r->len; at += len) {
		len = r->len - at < VMM_POOL_MAX_PAYLOAD ? r->len - at : VMM_POOL_MAX_PAYLOAD;
		rc = send_message(sock, VMM_POOL_REQUEST, r->records + at, len, NULL, 0);
	}
	if (!rc)
		rc = send_message(sock, VMM_POOL_EXECUTE, &version, sizeof(version), streams, VMM_POOL_STREAMS);
	if (rc == -ECONNRESET || rc == -EPIPE)
		return 0;
	return rc < 0 ? vsu_error_sys(err, rc, "cannot send the command to the machine") : 0;
}
