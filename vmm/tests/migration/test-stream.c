/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about sections from an untrusted peer over a socket. */
#include <config.h>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <vmm-sys-util/checksum.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>
#include <vmm-sys-util/sock.h>

#include "../util.h"
#include "../lingering.h"
#include "migration/address.h"
#include "migration/stream.h"

#define HEADER VSU_STATE_HEADER

static struct vmm_stream here, there;
static struct vsu_state_section section;
static struct vsu_error err;

static void setup(void)
{
	int pair[2];

	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	vmm_stream_init(&here);
	vmm_stream_init(&there);
	here.fd = pair[0];
	there.fd = pair[1];
	vsu_error_clear(&err);
}

static void teardown(void)
{
	vmm_stream_close(&here);
	vmm_stream_close(&there);
}

/* A section "zeros" of two numbers, not sent. */
static void build_zeros(void)
{
	vmm_stream_begin(&there, "zeros");
	vsu_state_put_u64(&there.w, 5);
	vsu_state_put_u64(&there.w, 6);
	vsu_state_section_end(&there.w);
}

/* Its first n bytes, and the end of the connection. */
static void send_some(size_t n)
{
	ck_assert_int_eq(send(there.fd, there.w.out.bytes, n, 0), (ssize_t)n);
	vsu_fd_close(&there.fd);
}

START_TEST(sections_arrive_as_sent)
{
	struct vsu_state_fields f;

	build_zeros();
	ck_assert_int_eq(vmm_stream_send(&there, &err), 0);
	ck_assert_int_eq(vmm_stream_expect(&here, "zeros", &section, &err), 0);
	vmm_stream_fields(&section, &f);
	ck_assert_uint_eq(vsu_state_get_u64(&f), 5);
	ck_assert_uint_eq(vsu_state_get_u64(&f), 6);
	ck_assert_int_eq(vsu_state_fields_end(&f, &err), 0);
}
END_TEST

START_TEST(e2_16_connection_that_ends_in_a_section_is_reported)
{
	build_zeros();
	send_some((size_t)_i);
	ck_assert_int_eq(vmm_stream_receive(&here, &section, &err), -ECONNRESET);
	ck_assert_str_eq(err.msg, "the other side closed the connection: it ended, or cancelled the migration");
}
END_TEST

START_TEST(e2_17_section_with_another_byte_is_refused)
{
	build_zeros();
	there.w.out.bytes[_i] ^= 0x10;
	send_some(there.w.out.len);
	ck_assert_int_lt(vmm_stream_receive(&here, &section, &err), 0);
}
END_TEST

START_TEST(e2_17_length_above_the_limit_of_the_name_is_refused)
{
	build_zeros();
	there.w.out.bytes[32] = 17;
	send_some(HEADER);
	assert_refused(vmm_stream_receive(&here, &section, &err), -EBADMSG,
		       "a section of the stream is too long", err);
	ck_assert_uint_le(here.room, 65536);
}
END_TEST

START_TEST(e2_17_memory_is_allocated_as_bytes_arrive)
{
	vmm_stream_begin(&there, "state");
	vsu_state_section_end(&there.w);
	there.w.out.bytes[35] = 0x40;	/* 1 GiB */
	send_some(HEADER);
	ck_assert_int_eq(vmm_stream_receive(&here, &section, &err), -ECONNRESET);
	ck_assert_uint_le(here.room, 65536);
}
END_TEST

START_TEST(e2_17_unknown_section_is_refused_by_name_if_required)
{
	vmm_stream_begin(&there, "weather");
	ck_assert_int_eq(vmm_stream_send(&there, &err), 0);
	assert_refused(vmm_stream_receive(&here, &section, &err), -EOPNOTSUPP,
		       "the stream has an unknown section 'weather'", err);
}
END_TEST

START_TEST(other_section_than_expected_is_named)
{
	build_zeros();
	ck_assert_int_eq(vmm_stream_send(&there, &err), 0);
	assert_refused(vmm_stream_expect(&here, "go", &section, &err), -EBADMSG,
		       "the stream has section 'zeros' in place of 'go'", err);
}
END_TEST

