/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Computes and verifies checksums of a saved memory. */
#include <config.h>

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/checksum.h>
#include <vmm-sys-util/fd.h>

#include "memory/image_sums.h"

#define SECTION "checksums"
#define CHUNK (UINT64_C(1) << 20)	/* bytes of a system call */

static uint64_t at_most(uint64_t value, uint64_t limit)
{
	return value < limit ? value : limit;
}

static bool is_zero(const unsigned char *bytes, uint64_t len)
{
	return !bytes[0] && !memcmp(bytes, bytes + 1, len - 1);
}

uint64_t vmm_image_run(const unsigned char *bytes, uint64_t left, bool *zeros)
{
	uint64_t len = at_most(left, VMM_IMAGE_PAGE);

	*zeros = is_zero(bytes, len);
	while (len < at_most(left, CHUNK) &&
	       is_zero(bytes + len, at_most(left - len, VMM_IMAGE_PAGE)) == *zeros)
		len += at_most(left - len, VMM_IMAGE_PAGE);
	return len;
}

int vmm_image_sums_new(struct vmm_image_sums *sums, uint64_t total)
{
	uint64_t i;

	sums->total = total;
	sums->n = total / VMM_IMAGE_SLICE + !!(total % VMM_IMAGE_SLICE);
	sums->list = calloc(sums->n + 1, sizeof(*sums->list));
	if (!sums->list)
		return -ENOMEM;
	for (i = 0; i < sums->n; i++)
		sums->list[i] = UINT32_MAX;
	return 0;
}

void vmm_image_sums_free(struct vmm_image_sums *sums)
{
	free(sums->list);
	sums->list = NULL;
}

void vmm_image_sums_add(struct vmm_image_sums *sums, uint64_t file_at, const unsigned char *bytes,
			uint64_t len)
{
	uint32_t *sum = &sums->list[file_at / VMM_IMAGE_SLICE];
	uint64_t n, at, position;

	for (at = 0; at < len; at += n) {
		n = at_most(len - at, VMM_IMAGE_PAGE);
		position = htole64(file_at + at);
		*sum = vsu_checksum_add(*sum, (const unsigned char *)&position, sizeof(position));
		*sum = vsu_checksum_add(*sum, bytes + at, n);
	}
}

void vmm_image_sums_put(const struct vmm_image_sums *sums, struct vsu_state_writer *w)
{
	uint64_t i;

	vsu_state_section(w, SECTION, 0);
	vsu_state_put_u64(w, VMM_IMAGE_SLICE);
	vsu_state_put_u64(w, sums->total);
	for (i = 0; i < sums->n; i++)
		vsu_state_put_u32(w, ~sums->list[i]);
	vsu_state_section_end(w);
}

/* ----------------------------------------------------------------- verification */

static void add_chunk(struct vmm_image_sums *sums, const unsigned char *bytes, uint64_t len,
		      uint64_t at)
{
	uint64_t done, n;
	bool zeros;

	for (done = 0; done < len; done += n) {
		n = vmm_image_run(bytes + done, len - done, &zeros);
		if (!zeros)
			vmm_image_sums_add(sums, at + done, bytes + done, n);
	}
}

/* The next data of the file, in pages; its end if there is none. */
static uint64_t seek_data(int fd, uint64_t at, uint64_t end)
{
	const off_t found = lseek(fd, (off_t)at, SEEK_DATA);

	if (found < 0)
		return errno == ENXIO ? end : at;
	return at_most((uint64_t)found / VMM_IMAGE_PAGE * VMM_IMAGE_PAGE, end);
}

static int read_sums(int fd, struct vmm_image_sums *sums, struct vsu_error *err)
{
	unsigned char *bytes = malloc(CHUNK);
	uint64_t at = seek_data(fd, 0, sums->total), len;
	ssize_t n = bytes ? 0 : -ENOMEM;

	while (n >= 0 && at < sums->total) {
		len = at_most(CHUNK - at % CHUNK, sums->total - at);
		n = vsu_fd_pread_full(fd, bytes, len, at);
		if (n >= 0 && (uint64_t)n < len)
			n = -EBADMSG;
		if (n > 0)
			add_chunk(sums, bytes, len, at);
		at = seek_data(fd, at + len, sums->total);
	}
	free(bytes);
	return n < 0 ? vsu_error_sys(err, (int)n, "file 'memory'") : 0;
}

static int compare_sums(const struct vmm_image_sums *sums, struct vsu_state_fields *f,
			struct vsu_error *err)
{
	uint64_t i, first = 0, damaged = 0;

	for (i = 0; i < sums->n; i++)
		if (vsu_state_get_u32(f) != (uint32_t)~sums->list[i] && !damaged++)
			first = i;
	return damaged ? vsu_error_set(err, -EBADMSG, "file 'memory' is damaged: %" PRIu64 " of %" PRIu64 " parts of 16 MiB differ from their checksums, the first at byte %" PRIu64,
				       damaged, sums->n, first * VMM_IMAGE_SLICE) : 0;
}

/* The length of the section limits what is allocated and read. */
static int check_section(const struct vsu_state_fields *f, uint64_t slice, uint64_t total, int fd,
			 struct vsu_error *err)
{
	struct stat st;

	if (slice != VMM_IMAGE_SLICE || f->in.left % sizeof(uint32_t) ||
	    total > f->in.left / sizeof(uint32_t) * VMM_IMAGE_SLICE ||
	    total + VMM_IMAGE_SLICE <= f->in.left / sizeof(uint32_t) * VMM_IMAGE_SLICE)
		return vsu_error_set(err, -EBADMSG, "section 'checksums' is invalid");
	if (fstat(fd, &st) < 0)
		return vsu_error_sys(err, -errno, "file 'memory'");
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != total)
		return vsu_error_set(err, -EBADMSG, "file 'memory' has not the %" PRIu64 " bytes of the saved memory", total);
	return 0;
}

int vmm_image_sums_verify(const struct vsu_state *state, int fd, struct vsu_error *err)
{
	struct vmm_image_sums sums;
	struct vsu_state_fields f;
	uint64_t slice, total;
	int rc;

	if (vsu_state_find(state, SECTION, 0, &f, NULL) < 0)
		return vsu_error_set(err, -ENODATA, "the saved machine has no checksums of its memory: an older version saved it");
	slice = vsu_state_get_u64(&f);
	total = vsu_state_get_u64(&f);
	rc = check_section(&f, slice, total, fd, err);
	if (rc < 0)
		return rc;
	if (vmm_image_sums_new(&sums, total) < 0)
		return vsu_error_set(err, -ENOMEM, "no memory for checksums");
	rc = read_sums(fd, &sums, err);
	if (!rc)
		rc = compare_sums(&sums, &f, err);
	vmm_image_sums_free(&sums);
	return rc;
}
