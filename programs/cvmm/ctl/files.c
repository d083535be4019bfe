/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Opens the files of a command, and replaces their names by those of descriptors. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/file_value.h>

#include "ctl/device_files.h"
#include "ctl/files.h"
#include "control/save_words.h"

/* Replaces the line from position at by text, with its newline. -E2BIG. */
static int replace_rest(struct vmm_control_text *line, size_t at, const char *text,
			struct vsu_error *err)
{
	const size_t len = strlen(text);

	if (at + len + 1 > sizeof(line->text))
		return vsu_error_set(err, -E2BIG,
				     "ctl: the command with the names of descriptors is longer than %u bytes",
				     VMM_CONTROL_LINE);
	memcpy(line->text + at, text, len);
	line->text[at + len] = '\n';
	line->len = at + len + 1;
	return 0;
}

/* The text behind a word at the line's beginning, in the caller's memory; NULL. */
static char *text_behind(const struct vmm_control_text *line, const char *word)
{
	const size_t len = strlen(word);

	return line->len > len && !memcmp(line->text, word, len) ?
	       strndup(line->text + len, line->len - len - 1) : NULL;
}

/* ----------------------------------------------------------------- device-add */

static int open_device(struct vmm_control_files *f, struct vmm_control_text *line,
		       const char *word, const char *list, struct vsu_error *err)
{
	struct vmm_device_files files;
	int rc;

	if (strpbrk(list, " \t"))
		return 0;
	rc = vmm_device_files_open(&files, list, err);
	memcpy(f->fds, files.fds, files.n * sizeof(files.fds[0]));
	f->n = files.n;
	if (!rc && files.list)
		rc = replace_rest(line, strlen(word), files.list, err);
	free(files.list);
	return rc;
}

/* ----------------------------------------------------------------------- save */

/* False if the words are not those of a save into one folder: the machine refuses them. */
static bool read_save(char *text, struct cvmm_save *save)
{
	char *words[VMM_CONTROL_WORDS + 2];
	unsigned int n;

	vmm_control_divide(text, words);
	save->folder = words[0];
	return !vmm_save_words_read(words, &n, save, NULL) && n == 1;
}

/* Undone if not all of it is possible: the machine says why, or can do it. */
static int open_folder(struct vmm_control_files *f, struct vmm_control_text *line,
		       const char *word, const char *name, struct vsu_error *err)
{
	struct cvmm_save save = { .size = sizeof(save) };
	char words[VMM_CONTROL_LINE], text[VMM_CONTROL_LINE];
	struct vsu_error why = VSU_ERROR_INIT;
	int rc;

	snprintf(words, sizeof(words), "%s", name);
	if (!read_save(words, &save) || vsu_file_value_is_fd(save.folder))
		return 0;
	rc = cvmm_saved_target_new(save.folder, f->fds, &f->save, &why);
	if (rc < 0)
		return rc == -EEXIST ? vsu_error_set(err, rc, "save: %s", why.msg) : 0;
	f->n = CVMM_SAVED_FILES;
	f->keeps = strlen(word) > strlen("save ") && save.then == CVMM_THEN_STOP;
	snprintf(text, sizeof(text), "fd:0 fd:1 fd:2%s", name + strspn(name, " \t") + strlen(save.folder));
	return replace_rest(line, strlen(word), text, err);
}

/* ----------------------------------------------------------------------- core */

static int create_core(struct vmm_control_files *f, struct vmm_control_text *line,
		       const char *word, const char *name, struct vsu_error *err)
{
	int fd;

	if (strpbrk(name, " \t") || vsu_file_value_is_fd(name))
		return 0;
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == EEXIST ?
		       vsu_error_set(err, -EEXIST, "core: '%s' exists; name a new file", name) : 0;
	f->fds[f->n++] = fd;
	f->core = strdup(name);
	if (!f->core) {
		unlink(name);
		return vsu_error_set(err, -ENOMEM, "no memory for a path");
	}
	return replace_rest(line, strlen(word), "fd:0", err);
}

/* -------------------------------------------------------------------- migrate */

static int start_command(struct vmm_control_files *f, struct vmm_control_text *line,
			 const char *word, const char *text, struct vsu_error *err)
{
	static const char scheme[] = "exec:";
	const char *address = text;
	int sock;

	/* options are words before it */
	while (address && strncmp(address, scheme, strlen(scheme)) != 0) {
		address = strchr(address, ' ');
		if (address)
			address++;
	}
	if (!address)
		return 0;
	sock = cvmm_migration_start_command(address + strlen(scheme), &f->command, err);
	if (sock < 0)
		return sock;
	f->fds[f->n++] = sock;
	return replace_rest(line, strlen(word) + (size_t)(address - text), "fd:0", err);
}

/* ------------------------------------------------------------------------ all */

static const struct {
	const char *word;
	int (*open)(struct vmm_control_files *f, struct vmm_control_text *line,
		    const char *word, const char *text, struct vsu_error *err);
} commands[] = {
	{ "device-add ", open_device },
	{ "save ", open_folder },
	{ "core ", create_core },
	{ "migrate ", start_command },
};

/* The command with its space, and with a timeout= that follows. */
static void put_word(char word[VMM_CONTROL_LINE], const struct vmm_control_text *line,
		     const char *command)
{
	static const char timeout[] = "timeout=";
	const char *rest = line->text + strlen(command), *end;
	size_t len = strlen(command);

	if (line->len > len + strlen(timeout) &&
	    !memcmp(rest, timeout, strlen(timeout))) {
		end = memchr(rest, ' ', line->len - len);
		len += end ? (size_t)(end - rest) + 1 : 0;
	}
	snprintf(word, VMM_CONTROL_LINE, "%s%.*s", command, (int)(len - strlen(command)), rest);
}

int vmm_control_files_open(struct vmm_control_files *f, struct vmm_control_text *line,
			   struct vsu_error *err)
{
	char word[VMM_CONTROL_LINE];
	char *text;
	size_t i;
	int rc = 0;

	*f = (struct vmm_control_files){ .n = 0 };
	for (i = 0; !rc && i < sizeof(commands) / sizeof(*commands); i++) {
		put_word(word, line, commands[i].word);
		text = text_behind(line, word);
		if (text)
			rc = commands[i].open(f, line, word, text, err);
		free(text);
	}
	return rc;
}

void vmm_control_files_sent(struct vmm_control_files *f)
{
	while (f->n)
		vsu_fd_close(&f->fds[--f->n]);
}

int vmm_control_files_end(struct vmm_control_files *f, bool done, struct vsu_error *err)
{
	int rc = 0;

	vmm_control_files_sent(f);
	/* The machine may have ended with this state, which is never removed then. */
	if (f->save && done)
		rc = cvmm_saved_target_publish(f->save, err);
	else if (f->save && !f->keeps)
		cvmm_saved_target_remove(f->save);
	cvmm_saved_target_free(f->save);
	if (f->core && !done)
		unlink(f->core);
	free(f->core);
	f->core = NULL;
	if (f->command)
		cvmm_migration_end_command(f->command);
	return rc;
}