START_TEST(failure_of_the_peer_is_its_sentence)
{
	struct vsu_error why;

	vsu_error_set(&why, -EIO, "no disk\33[2J");
	ck_assert_int_eq(shutdown(here.fd, SHUT_WR), 0);
	vmm_stream_refuse(&there, &why);
	ck_assert_int_eq(vmm_stream_expect(&here, "ready", &section, &err),
			 -EREMOTEIO);
	ck_assert_ptr_nonnull(strstr(err.msg, "the other side failed: no disk"));
	ck_assert_ptr_null(strchr(err.msg, '\33'));
}
END_TEST

START_TEST(failure_of_the_peer_has_its_advice)
{
	struct vsu_error why;

	vsu_error_set(&why, -EINVAL, "no room");
	vsu_error_operands(&why, 0x636d0002, 0, 0);
	ck_assert_int_eq(shutdown(here.fd, SHUT_WR), 0);
	vmm_stream_refuse(&there, &why);
	ck_assert_int_eq(vmm_stream_expect(&here, "ready", &section, &err), -EREMOTEIO);
	ck_assert_str_eq(err.msg, "the other side failed: no room");
	ck_assert_uint_eq(err.arg, 0x636d0002);
}
END_TEST

static const struct {
	const char *bytes;
	size_t len;
	const char *msg;
} odd_failures[] = {
	{ "", 0, "the other side failed: " },
	{ "\0\1\0\0\0", 5, "the other side failed: " },
	{ "no room\0\1\0\0", 11, "the other side failed: no room" },
	{ "no room\0\1\0\0\0\0", 13, "the other side failed: no room" },
};

START_TEST(advice_of_another_length_is_none)
{
	vmm_stream_begin(&there, "failed");
	vsu_state_put(&there.w, odd_failures[_i].bytes, odd_failures[_i].len);
	ck_assert_int_eq(vmm_stream_send(&there, &err), 0);
	ck_assert_int_eq(vmm_stream_expect(&here, "ready", &section, &err), -EREMOTEIO);
	ck_assert_str_eq(err.msg, odd_failures[_i].msg);
	ck_assert_uint_eq(err.arg, odd_failures[_i].len == 5);
}
END_TEST

