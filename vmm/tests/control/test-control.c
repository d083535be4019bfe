/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the socket of commands. */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "control/control.h"
#include "../util.h"

#define SOCKET "control-socket"

static struct ev_loop *loop;
static struct vmm_control *control;
static struct vsu_error err;
static unsigned int obeyed;

static int on_say(void *opaque, char *const *words, FILE *answer,
		  struct vsu_error *e)
{
	(void)e;
	ck_assert_ptr_eq(opaque, &obeyed);
	obeyed++;
	fprintf(answer, ",\"word\":\"%s\",\"more\":%d", words[1],
		words[2] != NULL);
	return 0;
}

static int on_fail(void *opaque, char *const *words, FILE *answer,
		   struct vsu_error *e)
{
	(void)opaque;
	(void)words;
	fputs(",\"a\":\"long text that nobody may ever see of this command\"",
	      answer);
	return vsu_error_set(e, -EBUSY, "not \"now\"");
}

static const struct vmm_control_command commands[] = {
	{ "say", "WORD [MORE]", 1, 2, on_say },
	{ "fail", NULL, 0, 0, on_fail },
	{ NULL, NULL, 0, 0, NULL },
};

static void setup(void)
{
	char folder[] = "/tmp/test-control.XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	obeyed = 0;
	vsu_error_clear(&err);
	loop = ev_loop_new(EVFLAG_AUTO);
	ck_assert_int_eq(vmm_control_new(loop, SOCKET, commands, &obeyed,
					 &control, &err), 0);
}

static void teardown(void)
{
	char folder[64];

	vmm_control_free(control);
	ev_loop_destroy(loop);
	ck_assert_int_eq(access(SOCKET, F_OK), -1);
	ck_assert_ptr_nonnull(getcwd(folder, sizeof(folder)));
	ck_assert_int_eq(rmdir(folder), 0);
}

static int client(void)
{
	int sock = vsu_sock_connect(SOCKET, NULL);

	ck_assert_int_ge(sock, 0);
	return sock;
}

/* Until nothing is left to do. */
static void run(void)
{
	unsigned int i;

	for (i = 0; i < 64; i++)
		ev_run(loop, EVRUN_NOWAIT);
}

static void say(int sock, const char *text)
{
	ck_assert_int_eq(send(sock, text, strlen(text), MSG_NOSIGNAL),
			 (ssize_t)strlen(text));
	run();
}

