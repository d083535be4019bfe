/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Objects of the host that a configuration refers to, by the tables of options and of devices'
 * keys. A walk over all of them ends at the one with the caller's number.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <device-kinds/disk.h>
#include <vmm-sys-util/file_value.h>

#include "api/configured.h"
#include "api/results.h"
#include "config/device_option.h"
#include "config/option_rows.h"

struct walk {
	unsigned int left;	/* references before the one that is wanted */
	bool found;
	struct cvmm_reference out;
};

/* ref: without a size. */
static void add_reference(struct walk *w, struct cvmm_reference ref)
{
	if (w->found)
		return;
	w->found = !w->left;
	if (w->found)
		w->out = ref;
	else
		w->left--;
}

/* ref: without text and fd, which those of a file's value are. */
static void add_file(struct walk *w, struct cvmm_reference ref, const char *value)
{
	struct vsu_file_value v;

	if (vsu_file_value_read(value, &v, NULL) < 0)
		return;
	ref.fd = v.has_fd ? v.fd : -1;
	ref.text = v.has_fd && v.name == value ? NULL : v.name;
	add_reference(w, ref);
}

static void add_named(struct walk *w, struct cvmm_reference ref, enum cvmm_reference_kind kind,
		      const char *text)
{
	ref.kind = kind;
	ref.text = text;
	ref.fd = -1;
	add_reference(w, ref);
}

/* --------------------------------------------------------------------- options */

static void add_serial(struct walk *w, struct cvmm_reference ref, const struct vmm_serial_end *end)
{
	ref.access = CVMM_ACCESS_CREATE;
	if (end->how == VMM_SERIAL_SOCKET)
		add_named(w, ref, CVMM_REFERENCE_SOCKET, end->path);
	else if (end->how == VMM_SERIAL_PTY)
		add_named(w, ref, CVMM_REFERENCE_TERMINAL, "pty");
	else if (end->how == VMM_SERIAL_FILE)
		add_file(w, ref, end->path);
}

static void add_option(struct walk *w, const struct vmm_options *o, const struct vmm_option_row *row)
{
	struct cvmm_reference ref = {
		.kind = CVMM_REFERENCE_FILE, .device = -1,
		.option = vmm_option_public_name(row),
	};
	const char *text = vmm_option_text(o, row);

	if (row->refers == DEVKIND_REFERS_SERIAL)
		add_serial(w, ref, &o->machine.serial);
	if (!text)
		return;
	switch (row->refers) {
	case DEVKIND_REFERS_FOLDER_READ:
		ref.kind = CVMM_REFERENCE_FOLDER;
		add_file(w, ref, text);
		break;
	case DEVKIND_REFERS_FILE_READ:
		add_file(w, ref, text);
		break;
	case DEVKIND_REFERS_LOG:
		ref.access = CVMM_ACCESS_APPEND;
		add_file(w, ref, text);
		break;
	case DEVKIND_REFERS_SOCKET:
		add_named(w, ref, CVMM_REFERENCE_SOCKET, text);
		break;
	default:
		break;
	}
}

/* POSIX shared memory is files of one folder. */
static void add_piece(struct walk *w, const struct vmem_backend *piece)
{
	const char *path = vmem_backend_text(piece, "mem-path");
	struct cvmm_reference ref = {
		.kind = CVMM_REFERENCE_FILE, .option = "memory", .device = -1,
		.access = vmem_backend_value(piece, "readonly") ? CVMM_ACCESS_READ : CVMM_ACCESS_CREATE,
	};

	if (vmem_backend_value(piece, "backend") == VMEM_KIND_SHM) {
		ref.access = CVMM_ACCESS_CREATE;
		add_named(w, ref, CVMM_REFERENCE_FOLDER, "/dev/shm");
	} else if (path) {
		add_file(w, ref, path);
	}
}

/* --------------------------------------------------------------------- devices */

