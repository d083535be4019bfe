/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the source of a migration: what it sends, what it asks of its owner, and in
 * which phase a failure leaves it. The replies of the destination are in the socket before
 * the sender runs, and what the guest writes is up to the test.
 */
#include <config.h>

#include <signal.h>
#include <sys/socket.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../memory.h"
#include "migration/page_server.h"
#include "migration/sender.h"

#define PAGE VMM_SET_PAGE
#define LEN (4 * PAGE)

static struct vmm_memory memory;
static struct vmem_map *map;
static struct vmm_sender sender;
static struct vmm_stream there;
static int pair[2];
static char address[16];
static struct vsu_error err;

/* Requests of the sender: 'M', 'T', 'S' and 'R' by call_main, a flush 'f', with a limit 'F'. */
static char asked[32];
static char failing;		/* the call that fails, or 0 */
static unsigned int writing_rounds;	/* in which the guest writes */
static uint64_t written;	/* bytes that it writes, from the second page on */
static bool logs;
static struct vmm_page_server server;	/* as it was run */
static uint64_t missing;	/* pages of it */
static uint64_t due_ns;		/* when the last wait for the rate ends */
static bool switches;		/* to post-copy, with the first page of the stopped guest */

/* ------------------------------------------- in place of KVM and of the page server */

int __wrap_varch_slots_log(struct varch_slots *slots, bool on, struct vsu_error *e);
int __wrap_vmm_page_set_harvest(struct vmm_page_set *set, struct varch_slots *slots,
				struct vmem_map *from, struct vsu_error *e);
void __wrap_vmm_page_set_add_log(struct vmm_page_set *set, const struct vhost_dirty_log *log);
int __wrap_vmm_page_server_run(struct vmm_page_server *p, struct vsu_error *e);

int __wrap_varch_slots_log(struct varch_slots *slots, bool on, struct vsu_error *e)
{
	(void)slots;
	(void)e;
	logs = on;
	return 0;
}

int __wrap_vmm_page_set_harvest(struct vmm_page_set *set, struct varch_slots *slots,
				struct vmem_map *from, struct vsu_error *e)
{
	(void)slots;
	(void)from;
	(void)e;
	ck_assert(logs);
	if (writing_rounds && writing_rounds--)
		vmm_page_set_add(set, PAGE, written);
	if (switches && strchr(asked, 'S')) {
		vmm_page_set_add(set, 0, PAGE);
		vmm_page_set_add(set, 2 * PAGE, PAGE);
	}
	return 0;
}

int __real_vmm_pages_send(struct vmm_stream *stream, const struct vmm_page_run *run,
			  struct vsu_error *e);
int __wrap_vmm_pages_send(struct vmm_stream *stream, const struct vmm_page_run *run,
			  struct vsu_error *e);

/* A client's thread may switch at any time. */
int __wrap_vmm_pages_send(struct vmm_stream *stream, const struct vmm_page_run *run,
			  struct vsu_error *e)
{
	if (switches && strchr(asked, 'S'))
		vmm_sender_switch(&sender);
	return __real_vmm_pages_send(stream, run, e);
}

void __wrap_vmm_page_set_add_log(struct vmm_page_set *set, const struct vhost_dirty_log *log)
{
	(void)set;
	(void)log;
}

int __wrap_vmm_page_server_run(struct vmm_page_server *p, struct vsu_error *e)
{
	(void)e;
	server = *p;
	missing = p->set->npages;
	return 0;
}

int __real_vmm_stream_wait(const struct vmm_stream *s, int fd, short events, uint64_t until_ns,
			   struct vsu_error *e);
int __wrap_vmm_stream_wait(const struct vmm_stream *s, int fd, short events, uint64_t until_ns,
			   struct vsu_error *e);

/* A wait for nothing but the time ends at once. */
int __wrap_vmm_stream_wait(const struct vmm_stream *s, int fd, short events, uint64_t until_ns,
			   struct vsu_error *e)
{
	if (fd >= 0)
		return __real_vmm_stream_wait(s, fd, events, until_ns, e);
	due_ns = until_ns;
	return -ETIMEDOUT;
}

