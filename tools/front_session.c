/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A session of the front-end under test with the back-end that "check-frontend" plays. */
#include <config.h>

#include <endian.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "front.h"

#define CONNECT_NS UINT64_C(20000000000)
#define STOP_NS UINT64_C(8000000000)
/* For what a front-end must do: a loaded host may not let it run for seconds. */
#define OWED_NS UINT64_C(10000000000)
#define SESSION_NS UINT64_C(60000000000)
#define TICK_MS 10
#define REPLY_FLAGS (VHOST_USER_HDR_VERSION | VHOST_USER_HDR_REPLY)
#define PAGE UINT64_C(4096)
#define SECTORS UINT64_C(32768)
#define SHMEM_SIZE UINT64_C(0x100000)

struct answer {
	uint32_t size;
	int fd;			/* owned; -1: none */
	union {
		uint64_t u64;
		struct vhost_user_vring_state state;
		struct vhost_user_inflight inflight;
		struct vhost_user_shmem_config shmem;
		unsigned char bytes[sizeof(struct vhost_user_shmem_config)];
	};
};

/* ------------------------------------------------------------------- record */

static void keep_fds(struct front_record *r, const int *fds, unsigned int nfds)
{
	unsigned int i;

	r->nfds = nfds;
	for (i = 0; i < nfds && i < FRONT_KEPT_FDS; i++)
		if (fstat(fds[i], &r->fds[i]) < 0)
			r->fds[i].st_mode = 0;
}

/* Writes a message to the log of the case, and to the record. A full record loses its end. */
static const struct front_record *note(struct front *f, const struct relay_message *m)
{
	struct front_record *r = &f->records[f->nrecords];
	const uint64_t protocol = f->c.exchange.protocol.acked;
	struct verdict v;

	check_note(&f->c, m, f->connection, &v);
	f->last_ns = m->time_ns;
	f->nrecords += f->nrecords < FRONT_MAX_RECORDS - 1;
	*r = (struct front_record){ .hdr = m->hdr, .row = v.row, .connection = f->connection,
				    .reply = m->from == VHOST_USER_SIDE_BACKEND,
				    .channel = m->channel == VHOST_USER_SIDE_BACKEND,
				    .protocol = protocol };
	if (v.nproblems)
		r->problem = v.problems[0];
	if (m->len)
		memcpy(r->payload, m->payload,
		       m->len < FRONT_KEPT_BYTES ? m->len : FRONT_KEPT_BYTES);
	keep_fds(r, m->fds, m->nfds);
	return r;
}

const struct front_record *front_next(const struct front *f, const struct front_record *r,
				      uint32_t number)
{
	for (r = r ? r + 1 : f->records; r < f->records + f->nrecords; r++)
		if (!r->reply && !r->channel && r->connection == f->judged &&
		    (!number || r->hdr.request == number))
			return r;
	return NULL;
}

const struct front_record *front_before(const struct front *f, const struct front_record *r,
					uint32_t number)
{
	const struct front_record *next, *last = NULL;

	for (next = front_next(f, NULL, number); next && next < r;
	     next = front_next(f, next, number))
		last = next;
	return last;
}

/* --------------------------------------------------------------------- send */

/* Sends a message as the twist changes it. False: it cannot be sent, or be shorter. */
static bool send_twisted(struct front *f, int sock, enum vhost_user_side channel,
			 struct vhost_user_header hdr, const struct answer *a,
			 const struct front_twist *t)
{
	unsigned char bytes[sizeof(hdr) + RELAY_MAX_PAYLOAD] = { 0 };
	int fds[FRONT_KEPT_FDS * 4] = { a->fd }, spare = t->nfds ? check_memfd(PAGE) : -1;
	const int64_t size = (int64_t)a->size + t->size;
	unsigned int i, nfds = a->fd >= 0;
	bool sent = t->mute;
	struct relay_message m = { .channel = channel, .from = VHOST_USER_SIDE_BACKEND,
				   .time_ns = vsu_now_ns(), .payload = bytes + sizeof(hdr),
				   .fds = fds };
	struct iovec iov = { bytes, 0 };

	hdr.request += t->number;
	hdr.flags ^= t->flags;
	hdr.size = size < 0 ? 0 : (uint32_t)size;
	memcpy(bytes + sizeof(hdr), a->bytes, a->size);
	if (t->fill)
		memset(bytes + sizeof(hdr), 0xff, hdr.size);
	iov.iov_len = t->keep ? t->keep : sizeof(hdr) + hdr.size;
	m.len = t->claim ? 0 : hdr.size;
	hdr.size = t->claim ? t->claim : hdr.size;
	memcpy(bytes, &hdr, sizeof(hdr));
	for (i = 0; i < t->nfds; i++)
		fds[nfds++] = spare;
	m.hdr = hdr;
	m.nfds = nfds;
	for (i = 0; i <= t->copies && !t->mute; i++) {
		(void)note(f, &m);
		sent |= vsu_sock_send(sock, &iov, 1, fds, nfds) > 0;
	}
	vsu_fd_close(&spare);
	if (t->close)
		check_disconnect(&f->c);
	return sent && (t->size >= 0 || a->size);
}

