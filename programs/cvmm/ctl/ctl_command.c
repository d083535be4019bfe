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

#include "ctl/ctl_command.h"
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

const struct vsu_option vmm_ctl_command_options[] = {
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

static int append_word(struct vmm_ctl_command *command, const char *word,
		       struct vsu_error *err)
{
	const size_t len = strlen(word);

	command->nwords++;
	if (!len || strchr(word, '\n'))
		return vsu_error_set(err, -EINVAL,
				     "ctl: word %u is empty or has a newline, which commands cannot contain",
				     command->nwords);
	if (command->line.len + len + 1 > sizeof(command->line.text))
		return vsu_error_set(err, -E2BIG,
				     "ctl: the command is longer than %u bytes",
				     VMM_CONTROL_LINE);
	if (command->line.len)
		command->line.text[command->line.len - 1] = ' ';
	memcpy(command->line.text + command->line.len, word, len);
	command->line.len += len;
	command->line.text[command->line.len++] = '\n';
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
	struct vmm_ctl_command *command = opaque;

	if (index == COMMAND)
		return append_word(command, value->text, err);
	if (index == HELP)
		command->help = value->number;
	else if (index == SOCKET)
		command->path = value->text;
	else
		command->format = formats[index];
	return 0;
}

static bool is_line(const struct vmm_ctl_command *command, const char *line)
{
	return command->line.len == strlen(line) &&
	       !memcmp(command->line.text, line, command->line.len);
}

static void set_line(struct vmm_ctl_command *command, const char *line)
{
	command->line.len = strlen(line);
	memcpy(command->line.text, line, command->line.len);
}

static int read_watch(struct vmm_ctl_command *command, struct vsu_error *err)
{
	char time[24] = "";
	uint64_t ms = WATCH_MS;
	const size_t len = command->line.len - strlen("watch\n");

	if (len && len <= sizeof(time))
		memcpy(time, command->line.text + strlen("watch "), len - 1);
	if (len > sizeof(time) || (len && (vsu_parse_time(time, 1000, &ms) < 0 || ms < MIN_WATCH_MS || ms > MAX_WATCH_MS)))
		return vsu_error_set(err, -EINVAL, "ctl: watch: '%s' is not a number of seconds, or a time such as 500ms, from 100ms to 1h",
				     time);
	command->interval_ms = (unsigned int)ms;
	set_line(command, "status\n");
	return 0;
}

/* Commands of this program become those of the machine. */
static int read_line(struct vmm_ctl_command *command, struct vsu_error *err)
{
	int rc = 0;

	command->follows = is_line(command, "subscribe\n");
	if (is_line(command, "stats\n"))
		set_line(command, "status\n");
	else if (!strncmp(command->line.text, "watch\n", 6) ||
		 !strncmp(command->line.text, "watch ", 6))
		rc = read_watch(command, err);
	if (!rc && command->format == VMM_CONTROL_PROMETHEUS &&
	    !is_line(command, "status\n"))
		return vsu_error_set(err, -EINVAL, "ctl: option --prometheus requires the command stats");
	return rc;
}

int vmm_ctl_command_parse(struct vmm_ctl_command *command, int argc,
			      char *const *argv, struct vsu_error *err)
{
	int rc;

	memset(command, 0, sizeof(*command));
	rc = vsu_option_parse_argv(vmm_ctl_command_options, argc, argv,
				   take_option, command, NULL, err);
	if (rc < 0 || command->help)
		return rc;
	if (command->line.len)
		return read_line(command, err);
	return vsu_error_set(err, -ENOENT,
			     "ctl: %s is missing; example: 'cvmm ctl control.sock status'",
			     command->path ? "the command" : "the socket");
}

static int line_send(int sock, const struct vmm_ctl_command *command,
		     const int *fds, unsigned int nfds, struct vsu_error *err)
{
	const struct iovec iov = { (void *)(uintptr_t)command->line.text,
				   command->line.len };
	const ssize_t n = vsu_sock_send(sock, &iov, 1, fds, nfds);

	if (n == (ssize_t)command->line.len)
		return 0;
	return vsu_error_set(err, -ECONNRESET, "%s: cannot send the command",
			     command->path);
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

static enum vmm_control_format choose_format(const struct vmm_ctl_command *command, FILE *to)
{
	const bool terminal = isatty(fileno(to));

	enum vmm_control_format format = command->format;

	if (format == VMM_CONTROL_AUTO)
		format = terminal ? VMM_CONTROL_ROWS : VMM_CONTROL_JSON;
	return format == VMM_CONTROL_ROWS && terminal && command->interval_ms ? VMM_CONTROL_SCREEN : format;
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

static int reply_print(const struct vmm_ctl_command *command, char *reply, FILE *to,
		       struct vsu_error *err)
{
	static int (*const printers[])(char *, const char *, FILE *, struct vsu_error *) = {
		[VMM_CONTROL_JSON] = print_json,
		[VMM_CONTROL_ROWS] = print_rows,
		[VMM_CONTROL_PROMETHEUS] = vmm_status_print_prometheus,
		[VMM_CONTROL_SCREEN] = print_screen,
	};
	int rc;

	rc = printers[choose_format(command, to)](reply, command->path, to, err);
	fflush(to);
	return rc;
}

/* vsu_error_set() replaces control characters. */
static int reply_judge(const struct vmm_ctl_command *command, char *reply,
		       FILE *to, struct vsu_error *err)
{
	char *sentence;

	if (strncmp(reply, REFUSED, strlen(REFUSED)) != 0) {
		if (!reply_print(command, reply, to, err))
			return VSU_EXIT_OK;
		vsu_error_prefix(err, -EINVAL, "%s: the reply", command->path);
		return VSU_EXIT_FAIL;
	}
	if (vsu_json_read_string(reply, "error", &sentence, err) < 0)
		vsu_error_prefix(err, -EINVAL, "%s: the reply", command->path);
	else
		vsu_error_set(err, -EINVAL, "%s", sentence);
	return VSU_EXIT_FAIL;
}

static int answer_next(const struct vmm_ctl_command *command,
		       struct answers *a, FILE *to, struct vsu_error *err)
{
	if (!answer_receive(a))
		return cvmm_exit_status(CVMM_STEP_SOCKET, fail_ended(a, err));
	return reply_judge(command, a->bytes, to, err);
}

/*
 * The machine's end is the usual one of a subscription. If the output fails, the program
 * reports it at its end.
 */
static int follow_events(const struct vmm_ctl_command *command,
			 struct answers *a, FILE *to, struct vsu_error *err)
{
	int status = VSU_EXIT_OK;

	while (!status && !ferror(to) && answer_receive(a))
		status = reply_judge(command, a->bytes, to, err);
	return status;
}

/* The socket becomes readable early if the machine ends. */
static int watch_status(const struct vmm_ctl_command *command,
			struct answers *a, FILE *to, struct vsu_error *err)
{
	struct pollfd p = { .fd = a->sock, .events = POLLIN };
	int status = VSU_EXIT_OK, rc = 0;

	while (!status && !rc && !ferror(to)) {
		(void)poll(&p, 1, (int)command->interval_ms);
		rc = line_send(a->sock, command, NULL, 0, err);
		if (!rc && choose_format(command, to) == VMM_CONTROL_ROWS)
			fputc('\n', to);
		if (!rc)
			status = answer_next(command, a, to, err);
	}
	return rc < 0 ? cvmm_exit_status(CVMM_STEP_SOCKET, rc) : status;
}

/* One command, or the first one of several. */
static int request_first(struct vmm_ctl_command *command, struct answers *a, FILE *to,
			 struct vsu_error *err)
{
	struct vmm_control_files files;
	struct vsu_error why = VSU_ERROR_INIT;
	int rc = vmm_control_files_open(&files, &command->line, err);
	int status = rc < 0 ? VSU_EXIT_FAIL : VSU_EXIT_OK;

	rc = rc ? rc : line_send(a->sock, command, files.fds, files.n, err);
	vmm_control_files_sent(&files);
	if (!status && rc < 0)
		status = cvmm_exit_status(CVMM_STEP_SOCKET, rc);
	if (!status)
		status = answer_next(command, a, to, err);
	rc = vmm_control_files_end(&files, !status, &why);
	if (status || !rc)
		return status;
	*err = why;
	return VSU_EXIT_FAIL;
}

int vmm_ctl_command_run(struct vmm_ctl_command *command, FILE *to,
			    struct vsu_error *err)
{
	static struct answers answers;
	int sock = vsu_sock_connect(command->path, err), status;

	if (sock < 0)
		return cvmm_exit_status(CVMM_STEP_SOCKET, sock);
	answers.sock = sock;
	answers.path = command->path;
	answers.len = answers.used = 0;
	status = request_first(command, &answers, to, err);
	if (!status && command->follows)
		status = follow_events(command, &answers, to, err);
	else if (!status && command->interval_ms)
		status = watch_status(command, &answers, to, err);
	vsu_fd_close(&sock);
	return status;
}
