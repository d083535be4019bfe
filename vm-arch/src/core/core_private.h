/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The note VMCOREINFO of a core (kernel_note.c). */
#ifndef VARCH_CORE_PRIVATE_H
#define VARCH_CORE_PRIVATE_H

#include <vm-arch/core.h>

#define VARCH_KERNEL_NOTE_MAX 4128u	/* a page of text behind its header, a multiple of 4 */

/*
 * Reads the note of the kernel that most CPUs were running, or of several such notes the last one
 * in the image. Returns its length, a multiple of 4; 0: no note.
 */
size_t varch_kernel_note_read(const struct varch_core *core, const struct vmem_map *map,
			      unsigned char to[VARCH_KERNEL_NOTE_MAX]);

#endif
