/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Ethernet frames whose bytes are derived from their number, so that the
 * receiver of a frame can check that it is the frame that was sent.
 */
#ifndef INTEROP_FRAMES_H
#define INTEROP_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

/* Size of the header before a frame in a ring of VIRTIO 1.0 and later. */
#define NET_HEADER 12u
/* Offset of num_buffers, 16 bits. */
#define NET_HEADER_BUFFERS 10u

/* Maximum length with and without large frames. */
#define FRAME_LARGE 9014u
#define FRAME_PLAIN 1514u
#define FRAME_SHORTEST 60u

/* Length of a frame; large: some have more than 1514 bytes. */
uint32_t frame_len(uint32_t number, bool large);
void frame_make(unsigned char *out, uint32_t number, uint32_t len);

/* The number in a frame of at least FRAME_SHORTEST bytes. */
uint32_t frame_number(const unsigned char *frame);

/*
 * NULL, or a description of the fault. swapped: the peer exchanged source and
 * destination.
 */
const char *frame_fault(const unsigned char *frame, uint32_t len,
			uint32_t number, bool large, bool swapped);

#endif
