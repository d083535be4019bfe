/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The saved machine of a template. Each clone has its devices and options, so that one of another
 * person's making could share this user's files with its guest. Only what "cvmm exec" makes is accepted:
 * known options, as they are written into a saved machine, each in a word of its own.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/file_value.h>
#include <vmm-sys-util/json_read.h>
#include <vmm-sys-util/option_list.h>

#include <cvmm/options.h>
#include "template.h"

#define FILE_NAME "machine.json"
#define MAX_BYTES (1u << 20)
#define MAX_WORDS 1024

/*
 * Options of a template, at most one of each. A clone replaces the devices fs, console and net by its
 * own, and does not use serial, sandbox and daemon-path. It reads neither the kernel, an operand, nor the
 * command line, as the machine ends when its guest restarts.
 */
static const char *const knowns[] = {
	"memory", "cpus", "cmdline", "initrd", "serial", "sandbox", "daemon-path", "device", "console",
};

/* A word "--NAME=VALUE"; without a name, the kernel. */
struct word {
	const char *name, *value;
	size_t len;		/* of the name */
};

/* False: it is not in this form, and so of no template. */
static bool split_word(const char *text, struct word *w)
{
	const char *equals = strchr(text, '=');

	*w = (struct word){ .name = "", .value = text };
	if (*text != '-')
		return true;
	if (strncmp(text, "--", 2) != 0 || !equals)
		return false;
	*w = (struct word){ .name = text + 2, .value = equals + 1, .len = (size_t)(equals - text) - 2 };
	return w->len > 0;
}

static bool has_name(const struct word *w, const char *name)
{
	return strlen(name) == w->len && !strncmp(w->name, name, w->len);
}

static unsigned int max_of(const struct cvmm_template_info *info, const struct word *w)
{
	unsigned int i;

	if (has_name(w, "fs"))
		return 1 + info->folders;
	if (has_name(w, "net"))
		return info->cards;
	for (i = 0; i < sizeof(knowns) / sizeof(knowns[0]); i++)
		if (has_name(w, knowns[i]))
			return 1;
	return !w->len;		/* a second operand would be a disk */
}

/*
 * Whether a clone would share a file, or the list cannot be read: memory that the guest cannot change. If
 * memory is shared, or the guest has changed it privately, a clone has the saved bytes.
 */
static bool is_in_file(const char *list)
{
	struct cvmm_options *o;
	struct vsu_list_item item;
	bool is = cvmm_options_new(&o, NULL) < 0;

	if (is)
		return true;
	is = cvmm_options_add(o, "memory", list, NULL) < 0;
	cvmm_options_free(o);
	while (!is && vsu_list_next(&list, &item))
		is = vsu_list_item_begins(&item, "readonly") && !vsu_list_item_is(&item, "readonly=off");
	return is;
}

/* Values that name no file of the host, and no other device. */
static bool is_own(const struct word *w)
{
	if (has_name(w, "memory"))
		return !is_in_file(w->value);
	if (has_name(w, "initrd"))
		return vsu_file_value_is_fd(w->value);
	return !has_name(w, "device") || !strcmp(w->value, "rng");
}

static int check_words(const struct cvmm_template_info *info, char *const *words, int n, struct vsu_error *err)
{
	struct word w, other;
	unsigned int before;
	int i, k;

	for (i = 0; i < n; i++) {
		bool is = split_word(words[i], &w);

		for (before = 0, k = 0; is && k < i; k++)
			before += split_word(words[k], &other) && other.len == w.len && !strncmp(other.name, w.name, w.len);
		if (!is || before >= max_of(info, &w) || !is_own(&w))
			return vsu_error_set(err, -EPERM, "template '%s': its machine has '%.80s', which cvmm makes in no template, and which each clone would have; make a template of your own",
					     info->path, words[i]);
	}
	return 0;
}

static int read_file(const struct cvmm_template_info *info, char *text, struct vsu_error *err)
{
	char folder[PATH_MAX + sizeof("/machine")];
	ssize_t n;
	int fd;

	snprintf(folder, sizeof(folder), "%s/machine", info->path);
	fd = vsu_file_value_open_in(folder, FILE_NAME, O_RDONLY | O_NOCTTY | O_NONBLOCK);
	n = fd < 0 ? fd : vsu_fd_read_full(fd, text, MAX_BYTES);
	vsu_fd_close(&fd);
	if (n < 0)
		return vsu_error_sys(err, (int)n, "'%s/" FILE_NAME "'", folder);
	text[n] = '\0';
	return 0;
}

static int check_text(const struct cvmm_template_info *info, char *text, char **words, struct vsu_error *err)
{
	int rc = read_file(info, text, err);
	int n = rc < 0 ? rc : vsu_json_read_strings(text, "arguments", words, MAX_WORDS, err);

	return n < 0 ? vsu_error_prefix(err, n, "template '%s'", info->path) : check_words(info, words, n, err);
}

int cvmm_priv_template_check_machine(const struct cvmm_template_info *info, struct vsu_error *err)
{
	char *text = malloc(MAX_BYTES + 1), **words = calloc(MAX_WORDS, sizeof(*words));
	int rc = text && words ? check_text(info, text, words, err) : vsu_error_set(err, -ENOMEM, "no memory for options");

	free(text);
	free(words);
	return rc;
}
