# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# VMM_RELOCATIONS: RELOCATION_LDFLAGS, by which programs store the places that the loader
# relocates as a bit map: cvmm has 4,300, which are 100 KiB of its file otherwise, and read
# at each start. The loader of glibc knows the format since 2.36; a program for an older one
# does not start, so the C library is checked and not only the linker.
AC_DEFUN([VMM_RELOCATIONS], [
RELOCATION_LDFLAGS=
AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
	#include <stdlib.h>
	#if !defined __GLIBC__ || !__GLIBC_PREREQ(2, 36)
	#error not known
	#endif
]])], [AX_APPEND_LINK_FLAGS([-Wl,-z,pack-relative-relocs], [RELOCATION_LDFLAGS], [-Werror])])
AC_SUBST([RELOCATION_LDFLAGS])
])
