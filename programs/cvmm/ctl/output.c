/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Prints replies of the control socket. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <device-kinds/latency.h>
#include <vmm-sys-util/json_read.h>
#include <vmm-sys-util/text.h>

#include "ctl/output.h"
#include "plain.h"

#define WIDTH 12
/* A narrower terminal has the values below the name of their row. */
#define MIN_COLUMNS (3 * WIDTH)
/* The width of files, pipes, and terminals that do not report their size. */
#define USUAL_COLUMNS 80
/* No value is shortened below this length. */
#define MIN_VALUE 16
#define GAP "..."

/* ---------------------------------------------------------------------- rows */

struct rows {
	FILE *to;
	char row[VSU_JSON_PATH];	/* the current one */
	bool begun;
	size_t columns;	/* of the terminal or the file */
	size_t used;	/* of the current line */
};

static size_t count_columns(FILE *to)
{
	struct winsize size;
	const int fd = fileno(to);

	return fd >= 0 && !ioctl(fd, TIOCGWINSZ, &size) && size.ws_col ? size.ws_col : USUAL_COLUMNS;
}

/* The length of its row in a path: "devices.0" of "devices.0.kind". */
static size_t row_len(const char *path)
{
	const size_t name = strcspn(path, ".");
	const size_t index = path[name] ? strspn(path + name + 1, "0123456789") : 0;

	return index ? name + 1 + index : name;
}

static void row_begin(struct rows *rows, const char *path, size_t len)
{
	if (rows->begun)
		fputc('\n', rows->to);
	rows->begun = true;
	memcpy(rows->row, path, len);
	rows->row[len] = '\0';
	vmm_print_plain(rows->row, rows->to);
	rows->used = rows->columns < MIN_COLUMNS ? MIN_COLUMNS : strlen(rows->row);
}

static bool is_within_character(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* The value, or its beginning and its end with a gap between them. Returns the printed bytes. */
static size_t value_put(const char *value, size_t room, FILE *to)
{
	const char *end = value + strlen(value), *head, *tail;

	if (room < MIN_VALUE)
		room = MIN_VALUE;
	if ((size_t)(end - value) <= room) {
		vmm_print_plain_part(value, end, to);
		return (size_t)(end - value);
	}
	head = value + (room - strlen(GAP)) / 2;
	tail = end - (room - strlen(GAP) - (size_t)(head - value));
	while (head > value && is_within_character(*head))
		head--;
	while (is_within_character(*tail))
		tail++;
	vmm_print_plain_part(value, head, to);
	fputs(GAP, to);
	vmm_print_plain_part(tail, end, to);
	return (size_t)(head - value) + strlen(GAP) + (size_t)(end - tail);
}

/* "key=value", or without a key the value; on the next line if it does not fit. */
static void item_put(struct rows *rows, const char *key, const char *value)
{
	const size_t name = strlen(key) + (*key != '\0');
	const size_t indent = rows->columns < MIN_COLUMNS ? 1 : WIDTH;
	const size_t room = rows->columns > indent + 1 + name ? rows->columns - indent - 1 - name : 0;

	if (rows->used + 1 + name + strlen(value) > rows->columns && rows->used > indent) {
		fputc('\n', rows->to);
		rows->used = 0;
	}
	for (; rows->used < indent; rows->used++)
		fputc(' ', rows->to);
	fputc(' ', rows->to);
	vmm_print_plain(key, rows->to);
	if (*key)
		fputc('=', rows->to);
	rows->used += 1 + name + value_put(value, room, rows->to);
}

/* Prints a bucket of a histogram by its bound, unless it is empty. False: no bucket. */
static bool bucket_print(struct rows *rows, const char *path, const char *value)
{
	const char *name = strstr(path, "buckets.");
	unsigned int bucket;
	char key[64];

	if (!vsu_json_match(path, "latency.#.buckets.#", &bucket, NULL))
		return false;
	snprintf(key, sizeof(key), "%.*s%s", (int)(name - path), path,
		 devkind_latency_bound(bucket).text);
	if (strcmp(value, "0") != 0)
		item_put(rows, key, value);
	return true;
}

static void row_value(void *opaque, const char *path, const char *value,
		      bool is_string)
{
	struct rows *rows = opaque;
	const size_t len = row_len(path);

	(void)is_string;
	if (!strcmp(path, "ok"))
		return;
	if (!rows->begun || strncmp(rows->row, path, len) != 0 || rows->row[len])
		row_begin(rows, path, len);
	path += len + (path[len] == '.');
	if (bucket_print(rows, path, value))
		return;
	item_put(rows, path + (strncmp(path, "numbers.", 8) ? 0 : 8), value);
}

static int rows_print(char *reply, struct rows *rows, struct vsu_error *err)
{
	int rc = vsu_json_walk(reply, row_value, rows, err);

	if (rows->begun)
		fputc('\n', rows->to);
	else if (!rc)
		fputs("ok\n", rows->to);
	return rc;
}

int vmm_control_print_rows(char *reply, FILE *to, struct vsu_error *err)
{
	struct rows rows = { .to = to, .columns = count_columns(to) };

	return rows_print(reply, &rows, err);
}

/* -------------------------------------------------------------------- screen */

/* Sequences of ECMA-48, which every terminal since the VT100 has. */
#define HOME "\033[H"
#define ERASE_LINE "\033[K"
#define ERASE_BELOW "\033[J"
/* The height of a terminal that does not report its size. */
#define USUAL_LINES 24u

static unsigned int count_lines(FILE *to)
{
	struct winsize size;
	const int fd = fileno(to);

	return fd >= 0 && !ioctl(fd, TIOCGWINSZ, &size) && size.ws_row > 2 ? size.ws_row : USUAL_LINES;
}

static unsigned int count_newlines(const char *text)
{
	unsigned int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* The last line of the terminal has no newline, which would move all lines up. */
static void screen_put(const char *title, const char *text, FILE *to)
{
	const unsigned int room = count_lines(to) - 1, all = count_newlines(text), hidden = all > room ? all - room + 1 : 0;
	unsigned int line;

	fprintf(to, HOME "%.*s" ERASE_LINE, (int)(count_columns(to) < USUAL_COLUMNS ? count_columns(to) : USUAL_COLUMNS), title);
	for (line = 0; line < all - hidden; line++, text += strcspn(text, "\n") + 1)
		fprintf(to, "\r\n%.*s" ERASE_LINE, (int)strcspn(text, "\n"), text);
	if (hidden)
		fprintf(to, "\r\n%u more lines" ERASE_LINE, hidden);
	fputs(ERASE_BELOW, to);
}

int vmm_control_print_screen(char *reply, const char *title, FILE *to, struct vsu_error *err)
{
	struct rows rows = { .columns = count_columns(to) };
	struct vsu_text text;
	int rc;

	if (vsu_text_open(&text) < 0)
		return vsu_error_sys(err, -ENOMEM, "the reply");
	rows.to = text.to;
	rc = rows_print(reply, &rows, err);
	if (vsu_text_close(&text) < 0)
		return vsu_error_sys(err, -ENOMEM, "the reply");
	if (!rc)
		screen_put(title, text.bytes, to);
	free(text.bytes);
	return rc;
}