START_TEST(refusal_leaves_no_byte_unread)
{
	const struct vsu_error why = { .msg = "no room" };
	unsigned char bytes[65536] = { 0 };
	int left = -1;

	ck_assert_int_eq(send(here.fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	ck_assert_int_eq(shutdown(here.fd, SHUT_WR), 0);
	vmm_stream_refuse(&there, &why);
	ck_assert_int_eq(ioctl(there.fd, FIONREAD, &left), 0);
	ck_assert_int_eq(left, 0);
	vmm_stream_close(&there);
	ck_assert_int_eq(vmm_stream_expect(&here, "ready", &section, &err), -EREMOTEIO);
}
END_TEST

START_TEST(echo_of_the_stream_is_named)
{
	unsigned char rest[64] = { 0 };

	ck_assert_int_eq(vmm_stream_send_header(&there, &err), 0);
	ck_assert_int_eq(send(there.fd, rest, sizeof(rest), 0), sizeof(rest));
	ck_assert_int_eq(vmm_stream_receive(&here, &section, &err), -EBADMSG);
	ck_assert_str_eq(err.msg, "the other side returns what it receives; name the address of a machine with 'incoming'");
}
END_TEST

START_TEST(header_of_another_version_is_refused)
{
	ck_assert_int_eq(vmm_stream_send_header(&there, &err), 0);
	ck_assert_int_eq(vmm_stream_receive_header(&here, &err), 0);
	ck_assert_int_eq(send(there.fd, "CVMMMIGR\2\0\0\0\0\0\0", 16, 0), 16);
	ck_assert_int_eq(vmm_stream_receive_header(&here, &err), -EOPNOTSUPP);
	ck_assert_int_eq(send(there.fd, "GET / HTTP/1.1\r\n", 16, 0), 16);
	ck_assert_int_eq(vmm_stream_receive_header(&here, &err), -EBADMSG);
}
END_TEST

START_TEST(wait_ends_when_it_is_cancelled_or_late)
{
	here.deadline_ns = vsu_now_ns() + 1;
	ck_assert_int_eq(vmm_stream_receive(&here, &section, &err), -ETIMEDOUT);
	here.deadline_ns = 0;
	here.cancel_fd = vsu_event_new();
	vsu_event_signal(here.cancel_fd);
	ck_assert_int_eq(vmm_stream_receive(&here, &section, &err), -ECANCELED);
	vsu_fd_close(&here.cancel_fd);
}
END_TEST

/* ------------------------------------------- a peer that never makes the caller wait */

#define FLOOD 1000u

static unsigned int transfers;	/* of the layer; FLOOD: it ends */
static bool flood_part;		/* it has sent a byte before it is cancelled */

/* Sections that may be skipped, without an end. */
static ssize_t flood_receive(void *self, void *bytes, size_t len, short *events)
{
	(void)self;
	(void)events;
	if (++transfers > FLOOD)
		return 0;
	ck_assert_uint_eq(len, HEADER);
	memcpy(bytes, there.w.out.bytes, len);
	return (ssize_t)len;
}

static ssize_t flood_send(void *self, const void *bytes, size_t len, short *events)
{
	(void)self;
	(void)bytes;
	(void)len;
	(void)events;
	return ++transfers > FLOOD ? -EPIPE : 1;
}

static void flood_free(void *self)
{
	(void)self;
}

static const struct vmm_stream_layer flood = {
	.receive = flood_receive, .send = flood_send, .free = flood_free,
};

static void flood_begin(void)
{
	static const unsigned char zeros[4];
	unsigned char *header;
	uint32_t sum;

	vmm_stream_begin(&there, "zzz");
	vsu_state_section_end(&there.w);
	header = there.w.out.bytes;
	memset(header + 24, 0, 4);	/* not required */
	sum = vsu_checksum_add(UINT32_MAX, header, 28);
	sum = ~vsu_checksum_add(vsu_checksum_add(sum, zeros, 4), header + 32, 8);
	memcpy(header + 28, &sum, 4);
	here.layer = &flood;
	transfers = 0;
}

static int send_large(void)
{
	static const unsigned char bytes[2 * FLOOD];

	vmm_stream_begin(&here, "pages");
	vsu_state_put(&here.w, bytes, sizeof(bytes));
	return vmm_stream_send(&here, &err);
}

/* The caller is cancelled while the layer keeps a call's bytes, or has sent one of them. */
static ssize_t torn_send(void *self, const void *bytes, size_t len, short *events)
{
	static size_t kept;

	(void)self;
	(void)bytes;
	(void)events;
	if (++transfers > 1)
		return transfers > 2 ? -EPIPE : (ssize_t)kept;
	kept = len;
	vsu_event_signal(here.cancel_fd);
	return flood_part ? 1 : -EAGAIN;
}

static const struct vmm_stream_layer torn = {
	.receive = flood_receive, .send = torn_send, .free = flood_free,
};

START_TEST(nothing_follows_a_part_of_a_section)
{
	struct vsu_error why;

	flood_begin();
	flood_part = _i;
	here.layer = &torn;
	here.cancel_fd = vsu_event_new();
	ck_assert_int_eq(send_large(), -ECANCELED);
	vsu_fd_close(&here.cancel_fd);
	vsu_error_set(&why, -EIO, "no disk");
	ck_assert_int_eq(shutdown(there.fd, SHUT_WR), 0);
	vmm_stream_refuse(&here, &why);
	ck_assert_uint_eq(transfers, 1);
	ck_assert_int_eq(send_large(), -ECONNRESET);
	ck_assert_uint_eq(transfers, 1);
}
END_TEST

START_TEST(e2_50_flood_of_skipped_sections_ends_at_the_deadline)
{
	flood_begin();
	here.deadline_ns = vsu_now_ns() + 1;
	ck_assert_int_eq(vmm_stream_receive(&here, &section, &err), -ETIMEDOUT);
	ck_assert_int_eq(send_large(), -ETIMEDOUT);
}
END_TEST

START_TEST(nothing_is_sent_behind_the_deadline)
{
	char byte;

	here.deadline_ns = vsu_now_ns();
	ck_assert_int_eq(send_large(), -ETIMEDOUT);
	ck_assert_int_lt(recv(there.fd, &byte, 1, MSG_DONTWAIT), 0);
}
END_TEST

START_TEST(e2_50_flood_of_skipped_sections_ends_when_cancelled)
{
	flood_begin();
	here.cancel_fd = vsu_event_new();
	vsu_event_signal(here.cancel_fd);
	ck_assert_int_eq(vmm_stream_receive(&here, &section, &err), -ECANCELED);
	ck_assert_int_eq(send_large(), -ECANCELED);
	vsu_fd_close(&here.cancel_fd);
}
END_TEST

START_TEST(skipped_sections_before_the_deadline_are_no_failure)
{
	flood_begin();
	here.deadline_ns = vsu_now_ns() + UINT64_C(60000000000);
	ck_assert_int_eq(vmm_stream_receive(&here, &section, &err), -ECONNRESET);
	ck_assert_uint_gt(transfers, FLOOD);
}
END_TEST

START_TEST(reason_that_was_sent_before_is_received)
{
	struct vsu_error why;

	vsu_error_set(&why, -EIO, "no disk");
	ck_assert_int_eq(shutdown(here.fd, SHUT_WR), 0);
	vmm_stream_refuse(&there, &why);
	vsu_fd_close(&there.fd);
	here.deadline_ns = 1;	/* the former one has passed */
	vmm_stream_await_reason(&here);
	ck_assert_int_eq(vmm_stream_expect(&here, "ready", &section, &err), -EREMOTEIO);
}
END_TEST

/* ------------------------------------------------ descriptors that nobody asked for */

static int send_lingering(void)
{
	const int fd = lingering_socket();

	build_zeros();
	ck_assert_int_gt(vsu_sock_send(there.fd, &(struct iovec){ there.w.out.bytes, there.w.out.len },
				       1, &fd, 1), 0);
	return fd;
}

/* The kernel would close it within recv(2). */
START_TEST(socket_beside_a_section_is_closed_without_linger)
{
	struct vsu_closer *closer = NULL;
	int fd = send_lingering();

	if (_i)
		ck_assert_int_eq(vsu_closer_new(&closer, &err), 0);
	here.closer = closer;
	ck_assert_int_eq(vmm_stream_expect(&here, "zeros", &section, &err), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.msg, "a descriptor that was not requested"));
	ck_assert_uint_eq(here.nfds, 0);
	ck_assert(!is_lingering(fd));
	if (closer)
		ck_assert_uint_eq(vsu_closer_waiting(closer), 1);
	while (closer && vsu_closer_waiting(closer))
		ck_assert_int_eq(vsu_closer_turn(closer), 1);
	here.closer = NULL;
	vsu_closer_free(closer);
	close(fd);
}
END_TEST

START_TEST(socket_that_waits_in_a_connection_is_closed_without_linger)
{
	int fd = send_lingering();

	here.sole = true;
	vmm_stream_close(&here);
	ck_assert_int_eq(here.fd, -1);
	ck_assert(!is_lingering(fd));
	close(fd);
}
END_TEST

START_TEST(address_has_a_scheme_and_a_rest)
{
	static const char *const wrong[] = { "", "unix:", "/tmp/a", "ssl:a:1", "exec:" };
	unsigned int i;

	for_rows(i, COUNT(wrong))
		ck_assert_int_eq(vmm_address_check(wrong[i], &err), -EINVAL);
	ck_assert_int_eq(vmm_address_check("tcp:[::1]:1", &err), 0);
	ck_assert_int_lt(vmm_address_connect("tcp:nothing", &here, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "is not HOST:PORT"));
}
END_TEST

static const struct { const char *address; bool descriptor, single; } places[] = {
	{ "fd:3", true, true }, { "unix:fd:3", true, true },
	{ "unix:fd:3:name", true, true }, { "exec:cat <fd:3", false, true },
	{ "unix:/run/fd:3", false, false }, { "unix:./fd:3", false, false },
	{ "tls:a:1,certificates=/fd:3", false, false }, { "tcp:fd:3", false, false },
};

/* A number of this process is no name of a place; a path that contains one is. */
START_TEST(descriptor_is_not_part_of_another_address)
{
	unsigned int i;

	for_rows(i, COUNT(places)) {
		ck_assert(vmm_address_is_descriptor(places[i].address) == places[i].descriptor);
		ck_assert(vmm_address_is_single(places[i].address) == places[i].single);
	}
}
END_TEST

/* Before the module is loaded. */
START_TEST(tls_address_needs_certificates)
{
	struct vmm_listener listener;

	ck_assert_int_eq(vmm_address_check("tls:a:1", &err), 0);
	ck_assert_int_eq(vmm_address_connect("tls:a:1", &here, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "certificates=FOLDER"));
	ck_assert_int_eq(vmm_address_listen("tls:a:1,hostname=b", &listener, &err), -EINVAL);
	ck_assert_int_lt(vmm_address_connect("tls:a:1,certificate=b", &here, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "certificates"));
	ck_assert_int_eq(vmm_address_connect("tls:a,certificates=b", &here, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "is not HOST:PORT"));
}
END_TEST

START_TEST(command_is_connected_by_its_input_and_output)
{
	struct vmm_stream s;

	vmm_stream_init(&s);
	ck_assert_int_eq(vmm_address_connect("exec:cat", &s, &err), 0);
	vmm_stream_begin(&s, "ready");
	ck_assert_int_eq(vmm_stream_send(&s, &err), 0);
	ck_assert_int_eq(vmm_stream_expect(&s, "ready", &section, &err), 0);
	vmm_stream_close(&s);
}
END_TEST

#pragma GCC visibility push(default)
int __real_poll(struct pollfd *fds, nfds_t n, int ms);
int __wrap_poll(struct pollfd *fds, nfds_t n, int ms);
#pragma GCC visibility pop

/* On a busy host a sleep lasts longer. */
int __wrap_poll(struct pollfd *fds, nfds_t n, int ms)
{
	return __real_poll(fds, n, n ? ms : 20 * ms);
}

START_TEST(command_that_does_not_end_is_killed_after_its_time)
{
	const uint64_t begun = vsu_now_ns();
	struct vmm_stream s;

	vmm_stream_init(&s);
	ck_assert_int_eq(vmm_address_connect("exec:exec sleep 60", &s, &err), 0);
	vmm_stream_close(&s);
	ck_assert_uint_ge(vsu_now_ns() - begun, VMM_STREAM_CHILD_MS * UINT64_C(1000000));
	ck_assert_uint_lt(vsu_now_ns() - begun, 5 * VMM_STREAM_CHILD_MS * UINT64_C(1000000));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("migration");
	TCase *tc = tcase_create("stream");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, sections_arrive_as_sent);
	tcase_add_loop_test(tc, e2_16_connection_that_ends_in_a_section_is_reported, 0,
			    HEADER + 16);
	tcase_add_loop_test(tc, e2_17_section_with_another_byte_is_refused, 0,
			    HEADER + 16);
	tcase_add_test(tc, e2_17_length_above_the_limit_of_the_name_is_refused);
	tcase_add_test(tc, e2_17_memory_is_allocated_as_bytes_arrive);
	tcase_add_test(tc, e2_17_unknown_section_is_refused_by_name_if_required);
	tcase_add_test(tc, other_section_than_expected_is_named);
	tcase_add_test(tc, failure_of_the_peer_is_its_sentence);
	tcase_add_test(tc, failure_of_the_peer_has_its_advice);
	tcase_add_loop_test(tc, advice_of_another_length_is_none, 0,
			    sizeof(odd_failures) / sizeof(*odd_failures));
	tcase_add_test(tc, refusal_leaves_no_byte_unread);
	tcase_add_test(tc, echo_of_the_stream_is_named);
	tcase_add_test(tc, header_of_another_version_is_refused);
	tcase_add_test(tc, wait_ends_when_it_is_cancelled_or_late);
	tcase_add_test(tc, e2_50_flood_of_skipped_sections_ends_at_the_deadline);
	tcase_add_test(tc, e2_50_flood_of_skipped_sections_ends_when_cancelled);
	tcase_add_test(tc, nothing_is_sent_behind_the_deadline);
	tcase_add_loop_test(tc, nothing_follows_a_part_of_a_section, 0, 2);
	tcase_add_test(tc, skipped_sections_before_the_deadline_are_no_failure);
	tcase_add_test(tc, reason_that_was_sent_before_is_received);
	tcase_add_loop_test(tc, socket_beside_a_section_is_closed_without_linger, 0, 2);
	tcase_add_test(tc, socket_that_waits_in_a_connection_is_closed_without_linger);
	tcase_add_test(tc, address_has_a_scheme_and_a_rest);
	tcase_add_test(tc, descriptor_is_not_part_of_another_address);
	tcase_add_test(tc, tls_address_needs_certificates);
	tcase_add_test(tc, command_is_connected_by_its_input_and_output);
	tcase_add_test(tc, command_that_does_not_end_is_killed_after_its_time);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
