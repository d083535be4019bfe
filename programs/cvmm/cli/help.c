/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Help texts of memory and of the devices. */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include <cvmm/option_table.h>
#include <device-kinds/kind.h>
#include <vmm-sys-util/parse.h>

#include "cli/help.h"
#include "cli/help_pages.h"
#include "control/commands.h"

#define MAX_TOPICS 40
#define MAX_KEYS 64
#define ANY "device"

static void show_keys(const char *title, const struct vsu_option *keys)
{
	char lines[6144];

	vsu_option_help_list(keys, lines, sizeof(lines));
	printf("\n%s\n%s", title, lines);
}

void vmm_help_memory(void)
{
	struct vsu_option rows[MAX_KEYS];

	cvmm_option_keys("memory", rows, MAX_KEYS, NULL);
	puts("\n--memory PROPERTIES: guest memory, such as 1G or size=1G,backend=memfd");
	show_keys("Properties:", rows);
}

/* The word of the option, as users know the kind. */
static const char *topic_of(const struct devkind *kind)
{
	return cvmm_option_of_kind(kind->name);
}

void vmm_help_topics(void)
{
	const struct devkind *kind;
	unsigned int i;

	printf("Topics: run memory " ANY);
	for (i = 0; (kind = devkind_get(i)); i++)
		printf(" %s", topic_of(kind));
	puts("; 'cvmm help TOPIC' shows properties");
	vmm_help_page_topics();
}

static void show_value(const struct devkind *kind)
{
	if (kind->value.key)
		printf("'--%s VALUE' is the same as '--%s %s=VALUE%s%s'.\n",
		       cvmm_option_of_kind(kind->name), cvmm_option_of_kind(kind->name),
		       kind->value.key, kind->value.alone ? "," : "",
		       kind->value.alone ? kind->value.alone : "");
}

/* A comma in a value is doubled. */
static void show_kind(const struct devkind *kind)
{
	struct vsu_option rows[MAX_KEYS], common;
	size_t own;

	cvmm_option_keys(cvmm_option_of_kind(kind->name), rows, MAX_KEYS, &own);
	common = rows[own];
	printf("--%s PROPERTIES, or --device %s,PROPERTIES: %s\n",
	       cvmm_option_of_kind(kind->name), kind->name, kind->summary);
	show_value(kind);
	rows[own].name = NULL;
	show_keys("Properties:", rows);
	rows[own] = common;
	show_keys("Properties of every device:", rows + own);
}

static void show_any(void)
{
	struct vsu_option rows[MAX_KEYS];

	cvmm_option_keys(ANY, rows, MAX_KEYS, NULL);
	puts("--device KIND,PROPERTIES or --device id=N,PROPERTIES: any device\n"
	     "KIND is a topic of this help, or gpu, input, scsi, crypto, sound and\n"
	     "other VIRTIO devices that a back-end serves.");
	show_keys("Properties of devices that a back-end serves:", rows);
}

bool vmm_help_device(const char *topic)
{
	const char *kind = cvmm_option_kind(topic);

	if (kind)
		show_kind(devkind_find(kind, strlen(kind)));
	else if (!strcmp(topic, ANY))
		show_any();
	else
		return false;
	return true;
}

bool vmm_help_control(const char *topic)
{
	const struct vmm_control_command *c = vmm_machine_commands;

	while (c->name && strcmp(c->name, topic) != 0)
		c++;
	if (!c->name)
		return false;
	printf("Usage: cvmm ctl SOCKET %s%s%s\nOf a machine started with --control=SOCKET: %s\n",
	       c->name, c->args ? " " : "", c->args ? c->args : "", c->help);
	return true;
}

const char *vmm_help_nearest(const char *word)
{
	const char *topics[MAX_TOPICS] = { "help", ANY };
	unsigned int i, n = 2;

	for (i = 0; devkind_get(i) && n + 1 < MAX_TOPICS; i++)
		topics[n++] = topic_of(devkind_get(i));
	for (i = 0; vmm_help_page_topic(i) && n + 1 < MAX_TOPICS; i++)
		topics[n++] = vmm_help_page_topic(i);
	return vsu_nearest(word, topics);
}
