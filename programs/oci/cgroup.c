/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Makes control groups by files. */
#define _GNU_SOURCE
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "oci/cgroup.h"
#include "oci/cgroup_values.h"
#include "oci/pod.h"

/* The kernel's value, which engines pass as a limit. */
#define USUAL_SHARES 1024
#define VALUE_BYTES 64
#define NAME_BYTES 17
/* The kernel removes the last process of a group after its end was reported. */
#define REMOVE_NS UINT64_C(2000000000)
/* Another container holds the lock for a few system calls, while it finds that the group is this one's. */
#define KEEP_NS UINT64_C(10000000000)
/* Groups below one of a container, each in the one before. Each needs a descriptor. */
#define MAX_DEPTH 64

/* ---------------------------------------------------------------------- choosing */

/* Beside control groups of version 1, it has few controllers. */
static bool has_controllers(const char *mount)
{
	char path[OCI_STATE_PATH + 32], names[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.controllers", mount);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : vsu_fd_read_full(fd, names, sizeof(names) - 1);
	names[n < 0 ? 0 : n] = '\0';
	vsu_fd_close(&fd);
	return strstr(names, "memory") && strstr(names, "cpu");
}

static int find_mount(char mount[OCI_STATE_PATH])
{
	FILE *f = fopen("/proc/self/mounts", "re");
	char line[OCI_STATE_PATH * 2], type[64], path[OCI_STATE_PATH];
	int rc = -ENOENT;

	while (f && rc < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %4095s %63s", path, type) == 2 && !strcmp(type, "cgroup2") && has_controllers(path)) {
			strcpy(mount, path);
			rc = 0;
		}
	if (f)
		fclose(f);
	return rc;
}

/* The first limit that only a control group can set. */
static const char *find_limit(const struct oci_resources *r)
{
	const struct {
		const char *name;
		bool is_set;
	} members[] = {
		{ "memory.reservation", r->memory_reservation != 0 },
		{ "cpu.shares", r->cpu_shares && r->cpu_shares != USUAL_SHARES },
		{ "cpu.burst", r->cpu_burst != 0 },
		{ "cpu.idle", r->cpu_idle != 0 },
		{ "cpu.cpus", r->cpus && *r->cpus },
		{ "cpu.mems", r->mems && *r->mems },
		{ "blockIO.weight", r->block_weight != 0 },
		{ "unified", r->unified.n != 0 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (members[i].is_set)
			return members[i].name;
	return NULL;
}

bool oci_cgroup_has_limits(const struct oci_resources *r)
{
	return find_limit(r) || r->cpu_quota || r->cpu_period || r->memory_swap;
}

static bool leaves_folder(const char *path)
{
	size_t len;

	for (path += strspn(path, "/"); *path; path += strspn(path, "/")) {
		len = strcspn(path, "/");
		if (len == 2 && !strncmp(path, "..", 2))
			return true;
		path += len;
	}
	return false;
}

static int check_path(const char *path, struct vsu_error *err)
{
	if (!path || !*path)
		return 0;
	if (leaves_folder(path))
		return vsu_error_set(err, -EINVAL, "member 'linux.cgroupsPath': '%s' leads out of the control groups", path);
	return path[strspn(path, "/")] ? 0 :
	       vsu_error_set(err, -EINVAL, "member 'linux.cgroupsPath': '%s' is the group of all processes", path);
}

static int join_path(const struct oci_spec *spec, const char *mount, const char *id, char folder[OCI_STATE_PATH],
		     struct vsu_error *err)
{
	const char *path = spec->cgroup && *spec->cgroup ? spec->cgroup : NULL;
	int n;

	n = path ? snprintf(folder, OCI_STATE_PATH, "%s/%s", mount, path + strspn(path, "/")) :
		   snprintf(folder, OCI_STATE_PATH, "%s/cvmm-oci/%s", mount, id);
	return n < OCI_STATE_PATH ? 0 : vsu_error_set(err, -ENAMETOOLONG, "member 'linux.cgroupsPath' is too long");
}

static int choose_scope(const struct oci_spec *spec, const char *id, struct oci_scope *scope, struct vsu_error *err)
{
	char mount[OCI_STATE_PATH];

	if (!oci_scope_is_possible())
		return vsu_error_set(err, -EOPNOTSUPP, "this build has no control groups of systemd, because libsystemd was missing; choose the manager 'cgroupfs' of the engine");
	if (find_mount(mount) < 0)
		return vsu_error_set(err, -EOPNOTSUPP, "control groups of systemd need version 2, and this host has none; choose the manager 'cgroupfs' of the engine");
	return oci_scope_parse(spec->cgroup, id, oci_state_is_host_root(), scope, err);
}

int oci_cgroup_choose(const struct oci_spec *spec, enum oci_cgroup_manager manager, const char *id,
		      char folder[OCI_STATE_PATH], struct oci_scope *scope, struct vsu_error *err)
{
	/* limits of a pod's member hold in the guest */
	const char *limit = oci_pod_sandbox(spec) ? NULL : find_limit(&spec->resources);
	char mount[OCI_STATE_PATH];

	*folder = *scope->name = '\0';
	if (manager == OCI_CGROUPS_SYSTEMD)
		return choose_scope(spec, id, scope, err);
	if (manager != OCI_CGROUPS_DISABLED && check_path(spec->cgroup, err) < 0)
		return -EINVAL;
	if (manager != OCI_CGROUPS_DISABLED && !find_mount(mount))
		return join_path(spec, mount, id, folder, err);
	if (!limit)
		return 0;
	return vsu_error_set(err, -EOPNOTSUPP, "member 'linux.resources.%s' needs a control group of version 2, and %s", limit,
			     manager == OCI_CGROUPS_DISABLED ? "they are disabled" : "this host has none");
}

/* ------------------------------------------------------------------------ making */

static int write_file(const char *folder, const char *name, const char *value)
{
	char path[OCI_STATE_PATH + 64];
	int fd, rc = 0;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		rc = -errno;
	vsu_fd_close(&fd);
	return rc;
}

/* A host may lack some of them, which then fail where a limit is written. */
static void enable_controllers(const char *folder)
{
	static const char *const controllers[] = { "+cpu", "+cpuset", "+io", "+memory", "+pids" };
	unsigned int i;

	for (i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++)
		if (write_file(folder, "cgroup.subtree_control", controllers[i]) < 0)
			continue;
}

/* Only the folders below that of all control groups are made. */
static int make_folders(const char *folder, struct vsu_error *err)
{
	char path[OCI_STATE_PATH], *slash;

	snprintf(path, sizeof(path), "%s", folder);
	for (slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return vsu_error_sys(err, -errno, "cannot make the control group '%s'", path);
		enable_controllers(path);
		*slash = '/';
	}
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return vsu_error_sys(err, -errno, "cannot make the control group '%s'", path);
	return 0;
}

struct limit {
	const char *file, *member;
	bool is_set;
	char value[VALUE_BYTES];
};

static int write_limit(const char *folder, const char *file, const char *member, const char *value, struct vsu_error *err)
{
	const int rc = strchr(file, '/') ? -EINVAL : write_file(folder, file, value);

	return rc < 0 ? vsu_error_sys(err, rc, "member 'linux.resources.%s': cannot write '%s' to '%s/%s'", member, value, folder, file) : 0;
}

static void format_number(char value[VALUE_BYTES], int64_t number)
{
	if (number < 0)
		strcpy(value, "max");
	else
		snprintf(value, VALUE_BYTES, "%" PRId64, number);
}

static int write_numbers(const char *folder, const struct oci_resources *r, struct vsu_error *err)
{
	struct limit limits[] = {
		{ .file = "cpu.weight", .member = "cpu.shares", .is_set = r->cpu_shares != 0 },
		{ .file = "cpu.max.burst", .member = "cpu.burst", .is_set = r->cpu_burst != 0 },
		{ .file = "cpu.idle", .member = "cpu.idle", .is_set = r->cpu_idle != 0 },
		{ .file = "memory.low", .member = "memory.reservation", .is_set = r->memory_reservation != 0 },
		{ .file = "memory.swap.max", .member = "memory.swap", .is_set = r->memory_swap != 0 },
		{ .file = "io.weight", .member = "blockIO.weight", .is_set = r->block_weight != 0 },
	};
	const int64_t numbers[] = {
		oci_cgroup_weight(r->cpu_shares), r->cpu_burst, r->cpu_idle, r->memory_reservation, oci_cgroup_swap(r), r->block_weight,
	};
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (!limits[i].is_set)
			continue;
		format_number(limits[i].value, numbers[i]);
		rc = write_limit(folder, limits[i].file, limits[i].member, limits[i].value, err);
	}
	return rc;
}

static int write_quota(const char *folder, const struct oci_resources *r, struct vsu_error *err)
{
	char value[VALUE_BYTES], quota[VALUE_BYTES];

	if (!r->cpu_quota && !r->cpu_period)
		return 0;
	format_number(quota, r->cpu_quota ? r->cpu_quota : -1);
	if (r->cpu_period > 0)
		snprintf(value, sizeof(value), "%.20s %" PRId64, quota, r->cpu_period);
	else
		strcpy(value, quota);
	return write_limit(folder, "cpu.max", "cpu.quota", value, err);
}

int oci_cgroup_limit(const char *folder, const struct oci_resources *r, struct vsu_error *err)
{
	unsigned int i;
	int rc = *folder ? write_numbers(folder, r, err) : 0;

	if (!*folder)
		return 0;
	rc = rc < 0 ? rc : write_quota(folder, r, err);
	if (!rc && r->cpus && *r->cpus)
		rc = write_limit(folder, "cpuset.cpus", "cpu.cpus", r->cpus, err);
	if (!rc && r->mems && *r->mems)
		rc = write_limit(folder, "cpuset.mems", "cpu.mems", r->mems, err);
	for (i = 0; !rc && i < r->unified.n; i++)
		rc = write_limit(folder, r->unified.items[i].name, "unified", r->unified.items[i].value, err);
	return rc;
}

int oci_cgroup_update(const struct oci_state *s, const struct oci_resources *r, struct vsu_error *err)
{
	const int rc = *s->unit ? oci_scope_update(s->unit, r, err) : 0;

	return rc < 0 ? rc : oci_cgroup_limit(s->cgroup, r, err);
}

/* ------------------------------------------------------------------------ scopes */

/* "0::PATH" is the line of version 2. */
static int find_group(pid_t pid, char folder[OCI_STATE_PATH], struct vsu_error *err)
{
	char mount[OCI_STATE_PATH], path[64], line[OCI_STATE_PATH];
	int n = -1, rc = find_mount(mount);
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	f = rc < 0 ? NULL : fopen(path, "re");
	while (f && n < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, "0::/", 4)) {
			line[strcspn(line, "\n")] = '\0';
			n = snprintf(folder, OCI_STATE_PATH, "%s%s", mount, line + 3);
		}
	if (f)
		fclose(f);
	if (n > 0 && n < OCI_STATE_PATH)
		return 0;
	*folder = '\0';
	return vsu_error_set(err, -ENOENT, "cannot find the control group of process %d", (int)pid);
}

int oci_cgroup_start_scope(const struct oci_scope *scope, struct oci_state *s, const struct oci_resources *r,
			   struct vsu_error *err)
{
	int rc = oci_scope_start(scope, s->pid, r, err);

	if (rc == -EEXIST)
		return rc;
	strcpy(s->unit, scope->name);
	rc = rc < 0 ? rc : find_group(s->pid, s->cgroup, err);
	return rc < 0 ? rc : oci_cgroup_limit(s->cgroup, r, err);
}

/* ----------------------------------------------------------------------- owning */

/* The events are those of the groups below, too. */
int oci_cgroup_claim(const char *folder, struct vsu_error *err)
{
	char path[OCI_STATE_PATH + 64], events[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.events", folder);
	fd = *folder ? open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	if (!*folder || (fd < 0 && errno == ENOENT))
		return 0;
	n = fd < 0 ? -errno : vsu_fd_read_full(fd, events, sizeof(events) - 1);
	vsu_fd_close(&fd);
	if (n < 0)
		return vsu_error_sys(err, (int)n, "cannot read '%s'", path);
	events[n] = '\0';
	return strstr(events, "populated 0") ? 0 :
	       vsu_error_set(err, -EBUSY, "the control group '%s' has processes of others", folder);
}

/* A checksum of the path (FNV-1a), which may be longer than a name. */
static void format_name(const char *folder, char name[NAME_BYTES])
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *folder; folder++)
		hash = (hash ^ (unsigned char)*folder) * UINT64_C(0x100000001b3);
	snprintf(name, NAME_BYTES, "%016" PRIx64, hash);
}

