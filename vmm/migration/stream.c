/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Sends and receives sections over a socket. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>

#include "memory/memory_specs.h"
#include "migration/stream.h"

#define MAGIC "CVMMMIGR"
#define STREAM_VERSION 1u
#define HEADER 16u		/* magic, version, 0 */
#define NS_PER_MS UINT64_C(1000000)
#define FIRST_ROOM 65536u
#define TEXT_MAX 1024u		/* of "failed" */
#define REFUSE_NS (UINT64_C(1000) * NS_PER_MS)
#define REASON_NS (UINT64_C(1000) * NS_PER_MS)
#define DRAIN_NS (UINT64_C(1000) * NS_PER_MS)

/* The sections of a stream and the maximum length of their content. */
static const struct limit {
	const char *name;
	uint64_t max;
} limits[] = {
	{ "arguments", UINT64_C(1) << 20 }, { "head", UINT64_C(1) << 21 },
	{ "pages", 8 + VMM_STREAM_PIECE }, { "zeros", 16 }, { "missing", 8 + 65536 },
	{ "state", VSU_STATE_MAX }, { "go", 4 }, { "ready", 0 }, { "want", 8 }, { "complete", 0 },
	{ "shared", 24 * VMM_MAX_MEMORY }, { "loaded", 0 }, { "running", 0 }, { "failed", TEXT_MAX },
	{ "channels", 20 }, { "join", 16 }, { "end", 0 }, { "postcopy", 8 },
};

void vmm_stream_init(struct vmm_stream *s)
{
	memset(s, 0, sizeof(*s));
	s->fd = s->cancel_fd = s->leash = -1;
}

/*
 * No event tells of its end: a sandbox forbids the descriptor of a
 * process, and SIGCHLD belongs to the program.
 */
void vmm_stream_end_child(pid_t child, bool leashed)
{
	const uint64_t deadline = vsu_now_ns() + VMM_STREAM_CHILD_MS * NS_PER_MS * (leashed ? 2 : 1);

	while (waitpid(child, NULL, WNOHANG) == 0) {
		if (vsu_now_ns() < deadline) {
			poll(NULL, 0, 10);
			continue;
		}
		/* a sandbox forbids the signal: do not wait for a child that hangs */
		if (kill(child, SIGKILL) == 0)
			waitpid(child, NULL, 0);
		return;
	}
}

static void close_fds(struct vsu_closer *closer, int *fds, unsigned int n)
{
	while (n > 0)
		vsu_foreign_close(closer, &fds[--n]);
}

void vmm_stream_close(struct vmm_stream *s)
{
	bool leashed;

	if (s->layer)
		s->layer->free(s->layer_self);
	s->layer = NULL;
	if (s->sole)	/* descriptors that wait in a UNIX socket are closed with it */
		vsu_foreign_close(s->closer, &s->fd);
	else
		vsu_fd_close(&s->fd);
	close_fds(s->closer, s->fds, s->nfds);
	s->nfds = 0;
	leashed = s->leash >= 0;
	vsu_fd_close(&s->leash);
	if (s->child > 0)
		vmm_stream_end_child(s->child, leashed);
	s->child = 0;
	free(s->w.out.bytes);
	free(s->bytes);
	memset(&s->w, 0, sizeof(s->w));
	s->bytes = NULL;
	s->room = 0;
}

void vmm_stream_renew(struct vmm_stream *s)
{
	const struct vsu_threads *threads = s->threads;
	struct vsu_closer *closer = s->closer;
	const int cancel_fd = s->cancel_fd;

	vmm_stream_close(s);
	vmm_stream_init(s);
	s->threads = threads;
	s->closer = closer;
	s->cancel_fd = cancel_fd;
}

/* ---------------------------------------------------------------------- bytes */

