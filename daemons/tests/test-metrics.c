/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about --metrics: what a client reads, and what clients cost that are slow, silent or many. */
#define _GNU_SOURCE
#include <config.h>

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <virtio-devices/latency.h>
#include <virtio-devices/rng.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>

#include "../../tests/support/suite.h"
#include "log.h"
#include "metrics.h"

#define REQUEST "GET /metrics HTTP/1.0\r\n\r\n"

static struct virtdev *device;
static struct metrics metrics;
static char folder[32], path[64], reply[65536];
static int other, watched;
static struct vsu_error why;
static const struct devkind_socket_access anyone = { .mode = NULL };
static struct confine_plan plan;

static void setup(void)
{
	const struct virtdev_rng_config config = { .size = sizeof(config) };

	prog_log_init("test");
	plan = (struct confine_plan)CONFINE_PLAN_INIT;
	ck_assert_int_eq(virtdev_rng_new(&config, &device, &why), 0);
	metrics = (struct metrics)METRICS_INIT(device, "rng");
	strcpy(folder, "/tmp/metrics.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	ck_assert_int_eq(daemon_listen(&metrics.listener, "metrics", path, &anyone, &plan, &why),
			 VSU_EXIT_OK);
	ck_assert_int_eq(metrics_start(&metrics, &why), 0);
	other = vsu_event_new();
	watched = metrics_watch(&metrics, other);
	ck_assert_int_ne(watched, other);
}

static void teardown(void)
{
	metrics_end(&metrics);
	confine_plan_end(&plan);
	virtdev_free(device);
	vsu_fd_close(&other);
	ck_assert_int_eq(rmdir(folder), 0);
}

static bool is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* As the daemon's loop does. */
static void run(void)
{
	unsigned int turns = 0;

	while (is_readable(watched) && !is_readable(other)) {
		metrics_dispatch(&metrics);
		ck_assert_uint_lt(++turns, 1000);
	}
}

static int connected(void)
{
	int fd = vsu_sock_connect(path, &why);

	ck_assert_msg(fd >= 0, "%s", why.msg);
	run();
	return fd;
}

static void put(int fd, const char *text, size_t len)
{
	ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
	run();
}

/* Returns everything that the client has received; its connection must have ended. */
static const char *received(int *fd)
{
	size_t n = 0;
	ssize_t got;

	while ((got = read(*fd, reply + n, sizeof(reply) - 1 - n)) > 0)
		n += (size_t)got;
	ck_assert_int_eq(got, 0);
	reply[n] = '\0';
	vsu_fd_close(fd);
	return reply;
}

