/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Folders of templates. */
#define _GNU_SOURCE
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vm-agent/protocol.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/path.h>
#include <vmm-sys-util/sized.h>

#include "advice.h"
#include "template.h"

#define INFO "template"
#define INCOMPLETE ".incomplete"
#define REMOVED ".removed"
#define MAX_NAME 64

/*
 *	FOLDER/NAME/template    what the guest consists of, as lines "KEY VALUE"; locked while in use
 *	            machine/    the saved machine
 *	            empty/      a folder for shared folders that a command does not use
 *	            pool        CVMM_TEMPLATE_SOCKET
 *
 * A template is made as NAME.incomplete, removed as NAME.removed, and never changed. Clones hold a
 * shared lock; a process that makes or removes a template holds an exclusive one.
 */
struct cvmm_template {
	struct cvmm_template_info info;	/* its texts are in path and text */
	char path[PATH_MAX];
	char *text;		/* of the description; NULL: not read */
	int lock_fd;		/* of the file "template"; -1: closed */
	bool is_incomplete;	/* this process makes it */
};

/* Files of a template; folders are before their files. */
static const char *const contents[] = {
	"machine", "machine/memory", "machine/state", "machine/machine.json", "empty", CVMM_TEMPLATE_SOCKET, INFO,
};

/* The first file of the saved machine in contents. */
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

static bool is_name(const char *name)
{
	return *name && *name != '.' && *name != '-' && strlen(name) <= MAX_NAME &&
	       !strpbrk(name, "/\n") && !has_suffix(name, INCOMPLETE) && !has_suffix(name, REMOVED);
}

static int check_name(const char *name, struct vsu_error *err)
{
	return is_name(name) ? 0 :
	       vsu_error_set(err, -EINVAL, "'%s' is not a name of a template: up to %d characters without '/', not beginning with '.' or '-', not ending with " INCOMPLETE " or " REMOVED,
			     name, MAX_NAME);
}

static int find_folder(const char *given, char out[PATH_MAX], struct vsu_error *err)
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

/* Other programs read the folders above; only their owner may change them: see check_way(). */
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

static int set_description(struct cvmm_template *t, const char *text, struct vsu_error *err)
{
	t->text = strdup(text);
	if (!t->text)
		return vsu_error_set(err, -ENOMEM, "no memory for a template");
	return cvmm_priv_template_parse(&t->info, t->text) ? 0 :
	       vsu_error_set(err, -EBADMSG, "template '%s': its description is invalid; make it again", t->path);
}

static int read_description(struct cvmm_template *t, struct vsu_error *err)
{
	char text[CVMM_PRIV_TEMPLATE_TEXT];
	const ssize_t n = vsu_fd_read_full(t->lock_fd, text, sizeof(text) - 1);

	if (n < 0)
		return vsu_error_sys(err, (int)n, "template '%s'", t->path);
	text[n] = '\0';
	return set_description(t, text, err);
}

static int write_description(const struct cvmm_template *t, struct vsu_error *err)
{
	char text[CVMM_PRIV_TEMPLATE_TEXT];
	int rc = cvmm_priv_template_write(&t->info, text, err);
	ssize_t n = rc < 0 ? rc : vsu_fd_write_full(t->lock_fd, text, strlen(text));

	if (rc < 0)
		return rc;
	return n == (ssize_t)strlen(text) && !fsync(t->lock_fd) ? 0 :
	       vsu_error_sys(err, n < 0 ? (int)n : -errno, "template '%s'", t->path);
}

/* ---------------------------------------------------------------------- locks */

/*
 * -EBUSY: another process holds a lock that excludes this one; -ENOENT: no such template, also if
 * the file was removed before it was locked. NFS requires one for writing to lock it exclusively.
 */
static int lock_info(struct cvmm_template *t, int operation, struct vsu_error *err)
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
	t->info.made = opened.st_mtime;
	return 0;
}

static void count_bytes(struct cvmm_template *t)
{
	char path[PATH_MAX];
	struct stat st;
	unsigned int i;

	for (i = 0; i < NCONTENTS; i++)
		if (!join_path(path, t->path, contents[i], "", NULL) && !lstat(path, &st))
			t->info.bytes += (uint64_t)st.st_blocks * 512;
}

/* Root may change every file. The template itself may be named by a symbolic link. */
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

/* Checks everything that a clone reads. No other user can replace names in the folders that were checked. */
static int check_owners(const struct cvmm_template *t, struct vsu_error *err)
{
	char path[PATH_MAX];
	unsigned int i;
	int rc = check_owner(t->path, true, err);

	for (i = 0; !rc && i < NCONTENTS; i++) {
		if (!strcmp(contents[i], CVMM_TEMPLATE_SOCKET))
			continue;	/* its client checks the peer */
		rc = join_path(path, t->path, contents[i], "", err);
		if (!rc)
			rc = check_owner(path, false, err);
	}
	return rc;
}

/* A pool finds a template by its path without links. A user who can rename a folder above it could replace all of it. */
static int check_way(struct cvmm_template *t, struct vsu_error *err)
{
	char real[PATH_MAX];
	int rc = vsu_path_check_links(t->path, err);

	if (rc < 0 || !realpath(t->path, real))
		return rc;
	strcpy(t->path, real);
	return vsu_path_check_above(real, err);
}

