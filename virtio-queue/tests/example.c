/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The example of libvirtio-queue(3): a driver and a device on one ring, in one
 * process. The device gives every request back in capitals.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <virtio-queue/cursor.h>
#include <virtio-queue/driver.h>
#include <virtio-queue/turn.h>
#include <vm-memory/access.h>
#include <vm-memory/backend.h>

#define RING	0x0
#define QUESTION 0x10000
#define ANSWER	0x20000
#define FEATURES (VQ_F_VERSION_1 | VQ_F_EVENT_IDX | VQ_F_RING_PACKED)

/* One mebibyte of guest memory at guest address 0. */
static int make_memory(struct vmem_space *space, struct vsu_error *err)
{
	struct vmem_region_desc desc = { NULL, 0, 0, 1 << 20, 0, 0 };
	struct vmem_backend *backend = NULL;
	struct vmem_region *region = NULL;
	struct vmem_map *map = NULL;
	int rc = vmem_backend_new(&backend);

	if (rc == 0)
		rc = vmem_backend_parse(backend, "memory", "size=1M", err);
	if (rc == 0)
		rc = vmem_backend_alloc(backend, &desc.block, err);
	if (rc == 0)
		rc = vmem_region_new(&desc, &region, err);
	if (rc == 0)
		rc = vmem_map_from_regions(&region, 1, &map, err);
	if (rc == 0)
		rc = vmem_space_publish(space, map);
	vmem_map_unref(map);
	vmem_region_unref(region);
	vmem_block_unref(desc.block);
	vmem_backend_free(backend);
	return rc;
}

/* The device: how many bytes it stored into the chain. */
static uint32_t serve(void *opaque, struct vq *q, struct vq_chain *chain)
{
	struct vq_cursor reader, writer;
	char text[64];
	uint32_t i, n;

	(void)opaque;
	vq_reader_init(&reader, q, chain);
	vq_writer_init(&writer, q, chain);
	n = vq_cursor_read(&reader, text, sizeof(text));
	for (i = 0; i < n; i++)
		text[i] = (char)toupper((unsigned char)text[i]);
	return vq_cursor_write(&writer, text, n);
}

/* A device of another process signals an eventfd here. */
static void call(void *opaque)
{
	(void)opaque;
	printf("call\n");
}

static int kicked(struct vq *q)
{
	const struct vq_turn turn = {
		.size = sizeof(turn), .serve = serve, .notify = call,
	};
	int rc;

	while ((rc = vq_serve_turn(q, &turn)) == 1)
		;	/* others on this thread have their turn here */
	return rc;
}

static int ask(struct vq_driver *driver, const struct vmem_view *view,
	       const char *text)
{
	struct vq_buffer buffers[2] = {
		{ QUESTION, (uint32_t)strlen(text), 0 },
		{ ANSWER, 64, 1 },
	};
	int rc = vmem_write_exact(view, QUESTION, text, strlen(text));

	if (rc == 0)
		rc = vq_driver_add(driver, buffers, 2, 42);
	if (rc == 0)
		printf("kick: %d\n", vq_driver_publish(driver));
	return rc;
}

static int look(struct vq_driver *driver, const struct vmem_view *view)
{
	char text[65] = "";
	uint64_t cookie;
	uint32_t written;
	int rc = vq_driver_collect(driver, &cookie, &written);

	if (rc == 1 && written < sizeof(text))
		rc = vmem_read_exact(view, ANSWER, text, written);
	if (rc == 0)
		printf("request %u: %s\n", (unsigned int)cookie, text);
	return rc;
}

static int run(struct vmem_space *space, struct vq *q, const char *text,
	       struct vsu_error *err)
{
	struct vmem_map *map = vmem_space_current(space);
	struct vq_driver_config ring = {
		.map = map, .gpa = RING, .features = FEATURES, .size = 16,
	};
	struct vq_config config = {
		.features = FEATURES,
		.size = 16,
		.base = vq_initial_base(FEATURES),
	};
	struct vq_driver *driver = NULL;
	int rc = vq_driver_new(&ring, &driver, err);

	if (rc < 0)
		return rc;
	config.desc_gpa = vq_driver_desc_gpa(driver);
	config.driver_gpa = vq_driver_driver_gpa(driver);
	config.device_gpa = vq_driver_device_gpa(driver);
	rc = vq_enable(q, &config, err);
	if (rc == 0)
		rc = ask(driver, vmem_map_view(map), text);
	if (rc == 0)
		rc = kicked(q);
	if (rc == 0)
		rc = look(driver, vmem_map_view(map));
	vq_disable(q);
	vq_driver_free(driver);
	return rc;
}

int main(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_space *space = NULL;
	struct vq *q = NULL;
	int rc = vmem_space_new(&space);

	if (rc == 0)
		rc = make_memory(space, &err);
	if (rc == 0)
		rc = vq_new(&q);
	if (rc == 0)
		rc = vq_set_space(q, space);
	if (rc == 0)
		rc = run(space, q, argc > 1 ? argv[1] : "hello", &err);
	if (rc < 0)
		fprintf(stderr, "example: %s\n", err.msg);
	vq_free(q);
	vmem_space_free(space);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
