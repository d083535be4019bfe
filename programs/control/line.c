/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Words of a line, and the matching command of the table. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vmm-sys-util/parse.h>

#include "control/line.h"

#define MOST_COMMANDS 31u
#define TIMEOUT "timeout="
#define MAX_TIME_MS 86400000u

static const struct vmm_control_command *
command_find(const struct vmm_control_command *commands, const char *name)
{
	const struct vmm_control_command *command;

	for (command = commands; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

/* Lists all commands: the protocol has no other way to discover them. */
static int refuse_name(const struct vmm_control_command *commands,
		       const char *name, struct vsu_error *err)
{
	const char *names[MOST_COMMANDS + 1] = { NULL }, *near;
	char all[320] = "";
	size_t len = 0;
	unsigned int i;

	for (i = 0; commands[i].name && i < MOST_COMMANDS; i++) {
		names[i] = commands[i].name;
		if (len < sizeof(all))
			len += (size_t)snprintf(all + len, sizeof(all) - len,
						"%s%s", i ? ", " : "", names[i]);
	}
	near = vsu_nearest(name, names);
	return vsu_error_set(err, -ENOENT,
			     "no command '%.40s'; %s%s%shere are: %s", name,
			     near ? "did you mean '" : "", near ? near : "",
			     near ? "'? T" : "t", all);
}

unsigned int vmm_control_divide(char *line, char *words[VMM_CONTROL_WORDS + 2])
{
	unsigned int n = 0;
	char *rest = NULL, *word = strtok_r(line, " \t\r", &rest);

	for (; word && n <= VMM_CONTROL_WORDS; n++) {
		words[n] = word;
		word = strtok_r(NULL, " \t\r", &rest);
	}
	words[n] = NULL;
	return n;
}

static unsigned int count_words(char *const *words)
{
	unsigned int n = 0;

	while (words[n])
		n++;
	return n;
}

/* The word timeout= behind the command: an address or a list may contain the same text. */
static int read_timeout(const struct vmm_control_command *command, const char *word,
			uint64_t *ms, struct vsu_error *err)
{
	if (!command->waits)
		return vsu_error_set(err, -EINVAL, "%s: '%s': this command is answered at once; omit it",
				     command->name, word);
	if (vsu_parse_time(word + strlen(TIMEOUT), 1000, ms) < 0 || !*ms || *ms > MAX_TIME_MS)
		return vsu_error_set(err, -EINVAL, "%s: '%s': expected seconds, or a time such as 1m30s, up to 1d",
				     command->name, word);
	return 1;
}

/* Moves the name behind the timeout. Returns how many words precede it then. */
static int take_timeout(const struct vmm_control_command *command, char **words,
			struct vmm_line_terms *terms, struct vsu_error *err)
{
	int rc;

	terms->command = command->name;
	terms->timeout_ms = 0;
	if (!words[1] || strncmp(words[1], TIMEOUT, strlen(TIMEOUT)) != 0)
		return 0;
	rc = read_timeout(command, words[1], &terms->timeout_ms, err);
	if (rc > 0)
		words[1] = words[0];
	return rc;
}

/* Checks the words before anything is changed. */
static int check_words(const struct vmm_control_command *command, char *const *words,
		       unsigned int npassed, struct vsu_error *err)
{
	const unsigned int n = count_words(words);

	if (n - 1 < command->nargs || n - 1 > command->nargs_max)
		return vsu_error_set(err, -EINVAL,
				     "%s: %u words follow; expected '%s%s%s'",
				     words[0], n - 1, words[0],
				     command->args ? " " : "",
				     command->args ? command->args : "");
	if (npassed && !command->passes)
		return vsu_error_set(err, -EINVAL,
				     "%s: %u descriptors were sent with the line, but this command uses none",
				     words[0], npassed);
	return 0;
}

/* Executes words up to a NULL; the array is changed. An unknown command is an error, too. */
static int execute_words(const struct vmm_command_table *commands, char **words,
			 struct vmm_line_terms *terms, FILE *answer, struct vsu_error *err)
{
	const struct vmm_control_command *command = command_find(commands->rows, words[0]);
	int rc;

	if (!command)
		return refuse_name(commands->rows, words[0], err);
	rc = take_timeout(command, words, terms, err);
	if (rc < 0)
		return rc;
	words += rc;
	rc = check_words(command, words, terms->npassed, err);
	if (rc < 0)
		return rc;
	return command->fn ? command->fn(commands->opaque, words, answer, err) :
			     command->request(*commands->machine, err);
}

int vmm_control_execute(const struct vmm_command_table *commands, char *line,
			struct vmm_line_terms *terms, FILE *answer, struct vsu_error *err)
{
	char *words[VMM_CONTROL_WORDS + 2];

	if (!vmm_control_divide(line, words))
		return vsu_error_set(err, -EINVAL,
				     "an empty line; a command was expected");
	return execute_words(commands, words, terms, answer, err);
}
