/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Programs of the host at the UNIX sockets of a socket device. */
#ifndef FUZZ_PEERS_H
#define FUZZ_PEERS_H

#include <stdint.h>
#include <stdlib.h>

#define CHECK(x) ((x) ? (void)0 : abort())

#define PEERS 6u
#define PORT 52u		/* one of them listens for it */

struct input {
	const uint8_t *p, *end;
};

static inline uint32_t take(struct input *in, unsigned int bytes)
{
	uint32_t v = 0;

	while (bytes-- && in->p < in->end)
		v = v << 8 | *in->p++;
	return v;
}

struct peers {
	int listener, fds[PEERS];
};

/* A folder for the sockets, for the life of the program. */
void peers_begin(void);
void peers_end(void);
/* The socket that stands for the guest. */
const char *peers_path(void);

void peers_init(struct peers *h);
void peers_fini(struct peers *h);

/* One comes, one is taken, one does something: as the input has it. */
void peer_come(struct peers *h, struct input *in);
void peer_accept(struct peers *h);
void peer_act(struct peers *h, struct input *in);

#endif
