/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about "cvmm ctl": the line that it sends, and what it makes of replies. */
#define _GNU_SOURCE
#include <config.h>

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>

#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "ctl/ctl_command.h"
#include "ctl/output.h"
#include "util.h"

#define SOCKET "control-socket"

static struct vmm_ctl_command command;
static struct vsu_error err;
static char printed[8192];

static void setup(void)
{
	char folder[] = "/tmp/test-control-command.XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	vsu_error_clear(&err);
}

static void teardown(void)
{
	char folder[64];

	unlink(SOCKET);
	ck_assert_ptr_nonnull(getcwd(folder, sizeof(folder)));
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(rmdir(folder), 0);
}

static int parse(int n, ...)
{
	static char ctl[] = "ctl";
	char *words[16] = { ctl };
	va_list more;
	int i;

	va_start(more, n);
	for (i = 1; i <= n; i++)
		words[i] = va_arg(more, char *);
	va_end(more);
	return vmm_ctl_command_parse(&command, n + 1, words, &err);
}

static void claim_line(const char *line)
{
	ck_assert_uint_eq(command.line.len, strlen(line));
	ck_assert_int_eq(memcmp(command.line.text, line, command.line.len), 0);
}

START_TEST(words_become_one_line)
{
	ck_assert_int_eq(parse(2, SOCKET, "status"), 0);
	ck_assert_str_eq(command.path, SOCKET);
	claim_line("status\n");
	ck_assert_int_eq(parse(4, SOCKET, "resize", "balloon", "64M"), 0);
	claim_line("resize balloon 64M\n");
	ck_assert_int_eq(parse(3, SOCKET, "migrate", "exec:ssh host"), 0);
	claim_line("migrate exec:ssh host\n");
}
END_TEST

START_TEST(missing_words_are_named)
{
	ck_assert_int_eq(parse(0), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "the socket is missing"));
	ck_assert_int_eq(parse(1, SOCKET), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "the command is missing"));
	ck_assert_int_eq(parse(2, "--help", SOCKET), 0);
	ck_assert(command.help);
}
END_TEST

START_TEST(words_that_the_protocol_cannot_carry_are_refused)
{
	static const char *const words[] = { "", "a\nquit", "a\n" };
	unsigned int i;

	for_rows(i, COUNT(words)) {
		ck_assert_int_eq(parse(3, SOCKET, "save", words[i]), -EINVAL);
		ck_assert_ptr_nonnull(strstr(err.msg, "word 2 is empty or has a newline"));
	}
}
END_TEST

START_TEST(lines_have_a_limit)
{
	char *word = calloc(1, VMM_CONTROL_LINE + 1);

	ck_assert_ptr_nonnull(word);
	memset(word, 'a', VMM_CONTROL_LINE - 1);
	ck_assert_int_eq(parse(2, SOCKET, word), 0);
	ck_assert_uint_eq(command.line.len, VMM_CONTROL_LINE);
	word[VMM_CONTROL_LINE - 1] = 'a';
	ck_assert_int_eq(parse(2, SOCKET, word), -E2BIG);
	free(word);
}
END_TEST

static const char *made;	/* a folder that somebody makes before the reply; or NULL */

/* A machine that sends a reply to any line, and disconnects. */
static pid_t serve(const char *reply, size_t len)
{
	int listener = vsu_sock_listen(SOCKET, 1, &err), sock;
	struct pollfd p = { .fd = listener, .events = POLLIN };
	const pid_t pid = fork();
	char line[64];

	ck_assert_int_ge(listener, 0);
	ck_assert_int_ge(pid, 0);
	if (pid) {
		vsu_fd_close(&listener);
		return pid;
	}
	ck_assert_int_eq(poll(&p, 1, -1), 1);
	sock = vsu_sock_accept(listener);
	ck_assert_int_eq(fcntl(sock, F_SETFL, 0), 0);
	ck_assert_int_gt(read(sock, line, sizeof(line)), 0);
	ck_assert(!made || !mkdir(made, 0700));
	(void)!vsu_fd_write_full(sock, reply, len);
	_exit(0);
}

static int run_parsed(const char *reply, size_t len)
{
	FILE *to = fmemopen(printed, sizeof(printed), "w");
	pid_t pid = serve(reply, len);
	int status, rc;

	printed[0] = '\0';
	rc = vmm_ctl_command_run(&command, to, &err);
	fclose(to);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return rc;
}

