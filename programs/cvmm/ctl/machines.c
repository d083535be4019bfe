/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Finds sockets of machines, and requests the status of their machines. */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/json_read.h>
#include <vmm-sys-util/parse.h>
#include <vmm-sys-util/sock.h>

#include "ctl/machines.h"

#define NAME "control"
#define NAMED_FOLDER "exec"
#define MAX_REPLY (1u << 20)
#define CHUNK 65536u
#define STATE_LETTERS "abcdefghijklmnopqrstuvwxyz"

/* ----------------------------------------------------------------- the search */

static int add_socket(struct vmm_machines *ms, enum vmm_found_kind kind, const char *folder, const char *name,
		      struct vsu_error *err)
{
	struct vmm_found *f;

	if (ms->n == VMM_MACHINES_MAX)
		return vsu_error_set(err, -E2BIG, "more than %d sockets of machines", VMM_MACHINES_MAX);
	f = calloc(1, sizeof(*f));
	if (f && asprintf(&f->path, "%s/%s", folder, name) < 0) {
		free(f);
		f = NULL;
	}
	if (!f)
		return vsu_error_set(err, -ENOMEM, "no memory for a path");
	f->kind = kind;
	f->sock = -1;
	if (kind == VMM_FOUND_NAMED)
		snprintf(f->name, sizeof(f->name), "%s", name);
	vsu_error_clear(&f->why);
	ms->list[ms->n++] = f;
	return 0;
}

static bool is_control(const char *name)
{
	const size_t len = strlen(name), end = strlen("." NAME);

	return !strcmp(name, NAME) || (len > end && !strcmp(name + len - end, "." NAME));
}

static bool is_named(const char *folder, const char *name)
{
	const char *last = strrchr(folder, '/');
	const size_t len = strlen(name);

	return !strcmp(last ? last + 1 : folder, NAMED_FOLDER) && len <= CVMM_OPTION_MAX_NAME &&
	       strspn(name, CVMM_OPTION_NAME_CHARACTERS) == len;
}

static int judge_socket(struct vmm_machines *ms, const char *folder, const char *name, struct vsu_error *err)
{
	if (is_control(name))
		return add_socket(ms, VMM_FOUND_CONTROL, folder, name, err);
	return is_named(folder, name) ? add_socket(ms, VMM_FOUND_NAMED, folder, name, err) : 0;
}

static int search_folder(struct vmm_machines *ms, int fd, const char *folder, unsigned int depth,
		  struct vsu_error *err);

static int search_below(struct vmm_machines *ms, int at, const char *folder, const char *name,
			unsigned int depth, struct vsu_error *err)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc;
	char *path;

	if (fd < 0)
		return 0;
	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		close(fd);
		return vsu_error_set(err, -ENOMEM, "no memory for a path");
	}
	rc = search_folder(ms, fd, path, depth + 1, err);
	free(path);
	return rc;
}

static int judge_entry(struct vmm_machines *ms, int at, const char *folder, const char *name,
		       unsigned int depth, struct vsu_error *err)
{
	struct stat st;

	if (++ms->entries > VMM_MACHINES_ENTRIES)
		return vsu_error_set(err, -E2BIG, "'%s': more than %d files; name a folder with fewer",
				     folder, VMM_MACHINES_ENTRIES);
	if (!strcmp(name, ".") || !strcmp(name, "..") || fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (S_ISSOCK(st.st_mode))
		return judge_socket(ms, folder, name, err);
	return S_ISDIR(st.st_mode) && depth < VMM_MACHINES_DEPTH ?
	       search_below(ms, at, folder, name, depth, err) : 0;
}

/* Takes fd. */
static int search_folder(struct vmm_machines *ms, int fd, const char *folder, unsigned int depth,
		  struct vsu_error *err)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *e;
	int rc = 0;

	if (!dir) {
		rc = vsu_error_sys(err, -errno, "folder '%s'", folder);
		close(fd);
		return rc;
	}
	while (!rc && (e = readdir(dir)))
		rc = judge_entry(ms, dirfd(dir), folder, e->d_name, depth, err);
	closedir(dir);
	return rc;
}

static int compare_paths(const void *a, const void *b)
{
	const struct vmm_found *const *x = a, *const *y = b;

	return strcmp((*x)->path, (*y)->path);
}

int vmm_machines_find(struct vmm_machines *ms, const char *folder, struct vsu_error *err)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (fd < 0)
		return vsu_error_sys(err, -errno, "folder '%s'", folder);
	rc = search_folder(ms, fd, folder, 0, err);
	qsort(ms->list, ms->n, sizeof(ms->list[0]), compare_paths);
	return rc;
}

/* --------------------------------------------------------------- the requests */

static void found_close(struct vmm_found *f, enum vmm_found_state state)
{
	f->state = state;
	vsu_fd_close(&f->sock);
}

static bool connect_to(struct vmm_found *f, int type)
{
	f->sock = vsu_sock_connect_type(f->path, type, &f->why);
	if (f->sock >= 0)
		return true;
	found_close(f, f->sock == -ECONNREFUSED ? VMM_FOUND_STALE : VMM_FOUND_FAILED);
	f->sock = -1;
	return false;
}

/* A machine with a name reports only the process that listens. */
static void note_listener(struct vmm_found *f)
{
	struct ucred listener;
	socklen_t len = sizeof(listener);

	if (!getsockopt(f->sock, SOL_SOCKET, SO_PEERCRED, &listener, &len))
		f->pid = listener.pid;
	snprintf(f->activity, sizeof(f->activity), "command");
	found_close(f, VMM_FOUND_ANSWERED);
}

