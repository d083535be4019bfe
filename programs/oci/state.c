/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Folders and files of containers. */
#define _GNU_SOURCE
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/json.h>
#include <vmm-sys-util/json_read.h>
#include <vmm-sys-util/parse.h>
#include <vmm-sys-util/path.h>

#include "oci/state.h"

#define FOLDER "cvmm-oci"
#define SOCKET_NAME "socket"
#define SHARE_NAME "share"
#define NEW_NAME "state.new"
/* no ids of containers */
#define CONFIGS_NAME ":configs"
#define STATES_NAME ":states"
#define GROUPS_NAME ":groups"
#define KEPT_NAME (sizeof(CONFIGS_NAME) + OCI_STATE_ID + 2)
#define MAX_BYTES (1u << 20)

/* ------------------------------------------------------------------- processes */

uint64_t oci_state_begun(pid_t pid)
{
	char path[64], text[1024], *at;
	uint64_t begun = 0;
	ssize_t n;
	int i, fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : vsu_fd_read_full(fd, text, sizeof(text) - 1);
	vsu_fd_close(&fd);
	text[n < 0 ? 0 : n] = '\0';
	at = strrchr(text, ')');	/* a name may contain others */
	if (!at || at[1] != ' ' || at[2] == 'Z')
		return 0;
	for (i = 2; at && i < 22; i++)
		at = strchr(at + 1, ' ');
	if (at)
		begun = strtoull(at + 1, NULL, 10);
	return begun;
}

/* The unit of /proc/PID/stat is that of times(2). */
uint64_t oci_state_now(void)
{
	const uint64_t ticks = (uint64_t)sysconf(_SC_CLK_TCK);
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * ticks + (uint64_t)now.tv_nsec * ticks / 1000000000;
}

/* The number is that of the process of the descriptor, unless it has ended meanwhile. */
int oci_state_open_monitor(const struct oci_state *s)
{
	int fd = (int)syscall(SYS_pidfd_open, s->pid, 0);

	if (fd < 0)
		return -errno;
	if (oci_state_begun(s->pid) == s->begun)
		return fd;
	vsu_fd_close(&fd);
	return -ESRCH;
}

/* --------------------------------------------------------------------- folders */

/* Root of a user namespace is root of podman's, and maps fewer users than the host has. */
bool oci_state_is_host_root(void)
{
	unsigned long inside = 1, outside = 1, n = 0;
	FILE *f = geteuid() ? NULL : fopen("/proc/self/uid_map", "re");

	if (!f)
		return false;
	if (fscanf(f, "%lu %lu %lu", &inside, &outside, &n) != 3)
		n = 0;
	fclose(f);
	return !inside && !outside && n == UINT32_MAX;
}

int oci_state_root(const char *given, char root[OCI_STATE_PATH], struct vsu_error *err)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (given) {
		if (*given != '/' || strlen(given) >= OCI_STATE_PATH)
			return vsu_error_set(err, -EINVAL, "option --root: '%s' is not an absolute path", given);
		strcpy(root, given);
		return 0;
	}
	if (oci_state_is_host_root()) {
		strcpy(root, "/run/" FOLDER);
		return 0;
	}
	if (!runtime || *runtime != '/' || strlen(runtime) + sizeof("/" FOLDER) > OCI_STATE_PATH)
		return vsu_error_set(err, -ENOENT, "no folder for the state of containers: XDG_RUNTIME_DIR is not set; set it, or name a folder by --root");
	sprintf(root, "%s/" FOLDER, runtime);
	return 0;
}

static int check_id(const char *id, struct vsu_error *err)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-.";
	const size_t len = strlen(id);

	if (!len || len > OCI_STATE_ID || id[strspn(id, letters)] || !strcmp(id, ".") || !strcmp(id, ".."))
		return vsu_error_set(err, -EINVAL, "'%s' is not the id of a container", id);
	return 0;
}

/* The lock is that of the folder. A folder that was removed meanwhile is no container. */
int oci_state_lock(int folder, const char *id, struct vsu_error *err)
{
	struct stat st;

	while (flock(folder, LOCK_EX) < 0)
		if (errno != EINTR)
			return vsu_error_sys(err, -errno, "cannot lock container '%s'", id);
	if (fstat(folder, &st) < 0 || !st.st_nlink)
		return vsu_error_set(err, -ENOENT, "container '%s' does not exist", id);
	return 0;
}