/* ------------------------------------------------------------------- answer */

static uint64_t features_of(const struct front *f)
{
	return f->connection > 1 && f->script->later ? f->script->later : f->script->features;
}

/* A number, unless the reply is the request with the device's part. */
static uint64_t answer_value(struct front *f, struct answer *a, const struct front_record *r)
{
	const uint64_t sectors = htole64(SECTORS);

	memcpy(a->bytes, r->payload, FRONT_KEPT_BYTES);
	a->size = r->hdr.size < FRONT_KEPT_BYTES ? r->hdr.size : FRONT_KEPT_BYTES;
	switch (r->hdr.request) {
	case VHOST_USER_GET_FEATURES:
		return features_of(f);
	case VHOST_USER_GET_PROTOCOL_FEATURES:
		return f->script->protocol;
	case VHOST_USER_GET_QUEUE_NUM:
		return FRONT_RINGS;
	case VHOST_USER_GET_MAX_MEM_SLOTS:
		return FRONT_SLOTS;
	case VHOST_USER_GET_STATUS:
		return f->status;
	case VHOST_USER_GET_CONFIG:
		if (!r->config.offset && r->config.size >= sizeof(sectors))
			memcpy(a->bytes + sizeof(r->config), &sectors, sizeof(sectors));
		break;
	case VHOST_USER_GET_INFLIGHT_FD:
		a->inflight.mmap_size = r->inflight.num_queues *
					(PAGE + 64 * (uint64_t)r->inflight.queue_size);
		a->fd = check_memfd(a->inflight.mmap_size);
		break;
	case VHOST_USER_GET_VRING_BASE:
		a->state.num = r->state.index < FRONT_RINGS ?
			front_disk_stop(&f->disk, &f->disk.rings[r->state.index]) : 0;
		break;
	case VHOST_USER_GET_SHMEM_CONFIG:
		a->shmem = (struct vhost_user_shmem_config){ 1, 0, { SHMEM_SIZE } };
		a->size = sizeof(a->shmem);
		break;
	}
	return 0;
}

/* Fills the reply; false: the request has none. */
static bool answer(struct front *f, struct answer *a, const struct front_record *r, bool done)
{
	const bool value = r->row && r->row->reply == VHOST_USER_REPLY_VALUE;
	uint64_t number = value ? answer_value(f, a, r) : !done;

	if (!value || r->row->reply_kind <= VHOST_USER_PAYLOAD_PROTOCOL_FEATURES ||
	    r->row->reply_kind == VHOST_USER_PAYLOAD_STATUS) {
		a->u64 = number;
		a->size = sizeof(a->u64);
	}
	if (r->hdr.request == VHOST_USER_SET_LOG_BASE)
		return r->protocol & VHOST_USER_PROTOCOL_BIT(LOG_SHMFD);
	return (r->row && r->row->reply != VHOST_USER_REPLY_ACK) ||
	       (r->hdr.flags & VHOST_USER_HDR_NEED_REPLY &&
		r->protocol & VHOST_USER_PROTOCOL_BIT(REPLY_ACK));
}

/* ------------------------------------------------------------------- effect */

/* Replaces a descriptor by that of the message. */
static void take_fd(int *to, struct check_reply *m)
{
	vsu_fd_close(to);
	if (m->nfds) {
		*to = m->fds[0];
		m->fds[0] = -1;
	}
}

static bool take_table(struct front *f, const struct front_record *r, const int *fds)
{
	uint32_t i;

	front_disk_forget(&f->disk);
	for (i = 0; i < r->table.nregions && i < r->nfds && i < VHOST_USER_MAX_REGIONS; i++)
		if (!front_disk_region(&f->disk, &r->table.regions[i], fds[i]))
			return false;
	return true;
}