static int run(const char *reply, size_t len)
{
	ck_assert_int_eq(parse(2, SOCKET, "status"), 0);
	return run_parsed(reply, len);
}

START_TEST(replies_are_printed)
{
	static const char reply[] = "{\"ok\":true,\"cpus\":1}\n";

	ck_assert_int_eq(run(reply, strlen(reply)), VSU_EXIT_OK);
	ck_assert_str_eq(printed, reply);
}
END_TEST

static const char reply_of_status[] =
	"{\"ok\":true,\"cpus\":2,\"paused\":false,\"state\":\"running\","
	"\"vcpus\":[{\"exits\":7,\"io\":1},{\"exits\":8,\"io\":0}],\"windows\":[],"
	"\"memory\":[{\"gpa\":0,\"size\":4096,\"backend\":\"anon\"}],"
	"\"devices\":[{\"device\":0,\"kind\":\"blk\",\"rings\":[{\"ring\":0,\"size\":16}],\"numbers\":{\"reads\":5}},"
	"{\"device\":3,\"id\":99,\"rings\":[],\"numbers\":{\"reads\":6}}],"
	"\"counters\":{\"lost_devices\":0}}\n";

START_TEST(rows_are_for_people)
{
	ck_assert_int_eq(parse(3, "--table", SOCKET, "status"), 0);
	ck_assert_int_eq(run_parsed(reply_of_status, strlen(reply_of_status)), VSU_EXIT_OK);
	ck_assert_str_eq(printed,
			 "cpus         2\n"
			 "paused       false\n"
			 "state        running\n"
			 "vcpus.0      exits=7 io=1\n"
			 "vcpus.1      exits=8 io=0\n"
			 "memory.0     gpa=0 size=4096 backend=anon\n"
			 "devices.0    device=0 kind=blk rings.0.ring=0 rings.0.size=16 reads=5\n"
			 "devices.1    device=3 id=99 reads=6\n"
			 "counters     lost_devices=0\n");
	unlink(SOCKET);
	ck_assert_int_eq(parse(3, SOCKET, "pause", "--table"), 0);
	ck_assert_int_eq(run_parsed("{\"ok\":true}\n", 12), VSU_EXIT_OK);
	ck_assert_str_eq(printed, "ok\n");
	unlink(SOCKET);
	ck_assert_int_eq(parse(3, SOCKET, "pause", "--table"), 0);
	ck_assert_int_eq(run_parsed("{\"ok\":true\n", 11), VSU_EXIT_FAIL);
	ck_assert_ptr_nonnull(strstr(err.msg, "not a JSON object"));
	unlink(SOCKET);
	ck_assert_int_eq(parse(3, SOCKET, "pause", "--table"), 0);
	ck_assert_int_eq(run_parsed("{\"a\":\"\\u001b[2J\"}\n", 18), VSU_EXIT_OK);
	ck_assert_str_eq(printed, "a            ?[2J\n");
}
END_TEST

static const struct {
	const char *reply, *rows;
} hostile[] = {
	{ "{\"\\u001b]0;x\":1}\n", "?]0;x        1\n" },
	{ "{\"a\":{\"b\\u001b\":\"c\"}}\n", "a            b?=c\n" },
	{ "{\"a\":\"\\u009b2J\"}\n", "a            ?2J\n" },
	{ "{\"a\":\"\xc3\xa9\\u007f\"}\n", "a            \xc3\xa9?\n" },
};

START_TEST(d3_11_replies_have_no_control_characters_for_the_terminal)
{
	ck_assert_int_eq(parse(3, SOCKET, "status", "--table"), 0);
	ck_assert_int_eq(run_parsed(hostile[_i].reply, strlen(hostile[_i].reply)), VSU_EXIT_OK);
	ck_assert_str_eq(printed, hostile[_i].rows);
}
END_TEST

/* The output without its lines of help. */
static void claim_samples(const char *text)
{
	char rest[8192] = "", *line, *more = printed;

	while ((line = strsep(&more, "\n")))
		if (strncmp(line, "# HELP ", 7) != 0 && *line)
			strcat(strcat(rest, line), "\n");
	ck_assert_str_eq(rest, text);
}

