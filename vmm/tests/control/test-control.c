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
static const char the_bell;	/* a subject */

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

static int on_wait(void *opaque, char *const *words, FILE *answer,
		   struct vsu_error *e)
{
	(void)opaque;
	(void)words;
	(void)e;
	fputs(",\"early\":true", answer);
	return vmm_control_wait(control, &the_bell);
}

static int on_tell(void *opaque, char *const *words, FILE *answer,
		   struct vsu_error *e)
{
	(void)opaque;
	(void)words;
	(void)e;
	fprintf(answer, ",\"told\":%u",
		vmm_control_answer(control, &the_bell, ",\"late\":true", NULL));
	return 0;
}

static const struct vmm_control_command commands[] = {
	{ "say", "WORD [MORE]", 1, 2, on_say },
	{ "fail", NULL, 0, 0, on_fail },
	{ "wait", NULL, 0, 0, on_wait },
	{ "tell", NULL, 0, 0, on_tell },
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

/* Returns the answers so far, or "end". */
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
	{ "sya x\n", "{\"ok\":false,\"error\":\"no command 'sya'; did you mean 'say'? There are: say, fail, wait, tell\"}\n" },
	{ "quark\n", "{\"ok\":false,\"error\":\"no command 'quark'; there are: say, fail, wait, tell\"}\n" },
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

START_TEST(d3_01_line_without_end_loses_its_client_alone)
{
	char line[VMM_CONTROL_LINE + 1];
	int sock = client(), other = client();

	memset(line, 'x', sizeof(line) - 1);
	line[VMM_CONTROL_LINE] = '\0';
	say(sock, line);
	ck_assert_str_eq(answer(sock), "{\"ok\":false,\"error\":\"8 KiB came that are no whole line, or that wait for an answer\"}\n");
	ck_assert_str_eq(answer(sock), "end");
	line[VMM_CONTROL_LINE - 1] = '\n';
	say(other, line);
	ck_assert_ptr_nonnull(strstr(answer(other), "no command"));
	close(sock);
	close(other);
}
END_TEST

START_TEST(d3_01_zero_byte_loses_its_client)
{
	int sock = client();

	ck_assert_int_eq(send(sock, "say\0x\n", 6, MSG_NOSIGNAL), 6);
	run();
	ck_assert_str_eq(answer(sock), "{\"ok\":false,\"error\":\"a line with a byte of zero\"}\n");
	ck_assert_str_eq(answer(sock), "end");
	ck_assert_uint_eq(obeyed, 0);
	close(sock);
}
END_TEST

START_TEST(d3_01_half_a_line_is_not_obeyed_and_its_client_is_told)
{
	int sock = client();

	say(sock, "say one\nsay two");
	ck_assert_int_eq(shutdown(sock, SHUT_WR), 0);
	run();
	ck_assert_str_eq(answer(sock),
			 "{\"ok\":true,\"word\":\"one\",\"more\":0}\n"
			 "{\"ok\":false,\"error\":\"the line has no end; a newline was expected\"}\n");
	ck_assert_str_eq(answer(sock), "end");
	ck_assert_uint_eq(obeyed, 1);
	close(sock);
}
END_TEST

START_TEST(d3_02_client_that_does_not_read_is_let_go)
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

static void fill_places(int sock[VMM_CONTROL_CLIENTS], const char *line)
{
	unsigned int i;

	for (i = 0; i < VMM_CONTROL_CLIENTS; i++) {
		sock[i] = client();
		say(sock[i], line);
	}
}

static void close_all(const int sock[VMM_CONTROL_CLIENTS])
{
	unsigned int i;

	for (i = 0; i < VMM_CONTROL_CLIENTS; i++)
		close(sock[i]);
	run();
}

#define SAID "{\"ok\":true,\"word\":\"x\",\"more\":0}\n"
#define LATE "{\"ok\":true,\"late\":true}\n"

START_TEST(d3_03_the_client_that_is_silent_for_longest_gives_way)
{
	int sock[VMM_CONTROL_CLIENTS], more;

	fill_places(sock, "say x\n");
	answer(sock[0]);
	say(sock[0], "say x\n");
	more = client();
	say(more, "say x\n");
	ck_assert_str_eq(answer(more), SAID);
	ck_assert_str_eq(answer(sock[0]), SAID);
	ck_assert_str_eq(answer(sock[1]), SAID
		"{\"ok\":false,\"error\":\"of all clients you were silent for longest, and another one came; connect again\"}\n");
	ck_assert_str_eq(answer(sock[1]), "end");
	say(sock[2], "say x\n");
	ck_assert_str_eq(answer(sock[2]), SAID SAID);
	close(more);
	close_all(sock);
}
END_TEST

START_TEST(d3_03_clients_that_wait_for_answers_stay_and_a_ninth_is_refused)
{
	int sock[VMM_CONTROL_CLIENTS], more;

	fill_places(sock, "wait\n");
	more = client();
	run();
	ck_assert_str_eq(answer(more),
		"{\"ok\":false,\"error\":\"all clients wait for their answers, and there is no place for more; try again later\"}\n");
	ck_assert_str_eq(answer(more), "end");
	close(more);
	shutdown(sock[4], SHUT_WR);
	run();
	close(sock[6]);
	run();
	more = client();
	say(more, "tell\n");
	ck_assert_str_eq(answer(more), "{\"ok\":true,\"told\":7}\n");
	ck_assert_str_eq(answer(sock[4]), LATE);
	ck_assert_str_eq(answer(sock[4]), "end");
	close(more);
	close_all(sock);
}
END_TEST

START_TEST(one_that_left_after_it_had_said_all_gives_way_first)
{
	int sock[VMM_CONTROL_CLIENTS], more;

	fill_places(sock, "wait\n");
	shutdown(sock[5], SHUT_WR);
	run();
	close(sock[5]);
	run();
	more = client();
	say(more, "tell\n");
	ck_assert_str_eq(answer(more), "{\"ok\":true,\"told\":7}\n");
	close(more);
	close_all(sock);
}
END_TEST

START_TEST(lines_behind_one_that_waits_are_answered_in_their_order)
{
	int sock = client(), other = client();

	say(sock, "wait\nsay x\nwait\nsay x\n");
	ck_assert_str_eq(answer(sock), "");
	ck_assert_uint_eq(obeyed, 0);
	say(other, "tell\n");
	ck_assert_str_eq(answer(sock), LATE SAID);
	say(other, "tell\ntell\n");
	ck_assert_str_eq(answer(sock), LATE SAID);
	ck_assert_str_eq(answer(other), "{\"ok\":true,\"told\":1}\n"
			 "{\"ok\":true,\"told\":1}\n"
			 "{\"ok\":true,\"told\":0}\n");
	close(sock);
	close(other);
}
END_TEST

START_TEST(d3_03_one_that_says_more_while_it_waits_than_a_line_holds_is_let_go)
{
	const int before = vsu_fd_count();
	char line[VMM_CONTROL_LINE + 1];
	int sock = client();

	say(sock, "wait\n");
	memset(line, '\n', sizeof(line) - 1);
	line[VMM_CONTROL_LINE] = '\0';
	say(sock, line);
	ck_assert_str_eq(answer(sock), "{\"ok\":false,\"error\":\"8 KiB came that are no whole line, or that wait for an answer\"}\n");
	ck_assert_str_eq(answer(sock), "end");
	ck_assert_uint_eq(vmm_control_answer(control, &the_bell, "", NULL), 0);
	close(sock);
	ck_assert_int_eq(vsu_fd_count(), before);
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
	tcase_add_test(tc, d3_01_line_without_end_loses_its_client_alone);
	tcase_add_test(tc, d3_01_zero_byte_loses_its_client);
	tcase_add_test(tc, d3_01_half_a_line_is_not_obeyed_and_its_client_is_told);
	tcase_add_test(tc, d3_02_client_that_does_not_read_is_let_go);
	tcase_add_test(tc, d3_03_the_client_that_is_silent_for_longest_gives_way);
	tcase_add_test(tc, d3_03_clients_that_wait_for_answers_stay_and_a_ninth_is_refused);
	tcase_add_test(tc, one_that_left_after_it_had_said_all_gives_way_first);
	tcase_add_test(tc, lines_behind_one_that_waits_are_answered_in_their_order);
	tcase_add_test(tc, d3_03_one_that_says_more_while_it_waits_than_a_line_holds_is_let_go);
	tcase_add_test(tc, place_that_is_taken_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
