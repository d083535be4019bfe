/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Messages of failures: formatting, shortening, and removal of characters that could
 * control a terminal.
 */
#include <config.h>

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/error.h>

_Static_assert(sizeof(struct vsu_error) == 512, "struct vsu_error is frozen");

#define MSG_MAX (sizeof(((struct vsu_error *)0)->msg) - 1)
#define GAP "..."
#define GAP_LEN (sizeof(GAP) - 1)

/* Sufficient for most messages with a file name of maximum length. */
#define STACK_TEXT 2048

static bool is_continuation(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/*
 * Copies text of len bytes into msg. If the text is too long, a part of its middle is
 * omitted. The longer part is the end, which contains the remedy. Multi-byte characters
 * remain whole.
 */
static void copy_shortened(char *msg, const char *text, size_t len)
{
	size_t head = (MSG_MAX - GAP_LEN) / 2;
	size_t tail = MSG_MAX - GAP_LEN - head;

	if (len <= MSG_MAX) {
		memmove(msg, text, len);
		msg[len] = '\0';
		return;
	}
	while (head && is_continuation((unsigned char)text[head]))
		head--;
	while (tail && is_continuation((unsigned char)text[len - tail]))
		tail--;
	memmove(msg, text, head);
	memcpy(msg + head, GAP, GAP_LEN);
	memmove(msg + head + GAP_LEN, text + len - tail, tail);
	msg[head + GAP_LEN + tail] = '\0';
}

/*
 * Characters that end a line or reorder the text around them: U+061C, U+200E and U+200F,
 * U+2028 to U+202E, U+2066 to U+2069. Joiners remain, since words of some languages have them.
 */
static bool is_format_control(const unsigned char *s)
{
	if (s[0] == 0xd8)
		return s[1] == 0x9c;
	if (s[0] != 0xe2)
		return false;
	return s[1] == 0x80 ? (s[2] >= 0x8e && s[2] <= 0x8f) || (s[2] >= 0xa8 && s[2] <= 0xae) :
			      s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9;
}

/*
 * Length of the printable UTF-8 character at s; 0 if there is no such
 * character.
 */
static size_t printable_bytes(const unsigned char *s)
{
	size_t n, i;

	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	for (i = 1; i < n; i++)
		if (!is_continuation(s[i]))
			return 0;
	/* C1 controls, overlong forms, surrogates, beyond U+10FFFF */
	if ((s[0] == 0xc2 && s[1] < 0xa0) || (s[0] == 0xe0 && s[1] < 0xa0) ||
	    (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return is_format_control(s) ? 0 : n;
}

/*
 * Messages quote peers and file names: replace what could control a terminal.
 */
void vsu_make_printable(char *text)
{
	size_t n;

	for (; *text; text += n ? n : 1) {
		n = printable_bytes((const unsigned char *)text);
		if (!n)
			*text = '?';
	}
}

/*
 * Formats into msg, which has MSG_MAX + 1 bytes. The arguments may point into the caller's
 * struct, so msg must not be its member.
 */
static void VSU_PRINTF(2, 0) message_format(char *msg, const char *fmt, va_list ap)
{
	char text[STACK_TEXT], *heap = NULL;
	va_list again;
	int len;

	va_copy(again, ap);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	if (len < 0) {	/* an encoding error: copy the format */
		copy_shortened(text, fmt, strlen(fmt));
		len = (int)strlen(text);
	}
	if ((size_t)len >= sizeof(text)) {
		/* Formats the text again, to obtain its end. */
		heap = malloc((size_t)len + 1);
		if (heap)
			vsnprintf(heap, (size_t)len + 1, fmt, again);
		else
			len = sizeof(text) - 1;
	}
	va_end(again);
	copy_shortened(msg, heap ? heap : text, (size_t)len);
	free(heap);
	vsu_make_printable(msg);
}

/* Puts "first: second" into msg; both are within MSG_MAX, second may be "". */
static void message_join(char *msg, const char *first, const char *second)
{
	char text[2 * MSG_MAX + 3];
	int len;

	len = snprintf(text, sizeof(text), "%s%s%s", first,
		       *second ? ": " : "", second);
	copy_shortened(msg, text, (size_t)len);
}

static int error_fill(struct vsu_error *err, int code, const char *msg)
{
	err->code = code;
	err->arg = 0;
	err->got = 0;
	err->limit = 0;
	memcpy(err->msg, msg, MSG_MAX + 1);
	return code;
}

int vsu_error_setv(struct vsu_error *err, int code, const char *fmt,
		   va_list ap)
{
	char msg[MSG_MAX + 1] = "";

	if (!err)
		return code;
	message_format(msg, fmt, ap);
	return error_fill(err, code, msg);
}

int vsu_error_set(struct vsu_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsu_error_setv(err, code, fmt, ap);
	va_end(ap);
	return code;
}

int vsu_error_sys(struct vsu_error *err, int code, const char *fmt, ...)
{
	char context[MSG_MAX + 1], reason[128], msg[MSG_MAX + 1] = "";
	va_list ap;

	if (!err)
		return code;
	va_start(ap, fmt);
	message_format(context, fmt, ap);
	va_end(ap);
	message_join(msg, context, vsu_strerror(code, reason, sizeof(reason)));
	return error_fill(err, code, msg);
}

int vsu_error_prefix(struct vsu_error *err, int code, const char *fmt, ...)
{
	char context[MSG_MAX + 1];
	va_list ap;

	if (!err)
		return code;
	va_start(ap, fmt);
	message_format(context, fmt, ap);
	va_end(ap);
	err->msg[MSG_MAX] = '\0';
	err->code = code;
	message_join(err->msg, context, err->msg);
	return code;
}

int vsu_error_operands(struct vsu_error *err, uint32_t arg, uint64_t got,
		       uint64_t limit)
{
	if (!err)
		return 0;
	err->arg = arg;
	err->got = got;
	err->limit = limit;
	return err->code;
}

void vsu_error_clear(struct vsu_error *err)
{
	if (err)
		memset(err, 0, sizeof(*err));
}

#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 32)
#define HAVE_UNTRANSLATED
#endif
#endif

/* The untranslated text, a constant, or NULL for an unknown number. */
static const char *error_text(int number)
{
#ifdef HAVE_UNTRANSLATED
	return strerrordesc_np(number);
#elif defined(__GLIBC__)
	/* A constant for every number that is known. */
	return strerror(number);
#else
	/* musl has one text for success and for every unknown number. */
	const char *text = strerror(number);

	return strcmp(text, strerror(0)) ? text : NULL;
#endif
}

const char *vsu_strerror(int code, char *buf, unsigned int size)
{
	int number = code < 0 && code > INT_MIN ? -code : code;
	const char *text = number > 0 ? error_text(number) : NULL;

	if (!size)
		return "";
	if (text)
		snprintf(buf, size, "%s", text);
	else if (!number)
		snprintf(buf, size, "no error");
	else
		snprintf(buf, size, "error %d", number);
	return buf;
}
