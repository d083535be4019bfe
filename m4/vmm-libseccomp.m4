# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# VMM_CHECK_LIBSECCOMP: LIBSECCOMP_CFLAGS, LIBSECCOMP_LIBS and have_libseccomp.
AC_DEFUN([VMM_CHECK_LIBSECCOMP], [
AC_ARG_WITH([libseccomp],
	[AS_HELP_STRING([--without-libseccomp],
		[build daemons that do not filter their own system calls])],
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
	[AC_DEFINE([HAVE_LIBSECCOMP], [1], [Daemons can filter their own system calls.])])
AC_SUBST([LIBSECCOMP_CFLAGS])
AC_SUBST([LIBSECCOMP_LIBS])
])
