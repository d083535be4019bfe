/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Mappings of the example: read from the command line, sent, answered. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/parse.h>

#include "shmem-maps.h"

#define FIELDS 6

/* Cuts text at its colons; a file name in the middle may have some itself. */
static int split(char *text, char *field[FIELDS])
{
	char *end;
	int i;

	for (i = 0; i < 4; i++) {
		field[i] = text;
		if (i == 3)
			break;
		text = strchr(text, ':');
		if (!text)
			return -EINVAL;
		*text++ = 0;
	}
	for (i = FIELDS - 1; i > 3; i--) {
		end = strrchr(text, ':');
		if (!end)
			return -EINVAL;
		*end = 0;
		field[i] = end + 1;
	}
	return 0;
}

static int parse_id(const char *text, uint8_t *id)
{
	uint64_t value;

	if (vsu_parse_u64(text, &value) < 0 ||
	    value >= VHOST_USER_SHMEM_REGIONS)
		return -EINVAL;
	*id = (uint8_t)value;
	return 0;
}

int maps_add_region(struct maps *m, const char *text, struct vsu_error *err)
{
	const char *colon = strchr(text, ':');
	char id[8];
	uint64_t size;
	uint8_t shmid;

	if (!colon || (size_t)(colon - text) >= sizeof(id))
		return vsu_error_set(err, -EINVAL,
				     "--region %s: write it as SHMID:SIZE", text);
	snprintf(id, sizeof(id), "%.*s", (int)(colon - text), text);
	if (parse_id(id, &shmid) < 0)
		return vsu_error_set(err, -EINVAL,
				     "--region %s: a region's id is from 0 to %u",
				     text, VHOST_USER_SHMEM_REGIONS - 1);
	if (vsu_parse_size(colon + 1, &size) < 0 || size == 0)
		return vsu_error_set(err, -EINVAL,
				     "--region %s: '%s' is no size", text,
				     colon + 1);
	if (m->sizes[shmid])
		return vsu_error_set(err, -EINVAL,
				     "--region %s: region %u was given before",
				     text, shmid);
	m->sizes[shmid] = size;
	return 0;
}

