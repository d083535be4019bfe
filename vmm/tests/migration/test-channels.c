/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the additional connections of a migration. */
#include <config.h>

#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../lingering.h"
#include "../util.h"
#include "migration/channels.h"

#define N 3u

static struct vmm_listener listener;
static struct vmm_stream source, destination;
static struct vmm_channels from, to;
static struct vsu_error err, failure;
static char folder[32], address[64];

static void setup(void)
{
	int pair[2];

	vsu_error_clear(&err);
	vsu_error_clear(&failure);
	memset(&from, 0, sizeof(from));
	memset(&to, 0, sizeof(to));
	strcpy(folder, "/tmp/channels.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(address, sizeof(address), "unix:%s/socket", folder);
	ck_assert_int_eq(vmm_address_listen(address, &listener, &err), 0);
	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	vmm_stream_init(&source);
	vmm_stream_init(&destination);
	source.fd = pair[0];
	destination.fd = pair[1];
}

static void teardown(void)
{
	vmm_channels_close(&from);
	vmm_channels_close(&to);
	vmm_stream_close(&source);
	vmm_stream_close(&destination);
	vmm_address_unlisten(&listener, NULL);
	ck_assert_int_eq(rmdir(folder), 0);
}

static void *connect_main(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)vmm_channels_connect(&from, N, address, &source,
						      &failure);
}

/* Both ends at the same time. */
static void connect_both(void)
{
	struct vsu_state_section announced;
	pthread_t thread;
	void *rc;

	ck_assert_int_eq(pthread_create(&thread, NULL, connect_main, NULL), 0);
	ck_assert_int_eq(vmm_stream_expect(&destination, "channels", &announced, &err), 0);
	ck_assert_int_eq(vmm_channels_accept(&to, &listener, &destination, &announced, &err), 0);
	pthread_join(thread, &rc);
	ck_assert_ptr_null(rc);
}

START_TEST(channels_are_those_that_were_announced)
{
	connect_both();
	ck_assert_uint_eq(from.n, N);
	ck_assert_uint_eq(to.n, N);
	ck_assert_uint_eq(to.channel[N - 1].number, N);
}
END_TEST

/* They wait in the queue of the listener before the source connects. */
START_TEST(e2_28_connections_of_other_programs_are_closed)
{
	unsigned char token[16] = { 0 };
	int stranger = vsu_sock_connect(address + 5, &err);
	struct vmm_stream other;
	char byte;

	ck_assert_int_ge(stranger, 0);
	ck_assert_int_eq(write(stranger, "GET / HTTP/1.0\r\n\r\n", 18), 18);
	vmm_stream_init(&other);
	ck_assert_int_eq(vmm_address_connect(address, &other, &err), 0);
	ck_assert_int_eq(vmm_stream_send_header(&other, &err), 0);
	vmm_stream_begin(&other, "join");
	vsu_state_put(&other.w, token, sizeof(token));
	ck_assert_int_eq(vmm_stream_send(&other, &err), 0);
	connect_both();
	ck_assert_int_le(recv(stranger, &byte, 1, 0), 0);
	ck_assert_int_le(recv(other.fd, &byte, 1, 0), 0);
	vmm_stream_close(&other);
	close(stranger);
}
END_TEST

/* The kernel would close the descriptor that waits in it, and wait. */
START_TEST(socket_in_a_connection_that_nobody_accepts_is_closed_without_linger)
{
	const int stranger = vsu_sock_connect(address + 5, &err), fd = lingering_socket();

	ck_assert_int_ge(stranger, 0);
	ck_assert_int_eq(vsu_sock_send(stranger, &(struct iovec){ (char []){ 'x' }, 1 }, 1, &fd, 1), 1);
	vmm_address_unlisten(&listener, NULL);
	ck_assert(!is_lingering(fd));
	close(stranger);
	close(fd);
}
END_TEST

