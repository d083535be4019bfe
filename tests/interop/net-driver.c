/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The driver of a network card behind a vhost-user socket, whose peer sends each
 * frame back. Ends with 0 if all frames came back, in order and byte for byte,
 * else prints the fault.
 *
 *   net-driver SOCKET PAIRS FRAMES [WORD...]
 *
 * PAIRS of a receive and a transmit ring run concurrently, with FRAMES through
 * each of them. Then the rings are stopped, restarted at their positions, and
 * the same number of frames is sent again.
 *
 *   packed    packed rings
 *   small     no merged receive buffers, and so no frame that is longer than one
 *             buffer
 *   swapped   the peer exchanges the addresses
 *   eight     the memory is in eight regions
 *   listen    the driver creates SOCKET, and the peer connects to it
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "card.h"
#include "frames.h"

#define WAIT_MS 20000

/* The header has its own descriptor, as in many drivers. */
static int frame_send(struct card *c, unsigned int pair, uint64_t slot)
{
	struct pair *p = &c->pairs[pair];
	const uint64_t gpa = card_tx_gpa(pair, slot);
	const uint32_t len = frame_len(p->sent, !c->small);
	const struct vq_buffer buffers[] = {
		{ gpa, NET_HEADER, 0 }, { gpa + NET_HEADER, len, 0 },
	};
	unsigned char *room = card_tx(c, pair, slot);

	memset(room, 0, NET_HEADER);
	frame_make(room + NET_HEADER, p->sent, len);
	p->sent++;
	return vq_driver_add(p->tx.driver, buffers, 2, slot);
}

static enum vsu_exit frames_send(struct card *c, unsigned int pair,
				 unsigned int n, struct vsu_error *err)
{
	unsigned int i;
	int rc;

	for (i = 0; i < n; i++) {
		rc = frame_send(c, pair, i);
		if (rc >= 0)
			continue;
		vsu_error_sys(err, rc, "cannot send a frame");
		return VSU_EXIT_HOST;
	}
	ring_kick(&c->pairs[pair].tx);
	return VSU_EXIT_OK;
}

/* The next completed request of a ring, or the reason why there is none. */
static enum vsu_exit ring_next(struct card *c, struct ring *r, uint64_t *slot,
			       uint32_t *written, struct vsu_error *err)
{
	int rc = ring_wait(r, &c->client, WAIT_MS, slot, written, err);

	if (!rc)
		vsu_error_set(err, -ETIMEDOUT, "a frame did not come back");
	return rc == 1 ? VSU_EXIT_OK : VSU_EXIT_HOST;
}

/*
 * Appends the bytes of the next buffer to frame, and makes the buffer available
 * again.
 */
static enum vsu_exit buffer_take(struct card *c, unsigned int pair,
				 unsigned char *frame, uint32_t *len,
				 struct vsu_error *err)
{
	uint32_t written;
	uint64_t slot;
	int rc;

	if (ring_next(c, &c->pairs[pair].rx, &slot, &written, err) != VSU_EXIT_OK)
		return VSU_EXIT_HOST;
	if (written > CARD_RX_ROOM || written > NET_HEADER + FRAME_LARGE - *len) {
		vsu_error_set(err, -EBADMSG, "a buffer of %" PRIu32 " bytes follows %" PRIu32 " bytes",
			      written, *len);
		return VSU_EXIT_HOST;
	}
	memcpy(frame + *len, card_rx(c, pair, slot), written);
	*len += written;
	rc = card_offer(c, pair, slot);
	if (rc < 0)
		vsu_error_sys(err, rc, "cannot offer a buffer again");
	return rc < 0 ? VSU_EXIT_HOST : VSU_EXIT_OK;
}

/* Assembles a frame of the number of buffers in its header. */
static enum vsu_exit frame_take(struct card *c, unsigned int pair,
				struct vsu_error *err)
{
	unsigned char frame[NET_HEADER + FRAME_LARGE];
	struct vsu_le16 buffers = vsu_le16_make(1);
	struct pair *p = &c->pairs[pair];
	const char *wrong = NULL;
	uint32_t len = 0;
	unsigned int i;

	for (i = 0; i < vsu_le16_load(buffers); i++) {
		if (buffer_take(c, pair, frame, &len, err) != VSU_EXIT_OK)
			return VSU_EXIT_HOST;
		if (!i && len >= NET_HEADER)
			memcpy(&buffers, frame + NET_HEADER_BUFFERS, sizeof(buffers));
	}
	if (len < NET_HEADER)
		wrong = "it is shorter than a header";
	if (!wrong)
		wrong = frame_fault(frame + NET_HEADER, len - NET_HEADER,
				    p->came, !c->small, c->swapped);
	if (wrong)
		vsu_error_set(err, -EBADMSG, "frame %" PRIu32 " of pair %u, in %u buffers, %" PRIu32 " bytes: %s",
			      p->came, pair, i, len, wrong);
	p->came++;
	return wrong ? VSU_EXIT_FAIL : VSU_EXIT_OK;
}