static int open_path(struct cvmm_template *t, struct vsu_error *err)
{
	int rc = check_way(t, err);

	if (!rc)
		rc = lock_info(t, LOCK_SH, err);
	if (!rc)
		rc = check_owners(t, err);
	if (!rc)
		rc = read_description(t, err);
	if (!rc)
		count_bytes(t);
	return rc;
}

static struct cvmm_template *new_template(struct vsu_error *err)
{
	struct cvmm_template *t = calloc(1, sizeof(*t));

	if (!t) {
		vsu_error_set(err, -ENOMEM, "no memory for a template");
		return NULL;
	}
	t->info.path = t->path;
	t->lock_fd = -1;
	return t;
}

static void free_template(struct cvmm_template *t)
{
	vsu_fd_close(&t->lock_fd);
	free(t->text);
	free(t);
}

/* The path of a template by its name in a folder, of which suffix is a state. */
static int find_path(char out[PATH_MAX], const char *folder, const char *name, const char *suffix,
		     struct vsu_error *err)
{
	char found[PATH_MAX];
	int rc = check_name(name, err);

	if (!rc)
		rc = find_folder(folder, found, err);
	return rc < 0 ? rc : join_path(out, found, name, suffix, err);
}

int cvmm_template_open(const char *folder, const char *name, struct cvmm_template **out,
		       struct vsu_error *err)
{
	struct cvmm_template *t = new_template(err);
	int rc = 0;

	if (!t)
		return -ENOMEM;
	if (strchr(name, '/'))
		snprintf(t->path, sizeof(t->path), "%s", name);
	else
		rc = find_path(t->path, folder, name, "", err);
	if (!rc)
		rc = open_path(t, err);
	if (rc < 0)
		free_template(t);
	else
		*out = t;
	return rc;
}

const struct cvmm_template_info *cvmm_template_get_info(const struct cvmm_template *t)
{
	return &t->info;
}

/* Its time of change also shows a replacement by a file with an older time of modification. */
static int check_kernel(const struct cvmm_template *t, struct vsu_error *err)
{
	struct stat st;

	if (t->info.kernel[0] != '/')
		return 0;	/* built in */
	if (stat(t->info.kernel, &st) < 0)
		return vsu_error_set(err, -ESTALE, "the kernel '%s' no longer exists", t->info.kernel);
	return st.st_ctim.tv_sec <= t->info.made ? 0 :
	       vsu_error_set(err, -ESTALE, "the kernel '%s' has changed since", t->info.kernel);
}

int cvmm_template_check(const struct cvmm_template *t, struct vsu_error *err)
{
	int rc;

	if (t->info.agent != VAGENT_VERSION)
		return vsu_error_set(err, -EPROTO, "the template '%s' was made by version %s, whose guests this version does not know; make it again",
				     t->path, t->info.version);
	if (strcmp(t->info.version, PACKAGE_VERSION) != 0)
		return vsu_error_set(err, -ESTALE, "it was made by version %s", t->info.version);
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
static int make_info(struct cvmm_template *t, struct vsu_error *err)
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
	struct cvmm_template *old = new_template(err);
	int rc;

	if (!old)
		return -ENOMEM;
	snprintf(old->path, sizeof(old->path), "%s", path);
	rc = lock_info(old, LOCK_EX, NULL);
	if (rc == -EBUSY) {
		vsu_error_set(err, rc, "another process is making '%s'", path);
	} else {
		rc = remove_tree(path);
		if (rc < 0)
			vsu_error_sys(err, rc, "cannot remove '%s'", path);
	}
	free_template(old);
	return rc;
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

static int make_contents(struct cvmm_template *t, int fds[CVMM_TEMPLATE_FILES], struct vsu_error *err)
{
	char path[PATH_MAX];
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < 2; i++) {
		rc = join_path(path, t->path, i ? "machine" : "empty", "", err);
		if (!rc && mkdir(path, 0700) < 0)
			rc = vsu_error_sys(err, -errno, "cannot make '%s'", path);
	}
	for (i = 0; !rc && i < CVMM_TEMPLATE_FILES; i++) {
		rc = join_path(path, t->path, contents[FIRST_FILE + i], "", err);
		fds[i] = rc < 0 ? -1 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (!rc && fds[i] < 0)
			rc = vsu_error_sys(err, -errno, "cannot make '%s'", path);
	}
	return rc;
}

/* A template in a folder of other users would be refused only when it is used, after all the time of its making. */
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

/* The folder of the incomplete template, in t->path. */
static int make_place(struct cvmm_template *t, const char *folder, const char *name, struct vsu_error *err)
{
	char parent[PATH_MAX], path[PATH_MAX];
	struct stat st;
	int rc = check_name(name, err);

	if (!rc)
		rc = find_folder(folder, parent, err);
	if (!rc)
		rc = make_folders(parent, err);
	if (!rc)
		rc = check_parent(parent, err);
	if (!rc)
		rc = join_path(path, parent, name, "", err);
	if (!rc && !lstat(path, &st))
		rc = vsu_error_set(err, -EEXIST, "template '%s' exists; remove it first, or choose another name", path);
	if (!rc)
		rc = join_path(path, parent, name, INCOMPLETE, err);
	if (!rc)
		rc = make_path(path, err);
	if (!rc)
		strcpy(t->path, path);
	return rc;
}

