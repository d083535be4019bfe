/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A pcapng file of a trace: a packet per message, of the link type 147 (the first for
 * private use). A packet is a head of 12 bytes and the message as sent:
 *
 *   0  1  version of this head, 1
 *   1  1  sender: 0 front-end, 1 back-end
 *   2  1  channel: 0 main socket, 1 back-end channel
 *   3  1  byte order of the rest: 1 little-endian, 2 big-endian
 *   4  4  number of the connection, from 1
 *   8  4  number of descriptors
 *
 * Descriptors and problems are comments of the packet. A payload of more than
 * RELAY_MAX_PAYLOAD bytes is not in the packet.
 */
#ifndef TOOLS_CAPTURE_H
#define TOOLS_CAPTURE_H

#include "trace_line.h"

#define CAPTURE_LINK_TYPE 147u
#define CAPTURE_HEAD 12u

/* Writes the head of the file. */
void capture_begin(FILE *to);

/* real_ns: nanoseconds of the real-time clock. The owner checks the stream for errors. */
void capture_message(FILE *to, const struct trace_line *line, uint64_t real_ns);

#endif
