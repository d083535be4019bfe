/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Sends a running machine. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <vmm-sys-util/event.h>

#include "config/arguments.h"
#include "migration/missing.h"
#include "migration/page_server.h"
#include "migration/pages.h"
#include "migration/sender.h"
#include "migration/shared.h"

#define NS_PER_S UINT64_C(1000000000)
/* While the guest is stopped, for the peer beyond the limit of the downtime. */
#define STOPPED_NS (10 * NS_PER_S)
/* A round of fewer bytes does not measure the connection, nor does the beginning of a round. */
#define MEASURED (UINT64_C(1) << 20)
#define MEASURED_NS (NS_PER_S / 4)
/* A round that leaves more than this part of what the one before left is in vain. */
#define IN_VAIN(left, before) ((left) > (before) / 4 * 3)
#define PATIENT_ROUNDS 2u

/* -- the handshake: connections, the command line, the machine and shared memory */

/* A stream calls it. The section records if no memory was left. */
static ssize_t put_text(void *section, const char *text, size_t len)
{
	vsu_state_put(section, text, len);
	return (ssize_t)len;
}

static int send_arguments(struct vmm_sender *s, struct vsu_error *err)
{
	FILE *to = fopencookie(&s->stream.w, "w", (cookie_io_functions_t){ .write = put_text });

	vmm_stream_begin(&s->stream, "arguments");
	if (to)
		vmm_words_write_json(s->config.words, s->config.nwords, to);
	if (!to || fclose(to))
		return vsu_error_set(err, -ENOMEM, "no memory for the command line");
	return vmm_stream_send(&s->stream, err);
}

/* A section with that content. */
static int send_blob(struct vmm_sender *s, const char *name,
		     const struct vsu_state_writer *w, struct vsu_error *err)
{
	vmm_stream_begin(&s->stream, name);
	vsu_state_put(&s->stream.w, w->out.bytes, w->out.len);
	return vmm_stream_send(&s->stream, err);
}

static int connect_channels(struct vmm_sender *s, struct vsu_error *err)
{
	unsigned int i;
	int rc;

	s->channels.threads = s->config.threads;
	s->streams[s->nstreams++] = &s->stream;
	rc = vmm_channels_connect(&s->channels, s->config.channels,
				  s->config.address, &s->stream, err);
	for (i = 0; i < s->channels.n; i++)
		s->streams[s->nstreams++] = &s->channels.channel[i].stream;
	return rc;
}

/* The destination replies with the size of the pages that it places at once. */
static int receive_granule(struct vmm_sender *s, struct vsu_error *err)
{
	struct vsu_state_section section;
	struct vsu_state_fields f;
	int rc = vmm_stream_expect(&s->stream, "postcopy", &section, err);

	if (rc < 0)
		return rc;
	vmm_stream_fields(&section, &f);
	s->granule = vsu_state_get_u64(&f);
	if (s->granule < VMM_SET_PAGE || s->granule & (s->granule - 1))
		return vsu_error_set(err, -EBADMSG, "the destination has an invalid page size");
	return vsu_state_fields_end(&f, err);
}

/* Waits for "ready": the destination checks the command line and makes its machine. */
static int shake_hands(struct vmm_sender *s, struct vsu_error *err)
{
	struct vsu_state_section ready;
	int rc = vmm_address_connect(s->config.address, &s->stream, err);

	if (!rc)
		rc = vmm_stream_send_header(&s->stream, err);
	if (!rc)
		rc = connect_channels(s, err);
	if (!rc)
		rc = send_arguments(s, err);
	if (!rc && s->config.postcopy)
		rc = vmm_stream_send_empty(&s->stream, "postcopy", err);
	if (!rc)
		rc = send_blob(s, "head", &s->config.head, err);
	if (!rc)
		rc = vmm_shared_send(&s->stream, s->config.memory, &s->shared, err);
	if (!rc && s->config.postcopy)
		rc = receive_granule(s, err);
	return rc ? rc : vmm_stream_expect(&s->stream, "ready", &ready, err);
}

static void set_phase(struct vmm_sender *s, enum vmm_sender_phase phase)
{
	__atomic_store_n(&s->progress.phase, (uint32_t)phase, __ATOMIC_RELEASE);
}

/* Bytes per second, not 0. */
static uint64_t rate_of(uint64_t bytes, uint64_t ns)
{
	return (uint64_t)((double)bytes / (double)(ns + 1) * (double)NS_PER_S) + 1;
}