/* A message with a ring's index in its first word. */
static bool take_ring(struct front *f, const struct front_record *r, struct check_reply *m)
{
	const uint32_t index = r->state.index & VHOST_USER_VRING_INDEX_MASK;
	struct front_ring *ring = &f->disk.rings[index % FRONT_RINGS];

	switch (r->hdr.request) {
	case VHOST_USER_SET_VRING_NUM:
		ring->size = r->state.num;
		break;
	case VHOST_USER_SET_VRING_BASE:
		ring->base = r->state.num;
		break;
	case VHOST_USER_SET_VRING_ADDR:
		ring->addr = r->addr;
		break;
	case VHOST_USER_SET_VRING_ENABLE:
		ring->enabled = r->state.num;
		break;
	case VHOST_USER_SET_VRING_KICK:
		ring->started = true;
		ring->enabled |= !(f->c.exchange.features.acked & VHOST_USER_F_PROTOCOL_FEATURES);
		take_fd(&ring->kick, m);
		break;
	case VHOST_USER_SET_VRING_CALL:
		take_fd(&ring->call, m);
		break;
	}
	return index < FRONT_RINGS;
}

static bool take_request(struct front *f, const struct front_record *r, struct check_reply *m)
{
	switch (r->hdr.request) {
	case VHOST_USER_SET_MEM_TABLE:
		return take_table(f, r, m->fds);
	case VHOST_USER_ADD_MEM_REG:
		return m->nfds && front_disk_region(&f->disk, &r->slot.region, m->fds[0]);
	case VHOST_USER_REM_MEM_REG:
		return front_disk_region(&f->disk, &r->slot.region, -1);
	case VHOST_USER_SET_VRING_NUM:
	case VHOST_USER_SET_VRING_BASE:
	case VHOST_USER_SET_VRING_ADDR:
	case VHOST_USER_SET_VRING_ENABLE:
	case VHOST_USER_SET_VRING_KICK:
	case VHOST_USER_SET_VRING_CALL:
		return take_ring(f, r, m);
	case VHOST_USER_SET_STATUS:
		f->status = r->u64;
		break;
	case VHOST_USER_SET_BACKEND_REQ_FD:
		take_fd(&f->channel, m);
		break;
	}
	return true;
}

/* ------------------------------------------------------------------ session */

static void take_message(struct front *f, const struct front_record *r, struct check_reply *m)
{
	static const struct front_twist none;
	const struct front_script *s = f->script;
	const bool twisted = s->at == r->hdr.request && !f->happened;
	const struct vhost_user_header hdr = { r->hdr.request, REPLY_FLAGS, 0 };
	struct answer a = { .fd = -1 };

	if (answer(f, &a, r, take_request(f, r, m))) {
		if (send_twisted(f, f->c.sock, VHOST_USER_SIDE_FRONTEND, hdr, &a,
				 twisted ? &s->twist : &none) && twisted) {
			f->happened = f->connection;
			f->owes = s->twist.judged;
		}
	}
	vsu_fd_close(&a.fd);
}

/* Receives a message on a channel; a socket at its end, or with no message, is closed. */
static void receive(struct front *f, int *sock, enum vhost_user_side channel)
{
	const struct front_record *r = NULL;
	struct check_reply *m = &f->c.reply;
	int main_sock = f->c.sock;
	enum check_received got;

	f->c.sock = *sock;
	got = check_receive(&f->c);
	f->c.sock = main_sock;
	if (got == CHECK_RECEIVED)
		r = note(f, &(struct relay_message){
			.channel = channel, .from = VHOST_USER_SIDE_FRONTEND,
			.time_ns = vsu_now_ns(), .hdr = m->hdr, .payload = m->payload,
			.len = m->hdr.size, .fds = m->fds, .nfds = m->nfds });
	if (r && channel == VHOST_USER_SIDE_FRONTEND)
		take_message(f, r, m);
	else if (r)
		f->owes = false;
	check_close_fds(&f->c);
	if (!r)
		vsu_fd_close(sock);
}

static void disconnect(struct front *f)
{
	check_disconnect(&f->c);
	vsu_fd_close(&f->channel);
	f->owes = false;
	front_disk_reset(&f->disk);
	f->phase = f->phase == FRONT_RUNS ? FRONT_STARTS : f->phase;
	f->last_ns = vsu_now_ns();
}

static void accept_next(struct front *f)
{
	disconnect(f);
	f->c.sock = vsu_sock_accept(f->listener);
	if (f->c.sock < 0)
		return;
	f->connection++;
	f->status = 0;
	memset(&f->c.exchange, 0, sizeof(f->c.exchange));
	f->disk.stalls = f->script->stalls && f->connection == 1;
}