static int ask(char what, struct vsu_error *e)
{
	asked[strlen(asked)] = what;
	return what == failing ? vsu_error_set(e, -EIO, "request %c", what) : 0;
}

static int on_call(void *opaque, enum vmm_sender_call call, struct vsu_error *e)
{
	static const char names[] = {
		[VMM_SENDER_MARK] = 'M', [VMM_SENDER_THROTTLE] = 'T',
		[VMM_SENDER_STOP] = 'S', [VMM_SENDER_RELEASE] = 'R',
	};

	(void)opaque;
	if (call == VMM_SENDER_MARK)
		sender.map = map;
	return ask(names[call], e);
}

static int on_flush(void *opaque, uint64_t until_ns, struct vsu_error *e)
{
	(void)opaque;
	return ask(until_ns ? 'F' : 'f', e);
}

/* --------------------------------------------------------------------- the two ends */

static void setup(void)
{
	static char word[] = "kernel";
	static char *words[] = { word };

	memset(&memory, 0, sizeof(memory));
	memory.blocks[memory.nblocks++] = make_block("size=16K");
	map = with_piece(empty_map(), memory.blocks[0], 0, 0, LEN);
	memset(vmem_block_hva(memory.blocks[0]), 1, LEN);
	vsu_error_clear(&err);
	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	vmm_stream_init(&there);
	there.fd = pair[1];
	snprintf(address, sizeof(address), "fd:%d", pair[0]);
	memset(&sender, 0, sizeof(sender));
	memset(asked, 0, sizeof(asked));
	failing = 0;
	writing_rounds = 0;
	due_ns = 0;
	switches = false;
	written = LEN - PAGE;
	sender.config = (struct vmm_sender_config){
		.address = address, .memory = &memory, .words = words, .nwords = 1,
		.cancel_fd = -1, .call_main = on_call, .flush = on_flush,
	};
}

static void teardown(void)
{
	ck_assert(!logs);
	vmm_stream_close(&there);
	vsu_fd_close(&pair[0]);
	vmem_map_unref(map);
	while (memory.nblocks > 0)
		vmem_block_unref(memory.blocks[--memory.nblocks]);
}

static void reply(const char *name)
{
	vmm_stream_begin(&there, name);
	if (!strcmp(name, "failed"))
		vsu_state_put(&there.w, "no room", 7);
	ck_assert_int_eq(vmm_stream_send(&there, &err), 0);
}

static void reply_all(void)
{
	reply("ready");
	reply("loaded");
	reply("running");
}

/* The names of all sections that were sent, by their first two letters. */
static const char *sent(void)
{
	static char names[64];
	struct vsu_state_section section;

	memset(names, 0, sizeof(names));
	vsu_fd_close(&pair[0]);
	ck_assert_int_eq(vmm_stream_receive_header(&there, &err), 0);
	while (!vmm_stream_receive(&there, &section, NULL) && strlen(names) < sizeof(names) - 4)
		snprintf(names + strlen(names), 4, "%s%.2s", names[0] ? " " : "", section.name);
	return names;
}

static struct vmm_sender_progress progress(void)
{
	struct vmm_sender_progress now;

	memset(&now, 0x55, sizeof(now));
	vmm_sender_progress(&sender, &now);
	return now;
}

static enum vmm_sender_phase phase(void)
{
	return progress().phase;
}

/* ------------------------------------------------------------------------- pre-copy */

START_TEST(memory_precedes_the_state_of_the_stopped_guest)
{
	reply_all();
	ck_assert_msg(!vmm_sender_run(&sender, &err), "%s", err.msg);
	ck_assert_str_eq(asked, "MfSFR");
	ck_assert_str_eq(sent(), "ar he sh pa st go");
	ck_assert_uint_eq(progress().round, 2);	/* another one after the flush */
	ck_assert_uint_gt(progress().sent, LEN);
	ck_assert_uint_lt(progress().sent, 2 * LEN);
	ck_assert_uint_eq(progress().left, 0);
	ck_assert_uint_gt(progress().rate, 0);
}
END_TEST

