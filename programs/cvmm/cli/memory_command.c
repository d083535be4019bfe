/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Memory back-ends one by one, as a machine would allocate them. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vmm-sys-util/option.h>

#include "cli/memory_command.h"
#include "common/dry_run.h"
#include "common/program_log.h"
#include "cvmm/memory.h"

enum { JSON, HELP, PROPERTIES };

const struct vsu_option vmm_memory_command_options[] = {
	[JSON] = { .name = "json", .kind = VSU_OPTION_FLAG,
		   .help = "one JSON object per line" },
	[HELP] = VSU_OPTION_ROW_HELP,
	[PROPERTIES] = { .name = "PROPERTIES", .kind = VSU_OPTION_OPERAND,
			 .repeat = true },
	{ .name = NULL },
};

static int take_option(void *opaque, unsigned int index,
		       const struct vsu_option_value *value,
		       struct vsu_error *err)
{
	struct vmm_memory_command *c = opaque;

	if (index == JSON)
		c->json = value->number;
	else if (index == HELP)
		c->help = value->number;
	else if (c->n < VMM_MEMORY_COMMAND_LISTS)
		c->lists[c->n++] = value->text;
	else
		return vsu_error_set(err, -EINVAL,
				     "memory: more than %d lists of properties",
				     VMM_MEMORY_COMMAND_LISTS);
	return 0;
}

int vmm_memory_command_parse(struct vmm_memory_command *command, int argc,
			     char *const *argv, struct vsu_error *err)
{
	int rc;

	memset(command, 0, sizeof(*command));
	rc = vsu_option_parse_argv(vmm_memory_command_options, argc, argv,
				   take_option, command, NULL, err);
	if (rc < 0 || command->help || command->n)
		return rc;
	return vsu_error_set(err, -ENOENT,
			     "memory: no properties; example: 'size=1G,backend=memfd'");
}

static int try_one(struct cvmm_memory_trial *trial, bool json, struct vsu_error *err)
{
	struct cvmm_memory *memory;
	int status = 0;

	trial->status = &status;
	if (cvmm_memory_new(trial, &memory, err) < 0)
		return status;
	vmm_report_block(cvmm_memory_block(memory), stdout, json);
	cvmm_memory_free(memory);
	return 0;
}

int vmm_memory_command_run(const struct vmm_memory_command *command,
			   struct vmem_sigbus *sigbus, struct vsu_error *err)
{
	char name[32] = "memory";
	struct cvmm_memory_trial trial = {
		.size = sizeof(trial), .name = name, .log = prog_log_machine, .sigbus = sigbus,
	};
	unsigned int i;
	int status = 0;

	for (i = 0; !status && i < command->n; i++) {
		if (command->n > 1)
			snprintf(name, sizeof(name), "memory %u", i + 1);
		trial.properties = command->lists[i];
		status = try_one(&trial, command->json, err);
	}
	return status;
}
