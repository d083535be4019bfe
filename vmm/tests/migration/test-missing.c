/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about lists of missing pages, and about a source that serves them. */
#include <config.h>

#include <pthread.h>
#include <sys/socket.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/sock.h>

#include "../memory.h"
#include "migration/missing.h"
#include "migration/page_server.h"
#include "migration/pages.h"

#define LOW (4 * MIB)		/* length of the first region, at 0 */
#define HIGH (8 * MIB)		/* address of the second, of 16 KiB */
#define PAGE VMM_SET_PAGE

static struct vmm_memory memory;
static struct vmem_map *map;
static struct vmm_page_set set, other;
static struct vmm_stream here, there;
static struct vmm_page_server server;
static uint64_t counted;
static unsigned int loads, runs;
static struct vsu_error err;

static void add_memory(uint64_t gpa, uint64_t len, const char *properties)
{
	struct vmem_block *block = make_block(properties);

	memory.blocks[memory.nblocks++] = block;
	map = with_piece(map, block, 0, gpa, len);
}

static int on_loaded(void *opaque, struct vsu_error *e)
{
	(void)opaque;
	(void)e;
	loads++;
	return 0;
}

static void on_running(void *opaque)
{
	(void)opaque;
	runs++;
}

static void on_progress(void *opaque, uint64_t bytes)
{
	(void)opaque;
	counted += bytes;
}

static void setup(void)
{
	int pair[2];

	memset(&memory, 0, sizeof(memory));
	map = empty_map();
	add_memory(0, LOW, "size=4M");
	add_memory(HIGH, 4 * PAGE, "size=16K");
	vsu_error_clear(&err);
	ck_assert_int_eq(vmm_page_set_init(&set, &memory, NULL, 0, map, &err), 0);
	ck_assert_int_eq(vmm_page_set_init(&other, &memory, NULL, 0, map, &err), 0);
	vmm_page_set_clear(&other);
	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	vmm_stream_init(&here);
	vmm_stream_init(&there);
	here.fd = pair[0];
	there.fd = pair[1];
	counted = loads = runs = 0;
	server = (struct vmm_page_server){
		.stream = &here, .set = &set, .granule = PAGE, .loaded = on_loaded,
		.running = on_running, .progress = on_progress,
	};
}

static void teardown(void)
{
	vmm_stream_close(&here);
	vmm_stream_close(&there);
	vmm_page_set_free(&set);
	vmm_page_set_free(&other);
	vmem_map_unref(map);
	while (memory.nblocks > 0)
		vmem_block_unref(memory.blocks[--memory.nblocks]);
}

/* ------------------------------------------------------------------------ lists */

/* All sections of a list. Returns their number. */
static unsigned int receive_list(void)
{
	struct vsu_state_section section;
	unsigned int n = 0;

	ck_assert_int_eq(vmm_missing_send(&here, &set, &err), 0);
	vmm_stream_begin(&here, "end");
	ck_assert_int_eq(vmm_stream_send(&here, &err), 0);
	for (;; n++) {
		ck_assert_int_eq(vmm_stream_receive(&there, &section, &err), 0);
		if (strcmp(section.name, "missing") != 0)
			return n;
		ck_assert_int_eq(vmm_missing_receive(&other, &section, &err), 0);
	}
}

START_TEST(list_of_all_pages)
{
	ck_assert_uint_eq(receive_list(), 2);	/* regions */
	ck_assert_uint_eq(other.npages, LOW / PAGE + 4);
}
END_TEST

START_TEST(list_of_single_pages)
{
	vmm_page_set_clear(&set);
	vmm_page_set_add(&set, 5 * PAGE, PAGE);
	vmm_page_set_add(&set, LOW - PAGE, PAGE);
	vmm_page_set_add(&set, HIGH + 3 * PAGE, PAGE);
	receive_list();
	ck_assert_uint_eq(other.npages, 3);
	ck_assert(vmm_page_set_has(&other, 5 * PAGE));
	ck_assert(vmm_page_set_has(&other, LOW - PAGE));
	ck_assert(vmm_page_set_has(&other, HIGH + 3 * PAGE));
}
END_TEST

