/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A client of the control socket: a command line becomes a line, a reply an exit status. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/json_read.h>
#include <vmm-sys-util/parse.h>
#include <vmm-sys-util/sock.h>

#include "ctl/command.h"
#include "ctl/metrics.h"
#include "ctl/output.h"
#include "cvmm/exit_status.h"
#include "plain.h"

/* A reply has less than 64 KiB for a machine with all devices. */
#define MAX_REPLY (1u << 20)

#define REFUSED "{\"ok\":false"

enum { HELP, JSON, TABLE, PROMETHEUS, SOCKET, COMMAND };

#define WATCH_MS 2000u
#define MIN_WATCH_MS 100u
#define MAX_WATCH_MS 3600000u

const struct vsu_option vmm_control_command_options[] = {
	[HELP] = VSU_OPTION_ROW_HELP,
	[JSON] = { .name = "json", .kind = VSU_OPTION_FLAG,
		   .help = "print replies unformatted (default without a terminal)" },
	[TABLE] = { .name = "table", .kind = VSU_OPTION_FLAG,
		    .help = "print replies as rows (default on a terminal)" },
	[PROMETHEUS] = { .name = "prometheus", .kind = VSU_OPTION_FLAG,
			 .help = "print stats in the text format of Prometheus" },
	[SOCKET] = { .name = "SOCKET", .kind = VSU_OPTION_OPERAND },
	[COMMAND] = { .name = "COMMAND", .kind = VSU_OPTION_OPERAND,
		      .repeat = true },
	{ .name = NULL },
};

static int append_word(struct vmm_control_request *request, const char *word,
		       struct vsu_error *err)
{
	const size_t len = strlen(word);

	request->nwords++;
	if (!len || strchr(word, '\n'))
		return vsu_error_set(err, -EINVAL,
				     "ctl: word %u is empty or has a newline, which commands cannot contain",
				     request->nwords);
	if (request->line.len + len + 1 > sizeof(request->line.text))
		return vsu_error_set(err, -E2BIG,
				     "ctl: the command is longer than %u bytes",
				     VMM_CONTROL_LINE);
	if (request->line.len)
		request->line.text[request->line.len - 1] = ' ';
	memcpy(request->line.text + request->line.len, word, len);
	request->line.len += len;
	request->line.text[request->line.len++] = '\n';
	return 0;
}

static int take_option(void *opaque, unsigned int index,
		       const struct vsu_option_value *value,
		       struct vsu_error *err)
{
	static const enum vmm_control_format formats[] = {
		[JSON] = VMM_CONTROL_JSON, [TABLE] = VMM_CONTROL_ROWS,
		[PROMETHEUS] = VMM_CONTROL_PROMETHEUS,
	};
	struct vmm_control_request *request = opaque;

	if (index == COMMAND)
		return append_word(request, value->text, err);
	if (index == HELP)
		request->help = value->number;
	else if (index == SOCKET)
		request->path = value->text;
	else
		request->format = formats[index];
	return 0;
}

static bool is_line(const struct vmm_control_request *request, const char *line)
{
	return request->line.len == strlen(line) &&
	       !memcmp(request->line.text, line, request->line.len);
}

static void set_line(struct vmm_control_request *request, const char *line)
{
	request->line.len = strlen(line);
	memcpy(request->line.text, line, request->line.len);
}

static int read_watch(struct vmm_control_request *request, struct vsu_error *err)
{
	char time[24] = "";
	uint64_t ms = WATCH_MS;
	const size_t len = request->line.len - strlen("watch\n");

	if (len && len <= sizeof(time))
		memcpy(time, request->line.text + strlen("watch "), len - 1);
	if (len > sizeof(time) || (len && (vsu_parse_time(time, 1000, &ms) < 0 || ms < MIN_WATCH_MS || ms > MAX_WATCH_MS)))
		return vsu_error_set(err, -EINVAL, "ctl: watch: '%s' is not a number of seconds, or a time such as 500ms, from 100ms to 1h",
				     time);
	request->interval_ms = (unsigned int)ms;
	set_line(request, "status\n");
	return 0;
}

