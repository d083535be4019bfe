/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Finds notes VMCOREINFO in the image of a memory. */
#include <config.h>

#include <elf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <vm-memory/access.h>

#include "core/core_private.h"

#define PAGE 4096u
#define TEXT_MAX 4096u
#define KERNEL_TEXT (UINT64_C(64) << 20)	/* bytes of code, at most */

/* The name of the note, padded. */
static const char name[12] = "VMCOREINFO";

struct head {
	Elf64_Nhdr note;
	char name[sizeof(name)];
};

_Static_assert(sizeof(struct head) + TEXT_MAX <= VARCH_KERNEL_NOTE_MAX, "the longest note has room");

static bool is_head(const struct head *head)
{
	return head->note.n_namesz == strlen(name) + 1 && !head->note.n_type &&
	       head->note.n_descsz && head->note.n_descsz <= TEXT_MAX &&
	       !memcmp(head->name, name, sizeof(name));
}

void varch_core_look(void *opaque, const unsigned char *bytes, uint64_t len, uint64_t at)
{
	struct varch_core *core = opaque;
	struct head head;
	unsigned int n;
	uint64_t page;

	for (page = 0; page + sizeof(head) <= len; page += PAGE) {
		memcpy(&head, bytes + page, sizeof(head));
		if (!is_head(&head))
			continue;
		n = __atomic_fetch_add(&core->nnotes, 1, __ATOMIC_RELAXED);
		if (n < VARCH_CORE_NOTES)
			core->notes[n] = at + page;
	}
}

/* UINT64_MAX: outside of the image. */
static uint64_t gpa_of(const struct vmem_map *map, uint64_t at)
{
	const struct vmem_region *r;
	unsigned int i;

	for (i = 0; i < vmem_map_count(map); i++) {
		r = vmem_map_region(map, i);
		if (at < vmem_region_len(r))
			return vmem_region_gpa(r) + at;
		at -= vmem_region_len(r);
	}
	return UINT64_MAX;
}

/* The length of the note, padded with zeros, or 0. Its text may have changed since it was found. */
static size_t read_note(const struct vmem_map *map, uint64_t at, unsigned char *to)
{
	const uint64_t gpa = gpa_of(map, at);
	struct head head;
	size_t len;

	if (gpa == UINT64_MAX ||
	    vmem_read(vmem_map_view(map), gpa, &head, sizeof(head)) != (ssize_t)sizeof(head) || !is_head(&head))
		return 0;
	len = head.note.n_descsz;
	memset(to, 0, VARCH_KERNEL_NOTE_MAX);
	memcpy(to, &head, sizeof(head));
	if (vmem_read(vmem_map_view(map), gpa + sizeof(head), to + sizeof(head), len) != (ssize_t)len)
		return 0;
	return sizeof(head) + (len + 3) / 4 * 4;
}

/* The address of the kernel's code, or 0. The text is followed by a zero byte. */
static uint64_t code_of(const unsigned char *note)
{
	static const char key[] = "SYMBOL(_stext)=";
	const char *text = strstr((const char *)note + sizeof(struct head), key);

	return text ? strtoull(text + strlen(key), NULL, 16) : 0;
}

static unsigned int count_running(const struct varch_core *core, const unsigned char *note)
{
	const uint64_t code = code_of(note);
	unsigned int i, n = 0;

	for (i = 0; code && i < core->ncpus; i++)
		n += core->counters[i] - code < KERNEL_TEXT;
	return n;
}

size_t varch_kernel_note_read(const struct varch_core *core, const struct vmem_map *map,
			      unsigned char to[VARCH_KERNEL_NOTE_MAX])
{
	const unsigned int n = core->nnotes < VARCH_CORE_NOTES ? core->nnotes : VARCH_CORE_NOTES;
	unsigned int i, running, most = 0;
	uint64_t best = UINT64_MAX;

	for (i = 0; i < n; i++) {
		if (!read_note(map, core->notes[i], to))
			continue;
		running = count_running(core, to);
		if (best != UINT64_MAX && (running < most || (running == most && core->notes[i] < best)))
			continue;
		most = running;
		best = core->notes[i];
	}
	return best == UINT64_MAX ? 0 : read_note(map, best, to);
}
