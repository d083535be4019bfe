/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Matching replies with requests, and judging messages. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "exchange.h"

/* The place of another problem; NULL: there is none. */
static struct vsu_error *next_problem(struct verdict *v)
{
	return v->nproblems < EXCHANGE_MAX_PROBLEMS ? &v->problems[v->nproblems++] : NULL;
}

#define problem(v, ...) ((void)vsu_error_set(next_problem(v), -EPROTO, __VA_ARGS__))

static bool agreed(const struct exchange *x, unsigned int bit)
{
	return x->protocol.known && (x->protocol.acked >> bit & 1);
}

/* ----------------------------------------------------------------- requests */

/* During postcopy the front-end waits for the reply to each memory message. */
static bool is_placed(const struct exchange *x, uint32_t number)
{
	return x->postcopy && (number == VHOST_USER_SET_MEM_TABLE ||
			       number == VHOST_USER_ADD_MEM_REG);
}

static bool must_reply(const struct exchange *x, const struct relay_message *m,
		       const struct vhost_user_message *row)
{
	if (m->channel == VHOST_USER_SIDE_FRONTEND) {
		if (is_placed(x, row->number))
			return true;
		if (row->number == VHOST_USER_SET_LOG_BASE)
			return agreed(x, VHOST_USER_PROTOCOL_F_LOG_SHMFD);
	}
	return row->reply != VHOST_USER_REPLY_ACK ||
	       (agreed(x, VHOST_USER_PROTOCOL_F_REPLY_ACK) &&
		(m->hdr.flags & VHOST_USER_HDR_NEED_REPLY));
}

/* Removes the oldest pending request. */
static struct exchange_pending pop(struct exchange_queue *q)
{
	const struct exchange_pending first = q->list[0];

	q->n--;
	memmove(q->list, q->list + 1, q->n * sizeof(q->list[0]));
	return first;
}

static void remember(struct exchange *x, const struct relay_message *m,
		     struct verdict *v)
{
	struct exchange_queue *q = &x->pending[m->channel];
	bool must = must_reply(x, m, v->row);

	if (!must && !(m->hdr.flags & VHOST_USER_HDR_NEED_REPLY) &&
	    v->row->reply == VHOST_USER_REPLY_ACK)
		return;
	if (q->n == EXCHANGE_MAX_PENDING) {
		problem(v, "%u requests have no reply", q->n);
		(void)pop(q);
	}
	q->list[q->n++] = (struct exchange_pending){
		.time_ns = m->time_ns, .number = v->row->number, .must = must
	};
}

/* Front-ends may enable rings before SET_FEATURES. */
static bool feature_missing(const struct exchange *x, uint8_t bit)
{
	return bit != VHOST_USER_NO_BIT && x->features.known &&
	       !(x->features.acked >> bit & 1);
}

static void judge_negotiation(const struct exchange *x,
			      const struct relay_message *m, struct verdict *v)
{
	const struct vhost_user_message *row = v->row;

	if (row->protocol_bit != VHOST_USER_NO_BIT &&
	    !agreed(x, row->protocol_bit) &&
	    !(m->channel == VHOST_USER_SIDE_FRONTEND &&
	      row->number == VHOST_USER_SET_LOG_BASE))
		problem(v, "%s needs the protocol feature %s, which was not negotiated",
			row->name,
			vhost_user_protocol_feature_name(row->protocol_bit));
	if (feature_missing(x, row->feature_bit))
		problem(v, "%s needs feature bit %u, which was not negotiated",
			row->name, row->feature_bit);
	if ((m->hdr.flags & VHOST_USER_HDR_NEED_REPLY) &&
	    row->reply == VHOST_USER_REPLY_ACK &&
	    !agreed(x, VHOST_USER_PROTOCOL_F_REPLY_ACK))
		problem(v, "NEED_REPLY is set, but REPLY_ACK was not negotiated");
}

/* ---------------------------------------------------------------- learning */

static struct exchange_bits *bits_of(struct exchange *x, uint32_t number)
{
	switch (number) {
	case VHOST_USER_GET_FEATURES:
	case VHOST_USER_SET_FEATURES:
		return &x->features;
	case VHOST_USER_GET_PROTOCOL_FEATURES:
	case VHOST_USER_SET_PROTOCOL_FEATURES:
		return &x->protocol;
	}
	return NULL;
}

