/* number.c -- strtod and printf in the "C" locale; see number.h.
 *
 * A program that uses the library may have called setlocale: then strtod stops at the point of "1.5" and printf
 * writes "1,5".  Only this thread's locale is changed, and only while a number is printed.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/number.h"

#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static locale_t c_locale;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_locale(void) { c_locale = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0); }

double number_read(const char *text, char **end)
{
    pthread_once(&once, make_locale);
    /* Without memory for it, the process's own locale is the best there is. */
    return c_locale ? strtod_l(text, end, c_locale) : strtod(text, end);
}

void number_write(char out[40], double x, int digits)
{
    locale_t before;

    pthread_once(&once, make_locale);
    before = uselocale(c_locale); /* (locale_t)0 changes nothing */
    for (; digits <= 17; digits++) {
        snprintf(out, 40, "%.*g", digits, x);
        if (strtod(out, NULL) == x)
            break;
    }
    uselocale(before);
}
