/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The folders of the machine of one command, or its image, and their records in the request. */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/sized.h>

#include "advice.h"
#include "hidden_rows.h"
#include "plan_folders.h"

/* The sentence about the option would name one that the user has not given. */
static int explain_length(const struct cvmm_exec_share *share, const struct vsu_error *why, struct vsu_error *err)
{
	return vsu_error_set(err, -E2BIG, "folder '%s': the rules for its hidden files have %zu characters, %zu too many; share fewer folders, or hide and show fewer or shorter paths",
			     share->path, (size_t)why->got, (size_t)(why->got - why->limit));
}

static void set_if(struct cvmm_property *properties, size_t *n, bool is_given, const char *key, const char *value)
{
	if (is_given)
		properties[(*n)++] = (struct cvmm_property){ key, value };
}

static int add_share(struct cvmm_exec_plan *p, const struct cvmm_exec_share *share, struct vsu_error *err)
{
	struct cvmm_property properties[8] = { { "path", share->path }, { "tag", share->tag } };
	struct vsu_error why = VSU_ERROR_INIT;
	size_t n = 2;
	int rc;

	set_if(properties, &n, !share->writable, "readonly", NULL);
	set_if(properties, &n, share->nosuid, "nosuid", NULL);
	set_if(properties, &n, share->nodev, "nodev", NULL);
	set_if(properties, &n, share->hidden, "hide", share->hidden);
	set_if(properties, &n, share->hides_private, "hide-private", NULL);
	set_if(properties, &n, share->submounts, "announce-submounts", NULL);
	rc = cvmm_options_add_properties(p->options, "fs", properties, n, &why);
	if (rc == -E2BIG)
		return explain_length(share, &why, err);
	if (rc < 0 && err)
		*err = why;
	return rc;
}

static const char *place_of(const struct cvmm_exec_folder *f)
{
	return f->at ? f->at : f->path;
}

static int find_folder(struct cvmm_exec_plan *p, const struct cvmm_exec_folder *given, const char *tag,
		       struct vsu_error *err)
{
	const unsigned int number = p->parts.nshares;
	struct cvmm_exec_share *share = &p->shares[number];

	share->path = realpath(given->path, NULL);
	if (!share->path)
		return vsu_error_sys(err, -errno, "folder '%s'", given->path);
	p->parts.nshares++;
	snprintf(share->tag, sizeof(share->tag), "%s", tag);
	p->places[number] = place_of(given);
	share->writable = given->writable;
	share->nosuid = given->writable && !given->suid;
	share->nodev = given->writable && !given->dev;
	return 0;
}

static bool permits_more(const struct cvmm_exec_share *f, const struct cvmm_exec_share *inner)
{
	return f->writable && (!inner->writable || f->nosuid < inner->nosuid || f->nodev < inner->nodev);
}

/*
 * The guest mounts the inner folder's device over the place in the outer one. It could unmount it, and
 * change the inner folder by the device of the outer one.
 */
static int add_folder(struct cvmm_exec_plan *p, struct cvmm_exec_share *f, struct vsu_error *err)
{
	const char *sealed[CVMM_EXEC_MAX_FOLDERS + 1], *rest;
	struct cvmm_priv_hidden_share share = {
		.folder = f->path, .sealed = sealed, .hides_private = f->hides_private,
	};
	unsigned int i;
	int rc;

	for (i = 0; i < p->parts.nshares; i++) {
		rest = cvmm_priv_hidden_path_below(f->path, p->shares[i].path);
		if (rest && *rest && permits_more(f, &p->shares[i]))
			sealed[share.nsealed++] = p->shares[i].path;
	}
	rc = cvmm_priv_hidden_list(p->hidden, &share, &f->hidden, err);
	return rc < 0 ? rc : add_share(p, f, err);
}

/* No guest requests anything of it, so that one thread is enough. */
int cvmm_priv_plan_add_spare_folder(struct cvmm_exec_plan *p, const char *template, const char *tag,
				    struct vsu_error *err)
{
	char empty[PATH_MAX + sizeof("/empty")];
	const struct cvmm_property properties[] = {
		{ "path", empty }, { "tag", tag }, { "readonly", NULL }, { "thread-pool-size", "1" },
	};

	snprintf(empty, sizeof(empty), "%s/empty", template);
	return cvmm_options_add_properties(p->options, "fs", properties, sizeof(properties) / sizeof(properties[0]), err);
}

int cvmm_priv_plan_add_spare_folders(struct cvmm_exec_plan *p, const char *template, unsigned int first,
				     unsigned int n, struct vsu_error *err)
{
	char tag[16];
	int rc = 0;

	for (; !rc && first < n; first++) {
		snprintf(tag, sizeof(tag), "dir%u", first);
		rc = cvmm_priv_plan_add_spare_folder(p, template, tag, err);
	}
	return rc;
}