/* Whoever can write to it chooses what root trusts. A sticky bit would not prevent that. */
static int check_root(int fd, const char *root, struct vsu_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return vsu_error_sys(err, -errno, "cannot open the folder '%s'", root);
	if (st.st_uid != geteuid())
		return vsu_error_set(err, -EPERM, "the folder of the state of containers, '%s', belongs to another user", root);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return vsu_error_set(err, -EPERM, "other users can write to the folder of the state of containers, '%s'; name one that only its owner can write to", root);
	return 0;
}

/* present: the part of root that exists; rest: what is named in it. */
static int check_way(const char *root, const char *present, const char *rest, struct vsu_error *err)
{
	int rc = vsu_path_check_links(root, err);
	char *real = rc < 0 ? NULL : realpath(present, NULL), path[OCI_STATE_PATH + 8];

	if (!rc && !real)
		rc = vsu_error_sys(err, -errno, "'%s'", root);
	if (!rc) {
		snprintf(path, sizeof(path), "%s%s", real, rest);
		rc = vsu_path_check_above(path, err);
	}
	free(real);
	return rc < 0 ? vsu_error_prefix(err, rc, "the folder of the state of containers") : 0;
}

/* -ENOENT: it does not exist. */
static int open_root(const char *root, struct vsu_error *err)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? vsu_error_sys(err, -errno, "cannot open the folder '%s'", root) : check_root(fd, root, err);

	/* the monitor names files in it by their paths */
	rc = rc < 0 ? rc : check_way(root, root, "", err);
	if (rc < 0)
		vsu_fd_close(&fd);
	return rc < 0 ? rc : fd;
}

/* In a folder that others can change, they choose where one is made. */
static int check_deepest(const char *root, struct vsu_error *err)
{
	char path[OCI_STATE_PATH], *slash = path;

	strcpy(path, root);
	while (slash && access(path, F_OK) < 0 && errno == ENOENT) {
		slash = strrchr(path, '/');
		if (slash)
			*slash = '\0';
	}
	return strcmp(path, root) ? check_way(root, *path ? path : "/", "/.", err) : 0;
}

/* Makes the folder and those above it, which a reboot removes. */
static int make_root(const char *root, struct vsu_error *err)
{
	char path[OCI_STATE_PATH], *slash;
	const int rc = check_deepest(root, err);

	if (rc < 0)
		return rc;
	strcpy(path, root);
	for (slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0711) < 0 && errno != EEXIST)
			return vsu_error_sys(err, -errno, "cannot make the folder '%s'", path);
		*slash = '/';
	}
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return vsu_error_sys(err, -errno, "cannot make the folder '%s'", path);
	return 0;
}

static int open_folder(int parent, const char *id, struct vsu_error *err)
{
	const int folder = openat(parent, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (folder < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return vsu_error_set(err, -ENOENT, "container '%s' does not exist", id);
	return folder < 0 ? vsu_error_sys(err, -errno, "cannot open the state of container '%s'", id) : folder;
}

/* Out of the container's folder, in that of all: kind is CONFIGS_NAME or STATES_NAME. */
static void kept_name(char name[KEPT_NAME], const char *kind, const char *id)
{
	snprintf(name, KEPT_NAME, "%s/%s", kind, id);
}

/* The folder was removed and made again before it was locked, if it has a container now. */
static int check_new(int parent, const char *id, struct vsu_error *err)
{
	static const char *const kinds[] = { CONFIGS_NAME, STATES_NAME };
	char name[KEPT_NAME];
	unsigned int i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		kept_name(name, kinds[i], id);
		if (!faccessat(parent, name, F_OK, AT_SYMLINK_NOFOLLOW))
			return vsu_error_set(err, -EEXIST, "container '%s' exists", id);
	}
	return 0;
}

static int make_folder(int parent, const char *root, const char *id, struct vsu_error *err)
{
	int folder, rc;

	if (mkdirat(parent, id, 0700) < 0)
		return errno == EEXIST ? vsu_error_set(err, -EEXIST, "container '%s' exists", id) :
			vsu_error_sys(err, -errno, "cannot make the folder '%s/%s'", root, id);
	folder = open_folder(parent, id, err);
	rc = folder < 0 ? folder : oci_state_lock(folder, id, err);
	rc = rc < 0 ? rc : check_new(parent, id, err);
	if (rc < 0)
		vsu_fd_close(&folder);
	return rc < 0 ? rc : folder;
}

int oci_state_create(const char *root, const char *id, struct vsu_error *err)
{
	int parent, folder, rc = check_id(id, err);

	rc = rc < 0 ? rc : make_root(root, err);
	if (rc < 0)
		return rc;
	parent = open_root(root, err);
	if (parent < 0)
		return parent;
	folder = make_folder(parent, root, id, err);
	close(parent);
	return folder;
}

int oci_state_open(const char *root, const char *id, struct vsu_error *err)
{
	int parent, folder, rc = check_id(id, err);

	if (rc < 0)
		return rc;
	parent = open_root(root, err);
	if (parent == -ENOENT)
		return vsu_error_set(err, -ENOENT, "container '%s' does not exist", id);
	if (parent < 0)
		return parent;
	folder = open_folder(parent, id, err);
	close(parent);
	return folder;
}

static int remove_kept(int parent, const char *id, struct vsu_error *err)
{
	static const char *const kinds[] = { CONFIGS_NAME, STATES_NAME };
	char name[KEPT_NAME];
	unsigned int i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		kept_name(name, kinds[i], id);
		if (unlinkat(parent, name, 0) < 0 && errno != ENOENT)
			return vsu_error_sys(err, -errno, "cannot remove '%s'", name);
	}
	return unlinkat(parent, id, AT_REMOVEDIR) < 0 ? vsu_error_sys(err, -errno, "cannot remove the folder of container '%s'", id) : 0;
}

