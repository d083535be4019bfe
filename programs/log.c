/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Log lines on standard error, in syslog or in the journal. Each kind of event has a row
 * that counts its lines in a period. The table is small, because kinds are literals of the
 * program, never text of a peer; kinds beyond its size share the last row.
 */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "journal.h"
#include "log.h"

#define BURST 10u			/* lines of one kind per period */
#define PERIOD_NS UINT64_C(10000000000)
#define MAX_KINDS 24
#define MAX_WORD 32
/* A pipe accepts this much as a whole or not at all (PIPE_BUF is 4096). */
#define MAX_LINE 1024
#define SYSLOG "/dev/log"

struct kind {
	char word[MAX_WORD];
	uint64_t since;
	uint32_t said, lost;
};

static struct {
	pthread_mutex_t lock;
	const char *name;
	enum vsu_log_level level;
	int syslog, journal;	/* sockets; both -1: standard error */
	struct kind kinds[MAX_KINDS];
	unsigned int n;
	uint32_t lost;		/* lines for which the reader had no room */
} log_state = { .lock = PTHREAD_MUTEX_INITIALIZER, .name = "",
		.level = VSU_LOG_WARNING, .syslog = -1, .journal = -1 };

static const int priorities[] = {
	[VSU_LOG_ERROR] = LOG_ERR, [VSU_LOG_WARNING] = LOG_WARNING,
	[VSU_LOG_INFO] = LOG_INFO, [VSU_LOG_DEBUG] = LOG_DEBUG,
};

void prog_log_init(const char *name)
{
	log_state.name = name;
}

void prog_log_set_level(enum vsu_log_level level)
{
	__atomic_store_n(&log_state.level, level, __ATOMIC_RELAXED);
}

enum vsu_log_level prog_log_get_level(void)
{
	return __atomic_load_n(&log_state.level, __ATOMIC_RELAXED);
}

