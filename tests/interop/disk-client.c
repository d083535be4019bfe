/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A driver that sends unusual requests to a disk behind a vhost-user socket.
 * Ends with 0 if the back-end behaved correctly, else prints the fault.
 *
 *   disk-client giants SOCKET
 *       256 reads of 64 MiB in one kick, then a request for the configuration,
 *       whose reply must arrive before all reads have completed
 *   disk-client empties SOCKET
 *       flushes and requests without data, one kick each; each must complete
 *       without a further kick
 *   disk-client edits SOCKET, edits-by-two SOCKET
 *       a write, a flush, zeroes and a discard within it, and reads that check
 *       them; through the first virtqueue, or the second
 *   disk-client stuck SOCKET
 *       a read, which may stay unanswered; a request for the configuration must
 *       be answered
 *   disk-client flushes SOCKET, writes SOCKET
 *       writes the first 4 MiB repeatedly with the number of the round, until it
 *       is killed; prints the number after a flush, or without one
 *   disk-client holds IMAGE ROUND
 *       checks that an image written this way has no data older than ROUND
 */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/endian.h>

#include "disk.h"

#define GIANTS 256u
#define GIANT_SLOTS 512u
#define GIANT (64u << 20)
#define WAIT_MS 20000

static int giants(struct disk *d, struct vsu_error *err)
{
	unsigned int done = 0;
	struct queues_used used;
	uint32_t i;

	for (i = 0; i < GIANTS; i++)
		if (disk_submit(d, i, VIRTDEV_BLK_T_IN, 0, GIANT, err) != VSU_EXIT_OK)
			return VSU_EXIT_HOST;
	queues_kick(&d->q);
	if (client_get_config(&d->q.client, 8, err) != VSU_EXIT_OK)
		return VSU_EXIT_HOST;
	while (queues_collect(&d->q, &used) == 1)
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
		queues_kick(&d->q);
		/* without a further kick the device must send the call */
		rc = ring_wait(&d->q.rings[0], &d->q.client, WAIT_MS, &slot, &written,
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

#define EDIT_AT (1u << 20)
#define EDIT_LEN (64u << 10)
/* Ranges within it, in sectors, that are zeroed and discarded. */
#define ZEROES_SECTOR 8u
#define DISCARD_SECTOR 64u
#define RANGE_SECTORS 16u

static int ask(struct disk *d, enum virtdev_blk_type type, uint64_t offset,
	       uint32_t len, struct vsu_error *err)
{
	uint32_t written;
	uint64_t slot;
	int rc;

	if (disk_submit(d, 0, type, offset, len, err) != VSU_EXIT_OK)
		return VSU_EXIT_HOST;
	queues_kick(&d->q);
	rc = ring_wait(&d->q.rings[0], &d->q.client, WAIT_MS, &slot, &written, err);
	if (rc < 0)
		return VSU_EXIT_HOST;
	if (rc == 1 && disk_status(d, 0) == 0)
		return VSU_EXIT_OK;
	printf("a request of type %u failed\n", (unsigned int)type);
	return VSU_EXIT_FAIL;
}

static int edit(struct disk *d, enum virtdev_blk_type type, uint32_t len,
		struct vsu_error *err)
{
	return ask(d, type, EDIT_AT, len, err);
}

static int edit_range(struct disk *d, enum virtdev_blk_type type,
		      uint32_t sector, struct vsu_error *err)
{
	const struct virtdev_blk_range range = {
		.sector = vsu_le64_make(EDIT_AT / VIRTDEV_BLK_SECTOR + sector),
		.num_sectors = vsu_le32_make(RANGE_SECTORS),
	};

	memcpy(disk_buffer(d, 0), &range, sizeof(range));
	return edit(d, type, sizeof(range), err);
}

static unsigned char edit_byte(uint32_t i)
{
	return (unsigned char)(i * 7 % 251 + 1);
}

/* Reads everything, and compares what was not discarded. */
static int edit_compare(struct disk *d, bool zeroes, struct vsu_error *err)
{
	const unsigned char *bytes = disk_buffer(d, 0);
	uint32_t i, sector, wrong = 0;
	int rc;

	memset(disk_buffer(d, 0), 0xff, EDIT_LEN);
	rc = edit(d, VIRTDEV_BLK_T_IN, EDIT_LEN, err);
	for (i = 0; i < EDIT_LEN; i++) {
		sector = i / VIRTDEV_BLK_SECTOR;
		if (zeroes && sector >= ZEROES_SECTOR &&
		    sector < ZEROES_SECTOR + RANGE_SECTORS)
			wrong += bytes[i] != 0;
		else if (sector < DISCARD_SECTOR ||
			 sector >= DISCARD_SECTOR + RANGE_SECTORS)
			wrong += bytes[i] != edit_byte(i);
	}
	if (rc == VSU_EXIT_OK && wrong)
		printf("%" PRIu32 " bytes are not what was written\n", wrong);
	return rc == VSU_EXIT_OK && wrong ? VSU_EXIT_FAIL : rc;
}

static int edits(struct disk *d, struct vsu_error *err)
{
	uint32_t i;
	int rc;

	for (i = 0; i < EDIT_LEN; i++)
		disk_buffer(d, 0)[i] = edit_byte(i);
	rc = edit(d, VIRTDEV_BLK_T_OUT, EDIT_LEN, err);
	if (rc == VSU_EXIT_OK)
		rc = edit(d, VIRTDEV_BLK_T_FLUSH, 0, err);
	if (rc == VSU_EXIT_OK)
		rc = edit_compare(d, false, err);
	if (rc == VSU_EXIT_OK)
		rc = edit_range(d, VIRTDEV_BLK_T_WRITE_ZEROES, ZEROES_SECTOR, err);
	if (rc == VSU_EXIT_OK)
		rc = edit_range(d, VIRTDEV_BLK_T_DISCARD, DISCARD_SECTOR, err);
	if (rc == VSU_EXIT_OK)
		rc = edit_compare(d, true, err);
	return rc;
}

static int stuck(struct disk *d, struct vsu_error *err)
{
	int i;

	if (disk_submit(d, 0, VIRTDEV_BLK_T_IN, 0, d->chunk, err) != VSU_EXIT_OK)
		return VSU_EXIT_HOST;
	queues_kick(&d->q);
	for (i = 0; i < 3; i++)
		if (client_get_config(&d->q.client, 8, err) != VSU_EXIT_OK)
			return VSU_EXIT_HOST;
	return VSU_EXIT_OK;
}

/* ------------------------------------------------------------------- rounds */

#define PIECE (64u << 10)
#define PIECES 64u
#define WORDS (PIECE / sizeof(struct vsu_le64))

/*
 * Each 64-bit word of a piece contains the round in its upper half and the
 * piece in the lower.
 */
static int write_round(struct disk *d, uint64_t round, struct vsu_error *err)
{
	struct vsu_le64 *words = (void *)disk_buffer(d, 0);
	int rc = VSU_EXIT_OK;
	uint32_t piece, i;

	for (piece = 0; rc == VSU_EXIT_OK && piece < PIECES; piece++) {
		for (i = 0; i < WORDS; i++)
			words[i] = vsu_le64_make(round * PIECES + piece);
		rc = ask(d, VIRTDEV_BLK_T_OUT, (uint64_t)piece * PIECE, PIECE,
			 err);
	}
	return rc;
}

static int rounds(struct disk *d, bool flush, struct vsu_error *err)
{
	uint64_t round;
	int rc;

	for (round = 1;; round++) {
		rc = write_round(d, round, err);
		if (rc == VSU_EXIT_OK && flush)
			rc = ask(d, VIRTDEV_BLK_T_FLUSH, 0, 0, err);
		if (rc != VSU_EXIT_OK)
			return rc;
		printf("%" PRIu64 "\n", round);
		if (fflush(stdout) < 0)
			return VSU_EXIT_FAIL;
	}
}

static int flushes(struct disk *d, struct vsu_error *err)
{
	return rounds(d, true, err);
}

static int writes(struct disk *d, struct vsu_error *err)
{
	return rounds(d, false, err);
}

/* Number of words of an earlier round, or that do not belong to this piece. */
static uint32_t older(const struct vsu_le64 *words, uint32_t piece,
		      uint64_t round)
{
	uint32_t i, n = 0;
	uint64_t word;

	for (i = 0; i < WORDS; i++) {
		word = vsu_le64_load(words[i]);
		n += word / PIECES < round || word % PIECES != piece;
	}
	return n;
}

static int holds(const char *image, uint64_t round)
{
	static struct vsu_le64 words[WORDS];
	FILE *f = fopen(image, "re");
	uint32_t piece, lost = 0;

	for (piece = 0; f && piece < PIECES; piece++) {
		if (fread(words, 1, PIECE, f) != PIECE)
			break;
		lost += older(words, piece, round) > 0;
	}
	if (f)
		fclose(f);
	printf("%" PRIu32 " of %" PRIu32 " pieces are older than round %" PRIu64 "\n",
	       lost, piece, round);
	return lost || piece < PIECES ? VSU_EXIT_FAIL : VSU_EXIT_OK;
}

static const struct {
	const char *name;
	int (*run)(struct disk *d, struct vsu_error *err);
	uint32_t nslots, queue;
} commands[] = {
	{ "giants", giants, GIANT_SLOTS, 0 },
	{ "empties", ask_empties, 1, 0 },
	{ "stuck", stuck, 1, 0 },
	{ "edits", edits, 1, 0 },
	{ "edits-by-two", edits, 1, 1 },
	{ "flushes", flushes, 1, 0 },
	{ "writes", writes, 1, 0 },
};

int main(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct disk d;
	size_t i;
	int status;

	if (argc == 4 && !strcmp(argv[1], "holds"))
		return holds(argv[2], strtoull(argv[3], NULL, 10));
	for (i = 0; argc == 3 && i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		status = disk_open(&d, argv[2], commands[i].queue, 1,
				   commands[i].nslots, &err);
		if (status == VSU_EXIT_OK) {
			status = commands[i].run(&d, &err);
			queues_close(&d.q, false);
		}
		if (status == VSU_EXIT_HOST)
			printf("%s\n", err.msg);
		return status;
	}
	fprintf(stderr, "use: disk-client giants|empties|edits|edits-by-two|stuck|flushes|writes SOCKET, or holds IMAGE ROUND\n");
	return VSU_EXIT_USAGE;
}
