/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The command line of a saved machine, or of a migration's source, which is another process,
 * and the options that are given instead: words separated by newlines, an empty one between
 * the two. The first byte selects the origin. Invariants: a rejection is a printable sentence;
 * merged arguments are written as words that parse to the same arguments, devices as lists that
 * read as the same devices; and options that are refused leave nothing behind.
 */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/device_option.h"
#include "config/options.h"
#include "config/option_rows.h"
#include "config/merge.h"
#include "config/own_rows.h"
#include "play.h"

#define MAX_WORDS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct line {
	char *argv[MAX_WORDS + 2];
	int argc;
};

static char command[] = "run";

static void check_sentence(const struct vsu_error *err)
{
	const char *c;

	CHECK(err->msg[0]);
	for (c = err->msg; *c; c++)
		CHECK((unsigned char)*c >= ' ' && *c != 0x7f);
}

/* Words up to an empty one, behind which text moves; the last argument is NULL. */
static void split_words(struct line *line, char **text)
{
	char *word;

	line->argc = 0;
	line->argv[line->argc++] = command;
	while ((word = strsep(text, "\n")) && *word)
		if (line->argc <= MAX_WORDS)
			line->argv[line->argc++] = word;
	line->argv[line->argc] = NULL;
}

/* An operand that looks like an option has another name for the same file. */
static void check_same(const struct vmm_argument *a, const struct vmm_argument *b)
{
	const bool renamed = a->row->option.kind == VSU_OPTION_OPERAND && a->value.text[0] == '-';

	CHECK(a->row == b->row);
	CHECK(!renamed || !strncmp(b->value.text, "./", 2));
	CHECK(!strcmp(a->value.text, b->value.text + (renamed ? 2 : 0)));
	CHECK(a->row->option.kind == VSU_OPTION_STRING || a->row->how ||
	      a->value.number == b->value.number);
}

static void check_words(const struct vmm_arguments *merged)
{
	struct vmm_arguments again;
	struct vmm_words words;
	char **argv;
	unsigned int i;

	CHECK(!vmm_arguments_write(merged, &words, NULL));
	argv = calloc((size_t)words.n + 2, sizeof(*argv));
	CHECK(argv);
	argv[0] = command;
	memcpy(argv + 1, words.words, (size_t)words.n * sizeof(*argv));
	CHECK(!vmm_own_rows_parse(NULL, words.n + 1, argv, &again, NULL));
	CHECK(again.n == merged->n);
	for (i = 0; i < again.n; i++)
		check_same(&merged->list[i], &again.list[i]);
	vmm_arguments_free(&again);
	vmm_words_free(&words);
	free(argv);
}

/* The list that is written of a device reads as the same device. */
static void check_device(const struct vmm_device_spec *spec, enum vmm_device_how how)
{
	struct vmm_device_option option = { how == VMM_DEVICE_DISK_PATH ? VMM_DEVICE_DISK : how, NULL };
	static struct vmm_device_spec again;
	char *list, *same;

	if (vmm_device_option_write(spec, option.how, false, &list, NULL) == -E2BIG)
		return;
	option.list = list;
	CHECK(!vmm_device_option_parse(&option, NULL, &again, NULL));
	CHECK(!vmm_device_option_write(&again, option.how, false, &same, NULL));
	CHECK(!strcmp(list, same));
	free(same);
	free(list);
}

static void read_options(const struct vmm_arguments *merged)
{
	static struct vmm_options options, none;
	struct vsu_error err = VSU_ERROR_INIT;
	unsigned int i;

	if (vmm_options_read(&options, merged, &err) < 0) {
		check_sentence(&err);
		CHECK(!memcmp(&options, &none, sizeof(none)));
	}
	for (i = 0; i < options.machine.ndevices; i++)
		check_device(&options.machine.specs[i], options.machine.devices[i].how);
	vmm_options_free(&options);
}

static void merge(struct line *saved_line, struct line *given_line, enum vmm_origin origin)
{
	struct vmm_arguments saved, given, merged = { .n = 0 };
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmm_ignored ignored;
	int rc = vmm_own_rows_parse(NULL, saved_line->argc, saved_line->argv, &saved, &err);
	int more = vmm_own_rows_parse(NULL, given_line->argc, given_line->argv, &given, rc ? NULL : &err);

	rc = rc ? rc : more;
	if (!rc)
		rc = vmm_arguments_merge(&merged, &ignored, &saved, origin, &given, &err);
	if (rc < 0) {
		check_sentence(&err);
	} else {
		check_words(&merged);
		read_options(&merged);
	}
	vmm_arguments_free(&merged);
	vmm_arguments_free(&given);
	vmm_arguments_free(&saved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct line saved, given;
	char *text, *at;

	if (!size)
		return 0;
	text = at = malloc(size);
	CHECK(text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	split_words(&saved, &at);
	split_words(&given, &at);
	merge(&saved, &given, data[0] & 1 ? VMM_ORIGIN_STREAM : VMM_ORIGIN_SAVED);
	free(text);
	return 0;
}