/* Any of the sender's threads may call it. */
static void add_progress(void *sender, uint64_t bytes)
{
	struct vmm_sender *s = sender;
	const uint64_t pages = __atomic_load_n(&s->set.npages, __ATOMIC_RELAXED);

	__atomic_add_fetch(&s->progress.sent, bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&s->progress.left, pages * VMM_SET_PAGE, __ATOMIC_RELAXED);
}

void vmm_sender_progress(const struct vmm_sender *s,
			 struct vmm_sender_progress *out)
{
	const struct vmm_sender_progress *p = &s->progress;
	uint64_t ns;

	out->phase = __atomic_load_n(&p->phase, __ATOMIC_ACQUIRE);
	out->round = __atomic_load_n(&p->round, __ATOMIC_RELAXED);
	out->sent = __atomic_load_n(&p->sent, __ATOMIC_RELAXED);
	out->left = __atomic_load_n(&p->left, __ATOMIC_RELAXED);
	out->round_ns = __atomic_load_n(&p->round_ns, __ATOMIC_RELAXED);
	out->round_sent = __atomic_load_n(&p->round_sent, __ATOMIC_RELAXED);
	out->rate = __atomic_load_n(&p->rate, __ATOMIC_RELAXED);
	ns = out->round_ns ? vsu_now_ns() - out->round_ns : 0;
	if (out->sent > out->round_sent && ns > MEASURED_NS)
		out->rate = rate_of(out->sent - out->round_sent, ns);
}

void vmm_sender_switch(struct vmm_sender *s)
{
	__atomic_store_n(&s->progress.switches, true, __ATOMIC_RELAXED);
}

static bool is_switched(const struct vmm_sender *s)
{
	return s->config.postcopy && __atomic_load_n(&s->progress.switches, __ATOMIC_RELAXED);
}

/* The guest is stopped: for all connections. */
static void set_deadline(struct vmm_sender *s, uint64_t ns)
{
	const uint64_t until_ns = vsu_now_ns() + ns;
	unsigned int i;

	for (i = 0; i < s->nstreams; i++)
		s->streams[i]->deadline_ns = until_ns;
}

/* While the guest is stopped, the disks have the deadline of the connections. */
static int flush_disks(const struct vmm_sender *s, struct vsu_error *err)
{
	return s->config.flush(s->config.opaque, s->stream.deadline_ns, err);
}

/* --------------------------------------------------------------------- memory */

/* Waits until the rate allows what all connections have sent. */
static int keep_rate(const struct vmm_sender *s, const struct vmm_stream *stream,
		     struct vsu_error *err)
{
	uint64_t bytes, due;
	int rc;

	if (!s->config.rate || !s->set_ns)
		return 0;
	bytes = __atomic_load_n(&s->progress.sent, __ATOMIC_RELAXED) - s->set_sent;
	due = s->set_ns + (uint64_t)((double)bytes / (double)s->config.rate *
				     (double)NS_PER_S);
	if (due <= vsu_now_ns())
		return 0;
	rc = vmm_stream_wait(stream, -1, 0, due, err);
	return rc == -ETIMEDOUT ? 0 : rc;
}

/* Only rounds end early: nothing sends what the part of the stopped guest leaves. */
static bool ends_early(const struct vmm_sender *s)
{
	return s->set_ns && is_switched(s);
}

/* Sends the part of the set that belongs to a connection. */
static int send_part(struct vmm_sender *s, unsigned int part, struct vsu_error *err)
{
	struct vmm_page_cursor cursor = { .part = part, .parts = s->nstreams };
	struct vmm_stream *stream = s->streams[part];
	struct vmm_page_run run;
	uint64_t before;
	int rc = 0;

	while (!rc && !ends_early(s) &&
	       vmm_page_set_next(&s->set, &cursor, VMM_STREAM_PIECE, &run)) {
		before = stream->sent;
		rc = vmm_pages_send(stream, &run, err);
		add_progress(s, stream->sent - before);
		if (!rc)
			rc = keep_rate(s, stream, err);
	}
	return rc;
}

static int send_channel(struct vmm_channel *channel, struct vsu_error *err)
{
	return send_part(channel->opaque, channel->number, err);
}

/* A small set is not worth threads. */
static int send_set(struct vmm_sender *s, bool limited, struct vsu_error *err)
{
	const bool threads = s->set.npages * VMM_SET_PAGE >= s->nstreams * VMM_SET_BLOCK;
	unsigned int part;
	int rc;

	s->set_ns = limited ? vsu_now_ns() : 0;
	s->set_sent = s->progress.sent;
	if (threads)
		vmm_channels_start(&s->channels, send_channel, s);
	rc = send_part(s, 0, err);
	if (threads)
		return vmm_channels_join(&s->channels, rc, err);
	for (part = 1; !rc && part < s->nstreams; part++)
		rc = send_part(s, part, err);
	return rc;
}

