/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Hot plug of slots and CPUs: words of bits, which the guest reads. */
#include <config.h>

#include <errno.h>

#include <vm-arch/layout.h>
#include <vm-arch/plug.h>

#define WORD_BITS 32u
#define REGISTER 4u		/* bytes */

enum { CAME = 0, GOES = 4, EJECT = 8 };

_Static_assert(!VARCH_CPU_PLUG_LEN || VARCH_CPU_PLUG_LEN == 2 * VARCH_PLUG_CPU_WORDS * REGISTER,
	       "the range has these registers and no others");

static void bit_set(uint32_t *words, unsigned int number)
{
	__atomic_or_fetch(&words[number / WORD_BITS], UINT32_C(1) << number % WORD_BITS, __ATOMIC_ACQ_REL);
}

static uint32_t take_bits(uint32_t *bits, uint32_t which)
{
	return __atomic_fetch_and(bits, ~which, __ATOMIC_ACQ_REL) & which;
}

/* ------------------------------------------------------------------------- the guest */

static void on_eject(struct varch_plug *plug, uint32_t slots)
{
	const uint32_t given = take_bits(&plug->asked, slots);

	if (given)
		plug->eject(plug->opaque, given);
}

static void on_slots(void *opaque, struct varch_access *access)
{
	struct varch_plug *plug = opaque;

	if (access->len != REGISTER || access->offset % REGISTER)
		return;
	if (access->write && access->offset == EJECT)
		on_eject(plug, (uint32_t)access->value);
	else if (!access->write && access->offset == CAME)
		access->value = take_bits(&plug->came, UINT32_MAX);
	else if (!access->write && access->offset == GOES)
		access->value = take_bits(&plug->goes, UINT32_MAX);
	else if (!access->write)
		access->value = 0;
}

static uint32_t read_cpus(struct varch_plug *plug, unsigned int i)
{
	return i < VARCH_PLUG_CPU_WORDS ? __atomic_load_n(&plug->cpus[i], __ATOMIC_ACQUIRE) :
	       take_bits(&plug->new_cpus[i - VARCH_PLUG_CPU_WORDS], UINT32_MAX);
}

static void on_cpus(void *opaque, struct varch_access *access)
{
	if (access->write || access->len != REGISTER || access->offset % REGISTER)
		return;
	access->value = read_cpus(opaque, (unsigned int)(access->offset / REGISTER));
}

/* ------------------------------------------------------------------------- the owner */

static int add_cpus(struct varch_plug *plug, unsigned int n, struct varch_bus *registers,
		    struct vsu_error *err)
{
	const struct varch_range range = {
		VARCH_CPU_PLUG_AT, VARCH_CPU_PLUG_LEN, "CPU ports", on_cpus, plug,
	};
	unsigned int i;

	for (i = 0; i < n; i++)
		bit_set(plug->cpus, i);
	return VARCH_CPU_PLUG_LEN ? varch_bus_add(registers, &range, err) : 0;
}

int varch_plug_add(struct varch_plug *plug, unsigned int ncpus, struct varch_bus *registers,
		   struct vsu_error *err)
{
	const struct varch_range slots = {
		VARCH_PLUG_AT, VARCH_PLUG_LEN, "slot ports", on_slots, plug,
	};
	int rc;

	if (ncpus > VARCH_PLUG_CPUS)
		return vsu_error_set(err, -EINVAL, "%u CPUs: the registers for hot plug have %u", ncpus, VARCH_PLUG_CPUS);
	rc = plug->eject ? varch_bus_add(registers, &slots, err) : 0;
	return rc ? rc : add_cpus(plug, ncpus, registers, err);
}

static void slot_empty(struct varch_plug *plug, unsigned int slot)
{
	take_bits(&plug->asked, UINT32_C(1) << slot);
	take_bits(&plug->goes, UINT32_C(1) << slot);
}

void varch_plug_note(struct varch_plug *plug, enum varch_plug_event event, unsigned int number)
{
	switch (event) {
	case VARCH_PLUG_CAME:
		bit_set(&plug->came, number);
		break;
	case VARCH_PLUG_ASKED:
		bit_set(&plug->asked, number);
		bit_set(&plug->goes, number);
		break;
	case VARCH_PLUG_WENT:
		slot_empty(plug, number);
		bit_set(&plug->goes, number);
		break;
	case VARCH_PLUG_EMPTY:
		slot_empty(plug, number);
		break;
	case VARCH_PLUG_CPU:
		bit_set(plug->cpus, number);
		bit_set(plug->new_cpus, number);
		break;
	}
}