static int compare_places(const void *a, const void *b)
{
	return strcmp(place_of(a), place_of(b));
}

/* The guest mounts a folder before those in it, which it would hide. */
static int sort_folders(const struct cvmm_exec_config *c, struct cvmm_exec_folder *sorted,
			struct vsu_error *err)
{
	unsigned int i;

	for (i = 0; i < c->nfolders; i++) {
		sorted[i] = c->folders[i];
		if (!sorted[i].path || *place_of(&sorted[i]) != '/')
			return vsu_error_set(err, -EINVAL, "folder '%s' has no absolute path in the guest", sorted[i].path ? sorted[i].path : "");
		if (!sorted[i].writable && (sorted[i].suid || sorted[i].dev))
			return vsu_error_set(err, -EINVAL, "folder '%s' is read-only: suid and dev have no effect; share it with rw, or leave them out", sorted[i].path);
		if (!place_of(&sorted[i])[1])
			return vsu_error_set(err, -EINVAL, "folder '%s' would hide the root of the guest; share it as the root, or at another path", sorted[i].path);
	}
	qsort(sorted, c->nfolders, sizeof(*sorted), compare_places);
	for (i = 1; i < c->nfolders; i++)
		if (!compare_places(&sorted[i - 1], &sorted[i]))
			return vsu_error_set(err, -EINVAL, "two folders are shared at '%s'; leave one out", place_of(&sorted[i]));
	return 0;
}

/* A clone has as many devices as its template. */
static int complete_folders(struct cvmm_exec_plan *p, unsigned int shared, struct vsu_error *err)
{
	const struct cvmm_template_info *t = cvmm_priv_plan_template(p);

	if (shared > t->folders)
		return cvmm_priv_advise(err, vsu_error_set(err, -E2BIG, "%u folders are to be shared, but the template '%s' has devices for %u",
							   shared, t->path, t->folders), CVMM_EXEC_ADVICE_FOLDERS);
	return cvmm_priv_plan_add_spare_folders(p, t->path, shared, t->folders, err);
}

static unsigned int count_texts(const char *const *texts)
{
	unsigned int n = 0;

	while (texts && texts[n])
		n++;
	return n;
}

/* A path that is not found is reported where it is used, and all is on the way to "/". */
static void add_used(char **used, unsigned int *n, const char *given)
{
	char *path = realpath(given, NULL);

	if (path && strcmp(path, "/") != 0)
		used[(*n)++] = path;
	else
		free(path);
}

static int list_hidden(struct cvmm_exec_plan *p, const struct cvmm_exec_config *c, struct vsu_error *err)
{
	char *used[CVMM_EXEC_MAX_FOLDERS + 1];
	struct cvmm_priv_hidden_config h = {
		.hide = c->hide, .nhide = count_texts(c->hide), .show = c->show,
		.nshow = count_texts(c->show), .used = (const char *const *)used, .home = c->home,
		.is_writable = c->writable_root,
	};
	unsigned int i;
	int rc;

	if (c->folder && *c->folder == '/')
		add_used(used, &h.nused, c->folder);
	for (i = 0; i < c->nfolders; i++)
		add_used(used, &h.nused, c->folders[i].path);
	rc = cvmm_priv_hidden_new(&p->hidden, &h, err);
	while (h.nused)
		free(used[--h.nused]);
	return rc;
}

static int check_hidden(const struct cvmm_exec_plan *p, struct vsu_error *err)
{
	const char *shared[CVMM_EXEC_MAX_FOLDERS + 1];
	unsigned int i;

	for (i = 0; i < p->parts.nshares; i++)
		shared[i] = p->shares[i].path;
	return cvmm_priv_hidden_check(p->hidden, shared, p->parts.nshares, err);
}

static int add_image(struct cvmm_exec_plan *p, struct vagent_request *r, const struct cvmm_exec_config *c,
		     struct vsu_error *err)
{
	if (c->root || p->template)
		return vsu_error_set(err, -EINVAL, "an image has the root; a folder or a template has no effect");
	vagent_request_add(r, 'I', "%s", "");
	return cvmm_options_add(p->options, "disk", c->image, err);
}

/* Others may not read secrets of this host, of which a table would never name all. */
static int find_root(struct cvmm_exec_plan *p, const struct cvmm_exec_config *c, struct vsu_error *err)
{
	const char *preset = p->template ? cvmm_priv_plan_template(p)->root : "/";
	const struct cvmm_exec_folder root = {
		.path = c->root ? c->root : preset, .at = "/", .writable = c->writable_root, .suid = true, .dev = true,
	};
	int rc = find_folder(p, &root, VAGENT_ROOT_TAG, err);

	if (!rc)
		p->shares[0].hides_private = !c->writable_root && !strcmp(p->shares[0].path, "/");
	return rc;
}

