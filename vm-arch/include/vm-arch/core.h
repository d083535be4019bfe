/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The format of an ELF core of a guest: a note NT_PRSTATUS for each CPU, whose process id is the
 * number of the CPU from 1 on, the note VMCOREINFO of a Linux guest, and a segment for each region
 * of the guest's memory. Its virtual address is its physical one, so that a debugger finds memory
 * by physical addresses.
 *
 * The caller writes the file: the regions one behind the other, in the order of the map, from byte
 * len on, and then the headers at byte 0. A file that is incomplete is therefore no ELF file.
 *
 * VMCOREINFO has the place of the kernel in memory and its structures. Linux writes it at its boot,
 * as an ELF note at the begin of a page, and a kernel that started another one (kexec) leaves its
 * own behind. The core has that of the kernel which most CPUs were running.
 *
 * Threads: varch_core_look() any, several at once; the other functions one.
 */
#ifndef VARCH_CORE_H
#define VARCH_CORE_H

#include <stddef.h>
#include <stdint.h>

#include <vm-arch/attributes.h>
#include <vm-arch/cpus.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

#define VARCH_CORE_NOTES 8u	/* notes VMCOREINFO that are compared */

struct varch_core {
	unsigned char *headers;	/* for free() */
	size_t len;		/* of headers: whole pages */
	/* private */
	unsigned int ncpus;
	uint64_t counters[VARCH_MAX_CPUS]; /* program counters of the CPUs */
	unsigned int nnotes;	/* atomic; more than the list has room for: the others are ignored */
	uint64_t notes[VARCH_CORE_NOTES]; /* offsets in the image */
};

/*
 * Makes the headers from the registers of the CPUs, which are paused. -E2BIG: the map has more
 * regions than the format has segments; -ENOMEM; or why KVM does not give registers.
 */
VARCH_API int varch_core_init(struct varch_core *core, const struct varch_cpus *cpus,
			      const struct vmem_map *map, struct vsu_error *err) VSU_NODISCARD;

/* Looks for notes in whole pages of the image, which begin at this offset in it. opaque: the core. */
VARCH_API void varch_core_look(void *opaque, const unsigned char *bytes, uint64_t len, uint64_t at);

/* All pages were looked at: adds the note of the guest's kernel to the headers, if one was found. */
VARCH_API void varch_core_finish(struct varch_core *core, const struct vmem_map *map);

VSU_END_DECLS

#endif
