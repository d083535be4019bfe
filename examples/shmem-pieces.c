/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Regions and pieces of files: read from the command line, mapped, unmapped. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/parse.h>

#include "shmem-pieces.h"

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

int pieces_add_region(struct pieces *p, const char *text, struct vsu_error *err)
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
				     "--region %s: '%s' is not a size", text,
				     colon + 1);
	if (p->sizes[shmid])
		return vsu_error_set(err, -EINVAL,
				     "--region %s: region %u was given before",
				     text, shmid);
	p->sizes[shmid] = size;
	return 0;
}

static int open_file(struct piece *piece, struct vsu_error *err)
{
	int fd = open(piece->file, O_RDWR | O_CLOEXEC);

	if (fd < 0 && !piece->request.writable)
		fd = open(piece->file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return vsu_error_sys(err, -errno, "--map: cannot open '%s'",
				     piece->file);
	piece->request.fd = fd;
	return 0;
}

static int parse_numbers(struct piece *piece, char *field[FIELDS])
{
	struct vhost_user_shmem_request *r = &piece->request;

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
int pieces_add(struct pieces *p, const char *text, struct vsu_error *err)
{
	struct piece *piece = &p->piece[p->n];
	char *copy, *field[FIELDS];
	int rc;

	if (p->n == MAX_PIECES)
		return vsu_error_set(err, -EINVAL,
				     "--map %s: there are %u already", text,
				     MAX_PIECES);
	copy = strdup(text);
	if (!copy)
		return vsu_error_sys(err, -ENOMEM, "--map %s", text);
	memset(piece, 0, sizeof(*piece));
	rc = split(copy, field);
	if (rc == 0)
		rc = parse_numbers(piece, field);
	if (rc < 0) {
		vsu_error_set(err, rc,
			      "--map %s: write it as SHMID:SHM_OFFSET:LEN:FILE:FD_OFFSET:ro|rw",
			      text);
	} else {
		piece->file = field[3];
		rc = open_file(piece, err);
	}
	piece->copy = copy;
	if (rc < 0)
		free(copy);
	else
		p->n++;
	return rc;
}

/* mappings */

static const char *result_name(int result)
{
	return result == 0 ? "done" :
	       result == -ECANCELED ? "cancelled" : "refused";
}

static void on_result(void *opaque, uint64_t cookie, bool map, int result)
{
	struct pieces *p = opaque;
	const struct piece *piece = &p->piece[cookie];

	printf("%s %u:%#" PRIx64 ":%#" PRIx64 " %s %s\n",
	       map ? "map" : "unmap", piece->request.shmid,
	       piece->request.offset, piece->request.len, piece->file,
	       result_name(result));
}

int pieces_want(struct pieces *p, int ignored, struct vsu_error *err)
{
	struct vsu_error why;
	const struct piece *piece;
	unsigned int i;
	int rc;

	for (i = 0; i < p->n; i++) {
		piece = &p->piece[i];
		rc = shmem_table_add(p->table, &piece->request, i,
						&why);
		if (rc < 0 && rc != ignored)
			return vsu_error_set(err, rc, "--map of '%s': %s",
					     piece->file, why.msg);
	}
	return 0;
}

void pieces_remove(struct pieces *p)
{
	unsigned int i;

	for (i = 0; i < p->n; i++)
		if (shmem_table_remove(p->table, i) < 0)
			continue;	/* it was never mapped */
}

int pieces_make_table(struct pieces *p, struct vsu_error *err)
{
	const struct shmem_table_config config = {
		.shmem_sizes = p->sizes,
		.nshmem = VHOST_USER_SHMEM_REGIONS,
		/* as many may wait to be unmapped */
		.max = 2 * MAX_PIECES,
		.opaque = p,
		.result = on_result,
	};
	int rc = shmem_table_new(&config, &p->table, err);

	return rc < 0 ? rc : pieces_want(p, 0, err);
}

void pieces_close(struct pieces *p)
{
	struct piece *piece;

	shmem_table_free(p->table);
	p->table = NULL;
	for (piece = p->piece; piece < p->piece + p->n; piece++) {
		vsu_fd_close(&piece->request.fd);
		free(piece->copy);
	}
	p->n = 0;
}
