/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A disk that somebody serves by NBD, on libnbd: nbd:// and nbd+unix://.
 *
 *   disk      the server's address, and what it said of the export
 *   channel   a connection of its own, and a timer
 *   part      as much of a request as one message asks for
 *
 * A connection that is lost is made anew, again and again. Requests that the
 * server did not answer end with -EIO: they may have been done or not, and
 * asking again could come after a later write of the same bytes. Requests that
 * it was not asked yet wait for some seconds. The next flush ends with -EIO when
 * the lost server had answered writes that no flush has followed: nobody knows
 * whether it still has them.
 *
 * Threads: as disk.h.
 */
#ifndef PROGRAMS_NBD_NBD_H
#define PROGRAMS_NBD_NBD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <libnbd.h>

#include <virtio-devices/disk.h>

#include "disk/module.h"

/* Until a server has let us in, and how long it may be silent when asked. */
#define PNBD_CONNECT_NS UINT64_C(10000000000)
#define PNBD_ANSWER_NS UINT64_C(30000000000)
/* Between two attempts, and how long requests wait for one that succeeds. */
#define PNBD_RETRY_NS UINT64_C(250000000)
#define PNBD_HOLD_NS UINT64_C(10000000000)

struct pnbd_disk {
	struct virtdev_disk_info info;
	bool can_flush;
	bool many;		/* a flush is for what all connections wrote */
	uint32_t most;		/* bytes that one message carries */
	char *export_name;
	struct sockaddr_storage peer;
	socklen_t peer_len;
	uint64_t answer_ns;	/* PNBD_ANSWER_NS, and */
	uint64_t hold_ns;	/* PNBD_HOLD_NS, if no test says otherwise */
	struct nbd_handle *first; /* atomic; for the first channel, or NULL */
	uint64_t written;	/* atomic; writes that were answered */
	uint64_t flushed;	/* atomic; so many of them are on the disk */
	bool lost;		/* atomic; some are with a server that is gone */
};

struct pnbd_part {
	struct pnbd_channel *channel;
	struct pnbd_part *next;			/* of those that are free */
	struct virtdev_disk_request *request;	/* NULL: free */
	unsigned char *copy;	/* of pieces, or NULL: in the request's place */
	uint64_t len, written;	/* written: of the disk, when a flush began */
};

struct pnbd_list {
	struct virtdev_disk_request *first, *last;
};

struct pnbd_channel {
	struct pnbd_disk *disk;
	struct nbd_handle *nbd;	/* NULL: between two connections */
	bool ready;		/* the server has let us in */
	bool ticking;		/* the timer is armed */
	int epoll_fd, timer_fd;
	uint32_t events;	/* of the connection, that are waited for */
	struct pnbd_list queued, finished;
	struct pnbd_part *free, *parts;
	uint32_t nparts, asked;	/* asked: parts without an answer */
	uint64_t answers;	/* since the beginning */
	uint64_t heard;		/* of which the last look saw these */
	uint64_t since_ns;	/* lost, or first without an answer */
	uint64_t began_ns;	/* the attempt to connect */
};

static inline void pnbd_list_add(struct pnbd_list *list,
				struct virtdev_disk_request *request)
{
	request->next = NULL;
	if (list->first)
		list->last->next = request;
	else
		list->first = request;
	list->last = request;
}

static inline struct virtdev_disk_request *pnbd_list_take(struct pnbd_list *list)
{
	struct virtdev_disk_request *request = list->first;

	if (request)
		list->first = request->next;
	return request;
}

/* connect.c */

/* Asks the server for all that the disk says of itself; waits for it. */
int pnbd_disk_ask(struct pnbd_disk *disk, const struct prog_disk_want *want,
		 struct vsu_error *err);

/* A connection to the same server that has begun, or NULL. Does not wait. */
struct nbd_handle *pnbd_disk_connect(const struct pnbd_disk *disk);

/* Were answered writes lost? Said once. */
static inline bool pnbd_disk_lost(struct pnbd_disk *disk)
{
	return __atomic_exchange_n(&disk->lost, false, __ATOMIC_ACQ_REL);
}

/* part.c */

/* Bytes of a request that are done, in its own storage. */
static inline uint64_t *pnbd_request_done(struct virtdev_disk_request *request)
{
	return &request->private_[0];
}

/*
 * Asks for the next part, counting its bytes down from the budget; a request
 * for which that cannot be done ends.
 */
void pnbd_part_ask(struct pnbd_channel *c, struct virtdev_disk_request *request,
		  uint64_t *budget);

/* The answer has come, or never will: its request goes on, or has finished. */
void pnbd_part_end(struct pnbd_part *part, int result);

/* channel.c */

int pnbd_channel_open(void *self, uint32_t depth, void **channel,
		     struct vsu_error *err);
void pnbd_channel_close(void *self, void *channel);
int pnbd_channel_fd(void *self, void *channel);
int pnbd_channel_submit(void *self, void *channel,
		       struct virtdev_disk_request *request);
int pnbd_channel_kick(void *self, void *channel, uint64_t *budget);
struct virtdev_disk_request *pnbd_channel_reap(void *self, void *channel);

#endif
