# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# VMM_CHECK_LIBEV: LIBEV_CFLAGS, LIBEV_LIBS and have_libev. Many distributions
# ship no libev.pc, so the header and -lev are tried next.
AC_DEFUN([VMM_CHECK_LIBEV], [
AC_ARG_WITH([libev],
	[AS_HELP_STRING([--without-libev], [leave out the programs that need libev])],
	[], [with_libev=check])
have_libev=no
why_no_libev='was refused by --without-libev'
AS_IF([test "x$with_libev" != xno], [
	why_no_libev='is missing'
	PKG_CHECK_MODULES([LIBEV], [libev], [have_libev=yes], [
		AC_CHECK_HEADER([ev.h], [
			AC_CHECK_LIB([ev], [ev_loop_new], [
				have_libev=yes
				LIBEV_CFLAGS=
				LIBEV_LIBS=-lev
			])
		])
	])
	AS_IF([test "x$have_libev" = xyes], [
		dnl its watcher macros alias types
		AX_CHECK_COMPILE_FLAG([-Wno-strict-aliasing],
			[LIBEV_CFLAGS="$LIBEV_CFLAGS -Wno-strict-aliasing"])
	], [test "x$with_libev" = xyes],
		[AC_MSG_ERROR([libev was asked for and not found])])
])
AC_SUBST([LIBEV_CFLAGS])
AC_SUBST([LIBEV_LIBS])
AM_CONDITIONAL([HAVE_LIBEV], [test "x$have_libev" = xyes])
])
