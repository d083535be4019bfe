/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Valid messages of a front-end, for the target that is a back-end. */
#ifndef FUZZ_RIGHT_H
#define FUZZ_RIGHT_H

#include <stdint.h>

/* The corpus contains these numbers, so new ones are added at the end. */
enum right { PROTOCOL, FEATURES, TABLE, SLOT, NUM, BASE, ADDR, KICK, CALL,
	     ENABLE, DISABLE, STOP, REQUESTS, CONFIG, EVERYTHING, GET_INFLIGHT,
	     SET_INFLIGHT, PARK, LOG, LOG_ALL, STATE, CHECK, OBJECT, RESET_ALL,
	     ANNOUNCE, MTU, SESSION, PLATFORM, ENTRY_ALL, ENTRY_PAGE,
	     NO_ENTRY, ADVISE, LISTEN, PLACED, ARRIVED, RING_KICK, NO_KICK,
	     RIGHTS };

/* Kinds of descriptors that are sent. */
enum fd_kind { MEMFD, EVENTFD, PIPE_READ, PIPE_WRITE, SOCKET, FILE_FD, PATH_FD,
	       EPOLL, FD_KINDS };

#define RINGS 3u
#define SIZE 8u			/* entries of a ring */
#define MEMORY_SIZE 0x10000u

struct right_message {
	uint32_t request, size;
	uint64_t payload[5];
	int fd;			/* enum fd_kind, or -1 */
};

/*
 * Makes a valid message. A message that concerns no ring uses its number for its own subject.
 * offered: the protocol features for EVERYTHING.
 */
void right_message(struct right_message *m, enum right what, uint32_t ring,
		   uint64_t offered);

/* Guest address of one of a ring's areas: 0 descriptors, available, used, buffers. */
uint64_t right_at(uint32_t ring, uint32_t area);

/* Adds one writable buffer, as a driver does; the ring may be invalid already. */
void right_offer(unsigned char *memory, uint32_t ring);

#endif
