/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Explains files that do not exist, with the words that their user may have meant. */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <device-kinds/disk.h>
#include <vm-arch/advice.h>

#include "common/helpers.h"
#include "common/needs.h"

#define NOT_FETCHED "images of registries are not fetched; 'cvmm exec --oci=containers-storage:NAME' runs one that podman has fetched"

/* "debian:12" or "docker.io/library/debian". */
static bool is_registry_name(const char *name)
{
	const char *colon = strrchr(name, ':'), *end = strrchr(name, '.');

	if (*name == '/' || *name == '.')
		return false;
	return (colon && colon[1] && !strchr(colon, '/')) || !strncmp(name, "docker.io/", 10) ||
	       (!end && name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_/")] == '\0');
}

int vmm_needs_image(const char *path, const char *option, struct vsu_error *err)
{
	if (devkind_disk_is_address(path) || !strncmp(path, "fd:", 3) || !access(path, F_OK) || errno != ENOENT)
		return 0;
	if (strstr(path, "://"))
		return vsu_error_set(err, -ENOENT, "%sno such file: '%s'; images are not downloaded: fetch it first, as with 'curl -LO', and name the file", option, path);
	if (is_registry_name(path))
		return vsu_error_set(err, -ENOENT, "%sno such file: '%s'; " NOT_FETCHED, option, path);
	if (strchr(path, ',') && strchr(path, '='))
		return vsu_error_set(err, -ENOENT, "%sno such file: '%s'; properties of a disk follow --disk: --disk=%s", option, path, path);
	return vsu_error_set(err, -ENOENT, "%sno such file: '%s'", option, path);
}

int vmm_needs_boot_init(const char *init, const char *option, struct vsu_error *err)
{
	if (!access(init, F_OK) || errno != ENOENT)
		return 0;
	return vsu_error_set(err, -ENOENT, "%sthe first program of guests that boot images is not installed: there is no file '%s'; install the package cvmm-boot", option, init);
}

void vmm_needs_explain_command(const char *command, struct vsu_error *err)
{
	char why[sizeof(err->msg)];

	if (!strchr(command, ':') || !is_registry_name(command) || !strstr(err->msg, command))
		return;
	memcpy(why, err->msg, sizeof(why));
	vsu_error_set(err, err->code, "%s; " NOT_FETCHED, why);
}

/* ------------------------------------------------------------ a file of run */

/* A file of another kind, which another command takes. */
static void explain_format(struct vsu_error *err)
{
	const struct vsu_error why = *err;

	vsu_error_set(err, why.code, "%s; 'cvmm boot IMAGE' boots a disk image, 'cvmm exec -- COMMAND' runs a program", why.msg);
}

/* The name of a kernel has been replaced by a path if there is such a file. */
static bool explain_name(const char *kernel, struct vsu_error *err)
{
	return kernel && strstr(err->msg, "kernel '") && vmm_helper_kernel(&kernel, err) < 0;
}

static void explain_kernel(const char *kernel, struct vsu_error *err)
{
	if (kernel && strstr(err->msg, "kernel '") && access(kernel, F_OK) < 0)
		vsu_error_set(err, -ENOENT, "no such file: kernel '%s'; 'cvmm run KERNEL' starts a kernel, 'cvmm boot IMAGE' an image, 'cvmm exec -- COMMAND' a command", kernel);
}

/* A disk without properties, which looks as if it had some. */
static void explain_disk(const char *path, struct vsu_error *err)
{
	if (strstr(err->msg, path) && strchr(path, ',') && strchr(path, '='))
		vmm_needs_image(path, "", err);
}

void vmm_needs_explain(const struct cvmm_configuration *c, struct vsu_error *err)
{
	struct cvmm_reference r = { .size = sizeof(r) };
	unsigned int i;

	if (err->arg == VARCH_ADVICE_NO_KERNEL)
		explain_format(err);
	for (i = 0; !cvmm_configuration_get_reference(c, i, &r, NULL); i++) {
		if (!strcmp(r.option, "kernel") && r.fd < 0) {
			if (explain_name(r.text, err) || err->code != -ENOENT)
				return;
			explain_kernel(r.text, err);
		} else if (!strcmp(r.option, "disk") && r.fd < 0 && err->code == -ENOENT) {
			explain_disk(r.text, err);
		}
	}
}
