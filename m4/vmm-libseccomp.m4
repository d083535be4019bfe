# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# VMM_CHECK_LIBSECCOMP: LIBSECCOMP_CFLAGS, LIBSECCOMP_LIBS and have_libseccomp; have_call_filter,
# whether programs can filter their own calls, and FILTER_LIBS, which they need for that: the
# library only on architectures where calls of sockets share a number.
AC_DEFUN([VMM_CHECK_LIBSECCOMP], [
AC_ARG_WITH([libseccomp],
	[AS_HELP_STRING([--without-libseccomp],
		[build cvmm-oci without filters of containers; where calls of sockets share a number, also programs that do not filter their own calls])],
	[], [with_libseccomp=check])
have_libseccomp=no
AS_IF([test "x$with_libseccomp" != xno], [
	PKG_CHECK_MODULES([LIBSECCOMP], [libseccomp >= 2.4],
		[have_libseccomp=yes], [
		AS_IF([test "x$with_libseccomp" = xyes],
			[AC_MSG_ERROR([libseccomp was asked for and not found])])
	])
])
AS_IF([test "x$have_libseccomp" = xyes],
	[AC_DEFINE([HAVE_LIBSECCOMP], [1], [cvmm-oci can compile filters of containers.])])
FILTER_LIBS=
have_call_filter=yes
AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
	#include <sys/syscall.h>
	#if defined SYS_socketcall || !(defined __x86_64__ || defined __aarch64__ || \
		defined __arm__ || defined __riscv || defined __loongarch64)
	#error shared
	#endif
]])], [], [
	FILTER_LIBS=$LIBSECCOMP_LIBS
	have_call_filter=$have_libseccomp
	AC_DEFINE([FILTER_BY_LIBSECCOMP], [1], [Calls of sockets share a number.])
])
AS_IF([test "x$have_call_filter" = xyes],
	[AC_DEFINE([HAVE_CALL_FILTER], [1], [Programs can filter their own system calls.])])
AC_SUBST([FILTER_LIBS])
AC_SUBST([LIBSECCOMP_CFLAGS])
AC_SUBST([LIBSECCOMP_LIBS])
])
