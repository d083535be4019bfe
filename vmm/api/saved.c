/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Facts of a saved machine, for programs. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "cvmm/saved.h"
#include "transfer/saved_folder.h"

/* Facts of a caller, and the texts to which they refer. */
struct saved {
	struct cvmm_saved shown;
	struct vmm_saved_facts facts;
};

static void show_facts(struct saved *s)
{
	const struct vmm_saved_facts *f = &s->facts;

	s->shown = (struct cvmm_saved){
		.size = sizeof(s->shown), .saved_s = f->saved_s, .version = f->version,
		.processor = f->processor, .base = f->base, .changed = f->changed, .age_ns = f->age_ns,
		.memory = f->memory, .bytes = f->bytes, .cpus = f->cpus, .has_sums = f->sums,
	};
}

int cvmm_saved_read(const char *folder, bool verify, struct cvmm_saved **out, struct vsu_error *err)
{
	struct saved *s;
	int rc;

	*out = NULL;
	if (!folder)
		return vsu_error_set(err, -EINVAL, "folder is NULL; give that of a saved machine");
	s = calloc(1, sizeof(*s));
	if (!s)
		return vsu_error_set(err, -ENOMEM, "no memory for a saved machine");
	rc = vmm_saved_folder_read(folder, verify, &s->facts, err);
	if (rc < 0) {
		free(s);
		return rc;
	}
	show_facts(s);
	*out = &s->shown;
	return 0;
}

/* The first member of what was allocated. */
void cvmm_saved_free(struct cvmm_saved *saved)
{
	free(saved);
}