START_TEST(samples_of_a_metric_follow_each_other)
{
	ck_assert_int_eq(parse(3, SOCKET, "stats", "--prometheus"), 0);
	claim_line("status\n");
	ck_assert_int_eq(run_parsed(reply_of_status, strlen(reply_of_status)), VSU_EXIT_OK);
	claim_samples(
			 "# TYPE cvmm_cpus gauge\ncvmm_cpus{machine=\"control-socket\"} 2\n"
			 "# TYPE cvmm_device_reads_total counter\n"
			 "cvmm_device_reads_total{machine=\"control-socket\",device=\"0\",kind=\"blk\"} 5\n"
			 "cvmm_device_reads_total{machine=\"control-socket\",device=\"3\",kind=\"\"} 6\n"
			 "# TYPE cvmm_lost_devices_total counter\ncvmm_lost_devices_total{machine=\"control-socket\"} 0\n"
			 "# TYPE cvmm_memory_gpa gauge\ncvmm_memory_gpa{machine=\"control-socket\",piece=\"0\"} 0\n"
			 "# TYPE cvmm_memory_size gauge\ncvmm_memory_size{machine=\"control-socket\",piece=\"0\"} 4096\n"
			 "# TYPE cvmm_paused gauge\ncvmm_paused{machine=\"control-socket\"} 0\n"
			 "# TYPE cvmm_ring_size gauge\ncvmm_ring_size{machine=\"control-socket\",device=\"0\",ring=\"0\"} 16\n"
			 "# TYPE cvmm_state gauge\ncvmm_state{machine=\"control-socket\",state=\"running\"} 1\n"
			 "# TYPE cvmm_vcpu_exits_total counter\ncvmm_vcpu_exits_total{machine=\"control-socket\",cpu=\"0\"} 7\ncvmm_vcpu_exits_total{machine=\"control-socket\",cpu=\"1\"} 8\n"
			 "# TYPE cvmm_vcpu_io_total counter\ncvmm_vcpu_io_total{machine=\"control-socket\",cpu=\"0\"} 1\ncvmm_vcpu_io_total{machine=\"control-socket\",cpu=\"1\"} 0\n");
	ck_assert_int_eq(parse(3, SOCKET, "pause", "--prometheus"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "--prometheus requires the command stats"));
}
END_TEST

START_TEST(progress_has_metrics_and_identities_have_none)
{
	static const char reply[] =
		"{\"ok\":true,\"saving\":{\"done\":1,\"total\":2},\"migration\":{\"sent\":3},"
		"\"arriving\":{\"left\":4},\"devices\":[{\"device\":0,\"id\":2,\"slot\":1,"
		"\"pid\":7,\"leaving\":true,\"coming\":true}],\"unknown\":5}\n";

	ck_assert_int_eq(parse(3, SOCKET, "stats", "--prometheus"), 0);
	ck_assert_int_eq(run_parsed(reply, strlen(reply)), VSU_EXIT_OK);
	claim_samples( "# TYPE cvmm_arriving_left gauge\ncvmm_arriving_left{machine=\"control-socket\"} 4\n"
				  "# TYPE cvmm_migration_sent gauge\ncvmm_migration_sent{machine=\"control-socket\"} 3\n"
				  "# TYPE cvmm_saving_done gauge\ncvmm_saving_done{machine=\"control-socket\"} 1\n"
				  "# TYPE cvmm_saving_size_bytes gauge\ncvmm_saving_size_bytes{machine=\"control-socket\"} 2\n");
}
END_TEST

static const char reply_with_latency[] =
	"{\"ok\":true,\"devices\":[{\"device\":2,\"kind\":\"blk\",\"rings\":[],\"numbers\":{},"
	"\"latency\":[{\"request\":\"write-zeroes\",\"nanoseconds\":1500000000,"
	"\"buckets\":[1,0,0,0,2,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,4]}]}]}\n";

START_TEST(rows_have_the_bounds_of_buckets_with_requests)
{
	ck_assert_int_eq(parse(3, "--table", SOCKET, "status"), 0);
	ck_assert_int_eq(run_parsed(reply_with_latency, strlen(reply_with_latency)), VSU_EXIT_OK);
	ck_assert_str_eq(printed,
			 "devices.0    device=2 kind=blk latency.0.request=write-zeroes\n"
			 "             latency.0.nanoseconds=1500000000 latency.0.1us=1 latency.0.20us=2\n"
			 "             latency.0.longer=4\n");
}
END_TEST

#define EIGHT "12345678"
#define FORTY EIGHT EIGHT EIGHT EIGHT EIGHT

