/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Copies files from and to a machine with a name. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vm-agent/files.h>
#include <vm-agent/request.h>
#include <vmm-sys-util/fd.h>

#include "exec/cp_command.h"
#include "exec/cp_confinement.h"
#include "exec/pool_wire.h"

/* Rights of files of a guest: set-user-ID files are not those of the user who copies them. */
#define MODES 0777

static mode_t find_modes(void)
{
	const mode_t mask = umask(0);

	umask(mask);
	return MODES & ~mask;
}

/* ---------------------------------------------------------------- command line */

enum { HELP, PATHS };

const struct vsu_option vmm_cp_command_options[] = {
	[HELP] = VSU_OPTION_ROW_HELP,
	[PATHS] = { .name = "PATH", .kind = VSU_OPTION_OPERAND, .repeat = true },
	{ .name = NULL },
};

struct parsing {
	const char *paths[2];
	unsigned int n;
	bool help;
};

static int take_option(void *opaque, unsigned int index, const struct vsu_option_value *value,
		       struct vsu_error *err)
{
	struct parsing *p = opaque;

	if (index == HELP)
		p->help = value->number;
	else if (p->n == 2)
		return vsu_error_set(err, -EINVAL, "cp: more than two paths; name a folder to copy several files");
	else
		p->paths[p->n++] = value->text;
	return 0;
}

/* Whether a path is NAME:PATH; one of the host can be written with a slash before the colon. */
static bool is_of_machine(const char *path)
{
	const size_t len = strcspn(path, ":/");

	return path[len] == ':' && len;
}

static int split_path(struct vmm_cp_command *c, const char *path, struct vsu_error *err)
{
	const size_t len = strcspn(path, ":");

	if (len > VMM_NAMED_MAX)
		return vsu_error_set(err, -EINVAL, "cp: the name of a machine in '%s' is longer than %d bytes", path, VMM_NAMED_MAX);
	memcpy(c->name, path, len);
	c->name[len] = '\0';
	c->guest = path + len + 1;
	return *c->guest ? 0 : vsu_error_set(err, -EINVAL, "cp: '%s' has no path behind the colon", path);
}

int vmm_cp_command_parse(struct vmm_cp_command *c, int argc, char *const *argv, struct vsu_error *err)
{
	struct parsing p = { .n = 0 };
	int rc = vsu_option_parse_argv(vmm_cp_command_options, argc, argv, take_option, &p, NULL, err);

	*c = (struct vmm_cp_command){ .help = p.help };
	if (rc < 0 || p.help)
		return rc;
	if (p.n != 2 || is_of_machine(p.paths[0]) == is_of_machine(p.paths[1]))
		return vsu_error_set(err, -EINVAL, "cp: one of two paths is NAME:PATH, of a machine; example: 'cvmm cp box:/etc/hostname .'");
	c->to_guest = is_of_machine(p.paths[1]);
	c->host = p.paths[!c->to_guest];
	return split_path(c, p.paths[c->to_guest], err);
}

/* --------------------------------------------------------------------- streams */

struct copying {
	int sock;
	mode_t modes;		/* that are copied from the guest */
	int ours[VMM_POOL_STREAMS], theirs[VMM_POOL_STREAMS];
};

static int open_streams(struct copying *c, struct vsu_error *err)
{
	int i, pair[2];

	for (i = 0; i < VMM_POOL_STREAMS; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
			return vsu_error_sys(err, -errno, "cannot make a socket");
		c->ours[i] = pair[0];
		c->theirs[i] = pair[1];
	}
	return 0;
}

static void close_all(int *fds)
{
	int i;

	for (i = 0; i < VMM_POOL_STREAMS; i++)
		vsu_fd_close(&fds[i]);
}

