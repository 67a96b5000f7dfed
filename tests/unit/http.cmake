# SPDX-License-Identifier: Apache-2.0
vox_unit_test(http SOURCES test_http_site.c DEPS vox_http)
vox_unit_test(http_refuse SOURCES test_http_site.c DEPS vox_http)
vox_unit_test(http_load SOURCES test_http_site.c DEPS vox_http)
vox_unit_test(http_framing DEPS vox_http)