/* Does to running rings what the script plans, once. */
static void act(struct front *f)
{
	const struct front_script *s = f->script;
	struct answer a = { .fd = -1, .size = s->size };
	struct vhost_user_header hdr = { s->number, VHOST_USER_HDR_VERSION, 0 };

	if (f->c.exchange.protocol.acked & VHOST_USER_PROTOCOL_BIT(REPLY_ACK))
		hdr.flags |= VHOST_USER_HDR_NEED_REPLY;
	if (s->size)
		memcpy(a.bytes, s->payload, s->size);
	switch (s->event) {
	case FRONT_NOTHING:
		return;
	case FRONT_DISCONNECTS:
		disconnect(f);
		break;
	case FRONT_SENDS:
		if (f->channel < 0 || !send_twisted(f, f->channel, VHOST_USER_SIDE_BACKEND,
						    hdr, &a, &s->twist))
			return;
		break;
	}
	f->happened = f->connection;
	f->owes = s->answered && hdr.flags & VHOST_USER_HDR_NEED_REPLY;
}

static bool any_runs(const struct front *f)
{
	unsigned int i;

	for (i = 0; i < FRONT_RINGS; i++)
		if (f->disk.rings[i].started && f->disk.rings[i].enabled)
			return true;
	return false;
}

static void wait_for_messages(struct front *f)
{
	struct pollfd p[3 + FRONT_RINGS] = {
		{ .fd = f->c.sock < 0 ? f->listener : -1, .events = POLLIN },
		{ .fd = f->c.sock, .events = POLLIN },
		{ .fd = f->channel, .events = POLLIN },
	};
	unsigned int i;

	for (i = 0; i < FRONT_RINGS; i++)
		p[3 + i] = (struct pollfd){ .fd = f->disk.rings[i].kick, .events = POLLIN };
	(void)!poll(p, 3 + FRONT_RINGS, TICK_MS);
	for (i = 0; i < FRONT_RINGS; i++) {
		if (p[3 + i].revents & POLLIN)
			(void)vsu_event_drain(p[3 + i].fd, NULL);
		front_disk_serve(&f->disk, &f->disk.rings[i]);
	}
	if (p[0].revents)
		accept_next(f);
	if (p[1].revents)
		receive(f, &f->c.sock, VHOST_USER_SIDE_FRONTEND);
	if (p[2].revents && f->channel >= 0)
		receive(f, &f->channel, VHOST_USER_SIDE_BACKEND);
}

/* The next phase, when the front-end has done what the current one waits for. */
static void proceed(struct front *f, struct peer *process)
{
	const uint64_t now = vsu_now_ns(), quiet = now - f->last_ns;
	const uint64_t settled = f->owes && f->c.sock >= 0 ? OWED_NS : f->c.timeout_ms * NS_PER_MS;
	enum front_phase before = f->phase;

	peer_reap(process);
	if (!process->pid && (f->c.sock < 0 || quiet > settled))
		f->phase = FRONT_ENDED;
	else if (f->phase == FRONT_STARTS && any_runs(f))
		f->phase = FRONT_RUNS;
	else if (f->phase == FRONT_RUNS && !f->happened && quiet > settled / 4)
		act(f);
	if (f->phase < FRONT_STOPS &&
	    (quiet > (f->phase == FRONT_RUNS || f->happened ? settled : CONNECT_NS) ||
	     now - f->c.start_ns > SESSION_NS)) {
		f->phase = FRONT_STOPS;
		f->stop_ns = now;
		f->gone_on = f->happened && f->happened == f->connection && f->c.sock >= 0;
		if (process->pid)
			kill(-process->pid, SIGTERM);
	} else if (f->phase == FRONT_STOPS && now - f->stop_ns > STOP_NS) {
		f->killed = process->pid > 0;
		f->phase = FRONT_ENDED;
	}
	if (f->phase != before)
		f->last_ns = now;
}

bool front_session(struct front *f, const struct front_script *script)
{
	struct peer *process = f->c.server;
	struct vsu_error err;

	f->script = script;
	f->phase = FRONT_STARTS;
	f->gone_on = f->killed = f->recorded = false;
	f->happened = f->connection = f->nrecords = 0;
	f->judged = 1;
	f->last_ns = vsu_now_ns();
	front_disk_reset(&f->disk);
	f->disk.truncated = false;
	if (peer_start(process, &err) < 0)
		return check_skip(&f->c, "%s", err.msg);
	while (f->phase != FRONT_ENDED) {
		wait_for_messages(f);
		proceed(f, process);
	}
	disconnect(f);
	peer_stop(process);
	(void)check_that(&f->c, !process->death[0], "%s", process->death);
	process->death[0] = '\0';
	(void)check_that(&f->c, !f->killed, "the front-end does not end by SIGTERM");
	(void)check_that(&f->c, !f->disk.truncated, "memory was truncated");
	return check_that(&f->c, f->connection, "the front-end has not connected");
}

bool front_run(struct check *c)
{
	return front_session(front_of(c), c->row->with) &&
	       (!(c->row->needs & ~c->exchange.protocol.acked) ||
		check_skip(c, "its protocol feature was not acknowledged"));
}
