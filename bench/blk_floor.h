/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Rows of disks, the image that they use, and its floors: bare copies and calls. */
#ifndef BENCH_BLK_FLOOR_H
#define BENCH_BLK_FLOOR_H

#include <stdbool.h>
#include <stdint.h>

#define BLK_IMAGE (UINT64_C(64) << 20)
#define BLK_ROWS 4u

/* One kind of request, measured at each depth. */
struct blk_row {
	const char *name;
	uint32_t len;
	bool write;
	unsigned int depths[3];	/* 0: none */
};

extern const struct blk_row blk_rows[BLK_ROWS];

/* A RAM image without holes: its descriptor and mapping. */
int blk_floor_image(unsigned char **bytes);

/* A multiple of len within the image. */
uint64_t blk_floor_offset(uint64_t *random, uint32_t len);

void bench_blk_floors(void);

#endif
