/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The system calls of a handshake without a protocol: the same numbers of bytes
 * and descriptors in both directions, and eight files that are checked and mapped
 * with a guard page, by two threads that know each message in advance.
 *
 *	floor.handshake_Nq	compare with vu.handshake_Nq_ack
 */
#ifndef BENCH_HANDSHAKE_FLOOR_H
#define BENCH_HANDSHAKE_FLOOR_H

void bench_handshake_floor(unsigned int nrings);

#endif
