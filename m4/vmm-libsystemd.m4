# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# VMM_CHECK_LIBSYSTEMD: LIBSYSTEMD_CFLAGS, LIBSYSTEMD_LIBS and have_libsystemd.
AC_DEFUN([VMM_CHECK_LIBSYSTEMD], [
AC_ARG_WITH([libsystemd],
	[AS_HELP_STRING([--without-libsystemd],
		[build cvmm-oci without control groups that systemd makes])],
	[], [with_libsystemd=check])
have_libsystemd=no
AS_IF([test "x$with_libsystemd" != xno], [
	PKG_CHECK_MODULES([LIBSYSTEMD], [libsystemd >= 239],
		[have_libsystemd=yes], [
		AS_IF([test "x$with_libsystemd" = xyes],
			[AC_MSG_ERROR([libsystemd was asked for and not found])])
	])
])
AS_IF([test "x$have_libsystemd" = xyes],
	[AC_DEFINE([HAVE_LIBSYSTEMD], [1], [Containers can be in scopes of systemd.])])
AM_CONDITIONAL([HAVE_LIBSYSTEMD], [test "x$have_libsystemd" = xyes])
AC_SUBST([LIBSYSTEMD_CFLAGS])
AC_SUBST([LIBSYSTEMD_LIBS])
])