/* Commands of this program become those of the machine. */
static int read_line(struct vmm_control_request *request, struct vsu_error *err)
{
	int rc = 0;

	request->follows = is_line(request, "subscribe\n");
	if (is_line(request, "stats\n"))
		set_line(request, "status\n");
	else if (!strncmp(request->line.text, "watch\n", 6) ||
		 !strncmp(request->line.text, "watch ", 6))
		rc = read_watch(request, err);
	if (!rc && request->format == VMM_CONTROL_PROMETHEUS &&
	    !is_line(request, "status\n"))
		return vsu_error_set(err, -EINVAL, "ctl: option --prometheus requires the command stats");
	return rc;
}

int vmm_control_request_parse(struct vmm_control_request *request, int argc,
			      char *const *argv, struct vsu_error *err)
{
	int rc;

	memset(request, 0, sizeof(*request));
	rc = vsu_option_parse_argv(vmm_control_command_options, argc, argv,
				   take_option, request, NULL, err);
	if (rc < 0 || request->help)
		return rc;
	if (request->line.len)
		return read_line(request, err);
	return vsu_error_set(err, -ENOENT,
			     "ctl: %s is missing; example: 'cvmm ctl control.sock status'",
			     request->path ? "the command" : "the socket");
}

static int line_send(int sock, const struct vmm_control_request *request,
		     const int *fds, unsigned int nfds, struct vsu_error *err)
{
	const struct iovec iov = { (void *)(uintptr_t)request->line.text,
				   request->line.len };
	const ssize_t n = vsu_sock_send(sock, &iov, 1, fds, nfds);

	if (n == (ssize_t)request->line.len)
		return 0;
	return vsu_error_set(err, -ECONNRESET, "%s: cannot send the command",
			     request->path);
}

/* Lines of the machine; the current one ends with 0. */
struct answers {
	const char *path;	/* of the socket */
	int sock;
	size_t used;		/* bytes of the current line */
	size_t len;
	char bytes[MAX_REPLY];
};

/* Receives up to the end of the next line. False: the connection ended. */
static bool answer_receive(struct answers *a)
{
	struct pollfd p = { .fd = a->sock, .events = POLLIN };
	char *end;
	ssize_t n;

	a->len -= a->used;
	memmove(a->bytes, a->bytes + a->used, a->len);
	a->used = 0;
	while (!(end = memchr(a->bytes, '\n', a->len)) && a->len < MAX_REPLY) {
		n = read(a->sock, a->bytes + a->len, MAX_REPLY - a->len);
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			(void)poll(&p, 1, -1);
			continue;
		}
		if (n <= 0)
			return false;
		a->len += (size_t)n;
	}
	if (!end)
		return false;
	*end = '\0';
	a->used = (size_t)(end - a->bytes) + 1;
	return true;
}

static int fail_ended(const struct answers *a, struct vsu_error *err)
{
	return vsu_error_set(err, -ECONNRESET,
			     "%s: the connection ended without a reply; the machine has ended, or this is not its control socket",
			     a->path);
}

static int print_json(char *reply, const char *path, FILE *to, struct vsu_error *err)
{
	(void)path;
	(void)err;
	if (isatty(fileno(to)))
		vmm_print_plain(reply, to);
	else
		fputs(reply, to);
	fputc('\n', to);
	return 0;
}

static enum vmm_control_format choose_format(const struct vmm_control_request *request, FILE *to)
{
	const bool terminal = isatty(fileno(to));

	enum vmm_control_format format = request->format;

	if (format == VMM_CONTROL_AUTO)
		format = terminal ? VMM_CONTROL_ROWS : VMM_CONTROL_JSON;
	return format == VMM_CONTROL_ROWS && terminal && request->interval_ms ? VMM_CONTROL_SCREEN : format;
}

static int print_rows(char *reply, const char *path, FILE *to, struct vsu_error *err)
{
	(void)path;
	return vmm_control_print_rows(reply, to, err);
}

static int print_screen(char *reply, const char *path, FILE *to, struct vsu_error *err)
{
	char title[80], when[16] = "";
	const time_t now = time(NULL);
	struct tm tm;

	if (localtime_r(&now, &tm))
		strftime(when, sizeof(when), "%H:%M:%S", &tm);
	snprintf(title, sizeof(title), "%s  %.60s  (Ctrl-C ends)", when, path);
	return vmm_control_print_screen(reply, title, to, err);
}

