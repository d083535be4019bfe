# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# VMM_CHECK_GNUTLS: GNUTLS_CFLAGS, GNUTLS_LIBS and have_gnutls, for the module that
# cvmm loads when a guest migrates over TLS. After VMM_CHECK_LIBNBD, which sets DL_LIBS,
# and after build_vmm.
AC_DEFUN([VMM_CHECK_GNUTLS], [
AC_ARG_WITH([gnutls],
	[AS_HELP_STRING([--without-gnutls], [leave out migration over TLS])],
	[], [with_gnutls=check])
have_gnutls=no
why_no_gnutls='was refused by --without-gnutls'
AS_IF([test "x$with_gnutls" != xno], [
	why_no_gnutls='is missing'
	PKG_CHECK_MODULES([GNUTLS], [gnutls >= 3.6.5], [have_gnutls=yes], [:])
	AS_IF([test "x$with_gnutls$have_gnutls" = xyesno],
		[AC_MSG_ERROR([gnutls was asked for and not found])])
])
AS_CASE([$have_gnutls:$enable_shared:$build_vmm],
	[*:*:no*], [build_migration_tls=no],
	[no:*], [build_migration_tls="no: gnutls $why_no_gnutls"],
	[*:no:*], [build_migration_tls="no: --disable-shared leaves out modules"],
	[build_migration_tls=yes])
AM_CONDITIONAL([BUILD_MIGRATION_TLS], [test "x$build_migration_tls" = xyes])
])
