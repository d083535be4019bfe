# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# VMM_WARNINGS: the warnings every file of the tree is compiled with, in
# WARN_CFLAGS, and link-time strictness for the shared libraries in
# WARN_LDFLAGS. Flags that the compiler does not know are left out.
# Warnings stop the build only with --enable-werror: a distribution's newer
# compiler must not break a release.
AC_DEFUN([VMM_WARNINGS], [
AC_ARG_ENABLE([werror],
	[AS_HELP_STRING([--enable-werror], [treat compiler warnings as errors])],
	[], [enable_werror=no])
WARN_CFLAGS=
AX_APPEND_COMPILE_FLAGS([ dnl
	-Wall dnl
	-Wextra dnl
	-Wshadow dnl
	-Wstrict-prototypes dnl
	-Wmissing-prototypes dnl
	-Wpointer-arith dnl
	-Wcast-qual dnl
	-Wvla dnl
	-Wwrite-strings dnl
	-Wformat=2 dnl
	-Wswitch dnl
	-Wundef dnl
	-fno-common dnl
], [WARN_CFLAGS], [-Werror])
AS_IF([test "x$enable_werror" = xyes], [AS_VAR_APPEND([WARN_CFLAGS], [" -Werror"])])
WARN_LDFLAGS=
dnl A sanitizer's runtime is resolved by the program only, so -z defs and
dnl sanitizers exclude each other.
AS_IF([test "x$vmm_sanitizers" = x], [
	AX_APPEND_LINK_FLAGS([-Wl,-z,defs], [WARN_LDFLAGS])
])
AC_SUBST([WARN_CFLAGS])
AC_SUBST([WARN_LDFLAGS])
])
