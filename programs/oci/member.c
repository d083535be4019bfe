/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Adds a member of a pod to the machine of its sandbox. */
#define _GNU_SOURCE
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "confine/mounts.h"
#include "oci/cgroup.h"
#include "oci/layout.h"
#include "oci/member.h"
#include "oci/members.h"
#include "oci/monitor_confinement.h"
#include "oci/network.h"
#include "oci/pod.h"
#include "oci/stand_in.h"
#include "oci/wire.h"

#define STATUS_FAILED 125
#define SHARE_NAME "share"

struct sandbox {
	int folder;		/* of its state */
	int process;		/* its monitor */
	struct oci_state state;
};

#define SANDBOX_INIT { .folder = -1, .process = -1 }

static int open_sandbox(struct sandbox *s, const char *root, const char *id, struct vsu_error *err)
{
	int rc = s->folder = oci_state_open(root, id, err);

	if (rc == -ENOENT)
		return vsu_error_set(err, rc, "the sandbox '%s' of the pod does not exist: a pod without its infra container (podman pod create --infra=false) has no machine for its containers", id);
	rc = rc < 0 ? rc : oci_state_read(root, s->folder, id, &s->state, err);
	if (rc < 0)
		return vsu_error_prefix(err, rc, "the sandbox of the pod");
	s->process = s->state.status == OCI_STOPPED ? -ESRCH : oci_state_open_monitor(&s->state);
	return s->process < 0 ? vsu_error_set(err, -ESRCH, "the sandbox '%s' of the pod is not running", id) : 0;
}

static void close_sandbox(struct sandbox *s)
{
	oci_state_fini(&s->state);
	vsu_fd_close(&s->process);
	vsu_fd_close(&s->folder);
}

/* ------------------------------------------------------------------------- files */

static void share_path(char path[2 * OCI_STATE_PATH], const char *root, const char *id)
{
	snprintf(path, 2 * OCI_STATE_PATH, "%s/%s/" SHARE_NAME, root, id);
}

