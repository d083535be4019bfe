/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Notes: sizes of up to 32 bits each, so that no sum here can wrap. */
#include <config.h>

#include <elf.h>
#include <string.h>

#include "boot/elf_notes.h"

static uint64_t align_up(uint64_t v, uint64_t align)
{
	return (v + align - 1) & ~(align - 1);
}

bool vmm_note_next(struct vmm_notes *notes, struct vmm_note *note)
{
	uint64_t desc, end;
	Elf64_Nhdr h;

	if (notes->at > notes->size || notes->size - notes->at < sizeof(h))
		return false;
	memcpy(&h, notes->bytes + notes->at, sizeof(h));
	desc = align_up(notes->at + sizeof(h) + h.n_namesz, notes->align);
	end = desc + h.n_descsz;
	if (end > notes->size)
		return false;
	note->type = h.n_type;
	note->name = notes->bytes + notes->at + sizeof(h);
	note->name_size = h.n_namesz;
	note->desc = notes->bytes + desc;
	note->desc_size = h.n_descsz;
	notes->at = align_up(end, notes->align);
	return true;
}

bool vmm_note_is_named(const struct vmm_note *note, const char *name)
{
	const size_t n = strlen(name) + 1;

	return note->name_size == n && !memcmp(note->name, name, n);
}
