/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A driver that asks a disk behind a vhost-user socket for what ordinary ones
 * do not. Ends with 0 when the back-end did right, and says what it did
 * otherwise.
 *
 *   disk-client giants SOCKET
 *       256 reads of 64 MiB in one kick; then asks for the configuration, whose
 *       answer has to come before all of them are done
 *   disk-client empties SOCKET
 *       flushes and requests without bytes, each with one kick; each has to be
 *       completed without another one
 *   disk-client stuck SOCKET
 *       a read, which need not be answered; the configuration has to be
 */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "disk.h"

#define GIANTS 256u
#define GIANT_SLOTS 512u
#define GIANT (64u << 20)
#define WAIT_MS 20000

static int giants(struct disk *d, struct vsu_error *err)
{
	unsigned int done = 0;
	uint32_t i, slot;

	for (i = 0; i < GIANTS; i++)
		if (disk_submit(d, i, VIRTDEV_BLK_T_IN, 0, GIANT, err) != VSU_EXIT_OK)
			return VSU_EXIT_HOST;
	disk_kick(d);
	if (client_get_config(&d->client, 8, err) != VSU_EXIT_OK)
		return VSU_EXIT_HOST;
	while (disk_collect(d, &slot) == 1)
		done++;
	printf("answered after %u of %u requests\n", done, GIANTS);
	return done < GIANTS ? VSU_EXIT_OK : VSU_EXIT_FAIL;
}

static const struct {
	const char *name;
	uint32_t type, len;
} empties[] = {
	{ "a flush", VIRTDEV_BLK_T_FLUSH, 0 },
	{ "a read of nothing", VIRTDEV_BLK_T_IN, 0 },
	{ "a write of nothing", VIRTDEV_BLK_T_OUT, 0 },
	/* one range of no sectors */
	{ "a discard of nothing", VIRTDEV_BLK_T_DISCARD, 16 },
	{ "zeroes over nothing", VIRTDEV_BLK_T_WRITE_ZEROES, 16 },
	{ "a flush after these", VIRTDEV_BLK_T_FLUSH, 0 },
};

static int ask_empties(struct disk *d, struct vsu_error *err)
{
	uint64_t slot;
	uint32_t written;
	size_t i;
	int rc;

	for (i = 0; i < sizeof(empties) / sizeof(*empties); i++) {
		if (disk_submit(d, 0, (enum virtdev_blk_type)empties[i].type,
				0, empties[i].len, err) != VSU_EXIT_OK)
			return VSU_EXIT_HOST;
		disk_kick(d);
		/* nobody kicks again: the call has to come by itself */
		rc = ring_wait(&d->ring, &d->client, WAIT_MS, &slot, &written,
			       err);
		if (rc < 0)
			return VSU_EXIT_HOST;
		if (rc == 1)
			continue;
		printf("%s was not completed\n", empties[i].name);
		return VSU_EXIT_FAIL;
	}
	return VSU_EXIT_OK;
}

static int stuck(struct disk *d, struct vsu_error *err)
{
	int i;

	if (disk_submit(d, 0, VIRTDEV_BLK_T_IN, 0, d->chunk, err) != VSU_EXIT_OK)
		return VSU_EXIT_HOST;
	disk_kick(d);
	for (i = 0; i < 3; i++)
		if (client_get_config(&d->client, 8, err) != VSU_EXIT_OK)
			return VSU_EXIT_HOST;
	return VSU_EXIT_OK;
}

static const struct {
	const char *name;
	int (*run)(struct disk *d, struct vsu_error *err);
	uint32_t nslots;
} commands[] = {
	{ "giants", giants, GIANT_SLOTS },
	{ "empties", ask_empties, 1 },
	{ "stuck", stuck, 1 },
};

int main(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct disk d;
	size_t i;
	int status;

	for (i = 0; argc == 3 && i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		status = disk_open(&d, argv[2], 0, commands[i].nslots, &err);
		if (status == VSU_EXIT_OK) {
			status = commands[i].run(&d, &err);
			disk_close(&d, false);
		}
		if (status == VSU_EXIT_HOST)
			printf("%s\n", err.msg);
		return status;
	}
	fprintf(stderr, "use: disk-client giants|empties|stuck SOCKET\n");
	return VSU_EXIT_USAGE;
}