START_TEST(rows_of_a_pipe_have_80_columns)
{
	static const char reply[] = "{\"ok\":true,\"a\":[{\"one\":\"" FORTY "\",\"two\":\"" FORTY "\","
		"\"path\":\"/first" FORTY FORTY "/last\",\"n\":1}]}\n";

	ck_assert_int_eq(parse(3, "--table", SOCKET, "status"), 0);
	ck_assert_int_eq(run_parsed(reply, strlen(reply)), VSU_EXIT_OK);
	ck_assert_str_eq(printed,
			 "a.0          one=" FORTY "\n"
			 "             two=" FORTY "\n"
			 "             path=/first" EIGHT EIGHT "1234567...8" EIGHT EIGHT EIGHT "/last\n"
			 "             n=1\n");
}
END_TEST

#define LABELS "{machine=\"control-socket\",device=\"2\",kind=\"blk\",request=\"write-zeroes\""

START_TEST(histogram_is_cumulative_and_one_metric)
{
	static const char *const parts[] = {
		"# TYPE cvmm_device_latency_seconds histogram\n"
		"cvmm_device_latency_seconds_bucket" LABELS ",le=\"0.000001\"} 1\n"
		"cvmm_device_latency_seconds_bucket" LABELS ",le=\"0.000002\"} 1\n",
		"_bucket" LABELS ",le=\"0.00002\"} 3\n",
		"_bucket" LABELS ",le=\"1\"} 3\n",
		"_bucket" LABELS ",le=\"10\"} 3\n"
		"cvmm_device_latency_seconds_bucket" LABELS ",le=\"+Inf\"} 7\n"
		"cvmm_device_latency_seconds_sum" LABELS "} 1.500000000\n"
		"cvmm_device_latency_seconds_count" LABELS "} 7\n",
	};
	unsigned int i;

	ck_assert_int_eq(parse(3, SOCKET, "stats", "--prometheus"), 0);
	ck_assert_int_eq(run_parsed(reply_with_latency, strlen(reply_with_latency)), VSU_EXIT_OK);
	for_rows(i, sizeof(parts) / sizeof(parts[0]))
		ck_assert_msg(strstr(printed, parts[i]) != NULL, "%s\n%s", parts[i], printed);
	ck_assert_ptr_eq(strstr(printed, "# HELP cvmm_device_latency_seconds "), printed);
	ck_assert_ptr_null(strstr(strstr(printed, "# TYPE") + 1, "# TYPE"));
}
END_TEST

/* A scraper must not take a part for the whole. */
START_TEST(metrics_of_a_broken_reply_fail_and_are_not_printed)
{
	static const char *const replies[] = {
		"{\"ok\":true,\"cpus\":2\n", "{\"ok\":true,\"cpus\":2}}\n", "true\n",
		"{\"ok\":false,\"error\":\"no\"}\n",
	};

	ck_assert_int_eq(parse(3, SOCKET, "stats", "--prometheus"), 0);
	ck_assert_int_eq(run_parsed(replies[_i], strlen(replies[_i])), VSU_EXIT_FAIL);
	ck_assert_str_eq(printed, "");
	ck_assert(err.code < 0 && err.msg[0]);
}
END_TEST

START_TEST(a_subscription_prints_until_the_end)
{
	static const char lines[] = "{\"ok\":true}\n{\"event\":\"a\"}\n{\"event\":\"b\"}\n{\"ev";

	ck_assert_int_eq(parse(2, SOCKET, "subscribe"), 0);
	ck_assert_int_eq(run_parsed(lines, strlen(lines)), VSU_EXIT_OK);
	ck_assert_str_eq(printed, "{\"ok\":true}\n{\"event\":\"a\"}\n{\"event\":\"b\"}\n");
	unlink(SOCKET);
	ck_assert_int_eq(run_parsed("{\"ok\":false,\"error\":\"no\"}\n", 27), VSU_EXIT_FAIL);
	ck_assert_str_eq(err.msg, "no");
}
END_TEST

