/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Caches of a CPU, as its kernel is told of them: those of the host's first CPU, because registers
 * of the guest do not have their sizes.
 *
 * Threads: no state.
 */
#ifndef VARCH_ARM64_CACHES_H
#define VARCH_ARM64_CACHES_H

#include <stdbool.h>
#include <stdint.h>

#define VARCH_ARM64_CACHES 8
#define VARCH_ARM64_CACHE_LEVELS 7	/* of the architecture */

/* The numbers of ACPI. */
enum varch_arm64_cache_type { VARCH_ARM64_DATA = 0, VARCH_ARM64_INSTRUCTION = 1, VARCH_ARM64_UNIFIED = 2 };

struct varch_arm64_cache {
	unsigned int level;	/* from 1 on */
	enum varch_arm64_cache_type type;
	uint32_t size, sets;
	uint16_t line;		/* bytes */
	uint8_t ways;
	bool shared;		/* by all CPUs; never one of level 1 */
};

struct varch_arm64_caches {
	unsigned int n;		/* 0: they are unknown */
	struct varch_arm64_cache rows[VARCH_ARM64_CACHES]; /* by level */
};

/* Reads a folder like VARCH_ARM64_HOST_CACHES. Caches whose files are missing or wrong are left out. */
#define VARCH_ARM64_HOST_CACHES "/sys/devices/system/cpu/cpu0/cache"
void varch_arm64_caches_read(const char *folder, struct varch_arm64_caches *out);

/* The first cache of a level, or NULL. */
const struct varch_arm64_cache *varch_arm64_cache_of(const struct varch_arm64_caches *c, unsigned int level);

#endif
