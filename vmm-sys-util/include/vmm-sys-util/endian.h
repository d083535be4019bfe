/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Little-endian values as structs, so that a forgotten conversion does not
 * compile. VIRTIO 1.x rings and configuration are little-endian; the
 * vhost-user protocol is not and uses plain integers.
 *
 * Threads: pure functions.
 */
#ifndef VMM_SYS_UTIL_ENDIAN_H
#define VMM_SYS_UTIL_ENDIAN_H

#include <stddef.h>
#include <stdint.h>

struct vsu_le16 { uint16_t raw; };
struct vsu_le32 { uint32_t raw; };
struct vsu_le64 { uint64_t raw; };

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define VSU_LE16_SWAP_(v) (v)
#define VSU_LE32_SWAP_(v) (v)
#define VSU_LE64_SWAP_(v) (v)
#else
#define VSU_LE16_SWAP_(v) __builtin_bswap16(v)
#define VSU_LE32_SWAP_(v) __builtin_bswap32(v)
#define VSU_LE64_SWAP_(v) __builtin_bswap64(v)
#endif

static inline uint16_t vsu_le16_load(struct vsu_le16 v)
{
	return VSU_LE16_SWAP_(v.raw);
}

static inline uint32_t vsu_le32_load(struct vsu_le32 v)
{
	return VSU_LE32_SWAP_(v.raw);
}

static inline uint64_t vsu_le64_load(struct vsu_le64 v)
{
	return VSU_LE64_SWAP_(v.raw);
}

static inline struct vsu_le16 vsu_le16_make(uint16_t v)
{
	struct vsu_le16 le = { (uint16_t)VSU_LE16_SWAP_(v) };

	return le;
}

static inline struct vsu_le32 vsu_le32_make(uint32_t v)
{
	struct vsu_le32 le = { VSU_LE32_SWAP_(v) };

	return le;
}

static inline struct vsu_le64 vsu_le64_make(uint64_t v)
{
	struct vsu_le64 le = { VSU_LE64_SWAP_(v) };

	return le;
}

/* Numbers of len bytes, up to 8, at any address. */
static inline uint64_t vsu_le_load(const void *at, size_t len)
{
	const unsigned char *bytes = (const unsigned char *)at;
	uint64_t value = 0;

	while (len > 0)
		value = value << 8 | bytes[--len];
	return value;
}

static inline void vsu_le_store(void *at, uint64_t value, size_t len)
{
	unsigned char *bytes = (unsigned char *)at;
	size_t i;

	for (i = 0; i < len; i++)
		bytes[i] = (unsigned char)(value >> (8 * i));
}

#endif
