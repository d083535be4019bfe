/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The beginning and the end of a program that cvmm executes, and its help. */
#include <config.h>

#include <stdio.h>
#include <sys/prctl.h>

#include "common/command.h"
#include "confine/privileges.h"
#include "process.h"

int vmm_command_main(int argc, char **argv, int (*fn)(int argc, char **argv))
{
	prctl(PR_SET_NAME, "cvmm");
	prog_begin("cvmm");
	confine_forbid_tracing();
	return prog_end(fn(argc, argv));
}

int vmm_command_help(const struct vsu_option *options, const char *usage)
{
	char lines[4096];

	vsu_option_help(options, lines, sizeof(lines));
	printf("%s\n\n%s", usage, lines);
	return 0;
}
