/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A client of the control socket: a command line becomes a line, a reply an exit status. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "cli/control_command.h"
#include "machine/exit_status.h"

/* A reply has less than 64 KiB for a machine with all devices. */
#define MAX_REPLY (1u << 20)

#define REFUSED "{\"ok\":false,\"error\":\""

enum { HELP, SOCKET, COMMAND };

const struct vsu_option vmm_control_command_options[] = {
	[HELP] = VSU_OPTION_ROW_HELP,
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
				     "ctl: word %u is empty or has a newline, which commands cannot have",
				     request->nwords);
	if (request->len + len + 1 > sizeof(request->line))
		return vsu_error_set(err, -E2BIG,
				     "ctl: the command is longer than %u bytes",
				     VMM_CONTROL_LINE);
	if (request->len)
		request->line[request->len - 1] = ' ';
	memcpy(request->line + request->len, word, len);
	request->len += len;
	request->line[request->len++] = '\n';
	return 0;
}

static int take_option(void *opaque, unsigned int index,
		       const struct vsu_option_value *value,
		       struct vsu_error *err)
{
	struct vmm_control_request *request = opaque;

	if (index == COMMAND)
		return append_word(request, value->text, err);
	if (index == HELP)
		request->help = value->number;
	else
		request->path = value->text;
	return 0;
}

int vmm_control_request_parse(struct vmm_control_request *request, int argc,
			      char *const *argv, struct vsu_error *err)
{
	int rc;

	memset(request, 0, sizeof(*request));
	rc = vsu_option_parse_argv(vmm_control_command_options, argc, argv,
				   take_option, request, NULL, err);
	if (rc < 0 || request->help || request->len)
		return rc;
	return vsu_error_set(err, -ENOENT,
			     "ctl: %s is missing, as in 'cvmm ctl control.sock status'",
			     request->path ? "the command" : "the socket");
}

static int line_send(int sock, const struct vmm_control_request *request,
		     struct vsu_error *err)
{
	const struct iovec iov = { (void *)(uintptr_t)request->line,
				   request->len };
	const ssize_t n = vsu_sock_send(sock, &iov, 1, NULL, 0);

	if (n == (ssize_t)request->len)
		return 0;
	return vsu_error_set(err, -ECONNRESET, "%s: cannot send the command",
			     request->path);
}

/* Receives up to the end of the line, which is replaced by 0. */
static int reply_receive(int sock, const char *path, char *reply,
			 struct vsu_error *err)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	char *end = NULL;
	size_t len = 0;
	ssize_t n;

	while (!end && len < MAX_REPLY) {
		n = read(sock, reply + len, MAX_REPLY - len);
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			(void)poll(&p, 1, -1);
			continue;
		}
		if (n <= 0)
			break;
		end = memchr(reply + len, '\n', (size_t)n);
		len += (size_t)n;
	}
	if (!end)
		return vsu_error_set(err, -ECONNRESET,
				     "%s: the connection ended without a reply; the machine has ended, or this is not its control socket",
				     path);
	*end = '\0';
	return 0;
}

/* The character of an escape sequence, whose rest is skipped. */
static char escaped_character(const char **p)
{
	if (**p != 'u')
		return **p;
	*p += strnlen(*p, 5) - 1;
	return '?';	/* control characters, and invalid UTF-8 */
}

/* Removes the escapes of the JSON string that begins at text. */
static void sentence_read(const char *text, char *sentence, size_t size)
{
	size_t len = 0;

	for (; *text && *text != '"' && len + 1 < size; text++) {
		if (*text == '\\' && text[1]) {
			text++;
			sentence[len++] = escaped_character(&text);
		} else {
			sentence[len++] = *text;
		}
	}
	sentence[len] = '\0';
}

static int reply_judge(const char *reply, FILE *to, struct vsu_error *err)
{
	char sentence[sizeof(err->msg)];

	if (strncmp(reply, REFUSED, strlen(REFUSED)) != 0) {
		fprintf(to, "%s\n", reply);
		return VSU_EXIT_OK;
	}
	sentence_read(reply + strlen(REFUSED), sentence, sizeof(sentence));
	vsu_error_set(err, -EINVAL, "%s", sentence);
	return VSU_EXIT_FAIL;
}

int vmm_control_request_run(const struct vmm_control_request *request, FILE *to,
			    struct vsu_error *err)
{
	static char reply[MAX_REPLY];
	int sock = vsu_sock_connect(request->path, err), rc;

	if (sock < 0)
		return vmm_exit_status(VMM_STAGE_SOCKET, sock);
	rc = line_send(sock, request, err);
	if (!rc)
		rc = reply_receive(sock, request->path, reply, err);
	vsu_fd_close(&sock);
	return rc < 0 ? vmm_exit_status(VMM_STAGE_SOCKET, rc) :
			reply_judge(reply, to, err);
}