START_TEST(pages_that_are_written_meanwhile_are_sent_again)
{
	writing_rounds = 2;	/* what the second leaves is sent while it is stopped */
	sender.config.downtime_ns = UINT64_C(1) << 60;
	reply_all();
	ck_assert_msg(!vmm_sender_run(&sender, &err), "%s", err.msg);
	ck_assert_str_eq(asked, "MfSFR");
	ck_assert_str_eq(sent(), "ar he sh pa pa pa st go");
	ck_assert_uint_eq(sender.progress.round, 2);
}
END_TEST

START_TEST(guest_that_writes_all_the_time_is_throttled_if_permitted)
{
	writing_rounds = 6;
	sender.config.converge = _i;
	reply_all();
	ck_assert_msg(!vmm_sender_run(&sender, &err), "%s", err.msg);
	ck_assert_str_eq(asked, _i ? "MTTTTfSFR" : "MfSFR");
}
END_TEST

/* The peer is not slow: only the rate makes the round wait. */
START_TEST(round_takes_as_long_as_its_rate_requires)
{
	const uint64_t hour_ns = UINT64_C(3600000000000), begun_ns = vsu_now_ns();

	sender.config.rate = LEN / 3600;
	sender.config.downtime_ns = UINT64_MAX;
	reply_all();
	ck_assert_msg(!vmm_sender_run(&sender, &err), "%s", err.msg);
	ck_assert_uint_ge(due_ns, begun_ns + hour_ns);
	ck_assert_uint_lt(due_ns, vsu_now_ns() + 2 * hour_ns);
}
END_TEST

static const struct {
	char request;
	enum vmm_sender_phase phase;
	const char *asked;
} failures[] = {
	{ 'M', VMM_SENDER_CONNECTS, "M" }, { 'f', VMM_SENDER_COPIES, "Mf" },
	{ 'S', VMM_SENDER_STOPPED, "MfS" }, { 'R', VMM_SENDER_STOPPED, "MfSFR" },
};

/* The destination does not run the guest in any of these phases. */
START_TEST(failed_request_ends_the_migration_in_its_phase)
{
	char why[16];

	failing = failures[_i].request;
	snprintf(why, sizeof(why), "request %c", failing);
	reply_all();
	ck_assert_int_eq(vmm_sender_run(&sender, &err), -EIO);
	ck_assert_str_eq(err.msg, why);
	ck_assert_str_eq(asked, failures[_i].asked);
	ck_assert_int_eq(phase(), failures[_i].phase);
	ck_assert_ptr_null(strstr(sent(), "go"));
}
END_TEST

static const struct {
	const char *replies[3];
	int rc;
	enum vmm_sender_phase phase;
} ends[] = {
	{ { "failed" }, -EREMOTEIO, VMM_SENDER_CONNECTS },
	{ { NULL }, -ECONNRESET, VMM_SENDER_CONNECTS },
	{ { "ready", "failed" }, -EREMOTEIO, VMM_SENDER_STOPPED },
	{ { "ready" }, -ECONNRESET, VMM_SENDER_STOPPED },
	/* it has received "go", and has not continued the guest */
	{ { "ready", "loaded", "failed" }, -EREMOTEIO, VMM_SENDER_STOPPED },
	/* it has perhaps continued the guest */
	{ { "ready", "loaded" }, -ECONNRESET, VMM_SENDER_COMMITTED },
	{ { "ready", "loaded", "ready" }, -EBADMSG, VMM_SENDER_COMMITTED },
};

START_TEST(e2_16_end_of_the_destination_leaves_the_phase_of_the_guest)
{
	unsigned int i;

	for (i = 0; i < 3 && ends[_i].replies[i]; i++)
		reply(ends[_i].replies[i]);
	ck_assert_int_eq(shutdown(there.fd, SHUT_WR), 0);
	ck_assert_int_eq(vmm_sender_run(&sender, &err), ends[_i].rc);
	ck_assert_int_eq(phase(), ends[_i].phase);
	ck_assert(err.msg[0]);
}
END_TEST