static const uint32_t impossible[] = { 0, VMM_CHANNELS_MAX, UINT32_MAX };

START_TEST(e2_28_impossible_number_of_channels_is_refused)
{
	unsigned char token[16] = { 0 };
	struct vsu_state_section announced;

	vmm_stream_begin(&source, "channels");
	vsu_state_put_u32(&source.w, impossible[_i]);
	vsu_state_put(&source.w, token, sizeof(token));
	ck_assert_int_eq(vmm_stream_send(&source, &err), 0);
	ck_assert_int_eq(vmm_stream_expect(&destination, "channels", &announced, &err), 0);
	ck_assert_int_eq(vmm_channels_accept(&to, &listener, &destination, &announced, &err),
			 -EBADMSG);
	ck_assert_uint_eq(to.n, 0);
}
END_TEST

static int receive_end(struct vmm_channel *channel, struct vsu_error *e)
{
	struct vsu_state_section end;

	return vmm_stream_expect(&channel->stream, "end", &end, e);
}

START_TEST(channels_end_in_their_threads)
{
	connect_both();
	vmm_channels_start(&to, receive_end, NULL);
	ck_assert_int_eq(vmm_channels_end(&from, &err), 0);
	ck_assert_int_eq(vmm_channels_join(&to, 0, &err), 0);
}
END_TEST

START_TEST(failed_channel_is_the_reason_of_a_lost_connection)
{
	connect_both();
	vmm_channels_start(&to, receive_end, NULL);
	vmm_stream_begin(&from.channel[1].stream, "ready");
	ck_assert_int_eq(vmm_stream_send(&from.channel[1].stream, &err), 0);
	vmm_stream_begin(&from.channel[0].stream, "end");
	ck_assert_int_eq(vmm_stream_send(&from.channel[0].stream, &err), 0);
	vmm_stream_begin(&from.channel[2].stream, "end");
	ck_assert_int_eq(vmm_stream_send(&from.channel[2].stream, &err), 0);
	ck_assert_int_eq(vmm_channels_join(&to, 0, &err), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.msg, "'ready' in place of 'end'"));
}
END_TEST

START_TEST(failure_of_the_first_connection_interrupts_the_others)
{
	connect_both();
	vmm_channels_start(&to, receive_end, NULL);
	vsu_error_set(&err, -EINVAL, "first");
	ck_assert_int_eq(vmm_channels_join(&to, -EINVAL, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "first");
}
END_TEST

START_TEST(acceptance_can_be_cancelled)
{
	unsigned char token[16] = { 0 };
	struct vsu_state_section announced;

	destination.cancel_fd = vsu_event_new();
	vmm_stream_begin(&source, "channels");
	vsu_state_put_u32(&source.w, 1);
	vsu_state_put(&source.w, token, sizeof(token));
	ck_assert_int_eq(vmm_stream_send(&source, &err), 0);
	ck_assert_int_eq(vmm_stream_expect(&destination, "channels", &announced, &err), 0);
	vsu_event_signal(destination.cancel_fd);
	ck_assert_int_eq(vmm_channels_accept(&to, &listener, &destination, &announced, &err),
			 -ECANCELED);
	vsu_fd_close(&destination.cancel_fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("channels");
	TCase *tc = tcase_create("channels");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, channels_are_those_that_were_announced);
	tcase_add_test(tc, e2_28_connections_of_other_programs_are_closed);
	tcase_add_loop_test(tc, e2_28_impossible_number_of_channels_is_refused, 0,
			    (int)COUNT(impossible));
	tcase_add_test(tc, socket_in_a_connection_that_nobody_accepts_is_closed_without_linger);
	tcase_add_test(tc, channels_end_in_their_threads);
	tcase_add_test(tc, failed_channel_is_the_reason_of_a_lost_connection);
	tcase_add_test(tc, failure_of_the_first_connection_interrupts_the_others);
	tcase_add_test(tc, acceptance_can_be_cancelled);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