static int add_written(struct vmm_sender *s, struct vsu_error *err)
{
	vmm_page_set_add_log(&s->set, s->config.log);
	return vmm_page_set_harvest(&s->set, s->config.slots, s->map, err);
}

static int send_round(struct vmm_sender *s, struct vsu_error *err)
{
	const uint64_t begun = vsu_now_ns(), before = s->progress.sent;
	uint64_t bytes;
	int rc;

	__atomic_add_fetch(&s->progress.round, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&s->progress.round_sent, before, __ATOMIC_RELAXED);
	__atomic_store_n(&s->progress.round_ns, begun, __ATOMIC_RELAXED);
	rc = send_set(s, true, err);
	bytes = s->progress.sent - before;
	if (bytes >= MEASURED || !s->progress.rate)
		__atomic_store_n(&s->progress.rate, rate_of(bytes, vsu_now_ns() - begun), __ATOMIC_RELAXED);
	if (!rc)
		rc = add_written(s, err);
	add_progress(s, 0);
	return rc;
}

static bool is_close(const struct vmm_sender *s)
{
	return (double)(s->set.npages * VMM_SET_PAGE) / (double)s->progress.rate *
	       (double)NS_PER_S <= (double)s->config.downtime_ns;
}

/*
 * The disks are flushed when the memory is close, so that little is left for the flush
 * while the guest is stopped; the memory needs another round then.
 */
static int copy_memory(struct vmm_sender *s, struct vsu_error *err)
{
	uint64_t before = UINT64_MAX;
	bool flushed = false;
	unsigned int vain = 0;
	int rc = vmm_pages_send_holes(s->streams, s->nstreams, &s->set, s->config.pagemap,
				      err);

	while (!rc) {
		if (s->config.postcopy && s->progress.round >= s->config.rounds)
			vmm_sender_switch(s);
		if (is_switched(s))
			return flush_disks(s, err);
		rc = send_round(s, err);
		if (!rc && is_close(s)) {
			if (flushed)
				return 0;
			flushed = true;
			rc = flush_disks(s, err);
		}
		vain = IN_VAIN(s->set.npages, before) ? vain + 1 : 0;
		before = s->set.npages;
		if (!rc && s->config.converge && vain >= PATIENT_ROUNDS)
			rc = s->config.call_main(s->config.opaque,
					       VMM_SENDER_THROTTLE, err);
	}
	return rc;
}

/* ------------------------------------------------------------------- the rest */

/* Afterwards only the destination can decide whether it runs the guest. */
static int send_go(struct vmm_sender *s, struct vsu_error *err)
{
	int rc = s->config.call_main(s->config.opaque, VMM_SENDER_RELEASE, err);

	if (rc < 0)
		return rc;
	vmm_stream_begin(&s->stream, "go");
	vsu_state_put_u32(&s->stream.w, s->config.paused);
	rc = vmm_stream_send(&s->stream, err);
	if (rc < 0)
		return rc;
	set_phase(s, VMM_SENDER_COMMITTED);
	set_deadline(s, STOPPED_NS);
	return 0;
}

static int commit_guest(struct vmm_sender *s, struct vsu_error *err)
{
	struct vsu_state_section running;
	int rc = send_go(s, err);

	if (rc < 0)
		return rc;
	rc = vmm_stream_expect(&s->stream, "running", &running, err);
	if (rc == -EREMOTEIO)	/* "failed": the guest does not run there */
		set_phase(s, VMM_SENDER_STOPPED);
	return rc;
}

/* ------------------------------------------------------------------- post-copy */

/* Zeros may have been sent in place of lost memory. */
static int check_memory(const struct vmm_sender *s, struct vsu_error *err)
{
	return vmm_memory_check_loss(s->config.memory, s->config.failed, err);
}

static int on_loaded(void *opaque, struct vsu_error *err)
{
	struct vmm_sender *s = opaque;
	int rc = flush_disks(s, err);

	return rc ? rc : send_go(s, err);
}

static void on_running(void *opaque)
{
	struct vmm_sender *s = opaque;

	s->running_ns = vsu_now_ns();
	set_phase(s, VMM_SENDER_POSTCOPY);
}

