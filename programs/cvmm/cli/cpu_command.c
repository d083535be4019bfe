/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* "cvmm cpu": its command line, and what it prints. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vm-arch/cpu_words.h>
#include <vmm-sys-util/option_place.h>

#include "cli/cpu_command.h"
#include "cvmm/exit_status.h"

#define COLUMNS 80

enum { HELP, FILES };

const struct vsu_option vmm_cpu_command_options[] = {
	[HELP] = VSU_OPTION_ROW_HELP,
	[FILES] = { .name = "FILE", .kind = VSU_OPTION_OPERAND, .repeat = true },
	{ .name = NULL },
};

static int take_option(void *opaque, unsigned int index, const struct vsu_option_value *value,
		       struct vsu_error *err)
{
	struct vmm_cpu_command *c = opaque;

	if (index == HELP)
		c->help = value->number;
	else if (c->n < VMM_CPU_COMMAND_FILES)
		c->files[c->n++] = value->text;
	else
		return vsu_error_set(err, -EINVAL, "cpu: more than %d files", VMM_CPU_COMMAND_FILES);
	return 0;
}

int vmm_cpu_command_parse(struct vmm_cpu_command *c, int argc, char *const *argv,
			  struct vsu_error *err)
{
	memset(c, 0, sizeof(*c));
	return vsu_option_parse_argv(vmm_cpu_command_options, argc, argv, take_option, c, NULL, err);
}

/* Words, which are separated by blanks, in lines. */
static void print_words(char *words, FILE *out)
{
	size_t column = 0, len;
	char *word;

	while ((word = strsep(&words, " "))) {
		len = strlen(word);
		if (column + 1 + len > COLUMNS) {
			fputc('\n', out);
			column = 0;
		}
		column += (size_t)fprintf(out, "%s%s", column ? " " : "", word);
	}
	fputc('\n', out);
}

/* Files that are read, but have nothing in common, are refused as processors are. */
static int find_words(const struct vmm_cpu_command *c, char *words, struct vsu_error *err)
{
	int rc = varch_cpu_words(c->files, c->n, words, err);
	const bool files = c->n && rc != -EOPNOTSUPP;

	return rc ? cvmm_exit_status(files || rc == -E2BIG ? CVMM_STEP_CONFIGURATION : CVMM_STEP_KVM, rc) : 0;
}

int vmm_cpu_command_run(const struct vmm_cpu_command *c, FILE *out, struct vsu_error *err)
{
	static char words[VARCH_CPU_MAX_TEXT];
	int status = find_words(c, words, err);

	if (status)
		return status;
	fprintf(out, c->n ? "# What the processors in %u files have in common, for 'cvmm run --cpu=FILE'\n" :
		"# The processor of this host's KVM, for 'cvmm run --cpu=FILE'\n", c->n);
	print_words(words, out);
	return 0;
}
