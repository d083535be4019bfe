/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Command lines from a file. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "cli/configuration.h"
#include "json_read.h"

#define MAX_BYTES (1u << 20)
#define MAX_WORDS 1024

/* The whole file, which may be a pipe, and a 0 behind it. */
static int read_all(int fd, char *text, struct vsu_error *err)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, text + len, MAX_BYTES - len);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 && len < MAX_BYTES) || (n < 0 && errno == EINTR));
	if (n < 0)
		return vsu_error_sys(err, -errno, "cannot read it");
	if (len == MAX_BYTES)
		return vsu_error_set(err, -E2BIG, "more than %u bytes", MAX_BYTES);
	text[len] = '\0';
	if (strlen(text) < len)
		return vsu_error_set(err, -EBADMSG, "byte %zu is 0", strlen(text));
	return 0;
}

static int read_words(struct vmm_configuration *c, const char *path, char **words,
		      struct vsu_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), rc, i, n;

	if (fd < 0)
		return vsu_error_sys(err, -errno, "cannot open it");
	c->text = malloc(MAX_BYTES + 1);
	rc = c->text ? read_all(fd, c->text, err) :
		       vsu_error_set(err, -ENOMEM, "no memory");
	vsu_fd_close(&fd);
	if (rc < 0)
		return rc;
	n = prog_json_read_strings(c->text, "arguments", words, MAX_WORDS, err);
	for (i = 0; i < n; i++)
		if (!strcmp(words[i], "--"))
			return vsu_error_set(err, -EINVAL, "'--' cannot be in a configuration; write ./ before a name that begins with '-'");
	return n;
}

/* The value of "--name VALUE" or "--name=VALUE", and how many words that is. */
static const char *option_value(const char *name, int argc, char *const *argv,
				int *used)
{
	const size_t len = strlen(name);

	*used = 1;
	if (strncmp(argv[0], name, len) != 0)
		return NULL;
	if (argv[0][len] == '=')
		return argv[0] + len + 1;
	*used = 2;
	return argv[0][len] || argc < 2 ? NULL : argv[1];
}

/* The index of the option; argc: absent. */
static int find_option(const char *name, int argc, char *const *argv,
		       const char **value, int *used)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		*value = option_value(name, argc - i, argv + i, used);
		if (*value)
			return i;
	}
	return argc;
}

/* Replaces "--config FILE" by the words of the file. */
static int read_config(struct vmm_configuration *c, int argc,
		       char *const *argv, struct vsu_error *err)
{
	const char *path = NULL;
	int used = 0, n = 0;
	int at = find_option("--config", argc, argv, &path, &used);
	int rest = path ? argc - at - used : 0;

	memcpy(c->words, argv, (size_t)at * sizeof(*argv));
	if (path)
		n = read_words(c, path, c->words + at, err);
	if (n < 0)
		return vsu_error_prefix(err, n, "--config '%s'", path);
	memcpy(c->words + at + n, argv + argc - rest, (size_t)rest * sizeof(*argv));
	c->n = at + n + rest;
	return 0;
}

/* ------------------------------------------------------------ a saved machine */

/* Options beside --from; all others are those of the saved machine. */
static const struct changeable {
	const char *name;
	bool is_flag;
} changeable[] = {
	{ "--from", false }, { "--control", false }, { "--serial", false },
	{ "--socket-mode", false }, { "--socket-group", false },
	{ "--on-memory-error", false }, { "--log-level", false },
	{ "--verbose", true }, { "--dry-run", true }, { "--json", true },
};

static bool is_option(const char *word, const char *name)
{
	const size_t len = strlen(name);

	return !strncmp(word, name, len) && (!word[len] || word[len] == '=');
}

static const struct changeable *find_changeable(const char *word)
{
	size_t i;

	for (i = 0; i < sizeof(changeable) / sizeof(changeable[0]); i++)
		if (is_option(word, changeable[i].name))
			return &changeable[i];
	return NULL;
}

static int check_changes(int argc, char *const *argv, struct vsu_error *err)
{
	const struct changeable *c;
	int i;

	for (i = 1; i < argc; i++) {
		c = find_changeable(argv[i]);
		if (!c)
			return vsu_error_set(err, -EINVAL,
					     "'%s' cannot change a saved machine",
					     argv[i]);
		i += !c->is_flag && !strchr(argv[i], '=');
	}
	return 0;
}

/* False if the new command line has this option. */
static bool is_kept(const char *word, int argc, char *const *argv)
{
	const size_t len = strcspn(word, "=");
	int i;

	if (word[0] != '-')
		return true;
	for (i = 1; i < argc; i++)
		if (strcspn(argv[i], "=") == len && !strncmp(argv[i], word, len))
			return false;
	return true;
}

/* Saved words without options that are given anew, and their values. */
static int drop_words(char **words, int n, int argc, char *const *argv)
{
	int from = 0, to = 0;
	bool kept;

	while (from < n) {
		kept = is_kept(words[from], argc, argv);
		if (kept)
			words[to++] = words[from];
		from++;
		if (!kept && !strchr(words[from - 1], '=') && from < n &&
		    words[from][0] != '-')
			from++;
	}
	return to;
}

/* Puts the saved words in front of the new ones. */
static int read_saved(struct vmm_configuration *c, const char *folder,
		      int argc, char *const *argv, struct vsu_error *err)
{
	char *path;
	int n, rc = check_changes(argc, argv, err);

	if (rc < 0)
		return rc;
	if (asprintf(&path, "%s/machine.json", folder) < 0)
		return vsu_error_set(err, -ENOMEM, "no memory for a path");
	n = read_words(c, path, c->words + 1, err);
	if (n < 0)
		n = vsu_error_prefix(err, n, "'%s'", path);
	free(path);
	if (n < 0)
		return n;
	n = drop_words(c->words + 1, n, argc, argv);
	c->words[0] = argv[0];
	memcpy(c->words + 1 + n, argv + 1, (size_t)(argc - 1) * sizeof(*argv));
	c->n = argc + n;
	return 0;
}

int vmm_configuration_read(struct vmm_configuration *c, int argc,
			   char *const *argv, struct vsu_error *err)
{
	const char *folder = NULL;
	int used, rc;

	memset(c, 0, sizeof(*c));
	c->words = calloc((size_t)argc + MAX_WORDS + 1, sizeof(*c->words));
	if (!c->words)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	find_option("--from", argc, argv, &folder, &used);
	rc = folder ? read_saved(c, folder, argc, argv, err) :
		      read_config(c, argc, argv, err);
	if (rc < 0)
		return folder ? vsu_error_prefix(err, rc, "--from '%s'", folder) : rc;
	c->words[c->n] = NULL;
	return 0;
}

void vmm_configuration_free(struct vmm_configuration *c)
{
	free(c->words);
	free(c->text);
	c->words = NULL;
	c->text = NULL;
}
