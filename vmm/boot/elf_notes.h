/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Walking the notes of an ELF file. */
#ifndef VMM_BOOT_NOTE_H
#define VMM_BOOT_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of one PT_NOTE segment, and how far they have been read. */
struct vmm_notes {
	const unsigned char *bytes;
	uint64_t size, align;	/* align: 4 or 8 */
	uint64_t at;
};

struct vmm_note {
	uint32_t type;
	const unsigned char *name, *desc;
	uint32_t name_size, desc_size;
};

/* The next note; false at the end, and where one does not fit any more. */
bool vmm_note_next(struct vmm_notes *notes, struct vmm_note *note);

bool vmm_note_is_named(const struct vmm_note *note, const char *name);

#endif
