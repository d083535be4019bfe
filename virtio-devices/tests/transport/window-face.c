/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A second face, written for the tests only: a window like PCI's common
 * configuration, which has a status of 8 bits, 16-bit queue registers, a size
 * that reads as the largest until it is written, a ready register that is only
 * set, and an interrupt of its own for each queue.
 */
#include <config.h>

#include <check.h>
#include <stdlib.h>

#include "face.h"

struct window_face {
	struct virtdev_transport *t;
	uint32_t offered_sel, wanted_sel;
	uint16_t queue;
	uint32_t last_queue;
	unsigned int pending;
};

static void on_interrupt(void *face, uint32_t source)
{
	struct window_face *w = face;

	w->pending |= source == VIRTDEV_INTERRUPT_CONFIG ? FROM_CONFIG
							 : FROM_QUEUE;
	if (source != VIRTDEV_INTERRUPT_CONFIG)
		w->last_queue = source;
}

static void on_reset(void *face)
{
	struct window_face *w = face;

	w->offered_sel = w->wanted_sel = 0;
	w->queue = 0;
	w->pending = 0;
}

static void *window_make(struct virtdev_transport *t)
{
	static const struct virtdev_face_ops ops = {
		.size = sizeof(ops), .interrupt = on_interrupt,
		.reset = on_reset,
	};
	struct window_face *w = calloc(1, sizeof(*w));

	w->t = t;
	ck_assert_int_eq(virtdev_transport_set_face(t, &ops, w, NULL), 0);
	return w;
}

static void window_free(void *f)
{
	struct window_face *w = f;

	ck_assert_int_eq(virtdev_transport_set_face(w->t, NULL, NULL, NULL),
			 0);
	free(w);
}

static uint32_t window_get(void *f, enum field field)
{
	const struct window_face *w = f;
	const uint32_t size = virtdev_transport_queue_size(w->t, w->queue);

	switch (field) {
	case OFFERED_WORD:
		return w->offered_sel > 1 ? 0 : (uint32_t)
		       (virtdev_transport_offered(w->t) >>
			32 * w->offered_sel);
	case STATUS:
		return (uint8_t)virtdev_transport_status(w->t);
	case QUEUE_MAX:
		return size ? size : virtdev_transport_queue_max(w->t,
								 w->queue);
	case QUEUE_READY:
		return virtdev_transport_queue_ready(w->t, w->queue);
	case GENERATION:
		return (uint8_t)virtdev_transport_generation(w->t);
	default:
		return 0;
	}
}

/* A driver that takes the largest size does not write it. */
static void set_ready(const struct window_face *w, uint32_t value)
{
	if (value != 1)
		return;
	if (!virtdev_transport_queue_size(w->t, w->queue))
		virtdev_transport_set_queue_size(w->t, w->queue,
			virtdev_transport_queue_max(w->t, w->queue));
	virtdev_transport_set_queue_ready(w->t, w->queue, true);
}

static void window_set(void *f, enum field field, uint32_t value)
{
	struct window_face *w = f;

	if (field == OFFERED_SEL)
		w->offered_sel = value;
	else if (field == WANTED_SEL)
		w->wanted_sel = value;
	else if (field == WANTED_WORD)
		virtdev_transport_set_features(w->t, w->wanted_sel, value);
	else if (field == STATUS)
		virtdev_transport_set_status(w->t, (uint8_t)value);
	else if (field == QUEUE_SEL)
		w->queue = (uint16_t)value;
	else if (field == QUEUE_SIZE)
		virtdev_transport_set_queue_size(w->t, w->queue,
						 (uint16_t)value);
	else if (field == QUEUE_READY)
		set_ready(w, value);
	else if (field == NOTIFY)
		virtdev_transport_notify(w->t, value);
	else if (field >= DESC_LOW && field <= DEVICE_HIGH)
		virtdev_transport_set_queue_area(w->t, w->queue,
			(enum virtdev_queue_area)((field - DESC_LOW) / 2),
			(field - DESC_LOW) % 2, value);
}

static unsigned int window_interrupts(void *f)
{
	struct window_face *w = f;
	unsigned int pending = w->pending;

	w->pending = 0;
	return pending;
}

static uint64_t window_config_read(void *f, uint32_t off, uint32_t len)
{
	return virtdev_transport_config_read(((struct window_face *)f)->t, off, len);
}

static void window_config_write(void *f, uint32_t off, uint32_t len,
				uint64_t value)
{
	virtdev_transport_config_write(((struct window_face *)f)->t, off, len,
				       value);
}

uint32_t window_face_last_queue(const void *f)
{
	return ((const struct window_face *)f)->last_queue;
}

const struct face window_face = {
	"window", window_make, window_free, window_get, window_set,
	window_interrupts, window_config_read, window_config_write,
};
