/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* cvmm's side of its starter: requests, and the connection to each daemon. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "log.h"
#include "common/spawn/log_reader.h"
#include "common/spawn/spawn.h"

struct spawned {
	struct vmm_spawner *spawner;	/* or NULL */
	struct vmm_starter_request request;
	struct vmm_log_reader log;
	unsigned int nfds;
	int fds[VMM_DAEMON_MAX_FDS];	/* passed at each start */
};

const char *vmm_spawn_default_folder(void)
{
	return DAEMON_FOLDER;
}

int vmm_spawn_find(const char *folder, const struct devkind *kind,
		   struct vsu_error *err)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/cvmm-vhost-user-%s", folder, kind->name);
	if (!access(path, X_OK))
		return 0;
	return vsu_error_set(err, -errno, "backend=spawn: '%s': %s; install cvmm's daemons, or name their folder by --daemon-path",
			     path, strerror(errno));
}

static void become_starter(struct vmm_starter_setup *setup, const int ends[2])
{
	close(ends[0]);
	vmm_starter_run(setup, ends[1]);
}

int vmm_spawn_prepare(struct vmm_spawner *spawner, struct vmm_starter_setup *setup,
		      struct vsu_error *err)
{
	int ends[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		return vsu_error_sys(err, -errno, "cannot make a socket");
	spawner->pid = fork();
	rc = -errno;
	if (!spawner->pid)
		become_starter(setup, ends);
	vsu_fd_close(&ends[1]);
	if (spawner->pid < 0) {
		vsu_fd_close(&ends[0]);
		return vsu_error_sys(err, rc, "cannot start a process");
	}
	spawner->sock = ends[0];
	return 0;
}

static int send_request(const struct vmm_spawner *spawner, struct vmm_starter_request *r,
			const int *fds, unsigned int nfds, struct vsu_error *err)
{
	const struct iovec iov = {
		r, offsetof(struct vmm_starter_request, spec) + vmm_daemon_spec_size(&r->spec),
	};
	ssize_t rc;

	if (!spawner || spawner->sock < 0)
		return vsu_error_set(err, -EOPNOTSUPP, "backend=spawn: this cvmm cannot start daemons; start it with --daemon-path=%s, or use backend=user:SOCKET",
				     vmm_spawn_default_folder());
	rc = vsu_sock_send(spawner->sock, &iov, 1, fds, nfds);
	if (rc >= 0)
		return 0;
	return vsu_error_set(err, (int)rc, "backend=spawn: the process cvmm-starter does not accept a request: %s%s",
			     strerror((int)-rc),
			     rc == -EAGAIN ? "" : "; save the guest, and start cvmm again");
}

/* The starter reads as fast as it can. */
static int send_list(const struct vmm_spawner *spawner, struct vmm_starter_request *r, struct vsu_error *err)
{
	struct pollfd writable = { .fd = spawner->sock, .events = POLLOUT };
	int rc;

	while ((rc = send_request(spawner, r, NULL, 0, err)) == -EAGAIN)
		poll(&writable, 1, -1);
	return rc;
}

int vmm_spawn_list(const struct vmm_spawner *spawner, const struct vmm_starter_setup *setup,
		   struct vsu_error *err)
{
	struct vmm_starter_request r = { .what = VMM_STARTER_DEVICE };
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < setup->n; i++) {
		r.spec = setup->devices[i];
		rc = send_list(spawner, &r, err);
	}
	r.what = VMM_STARTER_COMPLETE;
	return rc ? rc : send_list(spawner, &r, err);
}

