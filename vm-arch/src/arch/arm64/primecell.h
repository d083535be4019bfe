/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Common to PrimeCell devices: a page of registers, which ends with the identity of the device. */
#ifndef VARCH_ARM64_PRIMECELL_H
#define VARCH_ARM64_PRIMECELL_H

#include <stdint.h>

#define VARCH_PRIMECELL_LEN 0x1000u
#define VARCH_PRIMECELL_IDENTITY 0xfe0u	/* offset of eight registers of a byte */

/* The register at an offset from VARCH_PRIMECELL_IDENTITY on. The part has 12 bits, its revision 4. */
static inline uint32_t varch_primecell_identity(uint64_t offset, uint32_t part, uint32_t revision)
{
	const uint64_t identity = UINT64_C(0xb105f00d) << 32 | (revision << 20 | 0x41u << 12 | part);

	return (uint32_t)(identity >> (offset - VARCH_PRIMECELL_IDENTITY) / 4 * 8) & 0xff;
}

#endif
