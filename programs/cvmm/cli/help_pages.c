/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Topics of "cvmm help" with a manual page. */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include <cvmm/option_table.h>
#include <device-kinds/kind.h>
#include <vmm-sys-util/parse.h>

#include "cli/help_pages.h"
#include "control/commands.h"
#include "common/program_options.h"

static const struct {
	const char *topic;
	const char *page;
	const char *section;
	const char *summary;		/* NULL: a command, which prints its own */
	enum vmm_topic about;		/* the options of run and commands of ctl that it lists */
	bool kinds;			/* lists the devices */
} pages[] = {
	{ .topic = "run", .page = "cvmm", .section = "1" },
	{ .topic = "boot", .page = "cvmm-boot", .section = "1" },
	{ .topic = "exec", .page = "cvmm-exec", .section = "1" },
	{ .topic = "cp", .page = "cvmm-cp", .section = "1" },
	{ .topic = "template", .page = "cvmm-template", .section = "1" },
	{ .topic = "pool", .page = "cvmm-pool", .section = "1" },
	{ .topic = "initrd", .page = "cvmm-initrd", .section = "1" },
	{ .topic = "oci", .page = "cvmm-oci", .section = "1" },
	{ .topic = "memory", .page = "cvmm-memory", .section = "7" },
	{ .topic = "ctl", .page = "cvmm-control", .section = "7" },
	{ .topic = "cpu", .page = "cvmm-migration", .section = "7" },
	{ .topic = "show", .page = "cvmm-migration", .section = "7" },
	{ .topic = "ps", .page = "cvmm-control", .section = "7" },
	{ .topic = "control", .page = "cvmm-control", .section = "7",
	  .summary = "Control of a running machine: 'cvmm ctl SOCKET COMMAND'",
	  .about = VMM_TOPIC_CONTROL },
	{ .topic = "devices", .page = "cvmm-devices", .section = "7",
	  .summary = "Devices of a machine; 'cvmm help disk' and others show properties",
	  .kinds = true },
	{ .topic = "migration", .page = "cvmm-migration", .section = "7",
	  .summary = "Save a machine, continue or clone it, and move it to another process or host",
	  .about = VMM_TOPIC_MIGRATION },
	{ .topic = "guest", .page = "cvmm-exec-guest", .section = "7",
	  .summary = "What a command of 'cvmm exec' finds in its guest: devices, mounts, limits, names, its process" },
	{ .topic = "recipes", .page = "cvmm-recipes", .section = "7",
	  .summary = "Recipes: a cloud image, networks by passt and tap, shared folders, logs, clones, updates,\n"
		     "services, limits, and migration over ssh" },
	{ .topic = "sandbox", .page = "cvmm-sandbox", .section = "7",
	  .summary = "Limits of what a machine can access on its host",
	  .about = VMM_TOPIC_SANDBOX },
};

#define NPAGES (sizeof(pages) / sizeof(pages[0]))

static void show_options(enum vmm_topic about)
{
	struct vsu_option table[VMM_RUN_ROWS], *row, *to = table;
	char lines[2048];

	vmm_run_table(table);
	for (row = table; row->name; row++)
		if (vmm_run_topic(row->name) == about)
			*to++ = *row;
	to->name = NULL;
	vsu_option_help(table, lines, sizeof(lines));
	printf("\nOptions of 'cvmm run':\n%s", lines);
}

static void show_commands(enum vmm_topic about)
{
	const struct vmm_control_command *c;
	bool any = false;

	for (c = vmm_machine_commands; c->name; c++) {
		if (about != VMM_TOPIC_CONTROL && !(c->moves && about == VMM_TOPIC_MIGRATION))
			continue;
		printf("%s  %-16s %s\n", any ? "" : "\nCommands of 'cvmm ctl SOCKET':\n", c->name, c->help);
		any = true;
	}
}

static void show_kinds(void)
{
	const struct devkind *kind;
	unsigned int i;

	puts("\nDevices:");
	for (i = 0; (kind = devkind_get(i)); i++)
		printf("  --%-14s %s\n", cvmm_option_of_kind(kind->name), kind->summary);
}

static void show_summary(unsigned int i)
{
	puts(pages[i].summary);
	if (pages[i].about) {
		show_options(pages[i].about);
		show_commands(pages[i].about);
	}
	if (pages[i].kinds)
		show_kinds();
}

bool vmm_help_page(const char *topic)
{
	unsigned int i;

	for (i = 0; i < NPAGES; i++) {
		if (strcmp(pages[i].topic, topic) != 0)
			continue;
		if (pages[i].summary)
			show_summary(i);
		printf("\nManual page: %s(%s)\n", pages[i].page, pages[i].section);
		return true;
	}
	return false;
}

void vmm_help_page_topics(void)
{
	unsigned int i;

	printf("Pages:");
	for (i = 0; i < NPAGES; i++)
		if (pages[i].summary)
			printf(" %s", pages[i].topic);
	puts("; 'cvmm help PAGE' shows a summary of a manual page");
}

const char *vmm_help_page_named(const char *name)
{
	const size_t len = strcspn(name, "(");
	unsigned int i;

	for (i = 0; i < NPAGES; i++)
		if (strlen(pages[i].page) == len && !memcmp(pages[i].page, name, len))
			return pages[i].topic;
	return NULL;
}

const char *vmm_help_page_topic(unsigned int n)
{
	return n < NPAGES ? pages[n].topic : NULL;
}
