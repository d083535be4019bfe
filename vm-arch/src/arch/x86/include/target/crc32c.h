/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* CRC-32C by an instruction of the processor. Each architecture has this header. */
#ifndef VARCH_TARGET_CRC32C_H
#define VARCH_TARGET_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool varch_has_crc32c(void)
{
	return __builtin_cpu_supports("sse4.2");
}

/* Adds n words of eight bytes. Requires the instruction. */
__attribute__((target("sse4.2"))) static inline uint32_t
varch_crc32c(uint32_t sum, const unsigned char *bytes, size_t n)
{
	uint64_t wide = sum, word;

	for (; n; n--) {
		memcpy(&word, bytes, sizeof(word));
		wide = __builtin_ia32_crc32di(wide, word);
		bytes += sizeof(word);
	}
	return (uint32_t)wide;
}

#endif