/* The kernel then adds the sender's process to each message. */
static void send_request(struct vmm_found *f)
{
	static char line[] = "status\n";
	const struct iovec iov = { line, strlen(line) };
	const int yes = 1;

	(void)!setsockopt(f->sock, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes));
	if (vsu_sock_send(f->sock, &iov, 1, NULL, 0) != (ssize_t)iov.iov_len) {
		vsu_error_set(&f->why, -ECONNRESET, "the request cannot be sent");
		found_close(f, VMM_FOUND_FAILED);
	}
}

static void note_sender(struct vmm_found *f, struct msghdr *msg)
{
	struct ucred sender;
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS &&
		    c->cmsg_len >= CMSG_LEN(sizeof(sender))) {
			memcpy(&sender, CMSG_DATA(c), sizeof(sender));
			f->pid = sender.pid;
		}
}

/* As recv(): descriptors of a message are dropped. */
static ssize_t receive_chunk(struct vmm_found *f)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec iov = { f->reply + f->len, CHUNK };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control),
	};
	const ssize_t n = recvmsg(f->sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n > 0)
		note_sender(f, &msg);
	return n < 0 ? -errno : n;
}

static void take_letters(char *to, size_t size, const char *text, const char *letters)
{
	const size_t len = strspn(text, letters);

	if (!text[len] && len < size)
		memcpy(to, text, len + 1);
}

static void on_member(void *opaque, const char *path, const char *value, bool is_string)
{
	struct vmm_found *f = opaque;
	uint64_t number = 0;

	if (is_string && !strcmp(path, "name"))
		take_letters(f->name, sizeof(f->name), value, CVMM_OPTION_NAME_CHARACTERS);
	else if (is_string && !strcmp(path, "state"))
		take_letters(f->activity, sizeof(f->activity), value, STATE_LETTERS);
	else if (is_string || vsu_parse_u64(value, &number) < 0)
		return;
	else if (!strcmp(path, "counters.uptime_ns"))
		f->uptime_ns = number;
	else if (vsu_json_match(path, "memory.#.size", NULL, NULL))
		f->memory += number;
	else if (vsu_json_match(path, "memory.#.present", NULL, NULL))
		f->present += number;
}

/* A line of len bytes. */
static void reply_read(struct vmm_found *f, size_t len)
{
	f->reply[len] = '\0';
	if (vsu_json_walk(f->reply, on_member, f, &f->why) < 0 || !f->activity[0]) {
		vsu_error_set(&f->why, -EBADMSG, "its reply is not the status of a machine");
		found_close(f, VMM_FOUND_FAILED);
	} else {
		found_close(f, VMM_FOUND_ANSWERED);
	}
}

static void on_readable(struct vmm_found *f)
{
	char *longer = realloc(f->reply, f->len + CHUNK + 1);
	const char *end;
	ssize_t n;

	if (!longer || f->len > MAX_REPLY) {
		vsu_error_set(&f->why, longer ? -EBADMSG : -ENOMEM, "%s", longer ? "its reply is too long" : "no memory");
		f->reply = longer ? longer : f->reply;
		found_close(f, VMM_FOUND_FAILED);
		return;
	}
	f->reply = longer;
	n = receive_chunk(f);
	if (n == -EAGAIN || n == -EINTR)
		return;
	if (n <= 0) {
		vsu_error_set(&f->why, -ECONNRESET, "the connection ended without a reply");
		found_close(f, VMM_FOUND_FAILED);
		return;
	}
	f->len += (size_t)n;
	end = memchr(f->reply + f->len - n, '\n', (size_t)n);
	if (end)
		reply_read(f, (size_t)(end - f->reply));
}

/* False: none is left that could answer. */
static bool wait_once(struct vmm_machines *ms, int ms_left)
{
	struct pollfd p[VMM_MACHINES_MAX];
	unsigned int i, left = 0;

	for (i = 0; i < ms->n; i++) {
		p[i] = (struct pollfd){ .fd = ms->list[i]->sock, .events = POLLIN };
		left += p[i].fd >= 0;
	}
	if (!left || poll(p, ms->n, ms_left) < 0)
		return left && errno == EINTR;
	for (i = 0; i < ms->n; i++)
		if (p[i].fd >= 0 && p[i].revents)
			on_readable(ms->list[i]);
	return true;
}

static void ask_machine(struct vmm_found *f)
{
	if (!connect_to(f, f->kind == VMM_FOUND_NAMED ? SOCK_SEQPACKET : SOCK_STREAM))
		return;
	if (f->kind == VMM_FOUND_NAMED)
		note_listener(f);
	else
		send_request(f);
}

void vmm_machines_ask(struct vmm_machines *ms, unsigned int seconds)
{
	const uint64_t until = vsu_now_ns() + seconds * UINT64_C(1000000000);
	uint64_t now;
	unsigned int i;

	for (i = 0; i < ms->n; i++)
		ask_machine(ms->list[i]);
	while ((now = vsu_now_ns()) < until && wait_once(ms, (int)((until - now) / 1000000 + 1)))
		;
	for (i = 0; i < ms->n; i++)
		vsu_fd_close(&ms->list[i]->sock);
}

void vmm_machines_free(struct vmm_machines *ms)
{
	unsigned int i;

	for (i = 0; i < ms->n; i++) {
		vsu_fd_close(&ms->list[i]->sock);
		free(ms->list[i]->reply);
		free(ms->list[i]->path);
		free(ms->list[i]);
	}
	ms->n = 0;
}
