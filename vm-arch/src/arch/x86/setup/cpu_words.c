/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Descriptions of processors: this host's, and the words that files have in common. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>

#include <vm-arch/cpu_words.h>
#include <vm-arch/vm.h>
#include <vmm-sys-util/file_value.h>

#include "arch/x86/cpu_description.h"
#include "arch/x86/cpuid.h"

static int describe_host(struct varch_cpu_description *d, struct vsu_error *err)
{
	struct varch_vm kvm;
	int rc = varch_vm_open(&kvm, NULL, err);

	if (!rc)
		rc = varch_cpuid_fetch(&kvm, err);
	if (!rc)
		rc = varch_cpu_description_of(d, kvm.cpuid, err);
	varch_vm_close(&kvm);
	return rc;
}

static int read_file(const char *file, struct varch_cpu_description *d, struct vsu_error *err)
{
	int rc = varch_cpu_description_read(d, vsu_file_value_open(file, O_RDONLY | O_NOCTTY), err);

	return rc < 0 ? vsu_error_prefix(err, rc, "'%s'", file) : 0;
}

static int find_common(const char *const *files, unsigned int n, struct varch_cpu_description *d,
		       struct vsu_error *err)
{
	struct varch_cpu_description other;
	unsigned int i;
	int rc = read_file(files[0], d, err);

	for (i = 1; !rc && i < n; i++) {
		rc = read_file(files[i], &other, err);
		if (rc < 0)
			break;
		rc = varch_cpu_description_limit(d, &other, err);
		if (rc < 0)
			vsu_error_prefix(err, rc, "'%s'", files[i]);
	}
	return rc;
}

int varch_cpu_words(const char *const *files, unsigned int n, char *words, struct vsu_error *err)
{
	struct varch_cpu_description d;
	int rc = n ? find_common(files, n, &d, err) : describe_host(&d, err);

	if (rc < 0)
		return rc;
	rc = varch_cpu_description_write(&d, ' ', words, VARCH_CPU_MAX_TEXT);
	return rc < 0 ? vsu_error_set(err, -E2BIG, "the description is too long") : 0;
}
