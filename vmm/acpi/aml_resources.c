/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Resource descriptors of devices (ACPI 6.4, section 6.4). */
#include <config.h>

#include "acpi/aml.h"
#include "acpi/aml_private.h"

void vmm_aml_memory32(struct vmm_aml *aml, uint32_t base, uint32_t len)
{
	vmm_aml_append_byte(aml, 0x86);
	vmm_aml_append_le(aml, 9, 2);
	vmm_aml_append_byte(aml, 1);		/* writable */
	vmm_aml_append_le(aml, base, 4);
	vmm_aml_append_le(aml, len, 4);
}

#define FIXED_ENDS 0x0cu
#define USED_HERE 0x01u		/* consumed by the device, not forwarded */

static void append_memory64(struct vmm_aml *aml, uint8_t flags, uint64_t base,
			    uint64_t len)
{
	vmm_aml_append_byte(aml, 0x8a);
	vmm_aml_append_le(aml, 43, 2);
	vmm_aml_append_byte(aml, 0);		/* memory */
	vmm_aml_append_byte(aml, flags);
	vmm_aml_append_byte(aml, 1);		/* writable */
	vmm_aml_append_le(aml, 0, 8);
	vmm_aml_append_le(aml, base, 8);
	vmm_aml_append_le(aml, base + len - 1, 8);
	vmm_aml_append_le(aml, 0, 8);
	vmm_aml_append_le(aml, len, 8);
}

void vmm_aml_memory64(struct vmm_aml *aml, uint64_t base, uint64_t len)
{
	append_memory64(aml, FIXED_ENDS | USED_HERE, base, len);
}

void vmm_aml_bridge_memory(struct vmm_aml *aml, uint64_t base, uint64_t len)
{
	append_memory64(aml, FIXED_ENDS, base, len);
}

void vmm_aml_buses(struct vmm_aml *aml, uint16_t first, uint16_t last)
{
	vmm_aml_append_byte(aml, 0x88);
	vmm_aml_append_le(aml, 13, 2);
	vmm_aml_append_byte(aml, 2);		/* bus numbers */
	vmm_aml_append_byte(aml, FIXED_ENDS);
	vmm_aml_append_byte(aml, 0);
	vmm_aml_append_le(aml, 0, 2);
	vmm_aml_append_le(aml, first, 2);
	vmm_aml_append_le(aml, last, 2);
	vmm_aml_append_le(aml, 0, 2);
	vmm_aml_append_le(aml, last - first + 1u, 2);
}

void vmm_aml_io(struct vmm_aml *aml, uint16_t port, uint8_t len)
{
	vmm_aml_append_byte(aml, 0x47);
	vmm_aml_append_byte(aml, 1);		/* all 16 bits are decoded */
	vmm_aml_append_le(aml, port, 2);
	vmm_aml_append_le(aml, port, 2);
	vmm_aml_append_byte(aml, 1);
	vmm_aml_append_byte(aml, len);
}

void vmm_aml_interrupt(struct vmm_aml *aml, uint32_t irq)
{
	vmm_aml_append_byte(aml, 0x89);
	vmm_aml_append_le(aml, 6, 2);
	vmm_aml_append_byte(aml, 0x03);		/* consumer, edge, active high, exclusive */
	vmm_aml_append_byte(aml, 1);
	vmm_aml_append_le(aml, irq, 4);
}
