/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The system calls of a handshake and nothing else: as many bytes and
 * descriptors to and fro, and eight files looked at and mapped with a guard
 * page, by two threads that know beforehand what comes.
 *
 *	floor.handshake_Nq	to be set beside vu.handshake_Nq_ack
 */
#ifndef BENCH_HANDSHAKE_FLOOR_H
#define BENCH_HANDSHAKE_FLOOR_H

void bench_handshake_floor(unsigned int nrings);

#endif
