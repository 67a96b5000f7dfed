# SPDX-License-Identifier: Apache-2.0
foreach(name http http_bodies http_life http_listen http_load http_refuse http_stream http_tls)
  vox_unit_test(${name} SOURCES test_http_site.c test_http_site_stream.c DEPS vox_http)
endforeach()
vox_unit_test(http_crowd DEPS vox_http)
foreach(name http_chunked http_framing http_head http_target)
  vox_unit_test(${name} DEPS vox_http)
endforeach()
vox_unit_test(http_timer DEPS vox_http)
