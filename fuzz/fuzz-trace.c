/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The messages of a connection, as vhost-user-tool judges, shows and captures them. An
 * input is a row of messages: a byte with channel, sender and number of descriptors, the
 * header with a size of 2 bytes, and the payload. Invariants: no more problems than a
 * verdict holds, no more pending requests than are remembered, and the text of a
 * description fits its room.
 */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include <virtio-devices/ids.h>

#include "capture.h"

#define PREFIX 6u	/* byte, number, flags (1), filler (1), size (2) */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct exchange exchange;

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void demand_short_text(const struct relay_message *m,
			      const struct verdict *v)
{
	char text[64];
	size_t n;

	if (!v->row)
		return;
	n = vhost_user_message_describe(v->row, v->reply, m->payload, m->len,
					text, sizeof(text));
	demand(n < sizeof(text) && n == strlen(text));
}

static void show(FILE *to, const struct relay_message *m)
{
	struct verdict v;
	struct trace_line line = {
		.connection = 1, .channel = m->channel, .from = m->from,
		.m = m, .v = &v, .device = VIRTDEV_ID_NET
	};

	exchange_judge(&exchange, m, &v);
	demand(v.nproblems <= EXCHANGE_MAX_PROBLEMS);
	demand(exchange.pending[m->channel].n <= EXCHANGE_MAX_PENDING);
	demand_short_text(m, &v);
	trace_examine(&line);
	trace_text(to, &line);
	trace_json(to, &line);
	capture_message(to, &line, m->time_ns);
}

/* Returns the bytes of the input that the message has used. */
static size_t take_message(FILE *to, const uint8_t *data, size_t size)
{
	static const int fds[3] = { 0, -1, 1 };
	static uint64_t now;
	struct relay_message m = {
		.channel = data[0] & 1, .from = data[0] >> 1 & 1, .time_ns = now++,
		.fds = fds, .nfds = data[0] >> 2 & 3, .late_fds = data[0] >> 4 & 1,
		.hdr = { data[1], data[2], data[4] | (uint32_t)data[5] << 8 },
		.payload = data + PREFIX,
	};

	if (m.hdr.size > RELAY_MAX_PAYLOAD) {
		m.hdr.size = data[3] ? UINT32_MAX : m.hdr.size;
	} else {
		if (m.hdr.size > size - PREFIX)
			m.hdr.size = (uint32_t)(size - PREFIX);
		m.len = m.hdr.size;
	}
	show(to, &m);
	return PREFIX + m.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum vhost_user_side channel;
	const char *name;
	size_t used;
	FILE *to = fopen("/dev/null", "w");

	demand(to != NULL);
	memset(&exchange, 0, sizeof(exchange));
	for (; size >= PREFIX; data += used, size -= used)
		used = take_message(to, data, size);
	while (exchange_unanswered(&exchange, &channel, &name))
		demand(name != NULL);
	fclose(to);
	return 0;
}