/* ------------------------------------------------------------------------ post-copy */

static void reply_granule(uint64_t granule)
{
	vmm_stream_begin(&there, "postcopy");
	vsu_state_put_u64(&there.w, granule);
	ck_assert_int_eq(vmm_stream_send(&there, &err), 0);
	reply("ready");
}

/* After that many rounds; a round leaves one page, of which the whole granule is missing. */
START_TEST(postcopy_begins_after_its_rounds_with_the_rate)
{
	sender.config.postcopy = true;
	sender.config.rounds = (uint64_t)_i;
	sender.config.rate = UINT64_C(1) << 40;
	writing_rounds = (unsigned int)_i;
	written = PAGE;
	reply_granule(2 * PAGE);
	ck_assert_msg(!vmm_sender_run(&sender, &err), "%s", err.msg);
	ck_assert_str_eq(asked, "MfS");
	ck_assert_uint_eq(sender.progress.round, (unsigned int)_i);
	ck_assert_uint_eq(server.rate, UINT64_C(1) << 40);
	ck_assert_uint_eq(server.granule, 2 * PAGE);
	ck_assert_uint_eq(missing, _i ? 2 : LEN / PAGE);
	ck_assert_str_eq(sent(), _i ? "ar po he sh pa mi st" : "ar po he sh mi st");
}
END_TEST

/* The destination runs the guest without a further page. */
START_TEST(switch_during_the_last_part_leaves_no_page_behind)
{
	sender.config.postcopy = true;
	sender.config.rounds = UINT64_MAX;
	switches = true;
	reply_granule(PAGE);
	reply("loaded");
	reply("running");
	ck_assert_msg(!vmm_sender_run(&sender, &err), "%s", err.msg);
	ck_assert_str_eq(asked, "MfSFR");
	ck_assert_uint_eq(progress().left, 0);
	ck_assert_str_eq(sent(), "ar po he sh pa pa pa st go");
}
END_TEST

static const uint64_t no_granules[] = { 0, PAGE / 2, 3 * PAGE, UINT64_MAX };

START_TEST(impossible_page_size_of_the_destination_is_refused)
{
	sender.config.postcopy = true;
	reply_granule(no_granules[_i]);
	ck_assert_int_eq(vmm_sender_run(&sender, &err), -EBADMSG);
	ck_assert_str_eq(err.msg, "the destination has an invalid page size");
	ck_assert_str_eq(asked, "");
}
END_TEST

START_TEST(failure_before_postcopy_is_that_of_the_flush)
{
	sender.config.postcopy = true;
	failing = 'f';
	reply_granule(PAGE);
	ck_assert_int_eq(vmm_sender_run(&sender, &err), -EIO);
	ck_assert_int_eq(phase(), VMM_SENDER_COPIES);
	ck_assert_str_eq(asked, "Mf");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sender");
	TCase *tc = tcase_create("sender");

	signal(SIGPIPE, SIG_IGN);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, memory_precedes_the_state_of_the_stopped_guest);
	tcase_add_test(tc, pages_that_are_written_meanwhile_are_sent_again);
	tcase_add_loop_test(tc, guest_that_writes_all_the_time_is_throttled_if_permitted, 0, 2);
	tcase_add_test(tc, round_takes_as_long_as_its_rate_requires);
	tcase_add_loop_test(tc, failed_request_ends_the_migration_in_its_phase, 0, COUNT(failures));
	tcase_add_loop_test(tc, e2_16_end_of_the_destination_leaves_the_phase_of_the_guest, 0,
			    COUNT(ends));
	tcase_add_loop_test(tc, postcopy_begins_after_its_rounds_with_the_rate, 0, 2);
	tcase_add_test(tc, switch_during_the_last_part_leaves_no_page_behind);
	tcase_add_loop_test(tc, impossible_page_size_of_the_destination_is_refused, 0,
			    COUNT(no_granules));
	tcase_add_test(tc, failure_before_postcopy_is_that_of_the_flush);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
