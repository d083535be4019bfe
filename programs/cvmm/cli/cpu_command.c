/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* "cvmm cpu": its command line, and what it prints. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "arch/x86/cpu_description.h"
#include "base/file_value.h"
#include "base/places.h"
#include "cli/cpu_command.h"
#include "machine/exit_status.h"
#include "vm/open.h"

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

static int describe_host(struct vmm_cpu_description *d, struct vsu_error *err)
{
	struct vmm_kvm kvm = { .kvm_fd = -1, .vm_fd = -1 };
	int rc = vmm_kvm_open(&kvm, false, err);

	if (!rc)
		rc = vmm_cpuid_fetch(&kvm, err);
	if (!rc)
		rc = vmm_cpu_description_of(d, kvm.cpuid, err);
	vmm_kvm_close(&kvm);
	return rc ? vmm_exit_status(VMM_STAGE_KVM, rc) : 0;
}

static int read_file(const char *file, struct vmm_cpu_description *d, struct vsu_error *err)
{
	int rc = vmm_cpu_description_read(d, vmm_file_value_open(file, O_RDONLY | O_NOCTTY), err);

	return rc < 0 ? vsu_error_prefix(err, rc, "'%s'", file) : 0;
}

static int find_common(const struct vmm_cpu_command *c, struct vmm_cpu_description *d,
		       struct vsu_error *err)
{
	struct vmm_cpu_description other;
	unsigned int i;
	int rc = read_file(c->files[0], d, err);

	for (i = 1; !rc && i < c->n; i++) {
		rc = read_file(c->files[i], &other, err);
		if (rc < 0)
			break;
		rc = vmm_cpu_description_limit(d, &other, err);
		if (rc < 0)
			return vmm_exit_status(VMM_STAGE_KVM, vsu_error_prefix(err, rc, "'%s'", c->files[i]));
	}
	return rc ? vmm_exit_status(VMM_STAGE_CONFIGURATION, rc) : 0;
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

int vmm_cpu_command_run(const struct vmm_cpu_command *c, FILE *out, struct vsu_error *err)
{
	static char words[VMM_CPU_MAX_TEXT];
	struct vmm_cpu_description d;
	int status = c->n ? find_common(c, &d, err) : describe_host(&d, err);

	if (status)
		return status;
	if (vmm_cpu_description_write(&d, ' ', words, sizeof(words)) < 0)
		return vmm_exit_status(VMM_STAGE_CONFIGURATION, vsu_error_set(err, -E2BIG, "the description is too long"));
	fprintf(out, c->n ? "# What the processors in %u files have in common, for 'cvmm run --cpu=FILE'\n" :
		"# The processor of this host's KVM, for 'cvmm run --cpu=FILE'\n", c->n);
	print_words(words, out);
	return 0;
}
