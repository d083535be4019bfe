/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Hot plug of CPUs: words of bits, which the guest reads. */
#include <config.h>

#include <errno.h>

#include <vm-arch/cpu_plug.h>
#include <vm-arch/layout.h>

#define WORD_BITS 32u
#define REGISTER 4u		/* bytes */

_Static_assert(!VARCH_CPU_PLUG_LEN || VARCH_CPU_PLUG_LEN == 2 * VARCH_CPU_PLUG_WORDS * REGISTER,
	       "the range has these registers and no others");

static void bit_set(uint32_t *words, unsigned int cpu)
{
	__atomic_or_fetch(&words[cpu / WORD_BITS], UINT32_C(1) << cpu % WORD_BITS, __ATOMIC_ACQ_REL);
}

static uint32_t read_register(struct varch_cpu_plug *plug, unsigned int i)
{
	return i < VARCH_CPU_PLUG_WORDS ? __atomic_load_n(&plug->present[i], __ATOMIC_ACQUIRE) :
	       __atomic_exchange_n(&plug->came[i - VARCH_CPU_PLUG_WORDS], 0, __ATOMIC_ACQ_REL);
}

static void on_access(void *opaque, struct varch_access *access)
{
	if (access->write || access->len != REGISTER || access->offset % REGISTER)
		return;
	access->value = read_register(opaque, (unsigned int)(access->offset / REGISTER));
}

int varch_cpu_plug_add(struct varch_cpu_plug *plug, unsigned int n, struct varch_bus *registers,
		     struct vsu_error *err)
{
	const struct varch_range range = {
		VARCH_CPU_PLUG_AT, VARCH_CPU_PLUG_LEN, "CPU ports", on_access, plug,
	};
	unsigned int i;

	if (n > VARCH_CPU_PLUG_WORDS * WORD_BITS)
		return vsu_error_set(err, -EINVAL, "%u CPUs: the registers for hot plug have %u", n, VARCH_CPU_PLUG_WORDS * WORD_BITS);
	for (i = 0; i < n; i++)
		bit_set(plug->present, i);
	return VARCH_CPU_PLUG_LEN ? varch_bus_add(registers, &range, err) : 0;
}

void varch_cpu_plug_came(struct varch_cpu_plug *plug, unsigned int cpu)
{
	bit_set(plug->present, cpu);
	bit_set(plug->came, cpu);
}

bool varch_cpu_plug_is_unread(const struct varch_cpu_plug *plug)
{
	bool unread = false;
	unsigned int i;

	for (i = 0; i < VARCH_CPU_PLUG_WORDS; i++)
		unread |= __atomic_load_n(&plug->came[i], __ATOMIC_ACQUIRE) != 0;
	return unread;
}
