/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Chooses the template of a container. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cvmm/template.h>
#include <vm-agent/initrd.h>
#include <vm-agent/protocol.h>
#include <vmm-sys-util/option_list.h>
#include <vmm-sys-util/parse.h>

#include "oci/template.h"

#define SIZE_KEY "size="

struct choice {
	const struct oci_shape *shape;
	const struct oci_report *report;
	char kernel[PATH_MAX];
	char *path;		/* "": none fits yet */
};

static int find_kernel(const char *given, char path[PATH_MAX], struct vsu_error *err)
{
	char found[VAGENT_KERNEL_PATH];
	int rc = given ? 0 : vagent_host_kernel("/boot", "/lib/modules", found, err);

	if (rc < 0)
		return rc;
	return realpath(given ? given : found, path) ? 0 : vsu_error_sys(err, -errno, "kernel '%s'", given ? given : found);
}

/* The size of an option "memory": its first item or the key. 0: it has none. */
static uint64_t read_size(const char *memory)
{
	struct vsu_list_item item;
	uint64_t size = 0;
	char text[32];

	while (vsu_list_next(&memory, &item)) {
		const size_t skipped = vsu_list_item_begins(&item, SIZE_KEY) ? strlen(SIZE_KEY) : 0;

		snprintf(text, sizeof(text), "%.*s", (int)(item.len - skipped), item.text + skipped);
		if (item.len - skipped < sizeof(text) && !vsu_parse_size(text, &size))
			break;
	}
	return size;
}

/* The reason why a template is not that of the container, or NULL. */
static const char *find_difference(const struct choice *c, const struct cvmm_template_info *t)
{
	if (t->agent != VAGENT_VERSION)
		return "its agent has another version; make it again";
	if (strcmp(t->kernel, c->kernel) != 0)
		return "it has another kernel";
	if (read_size(t->memory) != c->shape->memory)
		return "it has another size of memory";
	if (t->cpus != c->shape->cpus)
		return "it has another number of CPUs";
	if (!t->folders)
		return "it shares no folder";
	return t->cards < c->shape->cards ? "it has fewer network cards" : NULL;
}

static void consider(void *opaque, const char *name, const struct cvmm_template *t, const struct vsu_error *why)
{
	const struct cvmm_template_info *info = t ? cvmm_template_get_info(t) : NULL;
	struct vsu_error stale = VSU_ERROR_INIT;
	struct choice *c = opaque;
	const char *difference;

	if (*c->path)
		return;
	difference = info ? find_difference(c, info) : NULL;
	if (difference)
		oci_report_line(c->report, OCI_REPORT_DEBUG, "the template '%s' is not used: %s", name, difference);
	else if (!t || cvmm_template_check(t, &stale) < 0)
		oci_report_line(c->report, OCI_REPORT_WARNING, "the template '%s' is not used: %s", name, t ? stale.msg : why->msg);
	else
		snprintf(c->path, PATH_MAX, "%s", info->path);
}

/* The settings are those of all users, and the folder may be root's. */
static int list_templates(const char *folder, struct choice *c, struct vsu_error *err)
{
	struct vsu_error why = VSU_ERROR_INIT;
	const int rc = cvmm_template_list(folder, consider, c, &why);

	if (rc != -EACCES && rc != -ENOENT)
		return rc < 0 ? vsu_error_set(err, rc, "%s", why.msg) : 0;
	oci_report_line(c->report, OCI_REPORT_WARNING, "no template is used: %s", why.msg);
	return 0;
}

int oci_template_find(const struct oci_settings *s, const struct oci_shape *shape, const struct oci_report *report,
		      char path[PATH_MAX], struct vsu_error *err)
{
	struct choice c = { .shape = shape, .report = report, .path = path };
	int rc;

	*path = '\0';
	if (!s->templates)
		return 0;
	rc = find_kernel(s->kernel, c.kernel, err);
	rc = rc < 0 ? rc : list_templates(s->templates, &c, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "the templates") : *path != '\0';
}