/* All that was answered, or "end". */
static const char *answer(int sock)
{
	static char text[4096];
	ssize_t n = recv(sock, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (!n || (n < 0 && errno == ECONNRESET))
		return "end";
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

START_TEST(command_is_obeyed_and_answered)
{
	int sock = client();

	say(sock, "say hello\n");
	ck_assert_str_eq(answer(sock),
			 "{\"ok\":true,\"word\":\"hello\",\"more\":0}\n");
	say(sock, "  say\thello again \r\n");
	ck_assert_str_eq(answer(sock),
			 "{\"ok\":true,\"word\":\"hello\",\"more\":1}\n");
	close(sock);
}
END_TEST

START_TEST(line_may_come_in_pieces_and_several_at_once)
{
	int sock = client();

	say(sock, "say o");
	ck_assert_str_eq(answer(sock), "");
	say(sock, "ne\nsay two\nsay thr");
	ck_assert_str_eq(answer(sock),
			 "{\"ok\":true,\"word\":\"one\",\"more\":0}\n"
			 "{\"ok\":true,\"word\":\"two\",\"more\":0}\n");
	ck_assert_uint_eq(obeyed, 2);
	close(sock);
	run();
	ck_assert_uint_eq(obeyed, 2);
}
END_TEST

static const struct {
	const char *line, *answer;
} refusals[] = {
	{ "fail\n", "{\"ok\":false,\"error\":\"not \\\"now\\\"\"}\n" },
	{ "sya x\n", "{\"ok\":false,\"error\":\"no command 'sya'; did you mean 'say'?\"}\n" },
	{ "quark\n", "{\"ok\":false,\"error\":\"no command 'quark'; try 'say'\"}\n" },
	{ "\n", "{\"ok\":false,\"error\":\"an empty line; a command was expected\"}\n" },
	{ "say\n", "{\"ok\":false,\"error\":\"say: 0 words follow; expected is 'say WORD [MORE]'\"}\n" },
	{ "say a b c d e f g h i j k\n", "{\"ok\":false,\"error\":\"say: 8 words follow; expected is 'say WORD [MORE]'\"}\n" },
	{ "fail x\n", "{\"ok\":false,\"error\":\"fail: 1 words follow; expected is 'fail'\"}\n" },
};

START_TEST(what_is_wrong_is_said_and_the_client_stays)
{
	int sock = client();

	say(sock, refusals[_i].line);
	ck_assert_str_eq(answer(sock), refusals[_i].answer);
	say(sock, "say ok\n");
	ck_assert_str_eq(answer(sock),
			 "{\"ok\":true,\"word\":\"ok\",\"more\":0}\n");
	close(sock);
}
END_TEST

START_TEST(line_without_end_loses_its_client_alone)
{
	char line[VMM_CONTROL_LINE + 1];
	int sock = client(), other = client();

	memset(line, 'x', sizeof(line) - 1);
	line[VMM_CONTROL_LINE] = '\0';
	say(sock, line);
	ck_assert_str_eq(answer(sock), "end");
	line[VMM_CONTROL_LINE - 1] = '\n';
	say(other, line);
	ck_assert_ptr_nonnull(strstr(answer(other), "no command"));
	close(sock);
	close(other);
}
END_TEST

START_TEST(zero_byte_loses_its_client)
{
	int sock = client();

	ck_assert_int_eq(send(sock, "say\0x\n", 6, MSG_NOSIGNAL), 6);
	run();
	ck_assert_str_eq(answer(sock), "end");
	ck_assert_uint_eq(obeyed, 0);
	close(sock);
}
END_TEST

START_TEST(client_that_does_not_read_is_let_go)
{
	const int before = vsu_fd_count();
	unsigned int i;
	int sock = client();

	for (i = 0; i < 100000; i++) {
		if (send(sock, "say x\n", 6, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
		    errno != EAGAIN)
			break;
		ev_run(loop, EVRUN_NOWAIT);
	}
	ck_assert_uint_lt(i, 100000);
	close(sock);
	run();
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

START_TEST(clients_beyond_the_last_place_wait_for_one)
{
	int sock[VMM_CONTROL_CLIENTS + 1];
	unsigned int i;

	for (i = 0; i <= VMM_CONTROL_CLIENTS; i++) {
		sock[i] = client();
		say(sock[i], "say x\n");
	}
	ck_assert_str_ne(answer(sock[0]), "");
	ck_assert_str_eq(answer(sock[VMM_CONTROL_CLIENTS]), "");
	close(sock[3]);
	run();
	ck_assert_str_ne(answer(sock[VMM_CONTROL_CLIENTS]), "");
	for (i = 0; i <= VMM_CONTROL_CLIENTS; i++)
		if (i != 3)
			close(sock[i]);
	run();
}
END_TEST

START_TEST(place_that_is_taken_is_refused)
{
	struct vmm_control *second;

	ck_assert_int_eq(vmm_control_new(loop, SOCKET, commands, NULL, &second,
					 &err), -EADDRINUSE);
	ck_assert_int_eq(strncmp(err.msg, "option --control: ", 18), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("control");
	TCase *tc = tcase_create("control");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, command_is_obeyed_and_answered);
	tcase_add_test(tc, line_may_come_in_pieces_and_several_at_once);
	tcase_add_loop_test(tc, what_is_wrong_is_said_and_the_client_stays, 0,
			    (int)COUNT(refusals));
	tcase_add_test(tc, line_without_end_loses_its_client_alone);
	tcase_add_test(tc, zero_byte_loses_its_client);
	tcase_add_test(tc, client_that_does_not_read_is_let_go);
	tcase_add_test(tc, clients_beyond_the_last_place_wait_for_one);
	tcase_add_test(tc, place_that_is_taken_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
