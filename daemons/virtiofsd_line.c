/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/option.h>

#include "virtiofsd_line.h"

/* The reason why both are rejected, with the remedy. */
#define NO_IDMAP "an unprivileged daemon cannot translate IDs; run it as root with --translate-uid and --translate-gid"

/* Keys of -o, in the syntax of libfuse: "key=value,key". */
static const struct vsu_option keys[] = {
	{ .name = "source", .kind = VSU_OPTION_STRING },
	{ .name = "cache", .kind = VSU_OPTION_STRING },
	{ .name = "sandbox", .kind = VSU_OPTION_STRING },
	{ .name = "log_level", .kind = VSU_OPTION_STRING },
	{ .name = "xattr", .kind = VSU_OPTION_FLAG },
	{ .name = "no_xattr", .kind = VSU_OPTION_FLAG },
	{ .name = "posix_acl", .kind = VSU_OPTION_FLAG },
	{ .name = "no_posix_acl", .kind = VSU_OPTION_FLAG },
	{ .name = "flock", .kind = VSU_OPTION_FLAG },
	{ .name = "no_flock", .kind = VSU_OPTION_FLAG },
	{ .name = "posix_lock", .kind = VSU_OPTION_FLAG },
	{ .name = "no_posix_lock", .kind = VSU_OPTION_FLAG },
	{ .name = "announce_submounts", .kind = VSU_OPTION_FLAG },
	{ .name = "security_label", .kind = VSU_OPTION_FLAG },
	{ .name = "no_security_label", .kind = VSU_OPTION_FLAG },
	{ .name = "killpriv_v2", .kind = VSU_OPTION_FLAG },
	{ .name = "no_killpriv_v2", .kind = VSU_OPTION_FLAG },
	{ .name = "readdirplus", .kind = VSU_OPTION_FLAG },
	{ .name = "no_readdirplus", .kind = VSU_OPTION_FLAG },
	{ .name = "allow_root", .kind = VSU_OPTION_FLAG },
	{ .name = "no_writeback", .kind = VSU_OPTION_FLAG },
	{ .name = "writeback", .kind = VSU_OPTION_FLAG },
	{ .name = "xattrmap", .kind = VSU_OPTION_STRING },
	{ .name = "modcaps", .kind = VSU_OPTION_STRING },
	{ .name = NULL },
};

/*
 * An option of virtiofsd, with one value or any, and our equivalent. A row
 * without an equivalent is our fixed behaviour. why: rejected for this reason.
 */
static const struct word {
	const char *name, *value;
	const char *ours, *our_value;
	const char *why;
} words[] = {
	/* keys of -o */
	{ "source", NULL, "--shared-dir", NULL, NULL },
	{ "log_level", "err", "--log-level", "error", NULL },
	{ "log_level", "warn", "--log-level", "warning", NULL },
	{ "log_level", NULL, "--log-level", NULL, NULL },
	{ "posix_acl", NULL, "--posix-acl", NULL, NULL },
	{ "posix_lock", NULL, "--posix-lock", NULL, NULL },
	{ "announce_submounts", NULL, "--announce-submounts", NULL, NULL },
	{ "security_label", NULL, "--security-label", NULL, NULL },
	{ "killpriv_v2", NULL, NULL, NULL, NULL },
	{ "readdirplus", NULL, NULL, NULL, NULL },
	{ "allow_root", NULL, NULL, NULL, NULL },
	/* options */
	{ "-d", NULL, "--log-level", "debug", NULL },
	{ "-f", NULL, NULL, NULL, NULL },
	{ "--seccomp", "none", "--seccomp", "off", NULL },
	{ "--readonly", NULL, "--read-only", NULL, NULL },
	{ "--allow-direct-io", NULL, NULL, NULL, NULL },
	{ "--uid-map", NULL, NULL, NULL, NO_IDMAP },
	{ "--gid-map", NULL, NULL, NULL, NO_IDMAP },
};

/* Keys of -o that are also options, behind "--". */
static const struct word twins[] = {
	{ "cache", "none", "--cache", "never", NULL },
	{ "xattrmap", NULL, NULL, NULL, "attributes have the same names in the guest and on this host; leave it out" },
	{ "modcaps", NULL, NULL, NULL, "the daemon keeps the capabilities that its options need; leave it out" },
	{ "writeback", NULL, NULL, NULL, "the guest's writes reach this host at once; leave it out" },
};

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

static const struct word *row_find(const struct word *rows, size_t n,
				   const char *name, size_t len,
				   const char *value)
{
	const struct word *row;

	for (row = rows; row < rows + n; row++)
		if (strlen(row->name) == len && !memcmp(row->name, name, len) &&
		    (!row->value || (value && !strcmp(row->value, value))))
			return row;
	return NULL;
}

