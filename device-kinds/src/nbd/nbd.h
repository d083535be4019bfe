/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A disk served over NBD, by libnbd: nbd:// and nbd+unix://.
 *
 *   disk      the server's address, and the properties of the export
 *   channel   a connection, and a timer
 *   part      the part of a request that one message carries
 *
 * A lost connection is re-established repeatedly. Sent requests without a reply fail
 * with -EIO: they may or may not have been executed, and a repetition could follow a
 * later write of the same bytes. Unsent requests wait for some seconds. If the lost
 * server had completed writes without a later flush, the next flush fails with -EIO,
 * because these writes may be lost.
 *
 * A flush covers other connections only if the server advertises it. A channel is therefore
 * flushed before it is closed.
 *
 * With on-stall=wait no request fails because the server is away: those without a reply are
 * sent again after reconnection, and no reply is overdue. So a connection ends only when the
 * server or the kernel ends it, and a server that still executed a request of it would do so
 * before it closed the connection. A flush still reports writes that may be lost.
 *
 * Threads: as disk.h.
 */
#ifndef DEVICE_KINDS_NBD_NBD_H
#define DEVICE_KINDS_NBD_NBD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <libnbd.h>

#include <virtio-devices/disk.h>

#include "disk/module.h"

/* Time limits for the handshake and for a reply. */
#define DEVKIND_PRIV_NBD_CONNECT_NS UINT64_C(10000000000)
#define DEVKIND_PRIV_NBD_ANSWER_NS UINT64_C(30000000000)
/* Delay between attempts, and how long requests wait for a connection. */
#define DEVKIND_PRIV_NBD_RETRY_NS UINT64_C(250000000)
#define DEVKIND_PRIV_NBD_HOLD_NS UINT64_C(10000000000)

struct devkind_priv_nbd_disk {
	struct virtdev_disk_info info;
	bool can_flush;
	bool many;		/* a flush covers writes of all connections */
	uint32_t most;		/* maximum payload of a message, bytes */
	char *address, *export_name;
	struct sockaddr_storage peer;
	socklen_t peer_len;
	uint64_t answer_ns;	/* DEVKIND_PRIV_NBD_ANSWER_NS; tests set other values */
	uint64_t hold_ns;	/* DEVKIND_PRIV_NBD_HOLD_NS; tests set other values */
	bool waits;		/* without these limits */
	struct nbd_handle *first; /* atomic; for the first channel, or NULL */
	uint64_t written;	/* atomic; completed writes */
	uint64_t flushed;	/* atomic; writes covered by a flush */
	bool lost;		/* atomic; unflushed writes may be lost */
	int flush_result;	/* atomic; error before a channel was closed, until a
				   flush succeeds */
};

struct devkind_priv_nbd_part {
	struct devkind_priv_nbd_channel *channel;
	struct devkind_priv_nbd_part *next;			/* free list */
	struct virtdev_disk_request *request;	/* NULL: free */
	unsigned char *copy;	/* bounce buffer, or NULL: the request's memory */
	uint64_t len, written;	/* written: the disk's count when a flush began */
};

struct devkind_priv_nbd_list {
	struct virtdev_disk_request *first, *last;
};

struct devkind_priv_nbd_channel {
	struct devkind_priv_nbd_disk *disk;
	struct nbd_handle *nbd;	/* NULL: between two connections */
	bool ready;		/* the handshake is complete */
	bool ticking;		/* the timer is armed */
	int epoll_fd, timer_fd;
	uint32_t events;	/* awaited events of the connection */
	struct devkind_priv_nbd_list queued, finished;
	struct devkind_priv_nbd_part *free, *parts;
	uint32_t nparts, asked;	/* asked: parts without a reply */
	uint64_t answers;	/* replies in total */
	uint64_t heard;		/* replies at the last check */
	uint64_t since_ns;	/* connection lost; while ready: made, or first overdue reply */
	uint64_t began_ns;	/* start of the connection attempt */
	struct virtdev_disk_request last_flush; /* before the channel is closed */
	bool flushes, flushed;	/* last_flush is in progress; it covered all requests */
	bool newer;		/* requests were submitted since it began */
};

static inline void devkind_priv_nbd_list_add(struct devkind_priv_nbd_list *list,
				struct virtdev_disk_request *request)
{
	request->next = NULL;
	if (list->first)
		list->last->next = request;
	else
		list->first = request;
	list->last = request;
}

static inline struct virtdev_disk_request *devkind_priv_nbd_list_take(struct devkind_priv_nbd_list *list)
{
	struct virtdev_disk_request *request = list->first;

	if (request)
		list->first = request->next;
	return request;
}

/* connect.c */

/* Reads the properties of the export from the server; blocks. */
int devkind_priv_nbd_disk_ask(struct devkind_priv_nbd_disk *disk, const struct devkind_priv_disk_want *want,
		 struct vsu_error *err);

/* Starts a connection to the same server, or returns NULL. Does not block. */
struct nbd_handle *devkind_priv_nbd_disk_connect(const struct devkind_priv_nbd_disk *disk);

/* Returns whether completed writes may be lost, and clears that state. */
static inline bool devkind_priv_nbd_disk_lost(struct devkind_priv_nbd_disk *disk)
{
	return __atomic_exchange_n(&disk->lost, false, __ATOMIC_ACQ_REL);
}

static inline bool devkind_priv_nbd_disk_has_unflushed(const struct devkind_priv_nbd_disk *disk)
{
	return __atomic_load_n(&disk->written, __ATOMIC_ACQUIRE) >
	       __atomic_load_n(&disk->flushed, __ATOMIC_ACQUIRE);
}

/* part.c */

/* Completed bytes of a request, stored in the request. */
static inline uint64_t *devkind_priv_nbd_request_done(struct virtdev_disk_request *request)
{
	return &request->private_[0];
}

/*
 * Sends the next part of a request and subtracts its bytes from the budget. On
 * failure the request completes with an error.
 */
void devkind_priv_nbd_part_ask(struct devkind_priv_nbd_channel *c, struct virtdev_disk_request *request,
		  uint64_t *budget);

/* Ends a part with a reply or an error; continues or completes its request. */
void devkind_priv_nbd_part_end(struct devkind_priv_nbd_part *part, int result);

/* Ends a part whose connection was lost: fails its request, or queues it again. */
void devkind_priv_nbd_part_lose(struct devkind_priv_nbd_part *part);

/* Whether a channel that has a handle has no connection any more. */
bool devkind_priv_nbd_channel_is_lost(const struct devkind_priv_nbd_channel *channel);

/* channel.c */

int devkind_priv_nbd_channel_open(void *self, uint32_t depth, void **channel,
		     struct vsu_error *err);
void devkind_priv_nbd_channel_close(void *self, void *channel);
int devkind_priv_nbd_channel_fd(void *self, void *channel);
int devkind_priv_nbd_channel_submit(void *self, void *channel,
		       struct virtdev_disk_request *request);
int devkind_priv_nbd_channel_kick(void *self, void *channel, uint64_t *budget);
struct virtdev_disk_request *devkind_priv_nbd_channel_reap(void *self, void *channel);
int devkind_priv_nbd_channel_flush(void *self, void *channel);

#endif
