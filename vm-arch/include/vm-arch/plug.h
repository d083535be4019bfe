/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The registers for hot plug, as used by the DSDT's methods: of PCI slots, and of CPUs where the
 * architecture has hot plug of them. Each has 32 bits and permits only 32-bit accesses.
 *
 * Registers of slots have a bit per slot:
 *
 *   0 came     slots with a new function; a read clears it
 *   4 goes     slots whose function the guest is requested to eject, or that
 *              was removed without a request; a read clears it
 *   8 eject    a write ejects the functions of these slots; reads 0
 *
 * An ejection without a request is ignored: the guest may stop using a function
 * and use it again later.
 *
 * Registers of CPUs have a bit per CPU and ignore writes:
 *
 *   0, 4    present   CPUs 0 to 31, and 32 to 63, that the machine has
 *   8, 12   came      the same, of those that were added; a read clears it
 *
 * Threads: any.
 */
#ifndef VARCH_ACPI_PLUG_H
#define VARCH_ACPI_PLUG_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/attributes.h>
#include <vm-arch/bus.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

#define VARCH_PLUG_CPU_WORDS 2u
#define VARCH_PLUG_CPUS (32u * VARCH_PLUG_CPU_WORDS)

/* Its user zeroes it. The words are atomic; a state is saved and loaded by them. */
struct varch_plug {
	uint32_t came, goes;	/* slots that the guest has not read yet */
	uint32_t asked;		/* slots that the guest may eject */
	uint32_t cpus[VARCH_PLUG_CPU_WORDS];	/* CPUs of the machine */
	uint32_t new_cpus[VARCH_PLUG_CPU_WORDS]; /* those that the guest has not read yet */
	/* Called on a CPU's thread when the guest has ejected these slots. NULL: the machine has no bus. */
	void (*eject)(void *opaque, uint32_t slots);
	void *opaque;
};

/*
 * Adds the registers of slots, if plug has eject, and of CPUs; CPUs 0 to ncpus - 1 are
 * present. -EINVAL: more than VARCH_PLUG_CPUS; -EEXIST: the addresses are in use.
 */
VARCH_API int varch_plug_add(struct varch_plug *plug, unsigned int ncpus, struct varch_bus *registers,
			     struct vsu_error *err) VSU_NODISCARD;

enum varch_plug_event {
	VARCH_PLUG_CAME,	/* the slot has a function */
	VARCH_PLUG_ASKED,	/* the guest is requested to eject that of the slot */
	VARCH_PLUG_WENT,	/* the function was removed without a request */
	VARCH_PLUG_EMPTY,	/* the slot is empty, which cancels a request */
	VARCH_PLUG_CPU,		/* the machine has the CPU */
};

/*
 * number: a slot below 32, or a CPU below VARCH_PLUG_CPUS. The caller must also raise the
 * interrupt, after all but VARCH_PLUG_EMPTY.
 */
VARCH_API void varch_plug_note(struct varch_plug *plug, enum varch_plug_event event, unsigned int number);

/*
 * Returns whether the guest has not read all bits. Then raise the interrupt again: one before the guest's
 * driver was loaded is lost.
 */
static inline bool varch_plug_is_unread(const struct varch_plug *plug)
{
	/* a loaded state may have bits of slots without a bus, which no guest can read */
	bool unread = plug->eject && (__atomic_load_n(&plug->came, __ATOMIC_ACQUIRE) |
				      __atomic_load_n(&plug->goes, __ATOMIC_ACQUIRE));
	unsigned int i;

	for (i = 0; i < VARCH_PLUG_CPU_WORDS; i++)
		unread |= __atomic_load_n(&plug->new_cpus[i], __ATOMIC_ACQUIRE) != 0;
	return unread;
}

VSU_END_DECLS

#endif
