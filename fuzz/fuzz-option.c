/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Typed text: the first byte selects a key=value list or a command line, whose
 * words are separated by newlines. Invariants: a rejection is a printable
 * sentence, and an accepted size is printed and parsed back as the same one.
 */
#include <config.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/option.h>
#include <vmm-sys-util/parse.h>

#define MAX_WORDS 64

static const char *const engines[] = { "auto", "io_uring", "sync", NULL };

static const struct vsu_option table[] = {
	{ .name = "file", .kind = VSU_OPTION_STRING, .arg = "FILE" },
	{ .name = "read-only", .kind = VSU_OPTION_FLAG, .letter = 'r' },
	{ .name = "num-queues", .kind = VSU_OPTION_U64, .min = 1, .max = 16 },
	{ .name = "size", .kind = VSU_OPTION_SIZE, .repeat = true },
	{ .name = "engine", .kind = VSU_OPTION_CHOICE, .choices = engines,
	  .repeat = true },
	{ .name = "WORD", .kind = VSU_OPTION_OPERAND, .repeat = true },
	{ .name = NULL },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static int take(void *opaque, unsigned int index,
		const struct vsu_option_value *value, struct vsu_error *err)
{
	const struct vsu_option *o = &table[index];
	char text[32];
	uint64_t back;

	(void)err;
	++*(unsigned int *)opaque;
	demand(index < 6 && value->text);
	if (o->max)
		demand(value->number >= o->min && value->number <= o->max);
	if (o->choices)
		demand(!strcmp(o->choices[value->number], value->text));
	if (o->kind != VSU_OPTION_SIZE)
		return 0;
	vsu_format_size(value->number, text, sizeof(text));
	demand(!vsu_parse_size(text, &back) && back == value->number);
	return 0;
}

static void check_sentence(int rc, const struct vsu_error *err)
{
	const char *end = memchr(err->msg, '\0', sizeof(err->msg));
	const char *c;

	demand(end);
	if (rc >= 0)
		return;
	demand(err->code == rc && end != err->msg);
	for (c = err->msg; c < end; c++)
		demand((unsigned char)*c >= 0x20 && *c != 0x7f);
}

static void parse_words(char *text)
{
	char *argv[MAX_WORDS + 1] = { text };
	struct vsu_error err = VSU_ERROR_INIT;
	unsigned int taken = 0;
	int argc = 1, operands = -1, rc;
	char *next = text;

	while (argc < MAX_WORDS && (next = strchr(next, '\n'))) {
		*next++ = '\0';
		argv[argc++] = next;
	}
	rc = vsu_option_parse_argv(table, argc, argv, take, &taken, &operands,
				   &err);
	check_sentence(rc, &err);
	demand(rc < 0 ? operands == -1 : operands >= 1 && operands <= argc);
	rc = vsu_option_parse_argv(table, argc, argv, take, &taken, NULL, &err);
	check_sentence(rc, &err);
}

static void parse_list(const char *text)
{
	size_t room = strlen(text) + 1;
	char *scratch = malloc(room);
	struct vsu_error err = VSU_ERROR_INIT;
	unsigned int taken = 0;

	demand(scratch);
	check_sentence(vsu_option_parse_list(table, "--disk", text, scratch,
					     room, take, &taken, &err), &err);
	free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size)
		return 0;
	text = malloc(size);
	demand(text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] & 1)
		parse_words(text);
	else
		parse_list(text);
	free(text);
	return 0;
}