/* Why a transfer made no progress; 0: repeat it. */
static int wait_again(const struct vmm_stream *s, int rc, short events,
		      struct vsu_error *err)
{
	switch (-rc) {
	case EINTR:
		return 0;
	case EAGAIN:
		return vmm_stream_wait(s, s->fd, events, s->deadline_ns, err);
	case EPIPE:
	case ECONNRESET:
		return vsu_error_set(err, -ECONNRESET, "the other side closed the connection: it ended, or cancelled the migration");
	case EBADMSG:
		return vsu_error_set(err, rc, "the other side sent a descriptor that was not requested");
	case EPROTO:
		if (s->layer)
			return vsu_error_set(err, rc, "%s", s->layer->reason(s->layer_self));
	}
	return vsu_error_sys(err, rc, "the connection");
}

/* Descriptors go with the first byte. */
static ssize_t send_some(struct vmm_stream *s, unsigned char *bytes, size_t len, short *events)
{
	const struct iovec iov = { bytes, len };
	const ssize_t n = s->layer ? s->layer->send(s->layer_self, bytes, len, events) :
				     vsu_sock_send(s->fd, &iov, 1, s->send_fds, s->nsend_fds);

	if (n >= 0 && !s->layer)
		s->nsend_fds = 0;
	s->torn = s->torn || n > 0 || s->layer;
	s->sent += n > 0 ? (uint64_t)n : 0;
	return n;
}

/* some transfers a part of the bytes; -ECONNRESET, -EAGAIN: wait for *events. */
static int transfer_all(struct vmm_stream *s, unsigned char *bytes, size_t len, short events,
			ssize_t (*some)(struct vmm_stream *s, unsigned char *bytes, size_t len,
					short *events),
			struct vsu_error *err)
{
	ssize_t n;
	int rc = 0;

	while (!rc && len > 0) {
		rc = vmm_stream_check(s, s->deadline_ns, err);
		if (rc < 0)
			return rc;
		n = some(s, bytes, len, &events);
		if (n < 0) {
			rc = wait_again(s, (int)n, events, err);
			continue;
		}
		bytes += n;
		len -= (size_t)n;
	}
	return rc;
}

/*
 * After a part, the peer would take the next section for the rest of this one. A layer may have
 * kept the bytes of a call: it expects the same call again, and returns their number then.
 */
static int send_bytes(struct vmm_stream *s, unsigned char *bytes, size_t len, struct vsu_error *err)
{
	int rc;

	if (s->torn)
		return vsu_error_set(err, -ECONNRESET, "the connection ended within a section that was sent before");
	rc = transfer_all(s, bytes, len, POLLOUT, send_some, err);
	if (!rc)
		s->torn = false;
	return rc;
}

/*
 * Keeps the descriptors of one message, if they are wanted. Others must be received, too, since
 * recv(2) closes them, and waits for a socket that lingers. They end the connection: a peer
 * could send more than are closed in time.
 */
static ssize_t receive_with_fds(struct vmm_stream *s, unsigned char *bytes, size_t len)
{
	const struct iovec iov = { bytes, len };
	int fds[VSU_SOCK_MAX_FDS];
	unsigned int nfds = 0;
	const ssize_t n = vsu_sock_recv(s->fd, &iov, 1, fds, &nfds);

	if (!nfds)
		return n;
	if (s->wants_fds && !s->nfds && n > 0) {
		memcpy(s->fds, fds, nfds * sizeof(*fds));
		s->nfds = nfds;
		return n;
	}
	close_fds(s->closer, fds, nfds);
	return -EBADMSG;
}

static ssize_t receive_some(struct vmm_stream *s, unsigned char *bytes, size_t len, short *events)
{
	const ssize_t n = s->layer ? s->layer->receive(s->layer_self, bytes, len, events) :
				     receive_with_fds(s, bytes, len);

	return n ? n : -ECONNRESET;
}

static int receive_bytes(struct vmm_stream *s, unsigned char *bytes, size_t len,
			 struct vsu_error *err)
{
	return transfer_all(s, bytes, len, POLLIN, receive_some, err);
}

/* --------------------------------------------------------------------- header */