/*
 * A lock of a file that only the owner of the containers can open is the ownership: any user can lock a file of the
 * group for reading. It is that of this process alone: programs and processes that it has started do not keep it.
 * Returns a descriptor; -EBUSY: another process has it; -ENOENT: no file, and none is to be made.
 */
static int own_group(const char *root, const char *name, enum oci_group_access access)
{
	struct flock lock = { .l_type = access == OCI_GROUP_READ ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET };
	int fd = oci_state_open_group(root, name, access), rc = fd;
	struct stat st;

	if (fd < 0)
		return fd;
	if (fcntl(fd, F_SETLK, &lock) < 0)
		rc = errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
	else if (fstat(fd, &st) < 0 || !st.st_nlink)
		rc = -EBUSY;	/* its former owner has removed it meanwhile */
	if (rc < 0)
		vsu_fd_close(&fd);
	return rc;
}

/*
 * A guest may control the monitor, which therefore keeps no file that it could fill: its lock becomes one for reading,
 * which refuses those of others as well. Between both, another container finds this one's process in the group.
 */
static int keep_group(const char *root, const char *name, int *owned)
{
	const uint64_t until_ns = vsu_now_ns() + KEEP_NS;

	vsu_fd_close(owned);
	while ((*owned = own_group(root, name, OCI_GROUP_READ)) == -EBUSY && vsu_now_ns() < until_ns)
		usleep(1000);
	return *owned < 0 ? *owned : 0;
}

