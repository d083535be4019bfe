/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Parses the value of --sandbox. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/option.h>

#include "common/sandbox_option.h"

/* The first rows are those of enum vmm_sandbox_how. */
enum { TLS = VMM_SANDBOX_OFF + 1, FOLDER };

static const struct vsu_option rows[] = {
	[VMM_SANDBOX_ON] = { .name = "on", .kind = VSU_OPTION_FLAG },
	[VMM_SANDBOX_LOG] = { .name = "log", .kind = VSU_OPTION_FLAG },
	[VMM_SANDBOX_OFF] = { .name = "off", .kind = VSU_OPTION_FLAG },
	[TLS] = { .name = "tls", .kind = VSU_OPTION_FLAG },
	[FOLDER] = { .name = "folder", .kind = VSU_OPTION_STRING, .repeat = true },
	{ .name = NULL },
};

struct reading {
	bool given[FOLDER];
	struct vmm_sandbox_option *to;
};

static int take_property(void *opaque, unsigned int index,
			 const struct vsu_option_value *value, struct vsu_error *err)
{
	struct reading *r = opaque;

	(void)err;
	if (index == FOLDER)
		r->to->folders[r->to->nfolders++] = value->text;
	else
		r->given[index] = value->number;
	return 0;
}

/* One allocation, which remains if there are folders: the pointers, of which a list has at most one per byte, and their text. */
static int read_list(const char *list, struct reading *r, struct vsu_error *err)
{
	const size_t len = strlen(list) + 1;

	r->to->folders = malloc(len * (sizeof(*r->to->folders) + 1));
	if (!r->to->folders)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	return vsu_option_parse_list(rows, "--sandbox", list, (char *)(r->to->folders + len), len,
				     take_property, r, err);
}

int vmm_sandbox_option_read(const char *list, struct vmm_sandbox_option *out,
			    struct vsu_error *err)
{
	struct reading r = { .to = out };
	int rc;

	*out = (struct vmm_sandbox_option){ .how = VMM_SANDBOX_ON };
	if (!list)
		return 0;
	rc = read_list(list, &r, err);
	if (!rc && r.given[VMM_SANDBOX_ON] + r.given[VMM_SANDBOX_LOG] + r.given[VMM_SANDBOX_OFF] != 1)
		rc = vsu_error_set(err, -EINVAL,
				   "--sandbox '%s': expected on, log, off, or on,tls,folder=FOLDER", list);
	if (rc < 0 || !out->nfolders)
		vmm_sandbox_option_free(out);
	if (rc < 0)
		return rc;
	out->tls = r.given[TLS];
	out->how = r.given[VMM_SANDBOX_OFF] ? VMM_SANDBOX_OFF :
		   r.given[VMM_SANDBOX_LOG] ? VMM_SANDBOX_LOG : VMM_SANDBOX_ON;
	return 0;
}

void vmm_sandbox_option_free(struct vmm_sandbox_option *o)
{
	free(o->folders);
	o->folders = NULL;
	o->nfolders = 0;
}