int vmm_stream_send_header(struct vmm_stream *s, struct vsu_error *err)
{
	unsigned char header[HEADER] = MAGIC "\1";

	return send_bytes(s, header, sizeof(header), err);
}

int vmm_stream_receive_header(struct vmm_stream *s, struct vsu_error *err)
{
	unsigned char header[HEADER];
	int rc = receive_bytes(s, header, sizeof(header), err);

	if (rc < 0)
		return rc;
	if (memcmp(header, MAGIC, 8) != 0)
		return vsu_error_set(err, -EBADMSG, "the other side does not send a migration of cvmm");
	if (header[8] != STREAM_VERSION || header[9] || header[10] || header[11])
		return vsu_error_set(err, -EOPNOTSUPP, "the version of the stream is not %u",
				     STREAM_VERSION);
	return 0;
}

/* ------------------------------------------------------------------- sections */

void vmm_stream_begin(struct vmm_stream *s, const char *name)
{
	s->w.out.len = 0;
	s->w.out.error = 0;
	vsu_state_section(&s->w, name, 0);
}

int vmm_stream_send(struct vmm_stream *s, struct vsu_error *err)
{
	vsu_state_section_end(&s->w);
	if (s->w.out.error < 0)
		return vsu_error_sys(err, s->w.out.error, "a section of the stream");
	return send_bytes(s, s->w.out.bytes, s->w.out.len, err);
}

int vmm_stream_send_empty(struct vmm_stream *s, const char *name, struct vsu_error *err)
{
	vmm_stream_begin(s, name);
	return vmm_stream_send(s, err);
}

/* The header has this name, padded with zeros. */
static bool has_name(const unsigned char *header, const char *name)
{
	char padded[VSU_STATE_NAME] = { 0 };

	memcpy(padded, name, strlen(name));
	return !memcmp(header, padded, sizeof(padded));
}

static const struct limit *find_limit(const unsigned char *header)
{
	size_t i;

	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (has_name(header, limits[i].name))
			return &limits[i];
	return NULL;
}

static int make_room(struct vmm_stream *s, size_t len, struct vsu_error *err)
{
	unsigned char *bytes;

	if (len <= s->room)
		return 0;
	bytes = realloc(s->bytes, len);
	if (!bytes)
		return vsu_error_set(err, -ENOMEM, "no memory for a section of the stream");
	s->bytes = bytes;
	s->room = len;
	return 0;
}

/* The peer announces a length; memory is allocated as its bytes arrive. */
static int receive_content(struct vmm_stream *s, size_t len,
			   struct vsu_error *err)
{
	size_t at = VSU_STATE_HEADER, room;
	const size_t end = at + len;
	int rc = 0;

	while (!rc && at < end) {
		room = 2 * at < FIRST_ROOM ? FIRST_ROOM : 2 * at;
		room = room < end ? room : end;
		rc = make_room(s, room, err);
		if (!rc)
			rc = receive_bytes(s, s->bytes + at, room - at, err);
		at = room;
	}
	return rc;
}

static int receive_any(struct vmm_stream *s, struct vsu_state_section *out,
		       struct vsu_error *err)
{
	const struct limit *limit;
	struct vsu_state whole;
	uint64_t len;
	size_t at = 0;
	int rc = make_room(s, FIRST_ROOM, err);

	if (!rc)
		rc = receive_bytes(s, s->bytes, VSU_STATE_HEADER, err);
	if (rc < 0)
		return rc;
	if (!memcmp(s->bytes, MAGIC, strlen(MAGIC)))
		return vsu_error_set(err, -EBADMSG, "the other side returns what it receives; name the address of a machine with 'incoming'");
	limit = find_limit(s->bytes);
	len = vsu_state_length(s->bytes);
	if (len > (limit ? limit->max : VMM_STREAM_PIECE))
		return vsu_error_set(err, -EBADMSG, "a section of the stream is too long");
	rc = receive_content(s, (size_t)len, err);
	if (rc < 0)
		return rc;
	whole = (struct vsu_state){ s->bytes, VSU_STATE_HEADER + (size_t)len };
	if (vsu_state_next(&whole, &at, out, NULL) < 0)
		return vsu_error_set(err, -EBADMSG, "a section of the stream has a wrong checksum");
	return limit ? 0 : 1;
}

