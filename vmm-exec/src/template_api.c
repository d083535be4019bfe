/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Templates for programs that list, check and remove them. */
#define _GNU_SOURCE
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "cvmm/template.h"
#include "template.h"

struct cvmm_template {
	struct vmm_template files;
	struct cvmm_template_info info;
};

static void describe_files(struct cvmm_template *t)
{
	const struct vmm_template *f = &t->files;

	t->info = (struct cvmm_template_info){
		.path = f->path, .version = f->info.cvmm, .kernel = f->info.kernel, .root = f->info.root,
		.memory = f->info.memory, .agent = f->info.agent, .cpus = f->info.cpus, .folders = f->info.folders,
		.cards = f->info.net, .made = f->made, .bytes = f->bytes,
	};
}

int cvmm_template_open(const char *folder, const char *name, struct cvmm_template **out,
		       struct vsu_error *err)
{
	struct cvmm_template *t = malloc(sizeof(*t));
	int rc;

	if (!t)
		return vsu_error_set(err, -ENOMEM, "no memory for a template");
	rc = vmm_template_open(&t->files, folder, name, err);
	if (rc < 0) {
		cvmm_template_close(t);
		return rc;
	}
	describe_files(t);
	*out = t;
	return 0;
}

void cvmm_template_close(struct cvmm_template *t)
{
	if (t)
		vmm_template_close(&t->files);
	free(t);
}

const struct cvmm_template_info *cvmm_template_get_info(const struct cvmm_template *t)
{
	return &t->info;
}

int cvmm_template_check(const struct cvmm_template *t, struct vsu_error *err)
{
	return vmm_template_check(&t->files, err);
}

int cvmm_template_remove(const char *folder, const char *name, struct vsu_error *err)
{
	return vmm_template_remove(folder, name, err);
}

static int is_listed(const struct dirent *d)
{
	return vmm_template_is_name(d->d_name);
}

int cvmm_template_list(const char *folder, cvmm_template_fn fn, void *opaque, struct vsu_error *err)
{
	struct dirent **names;
	char path[PATH_MAX];
	int i, n, rc = vmm_template_folder(folder, path, err);

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