static void add_opening(struct walk *w, struct cvmm_reference ref, const struct devkind_opening *o,
			uint32_t makes)
{
	static const enum cvmm_access uses[] = {
		[DEVKIND_READS] = CVMM_ACCESS_READ,
		[DEVKIND_WRITES] = CVMM_ACCESS_WRITE,
		[DEVKIND_SHARES] = CVMM_ACCESS_WRITE,
		[DEVKIND_SHARES_READ] = CVMM_ACCESS_READ,
		[DEVKIND_CREATES] = CVMM_ACCESS_CREATE,
		[DEVKIND_LOGS] = CVMM_ACCESS_APPEND,
	};

	ref.access = uses[o->use];
	if (devkind_disk_is_address(o->text)) {
		add_named(w, ref, CVMM_REFERENCE_SERVER, o->text);
		return;
	}
	if (o->use == DEVKIND_SHARES || o->use == DEVKIND_SHARES_READ || o->use == DEVKIND_CREATES)
		ref.kind = CVMM_REFERENCE_FOLDER;
	if (o->use == DEVKIND_SHARES)
		ref.makes = (makes & DEVKIND_MAKES_NODES ? CVMM_MAKES_NODES : 0) |
			    (makes & DEVKIND_MAKES_CAPABILITIES ? CVMM_MAKES_CAPABILITIES : 0);
	add_file(w, ref, o->text);
}

/* Something else outside of the host's files is a terminal. */
static bool makes_terminal(const struct devkind_facts *f)
{
	return f->outside && f->outside != f->interface && !devkind_disk_is_address(f->outside);
}

static void add_facts(struct walk *w, struct cvmm_reference ref, const struct devkind_facts *f)
{
	const struct devkind_opening *o;
	const char *const *socket;

	if (f->interface)
		add_named(w, ref, CVMM_REFERENCE_INTERFACE, f->interface);
	if (makes_terminal(f))
		add_named(w, ref, CVMM_REFERENCE_TERMINAL, f->outside);
	if (f->peer)
		add_named(w, ref, CVMM_REFERENCE_PEER, f->peer);
	for (o = f->opens; o->text; o++)
		add_opening(w, ref, o, f->makes);
	for (socket = f->sockets; *socket; socket++)
		add_named(w, ref, CVMM_REFERENCE_SOCKET, *socket);
}

static void add_device(struct walk *w, const struct vmm_config *c, unsigned int i)
{
	const struct vmm_device_spec *spec = &c->specs[i];
	struct cvmm_reference ref = {
		.kind = CVMM_REFERENCE_FILE, .device = (int)i,
		.option = vmm_option_of_device(c->devices[i].how)->option.name,
	};
	struct devkind_facts facts;

	if (vmm_device_is_own(spec)) {
		facts = vmm_device_describe(spec);
		add_facts(w, ref, &facts);
	} else if (spec->remote && !spec->spawned) {
		ref.kind = CVMM_REFERENCE_PEER;
		add_file(w, ref, spec->socket);
	}
}

int cvmm_configuration_get_reference(const struct cvmm_configuration *c, unsigned int i,
				     struct cvmm_reference *out, struct vsu_error *err)
{
	const int rc = cvmm_priv_check_result(out, out ? out->size : 0, "cvmm_reference", err);
	const struct vmm_config *config = &c->options.machine;
	struct walk w = { .left = i };
	const struct vmm_option_row *row;
	unsigned int n;

	if (rc < 0)
		return rc;
	for (row = vmm_option_rows; row->option.name; row++)
		add_option(&w, &c->options, row);
	for (n = 0; n < config->memory.n; n++)
		add_piece(&w, config->memory.list[n].backend);
	for (n = 0; n < config->ndevices; n++)
		add_device(&w, config, n);
	if (!w.found)
		return vsu_error_set(err, -ENOENT, "the configuration has no reference %u", i);
	cvmm_priv_copy_result(out, out->size, &w.out, sizeof(w.out));
	return 0;
}