static bool is_open(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

START_TEST(client_reads_numbers_of_the_device_and_of_the_daemon)
{
	int client;

	metrics_session_ended(&metrics);
	metrics_session_ended(&metrics);
	metrics.refused = 3;
	client = connected();
	put(client, REQUEST, strlen(REQUEST));
	received(&client);
	ck_assert_ptr_eq(strstr(reply, "HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n\r\n"),
			 reply);
	ck_assert_ptr_nonnull(strstr(reply, "cvmm_device_bytes_total{kind=\"rng\"} 0\n"));
	ck_assert_ptr_nonnull(strstr(reply, "\ncvmm_sessions_ended_total 2\n"));
	ck_assert_ptr_nonnull(strstr(reply, "\ncvmm_requests_refused_total 3\n"));
}
END_TEST

/* A model that measures, in place of the device. */
static void make_measured(struct virtdev_measured *queues)
{
	static const char *const kinds[] = { "read", "write", NULL };
	const struct virtdev_ops ops = { .size = sizeof(ops), .name = "model", .latency_kinds = kinds };
	const struct virtdev_info info = { .id = 42, .nqueues = 2, .queue_size_max = 16 };

	virtdev_free(device);
	ck_assert_int_eq(virtdev_new(&ops, &info, NULL, &device, NULL), 0);
	ck_assert_int_eq(virtdev_measure(device, queues), 0);
	metrics.dev = device;
}

START_TEST(latencies_are_cumulative_histograms)
{
	static const char *const lines[] = {
		"\n# TYPE cvmm_device_latency_seconds histogram\n",
		"_bucket{kind=\"rng\",request=\"write\",le=\"0.000001\"} 2\n",
		"_bucket{kind=\"rng\",request=\"write\",le=\"0.00002\"} 2\n",
		"_bucket{kind=\"rng\",request=\"write\",le=\"0.00005\"} 5\n",
		"_bucket{kind=\"rng\",request=\"write\",le=\"10\"} 5\n",
		"_bucket{kind=\"rng\",request=\"write\",le=\"+Inf\"} 5\n",
		"_sum{kind=\"rng\",request=\"write\"} 1.200000034\n",
		"_count{kind=\"rng\",request=\"read\"} 0\n",
		"\ncvmm_ring_max_in_flight{kind=\"rng\",ring=\"1\"} 9\n",
	};
	static struct virtdev_measured queues[2];
	unsigned int i;
	int client;

	make_measured(queues);
	queues[0].kinds[1].buckets[0] = 2;
	queues[1].kinds[1].buckets[5] = 3;
	queues[1].kinds[1].sum = UINT64_C(1200000034);
	queues[1].depth_max = 9;
	client = connected();
	put(client, REQUEST, strlen(REQUEST));
	received(&client);
	for_rows(i, sizeof(lines) / sizeof(lines[0]))
		ck_assert_msg(strstr(reply, lines[i]) != NULL, "no '%s' in %s", lines[i], reply);
}
END_TEST

START_TEST(request_may_arrive_byte_by_byte)
{
	static const char *const requests[] = { REQUEST, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\n\n" };
	const char *at = requests[_i];
	int client = connected();

	for (; at[1]; at++) {
		put(client, at, 1);
		ck_assert_msg(is_open(client), "after '%s'", at);
	}
	put(client, at, 1);
	ck_assert_ptr_nonnull(strstr(received(&client), "cvmm_sessions_ended_total 0\n"));
}
END_TEST

static const struct {
	const char *request;
	const char *answer;	/* its first line */
} refused[] = {
	{ "POST / HTTP/1.0\r\n\r\n", "HTTP/1.0 400 Bad Request\r\n" },
	{ "\n\n", "HTTP/1.0 400 Bad Request\r\n" },
	{ "GET\n\n", "HTTP/1.0 400 Bad Request\r\n" },
};

START_TEST(other_requests_are_refused_without_numbers)
{
	int client = connected();

	put(client, refused[_i].request, strlen(refused[_i].request));
	ck_assert_ptr_eq(strstr(received(&client), refused[_i].answer), reply);
	ck_assert_ptr_null(strstr(reply, "cvmm_"));
}
END_TEST

START_TEST(endless_request_is_answered_at_its_limit)
{
	static char text[sizeof(metrics.clients[0].request)];
	int client = connected();

	memset(text, 'x', sizeof(text));
	put(client, text, sizeof(text) - 1);
	ck_assert(is_open(client));
	put(client, text, 1);
	ck_assert_ptr_nonnull(strstr(received(&client), "400 Bad Request"));
}
END_TEST

START_TEST(client_that_leaves_frees_its_place)
{
	unsigned int i;
	int client, stays = connected();

	for (i = 0; i < 3 * METRICS_CLIENTS; i++) {
		client = connected();
		put(client, "GET", i % 3);
		vsu_fd_close(&client);
		run();
	}
	ck_assert(is_open(stays));
	put(stays, REQUEST, strlen(REQUEST));
	ck_assert_ptr_nonnull(strstr(received(&stays), "200 OK"));
}
END_TEST

START_TEST(silent_clients_lose_their_places_to_new_ones)
{
	int clients[METRICS_CLIENTS + 2];
	unsigned int i;

	for (i = 0; i < METRICS_CLIENTS; i++)
		clients[i] = connected();
	ck_assert(is_open(clients[0]));
	clients[i++] = connected();
	ck_assert_str_eq(received(&clients[0]), "");
	ck_assert(is_open(clients[1]));
	clients[i++] = connected();
	ck_assert_str_eq(received(&clients[1]), "");
	for (i = 2; i < METRICS_CLIENTS + 2; i++) {
		put(clients[i], REQUEST, strlen(REQUEST));
		ck_assert_ptr_nonnull(strstr(received(&clients[i]), "200 OK"));
	}
}
END_TEST

/* Both are in one turn of the loop: the old client's event is not the new one's. */
START_TEST(request_of_a_client_counts_before_the_next_client)
{
	int clients[METRICS_CLIENTS + 1];
	unsigned int i;

	for (i = 0; i < METRICS_CLIENTS; i++)
		clients[i] = connected();
	ck_assert_int_eq(write(clients[0], REQUEST, strlen(REQUEST)), (ssize_t)strlen(REQUEST));
	clients[i] = vsu_sock_connect(path, &why);
	run();
	ck_assert(is_open(clients[METRICS_CLIENTS]));
	for (i = 0; i <= METRICS_CLIENTS; i++)
		vsu_fd_close(&clients[i]);
}
END_TEST

/* The number of the next descriptor is beyond the limit. */
static void allow_no_descriptor(struct rlimit *before)
{
	struct rlimit none;
	int next = dup(other);

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, before), 0);
	none = (struct rlimit){ (rlim_t)next, before->rlim_max };
	vsu_fd_close(&next);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
}