static enum vsu_exit frames_take(struct card *c, unsigned int pair,
				 unsigned int n, struct vsu_error *err)
{
	enum vsu_exit status = VSU_EXIT_OK;
	uint32_t written = 0;
	unsigned int i;
	uint64_t slot;

	for (i = 0; status == VSU_EXIT_OK && i < n; i++)
		status = frame_take(c, pair, err);
	ring_kick(&c->pairs[pair].rx);
	for (i = 0; status == VSU_EXIT_OK && i < n; i++)
		status = ring_next(c, &c->pairs[pair].tx, &slot, &written, err);
	if (status == VSU_EXIT_OK && written) {
		vsu_error_set(err, -EBADMSG, "the device reports written bytes for a transmitted frame");
		return VSU_EXIT_FAIL;
	}
	return status;
}

/* Sends frames on all pairs before it waits for any of them. */
static enum vsu_exit frames_pass(struct card *c, uint32_t left,
				 struct vsu_error *err)
{
	enum vsu_exit status = VSU_EXIT_OK;
	unsigned int i, n;

	for (; status == VSU_EXIT_OK && left; left -= n) {
		n = left < CARD_BATCH ? left : CARD_BATCH;
		for (i = 0; status == VSU_EXIT_OK && i < c->npairs; i++)
			status = frames_send(c, i, n, err);
		for (i = 0; status == VSU_EXIT_OK && i < c->npairs; i++)
			status = frames_take(c, i, n, err);
	}
	return status;
}

static enum vsu_exit card_run(struct card *c, uint32_t frames,
			      struct vsu_error *err)
{
	enum vsu_exit status = card_start(c, err);

	if (status == VSU_EXIT_OK)
		status = frames_pass(c, frames, err);
	if (status == VSU_EXIT_OK)
		status = card_stop(c, err);
	if (status == VSU_EXIT_OK)
		status = card_restart(c, err);
	if (status == VSU_EXIT_OK)
		status = frames_pass(c, frames, err);
	if (status == VSU_EXIT_OK)
		status = card_stop(c, err);
	return status;
}

/* ---------------------------------------------------------------------- words */

static bool word_take(struct card *c, const char *word)
{
	const struct {
		const char *name;
		bool *set;
	} words[] = {
		{ "packed", &c->packed }, { "small", &c->small },
		{ "swapped", &c->swapped }, { "eight", &c->eight },
		{ "listen", &c->listens },
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(word, words[i].name))
			return *words[i].set = true;
	return false;
}

static bool args_take(struct card *c, int argc, char **argv)
{
	int i;

	if (argc < 4)
		return false;
	c->npairs = (unsigned int)strtoul(argv[2], NULL, 10);
	for (i = 4; i < argc; i++)
		if (!word_take(c, argv[i]))
			return false;
	return c->npairs >= 1 && c->npairs <= CARD_PAIRS;
}

/* The peer connects. */
static enum vsu_exit open_connected(struct client *c, const char *path,
				    struct vsu_error *err)
{
	int sock, listener = vsu_sock_listen(path, 1, err);
	struct pollfd p = { listener, POLLIN, 0 };

	if (listener < 0)
		return VSU_EXIT_HOST;
	poll(&p, 1, WAIT_MS);
	sock = vsu_sock_accept(listener);
	vsu_fd_close(&listener);
	if (sock < 0) {
		vsu_error_sys(err, sock, "no device connects to '%s'", path);
		return VSU_EXIT_HOST;
	}
	return client_open_take_fd(c, path, sock, 0, err);
}

int main(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct card c = { .map = NULL };
	enum vsu_exit status;
	unsigned int i;

	if (!args_take(&c, argc, argv)) {
		fprintf(stderr, "use: net-driver SOCKET PAIRS FRAMES [packed] [small] [swapped] [eight] [listen]\n");
		return VSU_EXIT_USAGE;
	}
	for (i = 0; i < CARD_PAIRS; i++)
		c.pairs[i].rx = c.pairs[i].tx = RING_NONE;
	status = c.listens ? open_connected(&c.client, argv[1], &err) :
			     client_open(&c.client, argv[1], 0, &err);
	if (status == VSU_EXIT_OK) {
		status = card_run(&c, (uint32_t)strtoul(argv[3], NULL, 10), &err);
		card_close(&c);
	}
	if (status != VSU_EXIT_OK)
		printf("%s\n", err.msg);
	return status;
}