START_TEST(a_watch_ends_with_the_machine)
{
	ck_assert_int_eq(parse(2, SOCKET, "watch"), 0);
	claim_line("status\n");
	ck_assert_uint_eq(command.interval_ms, 2000);
	ck_assert_int_eq(parse(4, "--json", SOCKET, "watch", "5"), 0);
	claim_line("status\n");
	ck_assert_uint_eq(command.interval_ms, 5000);
	ck_assert_int_eq(run_parsed("{\"ok\":true}\n", 12), VSU_EXIT_HOST);
	ck_assert_str_eq(printed, "{\"ok\":true}\n");
	ck_assert_int_eq(parse(3, SOCKET, "watch", "0"), -EINVAL);
	ck_assert_int_eq(parse(3, SOCKET, "watch", "3601"), -EINVAL);
	ck_assert_int_eq(parse(3, SOCKET, "watch", "fast"), -EINVAL);
	ck_assert_int_eq(parse(3, SOCKET, "watch", "123456789012345"), -EINVAL);
	ck_assert_int_eq(parse(4, SOCKET, "watch", "1", "2"), -EINVAL);
}
END_TEST

/* Each flush fails; the machine serves one line, so a second one would fail the status. */
static int run_full(const char *replies)
{
	FILE *to = fopen("/dev/full", "w");
	pid_t pid = serve(replies, strlen(replies));
	int status, rc;

	ck_assert_ptr_nonnull(to);
	rc = vmm_ctl_command_run(&command, to, &err);
	fclose(to);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return rc;
}

struct terminal {
	int fd;
	FILE *to;
};

/* Passes its output unchanged. */
static struct terminal open_terminal(unsigned short lines, unsigned short columns)
{
	const struct winsize size = { .ws_row = lines, .ws_col = columns };
	struct terminal t = { .fd = posix_openpt(O_RDWR | O_NOCTTY) };
	struct termios modes;

	ck_assert_int_ge(t.fd, 0);
	ck_assert_int_eq(grantpt(t.fd) | unlockpt(t.fd), 0);
	t.to = fopen(ptsname(t.fd), "w");
	ck_assert_ptr_nonnull(t.to);
	ck_assert_int_eq(tcgetattr(fileno(t.to), &modes), 0);
	modes.c_oflag &= ~(tcflag_t)OPOST;
	ck_assert_int_eq(tcsetattr(fileno(t.to), TCSANOW, &modes), 0);
	ck_assert_int_eq(ioctl(t.fd, TIOCSWINSZ, &size), 0);
	return t;
}

/* Closes the terminal. */
static void expect_shown(const struct terminal *t, const char *expected)
{
	char shown[256];
	size_t done;
	ssize_t n;

	fflush(t->to);
	/* each line may come alone */
	for (done = 0; done < strlen(expected); done += (size_t)n) {
		n = read(t->fd, shown + done, sizeof(shown) - 1 - done);
		ck_assert_int_gt(n, 0);
	}
	shown[done] = '\0';
	ck_assert_str_eq(shown, expected);
	fclose(t->to);
	close(t->fd);
}

static void claim_screen(unsigned short lines, const char *expected)
{
	const struct terminal t = open_terminal(lines, 80);
	char text[] = "{\"ok\":true,\"a\":1,\"b\":2,\"c\":3}";

	ck_assert_int_eq(vmm_control_print_screen(text, "title", t.to, &err), 0);
	expect_shown(&t, expected);
}

#define ROW(name) "\r\n" name "\033[K"

START_TEST(screen_of_a_watch_has_the_lines_of_its_terminal)
{
	claim_screen(4, "\033[Htitle\033[K" ROW("a            1") ROW("b            2") ROW("c            3") "\033[J");
	claim_screen(3, "\033[Htitle\033[K" ROW("a            1") ROW("2 more lines") "\033[J");
}
END_TEST

START_TEST(output_that_fails_ends_a_watch_and_a_subscription)
{
	static const char replies[] = "{\"ok\":true}\n{\"ok\":true}\n{\"ok\":true}\n";

	ck_assert_int_eq(parse(3, SOCKET, "watch", "1"), 0);
	ck_assert_int_eq(run_full(replies), VSU_EXIT_OK);
	unlink(SOCKET);
	ck_assert_int_eq(parse(2, SOCKET, "subscribe"), 0);
	ck_assert_int_eq(run_full("{\"ok\":true}\n{\"event\":\"a\"}\n"), VSU_EXIT_OK);
}
END_TEST

static const char narrow[] = "{\"ok\":true,\"cpus\":[{\"first\":1,\"second\":22,\"third\":333}]}\n";

/* A terminal of that width shows the expected text. */
static void claim_on_terminal(unsigned short columns, const char *expected)
{
	const struct terminal t = open_terminal(24, columns);

	strcpy(printed, narrow);
	ck_assert_int_eq(vmm_control_print_rows(printed, t.to, &err), 0);
	expect_shown(&t, expected);
}

