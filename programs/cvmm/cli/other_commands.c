/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Answers commands of other programs, and words that are not commands. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cvmm/option_table.h>
#include <vmm-sys-util/parse.h>

#include "cli/executed.h"
#include "cli/help.h"
#include "cli/help_pages.h"
#include "cli/other_commands.h"
#include "common/program_options.h"
#include "control/commands.h"

#define MAX_NAMES 64

/* Whether the names, separated by blanks, have the word. */
static bool has_word(const char *names, const char *word)
{
	const size_t len = strlen(word);
	size_t n;

	for (; *names; names += n + (names[n] == ' ')) {
		n = strcspn(names, " ");
		if (n == len && !memcmp(names, word, n))
			return true;
	}
	return false;
}

static const struct {
	const char *theirs, *answer;
} commands_of_others[] = {
	{ "ls list machines domains", "'cvmm ps' lists machines, 'cvmm template list' templates" },
	{ "top stats", "'cvmm ctl SOCKET watch' shows a machine, 'cvmm ps' all" },
	{ "inspect info describe dominfo", "'cvmm ctl SOCKET status' describes a running machine, 'cvmm show FOLDER' a saved one" },
	{ "stop shutdown poweroff halt down", "'cvmm ctl SOCKET power-button' presses the power button, 'cvmm ctl SOCKET quit' ends the machine; one of 'cvmm exec' ends with its command" },
	{ "kill destroy terminate rm remove delete undefine prune", "'cvmm ctl SOCKET quit' ends a machine, of which nothing remains; one of 'cvmm exec' ends with its command" },
	{ "start create up launch new define", "'cvmm boot IMAGE', 'cvmm run KERNEL' and 'cvmm exec -- COMMAND' make a machine and start it" },
	{ "restart reboot", "'cvmm ctl SOCKET reset' resets a machine of --reboot=restart" },
	{ "logs log", "the serial port is on standard output, and --serial-log=FILE keeps it; 'cvmm exec --log=FILE' keeps the kernel's messages" },
	{ "console attach tty", "the serial port is where --serial leads, as --serial=socket:PATH; 'cvmm help console' describes other consoles" },
	{ "ssh shell enter login", "'cvmm exec -- sh' starts a shell in a machine of its own, 'cvmm exec --in=NAME -- sh' in one with a name; the guest of 'cvmm boot' has the network of --net" },
	{ "pull push images image import load build search tag registry", "images of registries are not fetched; 'cvmm exec --oci=containers-storage:NAME' runs one that podman has fetched" },
	{ "suspend", "'cvmm ctl SOCKET pause' pauses a machine" },
	{ "unpause continue", "'cvmm ctl SOCKET resume' continues a machine" },
	{ "snapshot checkpoint", "'cvmm ctl SOCKET save FOLDER' saves a machine" },
	{ "restore from", "'cvmm run --from=FOLDER' continues a saved machine" },
	{ "clone fork", "'cvmm run --from=FOLDER --clone' clones a saved machine" },
	{ "copy scp", "'cvmm cp' copies files from and to a machine of 'cvmm exec --name=NAME'" },
	{ "mount volume volumes", "'cvmm exec --dir=FOLDER,rw' and 'cvmm run --fs=FOLDER' share a folder" },
	{ "network networks port", "--net is an option of 'cvmm exec', 'cvmm boot' and 'cvmm run'; 'cvmm help net' describes it" },
	{ "daemon serve server", "no process has to run before 'cvmm'; 'cvmm pool TEMPLATE' keeps machines ready" },
	{ "migrate-to move", "'cvmm ctl SOCKET migrate ADDRESS' moves a machine" },
	{ "attach-disk attach-device plug hotplug", "'cvmm ctl SOCKET device-add KIND,OPTIONS' adds a device" },
	{ "detach-disk detach-device unplug", "'cvmm ctl SOCKET device-del DEVICE' removes a device" },
	{ "events monitor", "'cvmm ctl SOCKET subscribe' prints events" },
};

static const struct {
	const char *words, *topic;
} synonyms[] = {
	{ "clone clones from saved restore snapshot snapshots checkpoint incoming postcopy live-migration prefetch", "migration" },
	{ "jail seccomp landlock security confinement user privileges", "sandbox" },
	{ "network networks networking passt tap bridge card nic port ports forward", "net" },
	{ "cloud-init cloud cloudinit seed image images qcow2 efi uefi bios firmware", "boot" },
	{ "kernel cmdline append initramfs serial gdb", "run" },
	{ "docker podman container containers command", "exec" },
	{ "templates", "template" },
	{ "pools", "pool" },
	{ "disks drive drives block nbd storage", "disk" },
	{ "folder folders share shared virtiofs dir mount volume", "fs" },
	{ "socket sockets metrics prometheus events api monitor qmp", "control" },
	{ "hotplug hot-plug virtio devices-of", "devices" },
	{ "ram hugepages numa", "memory" },
	{ "processor processors", "cpu" },
	{ "entropy random", "rng" },
	{ "examples howto tutorial guide service systemd", "recipes" },
};

