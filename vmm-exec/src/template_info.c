/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The description of a template as text: lines "KEY VALUE". */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <vmm-sys-util/parse.h>

#include "template.h"

/* Members; size 0: a number. An optional one is 0 if it is missing. */
static const struct {
	const char *key;
	size_t at, size;	/* the maximum of a text, with its NUL */
	bool is_optional;
} members[] = {
#define AT(member) offsetof(struct cvmm_template_info, member)
	{ "cvmm", AT(version), 32, false },
	{ "kernel", AT(kernel), PATH_MAX, false },
	{ "root", AT(root), PATH_MAX, false },
	{ "memory", AT(memory), 256, false },
	{ "agent", AT(agent), 0, false },
	{ "cpus", AT(cpus), 0, false },
	{ "folders", AT(folders), 0, false },
	{ "net", AT(cards), 0, true },	/* absent in those of earlier versions */
};

#define NMEMBERS (sizeof(members) / sizeof(members[0]))

/* --------------------------------------------------------------------- reading */

static bool read_member(struct cvmm_template_info *info, unsigned int i, const char *value)
{
	char *at = (char *)info + members[i].at;
	uint64_t number;

	if (members[i].size) {
		memcpy(at, &value, sizeof(value));
		return strlen(value) < members[i].size;
	}
	if (vsu_parse_u64(value, &number) < 0 || number > UINT32_MAX)
		return false;
	memcpy(at, &(uint32_t){ (uint32_t)number }, sizeof(uint32_t));
	return true;
}

static unsigned int required_members(void)
{
	unsigned int i, all = 0;

	for (i = 0; i < NMEMBERS; i++)
		all |= members[i].is_optional ? 0 : 1u << i;
	return all;
}

/* Keys of later versions are ignored. */
bool cvmm_priv_template_parse(struct cvmm_template_info *info, char *text)
{
	unsigned int i, found = 0;
	char *line, *rest = text, *space;

	while ((line = strsep(&rest, "\n"))) {
		space = strchr(line, ' ');
		if (!space)
			continue;
		*space = '\0';
		for (i = 0; i < NMEMBERS; i++)
			if (!strcmp(line, members[i].key) && read_member(info, i, space + 1))
				found |= 1u << i;
	}
	return (found & required_members()) == required_members();
}

/* --------------------------------------------------------------------- writing */

static int check_text(unsigned int i, const char *text, struct vsu_error *err)
{
	if (!text)
		return vsu_error_set(err, -EINVAL, "the member '%s' of a template is NULL", members[i].key);
	if (strchr(text, '\n'))
		return vsu_error_set(err, -EINVAL, "%s '%s' has a line break, which the description of a template cannot contain", members[i].key, text);
	return strlen(text) < members[i].size ? 0 :
	       vsu_error_set(err, -E2BIG, "%s: more than %zu characters", members[i].key, members[i].size - 1);
}

static int write_member(char *text, size_t *len, unsigned int i, const struct cvmm_template_info *info,
			struct vsu_error *err)
{
	const char *at = (const char *)info + members[i].at, *value;
	const size_t room = CVMM_PRIV_TEMPLATE_TEXT - *len;
	uint32_t number;
	int rc;

	if (!members[i].size) {
		memcpy(&number, at, sizeof(number));
		*len += (size_t)snprintf(text + *len, room, "%s %u\n", members[i].key, number);
		return 0;
	}
	memcpy(&value, at, sizeof(value));
	rc = check_text(i, value, err);
	if (!rc)
		*len += (size_t)snprintf(text + *len, room, "%s %s\n", members[i].key, value);
	return rc;
}

int cvmm_priv_template_write(const struct cvmm_template_info *info, char text[CVMM_PRIV_TEMPLATE_TEXT],
			     struct vsu_error *err)
{
	unsigned int i;
	size_t len = 0;
	int rc = 0;

	for (i = 0; !rc && i < NMEMBERS; i++)
		rc = write_member(text, &len, i, info, err);
	return rc;
}
