// SPDX-License-Identifier: Apache-2.0
// The sink: command table.
#include <stdio.h>
int main(void)
{
    return 0;
}
