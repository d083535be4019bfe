/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The state of a disk, modified on its way by an attacker: either it is
 * rejected and the receiving disk is as after its creation, or the disk continues
 * and a reset removes the loaded state. The first byte selects the register
 * interface, and whether the following bytes are the state itself or changes of a
 * valid one, three bytes each: offset and bits to flip.
 *
 * If bit 2 of the first byte is set, the state is that of a folder that is not
 * mounted, and the bytes follow its header: no file outside the folder is
 * opened.
 */
#include <config.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <virtio-devices/blk.h>
#include <virtio-devices/disk.h>
#include <virtio-devices/fs.h>
#include <virtio-devices/ids.h>
#include <virtio-devices/inline.h>
#include <virtio-devices/mmio.h>
#include <virtio-devices/pci.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct server {
	struct virtdev *dev;
	struct virtdev_transport *t;
	struct virtdev_mmio *mmio;
	struct virtdev_pci *pci;
	struct virtdev_server *in;
};

static void demand(bool holds)
{
	if (!holds)
		abort();
}

/* Without this callback, the function has no MSI-X capability. */
static void on_message(void *opaque, uint32_t vector)
{
	(void)opaque;
	(void)vector;
}

static void server_make(struct server *h, struct vmem_space *space, bool pci)
{
	const struct virtdev_pci_config config = { .size = sizeof(config) };
	const struct virtdev_pci_ops pci_ops = {
		.size = sizeof(pci_ops), .message = on_message,
	};
	struct virtdev_blk_config blk = { .size = sizeof(blk), .nqueues = 2 };

	memset(h, 0, sizeof(*h));
	demand(!virtdev_disk_null_new(4096, &blk.disk, NULL));
	demand(!virtdev_blk_new(&blk, &h->dev, NULL));
	demand(!virtdev_transport_new(h->dev, NULL, NULL, &h->t, NULL));
	if (pci)
		demand(!virtdev_pci_new(h->t, &config, &pci_ops, NULL, &h->pci,
					NULL));
	else
		demand(!virtdev_mmio_new(h->t, &h->mmio, NULL));
	demand(!virtdev_inline_new(h->t, space, NULL, NULL, &h->in, NULL));
}

static void server_free(struct server *h)
{
	demand(!virtdev_server_stop(h->in));
	virtdev_server_free(h->in);
	virtdev_pci_free(h->pci);
	virtdev_mmio_free(h->mmio);
	virtdev_transport_free(h->t);
	virtdev_free(h->dev);
}

/* Makes a valid state of a disk whose driver is setting it up. */
static uint8_t *state_make(struct server *h, size_t *len)
{
	void *bytes = NULL;

	virtdev_transport_set_status(h->t, 3);
	virtdev_transport_set_features(h->t, 1, VQ_F_VERSION_1 >> 32);
	virtdev_transport_set_status(h->t, 11);
	virtdev_transport_set_queue_size(h->t, 0, 16);
	virtdev_transport_set_queue_ready(h->t, 0, true);
	demand(!virtdev_server_take(h->in, &bytes, len, NULL));
	return bytes;
}

static void state_change(uint8_t *state, size_t len, const uint8_t *data,
			 size_t size)
{
	for (; size >= 3; data += 3, size -= 3)
		state[((size_t)data[0] << 8 | data[1]) % len] ^= data[2];
}

static void check_new(struct server *h)
{
	struct vq_config config;

	demand(!virtdev_transport_status(h->t) &&
	       !virtdev_transport_features(h->t) &&
	       !virtdev_transport_queue(h->t, 0, &config));
}

static void state_try(struct server *h, const void *bytes, size_t len)
{
	if (!virtdev_server_load(h->in, bytes, len, NULL)) {
		(void)!virtdev_server_resume(h->in, NULL);
		virtdev_server_dispatch(h->in);
		virtdev_transport_set_status(h->t, 0);
	}
	check_new(h);
}

/* ------------------------------------------------------------------ a folder */

static char folder[] = "/tmp/fuzz-state-XXXXXX";

static void folder_remove(void)
{
	char path[sizeof(folder) + 16];

	snprintf(path, sizeof(path), "%s/in/sub", folder);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/in/up", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/in", folder);
	rmdir(path);
	rmdir(folder);
}

/* Called once: the folder "in" has a folder, and a link that leads out of it. */
static void folder_make(char *in, size_t len)
{
	char path[sizeof(folder) + 16];
	static bool made;

	snprintf(in, len, "%s/in", folder);
	if (made)
		return;
	made = true;
	demand(mkdtemp(folder) != NULL);
	atexit(folder_remove);
	snprintf(in, len, "%s/in", folder);
	demand(!mkdir(in, 0700));
	snprintf(path, sizeof(path), "%s/sub", in);
	demand(!mkdir(path, 0700));
	snprintf(path, sizeof(path), "%s/up", in);
	demand(!symlink("..", path));
}

/* Checks that no descriptor of this process refers to a file above the folder. */
static void check_descriptors(const char *in)
{
	char name[64], path[4096];
	ssize_t n;
	int fd;

	for (fd = 3; fd < 64; fd++) {
		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		n = readlink(name, path, sizeof(path) - 1);
		path[n < 0 ? 0 : n] = 0;
		demand(strncmp(path, folder, strlen(folder)) ||
		       !strncmp(path, in, strlen(in)));
	}
}

static void folder_try(const uint8_t *data, size_t size)
{
	char in[sizeof(folder) + 8];
	struct virtdev_fs_config config = {
		.size = sizeof(config), .path = in, .tag = "fuzz",
		.inodes = 64, .handles = 64, .lost = VIRTDEV_FS_LOST_ERROR,
	};
	const uint32_t head[5] = { 0x76656476, 1, VIRTDEV_ID_FS, 1,
				   (uint32_t)size };
	uint8_t *state = malloc(sizeof(head) + size);
	struct virtdev *dev;

	demand(state != NULL);
	folder_make(in, sizeof(in));
	demand(!virtdev_fs_new(&config, &dev, NULL));
	memcpy(state, head, sizeof(head));
	memcpy(state + sizeof(head), data, size);
	(void)!virtdev_state_load(dev, state, sizeof(head) + size, NULL);
	check_descriptors(in);
	virtdev_free(dev);
	free(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vmem_space *space;
	struct server from, to;
	struct vmem_map *map;
	uint8_t *state;
	size_t len;

	if (!size)
		return 0;
	if (data[0] & 4) {
		folder_try(data + 1, size - 1);
		return 0;
	}
	demand(!vmem_space_new(&space));
	demand(!vmem_map_new(&map));
	demand(!vmem_space_publish(space, map));
	server_make(&from, space, data[0] & 1);
	server_make(&to, space, data[0] & 1);
	state = state_make(&from, &len);
	state_change(state, len, data + 1, size - 1);
	if (data[0] & 2)
		state_try(&to, data + 1, size - 1);
	else
		state_try(&to, state, len);
	free(state);
	server_free(&from);
	server_free(&to);
	vmem_map_unref(map);
	vmem_space_reclaim(space);
	vmem_space_free(space);
	return 0;
}