void vmm_spawn_end(struct vmm_spawner *spawner)
{
	if (spawner->sock < 0)
		return;
	vsu_fd_close(&spawner->sock);
	while (waitpid(spawner->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* ------------------------------------------------------------------ one daemon */

static int keep_descriptors(struct spawned *s, struct vsu_error *err)
{
	struct vmm_daemon_value v = { .next = 0 };
	char option[VMM_DAEMON_OPTION_MAX];
	int fd;

	while (vmm_daemon_next_fd(&s->request.spec, &v)) {
		if (s->nfds == VMM_DAEMON_MAX_FDS)
			return vsu_error_set(err, -E2BIG, "backend=spawn: more than %d descriptors",
					     VMM_DAEMON_MAX_FDS);
		fd = vsu_fd_dup(v.fd);
		if (fd < 0)
			return vsu_error_sys(err, fd, "backend=spawn: '%s'", vmm_daemon_option(&v, v.fd, option));
		s->fds[s->nfds++] = fd;
	}
	return 0;
}

static void spawned_remove(void *daemon)
{
	struct spawned *s = daemon;

	if (!s)
		return;
	s->request.what = VMM_STARTER_END;
	(void)!send_request(s->spawner, &s->request, NULL, 0, NULL);
	vmm_log_reader_fini(&s->log);
	while (s->nfds)
		vsu_fd_close(&s->fds[--s->nfds]);
	free(s);
}

static int spawned_add(void *spawner, const struct cvmm_server *config, void **daemon,
		       struct vsu_error *err)
{
	struct spawned *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return vsu_error_sys(err, -ENOMEM, "a daemon");
	s->spawner = spawner;
	s->request.id = s->spawner ? ++s->spawner->last_id : 0;
	s->request.continues = config->continues;
	rc = vmm_daemon_spec_make(&s->request.spec, config);
	vmm_log_reader_init(&s->log, config->loop, config->name);
	rc = rc < 0 ? vsu_error_set(err, rc, "backend=spawn: the options of the daemon are too long") :
	     config->passes ? keep_descriptors(s, err) : 0;
	if (rc < 0)
		spawned_remove(s);
	else
		*daemon = s;
	return rc;
}

/* The second descriptor of each pair is for the daemon. */
static int request_start(struct spawned *s, int connection[2], int log[2],
		 struct vsu_error *err)
{
	int fds[VMM_STARTER_FDS + VMM_DAEMON_MAX_FDS] = {
		[VMM_STARTER_SOCKET] = connection[1], [VMM_STARTER_LOG] = log[1],
	};
	int rc = vsu_fd_set_nonblock(log[0]);

	if (rc < 0)
		return vsu_error_sys(err, rc, "the daemon's log");
	s->request.level = prog_log_get_level();
	memcpy(fds + VMM_STARTER_FDS, s->fds, s->nfds * sizeof(*fds));
	rc = send_request(s->spawner, &s->request, fds, VMM_STARTER_FDS + s->nfds, err);
	if (rc < 0)
		return rc;
	s->request.continues = true;
	vmm_log_reader_start(&s->log, log[0]);
	log[0] = -1;
	rc = connection[0];
	connection[0] = -1;
	return rc;
}

static int spawned_connect(void *daemon, struct vsu_error *err)
{
	int connection[2] = { -1, -1 }, log[2] = { -1, -1 }, i, rc;

	rc = vsu_sock_pair(connection);
	if (!rc && pipe2(log, O_CLOEXEC) < 0)
		rc = -errno;
	rc = rc < 0 ? vsu_error_sys(err, rc, "backend=spawn: a connection") :
		      request_start(daemon, connection, log, err);
	for (i = 0; i < 2; i++) {
		vsu_fd_close(&connection[i]);
		vsu_fd_close(&log[i]);
	}
	return rc;
}

static pid_t spawned_pid(void *daemon)
{
	struct spawned *s = daemon;

	return vmm_log_reader_pid(&s->log);
}

static void spawned_explain(void *daemon, struct vsu_error *err)
{
	struct spawned *s = daemon;
	const char *line = vmm_log_reader_finish(&s->log);

	if (line[0])
		vsu_error_set(err, err->code, "backend=spawn: %s", line);
}

struct cvmm_servers vmm_spawn_servers(struct vmm_spawner *spawner)
{
	return (struct cvmm_servers){
		.opaque = spawner, .add = spawned_add, .connect = spawned_connect,
		.pid = spawned_pid, .explain = spawned_explain, .remove = spawned_remove,
	};
}
