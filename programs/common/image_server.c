/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Starts qemu-storage-daemon. This process has the only connection to it. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <device-kinds/disk.h>
#include <vhost/frontend.h>
#include <vhost/protocol.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/option_list.h>

#include "common/image_server.h"
#include "common/unnamed_socket.h"
#include "confine/confine.h"

#define PROGRAM "qemu-storage-daemon"
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define REPLY_NS (30 * NS_PER_S)

/* The program, and the descriptors that it inherits. */
struct server {
	const char *name;	/* of the image */
	int image, listener;
	int messages;		/* a file in memory for what it prints */
	char path[PATH_MAX];	/* of the program */
	const char *format;
	bool writable;
};

static int find_program(char path[PATH_MAX])
{
	static const char *const folders[] = { "/usr/bin", "/usr/local/bin", "/usr/libexec", "/bin" };
	unsigned int i;

	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, PATH_MAX, "%s/" PROGRAM, folders[i]);
		if (!access(path, X_OK))
			return 0;
	}
	return -ENOPKG;
}

/* ---------------------------------------------------------------- the program */

/* No capabilities; the image by its descriptor, the program, and libraries. */
static int make_plan(struct confine_plan *plan, const struct server *s, struct vsu_error *err)
{
	static const char *const folders[] = { "/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/etc/ld.so.cache" };
	int rc = confine_add(plan, vsu_fd_dup(s->image), NULL, s->writable ? LANDLOCK_FILE : LANDLOCK_READ_FILE, err);
	unsigned int i;

	for (i = 0; !rc && i < sizeof(folders) / sizeof(folders[0]); i++)
		rc = confine_add_path(plan, folders[i], LANDLOCK_PROGRAMS, err);
	if (!rc)
		rc = confine_add_path(plan, "/dev/null", LANDLOCK_DEVICE, err);
	plan->drops = CONFINE_DROP_RIGHTS | CONFINE_DROP_TRACING;
	plan->landlock = CONFINE_LANDLOCK_NEEDED;
	return rc ? rc : confine_add_path(plan, s->path, LANDLOCK_PROGRAMS, err);
}

static void add_arguments(struct prog_program *p, const struct server *s)
{
	const char *read_only = s->writable ? "off" : "on", *writable = s->writable ? "on" : "off";

	prog_program_add(p, PROGRAM);
	prog_program_add(p, "--blockdev");
	prog_program_add(p, "driver=file,node-name=file,filename=/proc/self/fd/%d,read-only=%s", s->image, read_only);
	prog_program_add(p, "--blockdev");
	prog_program_add(p, "driver=%s,node-name=disk,file=file,read-only=%s", s->format, read_only);
	prog_program_add(p, "--export");
	prog_program_add(p, "type=vhost-user-blk,id=export,node-name=disk,addr.type=fd,addr.str=%d,writable=%s", s->listener, writable);
	prog_program_pass(p, s->image);
	prog_program_pass(p, s->listener);
}

static int start_program(struct vmm_image_server *s, const struct server *server, struct vsu_error *err)
{
	static struct confine_plan plan;
	struct prog_program p = { .path = server->path, .plan = &plan, .failure = "cvmm: cannot start " PROGRAM };
	char *lost;
	int rc;

	if (asprintf(&lost, "image '%s' is no longer served: " PROGRAM, server->name) < 0)
		return vsu_error_sys(err, -ENOMEM, "image '%s'", server->name);
	plan = (struct confine_plan)CONFINE_PLAN_INIT;
	p.lost = lost;
	add_arguments(&p, server);
	rc = make_plan(&plan, server, err);
	if (!rc)
		rc = prog_leash_start(&s->leash, &p, server->messages, 0, err);
	confine_plan_end(&plan);
	prog_program_free(&p);
	free(lost);
	return rc;
}

/* ----------------------------------------------------------------- the service */

static void keep_reason(void *why, const struct vsu_error *err)
{
	*(struct vsu_error *)why = *err;
}

/* Waits until the handshake has ended, or vsu_now_ns() is the deadline. */
static int await_handshake(struct vhost_user_frontend *f, uint64_t deadline)
{
	struct pollfd p = { .fd = vhost_user_frontend_fd(f), .events = POLLIN };
	uint64_t now;
	int rc = 0;

	while (rc >= 0 && vhost_user_frontend_state(f) == VHOST_USER_FRONTEND_NEGOTIATING) {
		now = vsu_now_ns();
		if (now >= deadline || poll(&p, 1, (int)((deadline - now) / NS_PER_MS) + 1) == 0)
			return -ETIMEDOUT;
		rc = vhost_user_frontend_dispatch(f);
	}
	return rc < 0 ? rc : 0;
}

/*
 * A session whose handshake shows that the image is served: -ECONNRESET, the program has ended;
 * -ETIMEDOUT. The machine begins its own session on the same connection.
 */