static int begin_program(struct copying *c, const struct vmm_cp_command *cp, struct vsu_error *err)
{
	struct vagent_request r = { NULL, 0, 0 };
	int rc;

	vagent_request_add(&r, 'b', "%s", cp->to_guest ? "unpack" : "pack");
	vagent_request_add(&r, 'A', "%s", cp->guest);
	vagent_request_add(&r, 'C', "/");
	rc = vagent_request_check(&r, err);
	rc = rc < 0 ? rc : vmm_named_execute(c->sock, &r, c->theirs, err);
	close_all(c->theirs);
	vagent_request_free(&r);
	return rc;
}

/* ------------------------------------------------------------------------- end */

static int await_message(const struct copying *c, struct vmm_pool_packet *p)
{
	struct pollfd ready = { .fd = c->sock, .events = POLLIN };
	int rc;

	do
		rc = vmm_pool_receive(c->sock, p);
	while (rc == -EAGAIN && (poll(&ready, 1, -1) > 0 || errno == EINTR));
	vmm_pool_packet_close(p);
	return rc;
}

/* The program has written a line to its errors. */
static int fail_by_line(const struct copying *c, struct vsu_error *err)
{
	char line[256];
	const ssize_t n = recv(c->ours[VAGENT_STDERR], line, sizeof(line) - 1, MSG_WAITALL);

	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return vsu_error_set(err, -ECANCELED, "in the guest: %s", line);
}

static int await_end(const struct copying *c, struct vsu_error *err)
{
	struct vmm_pool_packet *p = calloc(1, sizeof(*p));
	uint32_t status = 1;
	int rc = p ? 0 : -ENOMEM;

	while (!rc && p->type != VMM_POOL_ENDED && p->type != VMM_POOL_REFUSED)
		rc = await_message(c, p);
	if (rc < 0) {
		rc = vsu_error_sys(err, rc, "the machine ended before all files were copied");
	} else if (p->type == VMM_POOL_REFUSED) {
		rc = vsu_error_set(err, -ECANCELED, "%s", p->payload);
	} else {
		memcpy(&status, p->payload, sizeof(status));
		if (p->len > sizeof(status))
			rc = vsu_error_set(err, -ECANCELED, "%s", p->payload + sizeof(status));
		else if (status)
			rc = fail_by_line(c, err);
	}
	free(p);
	return rc;
}

/* The reason of the guest is the first one, if a stream has ended early. */
static int copy_files(struct copying *c, const struct vmm_cp_command *cp, struct vsu_error *err)
{
	struct vsu_error why = VSU_ERROR_INIT;
	int own, rc;

	if (!cp->to_guest)
		vsu_fd_close(&c->ours[VAGENT_STDIN]);
	own = cp->to_guest ? vagent_files_send(c->ours[VAGENT_STDIN], cp->host, &why) :
			     vagent_files_receive(c->ours[VAGENT_STDOUT], cp->host, cp->guest, c->modes, &why);
	if (own < 0 && own != -EBADMSG && own != -EPIPE && own != -ECONNRESET)
		return vsu_error_set(err, own, "%s", why.msg);
	vsu_fd_close(&c->ours[VAGENT_STDIN]);
	vsu_fd_close(&c->ours[VAGENT_STDOUT]);
	rc = await_end(c, err);
	return rc < 0 || own >= 0 ? rc : vsu_error_set(err, own, "%s", why.msg);
}

int vmm_cp_command_run(const struct vmm_cp_command *cp, struct vsu_error *err)
{
	struct copying c = { .sock = -1, .modes = find_modes(), .ours = { -1, -1, -1 }, .theirs = { -1, -1, -1 } };
	int rc;

	signal(SIGPIPE, SIG_IGN);
	rc = c.sock = vmm_named_connect(cp->name, err);
	rc = rc < 0 ? rc : open_streams(&c, err);
	rc = rc < 0 ? rc : vmm_cp_confine(cp->host, cp->to_guest, err);
	rc = rc < 0 ? rc : begin_program(&c, cp, err);
	rc = rc < 0 ? rc : copy_files(&c, cp, err);
	close_all(c.ours);
	close_all(c.theirs);
	vsu_fd_close(&c.sock);
	return rc;
}