/* The file has the id of the container whose monitor has entered the group. */
static int write_owner(int owned, const char *id)
{
	const size_t len = strlen(id);

	if (ftruncate(owned, 0) < 0)
		return -errno;
	return pwrite(owned, id, len, 0) == (ssize_t)len ? 0 : -EIO;
}

static int enter_owned(const struct oci_state *s, const struct oci_resources *r, int owned, struct vsu_error *err)
{
	int rc = make_folders(s->cgroup, err);

	rc = rc < 0 ? rc : oci_cgroup_claim(s->cgroup, err);
	rc = rc < 0 ? rc : oci_cgroup_limit(s->cgroup, r, err);
	if (rc < 0)
		return rc;
	rc = write_owner(owned, "");
	rc = rc < 0 ? rc : write_file(s->cgroup, "cgroup.procs", "0");
	rc = rc < 0 ? rc : write_owner(owned, s->id);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot enter the control group '%s'", s->cgroup) : 0;
}

/* A group that has processes of others remains, and its file if that has an id. */
static void leave_group(const char *root, const char *name, const char *folder, int owned)
{
	const bool is_gone = !rmdir(folder) || errno == ENOENT;
	struct stat st;

	if (is_gone || (!fstat(owned, &st) && !st.st_size))
		oci_state_remove_group(root, name);
}

