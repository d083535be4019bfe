/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Folders of templates. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vm-agent/protocol.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/parse.h>
#include <vmm-sys-util/path.h>

#include "advice.h"
#include "template.h"

#define INFO "template"
#define INCOMPLETE ".incomplete"
#define REMOVED ".removed"
#define MAX_INFO (16u << 10)

/* Files of a template; folders are before their files. */
static const char *const contents[] = {
	"machine", "machine/memory", "machine/state", "machine/machine.json", "empty", VMM_TEMPLATE_POOL, INFO,
};

/* Of the saved machine, in contents */
enum { FIRST_FILE = 1 };

#define NCONTENTS (sizeof(contents) / sizeof(contents[0]))

/* ---------------------------------------------------------------------- paths */

static int join_path(char out[PATH_MAX], const char *folder, const char *name, const char *suffix,
		struct vsu_error *err)
{
	const int n = snprintf(out, PATH_MAX, "%s/%s%s", folder, name, suffix);

	return n < PATH_MAX ? 0 : vsu_error_set(err, -ENAMETOOLONG, "the path of template '%s' is too long", name);
}

static bool has_suffix(const char *name, const char *suffix)
{
	const size_t n = strlen(name), k = strlen(suffix);

	return n >= k && !strcmp(name + n - k, suffix);
}

bool vmm_template_is_name(const char *name)
{
	return *name && *name != '.' && *name != '-' && strlen(name) <= VMM_TEMPLATE_MAX_NAME &&
	       !strpbrk(name, "/\n") && !has_suffix(name, INCOMPLETE) && !has_suffix(name, REMOVED);
}

static int check_name(const char *name, struct vsu_error *err)
{
	return vmm_template_is_name(name) ? 0 :
	       vsu_error_set(err, -EINVAL, "'%s' is not a name of a template: up to %d characters without '/', not beginning with '.' or '-', not ending with " INCOMPLETE " or " REMOVED,
			     name, VMM_TEMPLATE_MAX_NAME);
}

int vmm_template_folder(const char *given, char out[PATH_MAX], struct vsu_error *err)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (given)
		snprintf(out, PATH_MAX, "%s", given);
	else if (data && *data == '/')
		snprintf(out, PATH_MAX, "%s/cvmm/templates", data);
	else if (home && *home == '/')
		snprintf(out, PATH_MAX, "%s/.local/share/cvmm/templates", home);
	else
		return cvmm_priv_advise(err, vsu_error_set(err, -ENOENT, "no home folder for templates (HOME is not set)"),
				  CVMM_EXEC_ADVICE_TEMPLATES);
	return 0;
}