static int begin_template(struct cvmm_template *t, const char *folder, const char *name,
			  int fds[CVMM_TEMPLATE_FILES], struct vsu_error *err)
{
	int rc = make_place(t, folder, name, err);

	if (rc < 0)
		return rc;
	rc = make_info(t, err);
	/* false: another process has replaced it */
	t->is_incomplete = rc != -EEXIST && rc != -ENOENT && rc != -EAGAIN;
	return rc < 0 ? rc : make_contents(t, fds, err);
}

static int describe_template(struct cvmm_template *t, const struct cvmm_template_config *c,
			     struct vsu_error *err)
{
	char text[CVMM_PRIV_TEMPLATE_TEXT];
	int rc;

	t->info = (struct cvmm_template_info){
		.path = t->path, .version = PACKAGE_VERSION, .kernel = c->kernel, .root = c->root, .memory = c->memory,
		.agent = VAGENT_VERSION, .cpus = c->cpus, .folders = c->folders, .cards = c->cards,
	};
	rc = cvmm_priv_template_write(&t->info, text, err);
	return rc < 0 ? rc : set_description(t, text, err);	/* copies the texts */
}

int cvmm_template_begin(const char *folder, const char *name, const struct cvmm_template_config *config,
			int fds[CVMM_TEMPLATE_FILES], struct cvmm_template **out, struct vsu_error *err)
{
	int opened[CVMM_TEMPLATE_FILES] = { -1, -1, -1 }, i, rc;
	struct cvmm_template_config c;
	struct cvmm_template *t;

	rc = vsu_copy_sized(&c, sizeof(c), config, "struct cvmm_template_config", err);
	if (rc < 0)
		return rc;
	t = new_template(err);
	rc = t ? describe_template(t, &c, err) : -ENOMEM;
	if (!rc)
		rc = begin_template(t, folder, name, opened, err);
	if (!rc) {
		memcpy(fds, opened, sizeof(opened));
		*out = t;
		return 0;
	}
	for (i = 0; i < CVMM_TEMPLATE_FILES; i++)
		vsu_fd_close(&opened[i]);
	cvmm_template_close(t);
	return rc;
}

static void sync_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		(void)!fsync(fd);
	vsu_fd_close(&fd);
}

int cvmm_template_publish(struct cvmm_template *t, struct vsu_error *err)
{
	char final[PATH_MAX];
	int rc;

	if (!t->is_incomplete)
		return vsu_error_set(err, -EINVAL, "template '%s' is complete", t->path);
	rc = write_description(t, err);
	if (rc < 0)
		return rc;
	snprintf(final, sizeof(final), "%.*s", (int)(strlen(t->path) - strlen(INCOMPLETE)), t->path);
	sync_path(t->path);
	rc = vsu_path_rename_new(t->path, final);
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot make '%s'", final);
	strcpy(t->path, final);
	t->is_incomplete = false;
	return 0;
}

void cvmm_template_close(struct cvmm_template *t)
{
	if (!t)
		return;
	if (t->is_incomplete)
		(void)remove_tree(t->path);
	free_template(t);
}

/* ------------------------------------------------------------------- remove */

static int remove_locked(const struct cvmm_template *t, struct vsu_error *err)
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

int cvmm_template_remove(const char *folder, const char *name, struct vsu_error *err)
{
	struct cvmm_template *t = new_template(err);
	int rc;

	if (!t)
		return -ENOMEM;
	rc = find_path(t->path, folder, name, "", err);
	if (!rc)
		rc = lock_info(t, LOCK_EX, err);
	if (rc == -EBUSY)
		vsu_error_set(err, rc, "template '%s' is in use: a command runs in a clone, or a pool keeps clones; end it first", t->path);
	if (!rc)
		rc = remove_locked(t, err);
	free_template(t);
	return rc;
}

/* --------------------------------------------------------------------- list */

static int is_listed(const struct dirent *d)
{
	return is_name(d->d_name);
}

int cvmm_template_list(const char *folder, cvmm_template_fn fn, void *opaque, struct vsu_error *err)
{
	struct dirent **names;
	char path[PATH_MAX];
	int i, n, rc = find_folder(folder, path, err);

	if (rc < 0)
		return rc;
	n = scandir(path, &names, is_listed, alphasort);
	if (n < 0)
		return errno == ENOENT && !folder ? 0 : vsu_error_sys(err, -errno, "'%s'", path);
	for (i = 0; i < n; i++) {
		struct vsu_error why = VSU_ERROR_INIT;
		struct cvmm_template *t = NULL;

		(void)!cvmm_template_open(folder, names[i]->d_name, &t, &why);
		fn(opaque, names[i]->d_name, t, &why);
		cvmm_template_close(t);
		free(names[i]);
	}
	free(names);
	return 0;
}
