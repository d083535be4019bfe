/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Hot plug of slots: three words of bits. */
#include <config.h>

#include <vm-arch/layout.h>
#include <vm-arch/plug.h>

enum { CAME = 0, GOES = 4, EJECT = 8 };

static void bit_set(uint32_t *bits, unsigned int slot)
{
	__atomic_or_fetch(bits, UINT32_C(1) << slot, __ATOMIC_ACQ_REL);
}

static uint32_t take_bits(uint32_t *bits, uint32_t which)
{
	return __atomic_fetch_and(bits, ~which, __ATOMIC_ACQ_REL) & which;
}

static void on_eject(struct varch_plug *plug, uint32_t slots)
{
	const uint32_t given = take_bits(&plug->asked, slots);

	if (given)
		plug->eject(plug->opaque, given);
}

static void on_access(void *opaque, struct varch_access *access)
{
	struct varch_plug *plug = opaque;

	if (access->len != 4 || access->offset % 4)
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

int varch_plug_add(struct varch_plug *plug, struct varch_bus *registers,
		 struct vsu_error *err)
{
	const struct varch_range range = {
		VARCH_PLUG_AT, VARCH_PLUG_LEN, "slot ports", on_access, plug,
	};

	return varch_bus_add(registers, &range, err);
}

void varch_plug_came(struct varch_plug *plug, unsigned int slot)
{
	bit_set(&plug->came, slot);
}

void varch_plug_ask(struct varch_plug *plug, unsigned int slot)
{
	bit_set(&plug->asked, slot);
	bit_set(&plug->goes, slot);
}

void varch_plug_forget(struct varch_plug *plug, unsigned int slot)
{
	take_bits(&plug->asked, UINT32_C(1) << slot);
	take_bits(&plug->goes, UINT32_C(1) << slot);
}

void varch_plug_went(struct varch_plug *plug, unsigned int slot)
{
	varch_plug_forget(plug, slot);
	bit_set(&plug->goes, slot);
}

bool varch_plug_is_asked(const struct varch_plug *plug, unsigned int slot)
{
	return __atomic_load_n(&plug->asked, __ATOMIC_ACQUIRE) &
	       UINT32_C(1) << slot;
}

bool varch_plug_is_unread(const struct varch_plug *plug)
{
	return __atomic_load_n(&plug->came, __ATOMIC_ACQUIRE) |
	       __atomic_load_n(&plug->goes, __ATOMIC_ACQUIRE);
}