/* Those above are readable, as other programs use them, but for their owner to change: see check_way(). */
static int make_folders(const char *path, struct vsu_error *err)
{
	char copy[PATH_MAX], *slash = copy;

	snprintf(copy, sizeof(copy), "%s", path);
	while (*slash && (slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		(void)!mkdir(copy, 0755);
		*slash = '/';
	}
	if (mkdir(copy, 0700) < 0 && errno != EEXIST)
		return vsu_error_sys(err, -errno, "cannot make the folder of templates '%s'", path);
	return 0;
}

/* ---------------------------------------------------------------- description */

/* Members; size 0: a number. An optional one is 0 if it is missing. */
static const struct {
	const char *key;
	size_t at, size;
	bool optional;
} members[] = {
#define TEXT(member) { #member, offsetof(struct vmm_template_info, member), sizeof(((struct vmm_template_info *)0)->member), false }
#define NUMBER(member) { #member, offsetof(struct vmm_template_info, member), 0, false }
#define LATER(member) { #member, offsetof(struct vmm_template_info, member), 0, true }
	TEXT(cvmm), TEXT(kernel), TEXT(root), TEXT(memory),
	NUMBER(agent), NUMBER(cpus), NUMBER(folders), LATER(net),
};

#define NMEMBERS (sizeof(members) / sizeof(members[0]))

static bool read_member(struct vmm_template_info *info, unsigned int i, const char *value)
{
	char *at = (char *)info + members[i].at;
	uint64_t number;

	if (members[i].size) {
		if (strlen(value) >= members[i].size)
			return false;
		strcpy(at, value);
		return true;
	}
	if (vsu_parse_u64(value, &number) < 0 || number > UINT32_MAX)
		return false;
	memcpy(at, &(uint32_t){ (uint32_t)number }, sizeof(uint32_t));
	return true;
}

static unsigned int required_members(void)
{
	unsigned int i, all = 0;

	for (i = 0; i < NMEMBERS; i++)
		all |= members[i].optional ? 0 : 1u << i;
	return all;
}

/* Keys of later versions are ignored. False: a required member is invalid or missing. */
static bool parse_info(struct vmm_template_info *info, char *text)
{
	unsigned int i, found = 0;
	char *line, *rest = text, *space;

	while ((line = strsep(&rest, "\n"))) {
		space = strchr(line, ' ');
		if (!space)
			continue;
		*space = '\0';
		for (i = 0; i < NMEMBERS; i++)
			if (!strcmp(line, members[i].key) && read_member(info, i, space + 1))
				found |= 1u << i;
	}
	return (found & required_members()) == required_members();
}

static int read_info(struct vmm_template *t, struct vsu_error *err)
{
	char text[MAX_INFO];
	const ssize_t n = vsu_fd_read_full(t->lock_fd, text, sizeof(text) - 1);

	if (n < 0)
		return vsu_error_sys(err, (int)n, "template '%s'", t->path);
	text[n] = '\0';
	return parse_info(&t->info, text) ? 0 :
	       vsu_error_set(err, -EBADMSG, "template '%s': its description is invalid; make it again", t->path);
}

static int write_info(const struct vmm_template *t, struct vsu_error *err)
{
	char text[MAX_INFO] = "";
	size_t len = 0;
	unsigned int i;
	ssize_t n;

	for (i = 0; i < NMEMBERS; i++) {
		const char *at = (const char *)&t->info + members[i].at;
		uint32_t number = 0;

		if (members[i].size && strchr(at, '\n'))
			return vsu_error_set(err, -EINVAL, "%s '%s' has a line break, which the description of a template cannot contain", members[i].key, at);
		if (!members[i].size)
			memcpy(&number, at, sizeof(number));
		len += (size_t)(members[i].size ? snprintf(text + len, sizeof(text) - len, "%s %s\n", members[i].key, at) :
				snprintf(text + len, sizeof(text) - len, "%s %u\n", members[i].key, number));
	}
	n = vsu_fd_write_full(t->lock_fd, text, len);
	if (n == (ssize_t)len && !fsync(t->lock_fd))
		return 0;
	return vsu_error_sys(err, n < 0 ? (int)n : -errno, "template '%s'", t->path);
}

/* ---------------------------------------------------------------------- locks */

/*
 * -EBUSY: another process holds a lock that excludes this one; -ENOENT: no such template, also if
 * the file was removed before it was locked. NFS requires one for writing to lock it exclusively.
 */
static int lock_info(struct vmm_template *t, int operation, struct vsu_error *err)
{
	const int mode = operation == LOCK_EX ? O_RDWR : O_RDONLY;
	struct stat opened, named;
	char path[PATH_MAX];
	int rc = join_path(path, t->path, INFO, "", err);

	if (rc < 0)
		return rc;
	t->lock_fd = open(path, mode | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
	if (t->lock_fd < 0)
		return vsu_error_sys(err, -errno, "no template '%s'", t->path);
	if (flock(t->lock_fd, operation | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? vsu_error_set(err, -EBUSY, "template '%s' is in use", t->path) :
					      vsu_error_sys(err, -errno, "cannot lock template '%s'", t->path);
	if (fstat(t->lock_fd, &opened) < 0 || stat(path, &named) < 0 || opened.st_ino != named.st_ino)
		return vsu_error_set(err, -ENOENT, "template '%s' was removed", t->path);
	t->made = opened.st_mtime;
	return 0;
}

void vmm_template_close(struct vmm_template *t)
{
	vsu_fd_close(&t->lock_fd);
}

static void count_bytes(struct vmm_template *t)
{
	char path[PATH_MAX];
	struct stat st;
	unsigned int i;

	for (i = 0; i < NCONTENTS; i++)
		if (!join_path(path, t->path, contents[i], "", NULL) && !lstat(path, &st))
			t->bytes += (uint64_t)st.st_blocks * 512;
}

/* Root may change what it likes. The template itself may be named by a symbolic link. */
static int check_owner(const char *path, bool follow, struct vsu_error *err)
{
	struct stat st;

	if (fstatat(AT_FDCWD, path, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
		return vsu_error_sys(err, -errno, "'%s' of a template", path);
	if (st.st_uid && st.st_uid != geteuid())
		return vsu_error_set(err, -EPERM, "'%s' of a template belongs to another user, who determines what its clones execute; make a template of your own", path);
	if (S_ISLNK(st.st_mode))
		return vsu_error_set(err, -EPERM, "'%s' of a template is a symbolic link; make the template again", path);
	return st.st_mode & (S_IWGRP | S_IWOTH) ?
	       vsu_error_set(err, -EPERM, "'%s' of a template is one that other users may change, who determine what its clones execute; make the template again", path) : 0;
}

/* All that a clone reads. Nobody else can replace names in the folders that were checked. */
static int check_owners(const struct vmm_template *t, struct vsu_error *err)
{
	char path[PATH_MAX];
	unsigned int i;
	int rc = check_owner(t->path, true, err);

	for (i = 0; !rc && i < NCONTENTS; i++) {
		if (!strcmp(contents[i], VMM_TEMPLATE_POOL))
			continue;	/* its client checks the peer */
		rc = join_path(path, t->path, contents[i], "", err);
		if (!rc)
			rc = check_owner(path, false, err);
	}
	return rc;
}

/* A template of two paths is one to a pool. Whoever can rename a folder above it would replace all of it. Its own path is one without links. */
static int check_way(struct vmm_template *t, struct vsu_error *err)
{
	char real[PATH_MAX];
	int rc = vsu_path_check_links(t->path, err);

	if (rc < 0 || !realpath(t->path, real))
		return rc;
	strcpy(t->path, real);
	return vsu_path_check_above(real, err);
}

static int open_path(struct vmm_template *t, struct vsu_error *err)
{
	int rc = check_way(t, err);

	if (!rc)
		rc = lock_info(t, LOCK_SH, err);
	if (!rc)
		rc = check_owners(t, err);
	if (!rc)
		rc = read_info(t, err);
	if (!rc)
		count_bytes(t);
	return rc;
}

int vmm_template_open(struct vmm_template *t, const char *folder, const char *name,
		      struct vsu_error *err)
{
	char found[PATH_MAX];
	int rc;

	*t = (struct vmm_template)VMM_TEMPLATE_INIT;
	if (strchr(name, '/')) {
		snprintf(t->path, sizeof(t->path), "%s", name);
		return open_path(t, err);
	}
	rc = check_name(name, err);
	if (!rc)
		rc = vmm_template_folder(folder, found, err);
	if (!rc)
		rc = join_path(t->path, found, name, "", err);
	return rc < 0 ? rc : open_path(t, err);
}

/* Its time of change also shows a replacement by a file with an older time of modification. */
static int check_kernel(const struct vmm_template *t, struct vsu_error *err)
{
	struct stat st;

	if (t->info.kernel[0] != '/')
		return 0;	/* built in */
	if (stat(t->info.kernel, &st) < 0)
		return vsu_error_set(err, -ESTALE, "the kernel '%s' no longer exists", t->info.kernel);
	return st.st_ctim.tv_sec <= t->made ? 0 :
	       vsu_error_set(err, -ESTALE, "the kernel '%s' has changed since", t->info.kernel);
}

int vmm_template_check(const struct vmm_template *t, struct vsu_error *err)
{
	int rc;

	if (t->info.agent != VAGENT_VERSION)
		return vsu_error_set(err, -EPROTO, "the template '%s' was made by cvmm %s, whose guests this cvmm does not know; make it again",
				     t->path, t->info.cvmm);
	if (strcmp(t->info.cvmm, PACKAGE_VERSION) != 0)
		return vsu_error_set(err, -ESTALE, "it was made by cvmm %s", t->info.cvmm);
	rc = check_kernel(t, err);
	return rc < 0 || !access(t->info.root, F_OK) ? rc :
	       vsu_error_set(err, -ESTALE, "the root '%s' no longer exists", t->info.root);
}

/* ------------------------------------------------------------ begin and end */

/* Known files only: others are not ours. -errno of the folder itself. */
static int remove_tree(const char *path)
{
	char at[PATH_MAX];
	unsigned int i;

	for (i = NCONTENTS; i-- > 0;)
		if (!join_path(at, path, contents[i], "", NULL) && unlink(at) < 0)
			(void)!rmdir(at);
	return rmdir(path) < 0 ? -errno : 0;
}

/* The file is locked before its name is known to others, except for the folder. */
static int make_info(struct vmm_template *t, struct vsu_error *err)
{
	char path[PATH_MAX];
	int rc = join_path(path, t->path, INFO, "", err);

	if (rc < 0)
		return rc;
	t->lock_fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (t->lock_fd < 0 || flock(t->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return vsu_error_sys(err, -errno, "cannot make '%s'", path);
	return 0;
}

/* A process that was killed has left the folder. */
static int remove_stale(const char *path, struct vsu_error *err)
{
	struct vmm_template old = VMM_TEMPLATE_INIT;
	int rc;

	snprintf(old.path, sizeof(old.path), "%s", path);
	rc = lock_info(&old, LOCK_EX, NULL);
	if (rc == -EBUSY)
		return vsu_error_set(err, rc, "another process is making '%s'", path);
	rc = remove_tree(path);
	vmm_template_close(&old);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot remove '%s'", path) : 0;
}

static int make_path(const char *path, struct vsu_error *err)
{
	int rc = mkdir(path, 0700) < 0 ? -errno : 0;

	if (rc == -EEXIST)
		rc = remove_stale(path, err);
	else if (!rc)
		return 0;
	else
		return vsu_error_sys(err, rc, "cannot make '%s'", path);
	if (!rc && mkdir(path, 0700) < 0)
		rc = vsu_error_sys(err, -errno, "cannot make '%s'", path);
	return rc;
}

static int make_contents(struct vmm_template *t, int fds[VMM_TEMPLATE_FILES], struct vsu_error *err)
{
	char path[PATH_MAX];
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < 2; i++) {
		rc = join_path(path, t->path, i ? "machine" : "empty", "", err);
		if (!rc && mkdir(path, 0700) < 0)
			rc = vsu_error_sys(err, -errno, "cannot make '%s'", path);
	}
	for (i = 0; !rc && i < VMM_TEMPLATE_FILES; i++) {
		rc = join_path(path, t->path, contents[FIRST_FILE + i], "", err);
		fds[i] = rc < 0 ? -1 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (!rc && fds[i] < 0)
			rc = vsu_error_sys(err, -errno, "cannot make '%s'", path);
	}
	return rc;
}

/* That of a template would be refused when it is used, after all the time that making it takes. */
static int check_parent(const char *parent, struct vsu_error *err)
{
	char real[PATH_MAX], inner[PATH_MAX];
	int rc = vsu_path_check_links(parent, err);

	if (rc < 0)
		return rc;
	if (!realpath(parent, real))
		return vsu_error_sys(err, -errno, "the folder of templates '%s'", parent);
	rc = join_path(inner, real, "NAME", "", err);
	return rc < 0 ? rc : vsu_path_check_above(inner, err);
}

int vmm_template_begin(struct vmm_template *t, const char *folder, const char *name,
		       int fds[VMM_TEMPLATE_FILES], struct vsu_error *err)
{
	char parent[PATH_MAX], final[PATH_MAX];
	struct stat st;
	int rc = check_name(name, err);

	*t = (struct vmm_template)VMM_TEMPLATE_INIT;
	memset(fds, -1, VMM_TEMPLATE_FILES * sizeof(*fds));
	if (!rc)
		rc = vmm_template_folder(folder, parent, err);
	if (!rc)
		rc = make_folders(parent, err);
	if (!rc)
		rc = check_parent(parent, err);
	if (!rc)
		rc = join_path(final, parent, name, "", err);
	if (!rc && !lstat(final, &st))
		rc = vsu_error_set(err, -EEXIST, "template '%s' exists; remove it first, or choose another name", final);
	if (!rc)
		rc = join_path(final, parent, name, INCOMPLETE, err);
	if (!rc)
		rc = make_path(final, err);
	if (rc < 0)
		return rc;
	strcpy(t->path, final);
	rc = make_info(t, err);
	if (rc == -EEXIST || rc == -ENOENT || rc == -EAGAIN)
		t->path[0] = '\0';	/* another process has replaced it */
	return rc < 0 ? rc : make_contents(t, fds, err);
}

static void sync_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		(void)!fsync(fd);
	vsu_fd_close(&fd);
}

int vmm_template_publish(struct vmm_template *t, struct vsu_error *err)
{
	char final[PATH_MAX];
	int rc;

	snprintf(t->info.cvmm, sizeof(t->info.cvmm), "%s", PACKAGE_VERSION);
	t->info.agent = VAGENT_VERSION;
	rc = write_info(t, err);
	if (rc < 0)
		return rc;
	snprintf(final, sizeof(final), "%.*s", (int)(strlen(t->path) - strlen(INCOMPLETE)), t->path);
	sync_path(t->path);
	rc = vsu_path_rename_new(t->path, final);
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot make '%s'", final);
	strcpy(t->path, final);
	return 0;
}

void vmm_template_discard(struct vmm_template *t)
{
	if (has_suffix(t->path, INCOMPLETE))
		(void)remove_tree(t->path);
	vmm_template_close(t);
}

/* ------------------------------------------------------------------- remove */

static int remove_locked(const struct vmm_template *t, struct vsu_error *err)
{
	char path[PATH_MAX];
	int rc;

	if (strlen(t->path) + sizeof(REMOVED) > sizeof(path))
		return vsu_error_set(err, -ENAMETOOLONG, "template '%s'", t->path);
	strcpy(stpcpy(path, t->path), REMOVED);
	(void)remove_tree(path);	/* of a process that was killed */
	if (rename(t->path, path) < 0)
		return vsu_error_sys(err, -errno, "cannot remove template '%s'", t->path);
	rc = remove_tree(path);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot remove '%s'", path) : 0;
}

int vmm_template_remove(const char *folder, const char *name, struct vsu_error *err)
{
	struct vmm_template t = VMM_TEMPLATE_INIT;
	char found[PATH_MAX];
	int rc = check_name(name, err);

	if (!rc)
		rc = vmm_template_folder(folder, found, err);
	if (!rc)
		rc = join_path(t.path, found, name, "", err);
	if (!rc)
		rc = lock_info(&t, LOCK_EX, err);
	if (rc == -EBUSY)
		vsu_error_set(err, rc, "template '%s' is in use: a command runs in a clone, or a pool keeps clones; end it first", t.path);
	if (!rc)
		rc = remove_locked(&t, err);
	vmm_template_close(&t);
	return rc;
}
