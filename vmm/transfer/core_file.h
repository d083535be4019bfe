/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The format of an ELF core: a note NT_PRSTATUS for each CPU, whose process id is the number of
 * the CPU from 1 on, the note VMCOREINFO of a Linux guest (kernel_note.h), and a segment for each
 * region of the guest's memory. Its virtual address
 * is its physical one, so that a debugger finds memory by physical addresses.
 *
 * Threads: any.
 */
#ifndef VMM_TRANSFER_CORE_FILE_H
#define VMM_TRANSFER_CORE_FILE_H

#include <sys/procfs.h>

#include "memory/image.h"

/*
 * Writes it into an empty file, the headers at the end: an incomplete file is no ELF file.
 * Fails as vmm_image_write(). -E2BIG: more regions than the format has segments.
 */
int vmm_core_write(const struct vmem_map *map, const struct elf_prstatus *cpus,
		   unsigned int ncpus, int fd, struct vmm_image_progress *progress,
		   struct vsu_error *err);

#endif
