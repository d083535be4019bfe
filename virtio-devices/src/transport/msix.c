/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* MSI-X (PCI Local Bus 3.0, section 6.8.2). */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include <virtio-devices/state.h>

#include "transport/msix.h"

/* Words of an entry. */
enum { ADDRESS_LOW, ADDRESS_HIGH, DATA, CONTROL };

/* Bits of a vector's state; PENDING is set only together with CLOSED. */
enum { CLOSED = 1, PENDING = 2 };

int virtdev_msix_init(struct msix *m, uint32_t n, const struct msix_ops *ops,
	      void *opaque)
{
	uint32_t i;

	m->vectors = calloc(n + 1, sizeof(m->vectors[0]));	/* n may be 0 */
	if (!m->vectors)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		m->vectors[i].masked = true;
		m->vectors[i].state = CLOSED;
	}
	m->ops = *ops;
	m->opaque = opaque;
	m->open = false;
	m->n = n;
	return 0;
}

void virtdev_msix_exit(struct msix *m)
{
	free(m->vectors);
	m->vectors = NULL;
}

static void vector_send(struct msix *m, uint32_t i)
{
	if (m->ops.message)
		m->ops.message(m->opaque, i);
}

void virtdev_msix_interrupt(struct msix *m, uint32_t vector)
{
	uint32_t *state, was;

	if (vector >= m->n)
		return;
	state = &m->vectors[vector].state;
	was = __atomic_load_n(state, __ATOMIC_ACQUIRE);
	while (was & CLOSED)
		if (__atomic_compare_exchange_n(state, &was, was | PENDING,
						false, __ATOMIC_ACQ_REL,
						__ATOMIC_ACQUIRE))
			return;
	vector_send(m, vector);
}

/* True if the vector's message changed. */
static bool vector_route(struct msix *m, uint32_t i)
{
	struct msix_vector *v = &m->vectors[i];

	if (!m->open || v->masked ||
	    (v->address == v->reported_address && v->data == v->reported_data))
		return false;
	v->reported_address = v->address;
	v->reported_data = v->data;
	if (m->ops.route)
		m->ops.route(m->opaque, i, v->address, v->data);
	return true;
}

static void vector_update(struct msix *m, uint32_t i)
{
	struct msix_vector *v = &m->vectors[i];

	if (!m->open || v->masked)
		__atomic_or_fetch(&v->state, CLOSED, __ATOMIC_ACQ_REL);
	else if (__atomic_exchange_n(&v->state, 0, __ATOMIC_ACQ_REL) & PENDING)
		vector_send(m, i);
}

/* The owner installs all routes together, before any message is sent. */
static void vectors_update(struct msix *m, uint32_t first, uint32_t n)
{
	bool routed = false;
	uint32_t i;

	for (i = first; i < first + n; i++)
		routed = vector_route(m, i) || routed;
	if (routed && m->ops.route_done)
		m->ops.route_done(m->opaque);
	for (i = first; i < first + n; i++)
		vector_update(m, i);
}

void virtdev_msix_set_open(struct msix *m, bool open)
{
	if (m->open == open)
		return;
	m->open = open;
	vectors_update(m, 0, m->n);
}

static bool is_access(const struct msix *m, uint32_t at, uint32_t len)
{
	return (len == 4 || len == 8) && !(at % len) &&
	       at / MSIX_ENTRY < m->n;
}

static uint32_t word_read(const struct msix_vector *v, uint32_t word)
{
	switch (word) {
	case ADDRESS_LOW:
		return (uint32_t)v->address;
	case ADDRESS_HIGH:
		return (uint32_t)(v->address >> 32);
	case DATA:
		return v->data;
	default:
		return v->masked;
	}
}

uint64_t virtdev_msix_table_read(const struct msix *m, uint32_t at, uint32_t len)
{
	const struct msix_vector *v;
	uint32_t word = at % MSIX_ENTRY / 4;

	if (!is_access(m, at, len))
		return 0;
	v = &m->vectors[at / MSIX_ENTRY];
	return word_read(v, word) |
	       (len == 8 ? (uint64_t)word_read(v, word + 1) << 32 : 0);
}

static void word_write(struct msix_vector *v, uint32_t word, uint32_t value)
{
	const uint64_t high = UINT64_C(0xffffffff) << 32;

	switch (word) {
	case ADDRESS_LOW:
		v->address = (v->address & high) | (value & ~UINT32_C(3));
		break;
	case ADDRESS_HIGH:
		v->address = (v->address & ~high) | (uint64_t)value << 32;
		break;
	case DATA:
		v->data = value;
		break;
	default:
		v->masked = value & 1;
	}
}

void virtdev_msix_table_write(struct msix *m, uint32_t at, uint32_t len,
		      uint64_t value)
{
	struct msix_vector *v;
	uint32_t word = at % MSIX_ENTRY / 4;

	if (!is_access(m, at, len))
		return;
	v = &m->vectors[at / MSIX_ENTRY];
	word_write(v, word, (uint32_t)value);
	if (len == 8)
		word_write(v, word + 1, (uint32_t)(value >> 32));
	vectors_update(m, at / MSIX_ENTRY, 1);
}

uint64_t virtdev_msix_pending_read(const struct msix *m, uint32_t at, uint32_t len)
{
	uint64_t bits = 0;
	uint32_t i;

	if ((len != 4 && len != 8) || at % len)
		return 0;
	for (i = 0; i < len * 8 && at * 8 + i < m->n; i++)
		if (__atomic_load_n(&m->vectors[at * 8 + i].state,
				    __ATOMIC_ACQUIRE) & PENDING)
			bits |= UINT64_C(1) << i;
	return bits;
}

void virtdev_msix_vector_save(const struct msix *m, uint32_t i,
			      struct virtdev_state_writer *w)
{
	const struct msix_vector *v = &m->vectors[i];
	const uint32_t state = __atomic_load_n(&v->state, __ATOMIC_ACQUIRE);

	virtdev_state_put_u64(w, v->address);
	virtdev_state_put_u32(w, v->data);
	virtdev_state_put_u8(w, v->masked);
	virtdev_state_put_u8(w, (state & PENDING) != 0);
}

bool virtdev_msix_vector_load(struct msix *m, uint32_t i,
			      struct virtdev_state_reader *r)
{
	struct msix_vector *v = &m->vectors[i];
	uint8_t masked, pending;

	v->address = virtdev_state_get_u64(r);
	v->data = virtdev_state_get_u32(r);
	masked = virtdev_state_get_u8(r);
	pending = virtdev_state_get_u8(r);
	v->masked = masked;
	v->state = CLOSED | (pending ? PENDING : 0);
	return masked <= 1 && pending <= 1 && !(v->address & 3);
}

void virtdev_msix_vector_take(struct msix *m, uint32_t i,
			      const struct msix_vector *from)
{
	struct msix_vector *v = &m->vectors[i];

	v->address = from->address;
	v->data = from->data;
	v->masked = from->masked;
	__atomic_store_n(&v->state, from->state, __ATOMIC_RELEASE);
	vectors_update(m, i, 1);
}
