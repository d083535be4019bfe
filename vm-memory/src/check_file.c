/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Rules over properties and the facts of a back-end's file, one function each. */
#include <config.h>

#include <inttypes.h>

#include <vmm-sys-util/checked.h>

#include "check_rules.h"

static int wrong_kind(const struct judge *j, int code, const char *what)
{
	return vsu_error_set(j->err, code, "mem-path '%s' is %s", j->b->path,
			     what);
}

static int file_kind(const struct judge *j)
{
	bool readonly = judge_prop(j, PROP_READONLY);

	switch (j->facts->file) {
	case VMEM_FILE_MISSING:
		return readonly ? vsu_error_set(j->err, -ENOENT, "mem-path '%s' does not exist, and readonly=on does not create it",
						j->b->path) : 0;
	case VMEM_FILE_DIRECTORY:
		return readonly ? wrong_kind(j, -EISDIR, "a directory; readonly=on needs a file") : 0;
	case VMEM_FILE_FIFO:
		return wrong_kind(j, -ENODEV, "a FIFO, which cannot be mapped");
	case VMEM_FILE_SOCKET:
		return wrong_kind(j, -ENODEV,
				  "a socket, which cannot be mapped");
	case VMEM_FILE_OTHER:
		return wrong_kind(j, -ENODEV, "not a file that can be mapped");
	default:
		return 0;
	}
}

bool vmem_priv_may_grow(const struct vmem_backend *b,
			const struct vmem_backend_facts *f)
{
	return b->may_grow && f->file == VMEM_FILE_REGULAR &&
	       !vmem_priv_prop(b, PROP_READONLY);
}

/*
 * An empty file, or a device without a size, is not compared. A part of a page behind the
 * end is refused by another rule, which names the page size.
 */
static int file_too_small(const struct judge *j)
{
	uint64_t have = j->facts->file_size;

	if (!have || !vsu_range_exceeds(j->offset, j->size, have) ||
	    vmem_priv_may_grow(j->b, j->facts))
		return 0;
	REFUSE(j, "mem-path '%s' is too small: it has %" PRIu64 " bytes, and size %s at offset %s needs more",
	       j->b->path, have, TYPED(j, PROP_SIZE), TYPED(j, PROP_OFFSET));
	vsu_error_operands(j->err, PROP_SIZE, j->offset + j->size, have);
	return -EINVAL;
}

/* A file that is empty and cannot be extended: an access would raise SIGBUS. */
static int empty_and_readonly(const struct judge *j)
{
	if (j->facts->file != VMEM_FILE_REGULAR || j->facts->file_size ||
	    !judge_prop(j, PROP_READONLY))
		return 0;
	return REFUSE(j, "mem-path '%s' is empty, and readonly=on cannot grow it", j->b->path);
}

static int check_alignment(const struct judge *j)
{
	uint64_t align = judge_prop(j, PROP_ALIGN);

	if (j->facts->file_align > (align ? align : j->page))
		return REFUSE(j, "the device needs align=%" PRIu64,
			      j->facts->file_align);
	if (align & (j->page - 1))
		return REFUSE(j, "align %s is not a multiple of the page size %s",
			      TYPED(j, PROP_ALIGN), BYTES(j->page));
	if (align && !vsu_is_power_of_two(align))
		return REFUSE(j, "align %s is not a power of two",
			      TYPED(j, PROP_ALIGN));
	return 0;
}

static int offset_of_page(const struct judge *j)
{
	if (!(j->offset & (j->page - 1)))
		return 0;
	return REFUSE(j, "offset %s is not a multiple of the page size %s",
		      TYPED(j, PROP_OFFSET), BYTES(j->page));
}

/*
 * Anonymous memory is rounded up to whole pages; the size of a file must be a
 * multiple of its page size.
 */
static int size_of_page(const struct judge *j)
{
	if (is_kind(j, VMEM_KIND_ANON))
		return 0;
	if (j->size < j->page)
		return REFUSE(j, "size %s is smaller than a page of %s",
			      TYPED(j, PROP_SIZE), BYTES(j->page));
	if (j->size & (j->page - 1))
		return REFUSE(j, "size %s is not a multiple of the page size %s",
			      TYPED(j, PROP_SIZE), BYTES(j->page));
	return 0;
}

static int (*const file_rules[])(const struct judge *j) = {
	file_kind,
	file_too_small,
	empty_and_readonly,
	check_alignment,
	offset_of_page,
	size_of_page,
};

int vmem_priv_check_file(const struct judge *j)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < COUNT(file_rules) && !rc; i++)
		rc = file_rules[i](j);
	return rc;
}
