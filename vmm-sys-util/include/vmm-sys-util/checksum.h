/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * CRC-32C (Castagnoli), by the processor's instruction if it has one: a stream of
 * guest memory is as fast as its checksum.
 *
 * Threads: any.
 */
#ifndef VMM_SYS_UTIL_CHECKSUM_H
#define VMM_SYS_UTIL_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include <vmm-sys-util/attributes.h>

VSU_BEGIN_DECLS

/* Begin with UINT32_MAX; the complement of the last result is the checksum. */
VSU_API uint32_t vsu_checksum_add(uint32_t sum, const unsigned char *bytes, size_t len);

VSU_END_DECLS

#endif