START_TEST(rows_fit_the_terminal)
{
	claim_on_terminal(80, "cpus.0       first=1 second=22 third=333\n");
	claim_on_terminal(40, "cpus.0       first=1 second=22 third=333\n");
	claim_on_terminal(39, "cpus.0       first=1 second=22\n             third=333\n");
	claim_on_terminal(20, "cpus.0\n  first=1 second=22\n  third=333\n");
	claim_on_terminal(1, "cpus.0\n  first=1\n  second=22\n  third=333\n");
	claim_on_terminal(0, "cpus.0       first=1 second=22 third=333\n");
}
END_TEST

START_TEST(shortened_value_has_whole_characters)
{
	const struct terminal t = open_terminal(24, 25);

	strcpy(printed, "{\"a\":\"abcdefghi\xc3\xa9" "0123456789\xe2\x82\xac" "rstuvwxyz\"}");
	ck_assert_int_eq(vmm_control_print_rows(printed, t.to, &err), 0);
	expect_shown(&t, "a\n  abcdefghi...rstuvwxyz\n");
}
END_TEST

static void remove_incomplete(void)
{
	static const char *const files[] = { "memory", "state", "machine.json" };
	char path[64];
	unsigned int i;

	for (i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "saved.incomplete/%s", files[i]);
		ck_assert_int_eq(unlink(path), 0);
	}
	ck_assert_int_eq(rmdir("saved.incomplete"), 0);
}

/* After a timeout the machine may still end with it. */
START_TEST(e3_28_save_with_a_timeout_and_an_end_is_kept)
{
	static const char reply[] = "{\"ok\":false,\"error\":\"late\"}\n";

	ck_assert_int_eq(parse(4, SOCKET, "save", "saved", "then=quit"), 0);
	ck_assert_int_eq(run_parsed(reply, strlen(reply)), VSU_EXIT_FAIL);
	ck_assert_int_ne(access("saved.incomplete", F_OK), 0);
	ck_assert_int_eq(parse(4, SOCKET, "save", "timeout=5", "saved"), 0);
	ck_assert_int_eq(run_parsed(reply, strlen(reply)), VSU_EXIT_FAIL);
	ck_assert_int_ne(access("saved.incomplete", F_OK), 0);
	ck_assert_int_eq(parse(5, SOCKET, "save", "timeout=5", "saved", "then=quit"), 0);
	ck_assert_int_eq(run_parsed(reply, strlen(reply)), VSU_EXIT_FAIL);
	remove_incomplete();
}
END_TEST

/* Only the machine refuses it: until then nothing is made here. */
START_TEST(save_with_a_wrong_word_is_left_to_the_machine)
{
	static const char reply[] = "{\"ok\":false,\"error\":\"refused\"}\n";
	static const char *const wrong[] = { "then=go", "incremental=on", "other" };
	char line[64];
	unsigned int i;

	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		ck_assert_int_eq(parse(4, SOCKET, "save", "saved", wrong[i]), 0);
		snprintf(line, sizeof(line), "save saved %s\n", wrong[i]);
		ck_assert_int_eq(run_parsed(reply, strlen(reply)), VSU_EXIT_FAIL);
		ck_assert_msg(command.line.len == strlen(line) && !memcmp(command.line.text, line, strlen(line)),
			      "sent '%.*s'", (int)command.line.len, command.line.text);
	}
}
END_TEST

/* The machine may find the folder. */
START_TEST(save_into_a_folder_that_only_the_machine_reaches_has_no_error)
{
	static const char reply[] = "{\"ok\":true}\n", line[] = "save absent/saved\n";

	ck_assert_int_eq(parse(3, SOCKET, "save", "absent/saved"), 0);
	ck_assert_int_eq(run_parsed(reply, strlen(reply)), VSU_EXIT_OK);
	claim_line(line);
	ck_assert_str_eq(err.msg, "");
}
END_TEST

/* The machine may have ended with this state. */
START_TEST(e3_28_saved_machine_that_cannot_get_its_name_is_kept)
{
	static const char reply[] = "{\"ok\":true}\n";

	ck_assert_int_eq(parse(3, SOCKET, "save", "saved"), 0);
	made = "saved";
	ck_assert_int_eq(run_parsed(reply, strlen(reply)), VSU_EXIT_FAIL);
	made = NULL;
	ck_assert_msg(strstr(err.msg, "the saved machine is in 'saved.incomplete': folder 'saved': File exists"),
		      "%s", err.msg);
	remove_incomplete();
	ck_assert_int_eq(rmdir("saved"), 0);
}
END_TEST