/* Words of 64 pages, without those of 0 at the ends. */
START_TEST(list_of_pages_near_each_other_is_one_section)
{
	vmm_page_set_clear(&set);
	vmm_page_set_add(&set, 12 * 64 * PAGE, PAGE);
	vmm_page_set_add(&set, 14 * 64 * PAGE, PAGE);
	ck_assert_uint_eq(receive_list(), 1);
	ck_assert_uint_eq(other.npages, 2);
	ck_assert(vmm_page_set_has(&other, 12 * 64 * PAGE));
	ck_assert(vmm_page_set_has(&other, 14 * 64 * PAGE));
}
END_TEST

START_TEST(empty_list_is_one_section)
{
	vmm_page_set_clear(&set);
	ck_assert_uint_eq(receive_list(), 1);
	ck_assert_uint_eq(other.npages, 0);
}
END_TEST

START_TEST(granule_is_missing_as_a_whole)
{
	vmm_page_set_clear(&set);
	vmm_page_set_add(&set, 3 * MIB, PAGE);
	vmm_page_set_add(&set, HIGH + 2 * PAGE, PAGE);
	vmm_missing_round(&set, 2 * MIB);
	ck_assert_uint_eq(set.npages, 2 * MIB / PAGE + 4);
	ck_assert(vmm_page_set_has(&set, 2 * MIB));
	ck_assert(!vmm_page_set_has(&set, 2 * MIB - PAGE));
}
END_TEST

/* A section with an address and a word of bits; len bytes of it. */
static int receive_forged(uint64_t gpa, uint64_t word, size_t len)
{
	struct vsu_state_section section;
	unsigned char bytes[16];
	unsigned int i;

	for (i = 0; i < 8; i++) {
		bytes[i] = (unsigned char)(gpa >> 8 * i);
		bytes[8 + i] = (unsigned char)(word >> 8 * i);
	}
	section = (struct vsu_state_section){ .name = "missing", .bytes = bytes, .len = len };
	return vmm_missing_receive(&other, &section, &err);
}

START_TEST(rejects_pages_that_are_no_memory)
{
	ck_assert_int_eq(receive_forged(0, 1, 16), 0);
	ck_assert_int_eq(receive_forged(LOW - PAGE, 3, 16), -EBADMSG);
	ck_assert_int_eq(receive_forged(UINT64_MAX - PAGE + 1, 1, 16), -EBADMSG);
	ck_assert_int_eq(receive_forged(UINT64_MAX - PAGE + 1, UINT64_C(1) << 63, 16), 0);
	ck_assert_int_eq(receive_forged(LOW, 0, 16), 0);
}
END_TEST

START_TEST(rejects_truncated_lists)
{
	ck_assert_int_eq(receive_forged(0, 1, 4), -EBADMSG);
	ck_assert_int_eq(receive_forged(0, 1, 12), -EBADMSG);
	ck_assert_int_eq(receive_forged(8, 1, 16), -EBADMSG);
}
END_TEST

/* ----------------------------------------------------------------------- server */

static void say(const char *name)
{
	vmm_stream_begin(&there, name);
	ck_assert_int_eq(vmm_stream_send(&there, &err), 0);
}

static void want(uint64_t gpa)
{
	vmm_stream_begin(&there, "want");
	vsu_state_put_u64(&there.w, gpa);
	ck_assert_int_eq(vmm_stream_send(&there, &err), 0);
}

/* Address of the next section of memory. */
static uint64_t next_gpa(void)
{
	struct vsu_state_section section;
	struct vsu_state_fields f;

	ck_assert_int_eq(vmm_stream_receive(&there, &section, &err), 0);
	vmm_stream_fields(&section, &f);
	return vsu_state_get_u64(&f);
}

static void say_all(void)
{
	say("loaded");
	say("running");
	say("complete");
}

START_TEST(server_sends_wanted_pages_first)
{
	want(HIGH + 2 * PAGE + 8);
	want(HIGH + 2 * PAGE);	/* once */
	want(3 * PAGE);
	say_all();
	ck_assert_int_eq(vmm_page_server_run(&server, &err), 0);
	ck_assert_uint_eq(next_gpa(), HIGH + 2 * PAGE);
	ck_assert_uint_eq(next_gpa(), 3 * PAGE);
	ck_assert_uint_eq(loads, 1);
	ck_assert_uint_eq(runs, 1);
	ck_assert_uint_eq(counted, here.sent);
}
END_TEST