static const struct word *word_find(const char *name, size_t len,
				    const char *value)
{
	const struct word *row = row_find(words, COUNT(words), name, len, value);
	const size_t dashes = len > 2 && !memcmp(name, "--", 2) ? 2 : 0;

	return row ? row : row_find(twins, COUNT(twins), name + dashes,
				    len - dashes, value);
}

/* Owns text; NULL: allocation failed. */
static int put_take_text(struct virtiofsd_line *line, char *text)
{
	char **argv = text ? realloc(line->argv, ((size_t)line->argc + 2) *
				     sizeof(*argv)) : NULL;

	if (!argv) {
		free(text);
		return -ENOMEM;
	}
	line->argv = argv;
	argv[line->argc++] = text;
	argv[line->argc] = NULL;
	return 0;
}

static int put_option(struct virtiofsd_line *line, const char *name,
		      const char *value)
{
	char *text = NULL;

	if (!value)
		return put_take_text(line, strdup(name));
	if (asprintf(&text, "%s=%s", name, value) < 0)
		return -ENOMEM;
	return put_take_text(line, text);
}

static int put_word(struct virtiofsd_line *line, const struct word *w,
		    const char *typed, const char *value, struct vsu_error *err)
{
	if (w->why)
		return vsu_error_set(err, -EINVAL, "%s is not supported: %s",
				     typed, w->why);
	return w->ours ? put_option(line, w->ours,
				    w->our_value ? w->our_value : value) : 0;
}

/* Keys without a row: "no_" is our default, others have the same name. */
static int put_key(void *opaque, unsigned int index,
		   const struct vsu_option_value *value, struct vsu_error *err)
{
	const struct vsu_option *key = &keys[index];
	const char *text = key->kind == VSU_OPTION_STRING ? value->text : NULL;
	const struct word *w = word_find(key->name, strlen(key->name), text);
	char name[32];

	if (key->kind == VSU_OPTION_FLAG && !value->number)
		return 0;
	if (!w && !strncmp(key->name, "no_", 3))
		return 0;
	snprintf(name, sizeof(name), w ? "-o %s" : "--%s", key->name);
	return w ? put_word(opaque, w, name, text, err)
		 : put_option(opaque, name, text);
}

static int put_list(struct virtiofsd_line *line, const char *list,
		    struct vsu_error *err)
{
	char *scratch;
	int rc;

	if (!list)
		return vsu_error_set(err, -EINVAL,
				     "option -o needs a value; example: -o source=FOLDER");
	scratch = malloc(strlen(list) + 1);
	if (!scratch)
		return -ENOMEM;
	rc = vsu_option_parse_list(keys, "-o", list, scratch, strlen(list) + 1,
				   put_key, line, err);
	free(scratch);
	return rc;
}

/*
 * Translates one option; returns the number of arguments that it used, or a
 * negative errno.
 */
static int put_argument(struct virtiofsd_line *line, char *const *typed,
		     struct vsu_error *err)
{
	const char *equals = strchr(*typed, '=');
	const char *value = equals ? equals + 1 : typed[1];
	const size_t len = equals ? (size_t)(equals - *typed) : strlen(*typed);
	/* other arguments are values: a folder may have the name of a key */
	const struct word *w = **typed == '-' ? word_find(*typed, len, value) : NULL;
	int rc;

	if (!strcmp(*typed, "-o")) {
		rc = put_list(line, typed[1], err);
		return rc < 0 ? rc : 2;
	}
	if (!strncmp(*typed, "-o", 2)) {
		rc = put_list(line, *typed + 2, err);
		return rc < 0 ? rc : 1;
	}
	rc = w ? put_word(line, w, *typed, equals ? value : NULL, err)
	       : put_take_text(line, strdup(*typed));
	return rc < 0 ? rc : w && w->value && !equals ? 2 : 1;
}

int virtiofsd_line_make(struct virtiofsd_line *line, int argc,
			char *const *argv, struct vsu_error *err)
{
	int i, rc = 0;

	*line = (struct virtiofsd_line){ .argc = 0 };
	if (argc)
		rc = put_take_text(line, strdup(argv[0]));
	for (i = 1; rc >= 0 && i < argc; i += rc)
		rc = put_argument(line, argv + i, err);
	if (rc == -ENOMEM)
		vsu_error_set(err, rc, "the command line: no memory for it");
	if (rc < 0)
		virtiofsd_line_free(line);
	return rc < 0 ? rc : 0;
}

void virtiofsd_line_free(struct virtiofsd_line *line)
{
	while (line->argc)
		free(line->argv[--line->argc]);
	free(line->argv);
	line->argv = NULL;
}