static int open_folder(int parent, const char *name)
{
	const int fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Returns a detached copy of all that the member has. Its sources are those of this process's namespace. */
static int copy_files(const struct oci_monitor_config *c, struct vsu_error *err)
{
	char path[2 * OCI_STATE_PATH];
	int share, tree, rc = oci_layout_enter(err);

	share_path(path, c->root, c->state->id);
	rc = rc < 0 ? rc : oci_layout_make(c->state->spec, c->state->bundle, path, err);
	if (rc < 0)
		return rc;
	share = open_folder(AT_FDCWD, path);
	tree = share < 0 ? share : prog_mount_copy(share);
	vsu_fd_close(&share);
	return tree < 0 ? vsu_error_sys(err, tree, "cannot copy the mounts of the container") : tree;
}

/* The monitor has left the namespace of its files, and keeps it open. */
static int open_files_namespace(pid_t monitor)
{
	char folder[32], path[sizeof(folder) + NAME_MAX + 1], target[16];
	const struct dirent *e;
	int found = -ENOENT;
	DIR *all;

	snprintf(folder, sizeof(folder), "/proc/%d/fd", (int)monitor);
	all = opendir(folder);
	while (all && found < 0 && (e = readdir(all))) {
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (readlink(path, target, sizeof(target)) >= 4 && !strncmp(target, "mnt:", 4))
			/* without a wait, should the link name another file meanwhile: setns() judges it */
			found = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	}
	if (all)
		closedir(all);
	return found;
}

/* Enters the namespace of the files of the sandbox's monitor, and returns the folder that it shares. */
static int enter_share(const struct sandbox *s, const char *root, struct vsu_error *err)
{
	struct pollfd end = { .fd = s->process, .events = POLLIN };
	int space = open_files_namespace(s->state.pid), share, rc;
	char path[2 * OCI_STATE_PATH];

	/* the process of the number was the monitor if that has not ended */
	rc = space < 0 ? space : poll(&end, 1, 0) ? -ESRCH : 0;
	if (!rc && setns(space, CLONE_NEWNS) < 0)
		rc = -errno;
	vsu_fd_close(&space);
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot enter the mounts of the sandbox '%s'", s->state.id);
	share_path(path, root, s->state.id);
	share = open_folder(AT_FDCWD, path);
	return share < 0 ? vsu_error_sys(err, share, "cannot open '%s'", path) : share;
}

static int attach_files(const struct sandbox *s, const struct oci_monitor_config *c, struct vsu_error *err)
{
	char name[OCI_LAYOUT_MEMBER];
	int tree = copy_files(c, err), share = tree < 0 ? tree : enter_share(s, c->root, err), place = -1;
	int rc = share < 0 ? share : 0;

	oci_layout_name_member(name, c->state->id, oci_state_begun(getpid()));
	if (!rc && mkdirat(share, name, 0700) < 0)
		rc = -errno;
	if (!rc)
		rc = place = open_folder(share, name);
	rc = rc < 0 ? rc : prog_mount_attach(tree, place);
	if (rc < 0 && share >= 0)
		vsu_error_sys(err, rc, "cannot mount the files of the container for the sandbox '%s'", s->state.id);
	vsu_fd_close(&place);
	vsu_fd_close(&share);
	vsu_fd_close(&tree);
	return rc;
}

static void detach_files(const char *root, const struct oci_state *member, const char *sandbox)
{
	struct sandbox s = SANDBOX_INIT;
	char path[64], name[OCI_LAYOUT_MEMBER];
	int share = open_sandbox(&s, root, sandbox, NULL), place;

	share = share < 0 ? share : enter_share(&s, root, NULL);
	oci_layout_name_member(name, member->id, member->begun);
	place = share < 0 ? share : open_folder(share, name);
	if (place < 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", place);
	if (!umount2(path, MNT_DETACH) || errno == EINVAL)
		(void)unlinkat(share, name, AT_REMOVEDIR);
}

/* Detaches in a process of its own, because it leaves the namespace of mounts. */
void oci_member_detach(const char *root, const struct oci_state *s)
{
	const char *sandbox = oci_pod_sandbox(s->spec);
	const pid_t pid = sandbox ? fork() : -1;

	if (!pid) {
		detach_files(root, s, sandbox);
		_exit(EXIT_SUCCESS);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

/* -------------------------------------------------------------------------- join */

struct member {
	const struct oci_monitor_config *config;
	int sock;		/* to the monitor of the sandbox */
	int signals;
	struct oci_status_page *page;
	const char *remark;	/* for the user of "create" */
};

/* Waits until the monitor has prepared the process. The end of "create" ends this process. */
static int await_prepared(const struct member *m, struct vsu_error *err)
{
	struct pollfd p[] = { { .fd = m->sock, .events = POLLIN }, { .fd = m->config->ready, .events = POLLIN } };
	struct oci_message reply;
	int rc = 0;

	while (!rc && !p[0].revents)
		rc = poll(p, 2, -1) < 0 && errno != EINTR ? -errno : p[1].revents ? -ECONNRESET : 0;
	rc = rc < 0 ? rc : oci_wire_await(m->sock, &reply, -1);
	if (rc < 0)
		return vsu_error_sys(err, rc, "the monitor of the pod does not answer");
	return reply.rc < 0 ? vsu_error_set(err, reply.rc, "%s", reply.text) : 0;
}

static int join_machine(struct member *m, struct vsu_error *err)
{
	const struct oci_monitor_config *c = m->config;
	struct oci_message request = { .op = OCI_OP_JOIN, .begun = oci_state_begun(getpid()) };
	char path[OCI_STATE_PATH + 16];
	int fds[OCI_JOIN_FDS], null = open("/dev/null", O_WRONLY | O_CLOEXEC), i, rc;

	snprintf(path, sizeof(path), "%s/config.json", c->state->bundle);
	snprintf(request.text, sizeof(request.text), "%s", c->state->id);
	fds[OCI_JOIN_CONFIG] = open(path, O_RDONLY | O_CLOEXEC);
	for (i = 0; i < 3; i++)
		fds[OCI_JOIN_STREAMS + i] = c->streams[i] < 0 ? null : c->streams[i];
	rc = fds[OCI_JOIN_CONFIG] < 0 || null < 0 ? -errno : oci_wire_send(m->sock, &request, fds, OCI_JOIN_FDS);
	vsu_fd_close(&fds[OCI_JOIN_CONFIG]);
	vsu_fd_close(&null);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot reach the monitor of the pod") : 0;
}

/* Control groups of the host limit the machine, and that is the sandbox's. */
static int enter_groups(const struct oci_monitor_config *c, struct vsu_error *err)
{
	const struct oci_resources none = { .memory_limit = 0 };
	const struct oci_namespace *n = oci_spec_namespace(c->state->spec, OCI_NAMESPACE_NETWORK);
	int owned;	/* until this process ends */
	int rc = oci_cgroup_enter(c->root, c->state, &none, &owned, err);

	return rc < 0 || !n->path ? rc : oci_namespace_enter(n->path, CLONE_NEWNET, err);
}

/* This process is in the namespace of the machine's files. */
static int confine_member(struct member *m, const struct sandbox *s, struct vsu_error *err)
{
	const struct oci_monitor_config *c = m->config;
	char share[2 * OCI_STATE_PATH], name[OCI_LAYOUT_MEMBER], path[sizeof(share) + sizeof(name)];
	const struct oci_monitor_files files = { c->state->spec, path, false };

	share_path(share, c->root, s->state.id);
	oci_layout_name_member(name, c->state->id, oci_state_begun(getpid()));
	snprintf(path, sizeof(path), "%s/%s", share, name);
	return oci_monitor_confine(&files, &m->remark, err);
}

static int begin_member(struct member *m, struct sandbox *s, struct vsu_error *err)
{
	const struct oci_monitor_config *c = m->config;
	int rc = open_sandbox(s, c->root, oci_pod_sandbox(c->state->spec), err);

	rc = rc < 0 ? rc : oci_pod_check_namespaces(c->state->spec, s->state.pid, err);
	rc = rc < 0 ? rc : enter_groups(c, err);
	rc = rc < 0 ? rc : oci_monitor_run_hooks(c, err);
	if (!rc)
		rc = m->signals = oci_stand_in_watch_signals(err);
	if (rc >= 0)
		rc = m->sock = oci_wire_connect(s->folder, err);
	rc = rc < 0 ? rc : oci_status_open(c->folder, &m->page, err);
	rc = rc < 0 ? rc : attach_files(s, c, err);
	rc = rc < 0 ? rc : join_machine(m, err);
	oci_report_close(c->report);
	rc = rc < 0 ? rc : confine_member(m, s, err);
	rc = rc < 0 ? rc : await_prepared(m, err);
	if (!rc)
		oci_status_write(m->page, OCI_CREATED);
	return rc;
}

void oci_member_run(const struct oci_monitor_config *c)
{
	struct member m = { .config = c, .sock = -1, .signals = -1, .remark = "" };
	const int console = c->state->spec->process.terminal ? c->streams[0] : -1;
	struct sandbox s = SANDBOX_INIT;
	struct vsu_error err = VSU_ERROR_INIT;
	struct oci_message reply = { .rc = begin_member(&m, &s, &err) };

	close_sandbox(&s);
	snprintf(reply.text, sizeof(reply.text), "%s", reply.rc < 0 ? err.msg : m.remark);
	if (!reply.rc)
		oci_stand_in_release_streams();
	if (oci_wire_send(c->ready, &reply, NULL, 0) < 0 || reply.rc < 0)
		_exit(STATUS_FAILED);
	_exit(oci_stand_in_await(m.sock, m.signals, console, c->state->id));
}
