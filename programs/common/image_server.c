/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Three processes: this one; a keeper, which waits for the end of this one and then ends the
 * program; and the program. This process has the only connection to it.
 */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <device-kinds/disk.h>
#include <vhost/frontend.h>
#include <vhost/protocol.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/option_list.h>

#include "common/image_server.h"
#include "child/program.h"
#include "common/unnamed_socket.h"
#include "confine/call_filter.h"
#include "confine/confine.h"
#include "confine/denied_calls.h"
#include "confine/keeper.h"
#include "confine/privileges.h"
#include "descriptors.h"

#define PROGRAM "qemu-storage-daemon"
#define NOT_STARTED 127
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

static int add_files(struct confine_plan *plan, const struct server *s, struct vsu_error *err)
{
	static const char *const folders[] = { "/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/etc/ld.so.cache" };
	int rc = confine_add(plan, vsu_fd_dup(s->image), NULL, s->writable ? LANDLOCK_FILE : LANDLOCK_READ_FILE, err);
	unsigned int i;

	for (i = 0; !rc && i < sizeof(folders) / sizeof(folders[0]); i++)
		rc = confine_add_path(plan, folders[i], LANDLOCK_PROGRAMS, err);
	if (!rc)
		rc = confine_add_path(plan, "/dev/null", LANDLOCK_DEVICE, err);
	return rc ? rc : confine_add_path(plan, s->path, LANDLOCK_PROGRAMS, err);
}

/* No capabilities; the image by its descriptor, the program, and libraries. */
static int restrict_rights(const struct server *s, struct vsu_error *err)
{
	static struct confine_plan plan = CONFINE_PLAN_INIT;
	int rc = add_files(&plan, s, err);

	plan.drops = CONFINE_DROP_RIGHTS | CONFINE_DROP_TRACING;
	plan.landlock = CONFINE_LANDLOCK_NEEDED;
	if (!rc)
		rc = confine_execute(&plan, CONFINE_CLOSE, err);
	confine_plan_end(&plan);
	return rc;
}

/* A terminal would be readable, and its modes could be changed, by its descriptor as standard error. */
static void prepare_streams(const struct server *s)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(s->messages, STDERR_FILENO) < 0)
		_exit(NOT_STARTED);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
}

_Noreturn static void become_program(const struct server *s)
{
	const int passed[] = { s->image, s->listener };
	struct vsu_error err = VSU_ERROR_INIT;
	char file[128], disk[128], export[160];
	int rc;

	snprintf(file, sizeof(file), "driver=file,node-name=file,filename=/proc/self/fd/%d,read-only=%s", s->image, s->writable ? "off" : "on");
	snprintf(disk, sizeof(disk), "driver=%s,node-name=disk,file=file,read-only=%s", s->format, s->writable ? "off" : "on");
	snprintf(export, sizeof(export), "type=vhost-user-blk,id=export,node-name=disk,addr.type=fd,addr.str=%d,writable=%s", s->listener, s->writable ? "on" : "off");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prepare_streams(s);
	prog_descriptors_pass(passed, 2);
	rc = restrict_rights(s, &err);
	if (!rc)
		rc = confine_deny_calls();
	if (!rc)
		execl(s->path, PROGRAM, "--blockdev", file, "--blockdev", disk, "--export", export, (char *)NULL);
	dprintf(STDERR_FILENO, "cvmm: cannot start " PROGRAM ": %s\n", strerror(rc < 0 ? -rc : errno));
	_exit(NOT_STARTED);
}

/* ----------------------------------------------------------------- the keeper */

