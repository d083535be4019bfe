/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Lines on standard error. Each kind of event has a row that counts its lines
 * in a period. The table is small, because a kind is a word of the program
 * and never a peer's; kinds beyond its size share the last row.
 */
#include <config.h>

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "log.h"

#define BURST 10u			/* lines of one kind */
#define PERIOD_NS UINT64_C(10000000000)	/* in this time */
#define MAX_KINDS 24
#define MAX_WORD 32
/* A pipe that is ready takes this much at once (PIPE_BUF is 4096). */
#define MAX_LINE 1024

struct kind {
	char word[MAX_WORD];
	uint64_t since;
	uint32_t said, lost;
};

static struct {
	pthread_mutex_t lock;
	const char *name;
	enum prog_log_level level;
	struct kind kinds[MAX_KINDS];
	unsigned int n;
} log_state = { .lock = PTHREAD_MUTEX_INITIALIZER, .name = "",
		.level = PROG_LOG_WARNING };

const char *const prog_log_levels[] = {
	"error", "warning", "info", "debug", NULL,
};

void prog_log_init(const char *name)
{
	log_state.name = name;
}

void prog_log_set_level(enum prog_log_level level)
{
	__atomic_store_n(&log_state.level, level, __ATOMIC_RELAXED);
}

bool prog_log_says(enum prog_log_level level)
{
	return level <= __atomic_load_n(&log_state.level, __ATOMIC_RELAXED);
}

static struct kind *kind_of(const char *word)
{
	struct kind *kind;
	unsigned int i;

	for (i = 0; i < log_state.n; i++)
		if (!strncmp(log_state.kinds[i].word, word, MAX_WORD - 1))
			return &log_state.kinds[i];
	if (log_state.n == MAX_KINDS)
		return &log_state.kinds[MAX_KINDS - 1];
	kind = &log_state.kinds[log_state.n++];
	snprintf(kind->word, sizeof(kind->word), "%s", word);
	kind->since = vsu_now_ns();
	return kind;
}

/* False when a reader keeps its pipe full: the line is lost, nobody waits. */
static bool line_write(const char *line, size_t len)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&p, 1, 0) == 0)
		return false;
	/* a closed or broken standard error is nobody's loss */
	(void)!vsu_fd_write_full(STDERR_FILENO, line, len);
	return true;
}

/* A peer's words may be in a line: they cannot end it or move the cursor. */
static void line_clean(char *line)
{
	for (; *line; line++)
		if ((unsigned char)*line < ' ' || *line == 0x7f)
			*line = '?';
}

static bool VSU_PRINTF(1, 0) line_sayv(const char *fmt, va_list ap)
{
	char line[MAX_LINE];
	int len = snprintf(line, sizeof(line) - 1, "%s: ", log_state.name);

	if (len < 0 || len >= (int)sizeof(line) - 1)
		return false;
	vsnprintf(line + len, sizeof(line) - 1 - (size_t)len, fmt, ap);
	line_clean(line);
	len = (int)strlen(line);
	line[len] = '\n';
	return line_write(line, (size_t)len + 1);
}

static void VSU_PRINTF(1, 2) line_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line_sayv(fmt, ap);
	va_end(ap);
}

static void kind_tell_lost(struct kind *kind)
{
	if (kind->lost)
		line_say("%s: %u more lines like those before", kind->word,
			 kind->lost);
	kind->lost = 0;
}

static bool kind_may_speak(struct kind *kind)
{
	uint64_t now = vsu_now_ns();

	if (now - kind->since >= PERIOD_NS) {
		kind_tell_lost(kind);
		kind->since = now;
		kind->said = 0;
	}
	return kind->said < BURST;
}

void prog_log(enum prog_log_level level, const char *cause, const char *fmt,
	      ...)
{
	struct kind *kind;
	va_list ap;

	if (!prog_log_says(level))
		return;
	pthread_mutex_lock(&log_state.lock);
	va_start(ap, fmt);
	kind = cause ? kind_of(cause) : NULL;
	if (!kind)
		line_sayv(fmt, ap);
	else if (kind_may_speak(kind) && line_sayv(fmt, ap))
		kind->said++;
	else
		kind->lost++;
	va_end(ap);
	pthread_mutex_unlock(&log_state.lock);
}

void prog_log_flush(void)
{
	unsigned int i;

	pthread_mutex_lock(&log_state.lock);
	for (i = 0; i < log_state.n; i++)
		kind_tell_lost(&log_state.kinds[i]);
	pthread_mutex_unlock(&log_state.lock);
}

void prog_complain(const struct vsu_error *err)
{
	fprintf(stderr, "%s: %s\n", log_state.name, err->msg[0] ? err->msg :
		"it failed, and no part says why");
}
