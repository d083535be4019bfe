/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Table of connections: a fixed number, hashed by their ports. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "vsock/priv.h"

/* First host port: above ports in common use. */
#define FIRST_PORT (UINT32_C(1) << 30)

void virtdev_priv_vsock_link_add(struct vsock_link *list,
				 struct vsock_link *link)
{
	link->prev = list->prev;
	link->next = list;
	list->prev->next = link;
	list->prev = link;
}

void virtdev_priv_vsock_link_remove(struct vsock_link *link)
{
	if (!link->next)
		return;
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link->prev = link->next = NULL;
}

static void conn_give_back(struct vsock_bridge *b, struct vsock_conn *c)
{
	memset(c, 0, sizeof(*c));
	c->bridge = b;
	c->fd = -1;
	c->next_same = b->free;
	b->free = c;
}

int virtdev_priv_vsock_table_init(struct vsock_bridge *b)
{
	uint32_t i;

	b->line.prev = b->line.next = &b->line;
	b->times.prev = b->times.next = &b->times;
	b->next_port = FIRST_PORT;
	/* a guest that finds collisions slows down only its own table */
	if (getrandom(&b->seed, sizeof(b->seed), GRND_NONBLOCK) < 0)
		b->seed = 0x9e3779b9;
	b->seed |= 1;
	for (b->nbuckets = 1; b->nbuckets < b->max_conns; )
		b->nbuckets *= 2;
	b->conns = calloc(b->max_conns, sizeof(*b->conns));
	b->buckets = calloc(b->nbuckets, sizeof(struct vsock_conn *));
	if (!b->conns || !b->buckets)
		return -ENOMEM;
	for (i = b->max_conns; i; i--)
		conn_give_back(b, &b->conns[i - 1]);
	return 0;
}

void virtdev_priv_vsock_table_fini(struct vsock_bridge *b)
{
	free(b->conns);
	free(b->buckets);
}

struct vsock_conn *virtdev_priv_vsock_conn_new(struct vsock_bridge *b)
{
	struct vsock_conn *c = b->free;

	if (!c)
		return NULL;
	b->free = c->next_same;
	b->nconns++;
	vsock_count(&b->live, 1);
	c->next_same = NULL;
	c->type = VSOCK_STREAM;
	c->backlog.size = b->buffer;
	return c;
}

void virtdev_priv_vsock_conn_free(struct vsock_conn *c)
{
	struct vsock_bridge *b = c->bridge;

	virtdev_priv_vsock_conn_unname(c);
	virtdev_priv_vsock_link_remove(&c->in_line);
	virtdev_priv_vsock_link_remove(&c->in_time);
	virtdev_priv_vsock_backlog_drop(&c->backlog);
	virtdev_priv_vsock_messages_drop(&c->messages);
	virtdev_priv_vsock_rest_drop(&c->rest);
	vsu_fd_close(&c->fd);
	conn_give_back(b, c);
	b->nconns--;
	vsock_count(&b->live, UINT64_MAX);
}

void virtdev_priv_vsock_forget(struct vsock_bridge *b)
{
	uint32_t i;

	for (i = 0; i < b->max_conns && b->nconns; i++)
		if (b->conns[i].state != VSOCK_FREE)
			virtdev_priv_vsock_conn_free(&b->conns[i]);
	b->first_reply = b->nreplies = 0;
	b->stalled = b->starved = false;
	/* Only a stalled queue reads it. */
	if (b->room >= 0)
		vsu_event_drain(b->room, NULL);
}

static struct vsock_conn **bucket_of(const struct vsock_bridge *b,
				     uint32_t guest_port, uint32_t host_port)
{
	uint64_t h = ((uint64_t)guest_port << 32 | host_port) *
		     (UINT64_C(0x9e3779b97f4a7c15) ^
		      (uint64_t)b->seed << 1);

	h ^= h >> 29;
	h *= b->seed;
	return &b->buckets[h >> 32 & (b->nbuckets - 1)];
}

struct vsock_conn *virtdev_priv_vsock_conn_find(const struct vsock_bridge *b,
						uint32_t guest_port,
						uint32_t host_port)
{
	struct vsock_conn *c = *bucket_of(b, guest_port, host_port);

	while (c && (c->guest_port != guest_port || c->host_port != host_port))
		c = c->next_same;
	return c;
}

void virtdev_priv_vsock_conn_name(struct vsock_conn *c, uint32_t guest_port,
				  uint32_t host_port)
{
	struct vsock_conn **bucket = bucket_of(c->bridge, guest_port,
					       host_port);

	c->guest_port = guest_port;
	c->host_port = host_port;
	c->next_same = *bucket;
	*bucket = c;
	c->named = true;
}

void virtdev_priv_vsock_conn_unname(struct vsock_conn *c)
{
	struct vsock_conn **at;

	if (!c->named)
		return;
	at = bucket_of(c->bridge, c->guest_port, c->host_port);
	while (*at != c)
		at = &(*at)->next_same;
	*at = c->next_same;
	c->next_same = NULL;
	c->named = false;
}

/* Terminates: there are more ports than connections. */
uint32_t virtdev_priv_vsock_port(struct vsock_bridge *b, uint32_t guest_port)
{
	uint32_t port;

	do {
		port = b->next_port++;
		if (b->next_port == UINT32_MAX)
			b->next_port = FIRST_PORT;
	} while (virtdev_priv_vsock_conn_find(b, guest_port, port));
	return port;
}