/* The program's end is reported if the image was served. */
static void report_end(const struct server *s, pid_t pid, bool serves)
{
	static char text[PROG_PROGRAM_MESSAGES];
	struct vsu_error err;
	char sentence[sizeof(err.msg) + 16];
	const char *line;
	int status;

	if (waitpid(pid, &status, 0) != pid || !serves)
		return;
	line = prog_program_text(s->messages, text);
	if (WIFSIGNALED(status))
		vsu_error_set(&err, -EPIPE, "image '%s' is no longer served: " PROGRAM " was killed by signal %d%s%s", s->name, WTERMSIG(status), *line ? ": " : "", line);
	else
		vsu_error_set(&err, -EPIPE, "image '%s' is no longer served: " PROGRAM " ended with status %d%s%s", s->name, WEXITSTATUS(status), *line ? ": " : "", line);
	/* dprintf() would call lseek() */
	snprintf(sentence, sizeof(sentence), "cvmm: %s\n", err.msg);
	(void)!write(STDERR_FILENO, sentence, strlen(sentence));
}

/* The keeper reads what the program printed, ends it, and writes a line. */
static void restrict_keeper(pid_t pid)
{
	static const char *const names[] = {
		"exit_group", "poll", "ppoll", "ppoll_time64", "pread64", "read", "restart_syscall", "wait4", "write", NULL,
	};
	const struct call_rule rules[] = { CALL_IF_INT("kill", 0, (uint32_t)pid), { .name = NULL } };
	const struct call_table table = { names, rules };
	const struct call_table *const tables[] = { &table, NULL };

	confine_forbid_tracing();
	(void)!confine_capabilities(UINT64_C(1) << CAP_KILL, NULL);
	(void)!call_filter_load(CALL_FILTER_FAIL, tables, false, NULL);
}

/* Until the program has ended or the other end of the leash is closed; a byte: the image is served. */
static void await_end(const struct server *s, pid_t pid, int leash, int end)
{
	struct pollfd p[] = {
		{ .fd = leash, .events = POLLIN },
		{ .fd = end, .events = POLLIN },
	};
	bool serves = false;
	ssize_t n = 1;
	char byte;

	while (n) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[0].revents)
			n = read(leash, &byte, 1);
		serves |= p[0].revents && n == 1;
		if (!p[1].revents || !n)
			continue;
		report_end(s, pid, serves);
		return;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Closes all descriptors of cvmm but standard error and these. */
static void close_others(int a, int b, int c)
{
	const int kept[] = { a, b, c };
	unsigned int first = STDERR_FILENO + 1, next, i;

	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	for (;;) {
		next = ~0u;
		for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
			if (kept[i] >= (int)first && (unsigned int)kept[i] < next)
				next = (unsigned int)kept[i];
		confine_close_range(first, next == ~0u ? ~0u : next - 1);
		if (next == ~0u)
			return;
		first = next + 1;
	}
}

/* Signals of the terminal are for cvmm. */
_Noreturn static void keep_server(const struct server *s, int leash)
{
	pid_t pid;
	int end;

	setsid();
	pid = fork();
	if (!pid)
		become_program(s);
	if (pid < 0)
		_exit(0);
	end = (int)syscall(SYS_pidfd_open, pid, 0);
	close_others(leash, end, s->messages);
	restrict_keeper(pid);
	await_end(s, pid, leash, end);
	_exit(0);
}

/* Forked twice, so that its end is not this process's to wait for. */
static int start_keeper(struct vmm_image_server *s, const struct server *server, struct vsu_error *err)
{
	int ends[2], status;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return vsu_error_sys(err, -errno, "cannot start " PROGRAM);
	pid = fork();
	if (!pid) {
		close(ends[1]);
		pid = fork();
		if (!pid)
			keep_server(server, ends[0]);
		_exit(pid < 0);
	}
	close(ends[0]);
	s->leash = ends[1];
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		return vsu_error_set(err, -EAGAIN, "cannot start " PROGRAM ": no process");
	return 0;
}

/* ----------------------------------------------------------------- the service */

static void keep_reason(void *why, const struct vsu_error *err)
{
	*(struct vsu_error *)why = *err;
}

/* Until the handshake has ended, or vsu_now_ns() is the deadline. */
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
	const int rc = ask_server(s->sock, &why);

	if (!rc)
		return send(s->leash, "", 1, MSG_NOSIGNAL) == 1 ? 0 : vsu_error_sys(err, -errno, "cannot start " PROGRAM);
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
		rc = start_keeper(s, server, err);
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
	vsu_fd_close(&s->leash);
}