/* ------------------------------------------------------------------- a topic */

const char *vmm_topic_meant(const char *word)
{
	const char *topic = vmm_help_page_named(word);
	size_t i;

	if (topic)
		return topic;
	word += strspn(word, "-");
	for (i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++)
		if (has_word(synonyms[i].words, word))
			return synonyms[i].topic;
	return word;
}

/* The row of run, as its help has it. */
static bool show_option(const char *name)
{
	struct vsu_option run[VMM_RUN_ROWS], one[2] = { { .name = NULL }, { .name = NULL } };
	const struct vsu_option *row = run;
	char line[1024];

	vmm_run_table(run);
	while (row->name && (strcmp(row->name, name) != 0 || row->kind == VSU_OPTION_OPERAND))
		row++;
	if (!row->name)
		return false;
	one[0] = *row;
	vsu_option_help(one, line, sizeof(line));
	printf("Option of 'cvmm run':\n%s\nManual page: cvmm(1)\n", line);
	return true;
}

static bool show_option_of(const char *command, const char *name)
{
	if (!vmm_executed_help_option(command, name))
		return false;
	printf("\nManual page: cvmm-%s(1)\n", command);
	return true;
}

bool vmm_help_option(const char *name)
{
	bool shown = show_option(name);

	shown |= show_option_of("boot", name);
	shown |= show_option_of("exec", name);
	return shown;
}

/* ----------------------------------------------------------------- refusals */

static bool is_control(const char *word)
{
	const struct vmm_control_command *c = vmm_machine_commands;

	while (c->name && strcmp(c->name, word) != 0)
		c++;
	return c->name;
}

static bool is_topic(const char *word)
{
	unsigned int i;

	for (i = 0; vmm_help_page_topic(i); i++)
		if (!strcmp(vmm_help_page_topic(i), word))
			return true;
	return cvmm_option_kind(word) || !strcmp(word, "device");
}

static int refuse_unknown(const char *word, const char *const *commands, struct vsu_error *err)
{
	const char *near = vsu_nearest(word, commands);

	return vsu_error_set(err, -ENOENT, "no command '%s'; %s '%s'", word, near ? "did you mean" : "try",
			     near ? near : "cvmm help");
}

static bool is_option(const struct vsu_option *table, const char *word)
{
	while (table->name && (table->kind == VSU_OPTION_OPERAND || strcmp(table->name, word) != 0))
		table++;
	return table->name;
}

int vmm_other_command(const char *word, const char *const *commands, struct vsu_error *err)
{
	struct vsu_option run[VMM_RUN_ROWS];
	size_t i;

	vmm_run_table(run);
	for (i = 0; i < sizeof(commands_of_others) / sizeof(commands_of_others[0]); i++)
		if (has_word(commands_of_others[i].theirs, word))
			return vsu_error_set(err, -ENOENT, "no command '%s'; %s", word, commands_of_others[i].answer);
	if (is_control(word))
		return vsu_error_set(err, -ENOENT, "no command '%s'; of a machine with --control=SOCKET it is 'cvmm ctl SOCKET %s'", word, word);
	if (is_topic(word))
		return vsu_error_set(err, -ENOENT, "no command '%s'; 'cvmm help %s' describes it", word, word);
	if (is_option(run, word))
		return vsu_error_set(err, -ENOENT, "no command '%s'; --%s is an option of 'cvmm run'", word, word);
	if (!access(word, F_OK) && (strpbrk(word, "./") || !vsu_nearest(word, commands)))
		return vsu_error_set(err, -ENOENT, "no command '%s', which is a file; 'cvmm boot FILE' boots a disk image, 'cvmm run FILE' a kernel, 'cvmm exec FILE' runs a program", word);
	return refuse_unknown(word, commands, err);
}

int vmm_other_help(const char *word, const char *const *commands, struct vsu_error *err)
{
	const char *names[MAX_NAMES];
	const char *near = vmm_help_nearest(word);
	const struct vmm_control_command *c = vmm_machine_commands;
	unsigned int n = 0;

	while (*commands && n + 1 < MAX_NAMES)
		names[n++] = *commands++;
	for (; c->name && n + 1 < MAX_NAMES; c++)
		names[n++] = c->name;
	names[n] = NULL;
	near = near ? near : vsu_nearest(word, names);
	if (near)
		return vsu_error_set(err, -ENOENT, "no topic '%s' of the help; did you mean '%s'?", word, near);
	return vsu_error_set(err, -ENOENT, "no topic '%s' of the help; 'cvmm help' lists them", word);
}
