/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The saved machine of a template. Each clone has its devices and options, so that one of another
 * person's making could share this user's files with its guest. Only what "cvmm exec" makes is accepted.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/file_value.h>
#include <vmm-sys-util/json_read.h>

#include "config/arguments.h"
#include "config/option_rows.h"
#include "exec/template.h"
#include "memory/memory_options.h"
#include "memory/memory_specs.h"
#include "memory/pieces.h"

#define FILE_NAME "machine.json"
#define MAX_BYTES (1u << 20)
#define MAX_WORDS 1024

/*
 * Options of a template, and how many. Those of the devices fs, console and net are replaced by the
 * clone's own; serial, sandbox and daemon-path do not count; the kernel and its command line are not read
 * again, as the machine ends when its guest restarts.
 */
static const struct known {
	const char *name;
	unsigned int max;
} knowns[] = {
	{ "memory", 1 }, { "cpus", 1 }, { "cmdline", 1 }, { "initrd", 1 }, { "KERNEL", 1 }, { "serial", 1 },
	{ "sandbox", 1 }, { "daemon-path", 1 }, { "device", 1 }, { "console", 1 },
};

static unsigned int max_of(const struct vmm_template_info *info, const char *name)
{
	unsigned int i;

	if (!strcmp(name, "fs"))
		return 1 + info->folders;
	if (!strcmp(name, "net"))
		return info->net;
	for (i = 0; i < sizeof(knowns) / sizeof(knowns[0]); i++)
		if (!strcmp(name, knowns[i].name))
			return knowns[i].max;
	return 0;
}

/*
 * Whether a clone would share a file, or the list cannot be read. Of memory that is shared or that the
 * guest has changed privately, a clone maps or reads the saved bytes instead of the file.
 */
static bool is_in_file(const char *text)
{
	const struct vmm_memory_lists lists = { .what = "--memory", .list = { text }, .n = 1 };
	struct vmm_piece_facts facts;
	struct vmm_memory_specs specs;
	bool is = true;

	if (vmm_memory_specs_read(&specs, &lists, NULL) < 0)
		return true;
	if (specs.n == 1 && !vmm_memory_specs_check(&specs, NULL, NULL)) {
		facts = vmm_piece_facts_of(&specs.list[0]);
		is = facts.file && facts.readonly;
	}
	vmm_memory_specs_free(&specs);
	return is;
}

/* Values that name no file of the host, and no other device. */
static bool is_own(const struct vmm_argument *a)
{
	const char *name = vmm_argument_name(a), *text = a->value.text;

	if (!strcmp(name, "memory"))
		return !is_in_file(text);
	if (!strcmp(name, "initrd"))
		return vsu_file_value_is_fd(text);
	return strcmp(name, "device") != 0 || !strcmp(text, "rng");
}

static unsigned int count_before(const struct vmm_arguments *all, unsigned int end)
{
	unsigned int i, n = 0;

	for (i = 0; i < end; i++)
		n += !strcasecmp(vmm_argument_name(&all->list[i]), vmm_argument_name(&all->list[end]));
	return n;
}

static int check_arguments(const struct vmm_template *t, const struct vmm_arguments *all, struct vsu_error *err)
{
	unsigned int i;

	for (i = 0; i < all->n; i++) {
		const struct vmm_argument *a = &all->list[i];
		const char *name = vmm_argument_name(a);

		if (count_before(all, i) >= max_of(&t->info, name) || !is_own(a))
			return vsu_error_set(err, -EPERM, "template '%s': its machine has '%s%s%s%.64s', which cvmm makes in no template, and which each clone would have; make a template of your own",
					     t->path, a->row->option.kind == VSU_OPTION_OPERAND ? "" : "--", name,
					     a->value.text ? "=" : "", a->value.text ? a->value.text : "");
	}
	return 0;
}

static int read_file(const struct vmm_template *t, char *text, struct vsu_error *err)
{
	char folder[PATH_MAX + sizeof("/machine")];
	ssize_t n;
	int fd;

	snprintf(folder, sizeof(folder), "%s/machine", t->path);
	fd = vsu_file_value_open_in(folder, FILE_NAME, O_RDONLY | O_NOCTTY | O_NONBLOCK);
	n = fd < 0 ? fd : vsu_fd_read_full(fd, text, MAX_BYTES);
	vsu_fd_close(&fd);
	if (n < 0)
		return vsu_error_sys(err, (int)n, "'%s/" FILE_NAME "'", folder);
	text[n] = '\0';
	return 0;
}

static int check_text(const struct vmm_template *t, char *text, char **words, struct vsu_error *err)
{
	struct vmm_arguments all;
	int rc = read_file(t, text, err);
	int n = rc < 0 ? rc : vsu_json_read_strings(text, "arguments", words + 1, MAX_WORDS, err);

	if (n < 0)
		return vsu_error_prefix(err, n, "template '%s'", t->path);
	words[0] = (char[]){ "run" };
	rc = vmm_arguments_parse(&all, n + 1, words, err);
	if (!rc)
		rc = check_arguments(t, &all, err);
	vmm_arguments_free(&all);
	return rc;
}

int vmm_template_check_machine(const struct vmm_template *t, struct vsu_error *err)
{
	char *text = malloc(MAX_BYTES + 1), **words = calloc(MAX_WORDS + 2, sizeof(*words));
	int rc = text && words ? check_text(t, text, words, err) : vsu_error_set(err, -ENOMEM, "no memory for options");

	free(text);
	free(words);
	return rc;
}
