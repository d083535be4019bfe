/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Selects modules with their dependencies, in the order of loading. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/fd.h>

#include "initrd/folder_file.h"
#include "initrd/lines.h"
#include "initrd/modules.h"

/* A module that was met. */
struct selected {
	struct vagent_priv_module module;
	enum { VISITED, LOADED } state; /* its dependencies are being added; it has its place */
};

struct vagent_priv_modules {
	int folder_fd;		/* -1: everything is built in */
	bool is_of_host;	/* links may leave the folder */
	struct vagent_priv_lines dep, softdep, builtin, alias;
	struct selected met[VAGENT_MODULES_MAX];
	unsigned int nmet;
	unsigned int order[VAGENT_MODULES_MAX]; /* indexes of met */
	unsigned int n;
	unsigned int lookups;	/* each reads whole files */
};

#define MAX_LOOKUPS 4096

/* The state of one selection. */
struct selection {
	struct vagent_priv_modules *m;
	unsigned int depth;
	struct vsu_error *err;
};

static int add_named(struct selection *s, struct vagent_priv_slice name, bool optional, bool *found);

/* ------------------------------------------------------------------ opening */

static int open_file(const struct vagent_priv_modules *m, const char *path)
{
	int fd;

	if (!m->is_of_host)
		return vagent_priv_folder_file_open(m->folder_fd, path);
	fd = openat(m->folder_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int fail_to_open(const char *what, const char *path, int rc, struct vsu_error *err)
{
	if (rc == -EXDEV)
		return vsu_error_set(err, rc, "the %s '%s' is reached by a symbolic link that leaves the folder of modules; copy the file there", what, path);
	if (rc == -ELOOP)
		return vsu_error_set(err, rc, "the %s '%s' is reached by a symbolic link, which this host's kernel cannot keep in the folder of modules (Linux 5.6); copy the file there", what, path);
	return vsu_error_sys(err, rc, "cannot open the %s '%s'", what, path);
}

/* An absent file is empty unless it is required. */
static int read_file(const struct vagent_priv_modules *m, struct vagent_priv_lines *lines, const char *name,
		     bool required, struct vsu_error *err)
{
	const int fd = open_file(m, name);

	if (fd == -ENOENT && !required)
		return 0;
	if (fd < 0)
		return fail_to_open("list", name, fd, err);
	return vagent_priv_lines_read_take_fd(lines, fd, name, err);
}

static int read_files(struct vagent_priv_modules *m, const char *folder, struct vsu_error *err)
{
	int rc = read_file(m, &m->dep, "modules.dep", true, err);

	if (rc == -ENOENT)
		return vsu_error_set(err, rc, "'%s' has no modules.dep; run depmod for this kernel", folder);
	if (!rc)
		rc = read_file(m, &m->softdep, "modules.softdep", false, err);
	if (!rc)
		rc = read_file(m, &m->builtin, "modules.builtin", false, err);
	if (!rc)
		rc = read_file(m, &m->alias, "modules.alias", false, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "modules in '%s'", folder) : 0;
}

int vagent_priv_modules_open(struct vagent_priv_modules **out, const char *folder, struct vsu_error *err)
{
	struct vagent_priv_modules *m = calloc(1, sizeof(*m));
	int rc = 0;

	if (!m)
		return vsu_error_set(err, -ENOMEM, "no memory for a list of modules");
	m->folder_fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (folder && m->folder_fd < 0)
		rc = vsu_error_sys(err, -errno, "cannot open the folder of modules '%s'", folder);
	m->is_of_host = folder && vagent_priv_folder_is_of_host(folder);
	if (!rc && folder)
		rc = read_files(m, folder, err);
	if (rc < 0)
		vagent_priv_modules_free(m);
	else
		*out = m;
	return rc;
}

void vagent_priv_modules_free(struct vagent_priv_modules *m)
{
	unsigned int i;

	if (!m)
		return;
	for (i = 0; i < m->nmet; i++)
		free(m->met[i].module.path);
	vagent_priv_lines_free(&m->dep);
	vagent_priv_lines_free(&m->softdep);
	vagent_priv_lines_free(&m->builtin);
	vagent_priv_lines_free(&m->alias);
	vsu_fd_close(&m->folder_fd);
	free(m);
}

/* ---------------------------------------------------------------- the lines */

/* "PATH: DEPENDENCY..." */
static bool split_line(struct vagent_priv_slice line, struct vagent_priv_slice *path, struct vagent_priv_slice *rest)
{
	const char *colon = memchr(line.at, ':', line.len);

	if (!colon)
		return false;
	*path = (struct vagent_priv_slice){ line.at, (size_t)(colon - line.at) };
	*rest = (struct vagent_priv_slice){ colon + 1, line.len - path->len - 1 };
	return true;
}

static bool find_path(const struct vagent_priv_modules *m, struct vagent_priv_slice wanted, struct vagent_priv_slice *rest)
{
	struct vagent_priv_slice line, path;
	size_t at = 0;

	while (vagent_priv_lines_next(&m->dep, &at, &line))
		if (split_line(line, &path, rest) && vagent_priv_slice_same(path, wanted))
			return true;
	return false;
}

static bool find_name(const struct vagent_priv_modules *m, struct vagent_priv_slice name, struct vagent_priv_slice *path)
{
	struct vagent_priv_slice line, rest;
	size_t at = 0;

	while (vagent_priv_lines_next(&m->dep, &at, &line))
		if (split_line(line, path, &rest) &&
		    vagent_priv_slice_same_module(vagent_priv_slice_module(*path), name))
			return true;
	return false;
}

static bool is_built_in(const struct vagent_priv_modules *m, struct vagent_priv_slice name)
{
	struct vagent_priv_slice line;
	size_t at = 0;

	if (m->folder_fd < 0)
		return true;
	while (vagent_priv_lines_next(&m->builtin, &at, &line))
		if (vagent_priv_slice_same_module(vagent_priv_slice_module(line), name))
			return true;
	return false;
}

/* A path whose text stays below the folder. */
static bool is_below(struct vagent_priv_slice path)
{
	size_t i, first = 0;

	if (!path.len || path.len >= 1024 || memchr(path.at, '\0', path.len))
		return false;
	for (i = 0; i <= path.len; i++) {
		const struct vagent_priv_slice part = { path.at + first, i - first };

		if (i < path.len && path.at[i] != '/')
			continue;
		if (!part.len || vagent_priv_slice_is(part, ".") || vagent_priv_slice_is(part, ".."))
			return false;
		first = i + 1;
	}
	return true;
}

/* ------------------------------------------------------------- dependencies */

static struct selected *find_met(struct vagent_priv_modules *m, struct vagent_priv_slice path)
{
	unsigned int i;

	for (i = 0; i < m->nmet; i++)
		if (vagent_priv_slice_is(path, m->met[i].module.path))
			return &m->met[i];
	return NULL;
}

static int meet_module(struct selection *s, struct vagent_priv_slice path, bool optional,
		       struct selected **out)
{
	struct vagent_priv_modules *m = s->m;

	if (!is_below(path))
		return vsu_error_set(s->err, -EBADMSG, "modules.dep names '%.*s', which is not below its folder",
				     (int)(path.len < 200 ? path.len : 200), path.at);
	if (m->nmet == VAGENT_MODULES_MAX)
		return vsu_error_set(s->err, -E2BIG, "more than %d modules are needed", VAGENT_MODULES_MAX);
	m->met[m->nmet] = (struct selected){ { strndup(path.at, path.len), optional }, VISITED };
	*out = &m->met[m->nmet];
	if (!(*out)->module.path)
		return vsu_error_set(s->err, -ENOMEM, "no memory for a list of modules");
	m->nmet++;
	return 0;
}

/* Soft dependencies of one module. when: "pre:" or "post:". */
static int add_soft(struct selection *s, struct vagent_priv_slice name, const char *when)
{
	struct vagent_priv_slice line, word;
	bool found, wanted;
	size_t at = 0;
	int rc = 0;

	while (!rc && vagent_priv_lines_next(&s->m->softdep, &at, &line)) {
		if (!vagent_priv_slice_word(&line, &word) || !vagent_priv_slice_is(word, "softdep") ||
		    !vagent_priv_slice_word(&line, &word) || !vagent_priv_slice_same_module(word, name))
			continue;
		for (wanted = false; !rc && vagent_priv_slice_word(&line, &word);) {
			if (word.at[word.len - 1] == ':')
				wanted = vagent_priv_slice_is(word, when);
			else if (wanted)
				rc = add_named(s, word, true, &found);
		}
	}
	return rc;
}

static int add_path(struct selection *s, struct vagent_priv_slice path, bool optional);

/* The last one of a line is loaded first. */
static int add_dependencies(struct selection *s, struct vagent_priv_slice rest, bool optional)
{
	struct vagent_priv_slice word;
	int rc = 0;

	while (!rc && vagent_priv_slice_last_word(&rest, &word))
		rc = add_path(s, word, optional);
	return rc;
}

static int add_new(struct selection *s, struct vagent_priv_slice path, struct vagent_priv_slice rest, bool optional)
{
	const struct vagent_priv_slice name = vagent_priv_slice_module(path);
	struct vagent_priv_modules *m = s->m;
	struct selected *met = NULL;
	int rc = meet_module(s, path, optional, &met);

	if (!rc)
		rc = add_soft(s, name, "pre:");
	if (!rc)
		rc = add_dependencies(s, rest, optional);
	if (rc < 0)
		return rc;
	m->order[m->n++] = (unsigned int)(met - m->met);
	met->state = LOADED;
	return add_soft(s, name, "post:");
}

static int add_path(struct selection *s, struct vagent_priv_slice path, bool optional)
{
	struct selected *met = find_met(s->m, path);
	struct vagent_priv_slice rest;
	int rc;

	if (met && met->state == VISITED)
		return vsu_error_set(s->err, -EBADMSG, "modules.dep: '%s' depends on itself", met->module.path);
	if (met) {
		met->module.optional &= optional;
		return 0;
	}
	if (!find_path(s->m, path, &rest))
		return vsu_error_set(s->err, -EBADMSG, "modules.dep has no line for '%.*s', on which a module depends",
				     (int)(path.len < 200 ? path.len : 200), path.at);
	if (s->depth == VAGENT_MODULES_DEPTH)
		return vsu_error_set(s->err, -EBADMSG, "modules.dep: dependencies are more than %d deep", VAGENT_MODULES_DEPTH);
	s->depth++;
	rc = add_new(s, path, rest, optional);
	s->depth--;
	return rc;
}

/* "alias NAME MODULE", of which any number may have one name. */
static int add_alias(struct selection *s, struct vagent_priv_slice name, bool *found)
{
	struct vagent_priv_slice line, word, path;
	size_t at = 0;
	int rc = 0;

	while (!rc && vagent_priv_lines_next(&s->m->alias, &at, &line)) {
		if (!vagent_priv_slice_word(&line, &word) || !vagent_priv_slice_is(word, "alias") ||
		    !vagent_priv_slice_word(&line, &word) || !vagent_priv_slice_same_module(word, name) ||
		    !vagent_priv_slice_word(&line, &word) || ++s->m->lookups > MAX_LOOKUPS ||
		    !find_name(s->m, word, &path))
			continue;
		*found = true;
		rc = add_path(s, path, true);
	}
	return rc;
}

/* A soft dependency of a module that is being added is no cycle: it has no effect. */
static int add_named(struct selection *s, struct vagent_priv_slice name, bool optional, bool *found)
{
	struct vagent_priv_slice path;
	const struct selected *met;

	if (++s->m->lookups > MAX_LOOKUPS)
		return vsu_error_set(s->err, -E2BIG, "more than %d soft dependencies are named", MAX_LOOKUPS);
	*found = find_name(s->m, name, &path);
	if (!*found) {
		*found = is_built_in(s->m, name);
		return *found ? 0 : add_alias(s, name, found);
	}
	met = optional ? find_met(s->m, path) : NULL;
	return met ? 0 : add_path(s, path, optional);
}

int vagent_priv_modules_select(struct vagent_priv_modules *m, const char *name, enum vagent_priv_module_need need,
		       struct vsu_error *err)
{
	struct selection s = { .m = m, .err = err };
	bool found;
	int rc = add_named(&s, (struct vagent_priv_slice){ name, strlen(name) },
			   need == VAGENT_MODULE_IF_PRESENT, &found);

	if (!rc && !found && need == VAGENT_MODULE_REQUIRED)
		return vsu_error_set(err, -ENOENT, "the kernel has no module '%s', neither as a file nor built in", name);
	return rc;
}

const struct vagent_priv_module *vagent_priv_modules_get(const struct vagent_priv_modules *m, unsigned int i)
{
	return i < m->n ? &m->met[m->order[i]].module : NULL;
}

int vagent_priv_module_open(const struct vagent_priv_modules *m, const struct vagent_priv_module *module, uint64_t *size,
		    struct vsu_error *err)
{
	int fd = open_file(m, module->path), rc;

	if (fd < 0)
		return fail_to_open("module", module->path, fd, err);
	rc = vsu_fd_kind(fd) == VSU_FD_REGULAR ? vsu_fd_size(fd, size) : -EBADMSG;
	if (!rc && *size)
		return fd;
	vsu_fd_close(&fd);
	return rc < 0 && rc != -EBADMSG ? vsu_error_sys(err, rc, "module '%s'", module->path)
		: vsu_error_set(err, -EBADMSG, "the module '%s' is not a file with contents", module->path);
}