/* A template may come from another person. */
static int check_preset_root(const struct cvmm_exec_plan *p, const struct cvmm_exec_config *c, struct vsu_error *err)
{
	if (!p->template || c->root || c->image || !cvmm_priv_hidden_is_secret(p->hidden, p->shares[0].path))
		return 0;
	return vsu_error_set(err, -EPERM, "template '%s': its root '%s' is hidden from commands; name the root yourself, or make a template of your own",
			     cvmm_priv_plan_template(p)->path, p->shares[0].path);
}

static int find_folders(struct cvmm_exec_plan *p, const struct cvmm_exec_config *c, struct vsu_error *err)
{
	struct cvmm_exec_folder sorted[CVMM_EXEC_MAX_FOLDERS];
	unsigned int i;
	char tag[16];
	int rc = sort_folders(c, sorted, err);

	if (!rc && !c->image)
		rc = find_root(p, c, err);
	for (i = 0; !rc && i < c->nfolders; i++) {
		snprintf(tag, sizeof(tag), "dir%u", i);
		rc = find_folder(p, &sorted[i], tag, err);
	}
	return rc;
}

/* A container's root and volumes are mounted below one folder. Programs tell their files apart by the numbers of devices. */
static int share_as_is(struct cvmm_exec_plan *p, const struct cvmm_exec_folder *folder, unsigned int i,
		       struct vagent_share *share, struct vsu_error *err)
{
	struct cvmm_exec_share *f = &p->shares[i];
	char tag[16] = VAGENT_ROOT_TAG;
	int rc;

	if (i)
		snprintf(tag, sizeof(tag), "dir%u", i - 1);
	rc = find_folder(p, folder, tag, err);
	f->submounts = true;
	*share = (struct vagent_share){ f->tag, p->places[i], !f->writable };
	return rc < 0 ? rc : add_share(p, f, err);
}

int cvmm_priv_plan_share_as_is(struct cvmm_exec_plan *p, const struct cvmm_exec_config *c,
			       struct vagent_share *shares, struct vsu_error *err)
{
	const struct cvmm_template_info *t = cvmm_priv_plan_template(p);
	struct cvmm_exec_folder sorted[CVMM_EXEC_MAX_FOLDERS];
	unsigned int i;
	int rc;

	if (c->nfolders > CVMM_EXEC_MAX_FOLDERS)
		return vsu_error_set(err, -EINVAL, "%u folders; the maximum is %d", c->nfolders, CVMM_EXEC_MAX_FOLDERS);
	rc = vsu_check_array(c->folders, c->nfolders, "config->folders", err);
	if (!rc)
		rc = sort_folders(c, sorted, err);
	for (i = 0; !rc && i < c->nfolders; i++)
		rc = share_as_is(p, &sorted[i], i, &shares[i], err);
	if (rc < 0 || !t)
		return rc;
	if (!c->nfolders)
		rc = cvmm_priv_plan_add_spare_folder(p, t->path, VAGENT_ROOT_TAG, err);
	return rc < 0 ? rc : complete_folders(p, c->nfolders ? c->nfolders - 1 : 0, err);
}

int cvmm_priv_plan_share_folders(struct cvmm_exec_plan *p, struct vagent_request *r,
			   const struct cvmm_exec_config *c, struct vsu_error *err)
{
	unsigned int i;
	int rc;

	if (c->nfolders > CVMM_EXEC_MAX_FOLDERS)
		return vsu_error_set(err, -EINVAL, "%u folders; the maximum is %d", c->nfolders, CVMM_EXEC_MAX_FOLDERS);
	rc = vsu_check_array(c->folders, c->nfolders, "config->folders", err);
	if (!rc)
		rc = find_folders(p, c, err);
	if (!rc)
		rc = list_hidden(p, c, err);
	if (!rc)
		rc = check_preset_root(p, c, err);
	if (!rc && c->image)
		rc = add_image(p, r, c, err);
	for (i = 0; !rc && i < p->parts.nshares; i++) {
		struct cvmm_exec_share *f = &p->shares[i];

		if (i || c->image)
			vagent_request_add(r, 'D', "%s:%s:%s", f->tag, f->writable ? "rw" : "ro", p->places[i]);
		rc = add_folder(p, f, err);
	}
	if (!rc)
		rc = check_hidden(p, err);
	return rc < 0 || !p->template ? rc : complete_folders(p, c->nfolders, err);
}
