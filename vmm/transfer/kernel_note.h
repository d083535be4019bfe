/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The note VMCOREINFO of a Linux guest: where the kernel is in memory, and its structures, for
 * a debugger that reads a core. Linux writes it at its boot, as an ELF note at the begin of a
 * page. A kernel that started another one (kexec) leaves its own behind.
 *
 * Threads: vmm_kernel_notes_look() any, several at once; the other functions then one.
 */
#ifndef VMM_TRANSFER_KERNEL_NOTE_H
#define VMM_TRANSFER_KERNEL_NOTE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/procfs.h>

#include <vm-memory/map.h>

#define VMM_KERNEL_NOTES 8		/* found ones that are compared */
#define VMM_KERNEL_NOTE_MAX 4128	/* a page of text behind its header, a multiple of 4 */

struct vmm_kernel_notes {
	unsigned int n;			/* atomic; more than the list has room for: the others are ignored */
	uint64_t at[VMM_KERNEL_NOTES];	/* offsets in the image */
};

/* Bytes of whole pages of the image that begin at this offset. opaque: the notes. */
void vmm_kernel_notes_look(void *opaque, const unsigned char *bytes, uint64_t len, uint64_t at);

/*
 * Reads the note of the kernel that most CPUs were running, or of several such notes the last one
 * in the image. Returns its length, a multiple of 4; 0: no note.
 */
size_t vmm_kernel_notes_read(const struct vmm_kernel_notes *notes, const struct vmem_map *map,
			     const struct elf_prstatus *cpus, unsigned int ncpus,
			     unsigned char to[VMM_KERNEL_NOTE_MAX]);

#endif
