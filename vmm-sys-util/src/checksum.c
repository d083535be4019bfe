/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* CRC-32C: eight bytes per instruction, or four bits per step. */
#include <config.h>

#include <vmm-sys-util/checksum.h>

#include "crc32c.h"

static uint32_t add_plain(uint32_t sum, const unsigned char *bytes, size_t len)
{
	static const uint32_t table[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
		0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
		0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};
	size_t i;

	for (i = 0; i < len; i++) {
		sum ^= bytes[i];
		sum = sum >> 4 ^ table[sum & 15];
		sum = sum >> 4 ^ table[sum & 15];
	}
	return sum;
}

uint32_t vsu_checksum_add(uint32_t sum, const unsigned char *bytes, size_t len)
{
	const size_t words = vsu_has_crc32c() ? len / 8 : 0;

	sum = words ? vsu_crc32c(sum, bytes, words) : sum;
	return add_plain(sum, bytes + words * 8, len - words * 8);
}