static int open_file(struct map *map, struct vsu_error *err)
{
	int fd = open(map->file, O_RDWR | O_CLOEXEC);

	if (fd < 0 && !map->request.writable)
		fd = open(map->file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return vsu_error_sys(err, -errno, "--map: cannot open '%s'",
				     map->file);
	map->request.fd = fd;
	return 0;
}

static int parse_numbers(struct map *map, char *field[FIELDS])
{
	struct vhost_user_shmem_request *r = &map->request;

	if (parse_id(field[0], &r->shmid) < 0 ||
	    vsu_parse_size(field[1], &r->offset) < 0 ||
	    vsu_parse_size(field[2], &r->len) < 0 ||
	    vsu_parse_size(field[4], &r->fd_offset) < 0)
		return -EINVAL;
	if (strcmp(field[5], "rw") && strcmp(field[5], "ro"))
		return -EINVAL;
	r->writable = !strcmp(field[5], "rw");
	return 0;
}

/* The text is the command line's and stays; its copy is cut and kept. */
int maps_add(struct maps *m, const char *text, struct vsu_error *err)
{
	struct map *map = &m->map[m->n];
	char *copy, *field[FIELDS];
	int rc;

	if (m->n == MAX_MAPS)
		return vsu_error_set(err, -EINVAL,
				     "--map %s: there are %u already", text,
				     MAX_MAPS);
	copy = strdup(text);
	if (!copy)
		return vsu_error_sys(err, -ENOMEM, "--map %s", text);
	memset(map, 0, sizeof(*map));
	rc = split(copy, field);
	if (rc == 0)
		rc = parse_numbers(map, field);
	if (rc < 0) {
		vsu_error_set(err, rc,
			      "--map %s: write it as SHMID:SHM_OFFSET:LEN:FILE:FD_OFFSET:ro|rw",
			      text);
	} else {
		map->file = field[3];
		rc = open_file(map, err);
	}
	map->copy = copy;
	if (rc < 0)
		free(copy);
	else
		m->n++;
	return rc;
}

int maps_check(const struct maps *m, struct vsu_error *err)
{
	const struct map *map;

	for (map = m->map; map < m->map + m->n; map++) {
		const struct vhost_user_shmem_request *r = &map->request;

		if (r->len == 0 || vsu_range_exceeds(r->offset, r->len,
						     m->sizes[r->shmid]))
			return vsu_error_set(err, -EINVAL,
					     "--map of '%s': %#" PRIx64
					     " bytes at %#" PRIx64
					     " are not within region %u of %#" PRIx64
					     " bytes", map->file, r->len,
					     r->offset, r->shmid,
					     m->sizes[r->shmid]);
	}
	return 0;
}

void maps_close(struct maps *m)
{
	struct map *map;

	for (map = m->map; map < m->map + m->n; map++) {
		vsu_fd_close(&map->request.fd);
		free(map->copy);
	}
	m->n = 0;
}

void maps_forget(struct maps *m)
{
	struct map *map;

	for (map = m->map; map < m->map + m->n; map++) {
		map->wanted = map->there = map->doubtful = false;
		map->asked = ASKED_NOTHING;
	}
}

void maps_want(struct maps *m, bool wanted)
{
	struct map *map;

	for (map = m->map; map < m->map + m->n; map++)
		map->wanted = wanted;
}

void maps_doubt(struct maps *m)
{
	struct map *map;

	for (map = m->map; map < m->map + m->n; map++)
		map->doubtful = map->there || map->asked != ASKED_NOTHING;
}

/* The one thing to ask for next; 0 when all is as it should be. */
static enum map_asked next_step(const struct map *map)
{
	if (map->asked != ASKED_NOTHING)
		return ASKED_NOTHING;
	if (map->there && (map->doubtful || !map->wanted))
		return ASKED_UNMAP;
	return !map->there && map->wanted ? ASKED_MAP : ASKED_NOTHING;
}

static int send_step(struct map *map, struct vhost_user_backend *b,
		     enum map_asked step, uint64_t cookie)
{
	int rc;

	map->asked = step;
	rc = step == ASKED_MAP ?
	     vhost_user_backend_shmem_map(b, &map->request, cookie, NULL) :
	     vhost_user_backend_shmem_unmap(b, &map->request, cookie, NULL);
	if (rc < 0)
		map->asked = ASKED_NOTHING;
	return rc;
}

void maps_pump(struct maps *m, struct vhost_user_backend *b)
{
	enum map_asked step;
	unsigned int i;
	int rc;

	for (i = 0; i < m->n; i++) {
		step = next_step(&m->map[i]);
		rc = step == ASKED_NOTHING ? 0 :
		     send_step(&m->map[i], b, step, i);
		if (rc < 0)
			return;
		if (rc > 0)	/* nobody answers: it is taken as done */
			maps_result(m, i, 0);
	}
}

static const char *result_name(int result)
{
	return result == 0 ? "done" :
	       result == -ECANCELED ? "cancelled" : "refused";
}

/*
 * A refused mapping is not asked for again until the next start or signal; a
 * refused unmapping means that it is gone already. Of a cancelled request
 * nobody knows what became.
 */
void maps_result(struct maps *m, uint64_t cookie, int result)
{
	struct map *map = &m->map[cookie];
	bool was_map = map->asked == ASKED_MAP;

	printf("%s %u:%#" PRIx64 ":%#" PRIx64 " %s %s\n",
	       was_map ? "map" : "unmap", map->request.shmid,
	       map->request.offset, map->request.len, map->file,
	       result_name(result));
	map->asked = ASKED_NOTHING;
	map->there = result == -ECANCELED || (was_map && result == 0);
	map->doubtful = result == -ECANCELED;
	if (was_map && result == -EREMOTEIO)
		map->wanted = false;
}
