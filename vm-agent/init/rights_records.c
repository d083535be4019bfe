/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Records of the rights of a process. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "init/guest.h"

static void read_record(struct guest_rights *r, const char *text)
{
	uint64_t *set = r->capabilities;

	switch (*text) {
	case 'U':
		r->account = text[1] == '@' ? text + 2 : NULL;
		if (!r->account && sscanf(text + 1, "%u %u %o", &r->user, &r->group, &r->umask) != 3)
			vagent_init_fail("the host sent the invalid user %s", text + 1);
		break;
	case 'P':
		r->has_capabilities = sscanf(text + 1, "%" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64, &set[0],
					     &set[1], &set[2], &set[3], &set[4]) == 5;
		if (!r->has_capabilities)
			vagent_init_fail("the host sent the invalid capabilities %s", text + 1);
		break;
	case 'n':
		r->no_new_privileges = true;
		break;
	case 'F':
		r->filter = text + 1;
		break;
	case 'X':
		r->oom_score_adj = text + 1;
		break;
	default:
		break;
	}
}

void vagent_priv_rights_read(struct guest_rights *r, char *records, size_t len)
{
	size_t at;

	memset(r, 0, sizeof(*r));
	r->umask = 022;
	for (at = 0; at < len; at += strlen(records + at) + 1)
		read_record(r, records + at);
	r->groups = vagent_priv_collect_words('G', records, len);
	r->limits = vagent_priv_collect_words('L', records, len);
}