START_TEST(refusals_are_sentences_without_escapes)
{
	static const char reply[] =
		"{\"ok\":false,\"error\":\"no \\\"x\\\" in \\\\ \\u000a here\"}\n";

	ck_assert_int_eq(run(reply, strlen(reply)), VSU_EXIT_FAIL);
	ck_assert_str_eq(printed, "");
	ck_assert_str_eq(err.msg, "no \"x\" in \\ ? here");
}
END_TEST

START_TEST(refusals_that_are_cut_off_are_named)
{
	static const char *const replies[] = {
		"{\"ok\":false,\"error\":\"a\\\n", "{\"ok\":false,\"error\":\"a\\u\n",
		"{\"ok\":false,\"error\":\"a\\u00\n",
	};
	unsigned int i;

	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(run(replies[i], strlen(replies[i])), VSU_EXIT_FAIL);
		ck_assert_ptr_nonnull(strstr(err.msg, SOCKET ": the reply: byte "));
		unlink(SOCKET);
	}
}
END_TEST

START_TEST(replies_without_an_end_are_refused)
{
	char *reply = malloc(2u << 20);

	ck_assert_ptr_nonnull(reply);
	memset(reply, 'a', 2u << 20);
	ck_assert_int_eq(run("{\"ok\":true", 9), VSU_EXIT_HOST);
	ck_assert_ptr_nonnull(strstr(err.msg, "without a reply"));
	unlink(SOCKET);
	ck_assert_int_eq(run(reply, 2u << 20), VSU_EXIT_HOST);
	free(reply);
}
END_TEST

START_TEST(a_missing_socket_is_named)
{
	ck_assert_int_eq(parse(2, SOCKET, "status"), 0);
	ck_assert_int_eq(vmm_ctl_command_run(&command, stdout, &err),
			 VSU_EXIT_HOST);
	ck_assert_ptr_nonnull(strstr(err.msg, "no socket at '" SOCKET "'"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ctl_command");
	TCase *tc = tcase_create("control_command");

	signal(SIGPIPE, SIG_IGN);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, words_become_one_line);
	tcase_add_test(tc, missing_words_are_named);
	tcase_add_test(tc, words_that_the_protocol_cannot_carry_are_refused);
	tcase_add_test(tc, lines_have_a_limit);
	tcase_add_test(tc, replies_are_printed);
	tcase_add_test(tc, rows_are_for_people);
	tcase_add_loop_test(tc, d3_11_replies_have_no_control_characters_for_the_terminal, 0,
			    COUNT(hostile));
	tcase_add_test(tc, samples_of_a_metric_follow_each_other);
	tcase_add_test(tc, progress_has_metrics_and_identities_have_none);
	tcase_add_test(tc, rows_have_the_bounds_of_buckets_with_requests);
	tcase_add_test(tc, histogram_is_cumulative_and_one_metric);
	tcase_add_loop_test(tc, metrics_of_a_broken_reply_fail_and_are_not_printed, 0, 4);
	tcase_add_test(tc, a_subscription_prints_until_the_end);
	tcase_add_test(tc, a_watch_ends_with_the_machine);
	tcase_add_test(tc, rows_of_a_pipe_have_80_columns);
	tcase_add_test(tc, rows_fit_the_terminal);
	tcase_add_test(tc, shortened_value_has_whole_characters);
	tcase_add_test(tc, screen_of_a_watch_has_the_lines_of_its_terminal);
	tcase_add_test(tc, output_that_fails_ends_a_watch_and_a_subscription);
	tcase_add_test(tc, e3_28_save_with_a_timeout_and_an_end_is_kept);
	tcase_add_test(tc, save_with_a_wrong_word_is_left_to_the_machine);
	tcase_add_test(tc, save_into_a_folder_that_only_the_machine_reaches_has_no_error);
	tcase_add_test(tc, e3_28_saved_machine_that_cannot_get_its_name_is_kept);
	tcase_add_test(tc, refusals_are_sentences_without_escapes);
	tcase_add_test(tc, refusals_that_are_cut_off_are_named);
	tcase_add_test(tc, replies_without_an_end_are_refused);
	tcase_add_test(tc, a_missing_socket_is_named);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