START_TEST(without_a_descriptor_clients_wait_for_the_end_of_a_session)
{
	int client = vsu_sock_connect(path, &why);
	struct rlimit before;

	allow_no_descriptor(&before);
	metrics_dispatch(&metrics);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert(!is_readable(watched));
	put(client, REQUEST, strlen(REQUEST));
	ck_assert(is_open(client));
	metrics_session_ended(&metrics);
	ck_assert(is_readable(watched));
	run();
	ck_assert_ptr_nonnull(strstr(received(&client), "cvmm_sessions_ended_total 1\n"));
}
END_TEST

START_TEST(other_descriptor_is_seen_and_left_alone)
{
	ck_assert(!is_readable(watched));
	vsu_event_signal(other);
	ck_assert(is_readable(watched));
	metrics_dispatch(&metrics);
	ck_assert(is_readable(other));
	vsu_event_drain(other, NULL);
	ck_assert(!is_readable(watched));
}
END_TEST

START_TEST(daemon_without_the_option_watches_its_own_descriptor)
{
	struct metrics none = METRICS_INIT(device, "rng");

	ck_assert_int_eq(metrics_start(&none, &why), 0);
	ck_assert_int_eq(metrics_watch(&none, other), other);
	metrics_dispatch(&none);
	metrics_session_ended(&none);
	ck_assert_uint_eq(none.sessions, 1);
	metrics_end(&none);
}
END_TEST

START_TEST(path_that_cannot_be_listened_at_names_its_option)
{
	static const struct { const char *path; int status; } rows[] = {
		{ NULL, VSU_EXIT_BUSY },	/* the rig's */
		{ "/nowhere/at/all", VSU_EXIT_HOST },
		{ "", VSU_EXIT_DATA },
	};
	const char *where = rows[_i].path ? rows[_i].path : path;
	struct daemon_listener l = { .fd = -1 };

	ck_assert_int_eq(daemon_listen(&l, "metrics", where, &anyone, &plan, &why), rows[_i].status);
	ck_assert_msg(!strncmp(why.msg, "--metrics: ", 11), "%s", why.msg);
	ck_assert_int_lt(l.fd, 0);
	daemon_listener_unlink(&l);
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(inherited_descriptor_is_a_stream_socket)
{
	int pair[2];

	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	ck_assert_int_eq(daemon_check_inherited(pair[0], &why), VSU_EXIT_OK);
	ck_assert_int_eq(daemon_check_inherited(other, &why), VSU_EXIT_DATA);
	ck_assert_ptr_nonnull(strstr(why.msg, "is not a UNIX stream socket; pass one"));
	vsu_fd_close(&pair[1]);
	ck_assert_int_eq(daemon_check_inherited(900, &why), VSU_EXIT_DATA);
	ck_assert_ptr_nonnull(strstr(why.msg, "--fd: descriptor 900 is not open"));
	vsu_fd_close(&pair[0]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("metrics");
	TCase *tc = tcase_create("metrics");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, client_reads_numbers_of_the_device_and_of_the_daemon);
	tcase_add_test(tc, latencies_are_cumulative_histograms);
	tcase_add_loop_test(tc, request_may_arrive_byte_by_byte, 0, 3);
	tcase_add_loop_test(tc, other_requests_are_refused_without_numbers, 0, 3);
	tcase_add_test(tc, endless_request_is_answered_at_its_limit);
	tcase_add_test(tc, client_that_leaves_frees_its_place);
	tcase_add_test(tc, silent_clients_lose_their_places_to_new_ones);
	tcase_add_test(tc, request_of_a_client_counts_before_the_next_client);
	tcase_add_test(tc, without_a_descriptor_clients_wait_for_the_end_of_a_session);
	tcase_add_test(tc, other_descriptor_is_seen_and_left_alone);
	tcase_add_test(tc, daemon_without_the_option_watches_its_own_descriptor);
	tcase_add_loop_test(tc, path_that_cannot_be_listened_at_names_its_option, 0, 3);
	tcase_add_test(tc, inherited_descriptor_is_a_stream_socket);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
