/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Ethernet frames whose bytes are derived from their number. */
#include <config.h>

#include <string.h>

#include "frames.h"

#define MAC_LEN 6u
/* EtherType for local experiments. */
#define TYPE_AT 12u
#define NUMBER_AT 14u
#define BODY_AT 18u

/* All lengths occur, in an order in which consecutive ones differ much. */
uint32_t frame_len(uint32_t number, bool large)
{
	if (large && number % 4 == 3)
		return FRAME_PLAIN + 1 + number * 1237 % (FRAME_LARGE - FRAME_PLAIN);
	return FRAME_SHORTEST + number * 397 % (FRAME_PLAIN - FRAME_SHORTEST + 1);
}

static void addresses_make(unsigned char *out, bool swapped)
{
	static const unsigned char to[MAC_LEN] = { 2, 0, 0, 0, 0, 0x11 },
				   from[MAC_LEN] = { 2, 0, 0, 0, 0, 0x22 };

	memcpy(out, swapped ? from : to, MAC_LEN);
	memcpy(out + MAC_LEN, swapped ? to : from, MAC_LEN);
}

void frame_make(unsigned char *out, uint32_t number, uint32_t len)
{
	uint32_t state = number * 2654435761u + 1, i;

	addresses_make(out, false);
	out[TYPE_AT] = 0x88;
	out[TYPE_AT + 1] = 0xb5;
	for (i = 0; i < BODY_AT - NUMBER_AT; i++)
		out[NUMBER_AT + i] = (unsigned char)(number >> 8 * i);
	for (i = BODY_AT; i < len; i++) {
		state = state * 1664525u + 1013904223u;
		out[i] = (unsigned char)(state >> 24);
	}
}

uint32_t frame_number(const unsigned char *frame)
{
	uint32_t number = 0, i;

	for (i = 0; i < BODY_AT - NUMBER_AT; i++)
		number |= (uint32_t)frame[NUMBER_AT + i] << 8 * i;
	return number;
}

const char *frame_fault(const unsigned char *frame, uint32_t len,
			uint32_t number, bool large, bool swapped)
{
	unsigned char sent[FRAME_LARGE];

	if (len != frame_len(number, large))
		return "its length is not the one that was sent";
	frame_make(sent, number, len);
	addresses_make(sent, swapped);
	if (memcmp(sent, frame, BODY_AT))
		return "its addresses, its type or its number are wrong";
	if (memcmp(sent, frame, len))
		return "its bytes differ from those sent";
	return NULL;
}
