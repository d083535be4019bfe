/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Programs of the host at the UNIX sockets of a socket device. */
#ifndef FUZZ_PEERS_H
#define FUZZ_PEERS_H

#include <stdint.h>

#include "play.h"

#define PEERS 6u
#define PORT 52u		/* one of them listens for it, */
#define MESSAGES_PORT 53u	/* one for messages at this */

struct peers {
	int listener, messages, fds[PEERS];
};

/*
 * The socket that stands for the guest, in a folder that is made for the first
 * to ask.
 */
const char *peers_path(void);
/* That of clients with messages. */
const char *peers_messages_path(void);
/* Without the folder, at the end of the program. */
void peers_end(void);

void peers_init(struct peers *h);
void peers_fini(struct peers *h);

/* A client connects, the server accepts one, a client acts; the input selects. */
void peer_come(struct peers *h, struct input *in);
void peer_accept(struct peers *h);
void peer_act(struct peers *h, struct input *in);

#endif
