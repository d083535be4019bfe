/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads the facts of a saved machine. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <vm-arch/arch.h>
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/file_value.h>

#include "memory/image_base.h"
#include "memory/image_sums.h"
#include "transfer/restore.h"
#include "transfer/save_files.h"
#include "transfer/saved_folder.h"

#define STAT_UNIT 512u

/* Printable ASCII only. */
static void copy_text(char *to, size_t size, const unsigned char *from, size_t len)
{
	size_t i;

	if (len >= size)
		return;
	for (i = 0; i < len && from[i] >= ' ' && from[i] < 0x7f; i++)
		;
	if (i < len)
		return;
	memcpy(to, from, len);
	to[len] = '\0';
}

static int read_origin(const struct vsu_state *state, struct vmm_saved_facts *out,
		       struct vsu_error *err)
{
	struct vsu_state_fields f;
	size_t len;

	if (vsu_state_find(state, "origin", 0, &f, NULL) < 0)
		return 0;
	out->saved_s = vsu_state_get_u64(&f);
	len = f.in.left;
	copy_text(out->version, sizeof(out->version), vsu_state_get_bytes(&f, len), len);
	return vsu_state_fields_end(&f, err);
}

/* The order of save.c; devices follow. */
static int read_machine(const struct vsu_state *state, struct vmm_saved_facts *out,
			struct vsu_error *err)
{
	struct vsu_state_fields f;
	unsigned int i;
	int rc = vsu_state_find(state, "machine", 0, &f, err);

	if (rc < 0)
		return rc;
	out->cpus = vsu_state_get_u32(&f);
	for (i = 0; i < 7; i++)
		(void)vsu_state_get_u32(&f);
	out->age_ns = vsu_state_get_u64(&f);
	return f.in.truncated ? vsu_state_fields_end(&f, err) : 0;
}

/* The end of each part must be in the file. */
static int add_memory(const struct vsu_state *state, const char *section, uint64_t size,
		      struct vmm_saved_facts *out, struct vsu_error *err)
{
	struct vsu_state_fields f;
	uint64_t len, at;
	int rc = vsu_state_find(state, section, 0, &f, err);

	while (!rc && f.in.left && !f.in.truncated) {
		(void)vsu_state_get_u64(&f);
		len = vsu_state_get_u64(&f);
		at = vsu_state_get_u64(&f);
		if (vsu_range_exceeds(at, len, size) || out->memory > UINT64_MAX - len)
			return vsu_error_set(err, -EBADMSG, "the state has memory of %" PRIu64 " bytes at byte %" PRIu64 ", beyond the end of the file 'memory'",
					     len, at);
		out->memory += len;
	}
	return rc ? rc : vsu_state_fields_end(&f, err);
}

static int read_memory(const struct vsu_state *state, int fd, bool verify,
		       struct vmm_saved_facts *out, struct vsu_error *err)
{
	struct vsu_state_fields f;
	struct stat st;
	int rc;

	if (fstat(fd, &st) < 0)
		return vsu_error_sys(err, -errno, "file 'memory'");
	if (!S_ISREG(st.st_mode))
		return vsu_error_set(err, -EBADMSG, "file 'memory' is not a regular file");
	rc = add_memory(state, "memory", (uint64_t)st.st_size, out, err);
	if (!rc && vsu_state_find(state, "plugged", 0, &f, NULL) == 0)
		rc = add_memory(state, "plugged", (uint64_t)st.st_size, out, err);
	out->sums = vsu_state_find(state, "checksums", 0, &f, NULL) == 0;
	return rc || !verify ? rc : vmm_image_sums_verify(state, fd, err);
}

/* The name is printable, or replaced. */
static int read_base(const struct vsu_state *state, struct vmm_saved_facts *out,
		     struct vsu_error *err)
{
	struct vmm_image_changed changed;
	struct vmm_image_base base;
	int rc = vmm_image_base_get(&base, state, err);

	if (rc == -ENOENT)
		return 0;
	if (!rc)
		rc = vmm_image_changed_get(&changed, state, err);
	if (!rc) {
		out->changed = vmm_image_changed_bytes(&changed);
		copy_text(out->base, sizeof(out->base), (unsigned char *)base.folder, strlen(base.folder));
		if (!out->base[0])
			strcpy(out->base, "?");
	}
	vmm_image_base_free(&base);
	return rc;
}

static void count_bytes(const char *folder, struct vmm_saved_facts *out)
{
	struct stat st;
	unsigned int i;
	int fd;

	for (i = 0; i < VMM_SAVE_NFILES; i++) {
		fd = vsu_file_value_open_in(folder, vmm_save_names[i], O_PATH);
		if (fd >= 0 && !fstat(fd, &st))
			out->bytes += (uint64_t)st.st_blocks * STAT_UNIT;
		vsu_fd_close(&fd);
	}
}

int vmm_saved_folder_read(const char *folder, bool verify, struct vmm_saved_facts *out,
			  struct vsu_error *err)
{
	struct vmm_restore r = { .bytes = NULL };
	unsigned char name[sizeof(out->processor) - 1];
	int rc = vmm_restore_read_state(&r, folder, err), fd;

	*out = (struct vmm_saved_facts){ .cpus = 0 };
	fd = rc < 0 ? -1 : vsu_file_value_open_in(folder, "memory", O_RDONLY | O_NOCTTY | O_NONBLOCK);
	if (!rc && fd < 0)
		rc = vsu_error_sys(err, fd, "cannot read '%s/memory'", folder);
	if (!rc)
		rc = read_origin(&r.state, out, err);
	if (!rc)
		rc = read_machine(&r.state, out, err);
	if (!rc && varch_cpu_name(&r.state, name))
		copy_text(out->processor, sizeof(out->processor), name, strnlen((char *)name, sizeof(name)));
	if (!rc)
		rc = read_memory(&r.state, fd, verify, out, err);
	if (!rc)
		rc = read_base(&r.state, out, err);
	if (!rc)
		count_bytes(folder, out);
	vsu_fd_close(&fd);
	free(r.bytes);
	return rc;
}