int oci_cgroup_enter(const char *root, const struct oci_state *s, const struct oci_resources *r, int *owned,
		     struct vsu_error *err)
{
	char name[NAME_BYTES];
	int rc;

	*owned = -1;
	if (!*s->cgroup)
		return 0;
	format_name(s->cgroup, name);
	*owned = own_group(root, name, OCI_GROUP_MAKE);
	if (*owned == -EBUSY)
		return vsu_error_set(err, -EBUSY, "the control group '%s' is that of another container", s->cgroup);
	if (*owned < 0)
		return vsu_error_sys(err, *owned, "cannot lock the control group '%s'", s->cgroup);
	rc = enter_owned(s, r, *owned, err);
	if (rc < 0) {
		leave_group(root, name, s->cgroup, *owned);
		vsu_fd_close(owned);
		return rc;
	}
	rc = keep_group(root, name, owned);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot lock the control group '%s'", s->cgroup) : 0;
}

/* Processes of the machine began after its monitor, and before "create" ended. Others joined the group. */
static bool is_of_machine(const struct oci_state *s, uint64_t begun)
{
	return begun >= s->begun && (!s->made || begun <= s->made);
}

/* Returns whether the process is that of others. */
static bool kill_process(const struct oci_state *s, pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	const uint64_t begun = fd < 0 ? 0 : oci_state_begun(pid);
	const bool is_other = begun && !is_of_machine(s, begun);

	if (begun && !is_other && syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) < 0)
		errno = 0;	/* it has ended */
	vsu_fd_close(&fd);
	return is_other;
}