static int ask_server(int sock, struct vsu_error *err)
{
	const struct vhost_user_frontend_config config = {
		.size = sizeof(config), .peer = PROGRAM, .timeout_ns = 2 * REPLY_NS,
		.protocol_features = VHOST_USER_PROTOCOL_BIT(MQ),
	};
	const struct vhost_user_frontend_ops ops = { .size = sizeof(ops), .failed = keep_reason };
	struct vsu_error why = VSU_ERROR_INIT;
	struct vhost_user_frontend *f;
	int own = vsu_fd_dup(sock);
	int rc = own < 0 ? vsu_error_sys(err, own, "the connection to " PROGRAM) :
			   vhost_user_frontend_new_take_fd(own, &config, &ops, &why, &f, err);

	if (rc < 0) {
		vsu_fd_close(&own);
		return rc;
	}
	rc = await_handshake(f, vsu_now_ns() + REPLY_NS);
	vhost_user_frontend_free(f);
	return why.code ? vsu_error_set(err, why.code, "%s", why.msg) : rc;
}

/* A program that does not serve the image ends, and its connection with it. */
static int await_service(const struct vmm_image_server *s, const struct server *server, struct vsu_error *err)
{
	static char text[PROG_PROGRAM_MESSAGES];
	const char *const path = server->name;
	struct vsu_error why = VSU_ERROR_INIT;
	int rc = ask_server(s->sock, &why);

	if (!rc) {
		rc = prog_leash_report(&s->leash);
		return rc < 0 ? vsu_error_sys(err, rc, "cannot start " PROGRAM) : 0;
	}
	if (rc == -ETIMEDOUT)
		return vsu_error_set(err, rc, "image '%s' is not served: " PROGRAM " did not reply within %d s", path, (int)(REPLY_NS / NS_PER_S));
	if (rc != -ECONNRESET)
		return vsu_error_set(err, rc, "image '%s' is not served: %s", path, why.msg);
	return vsu_error_set(err, -EIO, "image '%s' is not served: " PROGRAM " ended: %s; only this file is opened, so merge other files that it names, such as a backing file, with 'qemu-img convert'", path,
			     prog_program_text(server->messages, text));
}

static int open_image(struct server *s, const char *path, struct vsu_error *err)
{
	struct stat st;

	s->image = open(path, (s->writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
	if (s->image < 0)
		return vsu_error_sys(err, -errno, "image '%s'", path);
	if (fstat(s->image, &st) < 0 || !S_ISREG(st.st_mode))
		return vsu_error_set(err, -ENODEV, "image '%s' is not a regular file", path);
	return 0;
}

static int start_server(struct vmm_image_server *s, struct server *server, struct vsu_error *err)
{
	struct vmm_unnamed_socket socket = VMM_UNNAMED_SOCKET_INIT;
	int rc = prog_program_messages(&server->messages, err);

	rc = rc < 0 ? rc : vmm_unnamed_socket_make(&socket, err);
	server->listener = socket.listener;
	if (!rc)
		rc = start_program(s, server, err);
	if (!rc)
		rc = vmm_unnamed_socket_connect(&socket, &s->sock, err);
	vmm_unnamed_socket_close(&socket);
	rc = rc < 0 ? rc : await_service(s, server, err);
	vsu_fd_close(&server->messages);
	return rc;
}

int vmm_image_server_start(struct vmm_image_server *s, const char *path, const char *format,
			   bool writable, struct vsu_error *err)
{
	struct server server = {
		.name = path, .image = -1, .listener = -1, .messages = -1, .format = format, .writable = writable,
	};
	int rc = find_program(server.path);

	if (rc < 0)
		return vsu_error_set(err, rc, "image '%s' begins like a %s image, for which " PROGRAM " is not installed; install it, or make a raw image with 'qemu-img convert -O raw'", path, format);
	rc = open_image(&server, path, err);
	if (!rc)
		rc = start_server(s, &server, err);
	vsu_fd_close(&server.image);
	if (rc < 0)
		vmm_image_server_end(s);
	return rc;
}

int vmm_image_server_disk(struct vmm_image_server *s, const char *path, bool writable, char **value,
			  struct vsu_error *err)
{
	const char *format = devkind_disk_format(path), *slash = strrchr(path, '/');
	int rc = format ? vmm_image_server_start(s, path, format, writable, err) : 0;
	char *name = rc < 0 ? NULL : vsu_list_escape(format && slash ? slash + 1 : path);

	if (rc < 0)
		return rc;
	rc = !name ? -1 :
	     format ? asprintf(value, "backend=user:fd:%d:%s", s->sock, name) :
		      asprintf(value, "path=%s%s", name, writable ? "" : ",readonly");
	free(name);
	return rc < 0 ? vsu_error_set(err, -ENOMEM, "no memory for options") : 0;
}

void vmm_image_server_end(struct vmm_image_server *s)
{
	vsu_fd_close(&s->sock);
	vsu_fd_close(&s->leash.fd);
}
