# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# VMM_HARDENING: how the programs, which read what hostile peers write, are
# compiled and linked: HARDENING_CFLAGS and HARDENING_LDFLAGS. Whatever the
# builder's own flags say already is left to them. Call after VMM_SANITIZERS,
# whose builds want none of it.
AC_DEFUN([VMM_HARDENING], [
AC_ARG_ENABLE([hardening],
	[AS_HELP_STRING([--disable-hardening],
		[programs without stack protector, FORTIFY_SOURCE and full RELRO])],
	[], [enable_hardening=yes])
AS_IF([test "x$vmm_sanitizers" != x], [enable_hardening=no])
HARDENING_CFLAGS=
HARDENING_LDFLAGS=
AS_IF([test "x$enable_hardening" != xno], [
	AX_APPEND_COMPILE_FLAGS([ dnl
		-fstack-protector-strong dnl
		-fstack-clash-protection dnl
		-fcf-protection dnl
	], [HARDENING_CFLAGS], [-Werror])
	dnl glibc warns where nothing is optimised, and of a second definition.
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
		#include <stdlib.h>
		#if defined _FORTIFY_SOURCE || !defined __OPTIMIZE__ || !defined __GLIBC__
		#error not wanted
		#endif
	]])], [AS_VAR_APPEND([HARDENING_CFLAGS], [" -D_FORTIFY_SOURCE=2"])])
	AX_APPEND_LINK_FLAGS([-Wl,-z,relro -Wl,-z,now], [HARDENING_LDFLAGS])
	AX_CHECK_COMPILE_FLAG([-fPIE], [AX_CHECK_LINK_FLAG([-pie], [
		HARDENING_CFLAGS="$HARDENING_CFLAGS -fPIE"
		HARDENING_LDFLAGS="$HARDENING_LDFLAGS -pie"
	], [], [-fPIE])], [], [-Werror])
])
AC_SUBST([HARDENING_CFLAGS])
AC_SUBST([HARDENING_LDFLAGS])
])