/* Pages follow the state, while the destination loads it and runs the guest. */
static int serve_pages(struct vmm_sender *s, struct vsu_error *err)
{
	struct vmm_page_server server = {
		.stream = &s->stream, .set = &s->set, .granule = s->granule,
		.rate = s->config.rate, .loaded = on_loaded, .running = on_running,
		.progress = add_progress, .opaque = s,
	};
	int rc = check_memory(s, err);

	if (!rc)
		rc = vmm_channels_end(&s->channels, err);
	vmm_missing_round(&s->set, s->granule);
	if (!rc)
		rc = vmm_missing_send(&s->stream, &s->set, err);
	if (!rc)
		rc = send_blob(s, "state", &s->state, err);
	if (!rc)
		rc = vmm_page_server_run(&server, err);
	if (rc == -EREMOTEIO && s->progress.phase == VMM_SENDER_COMMITTED)
		set_phase(s, VMM_SENDER_STOPPED);
	return rc;
}

/* All pages of the stopped guest. */
static int send_last(struct vmm_sender *s, struct vsu_error *err)
{
	int rc = send_set(s, false, err);

	if (!rc && s->set.npages)
		return vsu_error_set(err, -EIO, "%" PRIu64 " pages of the stopped guest were not sent; repeat the migration",
				     s->set.npages);
	return rc ? rc : check_memory(s, err);
}

static int hand_over(struct vmm_sender *s, struct vsu_error *err)
{
	struct vsu_state_section loaded;
	int rc = s->config.call_main(s->config.opaque, VMM_SENDER_STOP, err);

	set_phase(s, VMM_SENDER_STOPPED);
	set_deadline(s, s->config.downtime_ns + STOPPED_NS);
	if (!rc)
		rc = add_written(s, err);
	if (!rc && is_switched(s))
		return serve_pages(s, err);
	if (!rc)
		rc = send_last(s, err);
	if (!rc)
		rc = vmm_channels_end(&s->channels, err);
	if (!rc)
		rc = send_blob(s, "state", &s->state, err);
	if (!rc)	/* while the destination loads it */
		rc = flush_disks(s, err);
	if (!rc)
		rc = vmm_stream_expect(&s->stream, "loaded", &loaded, err);
	return rc ? rc : commit_guest(s, err);
}

static int send_machine(struct vmm_sender *s, struct vsu_error *err)
{
	int rc = s->config.call_main(s->config.opaque, VMM_SENDER_MARK, err);

	if (!rc)
		rc = vmm_page_set_init(&s->set, s->config.memory, s->config.windows,
				       s->shared, s->map, err);
	if (!rc)
		rc = varch_slots_log(s->config.slots, true, err);
	if (rc < 0)
		return rc;
	set_phase(s, VMM_SENDER_COPIES);
	rc = vmm_pages_send_rom(&s->stream, s->config.memory, s->map, err);
	if (!rc)
		rc = copy_memory(s, err);
	if (!rc)
		rc = hand_over(s, err);
	(void)!varch_slots_log(s->config.slots, false, NULL);
	return rc;
}

/* A peer that ended has perhaps sent the reason before. */
static void ask_reason(struct vmm_sender *s, struct vsu_error *err)
{
	struct vsu_state_section section;
	struct vsu_error why = VSU_ERROR_INIT;

	vmm_stream_await_reason(&s->stream);
	if (vmm_stream_expect(&s->stream, "ready", &section, &why) == -EREMOTEIO)
		*err = why;
}

/* Counts everything that was sent, not the memory only. */
static void count_sent(struct vmm_sender *s)
{
	uint64_t sent = 0;
	unsigned int i;

	for (i = 0; i < s->nstreams; i++)
		sent += s->streams[i]->sent;
	__atomic_store_n(&s->progress.sent, sent, __ATOMIC_RELAXED);
}

int vmm_sender_run(struct vmm_sender *s, struct vsu_error *err)
{
	int rc;

	vmm_stream_init(&s->stream);
	s->stream.no_network = s->config.no_network;
	s->stream.cancel_fd = s->config.cancel_fd;
	s->stream.threads = s->config.threads;
	s->stream.closer = s->config.closer;
	rc = shake_hands(s, err);
	if (!rc)
		rc = send_machine(s, err);
	if (rc == -ECONNRESET && s->progress.phase != VMM_SENDER_COMMITTED)
		ask_reason(s, err);
	count_sent(s);
	vmm_page_set_free(&s->set);
	vmm_channels_close(&s->channels);
	vmm_stream_close(&s->stream);
	return rc < 0 && err->code < 0 ? err->code : rc;
}
