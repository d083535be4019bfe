/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Describes a file as guest memory. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory/image.h"

static void describe_regions(const struct vmm_memory *memory,
			     const struct vmem_map *map, bool plugged,
			     struct vmm_state_writer *w)
{
	const struct vmem_region *r;
	uint64_t at = 0;
	unsigned int i;

	vmm_state_section(w, plugged ? "plugged" : "memory", 0);
	for (i = 0; i < vmem_map_count(map); i++) {
		r = vmem_map_region(map, i);
		if (vmm_memory_has(memory, r) != plugged) {
			vmm_state_put_u64(w, vmem_region_gpa(r));
			vmm_state_put_u64(w, vmem_region_len(r));
			vmm_state_put_u64(w, at);
		}
		at += vmem_region_len(r);
	}
	vmm_state_section_end(w);
}

static bool has_plugged(const struct vmm_memory *memory, const struct vmem_map *map)
{
	unsigned int i;

	for (i = 0; i < vmem_map_count(map); i++)
		if (!vmm_memory_has(memory, vmem_map_region(map, i)))
			return true;
	return false;
}

void vmm_image_describe(const struct vmm_memory *memory,
			const struct vmem_map *map, struct vmm_state_writer *w)
{
	describe_regions(memory, map, false, w);
	if (has_plugged(memory, map))
		describe_regions(memory, map, true, w);
}

/* A comma of a path is doubled in a list. */
static void append_path(char *to, const char *path)
{
	for (; *path; path++) {
		if (*path == ',')
			*to++ = ',';
		*to++ = *path;
	}
	*to = '\0';
}

static const char private_head[] =
	"backend=file,share=off,readonly=on,rom=off,mem-path=";

/* path NULL: new memory that processes can share. */
static int append_list(struct vmm_image_lists *lists, const char *path,
		       const uint64_t region[3], struct vsu_error *err)
{
	const size_t room = sizeof(private_head) + (path ? 2 * strlen(path) : 0) + 96;
	char *text;

	if (lists->n == VMM_MAX_MEMORY)
		return vsu_error_set(err, -EBADMSG, "the state has more than %d pieces of memory",
				     VMM_MAX_MEMORY);
	text = malloc(room);
	if (!text)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	lists->text[lists->n++] = text;
	strcpy(text, path ? private_head : "backend=memfd");
	if (path)
		append_path(text + strlen(text), path);
	snprintf(text + strlen(text), room - strlen(text),
		 ",at=%" PRIu64 ",size=%" PRIu64, region[0], region[1]);
	if (path)
		snprintf(text + strlen(text), room - strlen(text),
			 ",offset=%" PRIu64, region[2]);
	return 0;
}

int vmm_image_lists(const struct vmm_state *state, const char *path,
		    bool shared, struct vmm_image_lists *lists,
		    struct vsu_error *err)
{
	struct vmm_state_fields f;
	uint64_t region[3];
	unsigned int i;
	int rc = vmm_state_find(state, "memory", 0, &f, err);

	while (!rc && f.left && !f.truncated) {
		for (i = 0; i < 3; i++)
			region[i] = vmm_state_get_u64(&f);
		rc = append_list(lists, shared ? NULL : path, region, err);
	}
	return rc ? rc : vmm_state_fields_end(&f, err);
}

void vmm_image_lists_free(struct vmm_image_lists *lists)
{
	while (lists->n > 0)
		free(lists->text[--lists->n]);
}
