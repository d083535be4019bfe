/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Ethernet frames whose every byte follows from their number, for tests of
 * networks: whoever gets one back can tell whether it is the one that was sent.
 */
#ifndef INTEROP_FRAMES_H
#define INTEROP_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes in front of a frame in a ring of VIRTIO 1.0 and later. */
#define NET_HEADER 12u
/* Offset of the number of buffers that a frame came in, 16 bits. */
#define NET_HEADER_BUFFERS 10u

/* The longest that is made, with large ones and without. */
#define FRAME_LARGE 9014u
#define FRAME_PLAIN 1514u
#define FRAME_SHORTEST 60u

/* Of frame number; large: some have more than 1514 bytes. */
uint32_t frame_len(uint32_t number, bool large);
void frame_make(unsigned char *out, uint32_t number, uint32_t len);

/* The number that stands in a frame, of FRAME_SHORTEST bytes or more. */
uint32_t frame_number(const unsigned char *frame);

/*
 * NULL, or what is wrong. swapped: the peer exchanged source and destination.
 */
const char *frame_judge(const unsigned char *frame, uint32_t len,
			uint32_t number, bool large, bool swapped);

#endif