/* Processes of the machine that have outlived its monitor. Returns the number of those of others. */
static unsigned int kill_processes(const struct oci_state *s, int group)
{
	int fd = openat(group, "cgroup.procs", O_RDONLY | O_NOFOLLOW | O_CLOEXEC), pid;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	unsigned int nothers = 0;

	while (f && fscanf(f, "%d", &pid) == 1)
		if (pid > 0)
			nothers += kill_process(s, pid);
	if (f)
		fclose(f);
	else
		vsu_fd_close(&fd);
	return nothers;
}

static DIR *open_group(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *all = fd < 0 ? NULL : fdopendir(fd);

	if (!all)
		vsu_fd_close(&fd);
	return all;
}

static const char *next_group(DIR *all)
{
	const struct dirent *d;

	while ((d = readdir(all)))
		if (d->d_type == DT_DIR && strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			return d->d_name;
	return NULL;
}

/* As kill_processes(), also in the groups below. A group that cannot be read may have processes of others. */
static unsigned int kill_all(const struct oci_state *s, int parent, const char *name, unsigned int depth)
{
	DIR *all = depth ? open_group(parent, name) : NULL;
	unsigned int nothers = all || (depth && errno == ENOENT) ? 0 : 1;

	if (!all)
		return nothers;
	nothers = kill_processes(s, dirfd(all));
	while ((name = next_group(all)))
		nothers += kill_all(s, dirfd(all), name, depth - 1);
	closedir(all);
	return nothers;
}

/* Groups below are removed first. One that has processes remains. */
static void remove_all(int parent, const char *name, unsigned int depth)
{
	DIR *all = depth ? open_group(parent, name) : NULL;
	const char *below;

	while (all && (below = next_group(all)))
		remove_all(dirfd(all), below, depth - 1);
	if (all)
		closedir(all);
	(void)unlinkat(parent, name, AT_REMOVEDIR);
}

static int refuse_others(const struct oci_state *s, struct vsu_error *err)
{
	return vsu_error_set(err, -EBUSY, "the control group '%s' remains, because it has processes of others", s->cgroup);
}

static int remove_entered(const struct oci_state *s, struct vsu_error *err)
{
	const uint64_t until_ns = vsu_now_ns() + REMOVE_NS;

	for (;;) {
		if (kill_all(s, AT_FDCWD, s->cgroup, MAX_DEPTH))
			return refuse_others(s, err);
		remove_all(AT_FDCWD, s->cgroup, MAX_DEPTH);
		if (!rmdir(s->cgroup) || errno == ENOENT)
			return 0;
		if (errno != EBUSY || vsu_now_ns() > until_ns)
			return vsu_error_sys(err, errno == EBUSY ? -ETIMEDOUT : -errno, "cannot remove the control group '%s'", s->cgroup);
		usleep(10000);
	}
}

/* A monitor that was killed before it entered the group has written no id. */
static int remove_owned(const char *root, const char *name, const struct oci_state *s, int owned, struct vsu_error *err)
{
	char id[OCI_STATE_ID + 1];
	const ssize_t n = vsu_fd_read_full(owned, id, sizeof(id) - 1);
	int rc;

	id[n < 0 ? 0 : n] = '\0';
	if (!*id)
		leave_group(root, name, s->cgroup, owned);
	if (strcmp(id, s->id) != 0)
		return 0;
	rc = remove_entered(s, err);
	if (!rc || rc == -EBUSY)
		oci_state_remove_group(root, name);
	return rc;
}

static int remove_scope(const struct oci_state *s, struct vsu_error *err)
{
	if (*s->cgroup && kill_all(s, AT_FDCWD, s->cgroup, MAX_DEPTH))
		return refuse_others(s, err);
	return oci_scope_stop(s->unit, err);
}

int oci_cgroup_remove(const char *root, const struct oci_state *s, struct vsu_error *err)
{
	char name[NAME_BYTES];
	int owned, rc;

	if (*s->unit)
		return remove_scope(s, err);
	if (!*s->cgroup)
		return 0;
	format_name(s->cgroup, name);
	owned = own_group(root, name, OCI_GROUP_WRITE);
	if (owned == -EBUSY || owned == -ENOENT)
		return 0;
	if (owned < 0)
		return vsu_error_sys(err, owned, "cannot lock the control group '%s'", s->cgroup);
	rc = remove_owned(root, name, s, owned, err);
	vsu_fd_close(&owned);
	return rc;
}
