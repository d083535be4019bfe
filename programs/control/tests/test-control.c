/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the socket of commands. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "owner.h"
#include "control/control.h"
#include "control/passed.h"
#include "control/waiting.h"
#include "turns.h"
#include "lingering.h"
#include "util.h"

#define SOCKET "control-socket"


static struct vsu_loop *loop;
static struct vmm_control *control;
static struct vsu_error err;
static unsigned int obeyed;
static bool is_heard;		/* as the control reports */

/* Answers that the bell owes to commands. */
static struct vmm_deferred *owed[256];
static unsigned int nowed;
static bool are_sent;		/* and cannot be forgotten */

static bool on_forget(void *opaque, const struct vmm_deferred *deferred)
{
	unsigned int i = 0;

	ck_assert_ptr_eq(opaque, &obeyed);
	if (are_sent)
		return false;
	while (i < nowed && owed[i] != deferred)
		i++;
	ck_assert_uint_lt(i, nowed);
	nowed--;
	memmove(&owed[i], &owed[i + 1], (nowed - i) * sizeof(owed[0]));
	return true;
}

static void write_late(const struct cvmm_answer *answer, struct vsu_json *to)
{
	vsu_json_u64(to, "late", answer->device);
}

static int await_bell(FILE *answer)
{
	struct vmm_deferred *d = vmm_control_defer(control, write_late);

	ck_assert_ptr_nonnull(d);
	ck_assert_uint_lt(nowed, sizeof(owed) / sizeof(owed[0]));
	owed[nowed++] = d;
	return vmm_deferred_begin(d, 0, answer);
}

/* Answers all commands; the number of clients that wait. */
static unsigned int answer_all(void)
{
	const struct cvmm_answer late = { .size = sizeof(late), .device = 1 };
	unsigned int n = 0;

	for (; nowed; nowed--) {
		n += owed[nowed - 1]->waiting != NULL;
		vmm_deferred_answer(owed[nowed - 1], NULL, &late);
	}
	return n;
}

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
	return await_bell(answer);
}

static int on_tell(void *opaque, char *const *words, FILE *answer,
		   struct vsu_error *e)
{
	(void)opaque;
	(void)words;
	(void)e;
	fprintf(answer, ",\"told\":%u", answer_all());
	return 0;
}

static int on_subscribe(void *opaque, char *const *words, FILE *answer,
			struct vsu_error *e)
{
	(void)opaque;
	(void)words;
	(void)answer;
	return vmm_control_subscribe(control, e);
}

/* Publishes inside a command. */
static int on_ring(void *opaque, char *const *words, FILE *answer,
		   struct vsu_error *e)
{
	(void)opaque;
	(void)words;
	(void)answer;
	(void)e;
	vmm_control_publish(control, "{\"event\":\"bell\",\"tone\":1}");
	return 0;
}

/* Reads the descriptor that the word names. */
static int on_use(void *opaque, char *const *words, FILE *answer,
		  struct vsu_error *e)
{
	struct vmm_passed *passed = vmm_control_passed(control);
	char byte = '-';
	int fd, rc = vmm_passed_find(passed, words[1], &fd, e);

	(void)opaque;
	rc = rc ? rc : vmm_passed_check_used(passed, e);
	if (rc < 0)
		return rc;
	ck_assert_int_eq(pread(fd, &byte, 1, 0), 1);
	fprintf(answer, ",\"byte\":\"%c\"", byte);
	return 0;
}

/* A request has used all descriptors. */
static int on_list(void *opaque, char *const *words, FILE *answer,
		   struct vsu_error *e)
{
	(void)opaque;
	(void)words;
	(void)answer;
	(void)e;
	vmm_passed_use_all(vmm_control_passed(control));
	return 0;
}

static void on_listen(void *opaque, bool listens)
{
	ck_assert_ptr_eq(opaque, &obeyed);
	ck_assert(listens != is_heard);
	is_heard = listens;
}