START_TEST(server_sends_whole_granules)
{
	server.granule = 64 * KIB;
	want(70 * KIB);
	say_all();
	memset(vmem_region_hva(vmem_map_region(map, 0)), 1, LOW);
	ck_assert_int_eq(vmm_page_server_run(&server, &err), 0);
	ck_assert_uint_eq(next_gpa(), 64 * KIB);
	ck_assert(!vmm_page_set_has(&set, 127 * KIB));
	ck_assert(vmm_page_set_has(&set, 128 * KIB));
}
END_TEST

/* The peer reads nothing and has said everything: no page was requested. */
START_TEST(server_ends_when_the_destination_has_enough)
{
	say_all();
	ck_assert_int_eq(vmm_page_server_run(&server, &err), 0);
	ck_assert_uint_eq(counted, 0);
}
END_TEST

/* The peer waits for both pages before it says that it has them. */
static void *peer_main(void *arg)
{
	uint64_t *gpa = arg;

	gpa[0] = next_gpa();
	gpa[1] = next_gpa();
	say_all();
	return NULL;
}

START_TEST(server_pushes_pages_that_are_not_wanted)
{
	uint64_t gpa[2];
	pthread_t peer;

	vmm_page_set_clear(&set);
	vmm_page_set_add(&set, PAGE, PAGE);
	vmm_page_set_add(&set, HIGH, PAGE);
	server.rate = _i ? (UINT64_C(1) << 30) : 0;
	ck_assert_int_eq(pthread_create(&peer, NULL, peer_main, gpa), 0);
	ck_assert_int_eq(vmm_page_server_run(&server, &err), 0);
	pthread_join(peer, NULL);
	ck_assert_uint_eq(gpa[0], PAGE);
	ck_assert_uint_eq(gpa[1], HIGH);
	ck_assert_uint_eq(set.npages, 0);
}
END_TEST

/* ------------------------------------------------------------------------- rate */

/* A time of the test's own, which a wait without a message reaches. */
static struct {
	bool is_used;
	uint64_t now;
	uint64_t waits[4];	/* until when */
	unsigned int nwaits;
} fake_time;

uint64_t __real_vsu_now_ns(void);
uint64_t __wrap_vsu_now_ns(void);
int __real_vmm_stream_wait(const struct vmm_stream *s, int fd, short events, uint64_t until_ns,
			   struct vsu_error *e);
int __wrap_vmm_stream_wait(const struct vmm_stream *s, int fd, short events, uint64_t until_ns,
			   struct vsu_error *e);

uint64_t __wrap_vsu_now_ns(void)
{
	return fake_time.is_used ? fake_time.now : __real_vsu_now_ns();
}

int __wrap_vmm_stream_wait(const struct vmm_stream *s, int fd, short events, uint64_t until_ns,
			   struct vsu_error *e)
{
	if (!fake_time.is_used || fd < 0 || events != POLLIN || !until_ns)
		return __real_vmm_stream_wait(s, fd, events, until_ns, e);
	ck_assert_uint_lt(fake_time.nwaits, COUNT(fake_time.waits));
	fake_time.waits[fake_time.nwaits++] = until_ns;
	fake_time.now = until_ns > fake_time.now ? until_ns : fake_time.now;
	return vsu_error_set(e, -ETIMEDOUT, "no message");
}

#define BEGUN UINT64_C(5000000000)
#define SECOND UINT64_C(1000000000)

/* Three pages that do not follow each other, at a page in two seconds. */
static void push_at_a_rate(void)
{
	vmm_page_set_clear(&set);
	vmm_page_set_add(&set, PAGE, PAGE);
	vmm_page_set_add(&set, 3 * PAGE, PAGE);
	vmm_page_set_add(&set, HIGH, PAGE);
	server.rate = PAGE / 2;
	fake_time.now = BEGUN;
	fake_time.nwaits = 0;
	fake_time.is_used = true;
}

