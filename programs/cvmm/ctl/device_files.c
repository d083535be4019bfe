/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads the properties of a device by the keys of its kind, and writes them with descriptors. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cvmm/option_table.h>
#include <device-kinds/kind.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/file_value.h>
#include <vmm-sys-util/option_list.h>
#include <vmm-sys-util/text.h>

#include "ctl/device_files.h"

#define MAX_KEYS 64

/* Properties that are read, and then written with descriptors. */
struct properties {
	const struct devkind *kind;
	const char *list;	/* with a key for each value, behind the kind */
	struct vsu_option keys[MAX_KEYS];
	size_t common;		/* the first key that every device has */
	bool is_elsewhere;	/* another program or the kernel serves the device */
	_Alignas(8) unsigned char config[DEVKIND_MAX_CONFIG];
	char completed[CVMM_OPTION_MAX_LIST + 1], values[CVMM_OPTION_MAX_LIST + 1];
	const char *opened[DEVKIND_MAX_OPENS];	/* the key of each descriptor */
	unsigned int nopened;
	FILE *to;
};

/* -------------------------------------------------------------------- reading */

static int read_property(void *opaque, unsigned int key, const struct vsu_option_value *value,
			 struct vsu_error *err)
{
	struct properties *p = opaque;
	const char *name = p->keys[key].name;

	if (key < p->common)
		return devkind_set(p->kind, key, name, value, p->config, err);
	if (!strcmp(name, "backend"))
		p->is_elsewhere = !strcmp(value->text, "kernel") || !strncmp(value->text, "user:", strlen("user:"));
	return 0;
}

static bool find_kind(struct properties *p, const char *properties)
{
	const size_t len = strcspn(properties, ",");
	char word[32];
	const char *kind;

	if (len >= sizeof(word))
		return false;
	memcpy(word, properties, len);
	word[len] = '\0';
	kind = cvmm_option_kind(word);
	if (!kind)
		return false;
	p->kind = devkind_find(kind, strlen(kind));
	p->list = properties + len + (properties[len] == ',');
	return cvmm_option_keys(cvmm_option_of_kind(kind), p->keys, MAX_KEYS, &p->common) <= MAX_KEYS;
}

/* False: this program opens no file for the list. */
static bool read_properties(struct properties *p, const char *properties)
{
	if (!find_kind(p, properties) || !*p->list)
		return false;
	if (vsu_list_value_is_first(p->keys, p->list))
		p->list = vsu_list_value_with_key(&p->kind->value, p->list, p->completed, sizeof(p->completed));
	return vsu_option_parse_list(p->keys, "device", p->list, p->values, sizeof(p->values), read_property, p,
				     NULL) >= 0 &&
	       !p->is_elsewhere;
}

/* -------------------------------------------------------------------- opening */

/* Only what the machine accepts: its refusal of others has their names. */
static int open_image(const struct devkind_opening *o)
{
	const bool reads = o->use == DEVKIND_READS;
	int fd, kind;

	if ((!reads && o->use != DEVKIND_WRITES) || vsu_file_value_is_fd(o->text))
		return -1;
	fd = open(o->text, (reads ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	kind = fd < 0 ? -1 : vsu_fd_kind(fd);
	if (kind != VSU_FD_REGULAR && kind != VSU_FD_BLOCK)
		vsu_fd_close(&fd);
	return fd;
}

static void open_images(struct properties *p, struct vmm_device_files *files)
{
	const struct devkind_facts facts = devkind_facts_of(p->kind, p->config);
	const struct devkind_opening *o;
	int fd;

	for (o = facts.opens; o->text; o++) {
		fd = o->key ? open_image(o) : -1;
		if (fd < 0)
			continue;
		files->fds[files->n++] = fd;
		p->opened[p->nopened++] = o->key;
	}
}

/* -------------------------------------------------------------------- writing */

static void write_key(struct properties *p, const char *key)
{
	unsigned int i;

	fprintf(p->to, ",%s=", key);
	for (i = 0; i < p->nopened; i++)
		if (!strcmp(p->opened[i], key))
			fprintf(p->to, VSU_FILE_VALUE_FD "%u:", i);
}

static int write_property(void *opaque, unsigned int key, const struct vsu_option_value *value,
			  struct vsu_error *err)
{
	struct properties *p = opaque;
	const struct vsu_option *option = &p->keys[key];
	char number[VSU_OPTION_VALUE_NUMBER];
	char *text = vsu_list_escape(vsu_option_value_text(option, value, number));

	if (!text)
		return vsu_error_set(err, -ENOMEM, "no memory for the properties of a device");
	write_key(p, option->name);
	fputs(text, p->to);
	free(text);
	return 0;
}

static int write_properties(struct properties *p, char **out, struct vsu_error *err)
{
	struct vsu_text list;
	int rc = vsu_text_open(&list);

	if (rc < 0)
		return vsu_error_set(err, rc, "no memory for the properties of a device");
	p->to = list.to;
	fputs(p->kind->name, p->to);
	rc = vsu_option_parse_list(p->keys, "device", p->list, p->values, sizeof(p->values), write_property, p, err);
	if (rc < 0) {
		vsu_text_drop(&list);
		return rc;
	}
	rc = vsu_text_close(&list);
	*out = list.bytes;
	return rc < 0 ? vsu_error_set(err, rc, "no memory for the properties of a device") : 0;
}

/* ------------------------------------------------------------------------ all */

int vmm_device_files_open(struct vmm_device_files *files, const char *properties, struct vsu_error *err)
{
	struct properties *p = calloc(1, sizeof(*p));
	int rc = 0;

	files->n = 0;
	files->list = NULL;
	if (!p)
		return vsu_error_set(err, -ENOMEM, "no memory for the properties of a device");
	if (read_properties(p, properties))
		open_images(p, files);
	if (files->n)
		rc = write_properties(p, &files->list, err);
	free(p);
	return rc;
}
