// SPDX-License-Identifier: Apache-2.0
// Recognisers that the files of format.c share (private to lib/schema).
#ifndef VOX_SCHEMA_FORMAT_PARTS_H
#define VOX_SCHEMA_FORMAT_PARTS_H

#include "lib/base/str.h"

bool format_is_ipv6(struct str s);
bool format_is_local_part(struct str s, bool unicode); // of an address; unicode as RFC 6531 has it
bool format_is_hostname(struct str s);

bool format_is_uri(struct str s);
bool format_is_uri_reference(struct str s);
bool format_is_iri(struct str s);
bool format_is_iri_reference(struct str s);
bool format_is_uri_template(struct str s);

// These three allocate, in libidn2.
bool format_is_a_label(struct str label); // it begins with "xn--"
bool format_is_idn_hostname(struct str s);
bool format_is_idn_email(struct str s);

#endif
