/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Selects the regions that a back-end sees, or that a saved machine contains. */
#include <config.h>

#include "memory/map_edit.h"
#include "memory/windows.h"

const struct vmm_window *vmm_window_of(const struct vmm_windows *s,
				       const struct vmem_region *region)
{
	const uint64_t gpa = vmem_region_gpa(region);
	unsigned int i;

	for (i = 0; i < s->n; i++)
		if (gpa >= s->windows[i].gpa &&
		    gpa - s->windows[i].gpa < s->windows[i].len)
			return &s->windows[i];
	return NULL;
}

/* Those who see a region of window w, which is NULL for memory. */
struct viewer {
	bool (*sees)(const struct vmm_window *w, const struct viewer *viewer);
	const void *owner;
	bool with_others;
};

static bool back_end_sees(const struct vmm_window *w, const struct viewer *viewer)
{
	return !w || w->apart || (viewer->with_others && w->owner != viewer->owner);
}

static bool save_sees(const struct vmm_window *w, const struct viewer *viewer)
{
	(void)viewer;
	return !w || w->plugged;
}

static int make_view(const struct vmm_windows *s, const struct viewer *viewer,
		     struct vmem_map **out)
{
	const struct vmem_map *all = s->devices ? vmem_space_current(s->devices) :
						   vmm_memory_map(s->memory);
	struct vmm_map_edit e;
	unsigned int i;
	int rc = vmm_map_edit_begin(&e, NULL);

	if (rc < 0)
		return rc;
	for (i = 0; !rc && i < vmem_map_count(all); i++)
		if (viewer->sees(vmm_window_of(s, vmem_map_region(all, i)), viewer))
			rc = vmm_map_edit_add(&e, vmem_map_region(all, i));
	if (!rc)
		rc = vmm_map_edit_finish(&e, out);
	vmm_map_edit_end(&e);
	return rc;
}

int vmm_window_map_for(const struct vmm_windows *s, const void *owner,
		      bool with_others, struct vmem_map **out)
{
	const struct viewer viewer = { back_end_sees, owner, with_others };

	return make_view(s, &viewer, out);
}

int vmm_window_map_saved(const struct vmm_windows *s, struct vmem_map **out)
{
	const struct viewer viewer = { .sees = save_sees };

	return make_view(s, &viewer, out);
}
