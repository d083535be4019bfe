/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* CRC-32C by an instruction of the processor; a processor of another kind has none. */
#ifndef VSU_CRC32C_H
#define VSU_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#define VSU_CRC32C_TARGET __attribute__((target("sse4.2")))
#define VSU_CRC32C_WORD(sum, word) ((uint32_t)__builtin_ia32_crc32di(sum, word))

#if defined(__GLIBC__) && defined(__has_include)
#if __has_include(<sys/platform/x86.h>)
#include <sys/platform/x86.h>

/* The loader has read CPUID; the compiler's constructor would do it again at each start. */
#define VSU_CRC32C_PRESENT CPU_FEATURE_ACTIVE(SSE4_2)
#endif
#endif
#ifndef VSU_CRC32C_PRESENT
#define VSU_CRC32C_PRESENT __builtin_cpu_supports("sse4.2")
#endif

static inline bool vsu_has_crc32c(void)
{
	return VSU_CRC32C_PRESENT;
}
#elif defined(__aarch64__)
#include <sys/auxv.h>
#include <asm/hwcap.h>

#define VSU_CRC32C_TARGET __attribute__((target("+crc")))
#define VSU_CRC32C_WORD(sum, word) __builtin_aarch64_crc32cx(sum, word)

static inline bool vsu_has_crc32c(void)
{
	return getauxval(AT_HWCAP) & HWCAP_CRC32;
}
#else
#define VSU_CRC32C_TARGET
#define VSU_CRC32C_WORD(sum, word) ((void)(word), (sum))

static inline bool vsu_has_crc32c(void)
{
	return false;
}
#endif

/* Adds n words of eight bytes. Requires the instruction. */
VSU_CRC32C_TARGET static inline uint32_t vsu_crc32c(uint32_t sum, const unsigned char *bytes,
						    size_t n)
{
	uint64_t word;

	for (; n; n--) {
		memcpy(&word, bytes, sizeof(word));
		sum = VSU_CRC32C_WORD(sum, word);
		bytes += sizeof(word);
	}
	return sum;
}

#endif