int vmm_stream_receive(struct vmm_stream *s, struct vsu_state_section *out,
		       struct vsu_error *err)
{
	int rc;

	do
		rc = receive_any(s, out, err);
	while (rc > 0 && !out->required);
	if (rc > 0)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "the stream has an unknown section '%s'",
				     out->name);
	if (!rc && out->version != 1)
		return vsu_error_set(err, -EOPNOTSUPP, "section '%s' of the stream has version %u; supported is 1",
				     out->name, out->version);
	return rc;
}

/* The number of the remedy behind the sentence, or 0. */
static uint32_t read_advice(const struct vsu_state_section *failed, size_t len)
{
	struct vsu_state_fields f;

	if (failed->len != len + 1 + sizeof(uint32_t))
		return 0;
	vmm_stream_fields(failed, &f);
	(void)vsu_state_get_bytes(&f, len + 1);
	return vsu_state_get_u32(&f);
}

int vmm_stream_report_failed(const struct vsu_state_section *failed, struct vsu_error *err)
{
	const size_t len = strnlen((const char *)failed->bytes, failed->len);

	vsu_error_set(err, -EREMOTEIO, "the other side failed: %.*s", (int)len, (const char *)failed->bytes);
	(void)vsu_error_operands(err, read_advice(failed, len), 0, 0);
	return -EREMOTEIO;
}

int vmm_stream_check_name(const struct vsu_state_section *section, const char *name,
			  struct vsu_error *err)
{
	if (!strcmp(section->name, name))
		return 0;
	if (!strcmp(section->name, "failed"))
		return vmm_stream_report_failed(section, err);
	return vsu_error_set(err, -EBADMSG, "the stream has section '%s' in place of '%s'",
			     section->name, name);
}

int vmm_stream_expect(struct vmm_stream *s, const char *name,
		      struct vsu_state_section *out, struct vsu_error *err)
{
	int rc = vmm_stream_receive(s, out, err);

	return rc < 0 ? rc : vmm_stream_check_name(out, name, err);
}

void vmm_stream_fields(const struct vsu_state_section *section,
		       struct vsu_state_fields *fields)
{
	*fields = (struct vsu_state_fields){
		.name = section->name, .in = { .at = section->bytes, .left = section->len },
	};
}

void vmm_stream_await_reason(struct vmm_stream *s)
{
	s->deadline_ns = vsu_now_ns() + REASON_NS;
}

/* Discards the bytes below a layer: nobody reads them. */
void vmm_stream_drain(struct vmm_stream *s)
{
	unsigned char bytes[4096];
	ssize_t n;
	int rc = 0;

	s->deadline_ns = vsu_now_ns() + DRAIN_NS;
	while (!rc) {
		n = receive_with_fds(s, bytes, sizeof(bytes));
		if (n == 0)
			return;
		rc = vmm_stream_check(s, s->deadline_ns, NULL);
		if (!rc && n < 0)
			rc = wait_again(s, (int)n, POLLIN, NULL);
	}
}

/* A NUL before the number ends the sentence for sources that know no advice. */
static void put_failure(struct vsu_state_writer *w, const struct vsu_error *why)
{
	vsu_state_put(w, why->msg, strlen(why->msg));
	if (!why->arg)
		return;
	vsu_state_put(w, "", 1);
	vsu_state_put_u32(w, why->arg);
}

void vmm_stream_refuse(struct vmm_stream *s, const struct vsu_error *why)
{
	if (s->fd < 0)
		return;
	s->deadline_ns = vsu_now_ns() + REFUSE_NS;
	vmm_stream_begin(s, "failed");
	put_failure(&s->w, why);
	(void)!vmm_stream_send(s, NULL);
	vmm_stream_drain(s);
}