static int reply_print(const struct vmm_control_request *request, char *reply, FILE *to,
		       struct vsu_error *err)
{
	static int (*const printers[])(char *, const char *, FILE *, struct vsu_error *) = {
		[VMM_CONTROL_JSON] = print_json,
		[VMM_CONTROL_ROWS] = print_rows,
		[VMM_CONTROL_PROMETHEUS] = vmm_status_print_prometheus,
		[VMM_CONTROL_SCREEN] = print_screen,
	};
	int rc;

	rc = printers[choose_format(request, to)](reply, request->path, to, err);
	fflush(to);
	return rc;
}

/* vsu_error_set() replaces control characters. */
static int reply_judge(const struct vmm_control_request *request, char *reply,
		       FILE *to, struct vsu_error *err)
{
	char *sentence;

	if (strncmp(reply, REFUSED, strlen(REFUSED)) != 0) {
		if (!reply_print(request, reply, to, err))
			return VSU_EXIT_OK;
		vsu_error_prefix(err, -EINVAL, "%s: the reply", request->path);
		return VSU_EXIT_FAIL;
	}
	if (vsu_json_read_string(reply, "error", &sentence, err) < 0)
		vsu_error_prefix(err, -EINVAL, "%s: the reply", request->path);
	else
		vsu_error_set(err, -EINVAL, "%s", sentence);
	return VSU_EXIT_FAIL;
}

static int answer_next(const struct vmm_control_request *request,
		       struct answers *a, FILE *to, struct vsu_error *err)
{
	if (!answer_receive(a))
		return cvmm_exit_status(CVMM_STEP_SOCKET, fail_ended(a, err));
	return reply_judge(request, a->bytes, to, err);
}

/*
 * The machine's end is the usual one of a subscription. If the output fails, the program
 * reports it at its end.
 */
static int follow_events(const struct vmm_control_request *request,
			 struct answers *a, FILE *to, struct vsu_error *err)
{
	int status = VSU_EXIT_OK;

	while (!status && !ferror(to) && answer_receive(a))
		status = reply_judge(request, a->bytes, to, err);
	return status;
}

/* The socket becomes readable early if the machine ends. */
static int watch_status(const struct vmm_control_request *request,
			struct answers *a, FILE *to, struct vsu_error *err)
{
	struct pollfd p = { .fd = a->sock, .events = POLLIN };
	int status = VSU_EXIT_OK, rc = 0;

	while (!status && !rc && !ferror(to)) {
		(void)poll(&p, 1, (int)request->interval_ms);
		rc = line_send(a->sock, request, NULL, 0, err);
		if (!rc && choose_format(request, to) == VMM_CONTROL_ROWS)
			fputc('\n', to);
		if (!rc)
			status = answer_next(request, a, to, err);
	}
	return rc < 0 ? cvmm_exit_status(CVMM_STEP_SOCKET, rc) : status;
}

/* One command, or the first one of several. */
static int request_first(struct vmm_control_request *request, struct answers *a, FILE *to,
			 struct vsu_error *err)
{
	struct vmm_control_files files;
	struct vsu_error why = VSU_ERROR_INIT;
	int rc = vmm_control_files_open(&files, &request->line, err);
	int status = rc < 0 ? VSU_EXIT_FAIL : VSU_EXIT_OK;

	rc = rc ? rc : line_send(a->sock, request, files.fds, files.n, err);
	vmm_control_files_sent(&files);
	if (!status && rc < 0)
		status = cvmm_exit_status(CVMM_STEP_SOCKET, rc);
	if (!status)
		status = answer_next(request, a, to, err);
	rc = vmm_control_files_end(&files, !status, &why);
	if (status || !rc)
		return status;
	*err = why;
	return VSU_EXIT_FAIL;
}

int vmm_control_request_run(struct vmm_control_request *request, FILE *to,
			    struct vsu_error *err)
{
	static struct answers answers;
	int sock = vsu_sock_connect(request->path, err), status;

	if (sock < 0)
		return cvmm_exit_status(CVMM_STEP_SOCKET, sock);
	answers.sock = sock;
	answers.path = request->path;
	answers.len = answers.used = 0;
	status = request_first(request, &answers, to, err);
	if (!status && request->follows)
		status = follow_events(request, &answers, to, err);
	else if (!status && request->interval_ms)
		status = watch_status(request, &answers, to, err);
	vsu_fd_close(&sock);
	return status;
}