int oci_state_remove(const char *root, const char *id, int folder, struct vsu_error *err)
{
	static const char *const names[] = { SOCKET_NAME, OCI_STATUS_NAME, NEW_NAME };
	unsigned int i;
	int parent, rc;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (unlinkat(folder, names[i], 0) < 0 && errno != ENOENT)
			return vsu_error_sys(err, -errno, "cannot remove the state of container '%s'", id);
	if (unlinkat(folder, SHARE_NAME, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return vsu_error_sys(err, -errno, "cannot remove the folder of mounts of container '%s'", id);
	parent = open_root(root, err);
	rc = parent < 0 ? parent : remove_kept(parent, id, err);
	vsu_fd_close(&parent);
	return rc;
}

/* ------------------------------------------------------------------------ file */

static void write_annotations(struct vsu_json *j, const struct oci_spec *spec)
{
	unsigned int i;

	if (!spec)
		return;
	fprintf(j->to, ",\"annotations\":{");
	for (i = 0; i < spec->annotations.n; i++) {
		if (i)
			putc(',', j->to);
		vsu_json_string(spec->annotations.items[i].name, j->to);
		putc(':', j->to);
		vsu_json_string(spec->annotations.items[i].value, j->to);
	}
	putc('}', j->to);
}

/* own: with what only this program reads. */
static void write_state(const struct oci_state *s, bool own, FILE *to)
{
	struct vsu_json j = { .to = to };

	vsu_json_open(&j, NULL, '{');
	vsu_json_text(&j, "ociVersion", OCI_VERSION_MAX);
	vsu_json_text(&j, "id", s->id);
	if (!own)
		vsu_json_text(&j, "status", oci_status_name(s->status));
	vsu_json_u64(&j, "pid", (uint64_t)s->pid);
	vsu_json_text(&j, "bundle", s->bundle);
	vsu_json_text(&j, "rootfs", s->root);
	vsu_json_i64(&j, "created", s->created);
	vsu_json_u64(&j, "owner", s->owner);
	if (!own && *s->failure)
		vsu_json_text(&j, "failure", s->failure);
	if (own) {
		vsu_json_u64(&j, "begun", s->begun);
		vsu_json_u64(&j, "made", s->made);
		vsu_json_text(&j, "cgroup", s->cgroup);
		vsu_json_text(&j, "unit", s->unit);
	}
	write_annotations(&j, s->spec);
	vsu_json_close(&j, '}');
	putc('\n', to);
}

void oci_state_print(const struct oci_state *s, FILE *to)
{
	write_state(s, false, to);
}

/* Makes the folder of a kind. */
static int make_kind(int parent, const char *kind)
{
	return mkdirat(parent, kind, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int finish_file(FILE *f, int folder, int parent, const char *name)
{
	const bool failed = ferror(f);

	if (fclose(f) || failed)
		return errno ? -errno : -EIO;
	return renameat(folder, NEW_NAME, parent, name) < 0 ? -errno : 0;
}

/* The new file is complete before it leaves the folder, in which a monitor has its socket only. */
static int replace_state(int parent, int folder, const struct oci_state *s)
{
	int rc = make_kind(parent, STATES_NAME), fd = -1;
	char name[KEPT_NAME];
	FILE *f = NULL;

	if (!rc) {
		fd = openat(folder, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
		f = fd < 0 ? NULL : fdopen(fd, "w");
		rc = f ? 0 : -errno;
	}
	if (!f)
		vsu_fd_close(&fd);
	if (f) {
		kept_name(name, STATES_NAME, s->id);
		write_state(s, true, f);
		rc = finish_file(f, folder, parent, name);
	}
	return rc;
}

int oci_state_write(const char *root, int folder, const struct oci_state *s, struct vsu_error *err)
{
	int parent = open_root(root, err), rc;

	if (parent < 0)
		return parent;
	rc = replace_state(parent, folder, s);
	close(parent);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot write the state of container '%s'", s->id) : 0;
}

/* --------------------------------------------------------------- configuration */

static int create_config(const char *root, const char *id)
{
	int parent = open_root(root, NULL), fd = parent < 0 ? parent : make_kind(parent, CONFIGS_NAME);
	char name[KEPT_NAME];

	kept_name(name, CONFIGS_NAME, id);
	if (fd >= 0)
		fd = openat(parent, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	fd = fd < 0 && parent >= 0 ? -errno : fd;
	vsu_fd_close(&parent);
	return fd;
}

/* Changes of the bundle have no effect on a container. */
int oci_state_keep_config(const char *root, const char *id, const char *path, struct vsu_error *err)
{
	char bytes[65536];
	int from = open(path, O_RDONLY | O_CLOEXEC), to = from < 0 ? -errno : create_config(root, id);
	ssize_t n = to < 0 ? to : 1, done = n;

	while (n > 0) {
		n = vsu_fd_read_full(from, bytes, sizeof(bytes));
		done = n > 0 ? vsu_fd_write_full(to, bytes, (size_t)n) : n;
		n = done < n ? (done < 0 ? done : -ENOSPC) : n;
	}
	vsu_fd_close(&from);
	vsu_fd_close(&to);
	return n < 0 ? vsu_error_sys(err, (int)n, "cannot copy '%s'", path) : 0;
}

/* Opens the file of the container in the folder of a kind. */
static int open_kept(const char *root, const char *kind, const char *id)
{
	int parent = open_root(root, NULL), fd = parent;
	char name[KEPT_NAME];

	kept_name(name, kind, id);
	if (parent >= 0)
		fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	fd = fd < 0 && parent >= 0 ? -errno : fd;
	vsu_fd_close(&parent);
	return fd;
}

int oci_state_load_config(const char *root, const char *id, struct oci_spec **out, struct vsu_error *err)
{
	int fd = open_kept(root, CONFIGS_NAME, id), rc;

	if (fd < 0)
		return vsu_error_sys(err, fd, "cannot open the configuration of container '%s'", id);
	rc = oci_spec_load_fd(fd, "config.json", oci_spec_read, out, err);
	close(fd);
	return rc;
}

/* -------------------------------------------------------------- control groups */

int oci_state_open_group(const char *root, const char *name, enum oci_group_access access)
{
	const bool makes = access == OCI_GROUP_MAKE;
	int parent = open_root(root, NULL), fd = parent < 0 || !makes ? parent : make_kind(parent, GROUPS_NAME);
	char kept[KEPT_NAME];

	kept_name(kept, GROUPS_NAME, name);
	if (fd >= 0)
		fd = openat(parent, kept, (access == OCI_GROUP_READ ? O_RDONLY : O_RDWR) | (makes ? O_CREAT : 0) | O_NOFOLLOW | O_CLOEXEC, 0600);
	fd = fd < 0 && parent >= 0 ? -errno : fd;
	vsu_fd_close(&parent);
	return fd;
}

/* Nobody owns a file that remains. */
void oci_state_remove_group(const char *root, const char *name)
{
	int parent = open_root(root, NULL);
	char kept[KEPT_NAME];

	kept_name(kept, GROUPS_NAME, name);
	if (parent >= 0)
		(void)unlinkat(parent, kept, 0);
	vsu_fd_close(&parent);
}

/* -------------------------------------------------------------------- reading */

static void copy_text(char *to, const char *value)
{
	snprintf(to, OCI_STATE_PATH, "%s", value);
}

static void on_number(struct oci_state *s, const char *path, const char *value)
{
	uint64_t number;

	if (vsu_parse_u64(value, &number) < 0)
		return;
	if (!strcmp(path, "pid") && number <= INT32_MAX)
		s->pid = (pid_t)number;
	else if (!strcmp(path, "begun"))
		s->begun = number;
	else if (!strcmp(path, "made"))
		s->made = number;
	else if (!strcmp(path, "created") && number <= INT64_MAX)
		s->created = (int64_t)number;
	else if (!strcmp(path, "owner"))
		s->owner = (uint32_t)number;
}

static void on_member(void *opaque, const char *path, const char *value, bool is_string)
{
	struct oci_state *s = opaque;

	if (!is_string)
		on_number(s, path, value);
	else if (!strcmp(path, "bundle"))
		copy_text(s->bundle, value);
	else if (!strcmp(path, "rootfs"))
		copy_text(s->root, value);
	else if (!strcmp(path, "cgroup"))
		copy_text(s->cgroup, value);
	else if (!strcmp(path, "unit"))
		snprintf(s->unit, sizeof(s->unit), "%s", value);
}

static int read_text(const char *root, const char *id, char **text)
{
	int fd = open_kept(root, STATES_NAME, id);
	char *bytes = calloc(1, MAX_BYTES + 1);
	ssize_t n = fd < 0 ? fd : bytes ? vsu_fd_read_full(fd, bytes, MAX_BYTES) : -ENOMEM;

	vsu_fd_close(&fd);
	if (n < 0) {
		free(bytes);
		return (int)n;
	}
	*text = bytes;
	return 0;
}

/* The annotations have the form of a config.json, which ignores the rest. */
static int read_members(char *text, struct oci_state *s, struct vsu_error *err)
{
	char *copy = strdup(text);
	int rc = copy ? vsu_json_walk(copy, on_member, s, err) : -ENOMEM;

	free(copy);
	return rc < 0 ? rc : oci_spec_read_annotations(text, &s->spec, err);
}

/* Without a file, create was killed before it allowed the monitor to make anything. */
int oci_state_read(const char *root, int folder, const char *id, struct oci_state *s, struct vsu_error *err)
{
	enum oci_status status;
	char *text = NULL;
	int rc = read_text(root, id, &text);

	memset(s, 0, sizeof(*s));
	snprintf(s->id, sizeof(s->id), "%s", id);
	s->status = OCI_STOPPED;
	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot read the state of container '%s'", id);
	rc = read_members(text, s, err);
	free(text);
	if (rc < 0)
		return vsu_error_prefix(err, rc, "the state of container '%s'", id);
	status = oci_status_read(folder, s->failure);
	if (s->pid && s->begun && oci_state_begun(s->pid) == s->begun) {
		s->status = status;
		*s->failure = '\0';
	} else {
		s->pid = 0;
	}
	return 0;
}

void oci_state_fini(struct oci_state *s)
{
	oci_spec_free(s->spec);
	s->spec = NULL;
}

/* ------------------------------------------------------------------------- all */

static int is_name(const struct dirent *entry)
{
	return check_id(entry->d_name, NULL) < 0 ? 0 : 1;
}

/* A reader takes no lock: a command may hold it while it waits for a guest. */
static void visit_folder(const char *root, int parent, const char *id, void (*fn)(void *opaque, const struct oci_state *s), void *opaque)
{
	int folder = openat(parent, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct oci_state s;

	if (folder < 0)
		return;
	if (!oci_state_read(root, folder, id, &s, NULL))
		fn(opaque, &s);
	oci_state_fini(&s);
	vsu_fd_close(&folder);
}

int oci_state_each(const char *root, void (*fn)(void *opaque, const struct oci_state *s), void *opaque,
		   struct vsu_error *err)
{
	struct dirent **names = NULL;
	int parent = open_root(root, err), i, n;

	if (parent < 0)
		return parent == -ENOENT ? 0 : parent;
	n = scandirat(parent, ".", &names, is_name, alphasort);
	for (i = 0; i < n; i++) {
		visit_folder(root, parent, names[i]->d_name, fn, opaque);
		free(names[i]);
	}
	free(names);
	close(parent);
	return n < 0 ? vsu_error_sys(err, -errno, "cannot read the folder '%s'", root) : 0;
}
