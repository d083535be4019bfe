/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads the header of an Image from its compressed content, and decompresses it to its place. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <vm-memory/access.h>

#include "arch/arm64/boot/compressed_image.h"
#include "decompress/decompress.h"

#define PIECE 16384u
/* Linux has tens of MiB. A small file can have a content as large as it states. */
#define MOST (UINT64_C(1) << 30)

static struct varch_compressed bytes_of(const struct varch_file *kernel)
{
	return (struct varch_compressed){
		.bytes = kernel->bytes, .fd = kernel->fd, .size = kernel->size,
	};
}

bool varch_compressed_image_is(const struct varch_file *kernel)
{
	const struct varch_compressed c = bytes_of(kernel);

	return varch_is_compressed(&c);
}

/* Places of guest memory that content is written to. */
struct target {
	const struct vmem_view *view;
	uint64_t first, at, end;
};

static int write_piece(struct target *t, const void *bytes, size_t len, struct vsu_error *err)
{
	const int rc = vmem_write_exact(t->view, t->at, bytes, len);

	t->at += len;
	return rc < 0 ? vsu_error_sys(err, rc, "guest memory at %#" PRIx64, t->at - len) : 0;
}

/* All content after the header. One byte more than its place has is too much. */
static int write_content(struct varch_decompressor *d, struct target *t, struct vsu_error *err)
{
	unsigned char piece[PIECE];
	ssize_t n = sizeof(piece);
	int rc = 0;

	while (!rc && n == sizeof(piece)) {
		n = varch_decompressor_read(d, piece, sizeof(piece), err);
		if (n < 0)
			return (int)n;
		if ((uint64_t)n > t->end - t->at)
			return vsu_error_set(err, -EBADMSG, "its content is longer than the %" PRIu64 " bytes that its header states; copy or build it again", t->end - t->first);
		rc = write_piece(t, piece, (size_t)n, err);
	}
	return rc;
}

static int read_header(struct varch_decompressor *d, unsigned char header[VARCH_LINUX_IMAGE_HEADER],
		       struct varch_linux_image *image, struct vsu_error *err)
{
	const ssize_t n = varch_decompressor_read(d, header, VARCH_LINUX_IMAGE_HEADER, err);

	if (n < 0)
		return (int)n;
	if (n < VARCH_LINUX_IMAGE_HEADER || !varch_linux_image_read(header, image))
		return vsu_error_set(err, -EBADMSG, "its decompressed content is not an Image for arm64");
	if (image->len < VARCH_LINUX_IMAGE_HEADER)
		return vsu_error_set(err, -EBADMSG, "its decompressed content does not state how much memory it needs; decompress the file");
	return 0;
}

static int load_content(struct varch_decompressor *d, const struct varch_file *kernel,
			const struct vmem_view *view, struct varch_loaded *loaded, struct vsu_error *err)
{
	unsigned char header[VARCH_LINUX_IMAGE_HEADER];
	struct target t = { .view = view };
	struct varch_linux_image image;
	int rc = read_header(d, header, &image, err);

	if (rc < 0)
		return vsu_error_prefix(err, rc, "kernel '%s'", kernel->path);
	rc = varch_linux_image_place(kernel, &image, image.len, view, loaded, err);
	if (rc < 0)
		return rc;
	if (image.len > MOST)
		return vsu_error_set(err, -EFBIG, "kernel '%s': its decompressed content states that it needs more than 1 GiB", kernel->path);
	t.first = t.at = loaded->first;
	t.end = loaded->end;
	rc = write_piece(&t, header, sizeof(header), err);
	if (!rc)
		rc = write_content(d, &t, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "kernel '%s'", kernel->path) : 0;
}

int varch_compressed_image_load(const struct varch_file *kernel, const struct vmem_view *view,
			      struct varch_loaded *loaded, struct vsu_error *err)
{
	const struct varch_compressed c = bytes_of(kernel);
	struct varch_decompressor *d;
	int rc = varch_decompressor_new(&d, &c, err);

	if (rc < 0)
		return vsu_error_prefix(err, rc, "kernel '%s'", kernel->path);
	rc = load_content(d, kernel, view, loaded, err);
	varch_decompressor_free(d);
	return rc;
}