static const struct vmm_control_command commands[] = {
	{ .name = "say", "WORD [MORE]", 1, 2, on_say, "" },
	{ .name = "fail", NULL, 0, 0, on_fail, "" },
	{ .name = "wait", "[timeout=TIME]", 0, 0, on_wait, "", .waits = true },
	{ .name = "tell", NULL, 0, 0, on_tell, "" },
	{ .name = "subscribe", NULL, 0, 0, on_subscribe, "" },
	{ .name = "ring", NULL, 0, 0, on_ring, "" },
	{ .name = "use", "WORD", 1, 1, on_use, "", .passes = true },
	{ .name = "list", "WORD", 1, 1, on_list, "", .passes = true },
	{ .name = NULL },
};

static struct vsu_closer *closer(void *opaque)
{
	return tests_closer_get(opaque, NULL);
}

static int control_make(const char *path, int fd, struct vmm_control **out, void *opaque)
{
	const struct vmm_control_config config = {
		.loop = loop, .closer = closer, .path = path, .fd = fd,
		.commands = { commands, opaque, NULL }, .listen = on_listen, .forget = on_forget,
	};

	return vmm_control_new(&config, out, &err);
}

static void setup(void)
{
	char folder[] = "/tmp/test-control.XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	obeyed = 0;
	are_sent = false;
	vsu_error_clear(&err);
	loop = loop_begin();
	ck_assert_int_eq(control_make(SOCKET, -1, &control, &obeyed), 0);
}

static void teardown(void)
{
	char folder[64];

	vmm_control_free(control);
	ck_assert(!is_heard);
	ck_assert_uint_eq(answer_all(), 0);
	vsu_loop_free(loop);
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
		vsu_loop_dispatch(loop);
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

START_TEST(command_is_executed_and_answered)
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

START_TEST(d3_10_turn_executes_one_line_of_a_client)
{
	int many = client(), one = client();
	unsigned int i, before;

	for (i = 0; i < 20; i++)
		ck_assert_int_eq(send(many, "say a\n", 6, MSG_NOSIGNAL), 6);
	ck_assert_int_eq(send(one, "say b\n", 6, MSG_NOSIGNAL), 6);
	for (i = 0; i < 200 && obeyed < 21; i++) {
		before = obeyed;
		vsu_loop_dispatch(loop);
		ck_assert_uint_le(obeyed, before + 2);
		if (*answer(one))
			ck_assert_uint_lt(obeyed, 20);
	}
	ck_assert_uint_eq(obeyed, 21);
	close(many);
	close(one);
	run();
}
END_TEST

START_TEST(lines_of_a_client_that_has_left_are_executed)
{
	int sock = client();

	say(sock, "say a\nsay b\nsay c\n");
	ck_assert_int_eq(send(sock, "say d\nsay e\nsay f\n", 18, MSG_NOSIGNAL), 18);
	close(sock);
	run();
	ck_assert_uint_ge(obeyed, 3);
	ck_assert_uint_le(obeyed, 6);
}
END_TEST

static const struct {
	const char *line, *answer;
} refusals[] = {
	{ "fail\n", "{\"ok\":false,\"error\":\"not \\\"now\\\"\"}\n" },
	{ "sya x\n", "{\"ok\":false,\"error\":\"no command 'sya'; did you mean 'say'? There are: say, fail, wait, tell, subscribe, ring, use, list\"}\n" },
	{ "quark\n", "{\"ok\":false,\"error\":\"no command 'quark'; there are: say, fail, wait, tell, subscribe, ring, use, list\"}\n" },
	{ "\n", "{\"ok\":false,\"error\":\"an empty line; a command was expected\"}\n" },
	{ "say\n", "{\"ok\":false,\"error\":\"say: 0 words follow; expected 'say WORD [MORE]'\"}\n" },
	{ "say a b c d e f g h i j k\n", "{\"ok\":false,\"error\":\"say: 11 words follow; expected 'say WORD [MORE]'\"}\n" },
	{ "fail timeout=1\n", "{\"ok\":false,\"error\":\"fail: 'timeout=1': this command is answered at once; omit it\"}\n" },
	{ "wait timeout=86401\n", "{\"ok\":false,\"error\":\"wait: 'timeout=86401': expected seconds, or a time such as 1m30s, up to 1d\"}\n" },
	{ "wait timeout=1s timeout=500ms\n", "{\"ok\":false,\"error\":\"wait: 1 words follow; expected 'wait [timeout=TIME]'\"}\n" },
	{ "fail x\n", "{\"ok\":false,\"error\":\"fail: 1 words follow; expected 'fail'\"}\n" },
};

START_TEST(wrong_command_is_refused_and_its_client_stays)
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
	ck_assert_str_eq(answer(sock), "{\"ok\":false,\"error\":\"received 8 KiB without a complete line, or while a reply is pending\"}\n");
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
	ck_assert_str_eq(answer(sock), "{\"ok\":false,\"error\":\"a line contains a NUL byte\"}\n");
	ck_assert_str_eq(answer(sock), "end");
	ck_assert_uint_eq(obeyed, 0);
	close(sock);
}
END_TEST

