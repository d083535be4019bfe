/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Parses ID translation rules, and translates IDs. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <vmm-sys-util/parse.h>

#include "fs/device/idmap.h"

/* Not a valid UID or GID: system calls interpret it as "unchanged". */
#define NOBODY UINT32_MAX

#define NUMBERS 3u
#define DIGITS 24u

enum how { ONE_BY_ONE, ALL_THE_SAME, FORBIDDEN };

static const struct kind {
	const char *name;
	uint8_t how;
	bool guest, host;	/* translates IDs of the guest, of the host */
} kinds[] = {
	{ "guest", ONE_BY_ONE, true, false },
	{ "host", ONE_BY_ONE, false, true },
	{ "map", ONE_BY_ONE, true, true },
	{ "squash-guest", ALL_THE_SAME, true, false },
	{ "squash-host", ALL_THE_SAME, false, true },
	{ "forbid-guest", FORBIDDEN, true, false },
};

struct rule {
	const struct kind *kind;
	uint64_t from, to, count;
};

static const struct kind *kind_find(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strlen(kinds[i].name) == len &&
		    !memcmp(kinds[i].name, name, len))
			return &kinds[i];
	return NULL;
}

/* Parses a number up to a colon or the end, and advances *at to it. */
static int parse_number(const char **at, uint64_t *value)
{
	const size_t len = strcspn(*at, ":");
	char digits[DIGITS];

	if (len >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, *at, len);
	digits[len] = 0;
	*at += len;
	return vsu_parse_u64(digits, value) < 0 || *value > UINT32_MAX ?
	       -EINVAL : 0;
}

static int parse_rule(struct rule *r, const char *text)
{
	const char *at = text + strcspn(text, ":");
	uint64_t numbers[NUMBERS];
	unsigned int n = 0, wanted;

	r->kind = kind_find(text, (size_t)(at - text));
	if (!r->kind)
		return -EINVAL;
	wanted = r->kind->how == FORBIDDEN ? 2 : NUMBERS;
	for (; *at == ':' && n < wanted; n++) {
		at++;
		if (parse_number(&at, &numbers[n]) < 0)
			return -EINVAL;
	}
	if (*at || n < wanted)
		return -EINVAL;
	r->from = numbers[0];
	r->to = n == NUMBERS ? numbers[1] : 0;
	r->count = numbers[n - 1];
	return 0;
}

/* Only a forbid rule may include the invalid ID 4294967295. */
static int check_bounds(const struct rule *r, const char *text,
			struct vsu_error *err)
{
	const uint64_t most = r->kind->how == FORBIDDEN ? (uint64_t)NOBODY + 1
							: NOBODY;
	const uint64_t last = r->kind->how == ONE_BY_ONE ? r->to + r->count
							 : r->to + 1;

	if (r->count && r->from + r->count <= most && last <= NOBODY)
		return 0;
	return vsu_error_set(err, -EINVAL, "fs: '%s' %s", text, r->count ?
			     "exceeds the highest ID, 4294967294" :
			     "covers no ID; the last number is a count");
}

static int way_add(struct fs_idmap_way *way, uint64_t from, uint64_t to,
		   const struct rule *r, const char *text,
		   struct vsu_error *err)
{
	const struct fs_idmap_range range = {
		.first = (uint32_t)from, .to = (uint32_t)to,
		.last = (uint32_t)(from + r->count - 1), .how = r->kind->how,
	};
	uint32_t i;

	for (i = 0; i < way->n; i++)
		if (range.first <= way->ranges[i].last &&
		    way->ranges[i].first <= range.last)
			return vsu_error_set(err, -EINVAL,
					     "fs: '%s' overlaps a rule before it; the last number is a count, not the end of a range",
					     text);
	if (way->n == FS_IDMAP_RULES)
		return vsu_error_set(err, -ENOSPC,
				     "fs: '%s' exceeds the maximum of %u rules",
				     text, FS_IDMAP_RULES);
	way->ranges[way->n++] = range;
	return 0;
}

int virtdev_priv_fs_idmap_add(struct fs_idmap *map, const char *rule,
			      struct vsu_error *err)
{
	struct rule r;
	int rc;

	if (parse_rule(&r, rule) < 0)
		return vsu_error_set(err, -EINVAL,
				     "fs: '%s' is not a valid ID rule; rules are guest:, host:, map:, squash-guest: or squash-host:FROM:TO:COUNT, and forbid-guest:FROM:COUNT",
				     rule);
	rc = check_bounds(&r, rule, err);
	if (rc >= 0 && r.kind->guest)
		rc = way_add(&map->to_host, r.from, r.to, &r, rule, err);
	if (rc >= 0 && r.kind->host && r.kind->guest)
		rc = way_add(&map->to_guest, r.to, r.from, &r, rule, err);
	else if (rc >= 0 && r.kind->host)
		rc = way_add(&map->to_guest, r.from, r.to, &r, rule, err);
	return rc;
}

static const struct fs_idmap_range *range_find(const struct fs_idmap_way *way,
					       uint32_t id)
{
	uint32_t i;

	for (i = 0; i < way->n; i++)
		if (id >= way->ranges[i].first && id <= way->ranges[i].last)
			return &way->ranges[i];
	return NULL;
}

static uint32_t number_of(const struct fs_idmap_range *range, uint32_t id)
{
	if (!range)
		return id;
	return range->how == ONE_BY_ONE ? range->to + (id - range->first)
					: range->to;
}

int virtdev_priv_fs_idmap_to_host(const struct fs_idmap *map, uint32_t id,
				  uint32_t *host)
{
	const struct fs_idmap_range *range = range_find(&map->to_host, id);

	if (range && range->how == FORBIDDEN)
		return -EPERM;
	if (id == NOBODY)
		return -EINVAL;
	*host = number_of(range, id);
	return 0;
}

uint32_t virtdev_priv_fs_idmap_to_guest(const struct fs_idmap *map, uint32_t id)
{
	return number_of(range_find(&map->to_guest, id), id);
}