static void learn_bits(struct exchange *x, const struct relay_message *m,
		       struct verdict *v)
{
	struct exchange_bits *bits = bits_of(x, v->row->number);
	uint64_t word;

	if (!bits || m->len != sizeof(word))
		return;
	memcpy(&word, m->payload, sizeof(word));
	if (v->row->reply == VHOST_USER_REPLY_VALUE) {
		bits->offered = v->reply ? word : bits->offered;
	} else if (!v->reply) {
		bits->known = true;
		bits->acked = word;
		if (word & ~bits->offered)
			problem(v, "bits %#" PRIx64 " were not offered",
				word & ~bits->offered);
	}
}

static void learn(struct exchange *x, const struct relay_message *m,
		  struct verdict *v)
{
	if (m->channel != VHOST_USER_SIDE_FRONTEND)
		return;
	learn_bits(x, m, v);
	if (v->row->number == VHOST_USER_POSTCOPY_LISTEN)
		x->postcopy = true;
	else if (v->row->number == VHOST_USER_POSTCOPY_END && v->reply)
		x->postcopy = false;
}

/* ------------------------------------------------------------------ replies */

/* The first pending request of that number; n: none. */
static unsigned int find(const struct exchange_queue *q, uint8_t number)
{
	unsigned int i;

	for (i = 0; i < q->n && q->list[i].number != number; i++)
		;
	return i;
}

/* Replies come in the order of the requests: those before it have none. */
static void match(struct exchange *x, const struct relay_message *m,
		  struct verdict *v)
{
	struct exchange_queue *q = &x->pending[m->channel];
	unsigned int i, at = find(q, v->row->number);

	if (at == q->n) {
		problem(v, "%s was not requested, or has been answered",
			v->row->name);
		return;
	}
	for (i = 0; i < at; i++)
		if (q->list[i].must)
			problem(v, "no reply to %s precedes this one",
				vhost_user_message_name(m->channel,
							q->list[i].number));
	v->matched = true;
	v->after_ns = m->time_ns - q->list[at].time_ns;
	q->n -= at + 1;
	memmove(q->list, q->list + at + 1, q->n * sizeof(q->list[0]));
}

static void judge_form(const struct exchange *x, const struct relay_message *m,
		       struct verdict *v)
{
	struct vsu_error *err;

	if (m->late_fds)
		problem(v, "%u descriptors came behind the first byte of the header",
			m->late_fds);
	if (v->reply && is_placed(x, v->row->number))
		return;
	err = &v->problems[v->nproblems];
	if (vhost_user_message_check(v->row, v->reply, m->hdr.flags, m->payload,
				     m->hdr.size, m->nfds, err) < 0)
		v->nproblems++;
}

void exchange_judge(struct exchange *x, const struct relay_message *m,
		    struct verdict *v)
{
	v->row = vhost_user_message(m->channel, m->hdr.request);
	v->reply = m->from != m->channel;
	v->matched = false;
	v->after_ns = 0;
	v->nproblems = 0;
	if (!v->row) {
		problem(v, "the number %u is unknown", m->hdr.request);
		return;
	}
	judge_form(x, m, v);
	if (v->reply) {
		match(x, m, v);
	} else {
		judge_negotiation(x, m, v);
		remember(x, m, v);
	}
	learn(x, m, v);
}

bool exchange_unanswered(struct exchange *x, enum vhost_user_side *channel,
			 const char **name)
{
	struct exchange_pending p;
	int side;

	for (side = 0; side < VHOST_USER_SIDES; side++)
		while (x->pending[side].n) {
			p = pop(&x->pending[side]);
			*channel = (enum vhost_user_side)side;
			*name = vhost_user_message_name(*channel, p.number);
			if (p.must)
				return true;
		}
	return false;
}

#define BIT(n) (UINT64_C(1) << (n))

/*
 * Only disks and network cards offer enough device bits to be distinguished: a
 * network card by its control queue and status bits, a disk by bits that a network
 * card does not use (4) or offers only together with those.
 */
const char *exchange_guess_device(uint64_t features)
{
	const uint64_t net = BIT(18) | BIT(19) | BIT(20) | BIT(21) | BIT(22);
	const uint64_t blk = BIT(4) | BIT(6) | BIT(9) | BIT(10);

	if (features & net)
		return "net";
	return features & blk ? "blk" : NULL;
}