bool prog_log_says(enum vsu_log_level level)
{
	return level <= prog_log_get_level();
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

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x00000008
#endif

/*
 * A pipe that other processes share can be filled between poll() and write(), and O_NONBLOCK
 * would be theirs too. Files of a disk are always written: their writes do not wait for a reader.
 */
static ssize_t stream_write(const char *line, size_t len)
{
	const struct iovec iov = { (void *)(uintptr_t)line, len };
	struct stat st;

	if (fstat(STDERR_FILENO, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		return syscall(SYS_pwritev2, STDERR_FILENO, &iov, 1, -1L, -1L, RWF_NOWAIT);
	errno = EOPNOTSUPP;
	return -1;
}

/* Returns false if the reader has no room: the line is dropped instead of blocking. */
static bool line_write(const char *line, size_t len)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	/* errors of standard error are ignored */
	if (stream_write(line, len) >= 0)
		return true;
	/* pipes before Linux 6.4; EPERM: a filter that does not know the call */
	if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EPERM)
		return errno != EAGAIN;
	if (poll(&p, 1, 0) == 0)
		return false;
	(void)!vsu_fd_write_full(STDERR_FILENO, line, len);
	return true;
}

/* A datagram that does not fit is lost: the logger may not stop this program. */
static bool syslog_send(enum vsu_log_level level, const char *text)
{
	char line[MAX_LINE];
	int len = snprintf(line, sizeof(line), "<%d>%s[%ld]: %s",
			   LOG_DAEMON | priorities[level], log_state.name,
			   (long)getpid(), text);

	return len > 0 && send(log_state.syslog, line,
			       (size_t)len < sizeof(line) ? (size_t)len :
			       sizeof(line) - 1,
			       MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static bool journal_send(enum vsu_log_level level, const char *event,
			 const char *text)
{
	const struct prog_journal_entry entry = {
		.priority = priorities[level], .name = log_state.name,
		.event = event, .text = text,
	};

	return prog_journal_send(log_state.journal, &entry);
}

static bool VSU_PRINTF(3, 0) line_formatv(enum vsu_log_level level, const char *event,
					  const char *fmt, va_list ap)
{
	char line[MAX_LINE];
	int start = snprintf(line, sizeof(line) - 1, "%s: ", log_state.name);
	int len = start;

	if (len < 0 || len >= (int)sizeof(line) - 1)
		return false;
	vsnprintf(line + len, sizeof(line) - 1 - (size_t)len, fmt, ap);
	vsu_make_printable(line);	/* a peer's text may contain anything */
	if (log_state.syslog >= 0)
		return syslog_send(level, line + start);
	if (log_state.journal >= 0)
		return journal_send(level, event, line + start);
	len = (int)strlen(line);
	line[len] = '\n';
	return line_write(line, (size_t)len + 1);
}

static bool VSU_PRINTF(3, 4) line_say(enum vsu_log_level level, const char *event, const char *fmt, ...)
{
	va_list ap;
	bool sent;

	va_start(ap, fmt);
	sent = line_formatv(level, event, fmt, ap);
	va_end(ap);
	return sent;
}

/* Returns false if the reader still has no room. */
static bool lost_report(void)
{
	if (log_state.lost && !line_say(VSU_LOG_WARNING, "lost", "%u log lines were lost: their reader is too slow",
					log_state.lost))
		return false;
	log_state.lost = 0;
	return true;
}

/* A line is after the report of those that were lost before it. */
static bool VSU_PRINTF(3, 0) line_sayv(enum vsu_log_level level, const char *event,
				       const char *fmt, va_list ap)
{
	if (lost_report() && line_formatv(level, event, fmt, ap))
		return true;
	log_state.lost++;
	return false;
}

void prog_log_answer(const char *line)
{
	pthread_mutex_lock(&log_state.lock);
	line_say(VSU_LOG_INFO, NULL, "%s", line);
	pthread_mutex_unlock(&log_state.lock);
}

static void kind_tell_lost(struct kind *kind)
{
	if (!kind->lost || line_say(VSU_LOG_WARNING, kind->word, "%s: %u more lines like those before",
				    kind->word, kind->lost))
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

void prog_log(enum vsu_log_level level, const char *cause, const char *fmt,
	      ...)
{
	struct kind *kind;
	va_list ap;

	if (!prog_log_says(level))
		return;
	pthread_mutex_lock(&log_state.lock);
	va_start(ap, fmt);
	kind = cause ? kind_of(cause) : NULL;
	if (kind && !kind_may_speak(kind))
		kind->lost++;
	else if (line_sayv(level, cause, fmt, ap) && kind)
		kind->said++;
	va_end(ap);
	pthread_mutex_unlock(&log_state.lock);
}

void prog_log_to_syslog(void)
{
	const struct sockaddr_un where = { .sun_family = AF_UNIX,
					   .sun_path = SYSLOG };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const void *)&where, sizeof(where)) == 0) {
		log_state.syslog = fd;
		return;
	}
	prog_log(VSU_LOG_WARNING, NULL,
		 "--syslog: cannot connect to " SYSLOG " (%s); lines go to standard error",
		 strerror(errno));
	vsu_fd_close(&fd);
}

void prog_log_to_journal(const char *socket)
{
	if (log_state.journal < 0 && prog_journal_is_stderr())
		log_state.journal = prog_journal_open(socket);
}

void prog_log_flush(void)
{
	unsigned int i;

	pthread_mutex_lock(&log_state.lock);
	lost_report();
	for (i = 0; i < log_state.n; i++)
		kind_tell_lost(&log_state.kinds[i]);
	pthread_mutex_unlock(&log_state.lock);
}

void prog_complain(const struct vsu_error *err)
{
	const char *why = err->msg[0] ? err->msg :
			  "it failed without a reason";

	if (log_state.syslog >= 0)
		syslog_send(VSU_LOG_ERROR, why);
	if (log_state.journal < 0 || !journal_send(VSU_LOG_ERROR, NULL, why))
		fprintf(stderr, "%s: %s\n", log_state.name, why);
}

bool vmm_log_take(const struct vsu_place *place, const struct vsu_option_value *value)
{
	if (place->kind == VSU_PLACE_OF_LEVEL)
		prog_log_set_level((enum vsu_log_level)value->number);
	else if (place->kind == VSU_PLACE_OF_VERBOSE)
		prog_log_set_level(VSU_LOG_INFO);
	else
		return false;
	return true;
}
