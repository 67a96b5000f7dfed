# SPDX-License-Identifier: Apache-2.0
# Writes the manual page and the shells' completions into OUT, from what PROGRAM prints, between man.head and
# man.tail of SOURCE. PAGE is the manual page's name.
foreach(page bash zsh fish man)
  execute_process(COMMAND "${PROGRAM}" completion ${page} OUTPUT_VARIABLE text RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${PROGRAM} completion ${page} ended with ${code}")
  endif()
  if(page STREQUAL "man")
    file(READ "${SOURCE}/man.head" head)
    file(READ "${SOURCE}/man.tail" tail)
    file(WRITE "${OUT}/${PAGE}" "${head}${text}${tail}")
  else()
    file(WRITE "${OUT}/${page}" "${text}")
  endif()
endforeach()