START_TEST(pages_without_a_request_keep_the_rate)
{
	push_at_a_rate();
	say_all();
	ck_assert_int_eq(vmm_page_server_run(&server, &err), 0);
	fake_time.is_used = false;
	ck_assert_uint_eq(fake_time.nwaits, 3);
	ck_assert_uint_eq(fake_time.waits[0], BEGUN);
	ck_assert_uint_eq(fake_time.waits[1], BEGUN + 2 * SECOND);
	ck_assert_uint_eq(fake_time.waits[2], BEGUN + 4 * SECOND);
	ck_assert_uint_eq(set.npages, 0);
}
END_TEST

START_TEST(silent_destination_is_lost_at_the_deadline_before_the_next_page)
{
	push_at_a_rate();
	here.deadline_ns = BEGUN + SECOND;
	ck_assert_int_eq(vmm_page_server_run(&server, &err), -ETIMEDOUT);
	fake_time.is_used = false;
	ck_assert_uint_eq(fake_time.nwaits, 2);
	ck_assert_uint_eq(fake_time.waits[1], BEGUN + SECOND);
	ck_assert_uint_eq(set.npages, 2);
}
END_TEST

static const struct {
	const char *names[3];
	int rc;
} orders[] = {
	{ { "running" }, -EBADMSG }, { { "complete" }, -EBADMSG },
	{ { "loaded", "loaded" }, -EBADMSG }, { { "loaded", "complete" }, -EBADMSG },
	{ { "loaded", "running", "running" }, -EBADMSG }, { { "ready" }, -EBADMSG },
	{ { "failed" }, -EREMOTEIO }, { { "loaded", "failed" }, -EREMOTEIO },
};

START_TEST(server_rejects_other_orders)
{
	unsigned int i;

	for (i = 0; i < 3 && orders[_i].names[i]; i++)
		say(orders[_i].names[i]);
	ck_assert_int_eq(vmm_page_server_run(&server, &err), orders[_i].rc);
}
END_TEST

START_TEST(server_rejects_pages_of_no_memory)
{
	want(_i ? UINT64_MAX : LOW);
	ck_assert_int_eq(vmm_page_server_run(&server, &err), -EBADMSG);
}
END_TEST

START_TEST(server_finds_the_reason_of_a_destination_that_is_gone)
{
	const struct vsu_error why = { .msg = "no room" };

	vmm_page_set_clear(&set);
	want(PAGE);
	ck_assert_int_eq(shutdown(here.fd, SHUT_WR), 0);
	vmm_stream_refuse(&there, &why);
	vmm_stream_close(&there);
	ck_assert_int_eq(vmm_page_server_run(&server, &err), -EREMOTEIO);
	ck_assert(strstr(err.msg, "no room") != NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("missing");
	TCase *tc = tcase_create("lists");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, list_of_all_pages);
	tcase_add_test(tc, list_of_single_pages);
	tcase_add_test(tc, list_of_pages_near_each_other_is_one_section);
	tcase_add_test(tc, empty_list_is_one_section);
	tcase_add_test(tc, granule_is_missing_as_a_whole);
	tcase_add_test(tc, rejects_pages_that_are_no_memory);
	tcase_add_test(tc, rejects_truncated_lists);
	suite_add_tcase(s, tc);
	tc = tcase_create("server");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, server_sends_wanted_pages_first);
	tcase_add_test(tc, server_sends_whole_granules);
	tcase_add_test(tc, server_ends_when_the_destination_has_enough);
	tcase_add_loop_test(tc, server_pushes_pages_that_are_not_wanted, 0, 2);
	tcase_add_test(tc, pages_without_a_request_keep_the_rate);
	tcase_add_test(tc, silent_destination_is_lost_at_the_deadline_before_the_next_page);
	tcase_add_loop_test(tc, server_rejects_other_orders, 0,
			    sizeof(orders) / sizeof(orders[0]));
	tcase_add_loop_test(tc, server_rejects_pages_of_no_memory, 0, 2);
	tcase_add_test(tc, server_finds_the_reason_of_a_destination_that_is_gone);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
