/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The program of libdevice-kinds(3). */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <device-kinds/kind.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/option.h>

struct device {
	const struct devkind *kind;
	uint64_t config[DEVKIND_MAX_CONFIG / sizeof(uint64_t)];
};

static int take_key(void *opaque, unsigned int index,
		    const struct vsu_option_value *value, struct vsu_error *err)
{
	struct device *d = opaque;

	return devkind_set(d->kind, index, d->kind->keys[index].option.name, value,
			   d->config, err);
}

static int read_keys(struct device *d, const char *list, char *scratch, size_t size,
		     struct vsu_error *err)
{
	struct vsu_option rows[DEVKIND_MAX_KEYS + 1];
	const struct devkind_key *missing;
	const unsigned int n = devkind_nkeys(d->kind);
	unsigned int i;
	int rc;

	memset(rows, 0, sizeof(rows));
	for (i = 0; i < n; i++)
		rows[i] = d->kind->keys[i].option;
	rc = vsu_option_parse_list(rows, d->kind->name, list, scratch, size, take_key, d, err);
	missing = rc < 0 ? NULL : devkind_missing(d->kind, d->config);
	return missing ? vsu_error_set(err, -1, "%s: key '%s' is missing", d->kind->name,
				       missing->option.name) : rc;
}

static int make(const struct device *d, struct vsu_error *err)
{
	const struct devkind_facts facts = devkind_facts_of(d->kind, d->config);
	const struct devkind_common common = { 0 };
	const struct devkind_opening *file;
	struct virtdev *dev;
	int rc;

	for (file = facts.opens; file->text; file++)
		printf("opens %s\n", file->text);
	rc = devkind_make(d->kind, d->config, &common, &dev, err);
	if (rc < 0)
		return rc;
	printf("%s: device id %" PRIu32 ", queues: %" PRIu32 "\n", d->kind->summary,
	       virtdev_get_info(dev)->id, virtdev_get_info(dev)->nqueues);
	virtdev_free(dev);
	return 0;
}

static int list_kinds(void)
{
	const struct devkind *kind;
	unsigned int i;

	for (i = 0; (kind = devkind_get(i)); i++)
		printf("%s: %s\n", kind->name, kind->summary);
	return VSU_EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct device d = { NULL, { 0 } };
	char scratch[1024];

	d.kind = argc > 1 ? devkind_find(argv[1], strlen(argv[1])) : NULL;
	if (!d.kind)
		return list_kinds();
	if (read_keys(&d, argc > 2 ? argv[2] : "", scratch, sizeof(scratch), &err) >= 0 &&
	    make(&d, &err) >= 0)
		return VSU_EXIT_OK;
	fprintf(stderr, "example: %s\n", err.msg);
	return VSU_EXIT_DATA;
}
