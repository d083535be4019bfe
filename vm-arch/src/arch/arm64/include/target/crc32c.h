/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* CRC-32C by an instruction of the processor. Each architecture has this header. */
#ifndef VARCH_TARGET_CRC32C_H
#define VARCH_TARGET_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <asm/hwcap.h>

static inline bool varch_has_crc32c(void)
{
	return getauxval(AT_HWCAP) & HWCAP_CRC32;
}

/* Adds n words of eight bytes. Requires the instruction. */
__attribute__((target("+crc"))) static inline uint32_t
varch_crc32c(uint32_t sum, const unsigned char *bytes, size_t n)
{
	uint64_t word;

	for (; n; n--) {
		memcpy(&word, bytes, sizeof(word));
		sum = __builtin_aarch64_crc32cx(sum, word);
		bytes += sizeof(word);
	}
	return sum;
}

#endif
