/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The registers for hot plug of CPUs, as used by the DSDT's methods. Each has 32 bits, one
 * per CPU, and permits only 32-bit accesses; writes have no effect:
 *
 *   0, 4    present   CPUs 0 to 31, and 32 to 63, that the machine has
 *   8, 12   came      likewise, those that were added; a read clears it
 *
 * Threads: any.
 */
#ifndef VARCH_ACPI_CPU_PLUG_H
#define VARCH_ACPI_CPU_PLUG_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/attributes.h>
#include <vm-arch/bus.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

#define VARCH_CPU_PLUG_WORDS 2u

struct varch_cpu_plug {
	uint32_t present[VARCH_CPU_PLUG_WORDS];	/* atomic */
	uint32_t came[VARCH_CPU_PLUG_WORDS];	/* atomic: not yet read by the guest */
};

/*
 * Adds the registers, with CPUs 0 to n - 1. -EINVAL: n exceeds 32 * VARCH_CPU_PLUG_WORDS. An architecture without
 * hot plug of CPUs has no such registers.
 */
VARCH_API int varch_cpu_plug_add(struct varch_cpu_plug *plug, unsigned int n, struct varch_bus *registers,
		     struct vsu_error *err) VSU_NODISCARD;

/* The machine has this CPU now. cpu: below 32 * VARCH_CPU_PLUG_WORDS. The caller must also raise the interrupt. */
VARCH_API void varch_cpu_plug_came(struct varch_cpu_plug *plug, unsigned int cpu);

/* Bits are unread: an interrupt before the guest's driver was loaded is lost. */
VARCH_API bool varch_cpu_plug_is_unread(const struct varch_cpu_plug *plug);

VSU_END_DECLS

#endif