START_TEST(d3_01_incomplete_line_is_refused)
{
	int sock = client();

	say(sock, "say one\nsay two");
	ck_assert_int_eq(shutdown(sock, SHUT_WR), 0);
	run();
	ck_assert_str_eq(answer(sock),
			 "{\"ok\":true,\"word\":\"one\",\"more\":0}\n"
			 "{\"ok\":false,\"error\":\"the line is incomplete; expected a newline\"}\n");
	ck_assert_str_eq(answer(sock), "end");
	ck_assert_uint_eq(obeyed, 1);
	close(sock);
}
END_TEST

START_TEST(d3_02_client_that_does_not_read_is_disconnected)
{
	const int before = vsu_fd_count();
	unsigned int i;
	int sock = client();

	for (i = 0; i < 100000; i++) {
		if (send(sock, "say x\n", 6, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
		    errno != EAGAIN)
			break;
		vsu_loop_dispatch(loop);
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
#define LATE "{\"ok\":true,\"late\":1}\n"

START_TEST(d3_03_longest_silent_client_is_replaced)
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
		"{\"ok\":false,\"error\":\"disconnected in favour of another client, because this one was idle for longest; connect again\"}\n");
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
		"{\"ok\":false,\"error\":\"too many clients, and all wait for replies; try again later\"}\n");
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

START_TEST(client_that_shut_down_is_replaced_first)
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

START_TEST(lines_behind_a_waiting_command_keep_their_order)
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

#define IN_VAIN(command) "{\"ok\":false,\"error\":\"" command ": not complete after 1s; it continues, and 'status' shows the machine\"}"

/* Also if its answer is being sent. */
START_TEST(timeout_ends_the_wait_and_not_the_command)
{
	int sock = client();

	are_sent = _i;
	say(sock, "wait timeout=1\nsay x\n");
	while (obeyed == 0)
		vsu_loop_dispatch(loop);
	ck_assert_str_eq(answer(sock), IN_VAIN("wait") "\n" SAID);
	ck_assert_uint_eq(answer_all(), 0);
	say(sock, "wait\n");
	ck_assert_uint_eq(answer_all(), 1);
	ck_assert_str_eq(answer(sock), LATE);
	close(sock);
}
END_TEST

START_TEST(replies_that_nobody_awaits_are_forgotten)
{
	int sock = client(), gone = client();
	unsigned int i;

	for (i = 0; i < 20; i++) {
		say(sock, "wait timeout=1ms\n");
		while (nowed)
			vsu_loop_dispatch(loop);
		ck_assert_ptr_nonnull(strstr(answer(sock), "wait: not complete after 1ms"));
	}
	say(gone, "wait\n");
	ck_assert_uint_eq(nowed, 1);
	close(gone);
	run();
	ck_assert_uint_eq(nowed, 0);
	close(sock);
}
END_TEST

/* The answer stops its timer, as does the end of the connection. */
START_TEST(timeout_of_an_answered_command_or_lost_client_is_stopped)
{
	int sock = client(), gone = client();

	say(gone, "wait timeout=86400\n");
	say(sock, "wait timeout=1\n");
	close(gone);
	run();
	ck_assert_uint_eq(answer_all(), 1);
	say(sock, "wait timeout=86400\n");
	ck_assert_str_eq(answer(sock), LATE);
	ck_assert_uint_eq(answer_all(), 1);
	ck_assert_str_eq(answer(sock), LATE);
	close(sock);
	run();
}
END_TEST

START_TEST(d3_03_client_that_floods_while_it_waits_is_disconnected)
{
	const int before = vsu_fd_count();
	char line[VMM_CONTROL_LINE + 1];
	int sock = client();

	say(sock, "wait\n");
	memset(line, '\n', sizeof(line) - 1);
	line[VMM_CONTROL_LINE] = '\0';
	say(sock, line);
	ck_assert_str_eq(answer(sock), "{\"ok\":false,\"error\":\"received 8 KiB without a complete line, or while a reply is pending\"}\n");
	ck_assert_str_eq(answer(sock), "end");
	ck_assert_uint_eq(answer_all(), 0);
	close(sock);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

/* A file with this byte. */
static int file_of(char byte)
{
	int fd = memfd_create("passed", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, &byte, 1, 0), 1);
	return fd;
}

/* Sends text with n descriptors of one file. */
static void pass(int sock, const char *text, char byte, unsigned int n)
{
	const struct iovec iov = { (void *)(uintptr_t)text, strlen(text) };
	int fds[32], fd = file_of(byte);
	unsigned int i;

	for (i = 0; i < n; i++)
		fds[i] = fd;
	ck_assert_int_eq(vsu_sock_send(sock, &iov, 1, fds, n), (ssize_t)iov.iov_len);
	close(fd);
	run();
}

/* Threads close what came. */
static void wait_for_fds(int count)
{
	while (vsu_fd_count() != count)
		sched_yield();
}

#define BYTE(c) "{\"ok\":true,\"byte\":\"" c "\"}\n"
#define NO_FD(n) "{\"ok\":false,\"error\":\"'fd:" #n "': 0 descriptors were sent with the command; attach this one to it, or name a file\"}\n"

START_TEST(descriptors_belong_to_the_line_they_came_with)
{
	int sock = client();

	say(sock, "use fd:0\n");
	ck_assert_str_eq(answer(sock), NO_FD(0));
	pass(sock, "use fd:0\n", 'a', 1);
	ck_assert_str_eq(answer(sock), BYTE("a"));
	say(sock, "use fd:0\n");
	ck_assert_str_eq(answer(sock), NO_FD(0));
	pass(sock, "say x\nuse fd:0\n", 'b', 1);
	ck_assert_str_eq(answer(sock), SAID BYTE("b"));
	pass(sock, "use", 'c', 1);
	say(sock, " fd:0\nuse fd:0\n");
	ck_assert_str_eq(answer(sock), BYTE("c") NO_FD(0));
	close(sock);
}
END_TEST

START_TEST(descriptors_of_a_line_that_waits_are_kept)
{
	int sock = client(), other = client();

	say(sock, "wait\n");
	say(sock, "say x\n");
	pass(sock, "use fd:0\n", 'a', 1);
	say(other, "tell\n");
	ck_assert_str_eq(answer(sock), LATE SAID BYTE("a"));
	close(sock);
	close(other);
}
END_TEST

/* Open descriptors that a program would inherit. */
static unsigned int inherited(void)
{
	unsigned int n = 0;
	int fd, flags;

	for (fd = 0; fd < 256; fd++) {
		flags = fcntl(fd, F_GETFD);
		n += flags >= 0 && !(flags & FD_CLOEXEC);
	}
	return n;
}

/* Programs that the process starts must not get them. */
START_TEST(each_descriptor_is_closed_on_exec)
{
	unsigned int before;
	int sock, fds;

	vmm_control_free(control);
	before = inherited();
	fds = vsu_fd_count();
	ck_assert_int_eq(control_make(SOCKET, -1, &control, &obeyed), 0);
	sock = client();
	say(sock, "wait\n");
	pass(sock, "use fd:0\n", 'a', 1);
	ck_assert_int_ge(vsu_fd_count(), fds + 4);
	ck_assert_uint_eq(inherited(), before);
	close(sock);
}
END_TEST

static const struct {
	const char *line;
	unsigned int n;
	const char *answer;
} passed[] = {
	{ "use fd:0x\n", 1, "{\"ok\":false,\"error\":\"'fd:0x' is not a descriptor of the message, such as fd:0\"}\n" },
	{ "use fd:4294967296\n", 1, "{\"ok\":false,\"error\":\"'fd:4294967296': 1 descriptors were sent with the command; attach this one to it, or name a file\"}\n" },
	{ "use fd:0\n", 2, "{\"ok\":false,\"error\":\"descriptor 1 of the message is not used; name it as fd:1, or do not send it\"}\n" },
	{ "say x\n", 2, "{\"ok\":false,\"error\":\"say: 2 descriptors were sent with the line, but this command uses none\"}\n" },
};

START_TEST(d3_09_words_name_descriptors_of_their_message_alone)
{
	int sock = client(), before = vsu_fd_count();

	pass(sock, passed[_i].line, 'a', passed[_i].n);
	ck_assert_str_eq(answer(sock), passed[_i].answer);
	say(sock, "say x\n");
	ck_assert_str_eq(answer(sock), SAID);
	ck_assert_int_le(before, vsu_fd_count());
	close(sock);
}
END_TEST

static int count_with_closers(void)
{
	ck_assert_ptr_nonnull(tests_closer_get(NULL, NULL));
	return vsu_fd_count();
}

static const struct {
	const char *first, *second;
	unsigned int n;
	const char *why;
} floods[] = {
	{ NULL, "use fd:0\n", 17, "more than 16 descriptors were sent with a line" },
	{ "wait\n", "use fd:0\n", 1, "descriptors were sent before those of an earlier line were used; wait for its reply" },
	{ "use", " fd:0\n", 1, "descriptors were sent before those of an earlier line were used; wait for its reply" },
};

START_TEST(d3_09_client_that_floods_with_descriptors_is_disconnected_and_all_are_closed)
{
	const int before = count_with_closers();
	int sock = client(), other = client();
	char why[160];

	if (floods[_i].first)
		pass(sock, floods[_i].first, 'a', *floods[_i].first == 'u');
	if (floods[_i].first && *floods[_i].first == 'w')
		pass(sock, "use fd:0\n", 'a', 16);
	pass(sock, floods[_i].second, 'b', floods[_i].n);
	snprintf(why, sizeof(why), "{\"ok\":false,\"error\":\"%s\"}\n", floods[_i].why);
	ck_assert_str_eq(answer(sock), why);
	ck_assert_str_eq(answer(sock), "end");
	say(other, "say x\n");
	ck_assert_str_eq(answer(other), SAID);
	close(sock);
	close(other);
	run();
	wait_for_fds(before);
}
END_TEST

/* Not received by the control socket; closing it would wait for the peer of the sent one. */
static void send_lingering(int sock, int fd)
{
	const struct iovec iov = { (void *)(uintptr_t)"x", 1 };

	ck_assert_int_eq(vsu_sock_send(sock, &iov, 1, &fd, 1), 1);
}

START_TEST(d3_09_descriptors_that_a_lost_client_has_queued_are_closed_by_a_thread)
{
	const int before = count_with_closers(), kept = lingering_socket();
	int fds[VMM_PASSED_MAX + 1], sock = client();
	const struct iovec iov = { (void *)(uintptr_t)"use fd:0\n", 9 };
	unsigned int i;

	for (i = 0; i < VMM_PASSED_MAX + 1; i++)
		fds[i] = kept;
	ck_assert_int_eq(vsu_sock_send(sock, &iov, 1, fds, i), 9);
	close(kept);
	fds[0] = lingering_socket();
	send_lingering(sock, fds[0]);
	run();
	ck_assert_ptr_nonnull(strstr(answer(sock), "more than 16 descriptors"));
	tests_closer_settle();
	ck_assert(!is_lingering(fds[0]));
	close(fds[0]);
	close(sock);
	wait_for_fds(before);
}
END_TEST

START_TEST(d3_09_descriptors_that_a_refused_client_has_queued_are_closed_by_a_thread)
{
	int socks[VMM_CONTROL_CLIENTS + 1], fd = lingering_socket();
	unsigned int i;

	for (i = 0; i < VMM_CONTROL_CLIENTS; i++) {
		socks[i] = client();
		say(socks[i], "wait\n");
	}
	socks[i] = client();
	send_lingering(socks[i], fd);
	run();
	ck_assert_ptr_nonnull(strstr(answer(socks[i]), "too many clients"));
	tests_closer_settle();
	ck_assert(!is_lingering(fd));
	close(fd);
	for (i = 0; i <= VMM_CONTROL_CLIENTS; i++)
		close(socks[i]);
}
END_TEST

START_TEST(d3_09_client_that_leaves_with_descriptors_pending_leaks_none)
{
	const int before = count_with_closers();
	int sock = client(), other = client();

	pass(sock, "use", 'a', 16);
	pass(other, "wait\n", 'a', 0);
	pass(other, "use fd:0\n", 'a', 16);
	close(sock);
	close(other);
	run();
	ck_assert_uint_eq(answer_all(), 0);
	wait_for_fds(before);
}
END_TEST

#define DONE "{\"ok\":true}\n"
#define BELL "{\"event\":\"bell\",\"tone\":1}\n"

START_TEST(subscribers_receive_events_and_others_do_not)
{
	int sock = client(), other = client();

	ck_assert(!is_heard && !vmm_control_is_heard(control));
	say(sock, "subscribe\n");
	say(sock, "subscribe\n");
	ck_assert_str_eq(answer(sock), DONE DONE);
	ck_assert(is_heard && vmm_control_is_heard(control));
	say(other, "ring\n");
	ck_assert_str_eq(answer(other), DONE);
	ck_assert_str_eq(answer(sock), BELL);
	say(sock, "ring\n");
	ck_assert_str_eq(answer(sock), BELL DONE);
	close(sock);
	run();
	ck_assert(!is_heard && !vmm_control_is_heard(control));
	vmm_control_publish(control, "{\"event\":\"bell\"}");
	vmm_control_publish(NULL, "{\"event\":\"bell\"}");
	close(other);
}
END_TEST

START_TEST(subscribers_that_wait_receive_events_before_their_answer)
{
	int sock = client(), other = client();

	say(sock, "subscribe\nwait\n");
	say(other, "ring\ntell\n");
	ck_assert_str_eq(answer(sock), DONE BELL LATE);
	shutdown(sock, SHUT_WR);
	say(other, "ring\n");
	ck_assert_str_eq(answer(sock), BELL);
	close(sock);
	close(other);
}
END_TEST

START_TEST(d3_08_subscribers_leave_places_for_commands)
{
	int sock[VMM_CONTROL_CLIENTS], more;
	unsigned int i;

	fill_places(sock, "subscribe\n");
	for (i = 0; i < VMM_CONTROL_CLIENTS; i++)
		ck_assert_str_eq(answer(sock[i]), i < VMM_CONTROL_SUBSCRIBERS ? DONE :
				 "{\"ok\":false,\"error\":\"4 clients have subscribed, which is the maximum\"}\n");
	for (i = 0; i < 100; i++) {
		more = client();
		say(more, "say x\n");
		ck_assert_str_eq(answer(more), SAID);
		close(more);
	}
	say(sock[0], "ring\n");
	ck_assert_str_eq(answer(sock[0]), BELL DONE);
	ck_assert_str_eq(answer(sock[VMM_CONTROL_SUBSCRIBERS - 1]), BELL);
	close_all(sock);
}
END_TEST

START_TEST(d3_08_subscriber_that_does_not_read_is_disconnected_alone)
{
	const int before = vsu_fd_count();
	int sock = client(), deaf = client();
	unsigned int i;

	say(sock, "subscribe\n");
	say(deaf, "subscribe\n");
	answer(sock);
	for (i = 0; i < 100000 && vsu_fd_count() == before + 4; i++) {
		vmm_control_publish(control, "{\"event\":\"bell\",\"tone\":1}");
		ck_assert_str_eq(answer(sock), BELL);
		run();
	}
	ck_assert_uint_lt(i, 100000);
	say(sock, "say x\n");
	ck_assert_str_eq(answer(sock), SAID);
	close(deaf);
	close(sock);
	run();
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

/* Its command publishes the event that does not fit. */
START_TEST(d3_08_client_may_overrun_itself)
{
	int sock = client();
	unsigned int i;

	say(sock, "subscribe\n");
	for (i = 0; i < 100000; i++) {
		if (send(sock, "ring\n", 5, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
		    errno != EAGAIN)
			break;
		vsu_loop_dispatch(loop);
	}
	ck_assert_uint_lt(i, 100000);
	ck_assert(!vmm_control_is_heard(control));
	close(sock);
}
END_TEST

/* Connects n times; the listener's queue may be full for a moment. */
static pid_t crowd(unsigned int n)
{
	const pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid)
		return pid;
	while (n)
		if (vsu_sock_connect(SOCKET, NULL) >= 0)
			n--;
	_exit(0);
}

START_TEST(d3_07_process_with_many_connections_displaces_only_its_own)
{
	int sock = client(), status;
	pid_t pid;

	say(sock, "say x\n");
	ck_assert_str_eq(answer(sock), SAID);
	pid = crowd(40);
	while (!waitpid(pid, &status, WNOHANG))
		vsu_loop_dispatch(loop);
	run();
	say(sock, "say x\n");
	ck_assert_str_eq(answer(sock), SAID);
	close(sock);
}
END_TEST

START_TEST(place_that_is_taken_is_refused)
{
	struct vmm_control *second;

	ck_assert_int_eq(control_make(SOCKET, -1, &second, NULL), -EADDRINUSE);
	ck_assert_int_eq(strncmp(err.msg, "option --control: ", 18), 0);
}
END_TEST

START_TEST(listening_descriptor_of_the_parent_is_used_and_stays)
{
	int inherited = vsu_sock_listen("inherited", 4, NULL);
	struct vmm_control *second;
	int sock;

	ck_assert_int_eq(control_make(NULL, inherited, &second, &obeyed), 0);
	sock = vsu_sock_connect("inherited", NULL);
	ck_assert_int_ge(sock, 0);
	say(sock, "say hello\n");
	ck_assert_str_eq(answer(sock), "{\"ok\":true,\"word\":\"hello\",\"more\":0}\n");
	vmm_control_free(second);
	ck_assert_int_eq(vsu_sock_is_unix_stream(inherited), 1);
	ck_assert_int_eq(access("inherited", F_OK), 0);
	close(sock);
	close(inherited);
	ck_assert_int_eq(unlink("inherited"), 0);
}
END_TEST

/* A descriptor of each kind that does not listen. */
static int not_listening(int kind)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	int fd;

	if (kind < 3)
		return socket(AF_UNIX, types[kind] | SOCK_CLOEXEC, 0);
	if (kind > 3)
		return kind == 4 ? dup(2) : 999;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(listen(fd, 1), 0);	/* at any port of the loopback interface and others */
	return fd;
}

START_TEST(descriptors_that_do_not_listen_are_refused)
{
	const int fd = not_listening(_i);
	struct vmm_control *second;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(control_make(NULL, fd, &second, NULL),
			 -ENOTSOCK);
	ck_assert_int_eq(strncmp(err.msg, "option --control: ", 18), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "is not a listening UNIX stream socket"));
	if (fd != 999)
		close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("control");
	TCase *tc = tcase_create("control");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, command_is_executed_and_answered);
	tcase_add_test(tc, d3_10_turn_executes_one_line_of_a_client);
	tcase_add_test(tc, lines_of_a_client_that_has_left_are_executed);
	tcase_add_test(tc, line_may_come_in_pieces_and_several_at_once);
	tcase_add_loop_test(tc, wrong_command_is_refused_and_its_client_stays, 0,
			    (int)COUNT(refusals));
	tcase_add_test(tc, d3_01_line_without_end_loses_its_client_alone);
	tcase_add_test(tc, d3_01_zero_byte_loses_its_client);
	tcase_add_test(tc, d3_01_incomplete_line_is_refused);
	tcase_add_test(tc, d3_02_client_that_does_not_read_is_disconnected);
	tcase_add_test(tc, d3_03_longest_silent_client_is_replaced);
	tcase_add_test(tc, d3_03_clients_that_wait_for_answers_stay_and_a_ninth_is_refused);
	tcase_add_test(tc, client_that_shut_down_is_replaced_first);
	tcase_add_test(tc, lines_behind_a_waiting_command_keep_their_order);
	tcase_add_loop_test(tc, timeout_ends_the_wait_and_not_the_command, 0, 2);
	tcase_add_test(tc, replies_that_nobody_awaits_are_forgotten);
	tcase_add_test(tc, timeout_of_an_answered_command_or_lost_client_is_stopped);
	tcase_add_test(tc, d3_03_client_that_floods_while_it_waits_is_disconnected);
	tcase_add_test(tc, subscribers_receive_events_and_others_do_not);
	tcase_add_test(tc, subscribers_that_wait_receive_events_before_their_answer);
	tcase_add_test(tc, d3_08_subscribers_leave_places_for_commands);
	tcase_add_test(tc, d3_08_subscriber_that_does_not_read_is_disconnected_alone);
	tcase_add_test(tc, d3_08_client_may_overrun_itself);
	tcase_add_test(tc, d3_07_process_with_many_connections_displaces_only_its_own);
	tcase_add_test(tc, place_that_is_taken_is_refused);
	tcase_add_test(tc, descriptors_belong_to_the_line_they_came_with);
	tcase_add_test(tc, descriptors_of_a_line_that_waits_are_kept);
	tcase_add_test(tc, each_descriptor_is_closed_on_exec);
	tcase_add_loop_test(tc, d3_09_words_name_descriptors_of_their_message_alone, 0, COUNT(passed));
	tcase_add_loop_test(tc, d3_09_client_that_floods_with_descriptors_is_disconnected_and_all_are_closed, 0, 3);
	tcase_add_test(tc, d3_09_descriptors_that_a_lost_client_has_queued_are_closed_by_a_thread);
	tcase_add_test(tc, d3_09_descriptors_that_a_refused_client_has_queued_are_closed_by_a_thread);
	tcase_add_test(tc, d3_09_client_that_leaves_with_descriptors_pending_leaks_none);
	tcase_add_test(tc, listening_descriptor_of_the_parent_is_used_and_stays);
	tcase_add_loop_test(tc, descriptors_that_do_not_listen_are_refused, 0, 6);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
