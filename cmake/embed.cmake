# SPDX-License-Identifier: Apache-2.0
# embed_file(FILE SYMBOL TEXT LENGTH): appends FILE to the C text in the variable TEXT as the array SYMBOL, with a NUL
# behind it; LENGTH is set to its bytes without that.
function(embed_file file symbol ret_text ret_length)
  file(READ "${file}" hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR bytes "${digits} / 2")
  # A line for 32 bytes, then "0x.." for each.
  string(REGEX REPLACE "(................................................................)" "\\1\n    " hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  set("${ret_text}" "${${ret_text}}static const unsigned char ${symbol}[] = {\n    ${hex}0x00};\n\n" PARENT_SCOPE)
  set("${ret_length}" "${bytes}" PARENT_SCOPE)
endfunction()
